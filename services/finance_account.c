/* services/finance_account.c - one account, read once. */
#include "services/finance_account.h"

#include "auth/keyring.h"
#include "base/ids.h"
#include "base/secret_file.h"
#include "channels/finance.h"
#include "services/services.h"

static struct secret key, token;
static struct str base;

bool finance_open(const struct config *c, struct fail *why)
{
	base = str_c(c->finance_url);
	if (c->finance_frame_token_file[0] != '\0' && !secret_read(c->finance_frame_token_file, &token, why))
		return false;
	if (c->finance_frame_port != 0 && token.secret.at == NULL)
		return FAILS(why, CONFIG, "finance.frame.listen_port needs finance.frame.token_file: whose frames they are, only its digest says");
	return base.len == 0 || secret_read(c->finance_key_file, &key, why);
}

void finance_close(void)
{
	secret_drop(&key);
	secret_drop(&token);
	base = STR_NONE;
}

struct secret finance_token(void)
{
	return token;
}

bool finance_is_there(void)
{
	return base.len > 0;
}

/* Of the Idempotency-Key, where there is one: an answer that is remembered for the repeat is an answer to the same question. */
static void question_id(const struct request *r, struct str code, char out[ID_TEXT_BYTES])
{
	uint8_t digest[SHA256_BYTES];
	struct id id;
	struct str request_key = r->known[HEADER_IDEMPOTENCY_KEY];
	struct str parts[] = { code, request_key.at != NULL ? request_key : (struct str){ (const char *)r->random, STAMP_RANDOM } };
	keyring_index("finance.question", parts, 2, digest);
	memcpy(id.bytes, digest, sizeof(id.bytes));
	id_text(id, "q", out);
}

bool finance_ask(struct request *r, struct str code, struct question *q, struct fail *why)
{
	char id[ID_TEXT_BYTES];
	if (!finance_is_there())
		return FAILS(why, PEER_AWAY, "finance.url is not configured");
	question_id(r, code, id);
	struct finance_question f = { .base = base, .code = code, .key = key, .id = str_copy(&r->arena, str_c(id)), .now_ms = r->now_ms };
	q->peer = STR("finance");
	return f.id.at == NULL ? FAILS(why, MEMORY, "a question's id") : finance_build(&f, &r->arena, &q->call, why);
}

static bool elsewhere(int64_t division, struct fail *why)
{
	FAILS(why, NOTICE_ELSEWHERE, "division %lld", (long long)division);
	if (division != 0)
		fail_fact_number(why, "division", division);
	return false;
}

static bool found(struct request *r, struct str code, json_t *told, struct notice *n, struct fail *why)
{
	struct fail what;
	fail_clear(&what);
	enum payment_code_profile profile = (enum payment_code_profile)services_config()->payment_code_profile;
	if (!notice_take(told, profile, JSON_IGNORE_UNKNOWN, n, &r->arena, &what))
		return FAILS(why, PEER_NONSENSE, "the finance system's notice, %s: %s", what.pointer, what.log);
	n->notice_no = n->replaces = STR_NONE; /* those are a department's */
	return str_eq(str_c(n->code), code) || FAILS(why, PEER_NONSENSE, "the finance system answered about another code");
}

bool finance_answered(struct request *r, struct str code, const struct http_answer *answer, struct notice *n, struct fail *why)
{
	char id[ID_TEXT_BYTES];
	int64_t division;
	json_t *taken;
	question_id(r, code, id);
	enum finance_verdict verdict = finance_judge(str_c(id), answer, &taken, &division, &r->arena, why);
	DROP(json) json_t *told = taken;
	switch (verdict) {
	case FINANCE_FOUND:          return found(r, code, told, n, why);
	case FINANCE_NOT_FOUND:      return FAILS(why, NOTICE_UNKNOWN, "not there either");
	case FINANCE_PAID:           return FAILS(why, NOTICE_PAID, "paid, says the finance system");
	case FINANCE_VOID:           return FAILS(why, NOTICE_VOID, "void, says the finance system");
	case FINANCE_OTHER_DIVISION: return elsewhere(division, why);
	case FINANCE_TAX_OFFICE:     return FAILS(why, NOTICE_TAX, "the tax office's, says the finance system");
	case FINANCE_BROKEN:         break;
	}
	return false;
}
