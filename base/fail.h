/* base/fail.h - how the world says no, and how we carry that up to the person who asked.
 *
 * Two kinds of failure exist. Ours: a broken promise of the program, which is an assert() and ends the process. The
 * world's: a full disk, a wrong field, a case that is not there. That kind is a row of fail.def, carried by a
 * `struct fail` through functions that return bool. The first reason wins; nobody on the way up may soften it.
 *
 * Thread: any; a struct fail belongs to whoever made it.
 * Owns:   nothing; everything it holds is copied in.
 * Source: ARCHITECTURE.md, "Failure". */
#ifndef BASE_FAIL_H
#define BASE_FAIL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))

enum fail_code {
	FAIL_NONE,
#define FAIL(name, ...) FAIL_##name,
#include "base/fail.def"
#undef FAIL
	FAIL_COUNT
};

/* One row of fail.def. Titles and advice are for people; `slug` is the stable code a program may rely on. */
struct fail_row {
	const char *name;
	int http;              /* status of the answer */
	bool again;            /* the same request may succeed later, unchanged */
	const char *slug;      /* "not_found": the problem's `code` and the tail of its `type` */
	const char *title_zh;
	const char *title_en;
	const char *advice_zh; /* what the person can do next; shown as the problem's `detail` */
	const char *advice_en;
};

/* A fact a client may act on, e.g. allowed=accepted,not_accepted. Never SQL, a secret, or another person's data. */
struct fail_fact {
	const char *name; /* a string literal */
	bool is_number;
	int64_t number;
	char text[112];
};

enum { FAIL_FACTS_MAX = 4, FAIL_POINTER_MAX = 64, FAIL_LOG_MAX = 160 };

struct fail {
	enum fail_code code;
	int line;
	const char *file;
	int fact_count;
	int retry_after_s;               /* 0: the answer's default for this status */
	char pointer[FAIL_POINTER_MAX];  /* RFC 6901 pointer to the wrong field of the body, or a header or query name; "" none */
	char log[FAIL_LOG_MAX];          /* for the operator's log only, English, no personal data */
	struct fail_fact facts[FAIL_FACTS_MAX];
};

/* Makes `why` empty without touching its large parts. */
static inline void fail_clear(struct fail *why)
{
	why->code = FAIL_NONE;
	why->fact_count = 0;
	why->retry_after_s = 0;
	why->pointer[0] = '\0';
	why->log[0] = '\0';
}

/* Notes the first reason and yields false, so that `return FAILS(why, NOT_FOUND, "case %s", no);` reads as one thought. */
#define FAILS(why, code, ...) fail_note((why), FAIL_##code, __FILE__, __LINE__, __VA_ARGS__)
bool fail_note(struct fail *why, enum fail_code code, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The same for one field of the body: pointer is an RFC 6901 pointer such as "/applicant/id_number". */
#define FAILS_FIELD(why, code, at, ...) \
	(fail_note((why), FAIL_##code, __FILE__, __LINE__, __VA_ARGS__), fail_point((why), (at)))
bool fail_point(struct fail *why, const char *pointer); /* always false */

/* Adds a fact for the client to the reason just noted; past FAIL_FACTS_MAX it asserts. */
void fail_fact_text(struct fail *why, const char *name, const char *text);
void fail_fact_number(struct fail *why, const char *name, int64_t number);

const struct fail_row *fail_row(enum fail_code code);

/* Runs `noun_drop` at the end of the scope: DROP(stmt) struct stmt *q = …; each noun defines static inline noun_dropper(). */
#define DROP(noun) __attribute__((cleanup(noun##_dropper)))
#endif
