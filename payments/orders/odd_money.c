/* payments/orders/odd_money.c - why this exists: what came and fits nowhere must neither be refused, for it is here, nor be guessed at, for it is somebody's. */
#include "payments/orders/odd_money.h"

#include "auth/tenancy.h"
#include "base/arena.h"
#include "payments/orders/payment.h"

#include <assert.h>
#include <inttypes.h>

/* ---- tables ---- */

enum { MAY_NEVER, MAY_APPLIED };

static const struct odd_kind_row kinds[] = {
#define ODD(name, number, text, zh, proposes, may, what) \
	{ ODD_##name, { text, sizeof(text) - 1 }, { zh, sizeof(zh) - 1 }, ODD_TO_##proposes, MAY_##may == MAY_APPLIED },
#include "payments/orders/odd_kinds.def"
#undef ODD
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

#define TO(name) (1u << ODD_IS_##name)
static const struct {
	enum odd_state number;
	struct str text;
	unsigned may;
} states[] = {
#define STATE(name, number, text, may) { ODD_IS_##name, { text, sizeof(text) - 1 }, may },
#include "payments/orders/odd_states.def"
#undef STATE
};
enum { STATES = sizeof(states) / sizeof(states[0]) };

const struct odd_kind_row *odd_kind_row(int64_t kind)
{
	for (int i = 0; i < KINDS; i++)
		if ((int64_t)kinds[i].kind == kind)
			return &kinds[i];
	assert(false && "a kind nobody knows");
	return &kinds[0];
}

const struct odd_kind_row *odd_kind_named(struct str text)
{
	for (int i = 0; i < KINDS; i++)
		if (str_eq(kinds[i].text, text))
			return &kinds[i];
	return NULL;
}

static int state_row(int64_t state)
{
	for (int i = 0; i < STATES; i++)
		if ((int64_t)states[i].number == state)
			return i;
	assert(false && "a state nobody knows");
	return 0;
}

struct str odd_state_text(int64_t state)
{
	return states[state_row(state)].text;
}

int64_t odd_state_named(struct str text)
{
	for (int i = 0; i < STATES; i++)
		if (str_eq(states[i].text, text))
			return states[i].number;
	return 0;
}

struct str odd_proposes_text(enum odd_proposes what)
{
	static const struct str words[] = { [ODD_TO_APPLY] = { "apply", 5 }, [ODD_TO_REFUND] = { "refund", 6 }, [ODD_TO_LOOK] = { "look", 4 } };
	return words[what];
}

/* ---- putting ---- */

/* Its name outside is made of what it is known by, so that whoever puts it, and how often, makes the same. */
static struct id key_of(const struct odd_money *m)
{
	uint8_t digest[SHA256_BYTES];
	char channel[21];
	const struct str parts[] = { STR("odd money "), { channel, i64_text(m->channel, channel) }, STR(" "), m->reference };
	hash_parts(HASH_SHA256, parts, sizeof(parts) / sizeof(parts[0]), digest);
	return id_make(m->came_ms, digest);
}

static bool is_of_no_payment(struct tx *tx, const struct odd_money *m, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_payment WHERE channel = $1 AND reference = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->channel);
	stmt_bind_text(q, 2, m->reference);
	if (stmt_row(q, why))
		return FAILS(why, PAYMENT_REFERENCE, "payment %" PRId64 " has that number", stmt_int(q, 0));
	return why->code == FAIL_NONE;
}

static bool post(struct tx *tx, const struct odd_money *m, int64_t odd, int64_t now_ms, int64_t *journal, struct fail *why)
{
	struct ledger_account channel = { .kind = LEDGER_CHANNEL, .channel = m->channel };
	struct ledger_account suspense = { .kind = LEDGER_SUSPENSE, .channel = m->channel, .division = m->division };
	struct ledger_posting p[2] = { { 0, m->fen }, { 0, -m->fen } };
	struct ledger_journal j = { .cause = LEDGER_FOR_ODD, .subject = odd, .now_ms = now_ms, .postings = p, .count = 2 };
	bool is_new;
	return ledger_account(tx, &channel, now_ms, &p[0].account, why) && ledger_account(tx, &suspense, now_ms, &p[1].account, why) &&
	       ledger_post(tx, &j, journal, &is_new, why);
}

static bool insert(struct tx *tx, const struct odd_money *m, int64_t id, int64_t journal, int64_t now_ms, struct fail *why)
{
	struct id key = key_of(m);
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO pay_odd (id, key, kind, channel, reference, pay_order, division, amount_fen, journal, came_ms, state, made_ms, changed_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, m->kind);
	stmt_bind_int(q, 4, m->channel);
	stmt_bind_text(q, 5, m->reference);
	stmt_bind_int(q, 6, m->order);
	if (m->order == 0)
		stmt_bind_null(q, 6);
	stmt_bind_int(q, 7, m->division);
	stmt_bind_int(q, 8, m->fen);
	stmt_bind_int(q, 9, journal);
	stmt_bind_int(q, 10, m->came_ms);
	stmt_bind_int(q, 11, ODD_IS_OPEN);
	stmt_bind_int(q, 12, now_ms);
	return stmt_run(q, why);
}

static bool put_before(struct tx *tx, const struct odd_money *m, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, amount_fen FROM pay_odd WHERE channel = $1 AND reference = $2", why);
	*id = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->channel);
	stmt_bind_text(q, 2, m->reference);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*id = stmt_int(q, 0);
	return stmt_int(q, 1) == m->fen || FAILS(why, CONFLICT, "odd money %" PRId64 " came with another amount before", *id);
}

bool odd_money_put(struct tx *tx, const struct odd_money *m, int64_t now_ms, int64_t *id, struct fail *why)
{
	int64_t journal;
	assert(m->fen > 0 && m->division != 0 && m->channel != PAY_NO_CHANNEL && m->reference.len > 0 && m->reference.len <= ODD_REFERENCE_MAX);
	if (!payment_number_hold(tx, m->channel, m->reference, why) || !put_before(tx, m, id, why))
		return false;
	if (*id != 0)
		return true;
	return is_of_no_payment(tx, m, why) && tx_next_id(tx, "pay_odd", id, why) && post(tx, m, *id, now_ms, &journal, why) && insert(tx, m, *id, journal, now_ms, why);
}

/* ---- reading ---- */

#define ODD_SELECT "SELECT id, key, kind, channel, reference, COALESCE(pay_order, 0), division, amount_fen, came_ms, state, made_ms, changed_ms FROM pay_odd "

static bool row_take(struct stmt *q, struct odd_row *o, struct arena *a, struct fail *why)
{
	struct str key = stmt_blob(q, 1);
	assert(key.len == ID_BYTES);
	*o = (struct odd_row){ .id = stmt_int(q, 0), .state = (enum odd_state)stmt_int(q, 9), .made_ms = stmt_int(q, 10), .changed_ms = stmt_int(q, 11),
		.money = { .kind = (enum odd_kind)stmt_int(q, 2), .channel = (enum pay_channel)stmt_int(q, 3), .reference = str_copy(a, stmt_text(q, 4)), .order = stmt_int(q, 5),
			   .division = stmt_int(q, 6), .fen = stmt_int(q, 7), .came_ms = stmt_int(q, 8) } };
	memcpy(o->key.bytes, key.at, ID_BYTES);
	return !a->refused || FAILS(why, MEMORY, "odd money");
}

static bool one(struct stmt *q, struct odd_row *out, struct arena *a, struct fail *why)
{
	return stmt_row(q, why) ? row_take(q, out, a, why) : why->code == FAIL_NONE;
}

bool odd_money_find(struct tx *tx, struct id key, struct odd_row *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ODD_SELECT "WHERE key = $1", why);
	*out = (struct odd_row){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	return one(q, out, a, why);
}

bool odd_money_by_id(struct tx *tx, int64_t id, struct odd_row *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ODD_SELECT "WHERE id = $1", why);
	*out = (struct odd_row){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return one(q, out, a, why);
}

bool odd_money_by_reference(struct tx *tx, enum pay_channel channel, struct str reference, struct odd_row *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, ODD_SELECT "WHERE channel = $1 AND reference = $2", why);
	*out = (struct odd_row){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, channel);
	stmt_bind_text(q, 2, reference);
	return one(q, out, a, why);
}

/* With a state the list walks the index of that state backwards; without, the table. */
bool odd_money_list(struct tx *tx, const struct odd_filter *f, struct odd_row *out, int most, int *count, struct arena *a, struct fail *why)
{
	struct region_bounds b = region_bounds(f->region);
	DROP(stmt) struct stmt *q = tx_query(tx, f->state != 0
		? ODD_SELECT "WHERE id < $1 AND (division BETWEEN $2 AND $3 OR division BETWEEN $4 AND $5) AND (kind = $6 OR $6 = 0) AND state = $7 ORDER BY id DESC LIMIT $8"
		: ODD_SELECT "WHERE id < $1 AND (division BETWEEN $2 AND $3 OR division BETWEEN $4 AND $5) AND (kind = $6 OR $6 = 0) AND state > $7 ORDER BY id DESC LIMIT $8", why);
	*count = 0;
	if (q == NULL)
		return false;
	const int64_t numbers[] = { f->below, b.six_first, b.six_last, b.nine_first, b.nine_last, f->kind, f->state, most };
	for (int i = 0; i < 8; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	for (; *count < most && stmt_row(q, why); ++*count)
		if (!row_take(q, &out[*count], a, why))
			return false;
	return why->code == FAIL_NONE;
}

/* ---- what to do with it ---- */

/* Of its order: are all its notices unpaid, and as they were quoted? */
static bool order_could_be_paid(struct tx *tx, const struct odd_money *m, bool *is, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT COUNT(*), COALESCE(SUM(CASE WHEN n.state = $1 AND n.total_fen = l.total_fen THEN 1 ELSE 0 END), 0), CAST(COALESCE(SUM(l.total_fen), 0) AS BIGINT)"
		" FROM pay_order_notice l JOIN pay_notice n ON n.id = l.notice WHERE l.pay_order = $2", why);
	*is = false;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, NOTICE_UNPAID);
	stmt_bind_int(q, 2, m->order);
	if (stmt_row(q, why))
		*is = stmt_int(q, 0) > 0 && stmt_int(q, 0) == stmt_int(q, 1) && stmt_int(q, 2) == m->fen;
	return why->code == FAIL_NONE;
}

bool odd_money_proposes(struct tx *tx, const struct odd_row *o, enum odd_proposes *what, struct fail *why)
{
	bool fits;
	*what = odd_kind_row(o->money.kind)->proposes;
	if (*what != ODD_TO_APPLY)
		return true;
	if (!order_could_be_paid(tx, &o->money, &fits, why))
		return false;
	*what = fits ? ODD_TO_APPLY : ODD_TO_REFUND;
	return true;
}

bool odd_money_person(struct tx *tx, const struct odd_row *o, int64_t *person, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT person FROM pay_order WHERE id = $1", why);
	*person = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, o->money.order);
	if (stmt_row(q, why))
		*person = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool refuse_state(int64_t id, enum odd_state from, struct fail *why)
{
	FAILS(why, ODD_STATE, "odd money %" PRId64 " is %s", id, odd_state_text(from).at);
	fail_fact_text(why, "state", odd_state_text(from).at);
	return false;
}

/* Its own row is what two of them meet on. */
bool odd_move(struct tx *tx, int64_t id, enum odd_state from, enum odd_state to, int64_t now_ms, struct fail *why)
{
	if ((states[state_row(from)].may & 1u << to) == 0)
		return refuse_state(id, from, why);
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_odd SET state = $1, changed_ms = $2 WHERE id = $3 AND state = $4", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { to, now_ms, id, from };
	for (int i = 0; i < 4; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || refuse_state(id, from, why));
}

void odd_money_key_text(struct id key, char out[ID_TEXT_BYTES])
{
	id_text(key, "om", out);
}

bool odd_money_key(struct str text, struct id *key)
{
	return id_from_text(text, "om", key);
}
