/* auth/person.c - finds people again by what only they bring, and keeps what is known of them sealed. */
#include "auth/person.h"
#include "auth/keyring.h"
#include "auth/vault.h"
#include <assert.h>
#include <openssl/crypto.h>

/* Facts are lines: a version, number, name, phone; an empty line is not known. No fact can hold a line's end. */
static const char VERSION[] = "1";
enum { LINES = 4, SEALED_BYTES = PERSON_FACTS_BYTES + VAULT_OVERHEAD_MAX + 1 };
_Static_assert(1 + IDENTITY_NUMBER_MAX + PERSON_NAME_BYTES + PHONE_DIGITS + LINES + VAULT_OVERHEAD_MAX < PERSON_FACTS_BYTES, "the longest facts, sealed");

/* Room on the stack in the shape of a buf: what is put there always fits. */
static struct buf buf_on(char *at, size_t bytes)
{
	return (struct buf){ .at = at, .cap = bytes };
}

/* ---- facts ---- */

static bool facts_seal(int64_t id, const struct person_facts *f, const uint8_t salt[16], struct buf *out, struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct buf b = buf_on(text, sizeof(text));
	struct str lines[LINES] = { str_c(VERSION), f->number, f->name, f->phone };
	for (int i = 0; i < LINES; i++) {
		if (i > 0)
			buf_char(&b, '\n');
		buf_str(&b, lines[i]);
	}
	bool ok = vault_seal("person.facts", id, buf_text(&b), salt, out, why);
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

bool person_facts_open(int64_t id, struct str sealed, char text[PERSON_FACTS_BYTES], struct person_facts *out, struct fail *why)
{
	struct buf b = buf_on(text, PERSON_FACTS_BYTES);
	struct str version, *lines[] = { &out->number, &out->name, &out->phone }, rest;
	if (sealed.len == 0) { /* forgotten: auth/retention.def */
		*out = (struct person_facts){ 0 };
		return true;
	}
	if (sealed.len >= PERSON_FACTS_BYTES)
		return FAILS(why, SEALED, "facts of person %lld are too long", (long long)id);
	if (!vault_open("person.facts", id, sealed, &b, why))
		return false;
	str_cut(buf_text(&b), '\n', &version, &rest);
	if (!str_eq(version, str_c(VERSION)))
		return FAILS(why, SEALED, "facts of person %lld are of another version", (long long)id);
	for (int i = 0; i < LINES - 1; i++) {
		str_cut(rest, '\n', lines[i], &rest);
		if (lines[i]->len == 0)
			*lines[i] = STR_NONE;
	}
	return true;
}

bool person_facts_get(struct tx *tx, int64_t id, char text[PERSON_FACTS_BYTES], struct person_facts *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT facts FROM person WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no person %lld", (long long)id);
	return person_facts_open(id, stmt_blob(q, 0), text, out, why);
}

bool person_kind(struct tx *tx, int64_t id, enum identity_kind *kind, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind FROM person WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no person %lld", (long long)id);
	*kind = (enum identity_kind)stmt_int(q, 0);
	return true;
}

bool person_last4(int64_t id, struct str sealed, char last4[4], struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	bool ok = person_facts_open(id, sealed, text, &facts, why);
	if (ok && sealed.len == 0)
		memset(last4, 0, 4); /* which nobody can write on a slip */
	else if (ok && facts.number.len >= 4)
		memcpy(last4, facts.number.at + facts.number.len - 4, 4);
	else
		ok = ok && FAILS(why, SEALED, "facts of person %lld hold no number", (long long)id);
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

/* ---- indexes ---- */

void person_hash(enum identity_kind kind, struct str number, struct index_hashes *out)
{
	char kind_text = (char)('0' + kind);
	struct str parts[] = { { &kind_text, 1 }, number };
	keyring_hashes("person", parts, 2, out);
}

void person_phone_hash(struct str phone, struct index_hashes *out)
{
	keyring_hashes("phone", &phone, 1, out);
}

static void bind_hash(struct stmt *q, int n, const struct index_hashes *h, int slot)
{
	if (h->is_written[slot])
		stmt_bind_blob(q, n, h->at[slot], SHA256_BYTES);
	else
		stmt_bind_null(q, n);
}

static bool find_in(struct tx *tx, const struct index_hashes *h, int slot, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = slot == SLOT_A ? tx_query(tx, "SELECT id FROM person WHERE id_hash_a = $1", why)
		: tx_query(tx, "SELECT id FROM person WHERE id_hash_b = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, h->at[slot], SHA256_BYTES);
	if (!stmt_row(q, why))
		return false;
	*id = stmt_int(q, 0);
	return true;
}

static bool insert(struct tx *tx, enum identity_kind kind, const struct person_facts *facts, const uint8_t salt[16], const struct index_hashes *h, int64_t now_ms,
		   int64_t *id, struct fail *why)
{
	char bytes[SEALED_BYTES];
	struct buf sealed = buf_on(bytes, sizeof(bytes));
	if (!tx_next_id(tx, "person", id, why) || !facts_seal(*id, facts, salt, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO person (id, id_hash_a, id_hash_b, facts, kind, made_ms) VALUES ($1, $2, $3, $4, $5, $6)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	bind_hash(q, 2, h, SLOT_A);
	bind_hash(q, 3, h, SLOT_B);
	stmt_bind_blob(q, 4, sealed.at, sealed.len);
	stmt_bind_int(q, 5, kind);
	stmt_bind_int(q, 6, now_ms);
	return stmt_run(q, why);
}

/* 0: there is none. */
static bool find(struct tx *tx, const struct index_hashes *h, int64_t *id, struct fail *why)
{
	*id = 0;
	for (int i = 0; i < SLOTS; i++) {
		int slot = i == 0 ? h->current : 1 - h->current;
		if (h->is_there[slot] && find_in(tx, h, slot, id, why))
			return true;
		if (why->code != FAIL_NONE)
			return false;
	}
	return true;
}

bool person_find(struct tx *tx, enum identity_kind kind, struct str number, int64_t *id, struct fail *why)
{
	struct index_hashes h;
	person_hash(kind, number, &h);
	return find(tx, &h, id, why);
}

bool person_find_or_make(struct tx *tx, enum identity_kind kind, struct str number, int64_t now_ms, int64_t *id, struct fail *why)
{
	assert(kind != IDENTITY_NONE && number.len > 0 && number.len <= IDENTITY_NUMBER_MAX);
	struct index_hashes h;
	person_hash(kind, number, &h);
	if (!find(tx, &h, id, why) || *id != 0)
		return why->code == FAIL_NONE;
	struct person_facts facts = { .number = number };
	/* A row's first facts need no randomness: nothing was sealed in its place before. */
	return insert(tx, kind, &facts, h.at[h.current], &h, now_ms, id, why);
}

/* ---- newer facts ---- */

static bool facts_put(struct tx *tx, int64_t id, const struct person_facts *f, const uint8_t salt[16], struct fail *why)
{
	char bytes[SEALED_BYTES];
	struct buf sealed = buf_on(bytes, sizeof(bytes));
	struct index_hashes h = { .current = 0 };
	if (!facts_seal(id, f, salt, &sealed, why))
		return false;
	if (f->phone.at != NULL)
		person_phone_hash(f->phone, &h);
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE person SET facts = $1, phone_hash_a = $2, phone_hash_b = $3 WHERE id = $4", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, sealed.at, sealed.len);
	bind_hash(q, 2, &h, SLOT_A);
	bind_hash(q, 3, &h, SLOT_B);
	stmt_bind_int(q, 4, id);
	return stmt_run(q, why);
}

bool person_make_by_phone(struct tx *tx, struct str phone, int64_t now_ms, const uint8_t salt[16], int64_t *id, struct fail *why)
{
	struct index_hashes none = { .current = 0 };
	struct person_facts facts = { .phone = phone };
	return insert(tx, IDENTITY_NONE, &(struct person_facts){ 0 }, salt, &none, now_ms, id, why) && facts_put(tx, *id, &facts, salt, why);
}

static bool put_number(struct tx *tx, int64_t id, enum identity_kind kind, struct str number, struct fail *why)
{
	struct index_hashes h;
	person_hash(kind, number, &h);
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE person SET kind = $1, id_hash_a = $2, id_hash_b = $3 WHERE id = $4 AND kind = 0", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, kind);
	bind_hash(q, 2, &h, SLOT_A);
	bind_hash(q, 3, &h, SLOT_B);
	stmt_bind_int(q, 4, id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, INTERNAL, "person %lld is known already", (long long)id));
}

bool person_become(struct tx *tx, int64_t id, enum identity_kind kind, struct str number, struct str name, const uint8_t salt[16], struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	assert(kind != IDENTITY_NONE && number.len > 0 && number.len <= IDENTITY_NUMBER_MAX && name.len <= PERSON_NAME_BYTES);
	bool ok = tx_lock_row(tx, "person.facts", id, why) && person_facts_get(tx, id, text, &facts, why);
	if (ok) {
		facts.number = number;
		facts.name = name;
		ok = put_number(tx, id, kind, number, why) && facts_put(tx, id, &facts, salt, why);
	}
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

const char *confirmed_by_text(enum confirmed_by by)
{
	switch (by) {
	case CONFIRMED_BY_NOBODY: return NULL;
#define CONFIRMED(name, number, text, prose) case CONFIRMED_BY_##name: return text;
#include "auth/confirmations.def"
#undef CONFIRMED
	}
	return NULL; /* of a newer program */
}

bool person_confirmed(struct tx *tx, int64_t id, enum confirmed_by by, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE person SET confirmed_by = $1, confirmed_ms = $2 WHERE id = $3", why);
	assert(by != CONFIRMED_BY_NOBODY);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, by);
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, id);
	return stmt_run(q, why);
}

/* Returns whether something is new. */
static bool take_newer(struct str *known, struct str newer)
{
	if (newer.at == NULL || str_eq(*known, newer))
		return false;
	*known = newer;
	return true;
}

bool person_facts_merge(struct tx *tx, int64_t id, const struct person_facts *newer, const uint8_t salt[16], struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	if (newer->name.at == NULL && newer->phone.at == NULL)
		return true;
	bool ok = tx_lock_row(tx, "person.facts", id, why) && person_facts_get(tx, id, text, &facts, why);
	if (ok) {
		assert(newer->number.at == NULL || str_eq(newer->number, facts.number));
		bool changed = take_newer(&facts.name, newer->name);
		changed = take_newer(&facts.phone, newer->phone) || changed;
		ok = !changed || facts_put(tx, id, &facts, salt, why);
	}
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}
