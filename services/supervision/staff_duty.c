/* services/supervision/staff_duty.c - /v1/staff/duty-phones: staff of a department keep its numbers, supervisors those of their place. */
#include "auth/audit.h"
#include "auth/right.h"
#include "auth/staff.h"
#include "base/json.h"
#include "services/handlers.h"
#include "services/services.h"
#include "services/supervision/alert.h"

enum { ADDED = 1, DONE };
enum { PHONE_TEXT_MAX = 20 };

static const char *const no_query[] = { NULL };

/* In whose name he keeps numbers. */
static bool duty_of(struct tx *tx, const struct request *r, struct on_duty *of, struct fail *why)
{
	int64_t department;
	if (!staff_department(tx, r->who.id, &department, why))
		return false;
	*of = (struct on_duty){ department, r->who.region };
	bool may = department != 0 ? right_is_held(&r->who, RIGHT_DEPARTMENT_WORK) : right_is_held(&r->who, RIGHT_SUPERVISION_READ);
	return may || FAILS(why, FORBIDDEN, "neither of a department nor a supervisor");
}

static bool audited(struct tx *tx, const struct request *r, enum audit_act act, int64_t id, int status, const struct on_duty *of, struct fail *why)
{
	struct audit a = { act, AUDIT_OF_DUTY_PHONE, id, .result = status, .department = of->department, .region = of->region };
	return audit_add(tx, r, &a, why);
}

/* ---- add ---- */

struct wish {
	struct str text;
	char phone[PHONE_DIGITS + 1];
};

static bool add_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = { { "phone", JSON_F_TEXT, true, 1, PHONE_TEXT_MAX, offsetof(struct wish, text), NULL } };
	struct wish *w = request_state(r, sizeof(*w), why);
	if (w == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, 1, w, why))
		return false;
	return phone_normal(w->text, w->phone) || FAILS_FIELD(why, FIELD, "/phone", "not a mainland mobile number");
}

static bool add_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	struct on_duty of;
	uint8_t random[32];
	int64_t id;
	request_bytes(r, "duty phone", random);
	struct id key = id_make(r->now_ms, random);
	if (!duty_of(tx, r, &of, why) || !alerts_begin(tx, &of, why) || !duty_phone_add(tx, &of, w->phone, key, random + 16, r->now_ms, &id, why) ||
	    !audited(tx, r, AUDIT_DUTY_PHONE_ADDED, id, 201, &of, why))
		return false;
	r->outcome = (struct outcome){ .code = ADDED, .status = 201 };
	id_text(key, DUTY_PHONE_PREFIX, r->outcome.text);
	return true;
}

static bool add_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(r->outcome.text));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler staff_duty_add = { .parse = add_parse, .apply = add_apply, .render = add_render };

/* ---- list ---- */

struct list {
	int count;
	struct duty_phone at[DUTY_PHONES_MAX];
};

static bool list_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct list), why) != NULL && request_query_only(r, no_query, why);
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct list *l = r->state;
	struct on_duty of;
	return duty_of(tx, r, &of, why) && duty_phone_list(tx, &of, l->at, &l->count, why);
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct list *l = r->state;
	char key[ID_TEXT_BYTES];
	struct json_out j = reply_list(r);
	for (int i = 0; i < l->count; i++) {
		id_text(l->at[i].key, DUTY_PHONE_PREFIX, key);
		json_put_object(&j);
		json_add_text(&j, "id", str_c(key));
		json_add_text(&j, "phone", str_c(l->at[i].masked));
		json_add_text(&j, "of", l->at[i].of.department != 0 ? STR("department") : STR("supervisors"));
		json_add_region_code(&j, "region", l->at[i].of.region);
		json_add_time(&j, "made_at", l->at[i].made_ms);
		json_put_object_end(&j);
	}
	return reply_list_end(r, &j, NULL, why);
}

const struct handler staff_duty_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- remove ---- */

struct one {
	struct id key;
	struct duty_phone phone;
};

static bool remove_parse(struct request *r, struct fail *why)
{
	struct one *o = request_state(r, sizeof(*o), why);
	if (o == NULL || !request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], DUTY_PHONE_PREFIX, &o->key) || FAILS(why, NOT_FOUND, "not a phone's id");
}

static bool remove_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct one *o = r->state;
	int64_t own;
	bool found;
	if (!duty_phone_by_key(tx, o->key, &o->phone, &found, why) || !staff_department(tx, r->who.id, &own, why))
		return false;
	if (!found)
		return FAILS(why, NOT_FOUND, "no such phone");
	if (own == o->phone.of.department)
		r->owner = o->phone.of.region;
	return true;
}

static bool remove_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct one *o = r->state;
	struct on_duty of;
	r->outcome = (struct outcome){ .code = DONE, .status = 204 };
	return duty_of(tx, r, &of, why) && duty_phone_remove(tx, o->phone.id, why) && audited(tx, r, AUDIT_DUTY_PHONE_REMOVED, o->phone.id, 204, &o->phone.of, why);
}

static bool remove_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler staff_duty_remove = { .parse = remove_parse, .look = remove_look, .apply = remove_apply, .render = remove_render };
