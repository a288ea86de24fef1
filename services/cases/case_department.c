/* services/cases/case_department.c - a case as its department's system must see it to go on: what comes next, what waits, what was refused. */
#include "base/day.h"
#include "services/cases/case_journal.h"
#include "services/cases/joint.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/store.h"

struct waiting {
	struct str event_id;
	int64_t seq;
	enum case_state refused_in; /* CASE_NONE: waits */
};

struct department_view {
	struct case_file file;
	int held_count, refused_count;
	struct waiting held[CASE_HELD_MAX], refused[CASE_HELD_MAX]; /* of the refused, the latest */
	struct parts parts;                        /* of a whole, for its lead */
	struct str part_code, part_name;           /* of a part, for its department: that, and where the whole is */
	enum case_state whole_state;
};

static bool view_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { NULL };
	struct department_view *v = request_state(r, sizeof(*v), why);
	if (v == NULL || !request_query_only(r, names, why))
		return false;
	v->file.case_ref = r->params[0];
	return (v->file.case_ref.len <= CASE_TEXT_MAX && str_is_visible_ascii(v->file.case_ref)) || FAILS(why, NOT_FOUND, "not a case_ref");
}

static bool rows_of(struct request *r, struct stmt *q, struct waiting *to, int *count, struct fail *why)
{
	while (*count < CASE_HELD_MAX && stmt_row(q, why)) {
		struct waiting w = { str_copy(&r->arena, stmt_text(q, 0)), stmt_int(q, 1), (enum case_state)stmt_int(q, 2) };
		if (w.event_id.at == NULL)
			return FAILS(why, MEMORY, "an event id");
		to[(*count)++] = w;
	}
	return why->code == FAIL_NONE;
}

static bool held_look(struct tx *tx, struct request *r, struct department_view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT event_id, seq, refused_in FROM held_event WHERE department = $1 AND case_ref = $2 AND refused_in = 0 ORDER BY seq", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->file.department);
	stmt_bind_text(q, 2, v->file.case_ref);
	return rows_of(r, q, v->held, &v->held_count, why);
}

static bool refused_look(struct tx *tx, struct request *r, struct department_view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT event_id, seq, refused_in FROM held_event WHERE department = $1 AND case_ref = $2 AND refused_in > 0"
		" ORDER BY seq DESC LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->file.department);
	stmt_bind_text(q, 2, v->file.case_ref);
	stmt_bind_int(q, 3, CASE_HELD_MAX);
	return rows_of(r, q, v->refused, &v->refused_count, why);
}

static bool part_look(struct tx *tx, struct request *r, struct department_view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT g.code, g.name, w.state FROM case_part p JOIN cases w ON w.id = p.whole JOIN guide_part g ON g.guide = w.guide AND g.n = p.n WHERE p.part = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->file.id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "case %lld is a part of nothing", (long long)v->file.id);
	v->part_code = str_copy(&r->arena, stmt_text(q, 0));
	v->part_name = str_copy(&r->arena, stmt_text(q, 1));
	v->whole_state = (enum case_state)stmt_int(q, 2);
	return (v->part_code.at != NULL && v->part_name.at != NULL) || FAILS(why, MEMORY, "a part");
}

static bool joint_look(struct tx *tx, struct request *r, struct department_view *v, struct fail *why)
{
	if (v->file.parts > 0)
		return joint_parts(tx, v->file.id, &v->parts, &r->arena, why);
	return v->file.parts == 0 || part_look(tx, r, v, why);
}

static bool view_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct department_view *v = r->state;
	v->file.department = r->who.id;
	if (!journal_case(tx, &v->file, why) || !held_look(tx, r, v, why) || !refused_look(tx, r, v, why) || !joint_look(tx, r, v, why))
		return false;
	if (v->file.id == 0 && v->held_count == 0)
		return FAILS(why, NOT_FOUND, "neither opened nor awaited");
	r->owner = v->file.department; /* the read was by it */
	return true;
}

static void waiting_out(struct json_out *j, const struct waiting *w)
{
	json_put_object(j);
	json_add_text(j, "event_id", w->event_id);
	json_add_number(j, "seq", w->seq);
	if (w->refused_in != CASE_NONE) {
		json_add_text(j, "code", str_c(fail_row(FAIL_ILLEGAL_MOVE)->slug));
		json_add_text(j, "state", case_state_name(w->refused_in));
	}
	json_put_object_end(j);
}

static void head_out(struct json_out *j, const struct case_file *c)
{
	json_add_text(j, "case_ref", c->case_ref);
	if (c->id == 0) {
		json_add_nothing(j, "case_no");
		json_add_nothing(j, "state");
	} else {
		json_add_text(j, "case_no", str_c(c->case_no));
		json_add_text(j, "state", case_state_name(c->state));
	}
	json_add_number(j, "last_seq", c->last_seq);
	json_add_number(j, "next_seq", c->last_seq + 1);
}

static void joint_out(struct json_out *j, const struct request *r, const struct department_view *v)
{
	if (v->file.parts > 0)
		joint_parts_out(j, &v->parts, day_of(r->now_ms), r->lang);
	if (v->file.parts >= 0)
		return;
	json_put_name(j, "part");
	json_put_object(j);
	json_add_text(j, "code", v->part_code);
	json_add_text(j, "name", v->part_name);
	json_add_plain(j, "whole_state", case_state_name(v->whole_state));
	json_put_object_end(j);
}

static bool view_render(struct request *r, struct fail *why)
{
	const struct department_view *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	head_out(&j, &v->file);
	joint_out(&j, r, v);
	json_put_name(&j, "held");
	json_put_array(&j);
	for (int i = 0; i < v->held_count; i++)
		waiting_out(&j, &v->held[i]);
	json_put_array_end(&j);
	json_put_name(&j, "refused");
	json_put_array(&j);
	for (int i = v->refused_count; i-- > 0;)
		waiting_out(&j, &v->refused[i]);
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler department_case_show = { .parse = view_parse, .look = view_look, .render = view_render };
