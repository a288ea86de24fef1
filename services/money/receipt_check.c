/* services/money/receipt_check.c - POST /v1/receipt-verifications, and the rule behind it. */
#include "services/money/receipt_check.h"

#include "auth/keyring.h"
#include "auth/mask.h"
#include "channels/nontax_answer.h"
#include "payments/bureau/receipt.h"
#include "payments/notices/notice.h"
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

/* ---- one way to the answer, whatever it is ---- */

struct paper {
	bool is_asked_for;                    /* false: some other, in its place */
	int64_t receipt, n;                   /* n -1: the paper it has now */
	char check_code[NONTAX_RECEIPT_MAX];  /* filled up with NULs */
	int64_t amount_fen, state, notice, issued_ms, reversed_ms; /* notice 0: there is no receipt at all */
};

/* The paper of these numbers; where there is none some other, the same for the same question, so that what is done then is no less. */
static bool paper_find(struct tx *tx, const struct receipt_question *asked, struct paper *p, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT CAST(0 AS BIGINT) AS place, id, CAST(-1 AS BIGINT) FROM pay_receipt WHERE code = $1 AND number = $2"
		" UNION ALL SELECT 1, receipt, n FROM pay_receipt_past WHERE code = $1 AND number = $2"
		" UNION ALL SELECT 2, (SELECT id FROM pay_receipt WHERE id >= $3 % (SELECT MAX(id) + 1 FROM pay_receipt) ORDER BY id LIMIT 1), -1 ORDER BY place LIMIT 1", why);
	*p = (struct paper){ .receipt = 0 };
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, asked->code);
	stmt_bind_text(q, 2, asked->number);
	stmt_bind_int(q, 3, (int64_t)(receipt_rate_key(asked->code, asked->number) >> 1));
	if (!stmt_row(q, why))
		return false;
	p->is_asked_for = stmt_int(q, 0) < 2;
	p->receipt = stmt_int(q, 1);
	p->n = stmt_int(q, 2);
	return true;
}

static bool paper_read(struct tx *tx, struct paper *p, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(p.check_code, r.check_code), COALESCE(p.amount_fen, r.amount_fen), CASE WHEN p.n IS NULL THEN r.state ELSE 5 END, c.notice,"
		" COALESCE(p.issued_ms, r.issued_ms), COALESCE(p.reversed_ms, r.reversed_ms) FROM pay_receipt r JOIN pay_confirmation c ON c.id = r.confirmation"
		" LEFT JOIN pay_receipt_past p ON p.receipt = r.id AND p.n = $1 WHERE r.id = $2", why);
	_Static_assert(RECEIPT_IS_REVERSED == 5, "as the statement says");
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, p->n);
	stmt_bind_int(q, 2, p->receipt);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	struct str code = stmt_text(q, 0);
	memcpy(p->check_code, code.at, code.len < sizeof(p->check_code) ? code.len : sizeof(p->check_code));
	p->amount_fen = stmt_int(q, 1);
	p->state = stmt_int(q, 2);
	p->notice = stmt_int(q, 3);
	p->issued_ms = stmt_int(q, 4);
	p->reversed_ms = stmt_int(q, 5);
	return true;
}

/* As long as any may be, so that not even its length is told. */
static bool same_code(const struct paper *p, struct str asked)
{
	char padded[NONTAX_RECEIPT_MAX] = { 0 };
	memcpy(padded, asked.at, asked.len < sizeof(padded) ? asked.len : sizeof(padded));
	return str_same_secret((struct str){ p->check_code, sizeof(p->check_code) }, (struct str){ padded, sizeof(padded) });
}

/* Wrong, unknown and good are the same statements, comparisons and unsealings in the same order: what is not to be told is read all the same and dropped. */
bool receipt_check(struct tx *tx, const struct receipt_question *asked, struct receipt_found *out, struct arena *a, struct fail *why)
{
	struct paper p;
	struct notice n;
	struct str payer;
	*out = (struct receipt_found){ .result = RECEIPT_UNKNOWN };
	if (!paper_find(tx, asked, &p, why) || !paper_read(tx, &p, why))
		return false;
	if (p.notice == 0)
		return true;
	enum receipt_result result = result_of(p.state);
	bool same = same_code(&p, asked->check_code), fits = (int)p.is_asked_for & (int)same & (int)(p.amount_fen == asked->amount_fen) & (int)(result != RECEIPT_UNKNOWN);
	bool is_read = notice_read(tx, p.notice, &n, a, why) && masked(&n, &payer, a, why);
	if (!fits && why->code == FAIL_SEALED) /* another's payer who does not open is not this question's trouble */
		fail_clear(why);
	if (fits && is_read)
		*out = (struct receipt_found){ .result = result, .unit_name = n.unit_name, .payer = payer, .issued_ms = p.issued_ms, .reversed_ms = p.reversed_ms };
	return why->code == FAIL_NONE;
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
