/* auth/blob.h - whose large things there are, and who needs them: the rows beside the blobs.
 *
 * A life: blob_seal… blob_seal_end (no transaction is open), then blob_keep in the transaction that makes the owner. A person's same content is kept once, with as
 * many owners as there are; two persons' same content is two blobs, and nobody can tell: it is known again by a keyed hash of person and content.
 * Whoever is done with it says blob_release. What nobody has needed for a day goes (blob_sweep), and then its bytes, which no row speaks of any more
 * (blob_clear). With the row goes the only key: from that moment the bytes are noise, in the folder and wherever it was copied to without its database.
 * A change of the index key leaves the hashes as they are: they only tell a repeat, as those of events do (auth/keyring.c).
 * Thread: keep, add, release, sweep in the write lane; find in any read; clear on a thread that may wait.
 * Errors: as store/store.h and store/blob.h. */
#ifndef AUTH_BLOB_H
#define AUTH_BLOB_H
#include "auth/blob_seal.h"
#include "auth/vault.h"

enum { BLOB_MEDIA_MAX = 100 };
#define BLOB_ORPHAN_MS INT64_C(86400000) /* after so long nobody is about to refer to it any more */

/* A blob's key and digest as they lie in the row that speaks of it: sealed to `place` and the row. */
enum { BLOB_HEAD_BYTES_MAX = BLOB_KEY_BYTES + SHA256_BYTES + VAULT_OVERHEAD_MAX };
MUST_USE bool blob_head_seal(const char *place, int64_t row, const struct blob_sealed *s, const uint8_t salt[VAULT_SALT_BYTES], struct buf *out, struct fail *why);
MUST_USE bool blob_head_open(const char *place, int64_t row, struct str head, struct blob_sealed *s, struct fail *why);

/* Who needs it: a number of whoever refers, never given to two, and its row. */
struct blob_owner {
	int64_t kind, id;
};
enum blob_owner_kind {
#define OWNER(name, number) BLOB_OF_##name = number,
#include "auth/blob_owners.def"
#undef OWNER
};

struct blob_new {
	int64_t person;
	struct str media;                 /* its type, as it was judged */
	const struct blob_sealed *sealed;
	struct blob_owner owner;
};

/* *id: the row that has this content now. *is_known: it had it before, under another name, and nobody needs n->sealed->name; blob_remove it after
 * COMMIT, or leave it to blob_clear. Fails: GONE it was sealed so long ago that it may be taken away at any moment. */
MUST_USE bool blob_keep(struct tx *tx, const struct blob_new *n, int64_t now_ms, const uint8_t salt[VAULT_SALT_BYTES], int64_t *id, bool *is_known,
			struct fail *why);
MUST_USE bool blob_add_owner(struct tx *tx, int64_t id, struct blob_owner owner, struct fail *why); /* again is fine. Fails: NOT_FOUND */
MUST_USE bool blob_release(struct tx *tx, struct blob_owner owner, int64_t now_ms, struct fail *why); /* all that it needed */

struct blob_found {
	int64_t person, made_ms;
	struct blob_sealed what;          /* for blob_unseal_begin; wipe it */
	char media[BLOB_MEDIA_MAX + 1];
};
MUST_USE bool blob_find(struct tx *tx, int64_t id, struct blob_found *out, struct fail *why); /* Fails: NOT_FOUND; SEALED */

/* One bite: rows that nobody has needed for a day. Nobody's under a legal hold. */
MUST_USE bool blob_sweep(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
/* One bite of a walk over all blobs (blob_scan): those of more than a day that no row speaks of are taken away; `removed` grows. Fails: CONFLICT a backup holds
 * the blobs (blobs_hold). */
MUST_USE bool blob_clear(struct blobs *b, struct connection *reader, struct blob_place *place, int64_t now_ms, int64_t *removed, struct fail *why);
#endif
