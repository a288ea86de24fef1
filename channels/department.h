/* channels/department.h - a department's own case system, asked about one case: the question and what its answer says. Pure.
 *
 *   GET {base}/cases/{case_ref}?last4={last4}, signed as Standard Webhooks are, over the request target
 *
 * Thread: any.
 * Source: tests/sandbox/README.md, "Peer department". */
#ifndef CHANNELS_DEPARTMENT_H
#define CHANNELS_DEPARTMENT_H
#include "base/log.h"
#include "channels/http.h"

enum { DEPARTMENT_REF_MAX = 64, DEPARTMENT_LAST4 = 4, DEPARTMENT_BASE_MAX = 512 };

struct department_question {
	struct str base;               /* "https://host[:port][/path]", without a slash at its end: department_base_is_right */
	struct str case_ref;           /* 1 to DEPARTMENT_REF_MAX bytes */
	struct str last4;              /* letters and digits, the letter X in upper case */
	struct secret key;             /* whsec_… */
	struct str id;                 /* of this question: visible ASCII without "." */
	int64_t now_ms;
};

struct department_case {
	struct str case_ref, matter, matter_name, state, status_text, department_name, region_name;
	int64_t opened_ms, updated_ms;
};

enum department_answer {
	DEPARTMENT_FOUND,
	DEPARTMENT_NO_SUCH,            /* no such case, or other four characters: it does not say which */
	DEPARTMENT_BROKEN,             /* nothing is known */
};

bool department_base_is_right(struct str base);
/* Texts are made in `a`. Fails: CONFIG the key is none; MEMORY. */
MUST_USE bool department_build(const struct department_question *q, struct arena *a, struct http_call *out, struct fail *why);
/* Of a whole answer. Texts of `out` are copied into `a`. BROKEN notes in `why` (PEER_NONSENSE, for the log) what was wrong, NO_SUCH nothing. */
enum department_answer department_judge(struct str case_ref, const struct http_answer *answer, struct arena *a, struct department_case *out, struct fail *why);
#endif
