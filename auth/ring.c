/* auth/ring.c - keys ready for use, and how they change under everybody's hands without a lock. */
#include "auth/ring.h"
#include "base/hash.h"
#include <assert.h>
#include <openssl/crypto.h>
#include <stdatomic.h>

static _Atomic(struct ring *) newest;

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

/* SM4 and its MAC each get a key of their own out of the one in the file. */
static void derive(const uint8_t key[KEYFILE_KEY_BYTES], const char *purpose, uint8_t out[KEYFILE_KEY_BYTES])
{
	struct str p = str_c(purpose);
	hmac_sm3((struct str){ (const char *)key, KEYFILE_KEY_BYTES }, &p, 1, out);
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
		derive(k->bytes, "siban sm4 cipher", half);
		cipher_key_make(&to->key, c, half);
		derive(k->bytes, "siban sm4 mac", to->mac);
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

int key_marked(const struct keyfile *f, enum key_kind kind, enum key_mark mark)
{
	for (int i = 0; i < f->count; i++)
		if (f->keys[i].kind == kind && f->keys[i].mark == mark)
			return f->keys[i].id;
	return 0;
}

/* The keys of the ring's file, ready for use. The current cipher key stays what it was, as long as it is there. */
static bool ring_fill(struct ring *r, struct fail *why)
{
	const struct keyfile *f = &r->file;
	int current = r->current != NULL ? r->current->id : key_marked(f, KEY_CIPHER, KEY_CURRENT);
	r->cipher_count = 0;
	for (int i = 0; i < f->count; i++)
		if (f->keys[i].kind == KEY_CIPHER && !cipher_ready(&r->ciphers[r->cipher_count++], &f->keys[i], f->nonce, why))
			return false;
	r->current = ring_cipher(r, current);
	assert(r->current != NULL);
	return true;
}

/* ---- a change while running: a new ring takes the place of the newest, whoever else changes it meanwhile ---- */

typedef bool (*edit_fn)(struct ring *r, const void *arg, struct fail *why);

static bool change(edit_fn edit, const void *arg, struct fail *why)
{
	for (;;) {
		struct ring *old = atomic_load_explicit(&newest, memory_order_acquire), *r = OPENSSL_zalloc(sizeof(*r));
		if (r == NULL)
			return FAILS(why, MEMORY, "the keyring");
		if (old != NULL) {
			*r = *old;
			r->current = &r->ciphers[old->current - old->ciphers];
		}
		r->older = old;
		if (!edit(r, arg, why)) {
			ring_free(r);
			return false;
		}
		if (atomic_compare_exchange_strong(&newest, &old, r))
			return true;
		ring_free(r);
	}
}

static bool edit_file(struct ring *r, const void *arg, struct fail *why)
{
	r->file = *(const struct keyfile *)arg;
	if (r->current == NULL) /* at the start */
		r->slots = (struct index_slots){ .id = { key_marked(&r->file, KEY_INDEX, KEY_CURRENT) }, .role = { SLOT_CURRENT } };
	return ring_fill(r, why);
}

static bool edit_slots(struct ring *r, const void *arg, struct fail *why)
{
	(void)why;
	r->slots = *(const struct index_slots *)arg;
	return true;
}

static bool edit_current(struct ring *r, const void *arg, struct fail *why)
{
	(void)arg;
	(void)why;
	r->current = ring_cipher(r, key_marked(&r->file, KEY_CIPHER, KEY_CURRENT));
	return true;
}

bool ring_use_file(const struct keyfile *f, struct fail *why)
{
	return change(edit_file, f, why);
}

bool ring_use_slots(const struct index_slots *s, struct fail *why)
{
	return change(edit_slots, s, why);
}

bool ring_use_current(struct fail *why)
{
	return change(edit_current, NULL, why);
}

void ring_close(void)
{
	for (struct ring *r = atomic_exchange(&newest, NULL), *older; r != NULL; r = older) {
		older = r->older;
		ring_free(r);
	}
}
