/* services/voices/voice_view.c - one way to show a voice; whose words it shows to whom is decided here alone. */
#include "services/voices/voice_view.h"

#include "auth/mask.h"
#include "auth/person.h"
#include "auth/vault.h"
#include "base/arena.h"
#include "base/day.h"
#include "base/json.h"
#include "services/services.h"

enum { MASKED_BYTES = 256 };
enum { N_STATE };

bool voice_question(struct request *r, struct str *number, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	*number = r->params[0];
	return request_query_only(r, no_query, why) && (voice_number_from(*number) || FAILS(why, NOT_FOUND, "not a voice's number"));
}

/* ---- reading ---- */

static bool text_of(struct stmt *q, int column, struct arena *a, struct str *out, struct fail *why)
{
	if (stmt_is_null(q, column))
		return true;
	*out = str_copy(a, stmt_text(q, column));
	return out->at != NULL || FAILS(why, MEMORY, "a voice");
}

bool voice_view_of(struct stmt *q, struct arena *a, struct voice_view *out, struct fail *why)
{
	enum { CODE = VOICE_COLUMN_COUNT, NAME, CASE_NO, KIND, DUE, YELLOW };
	struct str case_no = STR_NONE;
	*out = (struct voice_view){ .step_count = 0 };
	voice_of(q, &out->v);
	if (!text_of(q, CODE, a, &out->department_code, why) || !text_of(q, NAME, a, &out->department_name, why) || !text_of(q, CASE_NO, a, &case_no, why))
		return false;
	if (case_no.len < sizeof(out->case_no) && case_no.len > 0)
		memcpy(out->case_no, case_no.at, case_no.len);
	if (stmt_is_null(q, KIND))
		return true;
	bool has_due = !stmt_is_null(q, DUE);
	out->due = (struct voice_due){ (enum voice_clock)stmt_int(q, KIND), has_due, has_due ? (int32_t)stmt_int(q, DUE) : 0, has_due ? (int32_t)stmt_int(q, YELLOW) : 0 };
	return true;
}

bool voice_view_find(struct tx *tx, struct arena *a, struct str number, struct voice_view *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, VOICE_VIEW_SELECT " WHERE v.number = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, number);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such voice");
	return voice_view_of(q, a, out, why);
}

bool voice_speaker(struct tx *tx, const struct voice *v, struct arena *a, struct str *name, struct str *phone, struct fail *why)
{
	struct str text, contact;
	*name = *phone = STR_NONE;
	if (!voice_text(tx, v, a, &text, &contact, why))
		return false;
	if (contact.len > 0) {
		str_cut(contact, '\n', name, phone);
		return true;
	}
	char facts_text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	if (v->person == 0)
		return true;
	if (!person_facts_get(tx, v->person, facts_text, &facts, why))
		return false;
	*name = facts.name.at != NULL ? str_copy(a, facts.name) : STR_NONE;
	*phone = facts.phone.at != NULL ? str_copy(a, facts.phone) : STR_NONE;
	bool ok = (facts.name.at == NULL || name->at != NULL) && (facts.phone.at == NULL || phone->at != NULL);
	explicit_bzero(facts_text, sizeof(facts_text));
	return ok || FAILS(why, MEMORY, "a speaker");
}

static bool speaker_read(struct tx *tx, struct arena *a, struct voice_view *v, struct fail *why)
{
	struct str name, phone;
	struct buf shown[2];
	if (!voice_kind_row(v->v.kind)->shows_speaker)
		return true;
	if (!voice_speaker(tx, &v->v, a, &name, &phone, why))
		return false;
	buf_init(&shown[0], a, MASKED_BYTES);
	buf_init(&shown[1], a, MASKED_BYTES);
	if (name.len > 0)
		mask_name(IDENTITY_RESIDENT, name, &shown[0]);
	if (phone.len > 0)
		mask_phone(phone, &shown[1]);
	v->speaker = buf_text(&shown[0]);
	v->phone = buf_text(&shown[1]);
	return (buf_ok(&shown[0]) && buf_ok(&shown[1])) || FAILS(why, MEMORY, "a speaker");
}

static bool step_text(struct stmt *q, int column, int64_t event, struct arena *a, struct str *out, struct fail *why)
{
	struct str sealed = stmt_is_null(q, column) ? STR_NONE : stmt_blob(q, column);
	struct buf text;
	if (sealed.len == 0)
		return true;
	buf_init(&text, a, sealed.len);
	if (!vault_open("voice_said.text", event, sealed, &text, why))
		return false;
	*out = buf_text(&text);
	return true;
}

static bool steps_read(struct tx *tx, struct arena *a, struct voice_view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT e.id, e.what, e.state, e.by_kind, e.clock, e.day, e.made_ms, e.due, d.name, s.text FROM (SELECT id, what, state, by_kind, clock, day, made_ms, due, department"
		" FROM voice_event WHERE voice = $1 ORDER BY id DESC LIMIT $2) e LEFT JOIN department d ON d.id = e.department LEFT JOIN voice_said s ON s.id = e.id ORDER BY e.id", why);
	if (q == NULL)
		return false;
	v->steps = arena_alloc(a, VOICE_STEPS_MAX * sizeof(*v->steps));
	if (v->steps == NULL)
		return FAILS(why, MEMORY, "what happened");
	stmt_bind_int(q, 1, v->v.id);
	stmt_bind_int(q, 2, VOICE_STEPS_MAX);
	while (stmt_row(q, why)) {
		struct voice_step *s = &v->steps[v->step_count++];
		*s = (struct voice_step){ .what = stmt_int(q, 1), .state = stmt_int(q, 2), .by_kind = stmt_int(q, 3), .clock = stmt_int(q, 4), .day = stmt_int(q, 5), .made_ms = stmt_int(q, 6),
					  .has_due = !stmt_is_null(q, 7), .department = stmt_is_null(q, 8) ? STR_NONE : str_copy(a, stmt_text(q, 8)) };
		s->due = s->has_due ? (int32_t)stmt_int(q, 7) : 0;
		if (!step_text(q, 9, stmt_int(q, 0), a, &s->text, why))
			return false;
	}
	return why->code == FAIL_NONE;
}

bool voice_view_all(struct tx *tx, struct arena *a, struct voice_view *v, enum voice_eyes eyes, struct fail *why)
{
	struct str contact;
	return voice_text(tx, &v->v, a, &v->text, &contact, why) && steps_read(tx, a, v, why) &&
	       (eyes == VOICE_SEEN_BY_PERSON || speaker_read(tx, a, v, why));
}

/* ---- writing ---- */

static void text_or_nothing(struct json_out *j, const char *name, struct str text)
{
	if (text.len > 0)
		json_add_text(j, name, text);
	else
		json_add_nothing(j, name);
}

static void add_day(struct json_out *j, const char *name, bool has, int32_t day)
{
	char text[DAY_TEXT_BYTES];
	if (!has) {
		json_add_nothing(j, name);
		return;
	}
	day_text(day, text);
	json_add_text(j, name, str_c(text));
}

static void clock_out(struct json_out *j, const struct voice_due *d, int32_t today)
{
	if ((int)d->kind == 0) {
		json_add_nothing(j, "clock");
		return;
	}
	json_put_name(j, "clock");
	json_put_object(j);
	json_add_plain(j, "kind", voice_clock_name(d->kind));
	add_day(j, "due_on", d->has_due, d->due);
	json_add_text(j, "light", light_name(light_on(today, d->has_due, d->due, d->yellow, false)));
	json_put_object_end(j);
}

void voice_head_members(struct json_out *j, const struct voice_view *v, int32_t today, enum lang lang)
{
	const struct voice_kind_row *kind = voice_kind_row(v->v.kind);
	const struct voice_state_row *state = voice_state_row(v->v.state);
	json_add_text(j, "number", str_c(v->v.number));
	json_add_plain(j, "kind", kind->text);
	json_add_text(j, "kind_text", kind->name[lang]);
	json_add_plain(j, "state", state->text);
	json_add_text(j, "state_text", state->name[lang]);
	text_or_nothing(j, "case_no", str_c(v->case_no));
	if (v->v.department != 0) {
		json_put_name(j, "department");
		json_put_object(j);
		json_add_text(j, "code", v->department_code);
		json_add_text(j, "name", v->department_name);
		json_put_object_end(j);
	} else {
		json_add_nothing(j, "department");
	}
	json_add_region_code(j, "region", v->v.region);
	clock_out(j, &v->due, today);
	json_add_boolean(j, "complex", v->v.is_complex);
	json_add_number(j, "calls", v->v.calls);
	json_add_boolean(j, "reopened", v->v.reopened);
	json_add_time(j, "made_at", v->v.made_ms);
	json_add_time(j, "changed_at", v->v.changed_ms);
}

static bool is_of_clock(const struct voice_step *s)
{
	return s->what > VOICE_TOLD_CLOCK;
}

/* Whoever spoke sees answers and reasons, and not what offices write to each other. */
static bool is_for_person(const struct voice_step *s)
{
	static const uint32_t his = 1u << VOICE_WAS_EXTENDED | 1u << VOICE_WAS_ANSWERED | 1u << VOICE_WAS_REFUSED | 1u << VOICE_WAS_MARKED_WRONG | 1u << VOICE_WAS_REOPENED;
	return !is_of_clock(s) && (his >> s->what & 1) != 0;
}

static void step_out(struct json_out *j, const struct voice_step *s, enum voice_eyes eyes)
{
	json_put_object(j);
	json_add_plain(j, "what", is_of_clock(s) ? clock_what_name(s->what - VOICE_TOLD_CLOCK) : voice_event_row((enum voice_event)s->what)->text);
	json_add_plain(j, "state", voice_state_row((enum voice_state)s->state)->text);
	json_add_plain(j, "by", s->by_kind == 0 ? STR("gateway") : who_name((enum who)s->by_kind));
	text_or_nothing(j, "department", s->department);
	if (s->clock != 0)
		json_add_plain(j, "clock", voice_clock_name((enum voice_clock)s->clock));
	else
		json_add_nothing(j, "clock");
	text_or_nothing(j, "text", eyes == VOICE_SEEN_BY_OFFICE || is_for_person(s) ? s->text : STR_NONE);
	json_add_time(j, "at", s->made_ms);
	json_put_object_end(j);
}

void voice_all_members(struct json_out *j, const struct voice_view *v, enum voice_eyes eyes)
{
	text_or_nothing(j, "text", v->text);
	if (eyes == VOICE_SEEN_BY_OFFICE) {
		text_or_nothing(j, "speaker", v->speaker);
		text_or_nothing(j, "phone", v->phone);
	}
	json_put_name(j, "steps");
	json_put_array(j);
	for (int i = 0; i < v->step_count; i++)
		if (eyes == VOICE_SEEN_BY_OFFICE || !is_of_clock(&v->steps[i]))
			step_out(j, &v->steps[i], eyes);
	json_put_array_end(j);
}

/* ---- a list, and one ---- */

struct voice_page *voice_page_state(struct request *r, struct fail *why)
{
	return page_state(r, (struct cursor){ 0, INT64_MAX }, sizeof(struct voice_page), sizeof(struct voice_view), why);
}

bool voice_page_read(struct voice_page *p, struct stmt *q, struct arena *a, struct fail *why)
{
	while (page_next(&p->page, q, why))
		if (!voice_view_of(q, a, &p->items[p->page.count - 1], why))
			return false;
	return why->code == FAIL_NONE;
}

bool voice_page_render(struct request *r, struct fail *why)
{
	const struct voice_page *p = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < p->page.count; i++) {
		json_put_object(&j);
		voice_head_members(&j, &p->items[i], day_of(r->now_ms), r->lang);
		json_put_object_end(&j);
	}
	return page_end(r, &j, &p->page, p->page.is_more ? p->items[p->page.count - 1].v.id : 0, why);
}

bool voice_shown_parse(struct request *r, struct fail *why)
{
	struct voice_shown *s = request_state(r, sizeof(*s), why);
	return s != NULL && voice_question(r, &s->number, why);
}

bool voice_shown_reply(struct request *r, enum voice_eyes eyes, struct fail *why)
{
	const struct voice_shown *s = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	voice_head_members(&j, &s->view, day_of(r->now_ms), r->lang);
	voice_all_members(&j, &s->view, eyes);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

/* ---- what a deed leaves ---- */

void voice_decided(struct request *r, const struct voice *v, int status)
{
	r->outcome = (struct outcome){ .code = 1, .status = status, .n = { [N_STATE] = v->state } };
	memcpy(r->outcome.text, v->number, sizeof(v->number));
}

bool voice_decided_render(struct request *r, struct fail *why)
{
	const struct voice_state_row *state = voice_state_row((enum voice_state)r->outcome.n[N_STATE]);
	struct json_out j = reply_json(r, r->outcome.status);
	json_put_object(&j);
	json_add_text(&j, "number", str_c(r->outcome.text));
	json_add_plain(&j, "state", state->text);
	json_add_text(&j, "state_text", state->name[r->lang]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}
