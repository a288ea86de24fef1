/* auth/audit.h - who did what, to what, on whose behalf, and what came of it: a row for good, written by the deed's own transaction.
 *
 * What is rolled back was not done and leaves no row. The row is a fact (store/fact.h): sealed within a second, and verified by
 * `siban seal verify`. The database refuses to change or delete it.
 * Personal data: ids only. `detail` is sealed "audit.detail" by whoever has more to say, or plain words of our own.
 * Thread: the write lane. */
#ifndef AUTH_AUDIT_H
#define AUTH_AUDIT_H
#include "base/request.h"

enum audit_act {
#define ACT(name, number, text, zh) AUDIT_##name = number,
#define SUBJECT(name, number, text, zh)
#include "auth/audit.def"
#undef ACT
#undef SUBJECT
};
enum audit_subject {
#define ACT(name, number, text, zh)
#define SUBJECT(name, number, text, zh) AUDIT_OF_##name = number,
#include "auth/audit.def"
#undef ACT
#undef SUBJECT
};

struct audit {
	enum audit_act act;
	enum audit_subject subject;
	int64_t subject_id;
	int result;                /* the HTTP status the actor is told */
	int64_t for_kind, for_id;  /* enum who; 0: for whom the request acts by a mandate, or on nobody else's behalf */
	struct str detail;         /* at NULL: none */
	int64_t department, region; /* whom and where it concerns; 0 none */
};

/* `r` says who, when and under which request id. */
MUST_USE bool audit_add(struct tx *tx, const struct request *r, const struct audit *a, struct fail *why);
#endif
