/* payments/attempts/attempt_outside.c - why this exists: a callback may be lost, late, early or come twice; a question settles it, and a close only ever comes after one. */
#include "payments/attempts/attempt_inside.h"

#include "auth/keyring.h"
#include "base/arena.h"
#include "base/json.h"
#include "notify/effect_act.h"
#include "payments/aside.h"
#include "payments/attempts/attempt_channel.h"
#include "payments/attempts/stray.h"
#include "payments/orders/arrive.h"

#include <inttypes.h>

enum { ARENA_MAX = 256 << 10, CLOSING_LATER_MS = 1800000, BUSY_MS = 5000 };
#define DAY_MS INT64_C(86400000)

static inline void arena_dropper(struct arena *a) { arena_free(a); }

/* ---- effects ---- */

void attempt_random(const char *what, const struct attempt *a, int64_t now_ms, uint8_t out[16])
{
	uint8_t digest[SHA256_BYTES];
	const int64_t numbers[] = { a->deeds, now_ms };
	const struct str parts[] = { str_c(a->number), { (const char *)numbers, sizeof(numbers) } };
	keyring_index(what, parts, 2, digest);
	memcpy(out, digest, 16);
}

bool attempt_effect(struct tx *tx, struct attempt *a, const struct attempt_deed *d, int64_t now_ms, int64_t *effect, struct fail *why)
{
	uint8_t random[16];
	attempt_random("attempt.effect", a, now_ms, random);
	a->deeds++;
	const struct effect_new e = { .kind = d->kind, .payload = d->payload, .expires_ms = d->expires_ms };
	return effect_add(tx, &e, now_ms, random, effect, why);
}

static bool number_out(struct buf *b, struct arena *a, const char *name, struct str number, struct fail *why)
{
	buf_init(b, a, 64);
	struct json_out j = json_begin(b);
	json_put_object(&j);
	json_add_text(&j, name, number);
	json_put_object_end(&j);
	return json_end(&j) || FAILS(why, MEMORY, "a question about an attempt");
}

/* A question or a close: by the number it has there alone. What has none there nobody can pay: it is over. */
static bool by_number(struct tx *tx, struct attempt *at, bool is_close, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena a;
	struct buf b;
	int64_t effect;
	const struct attempt_channel *c = attempt_channel_of(at->channel);
	arena_init(&a, ARENA_MAX);
	if (!c->is_asked_by_ours && at->channel_no.len == 0 && attempt_is_scanned(at))
		return attempt_ask_list(tx, at, now_ms, why);
	if (!c->is_asked_by_ours && at->channel_no.len == 0)
		return attempt_move(tx, at, at->state == ATTEMPT_ASKED ? ATTEMPT_FAILED : ATTEMPT_CLOSED, STR("NOWHERE"), now_ms, why);
	if (!(c->is_asked_by_ours ? number_out(&b, &a, "out_trade_no", str_c(at->number), why) : number_out(&b, &a, "order_id", at->channel_no, why)))
		return false;
	const struct attempt_deed d = { is_close ? c->close : c->query, buf_text(&b), 0 };
	return attempt_effect(tx, at, &d, now_ms, &effect, why) && attempt_ask_next(tx, at, effect, at->asks + !is_close, 0, now_ms, why);
}

static bool stray_effect(struct tx *tx, int32_t kind, struct str channel_no, int64_t due_ms, int64_t now_ms, const uint8_t random[16], struct fail *why)
{
	DROP(arena) struct arena a;
	struct buf b;
	int64_t effect;
	arena_init(&a, ARENA_MAX);
	if (!number_out(&b, &a, "order_id", channel_no, why))
		return false;
	const struct effect_new e = { .kind = kind, .payload = buf_text(&b), .due_ms = due_ms };
	return effect_add(tx, &e, now_ms, random, &effect, why);
}

bool attempt_ask_stray(struct tx *tx, enum pay_channel channel, struct str channel_no, int64_t due_ms, int64_t now_ms, const uint8_t random[16], struct fail *why)
{
	return stray_effect(tx, attempt_channel_of(channel)->query, channel_no, due_ms, now_ms, random, why);
}

bool attempt_tell_stray(struct tx *tx, enum pay_channel channel, struct str channel_no, int64_t now_ms, const uint8_t random[16], struct fail *why)
{
	return stray_effect(tx, attempt_channel_of(channel)->tell, channel_no, 0, now_ms, random, why);
}

bool attempt_ask(struct tx *tx, struct attempt *a, int64_t now_ms, struct fail *why)
{
	return by_number(tx, a, false, now_ms, why);
}

/* ---- when to ask ---- */

/* Of a barcode that is unknown: at once, after 1, 5 and 15 min, and twice an hour: protocols/nontax.md 2.4. */
static int64_t next_scanned_ms(const struct attempt *a, int64_t now_ms)
{
	static const int32_t gaps_s[] = { 0, 60, 240, 600 };
	enum { GAPS = sizeof(gaps_s) / sizeof(gaps_s[0]) };
	return now_ms + (a->asks < GAPS ? gaps_s[a->asks] * INT64_C(1000) : CLOSING_LATER_MS);
}

/* From one question to the next: 5 s after it was ready, then at 30 s, 1, 3, 5, 10, 30 min, and daily. What is being closed is asked twice an hour: its notices wait. */
static int64_t next_ms(const struct attempt *a, int64_t now_ms)
{
	static const int32_t gaps_s[] = { 5, 25, 30, 120, 120, 300, 1200 };
	enum { GAPS = sizeof(gaps_s) / sizeof(gaps_s[0]) };
	if (attempt_is_scanned(a))
		return next_scanned_ms(a, now_ms);
	if (a->asks < GAPS)
		return now_ms + gaps_s[a->asks] * INT64_C(1000);
	return now_ms + (a->state == ATTEMPT_CLOSING ? CLOSING_LATER_MS : DAY_MS);
}

bool attempt_ask_later(struct tx *tx, struct attempt *a, int64_t now_ms, struct fail *why)
{
	return attempt_ask_next(tx, a, 0, a->asks, next_ms(a, now_ms), now_ms, why);
}

/* ---- winding up ---- */

bool attempt_ends_as(struct tx *tx, int64_t order, int64_t ends_as, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_order SET ends_as = $1, changed_ms = $2 WHERE id = $3 AND state = 5", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, ends_as);
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, order);
	return stmt_run(q, why);
}

/* What orders it there has not left yet: then it never does, and there is nothing to close. A payer's code asks for money as often as it is sent: it is not sent again, either. */
static bool never_leaves(struct tx *tx, const struct attempt *a, int64_t now_ms, bool *is_over, struct fail *why)
{
	struct effect_view e;
	bool found;
	struct effect_act act = { .what = EFFECT_CANCEL, .id = a->effect, .now_ms = now_ms };
	*is_over = true;
	if (!effect_get(tx, a->effect, &e, &found, why) || !found || effect_is_over(e.state))
		return why->code == FAIL_NONE;
	*is_over = false;
	return (e.state != EFFECT_HELD && (e.state != EFFECT_DUE || (e.attempts > 0 && !attempt_is_scanned(a)))) || effect_act_apply(tx, &act, why);
}

bool attempt_scans_again(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena arena;
	struct attempt a;
	bool is_over;
	arena_init(&arena, ARENA_MAX);
	if (!attempt_by_effect(tx, e->id, &a, &arena, why) || a.id == 0 || !order_hold(tx, a.order, why) || !attempt_by_effect(tx, e->id, &a, &arena, why))
		return why->code == FAIL_NONE;
	return (attempt_is_live(&a) && a.state != ATTEMPT_CLOSING) || never_leaves(tx, &a, now_ms, &is_over, why);
}

bool attempt_wind_up(struct tx *tx, struct attempt *a, int64_t ends_as, int64_t now_ms, struct fail *why)
{
	bool is_over;
	if (ends_as != 0 && !attempt_ends_as(tx, a->order, ends_as, now_ms, why))
		return false;
	if (a->state == ATTEMPT_CLOSING)
		return true;
	if (!never_leaves(tx, a, now_ms, &is_over, why))
		return false;
	DROP(arena) struct arena arena;
	struct attempt now;
	arena_init(&arena, ARENA_MAX);
	if (!attempt_read(tx, a->id, &now, &arena, why))
		return false;
	if (now.state != a->state) /* the effect was cancelled, and what follows from that is done */
		return true;
	a->asks = 0;
	if (!attempt_move(tx, a, ATTEMPT_CLOSING, STR_NONE, now_ms, why))
		return false;
	if (a->asking != 0)
		return true; /* its answer goes on */
	return is_over ? by_number(tx, a, false, now_ms, why) : attempt_ask_next(tx, a, 0, 0, now_ms + BUSY_MS, now_ms, why);
}

/* ---- what the channel says ---- */

static bool paid(struct tx *tx, struct attempt *a, const struct attempt_word *w, int64_t now_ms, struct fail *why)
{
	enum money_end end;
	bool is_over;
	const struct money m = { .channel = a->channel, .reference = w->reference, .channel_no = w->channel_no, .order = a->order, .fen = w->total_fen, .came_ms = w->paid_ms != 0 ? w->paid_ms : now_ms };
	if (!money_arrives(tx, &m, now_ms, &end, why))
		return false;
	if (a->state == ATTEMPT_PAID)
		return true;
	return attempt_move(tx, a, ATTEMPT_PAID, STR("SUCCESS"), now_ms, why) && (!attempt_is_scanned(a) || never_leaves(tx, a, now_ms, &is_over, why));
}

/* Another way to pay the same order that is still open at a channel is closed there. */
static bool close_others(struct tx *tx, const struct attempt *a, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena arena;
	struct attempt other;
	arena_init(&arena, ARENA_MAX);
	return attempt_live(tx, a->order, &other, &arena, why) && (other.id == 0 || other.id == a->id || attempt_wind_up(tx, &other, 0, now_ms, why));
}

bool attempt_is_live(const struct attempt *a)
{
	return a->state == ATTEMPT_ASKED || a->state == ATTEMPT_READY || a->state == ATTEMPT_UNKNOWN || a->state == ATTEMPT_CLOSING;
}

/* What a channel does not close is asked about until its time is over there, and is given up then: what comes later is odd money. */
bool attempt_close_there(struct tx *tx, struct attempt *a, int64_t now_ms, struct fail *why)
{
	int64_t over_ms = attempt_ends_by_itself_ms(a), next = next_ms(a, now_ms);
	if (attempt_channel_of(a->channel)->close != 0)
		return by_number(tx, a, true, now_ms, why);
	if (now_ms >= over_ms)
		return attempt_move(tx, a, ATTEMPT_CLOSED, STR("LEFT"), now_ms, why);
	return attempt_ask_next(tx, a, 0, a->asks, next < over_ms ? next : over_ms, now_ms, why);
}

static bool not_paid(struct tx *tx, struct attempt *a, const struct attempt_word *w, int64_t now_ms, struct fail *why)
{
	if (!attempt_is_live(a))
		return true;
	if (w->is == ATTEMPT_IS_CLOSED)
		return a->state == ATTEMPT_ASKED || attempt_move(tx, a, ATTEMPT_CLOSED, STR("CLOSED"), now_ms, why);
	if (a->state == ATTEMPT_UNKNOWN && !attempt_move(tx, a, ATTEMPT_CLOSING, STR("NOTPAY"), now_ms, why)) /* it is there, and no phone has what it takes to pay it */
		return false;
	return a->state == ATTEMPT_CLOSING ? attempt_close_there(tx, a, now_ms, why) : attempt_ask_later(tx, a, now_ms, why);
}

bool attempt_told(struct tx *tx, struct attempt *a, const struct attempt_word *w, int64_t now_ms, struct fail *why)
{
	if (w->is == ATTEMPT_IS_PAID)
		return paid(tx, a, w, now_ms, why) && close_others(tx, a, now_ms, why);
	if (w->is == ATTEMPT_IS_OTHER)
		return !attempt_is_live(a) || attempt_ask_later(tx, a, now_ms, why);
	return not_paid(tx, a, w, now_ms, why);
}

/* ---- what follows from effects ---- */

bool attempt_failed(struct tx *tx, struct attempt *a, const char *code, int64_t now_ms, struct fail *why)
{
	if (a->state == ATTEMPT_CLOSING)
		return attempt_move(tx, a, ATTEMPT_CLOSED, str_c(code), now_ms, why);
	return a->state != ATTEMPT_ASKED || attempt_move(tx, a, ATTEMPT_FAILED, str_c(code), now_ms, why);
}

bool attempt_unknown(struct tx *tx, struct attempt *a, const char *code, int64_t now_ms, struct fail *why)
{
	return (a->state != ATTEMPT_ASKED || attempt_move(tx, a, ATTEMPT_UNKNOWN, str_c(code), now_ms, why)) && attempt_ask_next(tx, a, a->asking, 0, now_ms, now_ms, why);
}

static bool ready(struct tx *tx, struct attempt *a, struct str handle, int64_t now_ms, struct fail *why)
{
	if (!attempt_handle(tx, a, handle, now_ms, why))
		return false;
	if (a->state != ATTEMPT_ASKED && a->state != ATTEMPT_UNKNOWN)
		return true;
	a->asks = 0;
	return attempt_move(tx, a, ATTEMPT_READY, STR("NOTPAY"), now_ms, why) && (a->asking != 0 || attempt_ask_later(tx, a, now_ms, why));
}

/* A number that is paid or closed there is not ours to give up: the question says which. */
static bool is_about_its_state(const char *code)
{
	static const char *const words[] = { "ORDER_PAID", "ORDERPAID", "ORDER_CLOSED", "OUT_TRADE_NO_USED", "TRADE_ERROR" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(code, words[i]) == 0)
			return true;
	return false;
}

/* *is_other: the notice is paid there by an order of another attempt, which is asked about, or by one whose money is in our books already: this one must not be paid too, or is not paid yet. */
bool attempt_named_there(struct tx *tx, struct attempt *a, struct str channel_no, int64_t now_ms, bool *is_other, struct fail *why)
{
	DROP(arena) struct arena arena;
	struct attempt other;
	uint8_t random[16];
	bool is_kept = false;
	arena_init(&arena, ARENA_MAX);
	if (!attempt_by_channel_no(tx, a->channel, channel_no, &other, &arena, why) || (other.id == 0 && !money_is_kept(tx, a->channel, channel_no, &is_kept, why)))
		return false;
	*is_other = is_kept || (other.id != 0 && other.id != a->id);
	if (!*is_other)
		return attempt_channel_no(tx, a, channel_no, now_ms, why);
	if (is_kept)
		return true;
	attempt_random("attempt.stray", a, now_ms, random);
	return attempt_ask_stray(tx, a->channel, channel_no, 0, now_ms, random, why);
}

bool attempt_ordered(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena arena;
	struct attempt a;
	bool is_other = false;
	arena_init(&arena, ARENA_MAX);
	if (!attempt_by_effect(tx, e->id, &a, &arena, why) || a.id == 0 || !order_hold(tx, a.order, why) || !attempt_by_effect(tx, e->id, &a, &arena, why) || !attempt_is_live(&a))
		return why->code == FAIL_NONE;
	struct attempt_page page = { .handle = STR_NONE };
	if (e->state == EFFECT_DONE)
		attempt_channel_of(a.channel)->page(e, a.method, &page, &arena);
	if (page.channel_no.at != NULL && !attempt_named_there(tx, &a, page.channel_no, now_ms, &is_other, why))
		return false;
	if (is_other)
		return attempt_failed(tx, &a, e->code, now_ms, why);
	if (page.handle.at != NULL)
		return ready(tx, &a, page.handle, now_ms, why);
	if (e->state == EFFECT_CANCELLED || (e->state == EFFECT_FAILED && !is_about_its_state(e->code)))
		return attempt_failed(tx, &a, e->code, now_ms, why);
	return attempt_unknown(tx, &a, e->code, now_ms, why);
}

static bool asked(struct tx *tx, const struct effect_view *e, struct attempt *a, struct arena *arena, struct fail *why)
{
	return attempt_by_asking(tx, e->id, a, arena, why) && (a->id == 0 || (order_hold(tx, a->order, why) && attempt_by_asking(tx, e->id, a, arena, why)));
}

static bool is_unknown_there(const struct effect_view *e)
{
	return e->state == EFFECT_DONE && e->said.at == NULL;
}

/* Of an order nobody is asking about: an attempt's that is over, or one that was made there and not by us. */
static bool stray(struct tx *tx, const struct attempt_channel *c, const struct attempt_word *w, int64_t question, int64_t now_ms, struct arena *arena, struct fail *why)
{
	struct attempt a;
	bool is_kept;
	if (w->is != ATTEMPT_IS_PAID || w->channel_no.at == NULL)
		return true;
	if (!attempt_by_channel_no(tx, c->channel, w->channel_no, &a, arena, why))
		return false;
	if (a.id != 0)
		return order_hold(tx, a.order, why) && attempt_by_channel_no(tx, c->channel, w->channel_no, &a, arena, why) && attempt_told(tx, &a, w, now_ms, why);
	if (!money_is_kept(tx, c->channel, w->channel_no, &is_kept, why) || is_kept)
		return why->code == FAIL_NONE;
	if (!attempt_barcode_of(tx, c->channel, w->notice_no, &a, arena, why)) /* its answer was lost, or is on its way */
		return false;
	if (a.id != 0)
		return attempt_channel_no(tx, &a, w->channel_no, now_ms, why) && attempt_told(tx, &a, w, now_ms, why);
	return stray_paid(tx, c->channel, w, question, now_ms, arena, why);
}

bool attempt_answered(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena arena;
	struct attempt a;
	struct attempt_word w;
	const struct attempt_channel *c = attempt_channel_asked(e->kind);
	arena_init(&arena, ARENA_MAX);
	bool is_word = e->said.at != NULL && c->word(e->said, &w, &arena);
	if (!asked(tx, e, &a, &arena, why))
		return false;
	if (a.id == 0)
		return !is_word || stray(tx, c, &w, e->id, now_ms, &arena, why);
	if (!attempt_ask_next(tx, &a, 0, a.asks, 0, now_ms, why))
		return false;
	if (is_word)
		return attempt_told(tx, &a, &w, now_ms, why);
	if (!attempt_is_live(&a))
		return true;
	/* nothing of that number is there: what was to order it never arrived, and is over */
	if (is_unknown_there(e) && (a.state == ATTEMPT_CLOSING || a.state == ATTEMPT_UNKNOWN))
		return attempt_move(tx, &a, ATTEMPT_CLOSED, str_c(e->code), now_ms, why);
	return attempt_ask_later(tx, &a, now_ms, why);
}

bool attempt_closed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena arena;
	struct attempt a;
	arena_init(&arena, ARENA_MAX);
	if (!asked(tx, e, &a, &arena, why) || a.id == 0)
		return why->code == FAIL_NONE;
	if (!attempt_ask_next(tx, &a, 0, a.asks, 0, now_ms, why) || !attempt_is_live(&a))
		return why->code == FAIL_NONE;
	if (e->state == EFFECT_DONE)
		return attempt_move(tx, &a, ATTEMPT_CLOSED, str_c(e->code), now_ms, why);
	if (is_about_its_state(e->code)) /* the phone was quicker */
		return by_number(tx, &a, false, now_ms, why);
	return attempt_ask_later(tx, &a, now_ms, why);
}

/* ---- the sweep ---- */

_Static_assert(ASIDE_ATTEMPTS == 4, "as the statements say");

/* `q`: $1 is now, $2 how many. */
static bool due_of(struct stmt *q, int64_t now_ms, int64_t most, struct aside_due *out, struct fail *why)
{
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, most);
	return aside_due_read(q, out, why);
}

static bool due_to_ask(struct tx *tx, int64_t now_ms, int64_t most, struct aside_due *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT id FROM pay_attempt WHERE ask_ms > 0 AND ask_ms <= $1 AND asking = 0"
		" AND NOT EXISTS (SELECT 1 FROM pay_aside s WHERE s.queue = 4 AND s.subject = pay_attempt.id AND s.next_ms > $1) ORDER BY ask_ms, id LIMIT $2", why);
	return due_of(q, now_ms, most, out, why);
}

/* Whoever ends an order past its attempts (what was paid elsewhere, says the finance system) leaves them to this. */
static bool due_to_end(struct tx *tx, int64_t now_ms, int64_t most, struct aside_due *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT a.id FROM pay_attempt a JOIN pay_order o ON o.id = a.pay_order"
		" WHERE a.is_live = 1 AND a.state <> 3 AND (o.expires_ms <= $1 OR o.state <> 5)"
		" AND NOT EXISTS (SELECT 1 FROM pay_aside s WHERE s.queue = 4 AND s.subject = a.id AND s.next_ms > $1) ORDER BY a.id LIMIT $2", why);
	return due_of(q, now_ms, most, out, why);
}

/* As it is now, its order held. */
static bool held(struct tx *tx, int64_t id, struct attempt *a, struct arena *arena, struct fail *why)
{
	return attempt_read(tx, id, a, arena, why) && order_hold(tx, a->order, why) && attempt_read(tx, id, a, arena, why);
}

static bool ask_one(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena arena;
	struct attempt a;
	struct effect_view e;
	bool found;
	arena_init(&arena, ARENA_MAX);
	if (!held(tx, id, &a, &arena, why))
		return false;
	if (!attempt_is_live(&a) || a.asking != 0 || a.ask_ms == 0 || a.ask_ms > now_ms)
		return true;
	if (a.state == ATTEMPT_CLOSING && (!effect_get(tx, a.effect, &e, &found, why) || (found && !effect_is_over(e.state)))) /* what orders it there is still on its way */
		return why->code == FAIL_NONE && attempt_ask_next(tx, &a, 0, a.asks, now_ms + BUSY_MS, now_ms, why);
	return by_number(tx, &a, false, now_ms, why);
}

static bool end_one(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena arena;
	struct attempt a;
	arena_init(&arena, ARENA_MAX);
	if (!held(tx, id, &a, &arena, why))
		return false;
	return !attempt_is_live(&a) || attempt_wind_up(tx, &a, ORDER_EXPIRED, now_ms, why);
}

bool attempts_sweep(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	struct aside_due over, due;
	*rows = 0;
	if (!due_to_end(tx, now_ms, rows_max, &over, why) || !aside_each(tx, ASIDE_ATTEMPTS, &over, end_one, now_ms, why) ||
	    !due_to_ask(tx, now_ms, rows_max - over.count, &due, why) || !aside_each(tx, ASIDE_ATTEMPTS, &due, ask_one, now_ms, why))
		return false;
	*rows = over.count + due.count;
	return true;
}
