/* services/money/finance_frame.c - what the finance bureau tells us in a CNNONTAX frame: 5996, a notice was paid; 4601, it is void (PayStats 2). The same word in JSON is finance_push.c.
 *
 * The token's digest is what says who speaks: without it the request fails, and gateway/door/frames.c answers failures with silence, which means "say it again". What is well signed and not
 * understood is answered, so that it is not said for ever. */
#include "auth/audit.h"
#include "channels/nontax_frame.h"
#include "payments/bureau/heard.h"
#include "payments/fen.h"
#include "payments/notices/payment_code.h"
#include "services/handlers.h"
#include "services/money/finance_account.h"
#include "services/services.h"

enum { HEARD_IT = 1, NOT_UNDERSTOOD };
enum { N_NOTICE, N_HEARD };

struct hearing {
	struct nontax_message message;
	struct finance_word word;
	bool is_understood;
};

static bool code_is_one(struct str s)
{
	char code[PAYMENT_CODE_DIGITS + 1];
	int64_t division;
	return s.len == PAYMENT_CODE_DIGITS && payment_code_read(PAYMENT_CODE_OPAQUE, s, code, &division) == PAYMENT_CODE_FINE;
}

static bool word_of(const struct nontax_message *m, struct finance_word *w)
{
	const struct nontax_fields *v = &m->voucher;
	struct str amount = nontax_field(v, "Amt");
	*w = (struct finance_word){ .payment_code = nontax_field(v, "PayCode"), .trace_no = nontax_field(v, "TraNoBus") };
	if (!code_is_one(w->payment_code))
		return false;
	if (str_eq(m->message, STR("4601")))
		return w->is_void = str_eq(nontax_field(v, "PayStats"), STR("2"));
	return str_eq(m->message, STR("5996")) && w->trace_no.len > 0 && amount.at != NULL && fen_from_yuan(amount, &w->fen) && w->fen > 0;
}

static bool frame_parse(struct request *r, struct fail *why)
{
	struct hearing *h = request_state(r, sizeof(*h), why);
	if (h == NULL)
		return false;
	if (!nontax_message_read(r->body, finance_token(), &h->message, &r->arena))
		return FAILS(why, FORBIDDEN, "a frame that is broken, or not from who shares the token");
	h->is_understood = word_of(&h->message, &h->word);
	return true;
}

static bool frame_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct hearing *h = r->state;
	enum heard heard = HEARD_UNKNOWN;
	int64_t notice = 0;
	r->outcome = (struct outcome){ .code = NOT_UNDERSTOOD, .status = 200 };
	if (!h->is_understood)
		return true;
	if (!finance_heard(tx, &h->word, r->now_ms, &heard, &notice, &r->arena, why))
		return false;
	r->outcome = (struct outcome){ .code = HEARD_IT, .status = 200, .n = { [N_NOTICE] = notice, [N_HEARD] = heard } };
	struct audit a = { AUDIT_FINANCE_TOLD, AUDIT_OF_NOTICE, notice, .result = 200, .detail = heard_text(heard) };
	return heard == HEARD_KNOWN || heard == HEARD_UNKNOWN || audit_add(tx, r, &a, why);
}

static bool frame_render(struct request *r, struct fail *why)
{
	const struct hearing *h = r->state;
	const struct config *c = services_config();
	struct str frame;
	bool is_heard = r->outcome.code == HEARD_IT;
	const struct nontax_head head = { .message = STR("8001"), .id = str_c(r->id), .ref = h->message.id, .from = str_c(c->finance_frame_node), .to = str_c(c->finance_frame_peer),
		.division = c->payment_code_prefecture * 100, .now_ms = r->now_ms };
	const struct nontax_told told[] = { { "PayCode", h->word.payment_code }, { "Result", is_heard ? STR("00000") : STR("99999") },
		{ "Information", is_heard ? heard_text(r->outcome.n[N_HEARD]) : STR("not understood: 5996 with PayCode, TraNoBus and Amt, or 4601 with PayStats 2") } };
	if (!nontax_message_write(&head, told, 3, finance_token(), &r->arena, &frame, why))
		return false;
	r->reply.status = 200;
	r->reply.content_type = "application/octet-stream";
	buf_init(&r->reply.body, &r->arena, frame.len);
	buf_str(&r->reply.body, frame);
	return buf_ok(&r->reply.body) || FAILS(why, MEMORY, "a frame's answer");
}

const struct handler finance_frame = { .parse = frame_parse, .apply = frame_apply, .render = frame_render };
