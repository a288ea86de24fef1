/* services/applying/application_submit.c - an application becomes a case, once; handed in again where its case waits for that; or withdrawn.
 *
 * Everything is judged before the write lane, on the edition that was read; the write itself names that edition, so what was judged is what is handed in. A verdict
 * is told from apply alone: there a repeat under its Idempotency-Key has found its answer already. */
#include "auth/audit.h"
#include "auth/keyring.h"
#include "auth/right.h"
#include "services/applying/application_view.h"
#include "services/applying/material.h"
#include "services/cases/case_opening.h"
#include "services/cases/case_row.h"
#include "services/cases/demand.h"
#include "services/handlers.h"
#include "services/services.h"

#include <stdio.h>

enum { HANDED_IN = 1, WITHDRAWN = 2, N_SEQ = 0, N_STATE = 1, N_NUMBER = 2, EVENT_ID_BYTES = ID_TEXT_BYTES + 24 };

/* What handing in means, by where the case is. */
static const struct {
	enum case_state in;
	enum case_event event;
} ways[] = {
	{ CASE_NONE, CASE_EVENT_SUBMITTED },
	{ CASE_PRE_RETURNED, CASE_EVENT_SUBMITTED },
	{ CASE_CORRECT_PRE, CASE_EVENT_CORRECT_PRE_DONE },
	{ CASE_CORRECT, CASE_EVENT_CORRECT_DONE },
	{ CASE_ACCEPTED, CASE_EVENT_FOLLOWED }, /* only while something that may follow is awaited */
};

struct handing {
	struct application ap;
	struct application_view v;
	struct fail verdict;
};

static bool submit_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	return request_state(r, sizeof(struct handing), why) != NULL && request_query_only(r, no_query, why);
}

static bool outdated(const struct application *ap, struct fail *why)
{
	FAILS(why, APPLICATION_OUTDATED, "application %lld", (long long)ap->id);
	fail_fact_number(why, "pinned_version", ap->guide_version);
	fail_fact_number(why, "current_version", ap->current_version);
	return false;
}

/* By the matter's risk, not by the route: a draft needs no more than its owner. */
static bool known_well(const struct request *r, int level, struct fail *why)
{
	if (level_suffices(&r->who, level, r->now_ms))
		return true;
	FAILS(why, LEVEL, "level %d, needed %d", r->who.level, level);
	fail_fact_number(why, "needed_level", level);
	fail_fact_text(why, "step", level_row(level)->step);
	return false;
}

static bool is_new(const struct application_view *v, int64_t number, int64_t edition)
{
	for (int i = 0; i < v->material_count; i++)
		if (v->materials[i].number == number && v->materials[i].added > edition)
			return true;
	return false;
}

/* All that was to follow has come, and since the last time. */
static bool what_follows(struct tx *tx, struct request *r, struct handing *h, struct fail *why)
{
	struct submission s;
	bool found;
	uint64_t numbers;
	if (!submission_last(tx, h->ap.case_id, 0, &r->arena, &s, &found, why) || !demand_follows(tx, h->ap.case_id, &numbers, why))
		return false;
	for (int64_t n = 1; n <= MATERIAL_NUMBERS_MAX && h->v.wrong_count < APPLICATION_WRONG_MAX; n++) {
		char pointer[32];
		if ((numbers >> n & 1) == 0 || is_new(&h->v, n, found ? s.edition : 0))
			continue;
		int len = snprintf(pointer, sizeof pointer, "/materials/%lld", (long long)n);
		struct str kept = str_copy(&r->arena, (struct str){ pointer, (size_t)len });
		if (kept.at == NULL)
			return FAILS(why, MEMORY, "what is missing");
		h->v.wrong[h->v.wrong_count++] = (struct wrong_field){ kept, "missing" };
	}
	return application_whole(r, &h->v, &h->verdict) || h->verdict.code == FAIL_FORM;
}

/* Noted, not told: see above. What the world's failures are, is told at once. */
static bool judge(struct tx *tx, struct request *r, struct handing *h, struct fail *why)
{
	fail_clear(&h->verdict);
	h->v.ap = h->ap;
	if (!application_takes_files(&h->ap))
		return application_closed(&h->ap, &h->verdict) || true;
	if (application_is_outdated(&h->ap))
		return outdated(&h->ap, &h->verdict) || true;
	bool whole = application_judge(tx, r, &h->v, h->ap.guide, h->ap.answers, FIELDS_WHOLE, &h->verdict);
	if (!whole && h->verdict.code != FAIL_FORM) {
		*why = h->verdict;
		return false;
	}
	if (whole && known_well(r, h->v.level, &h->verdict) && h->ap.follows)
		return what_follows(tx, r, h, why);
	return true;
}

static bool submit_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct handing *h = r->state;
	bool is_seen;
	return application_asked(tx, r, &h->ap, &is_seen, why) && (!is_seen || judge(tx, r, h, why));
}

/* ---- the case ---- */

struct entry {
	struct journal_entry e;
	char event_id[EVENT_ID_BYTES];
	uint8_t digests[KEYRING_INDEX_MAX][SHA256_BYTES];
};

static void entry_make(struct entry *to, const struct request *r, const struct application *ap, enum case_event event, int64_t seq)
{
	char key[ID_TEXT_BYTES], number[21];
	id_text(ap->key, APPLICATION_PREFIX, key);
	snprintf(to->event_id, sizeof to->event_id, "%s.%lld", key, (long long)seq);
	struct str parts[] = { str_c(to->event_id), case_event_row(event)->name, { number, i64_text(seq, number) }, ap->answers };
	int count = keyring_index_all("event", parts, 4, to->digests);
	to->e = (struct journal_entry){ .event_id = str_c(to->event_id), .digests = (const uint8_t(*)[SHA256_BYTES])to->digests, .digest_count = count, .seq = seq,
					.occurred_ms = r->now_ms, .received_ms = r->now_ms, .event = event, .by_applicant = true, .of_ours = true };
}

static bool open_case(struct tx *tx, const struct application *ap, struct case_file *c, struct fail *why)
{
	struct opening o = { .event = CASE_EVENT_SUBMITTED, .matter = ap->matter_code, .region = ap->region, .person = ap->person, .guide = ap->guide };
	return case_open(tx, &o, c, why);
}

/* Its department's system may be telling of it at the same moment. */
static bool take_case(struct tx *tx, const struct application *ap, struct case_file *c, struct fail *why)
{
	c->department = ap->department;
	c->case_ref = str_c(ap->case_no);
	return journal_lock(tx, c, why) && journal_case(tx, c, why) && (c->id == ap->case_id || FAILS(why, STORE, "case %lld is gone", (long long)ap->case_id));
}

static bool write_event(struct tx *tx, const struct request *r, const struct application *ap, struct case_file *c, enum case_event event, struct fail *why)
{
	struct entry entry;
	struct journal_released released;
	entry_make(&entry, r, ap, event, c->last_seq + 1);
	return journal_append(tx, c, &entry.e, why) && journal_release(tx, c, &released, why) && journal_save(tx, c, why);
}

static void outcome_of(struct request *r, const struct case_file *c, int code, int status, int64_t seq, int64_t number)
{
	r->outcome = (struct outcome){ .code = code, .status = status, .n = { [N_SEQ] = seq, [N_STATE] = c->state, [N_NUMBER] = number } };
	memcpy(r->outcome.text, c->case_no, CASE_NUMBER_LENGTH);
}

static bool note(struct tx *tx, const struct request *r, const struct case_file *c, enum audit_act act, int status, struct fail *why)
{
	struct audit a = { act, AUDIT_OF_CASE, c->id, .result = status, .department = c->department, .region = c->region };
	return audit_add(tx, r, &a, why);
}

static bool is_as_judged(struct tx *tx, struct request *r, const struct application *ap, struct fail *why)
{
	struct application now;
	bool is_same;
	if (!application_hold(tx, ap, &r->arena, &is_same, &now, why))
		return false;
	return is_same || (application_takes_files(&now) ? application_behind(&now, why) : application_closed(&now, why));
}

/* Its department may have said so itself meanwhile, and then it is not awaited any more. */
static bool is_awaited(struct tx *tx, const struct application *ap, enum case_event event, struct fail *why)
{
	uint64_t numbers;
	if (event != CASE_EVENT_FOLLOWED)
		return true;
	if (!demand_follows(tx, ap->case_id, &numbers, why))
		return false;
	return numbers != 0 || application_closed(ap, why);
}

static bool submit_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct handing *h = r->state;
	struct application ap = h->ap;
	struct case_pen pen = { .now_ms = r->now_ms, .random = r->random, .arena = &r->arena };
	struct case_file c = { .pen = &pen, .now_ms = r->now_ms };
	uint8_t random[32];
	int64_t n, seq;
	if (h->verdict.code != FAIL_NONE) {
		*why = h->verdict;
		return false;
	}
	if (!is_as_judged(tx, r, &ap, why))
		return false;
	if (ap.case_id == 0 ? !open_case(tx, &ap, &c, why) : !take_case(tx, &ap, &c, why))
		return false;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (ways[i].in == c.state) {
			request_bytes(r, "application", random);
			seq = c.last_seq + 1;
			ap.case_id = c.id;
			return is_awaited(tx, &ap, ways[i].event, why) && write_event(tx, r, &ap, &c, ways[i].event, why) && application_hand_in(tx, &ap, r->who.id, seq, r->now_ms, random, &n, why) &&
			       note(tx, r, &c, h->ap.case_id == 0 ? AUDIT_APPLICATION_SUBMITTED : AUDIT_APPLICATION_SUPPLEMENTED, 201, why) &&
			       (outcome_of(r, &c, HANDED_IN, 201, seq, n), true);
		}
	return application_closed(&ap, why); /* its department was quicker */
}

static bool submit_render(struct request *r, struct fail *why)
{
	const struct outcome *o = &r->outcome;
	enum case_state state = (enum case_state)o->n[N_STATE];
	struct json_out j = reply_json(r, o->status);
	struct buf location;
	json_put_object(&j);
	json_add_text(&j, "case_no", str_c(o->text));
	json_add_number(&j, "seq", o->n[N_SEQ]);
	json_add_plain(&j, "state", case_state_name(state));
	json_add_plain(&j, "status", case_status_of(state)->name);
	if (o->code == HANDED_IN)
		json_add_number(&j, "submission", o->n[N_NUMBER]);
	json_put_name(&j, "next");
	json_put_object(&j);
	json_add_plain(&j, "action", case_next_name(case_state_row(state)->next));
	json_add_plain(&j, "text", case_state_row(state)->advice[r->lang]);
	json_put_object_end(&j);
	json_put_object_end(&j);
	buf_init(&location, &r->arena, 64);
	buf_printf(&location, "/v1/cases/%s", o->text);
	if (!buf_ok(&location))
		return FAILS(why, MEMORY, "location");
	reply_header(r, "location", buf_text(&location));
	return reply_json_end(r, &j, why);
}

const struct handler application_submit = { .parse = submit_parse, .look = submit_look, .apply = submit_apply, .render = submit_render };

/* ---- withdrawn ---- */

static bool withdraw_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct handing *h = r->state;
	bool is_seen;
	fail_clear(&h->verdict);
	if (!application_asked(tx, r, &h->ap, &is_seen, why))
		return false;
	if (is_seen && h->ap.case_id == 0)
		application_closed(&h->ap, &h->verdict); /* a draft is thrown away */
	return true;
}

static bool withdraw_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct handing *h = r->state;
	struct case_pen pen = { .now_ms = r->now_ms, .random = r->random, .arena = &r->arena };
	struct case_file c = { .pen = &pen, .now_ms = r->now_ms };
	int64_t seq;
	if (h->verdict.code != FAIL_NONE) {
		*why = h->verdict;
		return false;
	}
	if (!take_case(tx, &h->ap, &c, why))
		return false;
	seq = c.last_seq + 1;
	outcome_of(r, &c, WITHDRAWN, 200, seq, 0);
	if (!write_event(tx, r, &h->ap, &c, CASE_EVENT_WITHDRAWN, why) || !note(tx, r, &c, AUDIT_APPLICATION_WITHDRAWN, 200, why))
		return false;
	r->outcome.n[N_STATE] = c.state;
	return true;
}

const struct handler application_withdraw = { .parse = submit_parse, .look = withdraw_look, .apply = withdraw_apply, .render = submit_render };
