/* services/guides/catalogue_summary.h - how much of the catalogue can be done online, by place and by department; made with the search index, read by everybody.
 * Thread: summary_make whoever holds the transaction; a summary any, once it is made. */
#ifndef SERVICES_CATALOGUE_SUMMARY_H
#define SERVICES_CATALOGUE_SUMMARY_H
#include "store/store.h"

struct catalogue_summary {
	int64_t matters, online;  /* online: applied for over the net, or better */
	int64_t generation;       /* of the catalogue that the search index beside it was made of; set by who puts both */
	size_t len;
	char json[];              /* the answer of GET /v1/catalogue/summary */
};

/* NULL: why is noted. On the heap: free() drops it. */
struct catalogue_summary *summary_make(struct tx *tx, struct fail *why);
#endif
