/* payments/attempts/attempt_barcode.c - why this exists: whoever shows the code of his phone is asked for money at once, and an answer that does not come leaves a clerk with a person in front of him who may have paid.
 *
 * The code is sent by one effect (channels/wechat_nontax_micropay.c), which ends as paid, as refused, or as unknown; then the platform is asked on, by the order's number where it named one, otherwise
 * by the notice, and the notice is held until it says what became of it, or its time is over. */
#include "payments/attempts/attempt_inside.h"

#include "base/arena.h"
#include "channels/wechat_nontax.h"
#include "payments/attempts/attempt_channel.h"

enum { ARENA_MAX = 256 << 10, PAYLOAD_FIRST_BYTES = 1024 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

/* ---- the code, when it has been used ---- */

static bool forget_code(struct tx *tx, const struct attempt *a, int64_t now_ms, struct arena *arena, struct fail *why)
{
	struct buf payload;
	uint8_t random[16];
	buf_init(&payload, arena, PAYLOAD_FIRST_BYTES);
	attempt_random("attempt.used", a, now_ms, random);
	return attempt_payload(tx, a, &payload, why) && (buf_ok(&payload) || FAILS(why, MEMORY, "an attempt's payload")) && effect_payload_put(tx, a->effect, buf_text(&payload), random, why);
}

/* Has anything left by which money may have been asked for? */
static bool may_have_asked(struct tx *tx, int64_t effect, bool *may, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM effect_attempt WHERE effect = $1 ORDER BY n", why);
	*may = false;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, effect);
	while (stmt_row(q, why))
		*may |= !nontax_was_harmless(stmt_text(q, 0));
	return why->code == FAIL_NONE;
}

/* Refused in so many words, or never sent. */
static bool is_sure(struct tx *tx, const struct effect_view *e, bool *sure, struct fail *why)
{
	bool may = false;
	*sure = e->state == EFFECT_FAILED && strncmp(e->code, "refused", 7) == 0;
	if (*sure || e->state == EFFECT_UNKNOWN || e->state == EFFECT_DONE)
		return true;
	bool ok = may_have_asked(tx, e->id, &may, why);
	*sure = !may;
	return ok;
}

/* ---- the end of the effect ---- */

static bool told(struct tx *tx, const struct effect_view *e, struct attempt *a, int64_t now_ms, struct arena *arena, struct fail *why)
{
	struct attempt_word w;
	if (e->said.at == NULL || !attempt_channel_of(a->channel)->word(e->said, &w, arena))
		return attempt_unknown(tx, a, e->code, now_ms, why);
	if (w.is == ATTEMPT_IS_CLOSED)
		return attempt_failed(tx, a, e->code, now_ms, why);
	return attempt_told(tx, a, &w, now_ms, why);
}

static bool ended(struct tx *tx, const struct effect_view *e, struct attempt *a, int64_t now_ms, struct arena *arena, struct fail *why)
{
	bool is_other = false, sure = false;
	if (e->ref[0] != '\0' && a->channel_no.len == 0 && !attempt_named_there(tx, a, str_c(e->ref), now_ms, &is_other, why))
		return false;
	if (e->state == EFFECT_DONE && !is_other)
		return told(tx, e, a, now_ms, arena, why);
	if (!is_sure(tx, e, &sure, why))
		return false;
	return sure ? attempt_failed(tx, a, e->code, now_ms, why) : attempt_unknown(tx, a, e->code, now_ms, why);
}

bool attempt_scanned(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena arena;
	struct attempt a;
	arena_init(&arena, ARENA_MAX);
	if (!attempt_by_effect(tx, e->id, &a, &arena, why) || a.id == 0 || !order_hold(tx, a.order, why) || !attempt_by_effect(tx, e->id, &a, &arena, why))
		return why->code == FAIL_NONE;
	return forget_code(tx, &a, now_ms, &arena, why) && (!attempt_is_live(&a) || ended(tx, e, &a, now_ms, &arena, why));
}

/* ---- asked about by its notice ---- */

bool attempt_ask_list(struct tx *tx, struct attempt *a, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena arena;
	struct buf payload;
	int64_t effect;
	arena_init(&arena, ARENA_MAX);
	buf_init(&payload, &arena, PAYLOAD_FIRST_BYTES);
	if (!attempt_payload(tx, a, &payload, why))
		return false;
	const struct attempt_deed d = { attempt_channel_of(a->channel)->list, buf_text(&payload), 0 };
	return (buf_ok(&payload) || FAILS(why, MEMORY, "an attempt's payload")) && attempt_effect(tx, a, &d, now_ms, &effect, why) && attempt_ask_next(tx, a, effect, a->asks + 1, 0, now_ms, why);
}

bool attempt_listed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena arena;
	struct attempt a;
	bool is_other = false;
	arena_init(&arena, ARENA_MAX);
	if (!attempt_by_asking(tx, e->id, &a, &arena, why) || a.id == 0 || !order_hold(tx, a.order, why) || !attempt_by_asking(tx, e->id, &a, &arena, why) || a.id == 0)
		return why->code == FAIL_NONE;
	if (!attempt_ask_next(tx, &a, 0, a.asks, 0, now_ms, why) || !attempt_is_live(&a))
		return why->code == FAIL_NONE;
	if (e->state != EFFECT_DONE)
		return attempt_ask_later(tx, &a, now_ms, why);
	if (a.channel_no.len == 0 && e->ref[0] != '\0' && !attempt_named_there(tx, &a, str_c(e->ref), now_ms, &is_other, why))
		return false;
	return a.channel_no.len > 0 ? attempt_ask(tx, &a, now_ms, why) : attempt_close_there(tx, &a, now_ms, why);
}

/* ---- named by what the platform says of its own accord ---- */

static bool waiting(struct tx *tx, enum pay_channel channel, struct str notice_no, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT a.id FROM pay_notice n JOIN pay_order_notice x ON x.notice = n.id JOIN pay_attempt a ON a.pay_order = x.pay_order"
		" WHERE n.payment_code = $1 AND a.channel = $2 AND a.method = $3 AND a.is_live = 1 AND a.channel_no = '' AND x.is_live = 1", why);
	*id = 0;
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, notice_no);
	stmt_bind_int(q, 2, channel);
	stmt_bind_int(q, 3, ATTEMPT_BY_BARCODE);
	if (stmt_row(q, why))
		*id = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

bool attempt_barcode_of(struct tx *tx, enum pay_channel channel, struct str notice_no, struct attempt *out, struct arena *a, struct fail *why)
{
	int64_t id = 0;
	*out = (struct attempt){ .id = 0 };
	if (notice_no.at == NULL || !waiting(tx, channel, notice_no, &id, why) || id == 0)
		return why->code == FAIL_NONE;
	if (!attempt_read(tx, id, out, a, why) || !order_hold(tx, out->order, why) || !attempt_read(tx, id, out, a, why))
		return false;
	if (!attempt_is_live(out) || out->channel_no.len > 0) /* another was quicker */
		out->id = 0;
	return true;
}
