/* auth/keyring.c - the keys, opened once, used by everything that must recognise a person without knowing them.
 *
 * What becomes of each use of the index key when that key is exchanged:
 *   person by number, by phone   looked up. Two columns (slots): the next key's fills up from the sealed facts while the current one is asked,
 *                                one small transaction changes their roles, then the old one is emptied. A row is found at every moment.
 *   event, outcome, callback     only tell a repeat from something new. The row bears the digest of its day; a newcomer is compared under every
 *                                index key there ever was, so old keys stay in the file, and none is ever taken out of it.
 *   look-up by case number       needs no key: the last four characters are compared with the sealed number itself.
 *   place in a list (cursor)     made under the current key of the start, read under every key there ever was.
 *   rate                         lives in memory and for minutes: whatever is current.
 * Which key plays which role is the database's word, changed in the transaction that makes it true; a mark in the file counts for keys the
 * database does not know yet. */
#include "auth/keyring.h"
#include "auth/keyring_inside.h"
#include "auth/ring.h"
#include "base/log.h"
#include "store/meta.h"
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>

enum { ENTRY_BYTES = KEYRING_ENTRY_BYTES, NOTED_MAX = KEYRING_NOTED_BYTES };

static _Atomic bool has_unnoted;
_Static_assert((int)KEYRING_INDEX_MAX == (int)KEYFILE_INDEX_MAX, "an index under every key there is");

static bool file_open(const struct config *c, bool make_if_absent, struct keyfile *file, struct fail *why)
{
	bool is_there;
	if (!keyfile_read(c, file, &is_there, why))
		return false;
	if (is_there)
		return true;
	if (!make_if_absent)
		return FAILS(why, CONFIG, "%s is not there: restore it from its backup, or run siban migrate on a new database", file->path);
	keyfile_make(file);
	return keyfile_write(file, true, why);
}

bool keyring_open(const struct config *c, bool make_if_absent, struct fail *why)
{
	struct keyfile file;
	keyring_follow_from(c);
	bool ok = file_open(c, make_if_absent, &file, why) && ring_use_file(&file, why);
	keyfile_wipe(&file);
	return ok;
}

void keyring_close(void)
{
	ring_close();
	has_unnoted = false;
}

/* ---- the database's memory of its keys: one row of meta, a line "ID FINGERPRINT" for each ---- */

bool keyring_is_noted(struct tx *tx, bool *is_noted, struct fail *why)
{
	char noted[NOTED_MAX];
	int64_t len;
	if (!meta_get(tx, STR("vault_keys"), noted, sizeof(noted), &len, why))
		return false;
	*is_noted = len >= 0;
	return true;
}

const struct keyfile_key *key_in(const struct keyfile *f, int64_t id)
{
	for (int i = 0; i < f->count; i++)
		if (f->keys[i].id == id)
			return &f->keys[i];
	return NULL;
}

/* Each key the database was written with must be here, and be the same. */
bool keys_all_here(const struct keyfile *f, struct str noted, struct fail *why)
{
	for (struct str line, id, print; noted.len > 0;) {
		char ours[FINGERPRINT_BYTES];
		int64_t n;
		str_cut(noted, '\n', &line, &noted);
		if (!str_cut(line, ' ', &id, &print) || !str_to_i64(id, 1, KEY_ID_MAX, &n))
			return FAILS(why, SCHEMA, "meta vault_keys is damaged");
		const struct keyfile_key *k = key_in(f, n);
		if (k == NULL)
			return FAILS(why, CONFIG, "key %lld, which this database was written with, is not in vault.keys: restore it from its backup", (long long)n);
		key_fingerprint(k, ours);
		if (!str_eq(print, str_c(ours)))
			return FAILS(why, CONFIG, "key %lld in vault.keys is not the key this database was written with: restore the right file", (long long)n);
	}
	return true;
}

static const char *entry_of(const struct keyfile_key *k, char entry[ENTRY_BYTES])
{
	char print[FINGERPRINT_BYTES];
	key_fingerprint(k, print);
	snprintf(entry, ENTRY_BYTES, "%d %s\n", k->id, print);
	return entry;
}

static bool is_noted(struct str noted, const char *entry)
{
	return memmem(noted.at, noted.len, entry, strlen(entry)) != NULL;
}

/* Adds what the file has and the database does not know yet; an index key that waits for a slot stays unknown until it gets one. */
static size_t note_new(const struct keyfile *f, const struct index_slots *s, char *noted, size_t len, size_t max)
{
	for (int i = 0; i < f->count; i++) {
		char entry[ENTRY_BYTES];
		int id = f->keys[i].id;
		if (len > 0 && f->keys[i].kind == KEY_CIPHER && f->keys[i].mark == KEY_KEPT)
			continue; /* it was retired by another node, or was never used here */
		if (f->keys[i].kind == KEY_INDEX && f->keys[i].mark == KEY_NEXT && id != s->id[SLOT_A] && id != s->id[SLOT_B])
			continue;
		size_t n = strlen(entry_of(&f->keys[i], entry));
		if (is_noted((struct str){ noted, len }, entry))
			continue;
		assert(len + n <= max);
		memcpy(noted + len, entry, n);
		len += n;
	}
	return len;
}

static bool no_person_yet(struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM person LIMIT 1", why);
	if (q == NULL)
		return false;
	if (stmt_row(q, why))
		return FAILS(why, CONFIG, "the database has persons but no mark of their keys");
	return why->code == FAIL_NONE;
}

/* ---- slots: one row of meta, "ID ROLE ID ROLE" ---- */

bool keyring_put_slots(struct tx *tx, struct index_slots s, struct fail *why)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%d %d %d %d", s.id[SLOT_A], s.role[SLOT_A], s.id[SLOT_B], s.role[SLOT_B]);
	return meta_put(tx, STR("index_slots"), text, (size_t)n, why);
}

bool slots_from(struct str text, struct index_slots *s)
{
	for (int i = 0; i < 2 * SLOTS; i++) {
		struct str word;
		int64_t n;
		str_cut(text, ' ', &word, &text);
		if (!str_to_i64(word, 0, i % 2 == 0 ? KEY_ID_MAX : SLOT_LEAVING, &n))
			return false;
		if (i % 2 == 0)
			s->id[i / 2] = (int)n;
		else
			s->role[i / 2] = (enum slot_role)n;
	}
	return (s->role[SLOT_A] == SLOT_CURRENT) != (s->role[SLOT_B] == SLOT_CURRENT);
}

int slot_in_role(const struct index_slots *s, enum slot_role role)
{
	return s->role[SLOT_A] == role ? SLOT_A : s->role[SLOT_B] == role ? SLOT_B : -1;
}

bool key_is_known(const struct keyfile *f, int id, struct str noted)
{
	char entry[ENTRY_BYTES];
	const struct keyfile_key *k = key_in(f, id);
	return k != NULL && is_noted(noted, entry_of(k, entry));
}

/* A new key that the file marks next gets the empty slot. With none empty it waits for the end of the exchange under way. */
static bool slots_match(struct tx *tx, const struct keyfile *f, struct str noted, struct index_slots *s, bool *is_new, struct fail *why)
{
	char text[64];
	int64_t len;
	if (!meta_get(tx, STR("index_slots"), text, sizeof(text), &len, why))
		return false;
	*is_new = len < 0;
	if (len < 0)
		return true; /* as the file marks them */
	if (!slots_from((struct str){ text, (size_t)len }, s))
		return FAILS(why, SCHEMA, "meta index_slots is damaged");
	for (int i = 0; i < SLOTS; i++)
		if (s->role[i] != SLOT_EMPTY && (key_in(f, s->id[i]) == NULL || key_in(f, s->id[i])->kind != KEY_INDEX))
			return FAILS(why, SCHEMA, "meta index_slots names key %d, which is no index key here", s->id[i]);
	int current = key_marked(f, KEY_INDEX, KEY_CURRENT), next = key_marked(f, KEY_INDEX, KEY_NEXT), slot = slot_in_role(s, SLOT_EMPTY);
	if (!key_is_known(f, current, noted))
		return FAILS(why, CONFIG, "vault.keys marks a new index key %d current: mark it next, then run siban keys rotate", current);
	if (next == 0 || slot < 0 || key_is_known(f, next, noted))
		return true;
	s->id[slot] = next;
	s->role[slot] = SLOT_NEXT;
	*is_new = true;
	return true;
}

bool keyring_match(struct tx *tx, struct fail *why)
{
	const struct keyfile *f = &ring_now()->file;
	struct index_slots slots = ring_now()->slots;
	char noted[NOTED_MAX];
	int64_t len;
	bool new_slots;
	if (!meta_get(tx, STR("vault_keys"), noted, sizeof(noted), &len, why))
		return false;
	if (len < 0 && !no_person_yet(tx, why))
		return false;
	size_t had = len < 0 ? 0 : (size_t)len;
	struct str known = { noted, had };
	if (!keys_all_here(f, known, why) || !slots_match(tx, f, known, &slots, &new_slots, why))
		return false;
	size_t has = note_new(f, &slots, noted, had, sizeof(noted));
	has_unnoted = (has > had || new_slots) && !tx->writes;
	if (memcmp(&slots, &ring_now()->slots, sizeof(slots)) != 0 && !ring_use_slots(&slots, why))
		return false;
	return !tx->writes || ((has == had || meta_put(tx, STR("vault_keys"), noted, has, why)) && (!new_slots || keyring_put_slots(tx, slots, why)));
}

bool keyring_has_unnoted(void)
{
	return has_unnoted;
}

static const struct keyfile_key *index_key(const struct ring *r, int id)
{
	const struct keyfile_key *k = key_in(&r->file, id);
	assert(k != NULL && k->kind == KEY_INDEX);
	return k;
}

static int current_id(const struct ring *r)
{
	return r->slots.id[slot_in_role(&r->slots, SLOT_CURRENT)];
}

void keyring_fingerprint(char out[FINGERPRINT_BYTES])
{
	const struct ring *r = ring_now();
	key_fingerprint(index_key(r, current_id(r)), out);
}

/* ---- indexes ---- */

static void length_bytes(size_t len, char out[8])
{
	for (int i = 0; i < 8; i++)
		out[i] = (char)((uint64_t)len >> (8 * i));
}

static void index_under(const struct keyfile_key *key, const char *purpose, const struct str *parts, size_t count, uint8_t out[SHA256_BYTES])
{
	assert(count <= KEYRING_PARTS_MAX);
	/* each part behind its length: ("ab","c") and ("a","bc") differ */
	char lengths[KEYRING_PARTS_MAX + 1][8];
	struct str all[2 * (KEYRING_PARTS_MAX + 1)];
	for (size_t i = 0; i <= count; i++) {
		struct str part = i == 0 ? str_c(purpose) : parts[i - 1];
		length_bytes(part.len, lengths[i]);
		all[2 * i] = (struct str){ lengths[i], sizeof(lengths[i]) };
		all[2 * i + 1] = part;
	}
	hmac_sha256((struct str){ (const char *)key->bytes, KEYFILE_KEY_BYTES }, all, 2 * (count + 1), out);
}

void keyring_index(const char *purpose, const struct str *parts, size_t count, uint8_t out[SHA256_BYTES])
{
	const struct ring *r = ring_now();
	index_under(index_key(r, current_id(r)), purpose, parts, count, out);
}

int keyring_index_all(const char *purpose, const struct str *parts, size_t count, uint8_t out[KEYRING_INDEX_MAX][SHA256_BYTES])
{
	const struct ring *r = ring_now();
	int current = current_id(r), n = 1;
	index_under(index_key(r, current), purpose, parts, count, out[0]);
	for (int i = 0; i < r->file.count; i++)
		if (r->file.keys[i].kind == KEY_INDEX && r->file.keys[i].id != current)
			index_under(&r->file.keys[i], purpose, parts, count, out[n++]);
	return n;
}

void keyring_hashes(const char *purpose, const struct str *parts, size_t count, struct index_hashes *out)
{
	const struct ring *r = ring_now();
	for (int i = 0; i < SLOTS; i++) {
		out->is_there[i] = r->slots.role[i] != SLOT_EMPTY;
		out->is_written[i] = r->slots.role[i] == SLOT_CURRENT || r->slots.role[i] == SLOT_NEXT;
		if (out->is_there[i])
			index_under(index_key(r, r->slots.id[i]), purpose, parts, count, out->at[i]);
	}
	out->current = slot_in_role(&r->slots, SLOT_CURRENT);
}

struct index_slots keyring_slots(void)
{
	return ring_now()->slots;
}

int keyring_cipher_id(void)
{
	return ring_now()->current->id;
}

/* ---- what the operator does to the file ---- */

/* Made, and on its way to the other nodes: no row of meta speaks of it before the first bite of a rotation. */
static bool is_pending(const struct keyfile *f, int i, const struct index_slots *s)
{
	return f->keys[i].kind == KEY_INDEX && f->keys[i].mark == KEY_NEXT && f->keys[i].id != s->id[SLOT_A] && f->keys[i].id != s->id[SLOT_B];
}

static bool none_is_pending(const struct keyfile *f, const struct index_slots *s)
{
	for (int i = 0; i < f->count; i++)
		if (is_pending(f, i, s))
			return false;
	return true;
}

/* Marks of index keys follow their roles, which the database knows. */
static void marks_follow(struct keyfile *f, const struct index_slots *s)
{
	for (int i = 0; i < f->count; i++) {
		if (f->keys[i].kind != KEY_INDEX || is_pending(f, i, s))
			continue;
		enum key_mark mark = KEY_KEPT;
		for (int slot = 0; slot < SLOTS; slot++)
			if (s->id[slot] == f->keys[i].id && s->role[slot] != SLOT_LEAVING && s->role[slot] != SLOT_EMPTY)
				mark = s->role[slot] == SLOT_CURRENT ? KEY_CURRENT : KEY_NEXT;
		f->keys[i].mark = mark;
	}
}

/* Two commands at once would each write the file without the other's key. */
static atomic_flag changing = ATOMIC_FLAG_INIT;

static bool may_change(struct fail *why)
{
	return !atomic_flag_test_and_set(&changing) || FAILS(why, BUSY, "another command is changing the keys");
}

static bool changed(bool ok)
{
	atomic_flag_clear(&changing);
	return ok;
}

bool keyring_add(enum key_kind kind, enum key_algorithm algorithm, int *id, struct fail *why)
{
	if (!may_change(why))
		return false;
	struct keyfile f = ring_now()->file;
	const struct index_slots *s = &ring_now()->slots;
	marks_follow(&f, s);
	bool ok = (kind == KEY_CIPHER || (slot_in_role(s, SLOT_EMPTY) >= 0 && none_is_pending(&f, s)) ||
		   FAILS(why, KEY_EXCHANGE, "one index key is being exchanged already: run siban keys rotate to the end first")) &&
		  keyfile_add(&f, kind, algorithm, id, why) && keyfile_write(&f, false, why) && ring_use_file(&f, why);
	keyfile_wipe(&f);
	return changed(ok);
}

void keyring_use_current(void)
{
	struct fail why;
	const struct ring *r = ring_now();
	fail_clear(&why);
	if (r->current->id != key_marked(&r->file, KEY_CIPHER, KEY_CURRENT) && !ring_use_current(&why))
		log_fail(STR_NONE, &why); /* for want of memory: the next bite of a rotation tries again */
}

bool keyring_save_marks(struct fail *why)
{
	if (!may_change(why))
		return false;
	struct keyfile f = ring_now()->file;
	marks_follow(&f, &ring_now()->slots);
	bool ok = f.is_credential || memcmp(f.keys, ring_now()->file.keys, sizeof(f.keys)) == 0 || (keyfile_write(&f, false, why) && ring_use_file(&f, why));
	keyfile_wipe(&f);
	return changed(ok);
}

const struct keyfile_key *keyring_key(int n)
{
	const struct ring *r = ring_now();
	return n < r->file.count ? &r->file.keys[n] : NULL;
}

enum key_state keyring_state(const struct keyfile_key *k)
{
	const struct ring *r = ring_now();
	if (k->kind == KEY_CIPHER)
		return k->id == r->current->id ? KEY_STATE_CURRENT : KEY_STATE_KEPT;
	for (int i = 0; i < SLOTS; i++)
		if (r->slots.id[i] == k->id && r->slots.role[i] != SLOT_EMPTY)
			return r->slots.role[i] == SLOT_CURRENT ? KEY_STATE_CURRENT : r->slots.role[i] == SLOT_NEXT ? KEY_STATE_NEXT : KEY_STATE_KEPT;
	return KEY_STATE_KEPT;
}

bool keyring_may_go(const struct keyfile_key *k)
{
	return k->kind == KEY_CIPHER && k->mark != KEY_CURRENT && k->id != ring_now()->current->id;
}

/* Out of the database's memory first: a file without a key that is still noted would not start. */
bool keyring_forget(struct tx *tx, int id, struct fail *why)
{
	char noted[NOTED_MAX], entry[ENTRY_BYTES];
	int64_t len;
	const struct keyfile_key *k = key_in(&ring_now()->file, id);
	if (k == NULL)
		return true; /* somebody else was faster */
	assert(k->kind == KEY_CIPHER);
	if (!keyring_may_go(k))
		return FAILS(why, KEY_IN_USE, "key %d is current", id);
	if (!meta_get(tx, STR("vault_keys"), noted, sizeof(noted), &len, why))
		return false;
	if (len < 0)
		return FAILS(why, SCHEMA, "meta vault_keys is missing");
	size_t n = strlen(entry_of(k, entry));
	char *at = memmem(noted, (size_t)len, entry, n);
	if (at == NULL)
		return true;
	memmove(at, at + n, (size_t)len - n - (size_t)(at - noted));
	return meta_put(tx, STR("vault_keys"), noted, (size_t)len - n, why);
}

bool keyring_drop(int id, struct fail *why)
{
	if (!may_change(why))
		return false;
	struct keyfile f = ring_now()->file;
	int i = 0;
	while (i < f.count && f.keys[i].id != id)
		i++;
	bool ok = i == f.count;
	if (!ok && !keyring_may_go(&f.keys[i])) {
		FAILS(why, KEY_IN_USE, "key %d is current", id);
	} else if (!ok) {
		memmove(&f.keys[i], &f.keys[i + 1], (size_t)(f.count - i - 1) * sizeof(f.keys[0]));
		f.count--;
		marks_follow(&f, &ring_now()->slots);
		ok = keyfile_write(&f, false, why) && ring_use_file(&f, why);
	}
	keyfile_wipe(&f);
	return changed(ok);
}
