/* auth/rotation.c - why this exists: a key that may have been seen must be replaceable on a working day. */
#include "auth/rotation.h"
#include "auth/keyring.h"
#include "auth/login.h"
#include "auth/person.h"
#include "auth/vault.h"
#include "store/meta.h"
#include <assert.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>

/* The write lane is nobody's for more than 5 ms. Measured with 100,000 persons on a busy small machine: 100 rows take 0.4 ms to seal anew and
 * 0.8 ms to fill an index (median). */
enum { LOOKED_AT_MAX = 500, CHANGED_MAX = 100, BYTES_MAX = 128 << 10, VALUE_BYTES_MAX = 1 << 20, MARK_BYTES = 256, COUNT_ROWS = 20000 };

enum how { RESEALED, KEPT };
enum shape { BY_ID, BY_OUTCOME };

static const struct column {
	const char *place, *table, *name;
	enum how how;
	enum shape shape;
	const char *next, *heads, *put, *last;
} columns[] = {
#define SEALED(...) { __VA_ARGS__ },
#include "auth/sealed_columns.def"
#undef SEALED
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]), FILL = COLUMNS, EMPTY, OVER };

const int rotation_columns = COLUMNS;

const char *rotation_column_name(int column)
{
	assert(column >= 0 && column < COLUMNS);
	return columns[column].place;
}

/* ---- keys of rows ---- */

/* Returns the next parameter's number. `to` must live until the statement is dropped. */
static int bind_key(struct stmt *q, int n, enum shape shape, const struct row_key *k)
{
	for (int i = 0; i < (shape == BY_ID ? 1 : 4); i++)
		stmt_bind_int(q, n++, k->n[i]);
	if (shape == BY_OUTCOME)
		stmt_bind_blob(q, n++, k->hash, sizeof(k->hash));
	return n;
}

/* Returns the column behind the key's. */
static int read_key(struct stmt *q, enum shape shape, struct row_key *k)
{
	int column = 0;
	for (; column < (shape == BY_ID ? 1 : 4); column++)
		k->n[column] = stmt_int(q, column);
	if (shape == BY_ID)
		return column;
	struct str hash = stmt_blob(q, column);
	assert(hash.len == sizeof(k->hash));
	memcpy(k->hash, hash.at, hash.len);
	return column + 1;
}

static int64_t row_number(enum shape shape, const struct row_key *k)
{
	int64_t row = k->n[0];
	if (shape == BY_OUTCOME)
		memcpy(&row, k->hash, sizeof(row));
	return row;
}

/* ---- the marker: where the next bite begins ---- */

struct mark {
	int phase;          /* a column's number, FILL, EMPTY */
	int target;         /* the cipher key everything is to be under */
	struct row_key after;
};

static const char *phase_name(int phase)
{
	return phase == FILL ? "index.fill" : phase == EMPTY ? "index.empty" : phase == OVER ? "" : columns[phase].place;
}

static bool mark_put(struct tx *tx, const struct mark *m, struct fail *why)
{
	char text[MARK_BYTES], hex[2 * sizeof(m->after.hash) + 1];
	hex_text(m->after.hash, sizeof(m->after.hash), hex);
	int n = snprintf(text, sizeof(text), "%s %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s", m->phase == OVER ? "-" : phase_name(m->phase), m->target,
			 m->after.n[0], m->after.n[1], m->after.n[2], m->after.n[3], hex);
	return meta_put(tx, STR("rotation"), text, (size_t)n, why);
}

static bool mark_from(struct str text, struct mark *m)
{
	struct str word;
	int64_t n;
	str_cut(text, ' ', &word, &text);
	for (m->phase = 0; m->phase < OVER && !str_eq(word, str_c(phase_name(m->phase)));)
		m->phase++;
	str_cut(text, ' ', &word, &text);
	if (m->phase == OVER || !str_to_i64(word, 1, INT32_MAX, &n))
		return false;
	m->target = (int)n;
	for (int i = 0; i < 4; i++) {
		str_cut(text, ' ', &word, &text);
		if (!str_to_i64(word, INT64_MIN, INT64_MAX, &m->after.n[i]))
			return false;
	}
	return str_hex(text, m->after.hash, sizeof(m->after.hash)) == (int64_t)sizeof(m->after.hash);
}

static struct mark begin_of(int phase, int target)
{
	struct mark m = { .phase = phase, .target = target };
	m.after.n[0] = phase < COLUMNS && columns[phase].shape == BY_OUTCOME ? INT64_MIN : 0; /* ids begin at 1 */
	return m;
}

/* A marker of another target, or none we can read: from the beginning. */
static bool mark_get(struct tx *tx, struct mark *m, struct fail *why)
{
	char text[MARK_BYTES];
	int64_t len;
	int target = keyring_cipher_id();
	if (!meta_get(tx, STR("rotation"), text, sizeof(text), &len, why))
		return false;
	if (len < 0 || !mark_from((struct str){ text, (size_t)len }, m) || m->target != target)
		*m = begin_of(0, target);
	return true;
}

/* ---- sealed columns ---- */

static inline void arena_dropper(struct arena *a) { arena_free(a); }

struct work {
	struct tx *tx;
	const struct column *column;
	const uint8_t *salt;
	int target;
	struct buf sealed, plain; /* one value at a time */
	size_t bytes;
};

/* Puts the row's value, sealed under the current key, into w->sealed; empty: it is so already, or nothing is sealed there. */
static bool value_next(struct work *w, struct row_key *k, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(w->tx, w->column->next, why);
	if (q == NULL)
		return false;
	bind_key(q, 1, w->column->shape, k);
	w->sealed.len = w->plain.len = 0;
	*found = stmt_row(q, why);
	if (!*found)
		return why->code == FAIL_NONE;
	struct str value = stmt_blob(q, read_key(q, w->column->shape, k));
	w->bytes += value.len;
	if (value.len == 0 || vault_key_id(value) == w->target)
		return true;
	int64_t row = row_number(w->column->shape, k);
	bool ok = vault_open(w->column->place, row, value, &w->plain, why) &&
		  vault_seal(w->column->place, row, buf_text(&w->plain), w->salt, &w->sealed, why);
	OPENSSL_cleanse(w->plain.at, w->plain.len);
	return ok;
}

static bool value_put(struct work *w, const struct row_key *k, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(w->tx, w->column->put, why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, w->sealed.at, w->sealed.len);
	bind_key(q, 2, w->column->shape, k);
	return stmt_run(q, why);
}

static bool far(struct tx *tx, const char *sql, int64_t *last, struct fail *why)
{
	*last = 0;
	if (sql == NULL)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	if (stmt_row(q, why) && !stmt_is_null(q, 0))
		*last = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool reseal(struct tx *tx, struct mark *m, const uint8_t salt[16], struct rotation_step *out, struct fail *why)
{
	DROP(arena) struct arena a;
	struct work w = { .tx = tx, .column = &columns[m->phase], .salt = salt, .target = m->target };
	bool found = w.column->how == RESEALED;
	arena_init(&a, 4 * VALUE_BYTES_MAX);
	buf_init(&w.sealed, &a, 4096);
	buf_init(&w.plain, &a, 4096);
	while (found && out->looked_at < LOOKED_AT_MAX && out->changed < CHANGED_MAX && w.bytes < BYTES_MAX) {
		if (!value_next(&w, &m->after, &found, why))
			return false;
		out->looked_at += found;
		if (w.sealed.len == 0)
			continue;
		if (!value_put(&w, &m->after, why))
			return false;
		out->changed++;
	}
	out->at = m->after.n[0];
	if (!far(tx, w.column->last, &out->last, why))
		return false;
	if (!found)
		*m = begin_of(m->phase + 1, m->target);
	return true;
}

/* ---- indexes ---- */

static bool hashes_put(struct tx *tx, int slot, int64_t id, const struct index_hashes *number, const struct index_hashes *phone, struct fail *why)
{
	DROP(stmt) struct stmt *q = slot == SLOT_A ? tx_query(tx, "UPDATE person SET id_hash_a = $1, phone_hash_a = $2 WHERE id = $3", why)
		: tx_query(tx, "UPDATE person SET id_hash_b = $1, phone_hash_b = $2 WHERE id = $3", why);
	if (q == NULL)
		return false;
	if (number != NULL)
		stmt_bind_blob(q, 1, number->at[slot], SHA256_BYTES);
	else
		stmt_bind_null(q, 1);
	if (phone != NULL)
		stmt_bind_blob(q, 2, phone->at[slot], SHA256_BYTES);
	else
		stmt_bind_null(q, 2);
	stmt_bind_int(q, 3, id);
	return stmt_run(q, why);
}

static bool person_next(struct tx *tx, int64_t *id, enum identity_kind *kind, char text[PERSON_FACTS_BYTES], struct person_facts *facts, bool *found,
			struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, kind, facts FROM person WHERE id > $1 ORDER BY id LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	*found = stmt_row(q, why);
	if (!*found)
		return why->code == FAIL_NONE;
	*id = stmt_int(q, 0);
	*kind = (enum identity_kind)stmt_int(q, 1);
	return person_facts_open(*id, stmt_blob(q, 2), text, facts, why);
}

static bool fill_one(struct tx *tx, int slot, int64_t *id, bool *found, struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	struct index_hashes number, phone;
	enum identity_kind kind;
	bool ok = person_next(tx, id, &kind, text, &facts, found, why);
	if (ok && *found) {
		if (kind != IDENTITY_NONE)
			person_hash(kind, facts.number, &number);
		if (facts.phone.at != NULL)
			person_phone_hash(facts.phone, &phone);
		ok = hashes_put(tx, slot, *id, kind != IDENTITY_NONE ? &number : NULL, facts.phone.at != NULL ? &phone : NULL, why) && login_hashes_fill(tx, slot, *id, why);
	}
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

/* Roles change places: what was filled is asked from now on. */
static bool flip(struct tx *tx, struct index_slots *s, struct fail *why)
{
	int next = slot_in_role(s, SLOT_NEXT);
	s->role[next] = SLOT_CURRENT;
	s->role[1 - next] = SLOT_LEAVING;
	return keyring_put_slots(tx, *s, why);
}

static bool fill(struct tx *tx, struct mark *m, struct index_slots *s, struct rotation_step *out, struct fail *why)
{
	int slot = slot_in_role(s, SLOT_NEXT);
	bool found = slot >= 0;
	for (; found && out->changed < CHANGED_MAX; out->looked_at += found, out->changed += found)
		if (!fill_one(tx, slot, &m->after.n[0], &found, why))
			return false;
	out->at = m->after.n[0];
	if (found)
		return true;
	*m = begin_of(EMPTY, m->target);
	return slot < 0 || flip(tx, s, why);
}

static bool empty_one(struct tx *tx, int slot, int64_t *id, bool *found, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM person WHERE id > $1 ORDER BY id LIMIT 1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, *id);
		*found = stmt_row(q, why);
		if (!*found)
			return why->code == FAIL_NONE;
		*id = stmt_int(q, 0);
	}
	return hashes_put(tx, slot, *id, NULL, NULL, why) && login_hashes_empty(tx, slot, *id, why);
}

static bool empty(struct tx *tx, struct mark *m, struct index_slots *s, struct rotation_step *out, struct fail *why)
{
	int slot = slot_in_role(s, SLOT_LEAVING);
	bool found = slot >= 0;
	for (; found && out->changed < CHANGED_MAX; out->looked_at += found, out->changed += found)
		if (!empty_one(tx, slot, &m->after.n[0], &found, why))
			return false;
	out->at = m->after.n[0];
	if (found)
		return true;
	*m = begin_of(OVER, m->target);
	if (slot < 0)
		return true;
	s->id[slot] = 0;
	s->role[slot] = SLOT_EMPTY;
	return keyring_put_slots(tx, *s, why);
}

/* What the database says becomes what this process does before anything is changed by it: nobody writes beside this transaction, so that from here
 * on every new row is written as the change needs it. */
bool rotation_step(struct tx *tx, const uint8_t salt[16], struct rotation_step *out, struct fail *why)
{
	struct mark m;
	memset(out, 0, sizeof(*out));
	if (!tx_alone(tx, why))
		return false;
	keyring_use_current();
	if (!keyring_match(tx, why) || !mark_get(tx, &m, why))
		return false;
	struct index_slots slots = keyring_slots();
	snprintf(out->what, sizeof(out->what), "%s", phase_name(m.phase));
	bool ok = m.phase < COLUMNS ? reseal(tx, &m, salt, out, why) : m.phase == FILL ? fill(tx, &m, &slots, out, why) : empty(tx, &m, &slots, out, why);
	if (ok && (m.phase == FILL || m.phase == EMPTY))
		ok = far(tx, columns[0].last, &out->last, why);
	out->is_over = m.phase == OVER;
	return ok && mark_put(tx, &m, why);
}

/* ---- counting ---- */

static bool count_add(struct rotation_count *c, struct str head)
{
	if (head.len == 0 || (head.at[0] != 1 && head.at[0] != 2)) /* nothing sealed; plain words in audit.detail begin with a letter */
		return true;
	int id = vault_key_id(head), i = 0;
	while (i < c->count && c->keys[i].id != id)
		i++;
	if (i == ROTATION_KEYS_MAX)
		return false;
	if (i == c->count)
		c->count++;
	c->keys[i].id = id;
	c->keys[i].values++;
	return true;
}

struct rotation_count rotation_count_begin(int column)
{
	return (struct rotation_count){ .column = column, .after = begin_of(column, 0).after };
}

bool rotation_count(struct tx *tx, struct rotation_count *c, int rows, struct fail *why)
{
	const struct column *column = &columns[c->column];
	struct row_key after = c->after;
	DROP(stmt) struct stmt *q = tx_query(tx, column->heads, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, bind_key(q, 1, column->shape, &after), rows);
	int seen = 0;
	for (; stmt_row(q, why); seen++)
		if (!count_add(c, stmt_blob(q, read_key(q, column->shape, &c->after))))
			return FAILS(why, SEALED, "%s holds values of more keys than there can be", column->place);
	c->is_over = seen < rows;
	return why->code == FAIL_NONE;
}

bool rotation_values_under(struct tx *tx, int id, int64_t *values, struct fail *why)
{
	*values = 0;
	for (int column = 0; column < COLUMNS; column++) {
		struct rotation_count c = rotation_count_begin(column);
		while (!c.is_over)
			if (!rotation_count(tx, &c, COUNT_ROWS, why))
				return false;
		for (int i = 0; i < c.count; i++)
			*values += c.keys[i].id == id ? c.keys[i].values : 0;
	}
	return true;
}
