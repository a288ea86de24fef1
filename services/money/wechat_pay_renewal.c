/* services/money/wechat_pay_renewal.c - why this exists: their certificates change while we run, and the message that is signed with a new one must not be the one that is lost. */
#include "services/money/wechat_pay_account.h"

#include "auth/keyring.h"
#include "auth/network.h"
#include "base/arena.h"
#include "base/log.h"
#include "channels/wechat_pay_call.h"
#include "channels/wechat_pay_message.h"
#include "notify/effect.h"

#include <stdatomic.h>

enum { RENEW_MS = 12 * 3600000, MISSED_AGAIN_MS = 60000, ARENA_MAX = 1 << 20 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

/* ---- their networks ---- */

bool wechat_pay_is_theirs(struct str peer)
{
	static const char networks[] = "101.226.103.0/25,140.207.54.0/25,121.51.58.128/25,183.3.234.0/25,58.251.80.0/25,121.51.30.128/25,203.205.219.128/25,81.71.199.64/32,81.71.198.25/32,"
		"81.71.199.59/32";
	struct network_list l;
	struct fail why;
	fail_clear(&why);
	return network_list_read(str_c(networks), &l, &why) && network_list_holds(&l, peer);
}

/* ---- asking ---- */

struct last {
	int64_t effect, asked_ms;
};

static bool last_read(struct tx *tx, struct last *l, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT effect, asked_ms FROM pay_certificate_ask WHERE id = 1", why);
	*l = (struct last){ 0, 0 };
	if (q == NULL)
		return false;
	if (stmt_row(q, why))
		*l = (struct last){ stmt_int(q, 0), stmt_int(q, 1) };
	return why->code == FAIL_NONE;
}

static bool last_put(struct tx *tx, const struct last *l, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_certificate_ask SET effect = $1, asked_ms = $2 WHERE id = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, l->effect);
	stmt_bind_int(q, 2, l->asked_ms);
	return stmt_run(q, why);
}

static bool is_wanted(struct tx *tx, const struct last *l, int64_t now_ms, bool *wanted, struct fail *why)
{
	struct effect_view e;
	bool found;
	*wanted = now_ms - l->asked_ms >= RENEW_MS || (now_ms - l->asked_ms >= MISSED_AGAIN_MS && wechat_pay_serial_was_missed());
	if (!*wanted || l->effect == 0)
		return true;
	if (!effect_get(tx, l->effect, &e, &found, why))
		return false;
	*wanted = !found || effect_is_over(e.state);
	return true;
}

bool wechat_pay_certificates_renew(struct tx *tx, const struct config *c, int64_t now_ms, int64_t *rows, struct fail *why)
{
	struct last l;
	bool wanted;
	uint8_t digest[SHA256_BYTES];
	const struct str moment = { (const char *)&now_ms, sizeof(now_ms) };
	*rows = 0;
	if (c->wechat_pay_url[0] == '\0')
		return true;
	if (!last_read(tx, &l, why) || !is_wanted(tx, &l, now_ms, &wanted, why) || !wanted)
		return why->code == FAIL_NONE;
	keyring_index("wechat_pay.certificates", &moment, 1, digest);
	const struct effect_new e = { .kind = KIND_wechat_pay_certificates, .payload = STR("{}") };
	l.asked_ms = now_ms;
	*rows = 1;
	return effect_add(tx, &e, now_ms, digest, &l.effect, why) && last_put(tx, &l, why);
}

/* ---- what came ---- */

static bool row_put(struct tx *tx, const struct wechat_pay_certificate_text *t, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_certificate (certificate_no, pem, seen_ms) VALUES ($1, $2, $3) ON CONFLICT (certificate_no) DO NOTHING", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, t->serial);
	stmt_bind_text(q, 2, t->pem);
	stmt_bind_int(q, 3, now_ms);
	return stmt_run(q, why);
}

bool wechat_pay_certificates_came(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena a;
	DROP(shelved) struct shelved *held = NULL;
	struct wechat_pay_certificate_text texts[WECHAT_PAY_CERTIFICATES_MAX];
	int count;
	arena_init(&a, ARENA_MAX);
	const struct wechat_pay_keys *k = wechat_pay_keys_take(&held);
	if (e->said.at == NULL || k == NULL || !wechat_pay_certificates_read(k, e->said, texts, &count, &a))
		return true; /* one with a public key alone has none; what does not open was no answer */
	for (int i = 0; i < count; i++)
		if (!row_put(tx, &texts[i], now_ms, why))
			return false;
	return true;
}

/* ---- on the shelf ---- */

bool wechat_pay_certificates_follow(struct tx *tx, int64_t *rows, struct fail *why)
{
	static _Atomic int64_t shelved_seen_ms; /* the newest that is there; rows are only ever added */
	DROP(arena) struct arena a;
	struct wechat_pay_certificate_text texts[WECHAT_PAY_CERTIFICATES_MAX];
	int count = 0, left_out;
	int64_t seen_ms = 0;
	*rows = 0;
	arena_init(&a, ARENA_MAX);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT certificate_no, pem, seen_ms FROM pay_certificate ORDER BY seen_ms DESC, certificate_no LIMIT $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, WECHAT_PAY_CERTIFICATES_MAX);
	for (; count < WECHAT_PAY_CERTIFICATES_MAX && stmt_row(q, why); count++) {
		texts[count] = (struct wechat_pay_certificate_text){ str_copy(&a, stmt_text(q, 0)), str_copy(&a, stmt_text(q, 1)) };
		seen_ms = stmt_int(q, 2) > seen_ms ? stmt_int(q, 2) : seen_ms;
	}
	if (why->code != FAIL_NONE || a.refused)
		return why->code == FAIL_NONE && FAILS(why, MEMORY, "certificates of WeChat Pay");
	if (seen_ms == atomic_load(&shelved_seen_ms))
		return true;
	if (!wechat_pay_certificates_put(texts, count, &left_out, why))
		return false;
	atomic_store(&shelved_seen_ms, seen_ms);
	*rows = count;
	return true;
}
