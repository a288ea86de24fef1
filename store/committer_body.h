/* store/committer_body.h - the two bodies of the WRITE lane behind committer.h; nobody above this room includes it. */
#ifndef STORE_COMMITTER_BODY_H
#define STORE_COMMITTER_BODY_H
#include "store/committer.h"

struct committer_body {
	bool (*submit)(struct committer *c, struct commit_job *job);
	size_t (*waiting)(struct committer *c);
	void (*stop)(struct committer *c);
};

/* First in what a body makes. */
struct committer {
	const struct committer_body *body;
};

struct committer *sqlite_committer_start(struct store *s, const struct config *c, struct fail *why);
struct committer *pg_writers_start(struct store *s, const struct config *c, struct fail *why);
#endif
