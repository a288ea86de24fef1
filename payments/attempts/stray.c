/* payments/attempts/stray.c - why this exists: whoever paid a notice on the platform's own page has paid it, though nobody here was asked for an order. */
#include "payments/attempts/stray.h"

#include "auth/keyring.h"
#include "base/log.h"
#include "payments/attempts/attempt_channel.h"
#include "payments/orders/arrive.h"

#define AGAIN_MS INT64_C(1800000)
#define LATER_MS INT64_C(30000)

/* ---- heard of ---- */

struct asked {
	int64_t asks, asked_ms;
};

static bool asked_read(struct tx *tx, enum pay_channel channel, struct str channel_no, struct asked *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT asks, asked_ms FROM pay_stray WHERE channel = $1 AND channel_no = $2", why);
	*out = (struct asked){ .asks = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, channel);
	stmt_bind_text(q, 2, channel_no);
	if (stmt_row(q, why))
		*out = (struct asked){ stmt_int(q, 0), stmt_int(q, 1) };
	return why->code == FAIL_NONE;
}

static bool asked_put(struct tx *tx, const struct stray *s, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_stray (channel, channel_no, reference, source, day, asks, asked_ms) VALUES ($1, $2, $3, $4, $5, 1, $6)"
		" ON CONFLICT (channel, channel_no) DO UPDATE SET reference = excluded.reference, source = excluded.source, day = excluded.day, asks = pay_stray.asks + 1,"
		" asked_ms = excluded.asked_ms", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, s->channel);
	stmt_bind_text(q, 2, s->channel_no);
	stmt_bind_text(q, 3, s->reference);
	stmt_bind_int(q, 4, s->source);
	stmt_bind_int(q, 5, s->day);
	stmt_bind_int(q, 6, now_ms);
	return stmt_run(q, why);
}

bool stray_found(struct tx *tx, const struct stray *s, int64_t now_ms, struct fail *why)
{
	struct asked before;
	uint8_t digest[SHA256_BYTES];
	if (!asked_read(tx, s->channel, s->channel_no, &before, why))
		return false;
	if (before.asks >= STRAY_ASKS_MAX || (before.asks > 0 && before.asked_ms > now_ms - AGAIN_MS))
		return true;
	const int64_t numbers[] = { before.asks, now_ms };
	const struct str parts[] = { s->channel_no, { (const char *)numbers, sizeof(numbers) } };
	keyring_index("stray.effect", parts, 2, digest);
	if (!asked_put(tx, s, now_ms, why) || !attempt_ask_stray(tx, s->channel, s->channel_no, 0, now_ms, digest, why))
		return false;
	keyring_index("stray.tell", parts, 2, digest);
	return before.asks > 0 || !attempt_is_told(s->channel) || attempt_tell_stray(tx, s->channel, s->channel_no, now_ms, digest, why);
}

bool stray_kept(struct tx *tx, enum pay_channel channel, struct str reference, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_channel_trade (channel, reference, channel_no, made_ms)"
		" SELECT channel, reference, channel_no, $1 FROM pay_stray WHERE channel = $2 AND reference = $3 ORDER BY channel_no LIMIT 1 ON CONFLICT DO NOTHING", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, channel);
	stmt_bind_text(q, 3, reference);
	return stmt_run(q, why);
}

/* ---- answered ---- */

static bool held_again(struct tx *tx, enum pay_channel channel, struct str channel_no, int64_t now_ms, struct fail *why)
{
	int64_t source = 0, day = 0;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT source, day FROM pay_stray WHERE channel = $1 AND channel_no = $2", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, channel);
		stmt_bind_text(q, 2, channel_no);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE;
		source = stmt_int(q, 0);
		day = stmt_int(q, 1);
	}
	return recon_ask_soon(tx, (enum bill_source)source, day, now_ms, why);
}

/* One question follows another, until the order of ours that may be meant has its number or is over. */
static bool ask_later(struct tx *tx, enum pay_channel channel, struct str channel_no, int64_t question, int64_t now_ms, struct fail *why)
{
	uint8_t digest[SHA256_BYTES];
	const int64_t numbers[] = { question, now_ms };
	const struct str parts[] = { channel_no, { (const char *)numbers, sizeof(numbers) } };
	keyring_index("stray.later", parts, 2, digest);
	return attempt_ask_stray(tx, channel, channel_no, now_ms + LATER_MS, now_ms, digest, why);
}

bool stray_paid(struct tx *tx, enum pay_channel channel, const struct attempt_word *w, int64_t question, int64_t now_ms, struct arena *a, struct fail *why)
{
	struct notice n = { .id = 0 };
	enum money_end end;
	if (w->notice_no.len > 0 && !notice_find(tx, w->notice_no, &n, a, why))
		return false;
	const struct money m = { .channel = channel, .reference = w->reference, .channel_no = w->channel_no, .notice = n.id, .division = n.id != 0 ? n.division : attempt_stray_division(),
		.fen = w->total_fen, .came_ms = w->paid_ms != 0 ? w->paid_ms : now_ms };
	if (!money_arrives(tx, &m, now_ms, &end, why) || end == MONEY_REPEATED)
		return why->code == FAIL_NONE;
	if (end == MONEY_LATER)
		return ask_later(tx, channel, w->channel_no, question, now_ms, why);
	TX_SAY(tx, stray_paid, L_STR(pay_channel_name(channel)), L_BOOL(end == MONEY_TAKEN));
	return held_again(tx, channel, w->channel_no, now_ms, why);
}
