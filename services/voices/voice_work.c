/* services/voices/voice_work.c - voices at the hands of an office: /v1/department/tickets for a department's system and the hotline's, /v1/staff/tickets for people.
 *
 * A department, and whoever works in one, sees what is at its hands; an operator and a supervisor what is of their place. Who may do what is services/voices/voice_events.def. */
#include "auth/audit.h"
#include "auth/right.h"
#include "auth/staff.h"
#include "auth/tenancy.h"
#include "base/day.h"
#include "services/departments/department.h"
#include "services/handlers.h"
#include "services/services.h"
#include "services/voices/voice_view.h"

enum { DEPARTMENT_CODE_BYTES = 18, REASON_MIN = 4, REASON_MAX = 150, EVENT_NAME_MAX = 20 };

/* Whose it is, for the runtime to compare; nobody's: not his. */
static bool owner_of(struct tx *tx, struct request *r, const struct voice *v, struct fail *why)
{
	int64_t own;
	if (r->who.kind == WHO_DEPARTMENT) {
		r->owner = v->department == r->who.id || v->taker == r->who.id ? r->who.id : 0;
		return true;
	}
	if (!staff_department(tx, r->who.id, &own, why))
		return false;
	r->owner = own == 0 || own == v->department ? v->region : 0;
	return true;
}

/* ---- list ---- */

static bool flag_query(struct request *r, const char *name, bool *out, struct fail *why)
{
	struct str text;
	if (!request_query(r, name, &text, why))
		return false;
	*out = str_eq(text, STR("true"));
	return text.at == NULL || *out || FAILS_FIELD(why, QUERY, name, "true, or nothing");
}

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "state", "late", "taken", "cursor", "limit", NULL };
	bool late, taken;
	struct str state;
	if (!request_query_only(r, names, why) || !request_query(r, "state", &state, why) || !flag_query(r, "late", &late, why) || !flag_query(r, "taken", &taken, why))
		return false;
	enum voice_state in = voice_state_from(state);
	if (state.at != NULL && in == VOICE_IS_NEW)
		return FAILS_FIELD(why, QUERY, "state", "no such state");
	if (taken && r->who.kind != WHO_DEPARTMENT)
		return FAILS_FIELD(why, QUERY, "taken", "only a system takes calls in its own name");
	struct voice_page *list = voice_page_state(r, why);
	if (list == NULL)
		return false;
	list->late = late;
	list->taken = taken;
	list->state = in;
	return true;
}

/* Parameters are the same in all three: whose (two ranges, or one number and nothing), then the rest. */
#define WANTED " AND v.id < $5 AND (v.state = $6 OR $6 = 0) AND (k.due < $7 OR $7 = 0) ORDER BY v.id DESC LIMIT $8"
static struct stmt *list_query(struct tx *tx, const struct request *r, const struct voice_page *list, int64_t department, struct fail *why)
{
	struct region_bounds b = region_bounds(r->who.region);
	struct stmt *q = list->taken ?
		tx_query(tx, VOICE_VIEW_SELECT " WHERE v.taker = $1 AND v.taker > 0 AND CAST($2 AS BIGINT) >= 0 AND CAST($3 AS BIGINT) >= 0 AND CAST($4 AS BIGINT) >= 0" WANTED, why) :
		department != 0 ?
		tx_query(tx, VOICE_VIEW_SELECT " WHERE v.department = $1 AND CAST($2 AS BIGINT) >= 0 AND CAST($3 AS BIGINT) >= 0 AND CAST($4 AS BIGINT) >= 0" WANTED, why) :
		tx_query(tx, VOICE_VIEW_SELECT " WHERE ((v.region >= $1 AND v.region <= $2) OR (v.region >= $3 AND v.region <= $4))" WANTED, why);
	if (q == NULL)
		return NULL;
	bool by_place = department == 0 && !list->taken;
	const int64_t binds[] = { by_place ? b.six_first : department, by_place ? b.six_last : 0, by_place ? b.nine_first : 0, by_place ? b.nine_last : 0, list->page.from.id,
		list->state, list->late ? day_of(r->now_ms) : 0, list->page.limit + 1 };
	for (int i = 0; i < 8; i++)
		stmt_bind_int(q, i + 1, binds[i]);
	return q;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct voice_page *list = r->state;
	int64_t department = r->who.id;
	if (r->who.kind == WHO_STAFF && !staff_department(tx, r->who.id, &department, why))
		return false;
	DROP(stmt) struct stmt *q = list_query(tx, r, list, department, why);
	if (q == NULL)
		return false;
	return voice_page_read(list, q, &r->arena, why);
}

const struct handler office_voice_list = { .parse = list_parse, .look = list_look, .render = voice_page_render };

/* ---- show ---- */

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct voice_shown *s = r->state;
	return voice_view_find(tx, &r->arena, s->number, &s->view, why) && owner_of(tx, r, &s->view.v, why) &&
	       (r->owner == 0 || voice_view_all(tx, &r->arena, &s->view, VOICE_SEEN_BY_OFFICE, why));
}

static bool show_render(struct request *r, struct fail *why)
{
	return voice_shown_reply(r, VOICE_SEEN_BY_OFFICE, why);
}

const struct handler office_voice_show = { .parse = voice_shown_parse, .look = show_look, .render = show_render };

/* ---- move ---- */

struct moving {
	struct str number, event_name, text, department;
	struct voice_act act;
};

static bool move_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "event", JSON_F_TEXT, true, 1, EVENT_NAME_MAX, offsetof(struct moving, event_name), NULL },
		{ "text", JSON_F_TEXT, false, 2, VOICE_SAID_MAX, offsetof(struct moving, text), check_plain_text },
		{ "department", JSON_F_TEXT, false, DEPARTMENT_CODE_BYTES, DEPARTMENT_CODE_BYTES, offsetof(struct moving, department), check_visible_ascii },
	};
	struct moving *m = request_state(r, sizeof(*m), why);
	if (m == NULL || !voice_question(r, &m->number, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), m, why))
		return false;
	m->act = (struct voice_act){ .event = voice_event_from(m->event_name), .text = m->text };
	return (int)m->act.event != 0 || FAILS_FIELD(why, FIELD, "/event", "no such event");
}

static bool move_look(struct tx *tx, struct request *r, struct fail *why)
{
	const struct moving *m = r->state;
	struct voice v;
	if (!voice_find(tx, m->number, &v, why))
		return false;
	return v.id != 0 ? owner_of(tx, r, &v, why) : FAILS(why, NOT_FOUND, "no such voice");
}

/* In which capacity he does it; 0: in none. */
static bool role_of(struct tx *tx, const struct request *r, const struct voice *v, enum voice_event event, unsigned *role, struct fail *why)
{
	bool takes = right_is_held(&r->who, RIGHT_VOICES_TAKE), works = right_is_held(&r->who, RIGHT_VOICES_WORK);
	unsigned may = 0;
	int64_t own = r->who.id;
	if (r->who.kind == WHO_STAFF && !staff_department(tx, r->who.id, &own, why))
		return false;
	bool is_staff = r->who.kind == WHO_STAFF, of_it = own == v->department || (is_staff && own == 0);
	if (takes && (is_staff ? own == 0 : v->taker == own))
		may |= VOICE_BY_OPERATOR;
	if (works && of_it && v->department != 0)
		may |= VOICE_BY_DEPARTMENT;
	if (is_staff && right_is_held(&r->who, RIGHT_SUPERVISION_READ))
		may |= VOICE_BY_SUPERVISOR;
	unsigned fits = may & voice_event_row(event)->by;
	*role = fits & (0 - fits); /* the lowest: one capacity at a time */
	return true;
}

static bool place_of(struct tx *tx, struct moving *m, struct fail *why)
{
	if (m->department.at == NULL)
		return true;
	int found = department_find(tx, m->department, &m->act.department, why);
	return found > 0 || (found == 0 && FAILS_FIELD(why, FIELD, "/department", "no such department"));
}

static bool move_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct moving *m = r->state;
	struct voice v;
	struct voice_by by = { .r = r, .now_ms = r->now_ms, .random = r->random, .arena = &r->arena };
	if (!voice_take(tx, m->number, &v, why) || !owner_of(tx, r, &v, why) || !role_of(tx, r, &v, m->act.event, &by.role, why) || !place_of(tx, m, why))
		return false;
	if (r->owner == 0)
		return FAILS(why, NOT_FOUND, "not his any more");
	if (by.role == 0)
		return FAILS(why, FORBIDDEN, "%.*s is not his to do", STR_ARG(m->event_name));
	int64_t before = v.department;
	if (!voice_move(tx, &v, &m->act, &by, why))
		return false;
	struct audit a = { AUDIT_VOICE_MOVED, AUDIT_OF_VOICE, v.id, .result = 200, .detail = voice_event_row(m->act.event)->text, .department = before, .region = v.region };
	voice_decided(r, &v, 200);
	return audit_add(tx, r, &a, why);
}

const struct handler office_voice_move = { .parse = move_parse, .look = move_look, .apply = move_apply, .render = voice_decided_render };

/* ---- whom to call back ---- */

struct calling {
	struct str number, reason, name, phone;
	struct voice v;
};

static bool contact_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = { { "reason", JSON_F_TEXT, true, REASON_MIN, REASON_MAX, offsetof(struct calling, reason), check_plain_text } };
	struct calling *c = request_state(r, sizeof(*c), why);
	return c != NULL && voice_question(r, &c->number, why) && request_json(r, fields, 1, c, why);
}

/* Who reports somebody is not told to the department. */
static bool may_call(const struct request *r, const struct voice *v)
{
	return right_is_held(&r->who, RIGHT_VOICES_TAKE) || (right_is_held(&r->who, RIGHT_VOICES_WORK) && voice_kind_row(v->kind)->shows_speaker);
}

static bool contact_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct calling *c = r->state;
	if (!voice_find(tx, c->number, &c->v, why))
		return false;
	if (c->v.id == 0)
		return FAILS(why, NOT_FOUND, "no such voice");
	if (!owner_of(tx, r, &c->v, why) || r->owner == 0)
		return why->code == FAIL_NONE;
	if (!may_call(r, &c->v))
		return !region_is_within(r->who.region, r->owner) || FAILS(why, FORBIDDEN, "not his to call");
	return voice_speaker(tx, &c->v, &r->arena, &c->name, &c->phone, why);
}

static bool contact_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct calling *c = r->state;
	char said[AUDIT_REASON_BYTES];
	struct buf b = { .at = said, .cap = sizeof(said) };
	struct audit a = { AUDIT_SPEAKER_SEEN, c->v.person != 0 ? AUDIT_OF_PERSON : AUDIT_OF_VOICE, c->v.person != 0 ? c->v.person : c->v.id, .result = 200,
			   .department = c->v.department, .region = c->v.region };
	buf_str(&b, str_c(c->v.number));
	buf_str(&b, STR(" "));
	buf_str(&b, c->reason);
	a.reason = buf_text(&b);
	r->outcome = (struct outcome){ .code = 1, .status = 200 };
	return audit_add(tx, r, &a, why);
}

static bool contact_render(struct request *r, struct fail *why)
{
	const struct calling *c = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "number", str_c(c->v.number));
	if (c->name.len > 0)
		json_add_text(&j, "name", c->name);
	else
		json_add_nothing(&j, "name");
	if (c->phone.len > 0)
		json_add_text(&j, "phone", c->phone);
	else
		json_add_nothing(&j, "phone");
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler staff_voice_contact = { .parse = contact_parse, .look = contact_look, .apply = contact_apply, .render = contact_render };
