/* payments/refunds/refund.c - why this exists: a refund is looked at by four parties over weeks, so where it is must be one row, moved by one function. */
#include "payments/refunds/refund.h"

#include "auth/tenancy.h"
#include "auth/vault.h"
#include "base/arena.h"
#include "notify/effect.h"
#include "payments/refunds/refund_inside.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* ---- tables ---- */

#define TO(name) (1u << REFUND_##name)
static const struct {
	int64_t number;
	struct str text, shown;
	enum refund_clock clock;
	unsigned may;
} states[] = {
#define STATE(name, number, text, shown, clock, may) { REFUND_##name, { text, sizeof(text) - 1 }, { shown, sizeof(shown) - 1 }, REFUND_CLOCK_##clock, may },
#include "payments/refunds/refund_states.def"
#undef STATE
};

struct word {
	int64_t number;
	struct str text, zh;
};
static const struct word grounds[] = {
#define GROUND(name, number, text, zh) { number, { text, sizeof(text) - 1 }, { zh, sizeof(zh) - 1 } },
#include "payments/refunds/refund_grounds.def"
#undef GROUND
};
static const struct word paths[] = {
#define PATH(name, number, text, gives, what) { number, { text, sizeof(text) - 1 }, { text, sizeof(text) - 1 } },
#include "payments/refunds/refund_paths.def"
#undef PATH
};
#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

static int state_row(int64_t state)
{
	for (int i = 0; i < COUNT(states); i++)
		if (states[i].number == state)
			return i;
	assert(false && "a state nobody knows");
	return 0;
}

struct str refund_state_text(int64_t state) { return states[state_row(state)].text; }
struct str refund_state_shown(int64_t state) { return states[state_row(state)].shown; }
enum refund_clock refund_state_clock(int64_t state) { return states[state_row(state)].clock; }
bool refund_is_over(int64_t state) { return states[state_row(state)].may == 0; }

int64_t refund_state_named(struct str text)
{
	for (int i = 0; i < COUNT(states); i++)
		if (str_eq(states[i].text, text))
			return states[i].number;
	return 0;
}

static int64_t named(const struct word *words, int count, struct str text)
{
	for (int i = 0; i < count; i++)
		if (str_eq(words[i].text, text))
			return words[i].number;
	return 0;
}

static const struct word *word_of(const struct word *words, int count, int64_t number)
{
	for (int i = 0; i < count; i++)
		if (words[i].number == number)
			return &words[i];
	return NULL;
}

int64_t refund_ground_named(struct str text) { return named(grounds, COUNT(grounds), text); }
struct str refund_ground_text(int64_t ground) { return word_of(grounds, COUNT(grounds), ground)->text; }
struct str refund_ground_zh(int64_t ground) { return word_of(grounds, COUNT(grounds), ground)->zh; }
int64_t refund_path_named(struct str text) { return named(paths, COUNT(paths), text); }

struct str refund_path_text(int64_t path)
{
	const struct word *w = word_of(paths, COUNT(paths), path);
	return w != NULL ? w->text : STR_NONE;
}

size_t refund_key_text(struct id key, char out[ID_TEXT_BYTES])
{
	return id_text(key, "rf", out);
}

bool refund_key(struct str text, struct id *key)
{
	return id_from_text(text, "rf", key);
}

/* ---- moving ---- */

bool refund_refuse_state(const struct refund *r, struct fail *why)
{
	FAILS(why, REFUND_STATE, "refund %" PRId64 " is %s", r->id, refund_state_text(r->state).at);
	fail_fact_text(why, "state", refund_state_text(r->state).at);
	return false;
}

static bool step_add(struct tx *tx, const struct refund *r, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO pay_refund_step (refund, n, state, made_ms) SELECT $1, COALESCE(MAX(n), 0) + 1, $2, $3 FROM pay_refund_step WHERE refund = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->id);
	stmt_bind_int(q, 2, r->state);
	stmt_bind_int(q, 3, now_ms);
	return stmt_run(q, why);
}

static bool write(struct tx *tx, struct refund *r, enum refund_state to, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE pay_refund SET state = $1, since_ms = $2, next_ms = $3, tries = $4, effect = $5, word = $6, channel_no = $7, path = $8, changed_ms = $9"
		" WHERE id = $10 AND state = $11", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, to);
	stmt_bind_int(q, 2, r->since_ms);
	stmt_bind_int(q, 3, r->next_ms);
	if (r->next_ms == 0)
		stmt_bind_null(q, 3);
	stmt_bind_int(q, 4, r->tries);
	stmt_bind_int(q, 5, r->effect);
	if (r->effect == 0)
		stmt_bind_null(q, 5);
	stmt_bind_text(q, 6, r->word.len == 0 ? STR("") : r->word);
	stmt_bind_text(q, 7, r->channel_no.len == 0 ? STR("") : r->channel_no);
	stmt_bind_int(q, 8, r->path);
	stmt_bind_int(q, 9, now_ms);
	stmt_bind_int(q, 10, r->id);
	stmt_bind_int(q, 11, r->state);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || refund_refuse_state(r, why));
}

bool refund_move(struct tx *tx, struct refund *r, enum refund_state to, int64_t now_ms, struct fail *why)
{
	if ((states[state_row(r->state)].may & 1u << to) == 0)
		return refund_refuse_state(r, why);
	r->since_ms = now_ms;
	r->tries = 0;
	if (r->next_ms == 0 && r->person != 0)
		r->next_ms = now_ms; /* its person is to be told */
	if (!write(tx, r, to, now_ms, why))
		return false;
	r->state = to;
	r->changed_ms = now_ms;
	return step_add(tx, r, now_ms, why);
}

bool refund_note(struct tx *tx, struct refund *r, int64_t now_ms, struct fail *why)
{
	return write(tx, r, r->state, now_ms, why);
}

bool refund_heard_of(struct tx *tx, const struct refund *r, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_refund SET told = $1, next_ms = $2 WHERE id = $3 AND state = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->state);
	stmt_bind_int(q, 2, r->next_ms);
	if (r->next_ms == 0)
		stmt_bind_null(q, 2);
	stmt_bind_int(q, 3, r->id);
	return stmt_run(q, why);
}

/* ---- a new one ---- */

static bool row_insert(struct tx *tx, const struct refund *r, struct str reason, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO pay_refund (id, key, payment, notice, odd, asker, asked_by, person, department, division, channel, path, ground, reason, amount_fen, state, told, since_ms,"
		" next_ms, tries, effect, word, channel_no, made_ms, changed_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, $17, $18, 0, NULL, '', '', $17, $17)", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { r->id, 0, r->payment, r->notice, r->odd, r->asker, r->asked_by, r->person, r->department, r->division, r->channel, r->path, r->ground, 0, r->fen,
				    r->state, r->made_ms, r->next_ms };
	for (int i = 0; i < COUNT(numbers); i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	stmt_bind_blob(q, 2, r->key.bytes, ID_BYTES);
	stmt_bind_blob(q, 14, reason.at, reason.len);
	static const int may_be_null[] = { 3, 4, 5, 8, 9, 18 };
	for (int i = 0; i < COUNT(may_be_null); i++)
		if (numbers[may_be_null[i] - 1] == 0)
			stmt_bind_null(q, may_be_null[i]);
	return stmt_run(q, why);
}

bool refund_insert(struct tx *tx, struct refund *r, struct str reason, const uint8_t salt[16], struct fail *why)
{
	char bytes[4 * REFUND_REASON_MAX + VAULT_OVERHEAD_MAX];
	struct buf sealed = { .at = bytes, .cap = sizeof(bytes) };
	assert(reason.len <= 4 * REFUND_REASON_MAX);
	r->since_ms = r->changed_ms = r->made_ms;
	r->next_ms = r->person != 0 ? r->made_ms : 0;
	return tx_next_id(tx, "pay_refund", &r->id, why) && vault_seal("pay_refund.reason", r->id, reason, salt, &sealed, why) && row_insert(tx, r, buf_text(&sealed), why) &&
	       step_add(tx, r, r->made_ms, why);
}

/* ---- reading ---- */

#define REFUND_SELECT \
	"SELECT id, key, payment, notice, odd, asker, asked_by, person, department, division, channel, path, ground, amount_fen, state, told, since_ms, next_ms, tries, effect, made_ms," \
	" changed_ms, word, channel_no FROM pay_refund "
enum { INTS_FROM = 2, INTS = 20 };

static bool row_take(struct stmt *q, struct refund *r, struct arena *a, struct fail *why)
{
	struct str key = stmt_blob(q, 1);
	int64_t n[INTS];
	assert(key.len == ID_BYTES);
	stmt_ints(q, INTS_FROM, INTS, n);
	*r = (struct refund){ .id = stmt_int(q, 0), .payment = n[0], .notice = n[1], .odd = n[2], .asker = (enum refund_asker)n[3], .asked_by = n[4], .person = n[5], .department = n[6],
		.division = n[7], .channel = (enum pay_channel)n[8], .path = (enum refund_path)n[9], .ground = (enum refund_ground)n[10], .fen = n[11], .state = (enum refund_state)n[12],
		.told = (enum refund_state)n[13], .since_ms = n[14], .next_ms = n[15], .tries = n[16], .effect = n[17], .made_ms = n[18], .changed_ms = n[19],
		.word = str_copy(a, stmt_text(q, 22)), .channel_no = str_copy(a, stmt_text(q, 23)) };
	memcpy(r->key.bytes, key.at, ID_BYTES);
	return !a->refused || FAILS(why, MEMORY, "a refund");
}

bool refund_find(struct tx *tx, struct id key, struct refund *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, REFUND_SELECT "WHERE key = $1", why);
	*out = (struct refund){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	return stmt_row(q, why) ? row_take(q, out, a, why) : why->code == FAIL_NONE;
}

bool refund_read(struct tx *tx, int64_t id, struct refund *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, REFUND_SELECT "WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "refund %" PRId64, id);
	return row_take(q, out, a, why);
}

bool refund_hold(struct tx *tx, struct refund *r, struct arena *a, struct fail *why)
{
	char subject[SUBJECT_BYTES_MAX];
	int len = snprintf(subject, sizeof(subject), "refund:%" PRId64, r->id);
	return effect_subject_lock(tx, (struct str){ subject, (size_t)len }, why) && refund_read(tx, r->id, r, a, why);
}

bool refund_reason(struct tx *tx, int64_t id, struct str *reason, struct str *refusal, struct arena *a, struct fail *why)
{
	struct buf text;
	buf_init(&text, a, 256);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT reason FROM pay_refund WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "refund %" PRId64, id);
	if (stmt_blob(q, 0).len > 0 && !vault_open("pay_refund.reason", id, stmt_blob(q, 0), &text, why))
		return false;
	str_cut(buf_text(&text), '\n', reason, refusal);
	return true;
}

bool refund_refused_for(struct tx *tx, const struct refund *r, struct str note, const uint8_t salt[16], struct arena *a, struct fail *why)
{
	struct str reason, before;
	struct buf text, sealed;
	if (!refund_reason(tx, r->id, &reason, &before, a, why))
		return false;
	buf_init(&text, a, 256);
	buf_init(&sealed, a, 256);
	buf_str(&text, reason);
	buf_char(&text, '\n');
	buf_str(&text, note);
	if (!buf_ok(&text))
		return FAILS(why, MEMORY, "why a refund was refused");
	if (!vault_seal("pay_refund.reason", r->id, buf_text(&text), salt, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_refund SET reason = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, sealed.at, sealed.len);
	stmt_bind_int(q, 2, r->id);
	return stmt_run(q, why);
}

static bool rows_take(struct stmt *q, struct refund *out, int most, int *count, struct arena *a, struct fail *why)
{
	for (*count = 0; *count < most && stmt_row(q, why); ++*count)
		if (!row_take(q, &out[*count], a, why))
			return false;
	return why->code == FAIL_NONE;
}

/* By person, by department: each walks its own index backwards. */
static const char *const lists[] = {
	REFUND_SELECT "WHERE id < $1 AND person = $2 AND (state = $3 OR $3 = 0) ORDER BY id DESC LIMIT $4",
	REFUND_SELECT "WHERE id < $1 AND department = $2 AND (state = $3 OR $3 = 0) ORDER BY id DESC LIMIT $4",
};

static bool list_of(struct tx *tx, const struct refund_filter *f, struct refund *out, int most, int *count, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, lists[f->person == 0], why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { f->below, f->person != 0 ? f->person : f->department, f->state, most };
	for (int i = 0; i < COUNT(numbers); i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return rows_take(q, out, most, count, a, why);
}

bool refund_list(struct tx *tx, const struct refund_filter *f, struct refund *out, int most, int *count, struct arena *a, struct fail *why)
{
	struct region_bounds b = region_bounds(f->region);
	*count = 0;
	if (f->person != 0 || f->department != 0)
		return list_of(tx, f, out, most, count, a, why);
	DROP(stmt) struct stmt *q = tx_query(tx, f->state != 0
		? REFUND_SELECT "WHERE id < $1 AND (division BETWEEN $2 AND $3 OR division BETWEEN $4 AND $5) AND state = $6 ORDER BY id DESC LIMIT $7"
		: REFUND_SELECT "WHERE id < $1 AND (division BETWEEN $2 AND $3 OR division BETWEEN $4 AND $5) AND state > $6 ORDER BY id DESC LIMIT $7", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { f->below, b.six_first, b.six_last, b.nine_first, b.nine_last, f->state, most };
	for (int i = 0; i < COUNT(numbers); i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return rows_take(q, out, most, count, a, why);
}

bool refund_due(struct tx *tx, int64_t now_ms, int64_t most, struct aside_due *out, struct fail *why)
{
	_Static_assert(ASIDE_REFUNDS == 1, "as the statement says");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_refund WHERE next_ms <= $1"
		" AND NOT EXISTS (SELECT 1 FROM pay_aside s WHERE s.queue = 1 AND s.subject = pay_refund.id AND s.next_ms > $1) ORDER BY next_ms, id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, most);
	return aside_due_read(q, out, why);
}

bool refund_steps(struct tx *tx, int64_t id, struct refund_step out[REFUND_STEPS_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT state, made_ms FROM pay_refund_step WHERE refund = $1 ORDER BY n LIMIT $2", why);
	*count = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, REFUND_STEPS_MAX);
	for (; *count < REFUND_STEPS_MAX && stmt_row(q, why); ++*count)
		out[*count] = (struct refund_step){ (enum refund_state)stmt_int(q, 0), stmt_int(q, 1) };
	return why->code == FAIL_NONE;
}

/* ---- what went back ---- */

bool refund_sums_of(struct tx *tx, int64_t order, int64_t notice, struct refund_sums *out, struct fail *why)
{
	/* 6: done; 8, 9, 10: given up */
	DROP(stmt) struct stmt *q = tx_query(tx, order != 0
		? "SELECT CAST(COALESCE(SUM(CASE WHEN state NOT IN (6, 8, 9, 10) THEN amount_fen ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN state = 6 THEN amount_fen ELSE 0 END), 0) AS BIGINT)"
		  " FROM pay_refund WHERE payment = (SELECT id FROM pay_payment WHERE pay_order = $1)"
		: "SELECT CAST(COALESCE(SUM(CASE WHEN state NOT IN (6, 8, 9, 10) THEN amount_fen ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN state = 6 THEN amount_fen ELSE 0 END), 0) AS BIGINT)"
		  " FROM pay_refund WHERE notice = $1", why);
	_Static_assert(REFUND_DONE == 6 && REFUND_REFUSED == 8 && REFUND_CLOSED == 9 && REFUND_WITHDRAWN == 10, "as the statements and the indexes of 0047 say");
	*out = (struct refund_sums){ 0, 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, order != 0 ? order : notice);
	if (stmt_row(q, why))
		*out = (struct refund_sums){ stmt_int(q, 0), stmt_int(q, 1) };
	return why->code == FAIL_NONE;
}

struct str refund_sums_text(const struct refund_sums *s, int64_t paid_fen)
{
	if (s->done_fen > 0 && s->done_fen == paid_fen)
		return STR("refunded");
	return s->under_way_fen > 0 ? STR("refunding") : STR_NONE;
}
