/* services/money/finance_push.c - POST /v1/finance/pushes: the finance system tells us, in JSON, that a notice was paid or is void. It comes as a client of the bureau, whose right no other has.
 * What is the same when told twice needs no Idempotency-Key: it is known by payment code and trace number. */
#include "auth/audit.h"
#include "payments/bureau/heard.h"
#include "payments/fen.h"
#include "payments/notices/payment_code.h"
#include "services/handlers.h"
#include "services/services.h"

enum { HEARD_IT = 1 };
enum { N_NOTICE, N_HEARD };
enum { TRACE_MAX = 30 };

struct pushing {
	struct str what, payment_code, trace_no, amount;
	struct finance_word word;
};

static bool code_check(struct str s, struct fail *why)
{
	char code[PAYMENT_CODE_DIGITS + 1];
	int64_t division;
	(void)why;
	return s.len == PAYMENT_CODE_DIGITS && payment_code_read(PAYMENT_CODE_OPAQUE, s, code, &division) == PAYMENT_CODE_FINE;
}

static bool word_parse(struct pushing *p, struct fail *why)
{
	bool is_paid = str_eq(p->what, STR("paid"));
	p->word = (struct finance_word){ .is_void = str_eq(p->what, STR("void")), .payment_code = p->payment_code, .trace_no = p->trace_no };
	if (!is_paid && !p->word.is_void)
		return FAILS_FIELD(why, FIELD, "/kind", "neither paid nor void");
	if (p->word.is_void)
		return true;
	if (p->trace_no.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/trace_no", "of the payment");
	if (p->amount.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/amount", "of the payment");
	return (fen_from_yuan(p->amount, &p->word.fen) && p->word.fen > 0) || FAILS_FIELD(why, FIELD, "/amount", "not yuan with two decimals at most");
}

static bool push_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = {
		{ "kind", JSON_F_TEXT, true, 1, 16, offsetof(struct pushing, what), NULL },
		{ "payment_code", JSON_F_TEXT, true, 1, PAYMENT_CODE_DIGITS, offsetof(struct pushing, payment_code), code_check },
		{ "trace_no", JSON_F_TEXT, false, 1, TRACE_MAX, offsetof(struct pushing, trace_no), check_visible_ascii },
		{ "amount", JSON_F_TEXT, false, 1, FEN_TEXT_BYTES, offsetof(struct pushing, amount), NULL },
	};
	struct pushing *p = request_state(r, sizeof(*p), why);
	return p != NULL && request_query_only(r, no_query, why) && request_json(r, fields, sizeof(fields) / sizeof(fields[0]), p, why) && word_parse(p, why);
}

static bool push_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct pushing *p = r->state;
	enum heard heard;
	int64_t notice;
	if (!finance_heard(tx, &p->word, r->now_ms, &heard, &notice, &r->arena, why))
		return false;
	r->outcome = (struct outcome){ .code = HEARD_IT, .status = 200, .n = { [N_NOTICE] = notice, [N_HEARD] = heard } };
	struct audit a = { AUDIT_FINANCE_TOLD, AUDIT_OF_NOTICE, notice, .result = 200, .detail = heard_text(heard) };
	return heard == HEARD_KNOWN || heard == HEARD_UNKNOWN || audit_add(tx, r, &a, why);
}

static bool push_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_plain(&j, "result", STR("00000"));
	json_add_plain(&j, "heard", heard_text(r->outcome.n[N_HEARD]));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler finance_push = { .parse = push_parse, .apply = push_apply, .render = push_render };
