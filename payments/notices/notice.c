/* payments/notices/notice.c - why this exists: a notice may be told again and again, quoted anew, taken back, and paid by somebody meanwhile. */
#include "payments/notices/notice.h"

#include "auth/keyring.h"
#include "auth/person.h"
#include "auth/vault.h"
#include "base/arena.h"

#include <assert.h>
#include <inttypes.h>

enum { PAYER_BYTES = PERSON_NAME_BYTES + VAULT_OVERHEAD_MAX + 16 };

/* ---- states ---- */

#define TO(name) (1u << NOTICE_##name)
static const struct {
	enum notice_state number;
	struct str text;
	unsigned may;
} states[] = {
#define STATE(name, number, text, may) { NOTICE_##name, { text, sizeof(text) - 1 }, may },
#include "payments/notices/notice_states.def"
#undef STATE
};
enum { STATES = sizeof(states) / sizeof(states[0]) };

static int state_row(int64_t state)
{
	for (int i = 0; i < STATES; i++)
		if ((int64_t)states[i].number == state)
			return i;
	assert(false && "a state nobody knows");
	return 0;
}

struct str notice_state_text(enum notice_state s)
{
	return states[state_row(s)].text;
}

static bool refuse_state(int64_t id, enum notice_state s, struct fail *why)
{
	FAILS(why, NOTICE_STATE, "notice %" PRId64 " is %s", id, notice_state_text(s).at);
	fail_fact_text(why, "state", notice_state_text(s).at);
	return false;
}

static bool state_of(struct tx *tx, int64_t id, enum notice_state *s, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT state FROM pay_notice WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no notice %" PRId64, id);
	*s = states[state_row(stmt_int(q, 0))].number;
	return true;
}

bool notice_move(struct tx *tx, int64_t id, enum notice_state to, int64_t now_ms, struct fail *why)
{
	enum notice_state from = NOTICE_VOID;
	if (!state_of(tx, id, &from, why))
		return false;
	if ((states[state_row(from)].may & 1u << to) == 0)
		return refuse_state(id, from, why);
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_notice SET state = $1, changed_ms = $2 WHERE id = $3 AND state = $4", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { to, now_ms, id, from };
	for (int i = 0; i < 4; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	if (!stmt_run(q, why))
		return false;
	return tx_changes(tx) == 1 || refuse_state(id, from, why);
}

bool notice_quote_ended(const struct notice *n, int64_t today)
{
	return n->has_late_on && n->late_on < today;
}

bool notice_payable(const struct notice *n, int64_t today, struct fail *why)
{
	if (n->state == NOTICE_PAID || n->state == NOTICE_ELSEWHERE)
		return FAILS(why, NOTICE_PAID, "notice %" PRId64, n->id);
	if (n->state == NOTICE_VOID || n->state == NOTICE_REPLACED)
		return FAILS(why, NOTICE_VOID, "notice %" PRId64, n->id);
	if (n->has_last_on && n->last_on < today)
		return FAILS(why, NOTICE_OVER, "notice %" PRId64, n->id);
	return !notice_quote_ended(n, today) || FAILS(why, NOTICE_QUOTE, "notice %" PRId64, n->id);
}

/* ---- reading ---- */

#define NOTICE_SELECT \
	"SELECT id, COALESCE(department, 0), payment_code, check_code, notice_no, kind, division, unit, unit_name, COALESCE(person, 0), payer_kind, payer, amount_fen," \
	" late_fen, late_on, total_fen, last_on, state, made_ms FROM pay_notice"
enum { C_ID, C_DEPARTMENT, C_CODE, C_CHECK, C_NO, C_KIND, C_DIVISION, C_UNIT, C_UNIT_NAME, C_PERSON, C_PAYER_KIND, C_PAYER, C_AMOUNT, C_LATE, C_LATE_ON, C_TOTAL,
	C_LAST_ON, C_STATE, C_MADE };

static bool payer_open(int64_t id, struct str sealed, struct notice *n, struct arena *a, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, PAYER_BYTES);
	if (!vault_open("pay_notice.payer", id, sealed, &b, why))
		return false;
	n->payer = buf_text(&b);
	return buf_ok(&b) || FAILS(why, MEMORY, "a payer");
}

static bool row_take(struct stmt *q, struct notice *n, struct arena *a, struct fail *why)
{
	struct str code = stmt_text(q, C_CODE);
	assert(code.len == PAYMENT_CODE_DIGITS);
	memcpy(n->code, code.at, code.len);
	n->code[code.len] = '\0';
	n->id = stmt_int(q, C_ID);
	n->department = stmt_int(q, C_DEPARTMENT);
	n->check_code = str_copy(a, stmt_text(q, C_CHECK));
	n->notice_no = stmt_is_null(q, C_NO) ? STR_NONE : str_copy(a, stmt_text(q, C_NO));
	n->kind = (enum notice_kind)stmt_int(q, C_KIND);
	n->division = stmt_int(q, C_DIVISION);
	n->unit = str_copy(a, stmt_text(q, C_UNIT));
	n->unit_name = str_copy(a, stmt_text(q, C_UNIT_NAME));
	n->person = stmt_int(q, C_PERSON);
	n->payer_kind = (enum identity_kind)stmt_int(q, C_PAYER_KIND);
	n->amount_fen = stmt_int(q, C_AMOUNT);
	n->late_fen = stmt_int(q, C_LATE);
	n->has_late_on = !stmt_is_null(q, C_LATE_ON);
	n->late_on = n->has_late_on ? stmt_int(q, C_LATE_ON) : 0;
	n->total_fen = stmt_int(q, C_TOTAL);
	n->has_last_on = !stmt_is_null(q, C_LAST_ON);
	n->last_on = n->has_last_on ? stmt_int(q, C_LAST_ON) : 0;
	n->state = (enum notice_state)stmt_int(q, C_STATE);
	n->made_ms = stmt_int(q, C_MADE);
	return payer_open(n->id, stmt_blob(q, C_PAYER), n, a, why) && (!a->refused || FAILS(why, MEMORY, "a notice"));
}

static bool items_read(struct tx *tx, struct notice *n, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT item, name, amount_fen FROM pay_notice_item WHERE notice = $1 ORDER BY n", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->id);
	for (n->count = 0; n->count < NOTICE_ITEMS_MAX && stmt_row(q, why); n->count++)
		n->items[n->count] = (struct notice_item){ str_copy(a, stmt_text(q, 0)), str_copy(a, stmt_text(q, 1)), stmt_int(q, 2) };
	return why->code == FAIL_NONE && (!a->refused || FAILS(why, MEMORY, "a notice's items"));
}

bool notice_find(struct tx *tx, struct str code, struct notice *n, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, NOTICE_SELECT " WHERE payment_code = $1", why);
	*n = (struct notice){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	return row_take(q, n, a, why) && items_read(tx, n, a, why);
}

bool notice_read(struct tx *tx, int64_t id, struct notice *n, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, NOTICE_SELECT " WHERE id = $1", why);
	*n = (struct notice){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no notice %" PRId64, id);
	return row_take(q, n, a, why) && items_read(tx, n, a, why);
}

/* ---- writing ---- */

/* Of all that may not change. Keyed, because a name and a number can be tried out. */
static int digests_of(const struct notice *n, uint8_t out[KEYRING_INDEX_MAX][SHA256_BYTES])
{
	enum { ITEM_BYTES = NOTICE_UNIT_MAX + 4 * NOTICE_NAME_MAX + 32 };
	uint8_t items[SHA256_BYTES];
	struct str piece[3 * NOTICE_ITEMS_MAX];
	char fen[NOTICE_ITEMS_MAX][24], kind = (char)('0' + n->kind), payer = (char)('0' + (int)n->payer_kind), division[21], last[21], department[21];
	for (int i = 0; i < n->count; i++) {
		size_t len = i64_text(n->items[i].fen, fen[i]);
		fen[i][len] = '\n'; /* no code or name holds one */
		piece[3 * i] = n->items[i].item;
		piece[3 * i + 1] = (struct str){ fen[i], len + 1 };
		piece[3 * i + 2] = n->items[i].name;
	}
	hash_parts(HASH_SHA256, piece, 3 * (size_t)n->count, items);
	struct str parts[] = { str_c(n->code), n->check_code, n->notice_no, { &kind, 1 }, { division, i64_text(n->division, division) }, n->unit, n->unit_name, n->payer,
		{ &payer, 1 }, str_c(n->payer_identity.number), { last, i64_text(n->has_last_on ? n->last_on : -1, last) }, { (char *)items, sizeof(items) },
		{ department, i64_text(n->department, department) }, n->replaces };
	return keyring_index_all("pay_notice", parts, sizeof(parts) / sizeof(parts[0]), out);
}

struct kept {
	int64_t id;
	enum notice_state state;
	bool is_same, has_late_on;
	int64_t late_fen, late_on;
};

static bool kept_find(struct tx *tx, const struct notice *n, struct kept *k, struct fail *why)
{
	uint8_t digests[KEYRING_INDEX_MAX][SHA256_BYTES];
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, state, digest, late_fen, late_on FROM pay_notice WHERE payment_code = $1", why);
	*k = (struct kept){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(n->code));
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*k = (struct kept){ stmt_int(q, 0), (enum notice_state)stmt_int(q, 1), false, !stmt_is_null(q, 4), stmt_int(q, 3), stmt_is_null(q, 4) ? 0 : stmt_int(q, 4) };
	int count = digests_of(n, digests);
	for (int i = 0; i < count; i++)
		k->is_same |= str_eq(stmt_blob(q, 2), (struct str){ (char *)digests[i], SHA256_BYTES });
	return true;
}

static bool number_is_free(struct tx *tx, const struct notice *n, struct fail *why)
{
	if (n->notice_no.at == NULL)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_notice WHERE department = $1 AND notice_no = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->department);
	stmt_bind_text(q, 2, n->notice_no);
	if (stmt_row(q, why))
		return FAILS_FIELD(why, NOTICE_DIFFERS, "/notice_no", "that number is notice %" PRId64 "'s", stmt_int(q, 0));
	return why->code == FAIL_NONE;
}

static void bind_or_null(struct stmt *q, int at, bool has, int64_t v)
{
	if (has)
		stmt_bind_int(q, at, v);
	else
		stmt_bind_null(q, at);
}

static bool row_insert(struct tx *tx, const struct notice *n, int64_t now_ms, struct str payer, struct fail *why)
{
	uint8_t digests[KEYRING_INDEX_MAX][SHA256_BYTES];
	(void)digests_of(n, digests);
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO pay_notice (id, payment_code, check_code, department, notice_no, digest, kind, division, unit, unit_name, person, payer_kind, payer, amount_fen,"
		" late_fen, late_on, total_fen, last_on, state, replaced_by, made_ms, changed_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, NULL, $20, $20)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->id);
	stmt_bind_text(q, 2, str_c(n->code));
	stmt_bind_text(q, 3, n->check_code.at != NULL ? n->check_code : STR(""));
	bind_or_null(q, 4, n->department != 0, n->department);
	stmt_bind_text(q, 5, n->notice_no);
	stmt_bind_blob(q, 6, digests[0], SHA256_BYTES);
	stmt_bind_int(q, 7, n->kind);
	stmt_bind_int(q, 8, n->division);
	stmt_bind_text(q, 9, n->unit);
	stmt_bind_text(q, 10, n->unit_name);
	bind_or_null(q, 11, n->person != 0, n->person);
	stmt_bind_int(q, 12, n->payer_kind);
	stmt_bind_blob(q, 13, payer.at, payer.len);
	stmt_bind_int(q, 14, n->amount_fen);
	stmt_bind_int(q, 15, n->late_fen);
	bind_or_null(q, 16, n->has_late_on, n->late_on);
	stmt_bind_int(q, 17, n->total_fen);
	bind_or_null(q, 18, n->has_last_on, n->last_on);
	stmt_bind_int(q, 19, n->state);
	stmt_bind_int(q, 20, now_ms);
	return stmt_run(q, why);
}

static bool items_insert(struct tx *tx, const struct notice *n, struct fail *why)
{
	for (int i = 0; i < n->count; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO pay_notice_item (notice, n, item, name, amount_fen) VALUES ($1, $2, $3, $4, $5)", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, n->id);
		stmt_bind_int(q, 2, i + 1);
		stmt_bind_text(q, 3, n->items[i].item);
		stmt_bind_text(q, 4, n->items[i].name);
		stmt_bind_int(q, 5, n->items[i].fen);
		if (!stmt_run(q, why))
			return false;
	}
	return true;
}

static bool replace(struct tx *tx, const struct notice *n, int64_t now_ms, struct fail *why)
{
	if (n->replaces.at == NULL)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_notice WHERE payment_code = $1 AND department = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, n->replaces);
	stmt_bind_int(q, 2, n->department);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/replaces", "the department has no such notice");
	int64_t old = stmt_int(q, 0);
	if (!notice_move(tx, old, NOTICE_REPLACED, now_ms, why))
		return false;
	DROP(stmt) struct stmt *u = tx_query(tx, "UPDATE pay_notice SET replaced_by = $1 WHERE id = $2", why);
	if (u == NULL)
		return false;
	stmt_bind_int(u, 1, n->id);
	stmt_bind_int(u, 2, old);
	return stmt_run(u, why);
}

static bool insert(struct tx *tx, struct notice *n, int64_t now_ms, const uint8_t salt[16], struct fail *why)
{
	struct arena a;
	struct buf payer;
	if (n->payer_kind != 0 && !person_find_or_make(tx, n->payer_kind, str_c(n->payer_identity.number), now_ms, &n->person, why))
		return false;
	if (!number_is_free(tx, n, why) || !tx_next_id(tx, "pay_notice", &n->id, why))
		return false;
	arena_init(&a, 4 * PAYER_BYTES + ARENA_FIRST_BYTES);
	buf_init(&payer, &a, PAYER_BYTES);
	bool ok = vault_seal("pay_notice.payer", n->id, n->payer, salt, &payer, why) && row_insert(tx, n, now_ms, buf_text(&payer), why);
	arena_free(&a);
	return ok && items_insert(tx, n, why) && replace(tx, n, now_ms, why);
}

static bool quote_write(struct tx *tx, int64_t id, const struct notice *n, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE pay_notice SET late_fen = $1, late_on = $2, total_fen = amount_fen + $1, changed_ms = $3 WHERE id = $4 AND state = $5", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->late_fen);
	bind_or_null(q, 2, n->has_late_on, n->late_on);
	stmt_bind_int(q, 3, now_ms);
	stmt_bind_int(q, 4, id);
	stmt_bind_int(q, 5, NOTICE_UNPAID);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || refuse_state(id, NOTICE_LOCKED, why));
}

bool notice_requote(struct tx *tx, const struct notice *told, int64_t now_ms, struct fail *why)
{
	struct notice now = { .id = told->id };
	if (!notice_refresh(tx, &now, why))
		return false;
	if (now.state != NOTICE_UNPAID)
		return refuse_state(now.id, now.state, why);
	if (now.amount_fen != told->amount_fen)
		return FAILS(why, NOTICE_DIFFERS, "notice %" PRId64 ": the finance system says another amount", now.id);
	return quote_write(tx, now.id, told, now_ms, why);
}

bool notice_refresh(struct tx *tx, struct notice *n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT state, COALESCE(person, 0), amount_fen, late_fen, late_on, total_fen, last_on FROM pay_notice WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no notice %" PRId64, n->id);
	n->state = (enum notice_state)stmt_int(q, 0);
	n->person = stmt_int(q, 1);
	n->amount_fen = stmt_int(q, 2);
	n->late_fen = stmt_int(q, 3);
	n->has_late_on = !stmt_is_null(q, 4);
	n->late_on = n->has_late_on ? stmt_int(q, 4) : 0;
	n->total_fen = stmt_int(q, 5);
	n->has_last_on = !stmt_is_null(q, 6);
	n->last_on = n->has_last_on ? stmt_int(q, 6) : 0;
	return true;
}

/* A newer day takes the place of an older one, and the same day says the same. */
static bool quote(struct tx *tx, struct notice *n, const struct kept *k, int64_t now_ms, enum notice_put *what, struct fail *why)
{
	bool is_equal = k->has_late_on == n->has_late_on && k->late_on == n->late_on && k->late_fen == n->late_fen;
	*what = NOTICE_SAME;
	n->id = k->id;
	n->state = k->state;
	if (is_equal)
		return true;
	if (k->state != NOTICE_UNPAID)
		return refuse_state(k->id, k->state, why);
	if (k->has_late_on && (!n->has_late_on || n->late_on <= k->late_on))
		return FAILS_FIELD(why, NOTICE_DIFFERS, "/late_on", "there is a quote of that day or a later one");
	*what = NOTICE_QUOTED;
	return quote_write(tx, k->id, n, now_ms, why);
}

bool notice_put(struct tx *tx, struct notice *n, int64_t now_ms, const uint8_t salt[16], enum notice_put *what, struct fail *why)
{
	struct kept k;
	if (!tx_lock(tx, "pay_notice", str_c(n->code), why) || !kept_find(tx, n, &k, why))
		return false;
	if (k.id == 0) {
		*what = NOTICE_NEW;
		return insert(tx, n, now_ms, salt, why);
	}
	if (!k.is_same)
		return FAILS_FIELD(why, NOTICE_DIFFERS, "/payment_code", "notice %" PRId64 " says something else", k.id);
	return quote(tx, n, &k, now_ms, what, why);
}
