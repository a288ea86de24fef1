/* payments/attempts/attempt.c - why this exists: a channel and we must call the same thing by the same number, whatever is lost between us. */
#include "payments/attempts/attempt.h"

#include "auth/vault.h"
#include "base/arena.h"
#include "payments/attempts/attempt_channel.h"
#include "payments/attempts/attempt_inside.h"

#include <assert.h>
#include <inttypes.h>

enum { BARCODE_LIFE_MS = 60000 /* a phone shows another each minute */, PAYLOAD_FIRST_BYTES = 1024, ARENA_MAX = 256 << 10 /* a notice of many items */ };
#define MS_PER_MINUTE INT64_C(60000)

static inline void arena_dropper(struct arena *a) { arena_free(a); }

/* ---- tables ---- */

#define TO(name) (1u << ATTEMPT_##name)
static const struct {
	enum attempt_state number;
	struct str text;
	bool is_live;
	unsigned may;
} states[] = {
#define STATE(name, number, text, live, may) { ATTEMPT_##name, { text, sizeof(text) - 1 }, live, may },
#include "payments/attempts/attempt_states.def"
#undef STATE
};

static const struct {
	enum attempt_method number;
	struct str text;
	int64_t life_ms;
} methods[] = {
#define METHOD(name, number, text, life, gets) { ATTEMPT_BY_##name, { text, sizeof(text) - 1 }, life * MS_PER_MINUTE },
#include "payments/attempts/attempt_methods.def"
#undef METHOD
};
enum { STATES = sizeof(states) / sizeof(states[0]), METHODS = sizeof(methods) / sizeof(methods[0]) };

static int state_row(enum attempt_state s)
{
	for (int i = 0; i < STATES; i++)
		if (states[i].number == s)
			return i;
	assert(false && "a state nobody knows");
	return 0;
}

struct str attempt_state_text(enum attempt_state s)
{
	return states[state_row(s)].text;
}

static int method_row(enum attempt_method m)
{
	for (int i = 0; i < METHODS; i++)
		if (methods[i].number == m)
			return i;
	assert(false && "a method nobody knows");
	return 0;
}

struct str attempt_method_text(enum attempt_method m)
{
	return methods[method_row(m)].text;
}

enum attempt_method attempt_method_named(struct str text)
{
	for (int i = 0; i < METHODS; i++)
		if (str_eq(text, methods[i].text))
			return methods[i].number;
	return 0;
}

bool attempt_serves(const struct attempt *a, int64_t now_ms)
{
	return a->handle.len > 0 && (!attempt_channel_of(a->channel)->renews || now_ms < a->handle_ms + methods[method_row(a->method)].life_ms);
}

/* ---- reading ---- */

#define ATTEMPT_SELECT \
	"SELECT id, key, pay_order, channel, method, out_trade_no, total_fen, state, handle, handle_ms, effect, asking, asks, ask_ms, made_ms, changed_ms, deeds, channel_no FROM pay_attempt"

static bool row_take(struct stmt *q, struct attempt *out, struct arena *a, struct fail *why)
{
	*out = (struct attempt){ .id = 0 };
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	struct str key = stmt_blob(q, 1), number = stmt_text(q, 5);
	assert(key.len == ID_BYTES && number.len < ATTEMPT_NUMBER_BYTES);
	*out = (struct attempt){ .id = stmt_int(q, 0), .order = stmt_int(q, 2), .channel = (enum pay_channel)stmt_int(q, 3), .method = (enum attempt_method)stmt_int(q, 4),
		.total_fen = stmt_int(q, 6), .state = (enum attempt_state)stmt_int(q, 7), .handle = str_copy(a, stmt_text(q, 8)), .handle_ms = stmt_int(q, 9), .effect = stmt_int(q, 10),
		.asking = stmt_int(q, 11), .asks = stmt_int(q, 12), .ask_ms = stmt_int(q, 13), .made_ms = stmt_int(q, 14), .changed_ms = stmt_int(q, 15), .deeds = stmt_int(q, 16), .channel_no = str_copy(a, stmt_text(q, 17)) };
	memcpy(out->key.bytes, key.at, ID_BYTES);
	memcpy(out->number, number.at, number.len);
	return (out->handle.at != NULL && out->channel_no.at != NULL) || FAILS(why, MEMORY, "an attempt's handle");
}

static bool by_int(struct stmt *q, int64_t n, struct attempt *out, struct arena *a, struct fail *why)
{
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n);
	return row_take(q, out, a, why);
}

bool attempt_find(struct tx *tx, struct id key, struct attempt *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ATTEMPT_SELECT " WHERE key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	return row_take(q, out, a, why);
}

bool attempt_live(struct tx *tx, int64_t order, struct attempt *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ATTEMPT_SELECT " WHERE pay_order = $1 AND is_live = 1", why);
	return by_int(q, order, out, a, why);
}

bool attempt_by_number(struct tx *tx, struct str number, struct attempt *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ATTEMPT_SELECT " WHERE out_trade_no = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, number);
	return row_take(q, out, a, why);
}

bool attempt_by_channel_no(struct tx *tx, enum pay_channel channel, struct str channel_no, struct attempt *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ATTEMPT_SELECT " WHERE channel = $1 AND channel_no = $2 AND channel_no <> ''", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, channel);
	stmt_bind_text(q, 2, channel_no);
	return row_take(q, out, a, why);
}

bool attempt_by_effect(struct tx *tx, int64_t effect, struct attempt *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ATTEMPT_SELECT " WHERE effect = $1", why);
	return by_int(q, effect, out, a, why);
}

bool attempt_by_asking(struct tx *tx, int64_t effect, struct attempt *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ATTEMPT_SELECT " WHERE asking = $1 AND asking > 0", why);
	return by_int(q, effect, out, a, why);
}

bool attempt_read(struct tx *tx, int64_t id, struct attempt *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ATTEMPT_SELECT " WHERE id = $1", why);
	return by_int(q, id, out, a, why);
}

/* ---- writing ---- */

bool attempt_ask_next(struct tx *tx, struct attempt *a, int64_t asking, int64_t asks, int64_t ask_ms, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_attempt SET asking = $1, asks = $2, ask_ms = $3, changed_ms = $4, deeds = $5 WHERE id = $6", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { asking, asks, ask_ms, now_ms, a->deeds, a->id };
	for (int i = 0; i < 6; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	a->asking = asking;
	a->asks = asks;
	a->ask_ms = ask_ms;
	return stmt_run(q, why);
}

bool attempt_handle(struct tx *tx, struct attempt *a, struct str handle, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_attempt SET handle = $1, handle_ms = $2, changed_ms = $2 WHERE id = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, handle);
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, a->id);
	a->handle = handle;
	a->handle_ms = now_ms;
	return stmt_run(q, why);
}

bool attempt_channel_no(struct tx *tx, struct attempt *a, struct str channel_no, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_attempt SET channel_no = $1, changed_ms = $2 WHERE id = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, channel_no);
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, a->id);
	a->channel_no = channel_no;
	return stmt_run(q, why);
}

/* Nothing at a channel can pay its order any more. It may have been paid by something else. */
static bool order_back(struct tx *tx, const struct attempt *a, int64_t now_ms, struct fail *why)
{
	struct order o;
	if (!order_read(tx, a->order, &o, why))
		return false;
	return o.state != ORDER_PAYING || order_move(tx, &o, o.ends_as != 0 ? (enum order_state)o.ends_as : ORDER_OPEN, now_ms, why);
}

static bool move_put(struct tx *tx, const struct attempt *a, int to, struct str word, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_attempt SET state = $1, is_live = $2, ask_ms = CASE WHEN CAST($2 AS BIGINT) = 1 THEN ask_ms ELSE 0 END,"
		" word = COALESCE($3, word), changed_ms = $4 WHERE id = $5 AND state = $6", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, states[to].number);
	stmt_bind_int(q, 2, states[to].is_live);
	stmt_bind_text(q, 3, word);
	stmt_bind_int(q, 4, now_ms);
	stmt_bind_int(q, 5, a->id);
	stmt_bind_int(q, 6, a->state);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, STORE, "attempt %" PRId64 " was moved by another", a->id));
}

bool attempt_move(struct tx *tx, struct attempt *a, enum attempt_state to, struct str word, int64_t now_ms, struct fail *why)
{
	int from = state_row(a->state), next = state_row(to);
	if ((states[from].may & 1u << to) == 0)
		return FAILS(why, INTERNAL, "attempt %" PRId64 " cannot go from %s to %s", a->id, states[from].text.at, states[next].text.at);
	if (!move_put(tx, a, next, word, now_ms, why))
		return false;
	a->state = to;
	if (states[next].is_live)
		return true;
	a->ask_ms = 0;
	return !states[from].is_live || order_back(tx, a, now_ms, why);
}

/* ---- making one ---- */

static bool insert(struct tx *tx, const struct attempt *a, struct str payload, const uint8_t salt[16], struct arena *arena, struct fail *why)
{
	struct buf sealed;
	buf_init(&sealed, arena, payload.len + VAULT_OVERHEAD_MAX);
	if (!vault_seal("pay_attempt.payload", a->id, payload, salt, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO pay_attempt (id, key, pay_order, channel, method, out_trade_no, total_fen, state, is_live, payload, handle, handle_ms, effect, asking, asks, ask_ms, deeds,"
		" word, made_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 1, $8, '', 0, $9, 0, 0, 0, 1, '', $10, $10)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, a->id);
	stmt_bind_blob(q, 2, a->key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, a->order);
	stmt_bind_int(q, 4, a->channel);
	stmt_bind_int(q, 5, a->method);
	stmt_bind_text(q, 6, str_c(a->number));
	stmt_bind_int(q, 7, a->total_fen);
	stmt_bind_blob(q, 8, sealed.at, sealed.len);
	stmt_bind_int(q, 9, a->effect);
	stmt_bind_int(q, 10, a->made_ms);
	return stmt_run(q, why);
}

/* The code is added to what is kept. An order of a counter that is not paid this way is over: the clerk makes another. */
static bool scan(struct tx *tx, struct attempt *at, const struct attempt_channel *c, struct str payload, const struct attempt_new *n, struct arena *a, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, payload.len + 64 + n->auth_code.secret.len);
	buf_str(&b, (struct str){ payload.at, payload.len - 1 });
	buf_printf(&b, ",\"auth_code\":\"%.*s\",\"until_ms\":%" PRId64 "}", STR_ARG(n->auth_code.secret), n->now_ms + BARCODE_LIFE_MS);
	const struct attempt_deed d = { c->scan, buf_text(&b), 0 };
	bool ok = (buf_ok(&b) || FAILS(why, MEMORY, "a barcode's payload")) && attempt_effect(tx, at, &d, n->now_ms, &at->effect, why) && attempt_ends_as(tx, at->order, ORDER_CLOSED, n->now_ms, why);
	wipe(b.at, b.len);
	return ok;
}

bool attempt_make(struct tx *tx, const struct order *o, const struct attempt_new *n, struct attempt *out, struct fail *why)
{
	DROP(arena) struct arena a;
	struct buf payload;
	char number[ID_TEXT_BYTES];
	arena_init(&a, ARENA_MAX);
	buf_init(&payload, &a, PAYLOAD_FIRST_BYTES);
	*out = (struct attempt){ .key = n->key, .order = o->id, .total_fen = o->total_fen, .channel = n->channel, .method = n->method, .state = ATTEMPT_ASKED, .handle = STR(""), .channel_no = STR(""),
		.made_ms = n->now_ms, .changed_ms = n->now_ms };
	id_text(n->key, "p", number);
	memcpy(out->number, number + 2, strlen(number + 2)); /* 26 characters */
	const struct attempt_channel *c = attempt_channel_of(n->channel);
	if (!c->payload(tx, out, o, n, &payload, &a, why) || !order_move(tx, o, ORDER_PAYING, n->now_ms, why) || !tx_next_id(tx, "pay_attempt", &out->id, why))
		return false;
	const struct attempt_deed d = { c->order, buf_text(&payload), o->expires_ms };
	if (n->method == ATTEMPT_BY_BARCODE ? !scan(tx, out, c, buf_text(&payload), n, &a, why) : !attempt_effect(tx, out, &d, n->now_ms, &out->effect, why))
		return false;
	return insert(tx, out, buf_text(&payload), n->salt, &a, why);
}

bool attempt_payload(struct tx *tx, const struct attempt *a, struct buf *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT payload FROM pay_attempt WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, a->id);
	return (stmt_row(q, why) || FAILS(why, NOT_FOUND, "attempt %" PRId64, a->id)) && vault_open("pay_attempt.payload", a->id, stmt_blob(q, 0), out, why);
}

static bool effect_put(struct tx *tx, const struct attempt *a, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_attempt SET effect = $1, deeds = $2, changed_ms = $3 WHERE id = $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, a->effect);
	stmt_bind_int(q, 2, a->deeds);
	stmt_bind_int(q, 3, now_ms);
	stmt_bind_int(q, 4, a->id);
	return stmt_run(q, why);
}

bool attempt_renew(struct tx *tx, struct attempt *at, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena a;
	struct buf payload;
	struct effect_view e;
	bool found;
	arena_init(&a, ARENA_MAX);
	buf_init(&payload, &a, PAYLOAD_FIRST_BYTES);
	assert(attempt_channel_of(at->channel)->renews);
	if (!effect_get(tx, at->effect, &e, &found, why))
		return false;
	if (found && !effect_is_over(e.state))
		return true; /* it is on its way already */
	if (!attempt_payload(tx, at, &payload, why))
		return false;
	const struct attempt_deed d = { attempt_channel_of(at->channel)->order, buf_text(&payload), 0 };
	return attempt_effect(tx, at, &d, now_ms, &at->effect, why) && effect_put(tx, at, now_ms, why);
}
