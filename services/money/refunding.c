/* services/money/refunding.c - asking for money back, whoever asks: the same wish, the same guard, another right to it. */
#include "services/money/refunding.h"

#include "auth/audit.h"
#include "auth/tenancy.h"
#include "base/day.h"
#include "services/cases/calendar.h"
#include "services/money/pay_notice.h"
#include "services/services.h"

#include <stdio.h>

enum { ASKED = 1, ACTED };
enum { N_REFUND, N_STATE, N_FEN };

/* ---- asking ---- */

static bool item_take(const json_t *row, struct refunding *w, struct arena *a, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "n", JSON_F_INT, true, 1, NOTICE_ITEMS_MAX, offsetof(struct refund_item, n), NULL },
		{ "amount_fen", JSON_F_INT, true, 1, NOTICE_FEN_MAX, offsetof(struct refund_item, fen), NULL },
	};
	char at[24];
	snprintf(at, sizeof(at), "/items/%d", w->item_count);
	struct refund_item *item = &w->items[w->item_count];
	if (!json_take(row, fields, 2, JSON_REFUSE_UNKNOWN, at, item, a, why))
		return false;
	for (int i = 0; i < w->item_count; i++)
		if (w->items[i].n == item->n)
			return FAILS_FIELD(why, FIELD, "/items", "item %lld twice", (long long)item->n);
	w->item_count++;
	return true;
}

static bool items_take(const json_t *items, struct refunding *w, struct arena *a, struct fail *why)
{
	size_t i;
	json_t *row;
	if (items == NULL)
		return true;
	if (!json_is_array(items) || json_array_size(items) == 0 || json_array_size(items) > NOTICE_ITEMS_MAX)
		return FAILS_FIELD(why, FIELD, "/items", "not 1 to %d items", NOTICE_ITEMS_MAX);
	json_array_foreach(items, i, row)
		if (!item_take(row, w, a, why))
			return false;
	return true;
}

/* What is asked for: the amount that is said, the items together, or all that may go back. */
static bool amount_fits(struct refunding *w, struct fail *why)
{
	int64_t sum = 0;
	for (int i = 0; i < w->item_count; i++)
		sum += w->items[i].fen;
	if (w->fen == 0)
		w->fen = sum != 0 ? sum : w->refundable_fen;
	if (sum != 0 && sum != w->fen)
		return FAILS_FIELD(why, FIELD, "/items", "together not amount_fen");
	return w->fen <= w->refundable_fen || FAILS_FIELD(why, FIELD, "/amount_fen", "more than refundable_fen");
}

/* An array is no member the table of fields knows. */
static bool body_take(struct request *r, const struct json_field *fields, size_t count, struct refunding *w, struct fail *why)
{
	DROP(json) json_t *body = json_read(r->body, why);
	if (body == NULL)
		return false;
	DROP(json) json_t *items = json_incref(json_object_get(body, "items"));
	if (json_is_object(body))
		json_object_del(body, "items");
	bool lenient = r->who.kind == WHO_DEPARTMENT && !r->who.test_key; /* as request_json */
	return json_take(body, fields, count, lenient ? JSON_IGNORE_UNKNOWN : JSON_REFUSE_UNKNOWN, "", w, &r->arena, why) && items_take(items, w, &r->arena, why);
}

bool refunding_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = {
		{ "payment_code", JSON_F_TEXT, true, 1, 2 * PAYMENT_CODE_DIGITS, offsetof(struct refunding, code_text), NULL },
		{ "refundable_fen", JSON_F_INT, true, 1, NOTICE_FEN_MAX, offsetof(struct refunding, refundable_fen), NULL },
		{ "amount_fen", JSON_F_INT, false, 1, NOTICE_FEN_MAX, offsetof(struct refunding, fen), NULL },
		{ "ground", JSON_F_TEXT, true, 1, 32, offsetof(struct refunding, ground_name), NULL },
		{ "reason", JSON_F_TEXT, true, 2, REFUND_REASON_MAX, offsetof(struct refunding, reason), check_plain_text },
	};
	struct refunding *w = request_state(r, sizeof(*w), why);
	int64_t division;
	if (w == NULL || !request_query_only(r, no_query, why) || !body_take(r, fields, sizeof(fields) / sizeof(fields[0]), w, why))
		return false;
	w->ground = refund_ground_named(w->ground_name);
	if (w->ground == 0)
		return FAILS_FIELD(why, FIELD, "/ground", "no such ground");
	if (!amount_fits(w, why))
		return false;
	return payment_code_read(PAYMENT_CODE_OPAQUE, w->code_text, w->code, &division) == PAYMENT_CODE_FINE || FAILS(why, NOT_FOUND, "not a payment code");
}

/* Who paid it; and where nobody knows who stood at the counter, whose notice it is. */
static bool is_his(const struct request *r, const struct notice *n, const struct refundable *of)
{
	switch (r->who.kind) {
	case WHO_CITIZEN:
		return principal_whose(&r->who) == (of->ordered_by != 0 ? of->ordered_by : n->person);
	case WHO_DEPARTMENT:
		return n->department == r->who.id;
	default:
		return region_is_within(r->who.region, n->division);
	}
}

static bool may_ask(struct tx *tx, const struct request *r, const struct refunding *w, struct notice *n, struct refundable *of, struct arena *a, struct fail *why)
{
	if (!notice_find(tx, str_c(w->code), n, a, why))
		return false;
	if (n->id == 0)
		return FAILS(why, NOT_FOUND, "no such notice");
	if (!refundable_find(tx, n->id, of, why))
		return false;
	if (!is_his(r, n, of))
		return FAILS(why, NOT_FOUND, "another's payment");
	if (of->payment != 0)
		return true;
	FAILS(why, NOTICE_STATE, "no money came for notice %lld", (long long)n->id);
	fail_fact_text(why, "state", notice_state_text(n->state).at);
	return false;
}

static enum refund_asker asker_of(const struct request *r)
{
	return r->who.kind == WHO_CITIZEN ? REFUND_ASKED_BY_PERSON : r->who.kind == WHO_DEPARTMENT ? REFUND_ASKED_BY_UNIT : REFUND_ASKED_BY_OFFICE;
}

bool refunding_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct refunding *w = r->state;
	struct refundable of;
	struct refund out;
	struct notice n;
	uint8_t random[32];
	request_bytes(r, "refund", random);
	if (!may_ask(tx, r, w, &n, &of, &r->arena, why))
		return false;
	struct refund_new ask = { .key = id_make(r->now_ms, random), .of = &of, .asker = asker_of(r), .asked_by = r->who.kind == WHO_CITIZEN ? principal_whose(&r->who) : r->who.id,
		.refundable_fen = w->refundable_fen, .fen = w->fen, .items = w->item_count > 0 ? w->items : NULL, .item_count = w->item_count, .ground = (enum refund_ground)w->ground, .reason = w->reason, .now_ms = r->now_ms, .salt = random + 16 };
	if (!refund_ask(tx, &ask, &out, why))
		return false;
	struct audit a = { AUDIT_REFUND_ASKED, AUDIT_OF_REFUND, out.id, .result = 201, .department = out.department, .region = out.division };
	r->outcome = (struct outcome){ .code = ASKED, .status = 201, .n = { [N_REFUND] = out.id, [N_STATE] = out.state, [N_FEN] = out.fen } };
	refund_key_text(out.key, r->outcome.text);
	return audit_add(tx, r, &a, why);
}

static struct str state_for(const struct request *r, int64_t state)
{
	return r->who.kind == WHO_CITIZEN ? refund_state_shown(state) : refund_state_text(state);
}

bool refunding_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, r->outcome.status);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(r->outcome.text));
	json_add_plain(&j, "state", state_for(r, r->outcome.n[N_STATE]));
	json_add_number(&j, "amount_fen", r->outcome.n[N_FEN]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

/* ---- acts upon one ---- */

bool refund_one_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct refund_one *o = request_state(r, sizeof(*o), why);
	if (o == NULL || !request_query_only(r, no_query, why))
		return false;
	return refund_key(r->params[0], &o->key) || FAILS(why, NOT_FOUND, "not a refund's id");
}

bool refund_one_again(struct tx *tx, struct request *r, struct refund *out, struct fail *why)
{
	const struct refund_one *o = r->state;
	return refund_find(tx, o->key, out, &r->arena, why) && (out->id != 0 || FAILS(why, NOT_FOUND, "no such refund"));
}

bool refund_one_done(struct tx *tx, struct request *r, const struct refund *f, int act, struct str note, struct fail *why)
{
	struct audit a = { (enum audit_act)act, AUDIT_OF_REFUND, f->id, .result = 200, .reason = note, .department = f->department, .region = f->division };
	r->outcome = (struct outcome){ .code = ACTED, .status = 200, .n = { [N_REFUND] = f->id, [N_STATE] = f->state, [N_FEN] = f->fen } };
	refund_key_text(f->key, r->outcome.text);
	return audit_add(tx, r, &a, why);
}

bool refund_done_render(struct request *r, struct fail *why)
{
	return refunding_render(r, why);
}

/* ---- how one is written ---- */

static bool names_look(struct tx *tx, const struct refund *f, struct refund_view *v, struct arena *a, struct fail *why)
{
	struct odd_row odd;
	if (f->odd != 0) {
		if (!odd_money_by_id(tx, f->odd, &odd, a, why))
			return false;
		v->odd = odd.key;
		v->unit_name = STR_NONE;
		return true;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT payment_code, unit_name FROM pay_notice WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, f->notice);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "notice %lld", (long long)f->notice);
	struct str code = stmt_text(q, 0);
	memcpy(v->payment_code, code.at, code.len < PAYMENT_CODE_DIGITS ? code.len : PAYMENT_CODE_DIGITS);
	v->unit_name = str_copy(a, stmt_text(q, 1));
	return !a->refused || FAILS(why, MEMORY, "a refund's names");
}

/* From the day after it came into this state, so many working days of its place. */
static bool due_look(struct tx *tx, const struct refund *f, struct refund_view *v, struct fail *why)
{
	const struct config *c = services_config();
	const int64_t days[] = { [REFUND_CLOCK_REVIEW] = c->refund_review_days, [REFUND_CLOCK_DECIDE] = c->refund_decide_days, [REFUND_CLOCK_PAY] = c->refund_pay_days };
	enum refund_clock clock = refund_state_clock(f->state);
	struct workdays w;
	int64_t since_ms = f->since_ms;
	if (clock == REFUND_CLOCK_NONE)
		return true;
	for (int i = v->step_count - 1; i >= 0 && refund_state_clock(v->steps[i].state) == clock; i--)
		since_ms = v->steps[i].made_ms; /* several states may be of one clock */
	if (!calendar_load(tx, f->division, &w, why))
		return false;
	int32_t day = day_of(since_ms);
	v->has_due = workdays_know(&w, day) && workdays_select(&w, workdays_rank(&w, day) + (int32_t)days[clock], &v->due);
	return true;
}

bool refund_view_look(struct tx *tx, struct request *r, const struct refund *of, struct refund_view *v, struct fail *why)
{
	*v = (struct refund_view){ .refund = *of };
	return names_look(tx, of, v, &r->arena, why) && refund_reason(tx, of->id, &v->reason, &v->refusal, &r->arena, why) && refund_steps(tx, of->id, v->steps, &v->step_count, why) &&
	       refund_items(tx, of, v->items, &v->item_count, &r->arena, why) &&
	       due_look(tx, of, v, why);
}

static void text_or_nothing(struct json_out *j, const char *name, struct str s)
{
	if (s.len > 0)
		json_add_text(j, name, s);
	else
		json_add_nothing(j, name);
}

static void items_out(struct json_out *j, const struct refund_view *v)
{
	json_put_name(j, "items");
	json_put_array(j);
	for (int i = 0; i < v->item_count; i++) {
		json_put_object(j);
		json_add_number(j, "n", v->items[i].n);
		json_add_text(j, "item", v->items[i].item);
		json_add_text(j, "name", v->items[i].name);
		json_add_number(j, "amount_fen", v->items[i].fen);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static void steps_out(struct json_out *j, const struct refund_view *v, bool is_for_person)
{
	int64_t last = 0;
	json_put_name(j, "steps");
	json_put_array(j);
	for (int i = 0; i < v->step_count; i++) {
		int64_t state = v->steps[i].state;
		if (is_for_person && last != 0 && str_eq(refund_state_shown(state), refund_state_shown(last)))
			continue; /* to her nothing happened */
		last = state;
		json_put_object(j);
		json_add_plain(j, "state", is_for_person ? refund_state_shown(state) : refund_state_text(state));
		json_add_time(j, "at", v->steps[i].made_ms);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

void refund_view_members(struct json_out *j, const struct refund_view *v, bool is_for_person)
{
	static const struct str askers[] = { [REFUND_ASKED_BY_PERSON] = { "payer", 5 }, [REFUND_ASKED_BY_UNIT] = { "unit", 4 }, [REFUND_ASKED_BY_OFFICE] = { "office", 6 } };
	const struct refund *f = &v->refund;
	char key[ID_TEXT_BYTES], odd[ID_TEXT_BYTES] = "";
	refund_key_text(f->key, key);
	if (f->odd != 0)
		odd_money_key_text(v->odd, odd);
	json_add_text(j, "id", str_c(key));
	json_add_plain(j, "state", is_for_person ? refund_state_shown(f->state) : refund_state_text(f->state));
	text_or_nothing(j, "payment_code", str_c(v->payment_code));
	text_or_nothing(j, "unit_name", v->unit_name);
	json_add_number(j, "amount_fen", f->fen);
	items_out(j, v);
	json_add_plain(j, "ground", refund_ground_text(f->ground));
	text_or_nothing(j, "reason", v->reason);
	text_or_nothing(j, "refusal", v->refusal);
	json_add_plain(j, "asked_by", askers[f->asker]);
	json_add_plain(j, "channel", pay_channel_name(f->channel));
	text_or_nothing(j, "path", refund_path_text(f->path));
	json_add_day(j, "due_on", v->has_due, v->due);
	json_add_time(j, "made_at", f->made_ms);
	steps_out(j, v, is_for_person);
	if (is_for_person)
		return;
	text_or_nothing(j, "odd_money", str_c(odd));
	json_add_region_code(j, "division", f->division);
	text_or_nothing(j, "word", f->word);
	text_or_nothing(j, "channel_no", f->channel_no);
}

bool refund_one_render(struct request *r, struct fail *why)
{
	const struct refund_one *o = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	refund_view_members(&j, &o->view, r->who.kind == WHO_CITIZEN);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

void refund_sums_out(struct json_out *j, const struct refund_sums *s, int64_t paid_fen)
{
	if (s->under_way_fen == 0 && s->done_fen == 0) {
		json_add_nothing(j, "refund");
		return;
	}
	struct str state = refund_sums_text(s, paid_fen);
	json_put_name(j, "refund");
	json_put_object(j);
	json_add_plain(j, "state", state.at != NULL ? state : STR("partly_refunded"));
	json_add_number(j, "under_way_fen", s->under_way_fen);
	json_add_number(j, "done_fen", s->done_fen);
	json_put_object_end(j);
}

/* ---- lists ---- */

bool refund_page_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", "state", NULL };
	struct cursor from = { 0, INT64_MAX };
	struct str state;
	bool has_cursor;
	int limit;
	if (!request_query_only(r, names, why) || !request_page(r, &from, &has_cursor, &limit, why) || !request_query(r, "state", &state, why))
		return false;
	struct refund_page *p = request_state(r, sizeof(*p) + (size_t)limit * sizeof(p->items[0]), why);
	if (p == NULL)
		return false;
	p->limit = limit;
	p->filter.below = from.id;
	p->found = arena_alloc(&r->arena, ((size_t)limit + 1) * sizeof(*p->found));
	if (p->found == NULL)
		return FAILS(why, MEMORY, "%d refunds", limit);
	if (state.at != NULL && (p->filter.state = refund_state_named(state)) == 0)
		return FAILS_FIELD(why, QUERY, "state", "no such state");
	return true;
}

bool refund_page_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct refund_page *p = r->state;
	struct refund_filter *f = &p->filter;
	f->person = r->who.kind == WHO_CITIZEN ? principal_whose(&r->who) : 0;
	f->department = r->who.kind == WHO_DEPARTMENT ? r->who.id : 0;
	f->region = r->who.kind == WHO_STAFF ? r->who.region : 0;
	if (!refund_list(tx, f, p->found, p->limit + 1, &p->count, &r->arena, why))
		return false;
	p->is_more = p->count > p->limit;
	p->count -= p->is_more;
	for (int i = 0; i < p->count; i++)
		if (!refund_view_look(tx, r, &p->found[i], &p->items[i], why))
			return false;
	return true;
}

bool refund_page_render(struct request *r, struct fail *why)
{
	const struct refund_page *p = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < p->count; i++) {
		json_put_object(&j);
		refund_view_members(&j, &p->items[i], r->who.kind == WHO_CITIZEN);
		json_put_object_end(&j);
	}
	struct cursor next = { 0, p->is_more ? p->items[p->count - 1].refund.id : 0 };
	return reply_list_end(r, &j, p->is_more ? &next : NULL, why);
}
