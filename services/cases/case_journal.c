/* services/cases/case_journal.c - departments' systems repeat, overtake and retry themselves; the timeline must not show it. */
#include "services/cases/case_journal.h"
#include "base/day.h"
#include "notify/message.h"
#include "services/applying/application_tell.h"
#include "services/cases/case_clock.h"
#include "services/cases/case_row.h"
#include "services/cases/demand.h"
#include "services/cases/joint.h"
#include "services/supervision/case_tally.h"
#include "services/voices/rating_invitation.h"
#include "store/fact.h"
#include <assert.h>

bool journal_case(struct tx *tx, struct case_file *c, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, last_seq, state, case_no, region, person, names, parts FROM cases WHERE department = $1 AND case_ref = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->department);
	stmt_bind_text(q, 2, c->case_ref);
	c->id = c->last_seq = c->stored_seq = 0;
	c->state = CASE_NONE;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	struct str no = stmt_text(q, 3);
	assert(no.len == CASE_NUMBER_LENGTH);
	c->id = stmt_int(q, 0);
	c->last_seq = c->stored_seq = stmt_int(q, 1);
	c->state = (enum case_state)stmt_int(q, 2);
	c->region = stmt_int(q, 4);
	c->person = stmt_int(q, 5);
	c->names = stmt_int(q, 6);
	c->parts = stmt_int(q, 7);
	memcpy(c->case_no, no.at, no.len);
	c->case_no[no.len] = '\0';
	return true;
}

bool journal_lock(struct tx *tx, const struct case_file *c, struct fail *why)
{
	struct {
		int64_t department;
		char case_ref[CASE_TEXT_MAX];
	} name = { .department = c->department };
	assert(c->case_ref.len <= sizeof(name.case_ref));
	memcpy(name.case_ref, c->case_ref.at, c->case_ref.len);
	return tx_lock(tx, "case", (struct str){ (const char *)&name, sizeof(name) }, why);
}

/* ---- seen before? ---- */

static enum journal_seen verdict(struct stmt *q, const struct journal_entry *e, enum journal_seen same)
{
	struct str stored = stmt_blob(q, 0);
	for (int i = 0; i < e->digest_count; i++)
		if (str_eq(stored, (struct str){ (const char *)e->digests[i], SHA256_BYTES }))
			return same;
	return JOURNAL_OTHER_CONTENT;
}

enum journal_seen journal_seen(struct tx *tx, int64_t department, const struct journal_entry *e, enum case_state *refused_in, struct fail *why)
{
	*refused_in = CASE_NONE;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT digest FROM case_event WHERE department = $1 AND event_id = $2", why);
		if (q == NULL)
			return JOURNAL_FAILED;
		stmt_bind_int(q, 1, department);
		stmt_bind_text(q, 2, e->event_id);
		if (stmt_row(q, why))
			return verdict(q, e, JOURNAL_APPLIED);
		if (why->code != FAIL_NONE)
			return JOURNAL_FAILED;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT digest, refused_in FROM held_event WHERE department = $1 AND event_id = $2", why);
	if (q == NULL)
		return JOURNAL_FAILED;
	stmt_bind_int(q, 1, department);
	stmt_bind_text(q, 2, e->event_id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE ? JOURNAL_NEW : JOURNAL_FAILED;
	*refused_in = (enum case_state)stmt_int(q, 1);
	return verdict(q, e, *refused_in == CASE_NONE ? JOURNAL_WAITING : JOURNAL_REFUSED);
}

/* ---- its turn ---- */

static bool event_insert(struct tx *tx, const struct case_file *c, const struct journal_entry *e, enum case_state to, int64_t fact, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO case_event (fact, case_id, seq, department, event_id, digest, event, state, note, occurred_ms, received_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, fact);
	stmt_bind_int(q, 2, c->id);
	stmt_bind_int(q, 3, e->seq);
	stmt_bind_int(q, 4, c->department);
	stmt_bind_text(q, 5, e->event_id);
	stmt_bind_blob(q, 6, e->digests[0], SHA256_BYTES);
	stmt_bind_int(q, 7, e->event);
	stmt_bind_int(q, 8, to);
	stmt_bind_text(q, 9, e->note);
	stmt_bind_int(q, 10, e->occurred_ms);
	stmt_bind_int(q, 11, e->received_ms);
	return stmt_run(q, why);
}

/* In the order of store/facts.def. */
static bool event_fact(struct tx *tx, const struct case_file *c, const struct journal_entry *e, enum case_state to, int64_t fact, struct fail *why)
{
	struct fact f = { FACT_CASE_EVENT, c->id, e->seq, c->department, c->region, c->now_ms };
	struct fact_content content;
	fact_content(&content, fact_row_of(FACT_CASE_EVENT));
	fact_int(&content, fact);
	fact_int(&content, c->id);
	fact_int(&content, e->seq);
	fact_int(&content, c->department);
	fact_text(&content, e->event_id);
	fact_bytes(&content, (struct str){ (const char *)e->digests[0], SHA256_BYTES });
	fact_int(&content, e->event);
	fact_int(&content, to);
	fact_text(&content, e->note);
	fact_int(&content, e->occurred_ms);
	fact_int(&content, e->received_ms);
	return fact_add(tx, fact, &f, &content, why);
}

/* The applicant hears of it in the same transaction: the stream, and the inbox where there are words for it. */
static bool tell_applicant(struct tx *tx, const struct case_file *c, const struct journal_entry *e, const struct demand_told *told, struct fail *why)
{
	int by_event = (e->by_applicant ? CASE_WORDS_OF_APPLICANT : told->list.at != NULL ? CASE_WORDS_OF_DEMAND : CASE_WORDS_OF_EVENT) + (int)e->event;
	int words = e->by_applicant || template_for(by_event) != 0 ? by_event : (int)c->state;
	struct case_news news = { .person = c->person, .case_id = c->id, .seq = c->last_seq, .state = (int)c->state, .words = words,
				  .case_no = { c->case_no, CASE_NUMBER_LENGTH }, .list = told->list, .due = told->due };
	struct case_names names;
	if (c->pen == NULL || c->parts < 0)
		return true; /* of a joint case people hear of the whole alone */
	if (template_for(words) != 0) {
		if (!case_names_read(tx, c->names, &names, why))
			return false;
		news.matter_name = case_names_get(&names, CASE_NAME_MATTER);
	}
	return message_case_moved(tx, &news, c->pen->now_ms, c->pen->random, c->pen->arena, why);
}

/* What it is called elsewhere, when the event says so; what it said before stays otherwise. */
static bool numbers_keep(struct tx *tx, const struct case_file *c, const struct journal_entry *e, struct fail *why)
{
	if (e->provincial_no.at == NULL && e->project_code.at == NULL)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE cases SET provincial_no = COALESCE($1, provincial_no), project_code = COALESCE($2, project_code) WHERE id = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, e->provincial_no);
	stmt_bind_text(q, 2, e->project_code);
	stmt_bind_int(q, 3, c->id);
	return stmt_run(q, why);
}

static bool clocks_hear(struct tx *tx, const struct case_file *c, const struct journal_entry *e, struct fail *why)
{
	struct clock_move m = { .case_id = c->id, .department = c->department, .region = c->region, .state = c->state, .day = day_of(e->occurred_ms), .seq = e->seq, .now_ms = c->now_ms,
				.extend_days = e->extend_days, .document = e->document, .is_part = c->parts < 0 };
	return clocks_move(tx, &m, why);
}

static bool tallies_hear(struct tx *tx, const struct case_file *c, const struct journal_entry *e, struct fail *why)
{
	struct tally_move m = { .case_id = c->id, .department = c->department, .region = c->region, .seq = e->seq, .now_ms = c->now_ms, .day = day_of(e->occurred_ms),
				.event = e->event, .state = c->state, .in_person = e->in_person };
	return tallies_move(tx, &m, why);
}

bool journal_append(struct tx *tx, struct case_file *c, const struct journal_entry *e, struct fail *why)
{
	enum case_state to, before = c->state;
	struct demand_told told;
	int64_t fact;
	assert(c->id > 0 && e->seq == c->last_seq + 1);
	if (!case_move(c->state, e->event, &to, why) || !joint_allows(tx, c, e->event, to, why))
		return false;
	if (!fact_next(tx, &fact, why) || !event_insert(tx, c, e, to, fact, why) || !event_fact(tx, c, e, to, fact, why))
		return false;
	c->state = to;
	c->last_seq = e->seq;
	/* the clocks before the case's own row, as the job has it that renews them */
	return clocks_hear(tx, c, e, why) && numbers_keep(tx, c, e, why) && tallies_hear(tx, c, e, why) && demand_hear(tx, c, e, before, &told, why) &&
	       joint_moved(tx, c, day_of(e->occurred_ms), why) && tell_applicant(tx, c, e, &told, why) && invitation_note(tx, c, why) && (!e->of_ours || application_told(tx, c, e, why));
}

bool journal_save(struct tx *tx, struct case_file *c, struct fail *why)
{
	for (enum lang lang = 0; lang < LANG_COUNT; lang++)
		tx_touch(tx, ROW_CASE, case_shown_key(c->id, lang));
	if (!clocks_show(tx, c->id, why))
		return false;
	if (c->stored_seq == c->last_seq)
		return true; /* just opened, and nothing waited */
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE cases SET state = $1, last_seq = $2, updated_ms = $3 WHERE id = $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->state);
	stmt_bind_int(q, 2, c->last_seq);
	stmt_bind_int(q, 3, c->now_ms);
	stmt_bind_int(q, 4, c->id);
	c->stored_seq = c->last_seq;
	return stmt_run(q, why);
}

/* ---- before its turn ---- */

static bool seq_is_free(struct tx *tx, const struct case_file *c, const struct journal_entry *e, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT id FROM held_event WHERE department = $1 AND case_ref = $2 AND seq = $3 AND refused_in = 0", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->department);
	stmt_bind_text(q, 2, c->case_ref);
	stmt_bind_int(q, 3, e->seq);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	FAILS(why, SEQ_TAKEN, "another event waits with seq %lld", (long long)e->seq);
	fail_fact_number(why, "next_seq", c->last_seq + 1);
	return false;
}

static bool held_full(const struct case_file *c, int max, struct fail *why)
{
	FAILS(why, HELD_FULL, "%d events wait", max);
	fail_fact_number(why, "awaiting_seq", c->last_seq + 1);
	return false;
}

static bool has_room(struct tx *tx, const struct case_file *c, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT COUNT(*) FROM held_event WHERE department = $1 AND case_ref = $2 AND refused_in = 0", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->department);
	stmt_bind_text(q, 2, c->case_ref);
	if (!stmt_row(q, why))
		return false;
	return stmt_int(q, 0) < CASE_HELD_MAX || held_full(c, CASE_HELD_MAX, why);
}

/* Cases that are never opened, or never go on, wait for ever: a department's system that only sends such must not fill the disk. */
static bool department_has_room(struct tx *tx, const struct case_file *c, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT COUNT(*) FROM (SELECT seq FROM held_event WHERE department = $1 AND refused_in = 0 LIMIT $2) AS waiting", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->department);
	stmt_bind_int(q, 2, CASE_HELD_DEPARTMENT_MAX);
	if (!stmt_row(q, why))
		return false;
	return stmt_int(q, 0) < CASE_HELD_DEPARTMENT_MAX || held_full(c, CASE_HELD_DEPARTMENT_MAX, why);
}

bool journal_hold(struct tx *tx, const struct case_file *c, const struct journal_entry *e, struct fail *why)
{
	int64_t id;
	assert(e->seq > c->last_seq + 1);
	if (!seq_is_free(tx, c, e, why) || !has_room(tx, c, why) || !department_has_room(tx, c, why) || !tx_next_id(tx, "held_event", &id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO held_event (id, department, case_ref, seq, refused_in, event_id, digest, event, note, occurred_ms, received_ms, extend_days, document,"
		" provincial_no, project_code, in_person, demand) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, c->department);
	stmt_bind_text(q, 3, c->case_ref);
	stmt_bind_int(q, 4, e->seq);
	stmt_bind_text(q, 5, e->event_id);
	stmt_bind_blob(q, 6, e->digests[0], SHA256_BYTES);
	stmt_bind_int(q, 7, e->event);
	stmt_bind_text(q, 8, e->note);
	stmt_bind_int(q, 9, e->occurred_ms);
	stmt_bind_int(q, 10, e->received_ms);
	stmt_bind_int(q, 11, e->extend_days);
	stmt_bind_text(q, 12, e->document);
	stmt_bind_text(q, 13, e->provincial_no);
	stmt_bind_text(q, 14, e->project_code);
	stmt_bind_int(q, 15, e->in_person);
	stmt_bind_text(q, 16, e->demand);
	return stmt_run(q, why);
}

/* ---- the gap is closed ---- */

enum step { STEP_NONE, STEP_TAKEN, STEP_REFUSED, STEP_FAILED };

static bool held_drop(struct tx *tx, int64_t held, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM held_event WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, held);
	return stmt_run(q, why);
}

static bool held_refuse(struct tx *tx, int64_t held, enum case_state in, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE held_event SET refused_in = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, in);
	stmt_bind_int(q, 2, held);
	return stmt_run(q, why);
}

/* Appends the waiting event whose turn it is, if there is one; says which row it was. */
static enum step take_next(struct tx *tx, struct case_file *c, int64_t *held, char refused_id[CASE_TEXT_MAX + 1], struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT id, event_id, digest, event, note, occurred_ms, received_ms, extend_days, document, provincial_no, project_code, in_person, demand FROM held_event"
		" WHERE department = $1 AND case_ref = $2 AND seq = $3 AND refused_in = 0", why);
	if (q == NULL)
		return STEP_FAILED;
	stmt_bind_int(q, 1, c->department);
	stmt_bind_text(q, 2, c->case_ref);
	stmt_bind_int(q, 3, c->last_seq + 1);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE ? STEP_NONE : STEP_FAILED;
	*held = stmt_int(q, 0);
	struct str digest = stmt_blob(q, 2);
	assert(digest.len == SHA256_BYTES);
	struct journal_entry e = {
		.event_id = stmt_text(q, 1), .note = stmt_is_null(q, 4) ? STR_NONE : stmt_text(q, 4),
		.digests = (const uint8_t(*)[SHA256_BYTES])digest.at, .digest_count = 1,
		.seq = c->last_seq + 1, .occurred_ms = stmt_int(q, 5), .received_ms = stmt_int(q, 6), .event = (enum case_event)stmt_int(q, 3),
		.extend_days = stmt_int(q, 7), .document = stmt_is_null(q, 8) ? STR_NONE : stmt_text(q, 8),
		.provincial_no = stmt_is_null(q, 9) ? STR_NONE : stmt_text(q, 9), .project_code = stmt_is_null(q, 10) ? STR_NONE : stmt_text(q, 10), .in_person = stmt_int(q, 11) != 0,
		.demand = stmt_is_null(q, 12) ? STR_NONE : stmt_text(q, 12),
	};
	if (journal_append(tx, c, &e, why))
		return STEP_TAKEN;
	if (why->code != FAIL_ILLEGAL_MOVE)
		return STEP_FAILED;
	fail_clear(why); /* the sender of the held event learns of it by department_case_show; this request's own event is fine */
	assert(e.event_id.len <= CASE_TEXT_MAX);
	memcpy(refused_id, e.event_id.at, e.event_id.len);
	refused_id[e.event_id.len] = '\0';
	return STEP_REFUSED;
}

bool journal_release(struct tx *tx, struct case_file *c, struct journal_released *out, struct fail *why)
{
	*out = (struct journal_released){ 0 };
	for (int i = 0; i <= CASE_HELD_MAX; i++) {
		int64_t held = 0;
		switch (take_next(tx, c, &held, out->refused_id, why)) {
		case STEP_NONE:
			return true;
		case STEP_FAILED:
			return false;
		case STEP_REFUSED:
			return held_refuse(tx, held, c->state, why);
		case STEP_TAKEN:
			if (out->from == 0)
				out->from = c->last_seq;
			out->to = c->last_seq;
			if (!held_drop(tx, held, why))
				return false;
			break;
		}
	}
	assert(!"more events waited than may wait");
	return false;
}
