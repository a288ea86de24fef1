/* services/money/receipt_check.c - POST /v1/receipt-verifications, and the rule behind it. */
#include "services/money/receipt_check.h"

#include "auth/keyring.h"
#include "auth/mask.h"
#include "channels/nontax_answer.h"
#include "payments/notice.h"
#include "payments/receipt.h"
#include "services/handlers.h"
#include "services/services.h"

enum { MASKED_FIRST_BYTES = 64 };

struct str receipt_result_text(enum receipt_result result)
{
	static const struct str texts[] = { [RECEIPT_UNKNOWN] = { "no", 2 }, [RECEIPT_GOOD] = { "valid", 5 }, [RECEIPT_CALLED_BACK] = { "reversed", 8 } };
	return texts[result];
}

uint64_t receipt_rate_key(struct str code, struct str number)
{
	uint8_t digest[SHA256_BYTES];
	uint64_t key;
	const struct str parts[] = { code, number };
	keyring_index("rate", parts, 2, digest);
	memcpy(&key, digest, sizeof(key));
	return key | (key == 0);
}

/* ---- the rule ---- */

static enum receipt_result result_of(int64_t state)
{
	switch (state) {
	case RECEIPT_IS_ISSUED:       return RECEIPT_GOOD;
	case RECEIPT_IS_REVERSING:
	case RECEIPT_IS_REVERSED:
	case RECEIPT_IS_NOT_REVERSED: return RECEIPT_CALLED_BACK; /* its money goes back, whatever the paper says */
	default:                      return RECEIPT_UNKNOWN;
	}
}

static bool masked(const struct notice *n, struct str *out, struct arena *a, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, MASKED_FIRST_BYTES);
	mask_name(n->payer_kind, n->payer, &b);
	*out = buf_text(&b);
	return buf_ok(&b) || FAILS(why, MEMORY, "a masked name");
}

/* One look, one comparison, whether there is such a receipt or not: only who fits in all of it is read further. */
bool receipt_check(struct tx *tx, const struct receipt_question *asked, struct receipt_found *out, struct arena *a, struct fail *why)
{
	struct notice n;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT r.check_code, r.amount_fen, r.state, c.notice, r.issued_ms, r.reversed_ms FROM pay_receipt r JOIN pay_confirmation c ON c.id = r.confirmation WHERE r.code = $1 AND r.number = $2"
		" UNION ALL SELECT p.check_code, p.amount_fen, 5, c.notice, p.issued_ms, p.reversed_ms FROM pay_receipt_past p JOIN pay_receipt r ON r.id = p.receipt"
		" JOIN pay_confirmation c ON c.id = r.confirmation WHERE p.code = $1 AND p.number = $2", why);
	_Static_assert(RECEIPT_IS_REVERSED == 5, "as the statement says");
	*out = (struct receipt_found){ .result = RECEIPT_UNKNOWN };
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, asked->code);
	stmt_bind_text(q, 2, asked->number);
	bool is_there = stmt_row(q, why);
	if (!is_there && why->code != FAIL_NONE)
		return false;
	bool fits = str_same_secret(is_there ? stmt_text(q, 0) : STR("000000"), asked->check_code);
	if (!is_there || !fits || stmt_int(q, 1) != asked->amount_fen || result_of(stmt_int(q, 2)) == RECEIPT_UNKNOWN)
		return true;
	*out = (struct receipt_found){ .result = result_of(stmt_int(q, 2)), .issued_ms = stmt_int(q, 4), .reversed_ms = stmt_int(q, 5) };
	if (!notice_read(tx, stmt_int(q, 3), &n, a, why))
		return false;
	out->unit_name = n.unit_name;
	return masked(&n, &out->payer, a, why);
}

/* ---- POST /v1/receipt-verifications ---- */

struct verifying {
	struct receipt_question question;
	struct receipt_found found;
};

static bool verify_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = {
		{ "code", JSON_F_TEXT, true, 1, NONTAX_RECEIPT_MAX, offsetof(struct receipt_question, code), check_visible_ascii },
		{ "number", JSON_F_TEXT, true, 1, NONTAX_RECEIPT_MAX, offsetof(struct receipt_question, number), check_visible_ascii },
		{ "check_code", JSON_F_TEXT, true, 1, NONTAX_RECEIPT_MAX, offsetof(struct receipt_question, check_code), check_visible_ascii },
		{ "amount_fen", JSON_F_INT, true, 1, NOTICE_FEN_MAX, offsetof(struct receipt_question, amount_fen), NULL },
	};
	struct verifying *v = request_state(r, sizeof(*v), why);
	if (v == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), &v->question, why))
		return false;
	r->rate_key = receipt_rate_key(v->question.code, v->question.number);
	return true;
}

static bool verify_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct verifying *v = r->state;
	return receipt_check(tx, &v->question, &v->found, &r->arena, why);
}

static void found_out(struct json_out *j, const struct verifying *v)
{
	const struct receipt_found *f = &v->found;
	json_put_name(j, "receipt");
	json_put_object(j);
	json_add_text(j, "unit_name", f->unit_name);
	json_add_text(j, "payer", f->payer);
	json_add_number(j, "amount_fen", v->question.amount_fen);
	json_add_time(j, "issued_at", f->issued_ms);
	if (f->reversed_ms > 0)
		json_add_time(j, "reversed_at", f->reversed_ms);
	else
		json_add_nothing(j, "reversed_at");
	json_put_object_end(j);
}

static bool verify_render(struct request *r, struct fail *why)
{
	const struct verifying *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_plain(&j, "result", receipt_result_text(v->found.result));
	if (v->found.result != RECEIPT_UNKNOWN)
		found_out(&j, v);
	else
		json_add_nothing(&j, "receipt");
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler receipt_verify = { .parse = verify_parse, .look = verify_look, .render = verify_render };
