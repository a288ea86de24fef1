/* auth/keyring.c - the keys, opened once, used by everything that must recognise a person without knowing them. */
#include "auth/keyring.h"
#include "auth/ring.h"
#include "base/hash.h"
#include "store/meta.h"
#include <assert.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOTED_MAX = KEYFILE_KEYS_MAX * 32 };

static _Atomic(struct ring *) newest;
static bool has_unnoted;

const struct ring *ring_now(void)
{
	const struct ring *r = atomic_load_explicit(&newest, memory_order_acquire);
	assert(r != NULL);
	return r;
}

const struct ring_cipher *ring_cipher(const struct ring *r, int id)
{
	for (int i = 0; i < r->cipher_count; i++)
		if (r->ciphers[i].id == id)
			return &r->ciphers[i];
	return NULL;
}

/* ---- from the file to the ring ---- */

static void derive(const uint8_t key[KEYFILE_KEY_BYTES], const char *purpose, bool sm3, uint8_t out[KEYFILE_KEY_BYTES])
{
	struct str k = { (const char *)key, KEYFILE_KEY_BYTES }, p = str_c(purpose);
	if (sm3)
		hmac_sm3(k, &p, 1, out);
	else
		hmac_sha256(k, &p, 1, out);
}

static bool cipher_ready(struct ring_cipher *to, const struct keyfile_key *k, const uint8_t nonce[KEYFILE_KEY_BYTES], struct fail *why)
{
	enum cipher c = k->algorithm == KEY_AES_256_GCM ? CIPHER_AES_256_GCM : CIPHER_SM4_CBC;
	if (!cipher_is_here(c))
		return FAILS(why, CONFIG, "key %d: the OpenSSL of this machine has no %s", k->id, key_algorithm_name(k->algorithm));
	to->id = k->id;
	to->algorithm = k->algorithm;
	if (k->algorithm == KEY_AES_256_GCM) {
		cipher_key_make(&to->key, c, k->bytes);
	} else {
		uint8_t half[KEYFILE_KEY_BYTES];
		derive(k->bytes, "siban sm4 cipher", true, half);
		cipher_key_make(&to->key, c, half);
		derive(k->bytes, "siban sm4 mac", true, to->mac);
		OPENSSL_cleanse(half, sizeof(half));
	}
	struct str parts[] = { STR("siban nonce"), { (const char *)k->bytes, KEYFILE_KEY_BYTES } };
	hmac_sha256((struct str){ (const char *)nonce, KEYFILE_KEY_BYTES }, parts, 2, to->nonce);
	return true;
}

static void ring_free(struct ring *r)
{
	OPENSSL_clear_free(r, sizeof(*r));
}

/* NULL: why is noted. Wipes nothing of `file`. */
static struct ring *ring_of(const struct keyfile *file, struct fail *why)
{
	struct ring *r = OPENSSL_zalloc(sizeof(*r));
	if (r == NULL) {
		FAILS(why, MEMORY, "the keyring");
		return NULL;
	}
	r->file = *file;
	for (int i = 0; i < file->count; i++) {
		if (file->keys[i].kind != KEY_CIPHER)
			continue;
		struct ring_cipher *to = &r->ciphers[r->cipher_count++];
		if (!cipher_ready(to, &file->keys[i], file->nonce, why)) {
			ring_free(r);
			return NULL;
		}
		if (file->keys[i].mark == KEY_CURRENT)
			r->current = to;
	}
	assert(r->current != NULL);
	return r;
}

static void publish(struct ring *r)
{
	r->older = atomic_load_explicit(&newest, memory_order_relaxed);
	atomic_store_explicit(&newest, r, memory_order_release);
}

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
	struct ring *r = file_open(c, make_if_absent, &file, why) ? ring_of(&file, why) : NULL;
	keyfile_wipe(&file);
	if (r == NULL)
		return false;
	publish(r);
	return true;
}

void keyring_close(void)
{
	for (struct ring *r = atomic_exchange(&newest, NULL), *older; r != NULL; r = older) {
		older = r->older;
		ring_free(r);
	}
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

static const struct keyfile_key *key_in(const struct keyfile *f, int64_t id)
{
	for (int i = 0; i < f->count; i++)
		if (f->keys[i].id == id)
			return &f->keys[i];
	return NULL;
}

/* Each key the database was written with must be here, and be the same. */
static bool all_here(const struct keyfile *f, struct str noted, struct fail *why)
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

static bool is_noted(struct str noted, const char *entry)
{
	return memmem(noted.at, noted.len, entry, strlen(entry)) != NULL;
}

/* Adds what the file has and the database does not know yet. */
static size_t note_new(const struct keyfile *f, char *noted, size_t len, size_t max)
{
	for (int i = 0; i < f->count; i++) {
		char print[FINGERPRINT_BYTES], entry[FINGERPRINT_BYTES + 16];
		key_fingerprint(&f->keys[i], print);
		int n = snprintf(entry, sizeof(entry), "%d %s\n", f->keys[i].id, print);
		if (is_noted((struct str){ noted, len }, entry))
			continue;
		assert(len + (size_t)n <= max);
		memcpy(noted + len, entry, (size_t)n);
		len += (size_t)n;
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

bool keyring_match(struct tx *tx, struct fail *why)
{
	const struct keyfile *f = &ring_now()->file;
	char noted[NOTED_MAX];
	int64_t len;
	if (!meta_get(tx, STR("vault_keys"), noted, sizeof(noted), &len, why))
		return false;
	if (len < 0 && !no_person_yet(tx, why))
		return false;
	size_t had = len < 0 ? 0 : (size_t)len;
	if (!all_here(f, (struct str){ noted, had }, why))
		return false;
	size_t has = note_new(f, noted, had, sizeof(noted));
	has_unnoted = has > had && !tx->writes;
	return has == had || !tx->writes || meta_put(tx, STR("vault_keys"), noted, has, why);
}

bool keyring_has_unnoted(void)
{
	return has_unnoted;
}

void keyring_fingerprint(char out[FINGERPRINT_BYTES])
{
	const struct keyfile *f = &ring_now()->file;
	for (int i = 0; i < f->count; i++)
		if (f->keys[i].kind == KEY_INDEX && f->keys[i].mark == KEY_CURRENT)
			key_fingerprint(&f->keys[i], out);
}

static void length_bytes(size_t len, char out[8])
{
	for (int i = 0; i < 8; i++)
		out[i] = (char)((uint64_t)len >> (8 * i));
}

static void index_under(const uint8_t key[KEYFILE_KEY_BYTES], const char *purpose, const struct str *parts, size_t count, uint8_t out[SHA256_BYTES])
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
	hmac_sha256((struct str){ (const char *)key, KEYFILE_KEY_BYTES }, all, 2 * (count + 1), out);
}

void keyring_index(const char *purpose, const struct str *parts, size_t count, uint8_t out[SHA256_BYTES])
{
	const struct keyfile *f = &ring_now()->file;
	for (int i = 0; i < f->count; i++)
		if (f->keys[i].kind == KEY_INDEX && f->keys[i].mark == KEY_CURRENT)
			index_under(f->keys[i].bytes, purpose, parts, count, out);
}
