/* auth/keyring.h - the keys that turn a person into a number nobody can turn back.
 *
 * <state>/keys/vault.keys (auth/keyfile.h), made by migrate for a new database. Losing it loses every look-up by identity number and every
 * sealed value, so a gateway refuses to start when a key its database was written with is missing or another (fingerprints are in meta).
 * Thread: opened before threads start; any afterwards. */
#ifndef AUTH_KEYRING_H
#define AUTH_KEYRING_H
#include "auth/keyfile.h"
#include "base/fail.h"
#include "base/hash.h"

struct tx; /* store/store.h */

enum { KEYRING_PARTS_MAX = 20, KEYRING_INDEX_MAX = 8 /* KEYFILE_INDEX_MAX */ };

/* Fails: CONFIG with the file's name and what to do; SYSTEM when the operating system refuses. */
MUST_USE bool keyring_open(const struct config *c, bool make_if_absent, struct fail *why);
void keyring_close(void); /* zeroes the keys */
void keyring_fingerprint(char out[17]); /* 16 hex digits, of the current index key */
/* Does the database belong to these keys? A write transaction notes those it does not know yet. Called by migrate and at every start.
 * Takes up the roles of index keys; once requests come only the write lane may do that. Fails: CONFIG a key is missing or another, by its id. */
MUST_USE bool keyring_match(struct tx *tx, struct fail *why);
/* On a node beside others: takes up what another has changed, the file read anew when it must have a key that was not there before, and notes nothing. Fails:
 * STORE with the key's id; this node then writes nothing until the file of the node that made it is copied here. Any thread, in any write transaction. */
MUST_USE bool keyring_follow(struct tx *tx, struct fail *why);
MUST_USE bool keyring_is_behind(struct tx *tx, bool *is_behind, struct fail *why); /* in any read: keyring_follow would have something to do */
bool keyring_finds(int cipher_id); /* another node may have made it: looks into the file again if it is another now. false: it is not there */
bool keyring_has_unnoted(void); /* the last match was in a read transaction, and would have had keys to note */
/* Was it made with some key already? Then a missing key file is a loss, and a new one would only hide it. */
MUST_USE bool keyring_is_noted(struct tx *tx, bool *is_noted, struct fail *why);
/* -- the current index key. HMAC-SHA-256 of purpose and parts, separated so that no two lists collide. Purposes: "person", "event", "cursor", … */
void keyring_index(const char *purpose, const struct str *parts, size_t count, uint8_t out[SHA256_BYTES]); /* count <= KEYRING_PARTS_MAX */
/* For what only tells a repeat from something new: under every index key there ever was, the current one first. Returns how many. */
int keyring_index_all(const char *purpose, const struct str *parts, size_t count, uint8_t out[KEYRING_INDEX_MAX][SHA256_BYTES]);

/* -- what is looked up lies in two columns, slots: one filled and asked; while the key is exchanged the other fills beside it */
enum slot_role {
	SLOT_EMPTY,
	SLOT_CURRENT,  /* written and asked */
	SLOT_NEXT,     /* written; complete when the filling is over */
	SLOT_LEAVING,  /* neither: being emptied. Asked once more when the current one knows nothing, because a reader may be late */
};
enum { SLOT_A, SLOT_B, SLOTS };

struct index_slots {
	int id[SLOTS];               /* of the index key; 0: empty */
	enum slot_role role[SLOTS];
};

struct index_hashes {
	uint8_t at[SLOTS][SHA256_BYTES];
	bool is_there[SLOTS];        /* there is a key for this slot: ask it, current first */
	bool is_written[SLOTS];      /* a row must bear it; otherwise NULL */
	int current;
};

int slot_in_role(const struct index_slots *s, enum slot_role role); /* -1: none */
void keyring_hashes(const char *purpose, const struct str *parts, size_t count, struct index_hashes *out);
struct index_slots keyring_slots(void);
/* Written for good; this process takes it up with the next keyring_match. */
MUST_USE bool keyring_put_slots(struct tx *tx, struct index_slots s, struct fail *why);

/* -- the operator's (services/control/control_keys.c). What writes the file fails BUSY while another does. */
enum key_state { KEY_STATE_CURRENT, KEY_STATE_NEXT, KEY_STATE_KEPT };

const struct keyfile_key *keyring_key(int n);  /* the n-th of the file; NULL: no more */
enum key_state keyring_state(const struct keyfile_key *k);
int keyring_cipher_id(void);                   /* of the key that new values are sealed with */
/* Makes a key and writes it into the file. It is known from then on, and used when keyring_match has noted it and keyring_use_current is called.
 * Fails: KEY_EXCHANGE another index key is next; KEY_FILE it is not ours or full; SYSTEM. */
MUST_USE bool keyring_add(enum key_kind kind, enum key_algorithm algorithm, int *id, struct fail *why);
void keyring_use_current(void);
MUST_USE bool keyring_save_marks(struct fail *why); /* the file's marks, after roles have changed */
bool keyring_may_go(const struct keyfile_key *k); /* a cipher key that is not current, nor about to be */
/* Retiring a cipher key that nothing is sealed with: forgotten by the database, then dropped from the file. */
MUST_USE bool keyring_forget(struct tx *tx, int id, struct fail *why);
MUST_USE bool keyring_drop(int id, struct fail *why);
#endif
