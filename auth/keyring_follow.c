/* auth/keyring_follow.c - why a key file is read again while the gateway runs: several nodes have a copy each, and keys are changed on one of them. Nobody writes
 * beside whoever changes the roles of index keys (tx_alone), and every other write transaction looks before it begins (store_follow): so no row of any node
 * lacks the index that an exchange needs, and none is made under a key that is gone. */
#include "auth/keyring_inside.h"
#include "auth/ring.h"
#include "store/meta.h"
#include <pthread.h>
#include <sys/stat.h>

static pthread_mutex_t following = PTHREAD_MUTEX_INITIALIZER;
static struct config where; /* the file is */
static struct stat looked_at; /* the file that keyring_finds found last; under `following` */

void keyring_follow_from(const struct config *c)
{
	where = *c;
	looked_at = (struct stat){ 0 };
}

struct said {
	char text[KEYRING_NOTED_BYTES];
	struct str noted;
	struct index_slots slots;
};

static bool said_by(struct tx *tx, struct said *s, struct fail *why)
{
	char text[64];
	int64_t len, slots_len;
	if (!meta_get(tx, STR("vault_keys"), s->text, sizeof(s->text), &len, why) || !meta_get(tx, STR("index_slots"), text, sizeof(text), &slots_len, why))
		return false;
	s->noted = (struct str){ s->text, len > 0 ? (size_t)len : 0 };
	s->slots = ring_now()->slots;
	return slots_len < 0 || slots_from((struct str){ text, (size_t)slots_len }, &s->slots) || FAILS(why, SCHEMA, "meta index_slots is damaged");
}

static bool has_all(const struct keyfile *f, const struct said *s, struct fail *why)
{
	for (int i = 0; i < SLOTS; i++)
		if (s->slots.role[i] != SLOT_EMPTY && key_in(f, s->slots.id[i]) == NULL)
			return FAILS(why, CONFIG, "index key %d is not in vault.keys", s->slots.id[i]);
	return keys_all_here(f, s->noted, why);
}

/* What this process uses must stay: a file that lacks it, or is another database's, is not taken. */
static bool file_again(struct fail *why)
{
	struct keyfile f;
	const struct ring *r = ring_now();
	bool is_there, ok = keyfile_read(&where, &f, &is_there, why);
	if (!ok)
		return false;
	ok = is_there && memcmp(f.nonce, r->file.nonce, sizeof(f.nonce)) == 0 && key_in(&f, r->current->id) != NULL;
	for (int i = 0; ok && i < SLOTS; i++)
		ok = r->slots.role[i] == SLOT_EMPTY || key_in(&f, r->slots.id[i]) != NULL;
	bool is_new = ok && (f.count != r->file.count || memcmp(f.keys, r->file.keys, sizeof(f.keys)) != 0);
	ok = (ok || FAILS(why, CONFIG, "vault.keys has lost keys that are in use")) && (!is_new || ring_use_file(&f, why));
	keyfile_wipe(&f);
	return ok;
}

static bool follow(struct tx *tx, struct fail *why)
{
	struct said s;
	struct fail first;
	fail_clear(&first);
	if (!said_by(tx, &s, why))
		return false;
	if (!has_all(&ring_now()->file, &s, &first) && (!file_again(why) || !has_all(&ring_now()->file, &s, why)))
		return false;
	if (memcmp(&s.slots, &ring_now()->slots, sizeof(s.slots)) != 0 && !ring_use_slots(&s.slots, why))
		return false;
	if (key_is_known(&ring_now()->file, key_marked(&ring_now()->file, KEY_CIPHER, KEY_CURRENT), s.noted))
		keyring_use_current();
	return true;
}

bool keyring_follow(struct tx *tx, struct fail *why)
{
	struct fail reason;
	fail_clear(&reason);
	pthread_mutex_lock(&following);
	bool ok = follow(tx, &reason);
	pthread_mutex_unlock(&following);
	if (!ok && reason.code == FAIL_CONFIG)
		return FAILS(why, STORE, "another node uses a key that is not here: copy its vault.keys: %s", reason.log);
	if (!ok && why->code == FAIL_NONE)
		*why = reason;
	return ok;
}

bool keyring_is_behind(struct tx *tx, bool *is_behind, struct fail *why)
{
	struct said s;
	struct fail unheard;
	fail_clear(&unheard);
	if (!said_by(tx, &s, why))
		return false;
	*is_behind = memcmp(&s.slots, &ring_now()->slots, sizeof(s.slots)) != 0 || !has_all(&ring_now()->file, &s, &unheard);
	return true;
}

/* A value under a key that is nowhere may be asked for again and again: what was read before is not read once more. */
static bool is_another_file(void)
{
	struct stat now;
	if (stat(ring_now()->file.path, &now) != 0)
		return false;
	bool is_so = now.st_ino != looked_at.st_ino || now.st_size != looked_at.st_size || now.st_mtim.tv_sec != looked_at.st_mtim.tv_sec ||
		     now.st_mtim.tv_nsec != looked_at.st_mtim.tv_nsec;
	looked_at = now;
	return is_so;
}

bool keyring_finds(int cipher_id)
{
	struct fail unheard;
	fail_clear(&unheard);
	pthread_mutex_lock(&following);
	if (ring_cipher(ring_now(), cipher_id) == NULL && is_another_file())
		(void)!file_again(&unheard); /* who asks is told that the key is not here */
	pthread_mutex_unlock(&following);
	return ring_cipher(ring_now(), cipher_id) != NULL;
}

