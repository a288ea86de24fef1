/* auth/blob_seal.h - large things sealed while they stream by: memory is one chunk, whatever the size.
 *
 * Each blob has a key of its own, made here and kept nowhere but in the row's sealed head (auth/blob.h), so that a change of the cipher key seals a few
 * bytes a blob anew and touches no file. Its algorithm is that of the cipher key that is current when it is written. A chunk is bound to its blob, its place
 * and whether it is the last: cut off, put elsewhere, taken from another blob, or with one bit changed, it does not open, and no byte of it is given out.
 * Thread: any that may wait; a sealer or opener is one thread's at a time.
 * Source: STREAM of Hoang, Reyhanitabar, Rogaway and Vizár (2015), for the numbered chunks with a mark on the last. */
#ifndef AUTH_BLOB_SEAL_H
#define AUTH_BLOB_SEAL_H
#include "base/hash.h"
#include "store/blob.h"

enum { BLOB_CHUNK_BYTES = 64 << 10, BLOB_KEY_BYTES = 32 };
#define BLOB_BYTES_MAX (INT64_C(1) << 40)

struct blob_sealer;
struct blob_opener;

/* What is known of a blob when it is whole. Wipe it when the row is written. */
struct blob_sealed {
	struct id name;
	int64_t bytes;                 /* of the content */
	uint8_t key[BLOB_KEY_BYTES];
	uint8_t sha256[SHA256_BYTES];  /* of the content */
};

/* -- in. `now_ms` becomes part of the name. Fails: as store/blob.h does; BODY_TOO_LARGE. */
struct blob_sealer *blob_seal_begin(struct blobs *b, int64_t now_ms, struct fail *why);
MUST_USE bool blob_seal(struct blob_sealer *s, struct str piece, struct fail *why); /* of any size */
/* true: whole, and on the disk. false: nothing stays. The sealer is gone either way. */
MUST_USE bool blob_seal_end(struct blob_sealer *s, struct blob_sealed *out, struct fail *why);
void blob_seal_abort(struct blob_sealer *s); /* nothing stays; NULL is fine */

/* -- out. Fails: SEALED it is not what was sealed; as store/blob.h does. */
struct blob_opener *blob_unseal_begin(struct blobs *b, const struct blob_sealed *what, struct fail *why); /* sha256 is not looked at */
MUST_USE bool blob_unseal(struct blob_opener *o, int64_t at, void *to, size_t len, struct fail *why); /* all of a range inside the content */
void blob_unseal_end(struct blob_opener *o); /* NULL is fine */
#endif
