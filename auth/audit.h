/* auth/audit.h - who did what, to what, on whose behalf, and what came of it: a row for good, written by the deed's own transaction.
 *
 * What is rolled back was not done and leaves no row. The row is a fact (store/fact.h): sealed within a second, and verified by
 * `siban seal verify`. The database refuses to change or delete it.
 * Personal data: ids only. A reason that somebody wrote is sealed "audit.detail"; how rows are read again: auth/audit_read.h.
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

enum { AUDIT_REASON_MAX = 200 /* characters */, AUDIT_REASON_BYTES = 4 * AUDIT_REASON_MAX };

struct audit {
	enum audit_act act;
	enum audit_subject subject;
	int64_t subject_id;
	int result;                /* the HTTP status the actor is told */
	int64_t for_kind, for_id;  /* enum who; 0: for whom the request acts by a mandate, or on nobody else's behalf */
	struct str detail;         /* plain words of our own, which begin with a letter; at NULL: none */
	struct str reason;         /* what a person wrote, sealed here in detail's place; at NULL: nothing */
	int64_t department, region; /* whom and where it concerns; 0 none */
};

/* `r` says who, when and under which request id. */
MUST_USE bool audit_add(struct tx *tx, const struct request *r, const struct audit *a, struct fail *why);

/* Who did it, where the deed's request is over: for what was gathered before it is written. Such a row has no reason. */
struct audit_actor {
	int64_t kind, id, now_ms;
	const char *request_id;
};
MUST_USE bool audit_add_of(struct tx *tx, const struct audit_actor *by, const struct audit *a, struct fail *why);

/* The rows of audit.def. */
struct audit_word {
	int64_t number;
	const char *text, *zh;
};
const struct audit_word *audit_act_word(int64_t number);     /* NULL: a number we do not know */
const struct audit_word *audit_act_named(struct str text);   /* NULL: no such act */
const struct audit_word *audit_subject_word(int64_t number);
const struct audit_word *audit_subject_named(struct str text);
#endif
