/* services/money/import_pay_notices.c - a department's notices as a file: lines of JSON, each what POST /v1/department/notices takes, and the department's code. Run again it
 * changes nothing; a line that says something else than a notice that is there stops the file at its number. */
#include "auth/keyring.h"
#include "payments/notices/notice.h"
#include "services/control/import_inside.h"
#include "services/departments/department.h"
#include "services/services.h"

static bool department_take(json_t *object, struct str *code, struct arena *a, struct fail *why)
{
	json_t *text = json_object_get(object, "department");
	if (!json_is_string(text))
		return FAILS_FIELD(why, FIELD_MISSING, "/department", "whose notice it is");
	*code = str_copy(a, str_c(json_string_value(text)));
	json_object_del(object, "department");
	return code->at != NULL || FAILS(why, MEMORY, "a department's code");
}

/* The salt of what is sealed: of the line itself, so that a repeat seals the same bytes. */
static void salt_of(const struct notice *n, uint8_t digest[SHA256_BYTES])
{
	struct str parts[] = { str_c(n->code), n->payer };
	keyring_index("pay_notice.salt", parts, 2, digest);
}

struct judged {
	struct str department;
	struct notice notice;
};

static void *notice_judge(json_t *object, struct arena *a, struct fail *why)
{
	struct judged *j = arena_zalloc(a, sizeof(*j));
	if (j == NULL) {
		FAILS(why, MEMORY, "a notice");
		return NULL;
	}
	if (!json_is_object(object)) {
		FAILS(why, BAD_REQUEST, "not an object");
		return NULL;
	}
	enum payment_code_profile profile = (enum payment_code_profile)services_config()->payment_code_profile;
	return department_take(object, &j->department, a, why) && notice_take(object, profile, JSON_REFUSE_UNKNOWN, &j->notice, a, why) ? j : NULL;
}

static bool notice_line(struct tx *tx, struct import *i, void *judged, bool *changed, struct fail *why)
{
	const struct judged *j = judged;
	struct notice n = j->notice; /* what was judged may be taken again */
	uint8_t salt[SHA256_BYTES];
	enum notice_put what = NOTICE_SAME;
	int found = department_find(tx, j->department, &n.department, why);
	if (found <= 0)
		return found == 0 && FAILS_FIELD(why, FIELD, "/department", "no such department");
	if (i->is_dry)
		return true;
	salt_of(&n, salt);
	if (!notice_put(tx, &n, i->now_ms, salt, &what, why))
		return false;
	*changed = what != NOTICE_SAME;
	return true;
}

const struct import_kind import_pay_notices = { .name = { "pay_notices", 11 }, .judge = notice_judge, .take = notice_line };
