/* services/money/callback_nontax_fee.c - POST /callbacks/wechatnontax/fee: WeChat's non-tax platform asks what a notice costs, before its payer is shown it there.
 *
 * It is told what anybody with the code is told (pay_notice.c), in the same words all day, because a quote ends at midnight. What is told out of the finance system's word is in our books first: who
 * pays there at that price has paid (payments/attempts/stray.h). Whatever goes wrong, from a signature to a full disk, is an errcode of the platform's; what is not signed is not looked up.
 * Nothing in a call is fresh: who caught one can say it for ever, and has the finance system asked once in ten seconds at most. */
#include "auth/mask.h"
#include "base/day.h"
#include "base/hash.h"
#include "base/metrics.h"
#include "payments/attempts/attempt.h"
#include "payments/notices/nontax_notice.h"
#include "services/handlers.h"
#include "services/money/finance_account.h"
#include "services/money/nontax_account.h"
#include "services/money/pay_notice.h"
#include "services/services.h"

enum { MASKED_BYTES = 64 };

static const struct { enum nontax_reply reply; const char *text; } replies[] = {
#define REPLY(name, code, message) { NONTAX_REPLY_##name, #code },
#include "channels/wechat_nontax_replies.def"
#undef REPLY
};
enum { REPLIES = sizeof(replies) / sizeof(replies[0]) };

void wechat_nontax_fee_names(void)
{
	for (int i = 0; i < REPLIES; i++)
		metric_label(M_wechat_nontax_fees, i, replies[i].text);
}

/* How the platform wants to be told of a notice that is not there, void, over or somebody else's, no document says. */
#define NOT_DUE NONTAX_REPLY_FORM
static const struct { enum fail_code code; enum nontax_reply reply; } refusals[] = {
	{ FAIL_NOTICE_PAID, NONTAX_REPLY_PAID },
	{ FAIL_NOTICE_UNKNOWN, NOT_DUE }, { FAIL_NOTICE_VOID, NOT_DUE }, { FAIL_NOTICE_OVER, NOT_DUE }, { FAIL_NOTICE_ELSEWHERE, NOT_DUE }, { FAIL_NOTICE_TAX, NOT_DUE },
};

struct pricing {
	struct str word;                 /* at NULL: it is no call that could be answered in the platform's form */
	enum nontax_reply refused;       /* what was wrong with the call; OK: nothing, or another failure says it */
	struct nontax_fee_question asked;
	char code[PAYMENT_CODE_DIGITS + 1];
	int64_t division;
	struct notice notice, told;      /* as our books have it; as the finance system tells it */
	bool asks;
};
enum { PRICED = 1 };

/* ---- the question ---- */

static bool refuse(struct pricing *p, enum nontax_reply reply, struct fail *why)
{
	p->refused = reply;
	return FAILS(why, FORBIDDEN, "errcode %d", (int)reply);
}

static bool is_our_bank(struct str bank)
{
	struct str ours = str_c(services_config()->wechat_nontax_bank_id);
	return bank.len == 0 || ours.len == 0 || str_eq(bank, ours);
}

static bool parse(struct request *r, struct fail *why)
{
	struct str plain;
	struct pricing *p = request_state(r, sizeof(*p), why);
	if (p == NULL || !nontax_call_begin(r, &p->word, why))
		return false;
	enum nontax_reply reply = nontax_call_open(r, p->word, &plain);
	if (reply == NONTAX_REPLY_OK)
		reply = nontax_fee_asked(plain, &p->asked, &r->arena);
	if (reply == NONTAX_REPLY_OK && !str_eq(p->asked.appid, str_c(services_config()->wechat_nontax_appid)))
		reply = NONTAX_REPLY_FORM;
	if (reply != NONTAX_REPLY_OK)
		return refuse(p, reply, why);
	return pay_code_read(p->asked.notice_no, p->code, &p->division, why) && (is_our_bank(p->asked.bank_id) || refuse(p, NONTAX_REPLY_BANK, why));
}

/* ---- the notice ---- */

/* Whoever names another unit, place or kind does not mean this one. */
static bool is_meant(const struct pricing *p, const struct notice *n, struct fail *why)
{
	bool fits = str_eq(p->asked.department_code, n->unit) && p->asked.region == n->division && (p->asked.kind == 0 || p->asked.kind == (int64_t)n->kind);
	return fits || FAILS(why, NOTICE_UNKNOWN, "another unit's, place's or kind's");
}

/* What somebody is about to pay here by another way must not be paid there as well: it would be odd money. The order of ours that is being paid there asks, too. */
static bool is_free(struct tx *tx, const struct notice *n, struct arena *a, struct fail *why)
{
	struct order o;
	struct attempt live;
	if (n->state != NOTICE_LOCKED)
		return true;
	if (!order_of_notice(tx, n->id, &o, why) || !attempt_live(tx, o.id, &live, a, why))
		return false;
	return (live.id != 0 && live.channel == PAY_BY_WECHAT_NONTAX) || FAILS(why, ORDER_LIVE, "notice %lld is in somebody's hands", (long long)n->id);
}

static bool look(struct tx *tx, struct request *r, struct fail *why)
{
	struct pricing *p = r->state;
	int64_t today = day_of(r->now_ms);
	if (!pay_code_place(tx, p->division, why) || !notice_find(tx, str_c(p->code), &p->notice, &r->arena, why))
		return false;
	p->asks = pay_notice_asks(&p->notice, today);
	if (p->asks)
		return true;
	return (p->notice.id != 0 || FAILS(why, NOTICE_UNKNOWN, "no such code")) && is_meant(p, &p->notice, why) && notice_payable(&p->notice, today, why) && is_free(tx, &p->notice, &r->arena, why);
}

static bool ask(struct request *r, struct question *q, struct fail *why)
{
	struct pricing *p = r->state;
	return !p->asks || finance_ask(r, str_c(p->code), FINANCE_SHARED, q, why);
}

static bool answered(struct request *r, const struct http_answer *answer, struct fail *why)
{
	struct pricing *p = r->state;
	if (!finance_answered(r, str_c(p->code), FINANCE_SHARED, answer, &p->told, why))
		return false;
	p->told.id = p->notice.id;
	return is_meant(p, &p->told, why) && notice_payable(&p->told, day_of(r->now_ms), why);
}

static const struct ask ask_finance = { .build = ask, .judge = answered };

/* ---- in our books ---- */

/* What has happened to the notice meanwhile goes before what was told. */
static bool keep(struct tx *tx, struct request *r, struct fail *why)
{
	struct pricing *p = r->state;
	struct notice told = p->told; /* apply may be run again */
	enum notice_put what;
	uint8_t random[32];
	request_bytes(r, "nontax_fee", random);
	if (!(told.id == 0 ? notice_put(tx, &told, r->now_ms, random, &what, why) : notice_requote(tx, &told, r->now_ms, why)))
		return false;
	return notice_read(tx, told.id, &p->notice, &r->arena, why) && notice_payable(&p->notice, day_of(r->now_ms), why) && is_free(tx, &p->notice, &r->arena, why);
}

static bool apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct pricing *p = r->state;
	r->outcome = (struct outcome){ .code = PRICED, .status = 200 };
	return !p->asks || keep(tx, r, why);
}

/* ---- the answer ---- */

/* Of the request's name, which no other has: nothing of a request that was refused early is stamped. */
static void nonce_of(const struct request *r, uint8_t out[SHA256_BYTES])
{
	const struct str parts[] = { STR("nontax_fee"), str_c(r->id) };
	hash_parts(HASH_SHA256, parts, 2, out);
}

static bool say(struct request *r, enum nontax_reply reply, const struct nontax_notice *due, struct fail *why)
{
	const struct pricing *p = r->state;
	uint8_t nonce[SHA256_BYTES];
	nonce_of(r, nonce);
	for (int i = 0; i < REPLIES; i++)
		metric_add(M_wechat_nontax_fees, i, replies[i].reply == reply);
	return nontax_call_answer(r, p->word, reply, due, nonce, why);
}

static bool render(struct request *r, struct fail *why)
{
	const struct pricing *p = r->state;
	struct nontax_notice due;
	struct buf payer;
	buf_init(&payer, &r->arena, MASKED_BYTES);
	mask_name(p->notice.payer_kind, p->notice.payer, &payer);
	nontax_notice_of(&p->notice, p->notice.total_fen, &due);
	due.user_name = buf_text(&payer);
	return (buf_ok(&payer) || FAILS(why, MEMORY, "a payer")) && say(r, NONTAX_REPLY_OK, &due, why);
}

static bool fails(struct request *r)
{
	const struct pricing *p = r->state;
	struct fail inner;
	enum nontax_reply reply = NONTAX_REPLY_SYSTEM;
	if (p == NULL || p->word.at == NULL)
		return false;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].code == r->why.code)
			reply = refusals[i].reply;
	fail_clear(&inner);
	return say(r, p->refused != NONTAX_REPLY_OK ? p->refused : reply, NULL, &inner);
}

const struct handler wechat_nontax_fee = { .parse = parse, .look = look, .ask = &ask_finance, .apply = apply, .render = render, .fails = fails };
