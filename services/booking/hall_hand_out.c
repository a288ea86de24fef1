/* services/booking/hall_hand_out.c - POST /v1/hall/cases/:no/hand-out: a clerk gives out what lies ready, to whoever shows the code; once. */
#include "auth/audit.h"
#include "auth/tenancy.h"
#include "services/cases/case_row.h"
#include "services/cases/result.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/expiring.h"

#include <stddef.h>
#include <stdio.h>

enum { HANDED = 1, N_STATE = 0, N_SEQ = 1, N_MS = 2, N_MANDATE = 3 };

struct handing_out {
	struct case_question question;
	struct str digits, case_ref;
	int64_t department, region, tries_left;
	bool may_try;
};

static bool is_code(struct str s, struct fail *why)
{
	(void)why;
	int64_t n;
	return s.len == PICKUP_DIGITS && s.at[0] != '-' && str_to_i64(s, 0, 999999, &n);
}

static bool hand_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = { { "code", JSON_F_TEXT, true, PICKUP_DIGITS, PICKUP_DIGITS, offsetof(struct handing_out, digits), is_code } };
	struct handing_out *h = request_state(r, sizeof(*h), why);
	return h != NULL && request_query_only(r, no_query, why) && case_question_parse(r->params[0], &h->question, why) && request_json(r, fields, 1, h, why);
}

/* Every try counts before anybody knows what it is worth; one that was right is given back. */
static bool hand_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_PICKUP_TRIES, .key = r->params[0], .limit = PICKUP_TRIES };
	return true;
}

static bool hand_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct handing_out *h = r->state;
	h->may_try = b->op[0].end == EXPIRING_OK;
	h->tries_left = h->may_try ? PICKUP_TRIES - b->op[0].number : 0;
	return true;
}

static bool hand_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct handing_out *h = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT case_no, department, region, case_ref FROM cases WHERE id = $1 AND parts >= 0", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, h->question.id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such case");
	h->department = stmt_int(q, 1);
	r->owner = h->region = stmt_int(q, 2);
	h->case_ref = str_copy(&r->arena, stmt_text(q, 3));
	return case_question_answers(&h->question, stmt_text(q, 0).at, why) && (h->case_ref.at != NULL || FAILS(why, MEMORY, "a case"));
}

static bool wrong_code(const struct handing_out *h, struct fail *why)
{
	FAILS(why, PICKUP_CODE, "case %lld", (long long)h->question.id);
	fail_fact_number(why, "tries_left", h->tries_left);
	return false;
}

/* It is the case's event like its department's own, and the next seq is one higher for it. */
static bool delivered(struct tx *tx, const struct request *r, struct case_file *c, bool in_person, struct fail *why)
{
	char event_id[CASE_TEXT_MAX];
	uint8_t digests[KEYRING_INDEX_MAX][SHA256_BYTES];
	struct journal_released released;
	snprintf(event_id, sizeof event_id, "hand-out.%s", c->case_no);
	struct str parts[] = { str_c(event_id), case_event_row(CASE_EVENT_DELIVERED)->name };
	int count = keyring_index_all("event", parts, 2, digests);
	struct journal_entry e = { .event_id = str_c(event_id), .digests = (const uint8_t(*)[SHA256_BYTES])digests, .digest_count = count, .seq = c->last_seq + 1,
				   .occurred_ms = r->now_ms, .received_ms = r->now_ms, .event = CASE_EVENT_DELIVERED, .in_person = in_person, .of_ours = true };
	return journal_append(tx, c, &e, why) && journal_release(tx, c, &released, why) && journal_save(tx, c, why);
}

static bool note(struct tx *tx, struct request *r, const struct case_file *c, const struct result *done, struct fail *why)
{
	char detail[64];
	if (done->code_mandate != 0)
		snprintf(detail, sizeof detail, "to person %lld, mandate %lld", (long long)done->code_by, (long long)done->code_mandate);
	else
		snprintf(detail, sizeof detail, "to person %lld", (long long)done->code_by);
	struct audit a = { AUDIT_HANDED_OUT, AUDIT_OF_CASE, c->id, .result = 201, .detail = str_c(detail), .department = c->department, .region = c->region };
	return audit_add(tx, r, &a, why);
}

static bool hand_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct handing_out *h = r->state;
	struct case_pen pen = { .now_ms = r->now_ms, .random = r->random, .arena = &r->arena };
	struct case_file c = { .pen = &pen, .now_ms = r->now_ms, .department = h->department, .case_ref = h->case_ref };
	struct result res;
	char digits[PICKUP_DIGITS + 1] = "";
	bool found;
	if (!journal_lock(tx, &c, why) || !journal_case(tx, &c, why) || !result_of(tx, h->question.id, &r->arena, &res, &found, why))
		return false;
	if (!found || res.handed_ms != 0 || !res.collect || c.state != CASE_DONE)
		return FAILS(why, RESULT_STATE, "case %lld has nothing to hand out", (long long)h->question.id);
	memcpy(digits, h->digits.at, PICKUP_DIGITS);
	if (!h->may_try || !pickup_opens(&res, digits, r->now_ms))
		return wrong_code(h, why);
	r->outcome = (struct outcome){ .code = HANDED, .status = 201, .n = { [N_STATE] = CASE_DELIVERED, [N_SEQ] = c.last_seq + 1, [N_MS] = r->now_ms, [N_MANDATE] = res.code_mandate != 0 } };
	memcpy(r->outcome.text, c.case_no, CASE_NUMBER_LENGTH);
	return result_hand_out(tx, &res, r->who.id, r->now_ms, why) && delivered(tx, r, &c, res.code_mandate == 0, why) && note(tx, r, &c, &res, why);
}

static void hand_settle(const struct request *r, struct expiring_batch *b)
{
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_DROP, .class = KEY_PICKUP_TRIES, .key = r->params[0] };
}

static bool hand_render(struct request *r, struct fail *why)
{
	const struct outcome *o = &r->outcome;
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "case_no", str_c(o->text));
	json_add_plain(&j, "state", case_state_name((enum case_state)o->n[N_STATE]));
	json_add_number(&j, "seq", o->n[N_SEQ]);
	json_add_boolean(&j, "by_mandate", o->n[N_MANDATE] != 0);
	json_add_time(&j, "handed_out_at", o->n[N_MS]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler hall_hand_out = { .parse = hand_parse, .recall = hand_recall, .recalled = hand_recalled, .look = hand_look, .apply = hand_apply, .settle = hand_settle,
	.render = hand_render };
