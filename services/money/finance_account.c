/* services/money/finance_account.c - one account, read once. */
#include "services/money/finance_account.h"

#include "auth/keyring.h"
#include "base/ids.h"
#include "base/secret_file.h"
#include "channels/finance_frame.h"
#include "channels/nontax.h"
#include "payments/notices/notice_voucher.h"
#include "services/services.h"
#include <assert.h>

static struct secret key, token;
static struct str base;               /* len 0: not asked in JSON */
static struct finance_frames frames;
static bool has_frames;               /* it is asked in frames */

bool finance_open(const struct config *c, struct fail *why)
{
	has_frames = nontax_is_frame(c) && c->finance_frame_address[0] != '\0';
	base = nontax_is_frame(c) ? STR_NONE : str_c(c->finance_url);
	if (c->finance_frame_token_file[0] != '\0' && !secret_read(c->finance_frame_token_file, &token, why))
		return false;
	if ((c->finance_frame_port != 0 || has_frames) && token.secret.at == NULL)
		return FAILS(why, CONFIG, "%s needs finance.frame.token_file: whose frames they are, only its digest says", has_frames ? "finance.frame.address" : "finance.frame.listen_port");
	if (has_frames && !finance_frames_read(c, &frames, why))
		return false;
	return base.len == 0 || secret_read(c->finance_key_file, &key, why);
}

void finance_close(void)
{
	secret_drop(&key);
	secret_drop(&token);
	base = STR_NONE;
	has_frames = false;
}

struct secret finance_token(void)
{
	return token;
}

bool finance_is_there(void)
{
	return base.len > 0 || has_frames;
}

/* Of the Idempotency-Key, where there is one: an answer that is remembered for the repeat is an answer to the same question. A shared one is of its time. */
static void question_id(const struct request *r, struct str code, enum finance_asks whose, char out[ID_TEXT_BYTES])
{
	uint8_t digest[SHA256_BYTES];
	struct id id;
	struct str request_key = r->known[HEADER_IDEMPOTENCY_KEY];
	const int64_t time = r->now_ms / FINANCE_SHARED_MS;
	const struct str own = request_key.at != NULL ? request_key : (struct str){ (const char *)r->random, STAMP_RANDOM };
	const struct str parts[] = { code, whose == FINANCE_SHARED ? (struct str){ (const char *)&time, sizeof(time) } : own };
	keyring_index(whose == FINANCE_SHARED ? "finance.shared" : "finance.question", parts, 2, digest);
	memcpy(id.bytes, digest, sizeof(id.bytes));
	id_text(id, "q", out);
}

/* It changes nothing there: who repeats a request asks again, and is not told for minutes that the answer was nonsense once. */
static bool may_keep(const struct http_answer *answer)
{
	(void)answer;
	return false;
}

static bool build(struct request *r, const struct finance_question *f, struct http_call *out, struct fail *why)
{
	int64_t division;
	if (!has_frames)
		return finance_build(f, &r->arena, out, why);
	bool has_division = str_to_i64((struct str){ f->code.at, 6 }, 0, 999999, &division);
	assert(has_division && "a code that was read");
	return finance_frame_build(&frames, f, division, token, &r->arena, out, why);
}

bool finance_ask(struct request *r, struct str code, enum finance_asks whose, struct question *q, struct fail *why)
{
	char id[ID_TEXT_BYTES];
	if (!finance_is_there())
		return FAILS(why, PEER_AWAY, "neither finance.url nor finance.frame.address is configured");
	question_id(r, code, whose, id);
	struct finance_question f = { .base = base, .code = code, .key = key, .id = str_copy(&r->arena, str_c(id)), .now_ms = r->now_ms };
	q->peer = STR("finance");
	q->may_keep = whose == FINANCE_OWN ? may_keep : NULL;
	if (whose == FINANCE_SHARED) {
		q->keep_key = f.id;
		q->keep_ms = q->keep_no_ms = FINANCE_SHARED_MS;
	}
	return f.id.at == NULL ? FAILS(why, MEMORY, "a question's id") : build(r, &f, &q->call, why);
}

static bool elsewhere(int64_t division, struct fail *why)
{
	FAILS(why, NOTICE_ELSEWHERE, "division %lld", (long long)division);
	if (division != 0)
		fail_fact_number(why, "division", division);
	return false;
}

/* Of either form. */
struct told {
	json_t *notice;                /* of JSON, when it was found */
	struct nontax_message message; /* of a frame, when it was found */
	int64_t division;
};

static void told_dropper(struct told *t) { json_decref(t->notice); }

static enum finance_verdict judge(struct request *r, struct str code, enum finance_asks whose, const struct http_answer *answer, struct told *t, struct fail *why)
{
	char id[ID_TEXT_BYTES];
	question_id(r, code, whose, id);
	if (has_frames)
		return finance_frame_judge(&frames, str_c(id), code, token, answer, &t->message, &t->division, &r->arena, why);
	return finance_judge(str_c(id), answer, &t->notice, &t->division, &r->arena, why);
}

static bool take(struct request *r, struct told *t, struct notice *n, struct fail *why)
{
	const struct config *c = services_config();
	const struct voucher_rules rules = { (enum payment_code_profile)c->payment_code_profile, str_c(c->finance_frame_penalty_items) };
	if (has_frames)
		return notice_from_voucher(&t->message.voucher, t->message.day, &rules, n, &r->arena, why);
	return notice_take(t->notice, rules.profile, JSON_IGNORE_UNKNOWN, n, &r->arena, why);
}

static bool found(struct request *r, struct str code, struct told *t, struct notice *n, struct fail *why)
{
	struct fail what;
	fail_clear(&what);
	if (!take(r, t, n, &what))
		return FAILS(why, PEER_NONSENSE, "the finance system's notice, %s: %s", what.pointer, what.log);
	n->notice_no = n->replaces = STR_NONE; /* those are a department's */
	return str_eq(str_c(n->code), code) || FAILS(why, PEER_NONSENSE, "the finance system answered about another code");
}

bool finance_answered(struct request *r, struct str code, enum finance_asks whose, const struct http_answer *answer, struct notice *n, struct fail *why)
{
	DROP(told) struct told t = { .division = 0 };
	switch (judge(r, code, whose, answer, &t, why)) {
	case FINANCE_FOUND:          return found(r, code, &t, n, why);
	case FINANCE_NOT_FOUND:      return FAILS(why, NOTICE_UNKNOWN, "not there either");
	case FINANCE_PAID:           return FAILS(why, NOTICE_PAID, "paid, says the finance system");
	case FINANCE_VOID:           return FAILS(why, NOTICE_VOID, "void, says the finance system");
	case FINANCE_OTHER_DIVISION: return elsewhere(t.division, why);
	case FINANCE_TAX_OFFICE:     return FAILS(why, NOTICE_TAX, "the tax office's, says the finance system");
	case FINANCE_BROKEN:         break;
	}
	return false;
}
