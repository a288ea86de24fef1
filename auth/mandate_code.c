/* auth/mandate_code.c - why this exists: many who need a helper have a phone but no account, and the helper must not learn of either. */
#include "auth/mandate_code.h"
#include "auth/keyring.h"
#include "base/log.h"
#include <assert.h>

enum { AT_CODE, AT_VALUE, AT_RESEND, AT_MANDATE, AT_HOLDER };

static struct str bytes(const uint8_t at[SHA256_BYTES])
{
	return (struct str){ (const char *)at, SHA256_BYTES };
}

void mandate_code_make(const uint8_t seed[32], struct mandate_code *c)
{
	struct otp_code code;
	otp_code(seed, &code);
	memcpy(c->digits, code.digits, sizeof(c->digits));
	wipe(&code, sizeof(code));
}

/* ---- the expiring store ---- */

static void key_of(struct mandate_code *c, const char *purpose, bool of_mandate, int at)
{
	struct str parts[] = { str_c(purpose), { (const char *)&c->holder, sizeof(c->holder) }, { (const char *)c->mandate.bytes, ID_BYTES } };
	keyring_index("mandate.key", parts, of_mandate ? 3 : 2, c->at[at]);
}

static void code_keys(struct mandate_code *c)
{
	struct str value[] = { { (const char *)c->mandate.bytes, ID_BYTES }, str_c(c->digits) };
	key_of(c, "code", true, AT_CODE);
	keyring_index("mandate.value", value, 2, c->at[AT_VALUE]);
}

static void count(struct expiring_batch *b, const struct mandate_code *c, int at, int64_t limit, int64_t ttl_ms)
{
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_MANDATE_ASKS, .key = bytes(c->at[at]), .limit = limit, .ttl_ms = ttl_ms };
}

void mandate_code_ask(struct mandate_code *c, struct expiring_batch *b)
{
	code_keys(c);
	key_of(c, "resend", true, AT_RESEND);
	key_of(c, "mandate", true, AT_MANDATE);
	key_of(c, "holder", false, AT_HOLDER);
	b->all_or_nothing = true;
	count(b, c, AT_HOLDER, MANDATE_CODES_OF_HOLDER, 0);
	count(b, c, AT_MANDATE, MANDATE_CODES_A_DAY, 0);
	count(b, c, AT_RESEND, 1, MANDATE_CODE_RESEND_S * 1000);
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_PUT, .class = KEY_MANDATE_CODE, .key = bytes(c->at[AT_CODE]), .value = bytes(c->at[AT_VALUE]),
		.limit = MANDATE_CODE_TRIES, .ttl_ms = MANDATE_CODE_LIFE_MS };
}

bool mandate_code_asked(const struct expiring_batch *b, struct fail *why)
{
	static const char *const reasons[] = { "holder", "mandate", "resend" };
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (b->op[i].end == EXPIRING_NO) {
			FAILS(why, RATE, "codes of mandates: %s", reasons[i]);
			why->retry_after_s = (int)((b->op[i].left_ms + 999) / 1000);
			fail_fact_text(why, "reason", reasons[i]);
			return false;
		}
	return true;
}

void mandate_code_try(struct mandate_code *c, struct expiring_op *op)
{
	code_keys(c);
	*op = (struct expiring_op){ .verb = EXPIRING_TRY, .class = KEY_MANDATE_CODE, .key = bytes(c->at[AT_CODE]), .value = bytes(c->at[AT_VALUE]) };
}

/* ---- the row ---- */

bool mandate_code_wait(struct tx *tx, const struct request *r, const struct mandate *m, const struct mandate_code *c, const uint8_t salt[16], struct fail *why)
{
	char sealed[OTP_DIGITS + VAULT_OVERHEAD_MAX];
	struct buf b = { .at = sealed, .cap = sizeof(sealed) };
	if (r->who.id != m->holder || (mandate_row(m->kind)->accepted >> BY_CODE & 1) == 0)
		return FAILS(why, FORBIDDEN, "no code for mandate %lld", (long long)m->id);
	if (m->state != MANDATE_OFFERED) {
		FAILS(why, MANDATE_STATE, "mandate %lld is in state %d", (long long)m->id, (int)m->state);
		fail_fact_text(why, "state", mandate_state_text(m->state));
		return false;
	}
	if (!vault_seal("mandate.code", m->id, str_c(c->digits), salt, &b, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE mandate SET code = $1, code_sent_ms = 0 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, b.at, b.len);
	stmt_bind_int(q, 2, m->id);
	return stmt_run(q, why);
}

/* A value that does not open is said and passed over: it must not keep everybody else's codes. */
static bool due_open(int64_t mandate, struct str sealed, struct mandate_code_due *out, struct fail *why)
{
	char text[OTP_DIGITS + VAULT_OVERHEAD_MAX + 1];
	struct buf b = { .at = text, .cap = sizeof(text) };
	struct str parts[] = { STR("mandate code"), sealed };
	hash_parts(HASH_SHA256, parts, 2, out->random);
	if (vault_open("mandate.code", mandate, sealed, &b, why)) {
		assert(b.len == OTP_DIGITS);
		memcpy(out->digits, text, OTP_DIGITS);
	} else if (why->code == FAIL_SEALED) {
		log_fail(STR_NONE, why);
		fail_clear(why);
	}
	wipe(text, sizeof(text));
	return why->code == FAIL_NONE;
}

/* Takes exactly this value out of the row: of two who look at once one has it, and one that was asked for meanwhile stays. */
static bool take(struct tx *tx, int64_t mandate, struct str sealed, bool *taken, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE mandate SET code = NULL WHERE id = $1 AND code = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, mandate);
	stmt_bind_blob(q, 2, sealed.at, sealed.len);
	if (!stmt_run(q, why))
		return false;
	*taken = tx_changes(tx) == 1;
	return true;
}

bool mandate_code_next(struct tx *tx, int64_t now_ms, struct mandate_code_due *out, bool *found, struct fail *why)
{
	char bytes[OTP_DIGITS + VAULT_OVERHEAD_MAX];
	struct str sealed = { bytes, 0 };
	bool taken;
	int64_t id;
	*out = (struct mandate_code_due){ .digits = "" };
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, code FROM mandate WHERE code IS NOT NULL ORDER BY id LIMIT 1", why);
		if (q == NULL)
			return false;
		*found = stmt_row(q, why);
		if (!*found)
			return why->code == FAIL_NONE;
		struct str code = stmt_blob(q, 1);
		id = stmt_int(q, 0);
		sealed.len = code.len < sizeof(bytes) ? code.len : sizeof(bytes);
		memcpy(bytes, code.at, sealed.len);
	}
	return take(tx, id, sealed, &taken, why) && (!taken || due_open(id, sealed, out, why)) && mandate_by_id(tx, id, now_ms, &out->m, why);
}

bool mandate_code_fits(struct tx *tx, struct str phone, int64_t now_ms, bool *fits, struct fail *why)
{
	return otp_count_apart(tx, "mandate.day", phone, MANDATE_CODES_TO_PHONE, now_ms, fits, why);
}

bool mandate_code_sent(struct tx *tx, int64_t mandate, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE mandate SET code_sent_ms = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, mandate);
	return stmt_run(q, why);
}
