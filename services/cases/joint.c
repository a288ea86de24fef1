/* services/cases/joint.c - the whole and its parts: who waits for whom. */
#include "services/cases/joint.h"

#include "base/day.h"
#include "store/store.h"

#include <assert.h>
#include <stdio.h>

#define EVERY_PART UINT32_MAX

/* ---- how it stands ---- */

static bool is_over(enum case_state s)
{
	return s != CASE_NONE && case_state_row(s)->status == CASE_STATUS_CLOSED;
}

bool part_is_decided(enum case_state s)
{
	if (s == CASE_NONE)
		return false;
	enum case_status status = case_state_row(s)->status;
	return status == CASE_STATUS_DECIDED || status == CASE_STATUS_DONE || status == CASE_STATUS_DELIVERED || status == CASE_STATUS_CLOSED;
}

enum light part_light(const struct part *p, int32_t today)
{
	bool standing = p->clock != CLOCK_NONE_SHOWN && clock_phase_in(p->clock, p->state) == CLOCK_STANDS;
	return light_on(today, p->has_due, p->due, p->yellow, standing);
}

static bool part_of(struct stmt *q, struct part *p, struct arena *a, struct fail *why)
{
	*p = (struct part){ .n = stmt_int(q, 0), .needs = (uint32_t)stmt_int(q, 1), .department_id = stmt_int(q, 2), .case_id = stmt_is_null(q, 3) ? 0 : stmt_int(q, 3) };
	if (p->case_id != 0) {
		p->state = (enum case_state)stmt_int(q, 4);
		p->last_seq = stmt_int(q, 5);
		p->updated_ms = stmt_int(q, 6);
		p->clock = (enum clock_kind)stmt_int(q, 7);
		p->has_due = !stmt_is_null(q, 8);
		p->due = p->has_due ? (int32_t)stmt_int(q, 8) : 0;
		p->yellow = p->has_due ? (int32_t)stmt_int(q, 9) : 0;
	}
	p->code = str_copy(a, stmt_text(q, 10));
	p->name = str_copy(a, stmt_text(q, 11));
	p->department = str_copy(a, stmt_text(q, 12));
	return (p->code.at != NULL && p->name.at != NULL && p->department.at != NULL) || FAILS(why, MEMORY, "a part");
}

bool joint_parts(struct tx *tx, int64_t whole, struct parts *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT p.n, g.needs, p.department, p.part, c.state, c.last_seq, c.updated_ms, c.clock, c.clock_due, c.clock_yellow, g.code, g.name, d.name"
		" FROM case_part p JOIN cases w ON w.id = p.whole JOIN guide_part g ON g.guide = w.guide AND g.n = p.n JOIN department d ON d.id = p.department"
		" LEFT JOIN cases c ON c.id = p.part WHERE p.whole = $1 ORDER BY p.n", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, whole);
	for (out->count = 0; stmt_row(q, why); out->count++) {
		assert(out->count < PARTS_MAX);
		if (!part_of(q, &out->at[out->count], a, why))
			return false;
	}
	return why->code == FAIL_NONE;
}

/* ---- shown ---- */

static void limit_out(struct json_out *j, const struct part *p, int32_t today)
{
	char due[DAY_TEXT_BYTES];
	if (p->case_id == 0 || p->clock == CLOCK_NONE_SHOWN) {
		json_add_nothing(j, "limit");
		return;
	}
	json_put_name(j, "limit");
	json_put_object(j);
	json_add_plain(j, "kind", clock_kind_row(p->clock)->name);
	if (p->has_due) {
		day_text(p->due, due);
		json_add_plain(j, "due_on", str_c(due));
	} else {
		json_add_nothing(j, "due_on");
	}
	json_add_plain(j, "light", light_name(part_light(p, today)));
	json_put_object_end(j);
}

static void needs_out(struct json_out *j, const struct parts *all, uint32_t needs)
{
	json_put_name(j, "after");
	json_put_array(j);
	for (int i = 0; i < all->count; i++)
		if ((needs >> all->at[i].n & 1) != 0)
			json_put_text(j, all->at[i].code);
	json_put_array_end(j);
}

static void part_out(struct json_out *j, const struct parts *all, const struct part *p, int32_t today, enum lang lang)
{
	static const struct str not_begun[LANG_COUNT] = { STR("尚未开始"), STR("Not begun") };
	json_put_object(j);
	json_add_text(j, "code", p->code);
	json_add_text(j, "name", p->name);
	json_put_name(j, "department");
	json_put_object(j);
	json_add_text(j, "name", p->department);
	json_put_object_end(j);
	if (p->case_id == 0) {
		json_add_nothing(j, "state");
		json_add_plain(j, "state_text", not_begun[lang]);
		json_add_nothing(j, "updated_at");
	} else {
		json_add_plain(j, "state", case_state_name(p->state));
		json_add_plain(j, "state_text", case_state_row(p->state)->text[lang]);
		json_add_time(j, "updated_at", p->updated_ms);
	}
	json_add_boolean(j, "decided", part_is_decided(p->state));
	limit_out(j, p, today);
	needs_out(j, all, p->needs);
	json_put_object_end(j);
}

void joint_parts_out(struct json_out *j, const struct parts *all, int32_t today, enum lang lang)
{
	json_put_name(j, "parts");
	json_put_array(j);
	for (int i = 0; i < all->count; i++)
		part_out(j, all, &all->at[i], today, lang);
	json_put_array_end(j);
}

/* ---- changed by one at a time ---- */

static bool whole_of(struct tx *tx, int64_t part, int64_t *whole, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT whole FROM case_part WHERE part = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, part);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "case %lld is a part of nothing", (long long)part);
	*whole = stmt_int(q, 0);
	return true;
}

bool joint_join(struct tx *tx, struct case_file *c, struct fail *why)
{
	if (c->parts == 0)
		return true;
	c->whole = c->id;
	return (c->parts > 0 || whole_of(tx, c->id, &c->whole, why)) && tx_lock_row(tx, "joint", c->whole, why);
}

bool joint_make(struct tx *tx, int64_t whole, int64_t guide, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO case_part (whole, n, department) SELECT CAST($1 AS BIGINT), n, department FROM guide_part WHERE guide = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, whole);
	stmt_bind_int(q, 2, guide);
	return stmt_run(q, why);
}

/* ---- what may happen ---- */

/* The events that decide are not possible now, whatever the table of moves says. */
static bool parts_are_open(const struct case_file *c, enum case_event e, const char *open, int count, struct fail *why)
{
	uint32_t deciding = 0;
	for (int other = 1; other < CASE_EVENT_COUNT; other++)
		if (case_status_of(case_event_row((enum case_event)other)->to) == case_status_row(CASE_STATUS_DECIDED))
			deciding |= 1u << other;
	case_illegal(c->state, e, deciding, why);
	fail_fact_text(why, "open_parts", open);
	fail_fact_number(why, "open_count", count);
	return false;
}

bool joint_open(struct tx *tx, int64_t whole, uint32_t among, char text[PARTS_OPEN_TEXT], int *count, struct fail *why)
{
	size_t len = 0;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT p.n, COALESCE(c.state, 0), g.code FROM case_part p JOIN cases w ON w.id = p.whole JOIN guide_part g ON g.guide = w.guide AND g.n = p.n"
		" LEFT JOIN cases c ON c.id = p.part WHERE p.whole = $1 ORDER BY p.n", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, whole);
	text[0] = '\0';
	*count = 0;
	while (stmt_row(q, why)) {
		struct str code = stmt_text(q, 2);
		if ((among >> stmt_int(q, 0) & 1) == 0 || part_is_decided((enum case_state)stmt_int(q, 1)))
			continue;
		if (len + code.len + 2 <= PARTS_OPEN_TEXT)
			len += (size_t)snprintf(text + len, PARTS_OPEN_TEXT - len, "%s%.*s", len > 0 ? "," : "", STR_ARG(code));
		++*count;
	}
	return why->code == FAIL_NONE;
}

static bool may_decide(struct tx *tx, const struct case_file *c, enum case_event e, struct fail *why)
{
	char open[PARTS_OPEN_TEXT];
	int count;
	if (!joint_open(tx, c->whole, EVERY_PART, open, &count, why))
		return false;
	return count == 0 || parts_are_open(c, e, open, count, why);
}

static bool state_of(struct tx *tx, int64_t id, enum case_state *state, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT state FROM cases WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "no case %lld", (long long)id);
	*state = (enum case_state)stmt_int(q, 0);
	return true;
}

/* The whole is over: there is nothing to be done any more but to end the part too. */
static bool may_go_on(struct tx *tx, const struct case_file *c, enum case_event e, enum case_state to, struct fail *why)
{
	enum case_state whole = CASE_NONE;
	if (!state_of(tx, c->whole, &whole, why))
		return false;
	if (!is_over(whole) || is_over(to) || part_is_decided(c->state))
		return true;
	uint32_t working = 0;
	for (int other = 1; other < CASE_EVENT_COUNT; other++)
		working |= (uint32_t)!is_over(case_event_row((enum case_event)other)->to) << other;
	case_illegal(c->state, e, working, why);
	fail_fact_text(why, "whole_state", case_state_name(whole).at);
	return false;
}

bool joint_allows(struct tx *tx, const struct case_file *c, enum case_event e, enum case_state to, struct fail *why)
{
	if (c->parts < 0)
		return may_go_on(tx, c, e, to, why);
	return c->parts == 0 || case_state_row(to)->status != CASE_STATUS_DECIDED || may_decide(tx, c, e, why);
}

static bool open_cases_of(struct tx *tx, int64_t whole, struct clock_move out[PARTS_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT c.id, c.department, c.state FROM case_part p JOIN cases c ON c.id = p.part WHERE p.whole = $1 ORDER BY p.n", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, whole);
	for (*count = 0; stmt_row(q, why);)
		if (!part_is_decided((enum case_state)stmt_int(q, 2)))
			out[(*count)++] = (struct clock_move){ .case_id = stmt_int(q, 0), .department = stmt_int(q, 1), .is_part = true };
	return why->code == FAIL_NONE;
}

bool joint_moved(struct tx *tx, const struct case_file *c, int32_t day, struct fail *why)
{
	struct clock_move parts[PARTS_MAX];
	int count = 0;
	if (c->parts <= 0 || !is_over(c->state))
		return true;
	if (!open_cases_of(tx, c->whole, parts, &count, why))
		return false;
	for (int i = 0; i < count; i++) {
		parts[i].region = c->region;
		parts[i].state = c->state;
		parts[i].day = day;
		parts[i].now_ms = c->now_ms;
		if (!clocks_move(tx, &parts[i], why) || !clocks_show(tx, parts[i].case_id, why))
			return false;
	}
	return true;
}

/* ---- a part begins ---- */

static bool no_such(struct fail *why)
{
	return FAILS_FIELD(why, FIELD, "/whole", "no such case with such a part of this department");
}

static bool may_begin(struct tx *tx, int64_t whole, enum case_state state, uint32_t needs, struct fail *why)
{
	char open[PARTS_OPEN_TEXT];
	int count;
	if (case_state_row(state)->status != CASE_STATUS_IN_PROGRESS && state != CASE_CORRECT) {
		FAILS(why, ILLEGAL_MOVE, "a part of a case that is not under way");
		fail_fact_text(why, "state", case_state_name(CASE_NONE).at);
		fail_fact_text(why, "whole_state", case_state_name(state).at);
		return false;
	}
	if (!joint_open(tx, whole, needs, open, &count, why))
		return false;
	if (count == 0)
		return true;
	FAILS(why, ILLEGAL_MOVE, "%d parts must be decided before", count);
	fail_fact_text(why, "state", case_state_name(CASE_NONE).at);
	fail_fact_text(why, "open_parts", open);
	fail_fact_number(why, "open_count", count);
	return false;
}

static bool begun_already(struct tx *tx, int64_t part, struct fail *why)
{
	char case_ref[CASE_TEXT_MAX + 1];
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT case_ref FROM cases WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, part);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "no case %lld", (long long)part);
	snprintf(case_ref, sizeof case_ref, "%.*s", STR_ARG(stmt_text(q, 0)));
	FAILS(why, PART_BEGUN, "this part has begun under another case_ref");
	fail_fact_text(why, "case_ref", case_ref);
	return false;
}

struct found {
	int64_t part;              /* 0: it has not begun */
	enum case_state state;     /* of the whole */
	uint32_t needs;
};

static bool place_of(struct tx *tx, const struct part_wish *wish, struct part_place *out, struct found *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT p.n, p.part, g.needs, w.state, w.person, w.matter, w.region, w.type, w.names, w.guide, w.case_no FROM cases w JOIN case_part p ON p.whole = w.id"
		" JOIN guide_part g ON g.guide = w.guide AND g.n = p.n WHERE w.id = $1 AND p.department = $2 AND g.code = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, out->whole);
	stmt_bind_int(q, 2, wish->department);
	stmt_bind_text(q, 3, wish->code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && no_such(why);
	if (!str_eq(stmt_text(q, 10), str_c(out->case_no)))
		return no_such(why);
	out->n = stmt_int(q, 0);
	*found = (struct found){ stmt_is_null(q, 1) ? 0 : stmt_int(q, 1), (enum case_state)stmt_int(q, 3), (uint32_t)stmt_int(q, 2) };
	out->person = stmt_int(q, 4);
	out->matter = stmt_int(q, 5);
	out->region = stmt_int(q, 6);
	out->type = stmt_int(q, 7);
	out->names = stmt_int(q, 8);
	out->guide = stmt_int(q, 9);
	return true;
}

bool joint_find(struct tx *tx, const struct part_wish *wish, struct part_place *out, struct fail *why)
{
	struct found found = { .part = 0 };
	if (!case_number_parse(wish->whole, &out->whole, out->case_no))
		return no_such(why);
	if (!tx_lock_row(tx, "joint", out->whole, why) || !place_of(tx, wish, out, &found, why))
		return false;
	return found.part != 0 ? begun_already(tx, found.part, why) : may_begin(tx, out->whole, found.state, found.needs, why);
}

bool joint_begun(struct tx *tx, const struct part_place *p, int64_t part, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE case_part SET part = $1 WHERE whole = $2 AND n = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, part);
	stmt_bind_int(q, 2, p->whole);
	stmt_bind_int(q, 3, p->n);
	return stmt_run(q, why);
}
