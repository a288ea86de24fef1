/* services/departments/hook.h - an address at which a department's system wants to be told, with a secret it made itself (Standard Webhooks).
 *
 *   on → disabled → on            disabled: nothing got through for hooks.disable_hours, or it answered 410; enabled again by the department's system or its staff
 *   removed
 *
 * Secrets lie sealed. A new one signs beside the old for HOOK_OLD_MS, which is longer than anything may wait to be sent.
 * Thread: the write lane, but for reading. */
#ifndef SERVICES_HOOK_H
#define SERVICES_HOOK_H
#include "base/ids.h"
#include "base/request.h"
#include "notify/effect.h"

enum { HOOKS_MAX = 5 /* of a department */, HOOK_URL_MAX = 512, HOOK_SECRET_MIN = 32, HOOK_SECRET_MAX = 128 /* written */ };
#define HOOK_OLD_MS (INT64_C(48) * 3600 * 1000)
#define HOOK_PREFIX "wh"

/* What it is told of: bits, in the database. */
enum hook_tells { HOOK_ALERTS = 1, HOOK_APPLICATIONS = 2 };
struct str hook_tells_name(int64_t tells);            /* alerts, applications, everything */
int64_t hook_tells_from(struct str name);             /* 0: no such word */

struct hook {
	int64_t id, department, region, tells, made_ms, failing_since_ms, disabled_ms, old_until_ms; /* 0: not */
	struct id key;
	struct str url, department_code, department_name; /* in the arena it was read with */
};

struct hook_new {
	struct str url, secret;
	int64_t department, region, tells;
	struct id key;
	const uint8_t *salt; /* 16 bytes */
};

/* An https address of at most HOOK_URL_MAX bytes; http too where we are at development. Fails: FIELD /url. */
MUST_USE bool hook_url_check(struct str url, struct fail *why);
MUST_USE bool hook_secret_check(struct str secret, struct fail *why); /* Fails: FIELD /secret */

/* Fails: RECEIVERS_FULL; CONFLICT that address is there. */
MUST_USE bool hook_add(struct tx *tx, const struct hook_new *n, int64_t now_ms, int64_t *id, struct fail *why);
/* *found false: there is none of that key, or it was removed. */
MUST_USE bool hook_by_key(struct tx *tx, struct id key, struct arena *a, struct hook *out, bool *found, struct fail *why);
struct hook_span {
	int64_t department;                                     /* 0: by the region instead */
	int64_t six_first, six_last, nine_first, nine_last;     /* auth/tenancy.h */
	int64_t below;                                          /* row id */
};
MUST_USE bool hook_list(struct tx *tx, const struct hook_span *s, struct arena *a, struct hook *out, int most, int *count, struct fail *why);
/* The secret that is good already again: nothing changes. */
MUST_USE bool hook_rotate(struct tx *tx, const struct hook *h, struct str secret, const uint8_t salt[16], int64_t now_ms, struct arena *a, struct fail *why);
MUST_USE bool hook_enable(struct tx *tx, const struct hook *h, struct fail *why);
/* What waits to be sent there is cancelled, HOOK_CANCEL_MAX at most. */
MUST_USE bool hook_remove(struct tx *tx, const struct hook *h, int64_t now_ms, struct fail *why);

/* `body` to each of the department's addresses that is on and told of any of these; `random` is made anew of seed for each. *count: how many. */
MUST_USE bool hooks_tell(struct tx *tx, int64_t department, int64_t tells, struct str body, const uint8_t seed[32], int64_t now_ms, struct arena *a, int *count, struct fail *why);
/* The same of one case, whose news leave in their order, to those told of applications. */
MUST_USE bool hooks_tell_case(struct tx *tx, int64_t department, int64_t case_id, struct str body, const uint8_t seed[32], int64_t now_ms, struct arena *a, int *count, struct fail *why);
MUST_USE bool hooks_any(struct tx *tx, int64_t department, int64_t tells, bool *any, struct fail *why); /* is one on? */
/* effect_follow of KIND_department_hook and KIND_application_hook. */
MUST_USE bool hook_followed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);
#endif
