/* auth/otp.c - codes as keys of the expiring store, and their count as rows. */
#include "auth/otp.h"
#include "auth/keyring.h"
#include <assert.h>
#include <stdio.h>

enum { CHALLENGE_BYTES = 16, DAY_MS = 24 * 3600 * 1000, SHANGHAI_MS = 8 * 3600 * 1000, PURGE_DAYS = 2 };
enum { AT_CODE, AT_VALUE, AT_RESEND, AT_PHONE, AT_ADDRESS, AT_DEVICE }; /* of otp_asking.at; a try has the first two */

static const struct otp_purpose_row purposes[] = {
#define PURPOSE(name, number, text, who, prose) { OTP_##name, text, who },
#include "auth/otp_purposes.def"
#undef PURPOSE
};

const struct otp_purpose_row *otp_purpose_named(struct str text)
{
	for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++)
		if (str_eq(text, str_c(purposes[i].text)))
			return &purposes[i];
	return NULL;
}

void otp_code(const uint8_t seed[32], struct otp_code *out)
{
	uint64_t n; /* 64 bits into a million: no digit is likelier by more than one in 10^13 */
	size_t len = base64url_text(seed, CHALLENGE_BYTES, out->challenge);
	assert(len == OTP_CHALLENGE_TEXT);
	memcpy(&n, seed + CHALLENGE_BYTES, sizeof(n)); /* the challenge tells nothing of these bytes */
	snprintf(out->digits, sizeof(out->digits), "%06u", (unsigned)(n % 1000000));
}

/* ---- keys: nothing in the expiring store reads as a phone, an address or a code ---- */

static struct str bytes(const uint8_t at[SHA256_BYTES])
{
	return (struct str){ (const char *)at, SHA256_BYTES };
}

static void code_keys(enum otp_purpose purpose, const char *phone, struct str challenge, struct str digits, uint8_t at[2][SHA256_BYTES])
{
	char number = (char)('0' + purpose);
	struct str of[] = { { &number, 1 }, str_c(phone), challenge }, value[] = { challenge, digits };
	keyring_index("otp", of, 3, at[AT_CODE]);
	keyring_index("otp.value", value, 2, at[AT_VALUE]);
}

/* ---- asking ---- */

static void count(struct expiring_batch *b, enum key_class class, struct otp_asking *a, int at, struct str one, struct str other, int64_t limit, int64_t ttl_ms)
{
	struct str of[] = { str_c(key_row(class)->name), one, other };
	keyring_index("otp.count", of, 3, a->at[at]);
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = class, .key = bytes(a->at[at]), .limit = limit, .ttl_ms = ttl_ms };
}

void otp_ask(struct otp_asking *a, const struct otp_code *code, struct expiring_batch *b)
{
	struct str phone = str_c(a->phone), device = bytes(a->device);
	code_keys(a->purpose, a->phone, str_c(code->challenge), str_c(code->digits), a->at);
	b->all_or_nothing = true;
	count(b, KEY_OTP_ADDRESS, a, AT_ADDRESS, a->peer, STR(""), a->per_address, 0);
	count(b, KEY_OTP_DEVICE, a, AT_DEVICE, device, STR(""), OTP_PER_DEVICE, 0);
	count(b, KEY_OTP_PHONE, a, AT_PHONE, phone, device, OTP_PER_PHONE, 0);
	count(b, KEY_OTP_RESEND, a, AT_RESEND, phone, device, 1, OTP_RESEND_S * 1000);
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_PUT, .class = KEY_OTP, .key = bytes(a->at[AT_CODE]), .value = bytes(a->at[AT_VALUE]),
		.limit = OTP_TRIES, .ttl_ms = OTP_LIFE_S * 1000 };
}

static bool limited(struct fail *why, const char *reason, int64_t left_ms)
{
	FAILS(why, RATE, "one-time codes: %s", reason);
	why->retry_after_s = (int)((left_ms + 999) / 1000);
	fail_fact_text(why, "reason", reason);
	return false;
}

bool otp_asked(const struct expiring_batch *b, struct fail *why)
{
	static const char *const reasons[] = { "address", "device", "phone", "resend" };
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (b->op[i].end == EXPIRING_NO)
			return limited(why, reasons[i], b->op[i].left_ms);
	return true;
}

/* ---- the day's count ---- */

struct day {
	uint8_t phone[SHA256_BYTES];
	int64_t day, sent, to_strangers, last_ms;
};

static bool day_read(struct tx *tx, struct day *d, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT sent, to_strangers, last_ms FROM otp_day WHERE phone_hash = $1 AND day = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, d->phone, sizeof(d->phone));
	stmt_bind_int(q, 2, d->day);
	if (stmt_row(q, why)) {
		d->sent = stmt_int(q, 0);
		d->to_strangers = stmt_int(q, 1);
		d->last_ms = stmt_int(q, 2);
	}
	return why->code == FAIL_NONE;
}

static bool day_put(struct tx *tx, const struct day *d, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO otp_day (phone_hash, day, sent, to_strangers, last_ms) VALUES ($1, $2, $3, $4, $5)"
		" ON CONFLICT (phone_hash, day) DO UPDATE SET sent = excluded.sent, to_strangers = excluded.to_strangers, last_ms = excluded.last_ms", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, d->phone, sizeof(d->phone));
	stmt_bind_int(q, 2, d->day);
	stmt_bind_int(q, 3, d->sent);
	stmt_bind_int(q, 4, d->to_strangers);
	stmt_bind_int(q, 5, d->last_ms);
	return stmt_run(q, why);
}

bool otp_count(struct tx *tx, struct str phone, bool is_known_device, int64_t now_ms, struct fail *why)
{
	struct day d = { .day = (now_ms + SHANGHAI_MS) / DAY_MS };
	int64_t tomorrow = (d.day + 1) * DAY_MS - SHANGHAI_MS - now_ms, pause = 0;
	keyring_index("otp.day", &phone, 1, d.phone);
	if (!tx_lock(tx, "otp_day", (struct str){ (const char *)d.phone, sizeof(d.phone) }, why) || !day_read(tx, &d, why))
		return false;
	pause = d.last_ms + OTP_RESEND_S * 1000 - now_ms;
	if (d.sent >= OTP_PER_PHONE || (!is_known_device && d.to_strangers >= OTP_TO_STRANGERS))
		return limited(why, "phone", tomorrow);
	if (!is_known_device && pause > 0)
		return limited(why, "resend", pause);
	d.sent++;
	d.to_strangers += !is_known_device;
	d.last_ms = now_ms;
	return day_put(tx, &d, why);
}

bool otp_count_apart(struct tx *tx, const char *purpose, struct str phone, int64_t most, int64_t now_ms, bool *fits, struct fail *why)
{
	struct day d = { .day = (now_ms + SHANGHAI_MS) / DAY_MS };
	keyring_index(purpose, &phone, 1, d.phone);
	if (!tx_lock(tx, "otp_day", (struct str){ (const char *)d.phone, sizeof(d.phone) }, why) || !day_read(tx, &d, why))
		return false;
	*fits = d.sent < most;
	d.sent++;
	d.to_strangers++;
	d.last_ms = now_ms;
	return !*fits || day_put(tx, &d, why);
}

bool otp_purge(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM otp_day WHERE (phone_hash, day) IN (SELECT phone_hash, day FROM otp_day WHERE day < $1 ORDER BY day LIMIT $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, (now_ms + SHANGHAI_MS) / DAY_MS - PURGE_DAYS);
	stmt_bind_int(q, 2, rows_max);
	if (!stmt_run(q, why))
		return false;
	*rows = tx_changes(tx);
	return true;
}

/* ---- trying ---- */

void otp_try(struct otp_trying *t, struct expiring_op *op)
{
	code_keys(t->purpose, t->phone, t->challenge, t->digits, t->at);
	*op = (struct expiring_op){ .verb = EXPIRING_TRY, .class = KEY_OTP, .key = bytes(t->at[AT_CODE]), .value = bytes(t->at[AT_VALUE]) };
}

enum otp_verdict otp_tried(const struct expiring_op *op, int64_t *tries_left)
{
	*tries_left = op->end == EXPIRING_NO ? op->number : 0;
	switch (op->end) {
	case EXPIRING_OK:
		return OTP_RIGHT;
	case EXPIRING_NO:
		return *tries_left > 0 ? OTP_WRONG : OTP_WRONG_AND_GONE;
	default:
		return OTP_GONE;
	}
}
