/* store/blob.h - large things: written once, piece by piece, read by range, never changed. One face, two bodies.
 *
 *   FOLDER  <state>/blobs/xx/yy/NAME, written beside its place, synced, moved there, the folder synced (blob_folder.c)
 *   ROWS    64 KiB a row (blob_rows.c), for a database that several nodes share: a folder would be one node's
 * Which it is follows from the store (blob_body_of) and is no knob: on SQLite rows would fill the log and hold up the one writer, on PostgreSQL a
 * folder could not be seen by the other nodes, nor be in its backup.
 *
 * What is written here is sealed by whoever writes (auth/blob_seal.h): nothing of this room knows a key. A name is an id (base/ids.h): random, so that it
 * says nothing, and with the time of its making, so that the age of what nobody speaks of can be told.
 * The order that keeps rows and blobs together: blob_finish, then the transaction with the row. What dies between the two leaves a blob without a row,
 * which a scan finds; never a row without its blob.
 * Thread: any that may wait; a writer or reader is one thread's at a time.
 * Errors: STORE_FULL; STORE; SEALED a blob that must be there is not, or is shorter than is asked for; MEMORY. */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H
#include "base/ids.h"
#include "store/store.h"

enum blob_body { BLOB_FOLDER, BLOB_ROWS, BLOB_BODIES };

struct blobs;       /* where a store's blobs are */
struct blob_writer;
struct blob_reader;

enum blob_body blob_body_of(const struct store *s);
/* The store must outlive it. A folder is made when the first blob is. */
struct blobs *blobs_open(struct store *s, enum blob_body body, struct fail *why);
void blobs_close(struct blobs *b); /* NULL is fine */

struct blob_writer *blob_create(struct blobs *b, struct id name, struct fail *why); /* NULL: why is noted; CONFLICT the name is taken */
MUST_USE bool blob_write(struct blob_writer *w, struct str piece, struct fail *why); /* after a failure only blob_abort is left */
/* true: whole, and on the disk. false: nothing stays. The writer is gone either way. */
MUST_USE bool blob_finish(struct blob_writer *w, struct fail *why);
void blob_abort(struct blob_writer *w); /* nothing stays; NULL is fine */

struct blob_reader *blob_open(struct blobs *b, struct id name, struct fail *why); /* only what is whole */
int64_t blob_bytes(const struct blob_reader *r);
MUST_USE bool blob_read(struct blob_reader *r, int64_t at, void *to, size_t len, struct fail *why); /* all of the range */
void blob_close(struct blob_reader *r); /* NULL is fine */

MUST_USE bool blob_remove(struct blobs *b, struct id name, struct fail *why); /* whole or not; what is not there is fine */

/* A walk over all there is, in bites. `at` all zero: from the beginning; after the last it is all zero again. */
struct blob_place {
	uint8_t at[ID_BYTES];
};
typedef bool (*blob_visit)(void *ctx, struct id name, bool is_whole, struct fail *why);
/* Visits the next few; it may remove what it is shown. One bite: a folder of the 65,536, or some rows. */
MUST_USE bool blob_scan(struct blobs *b, struct blob_place *place, blob_visit visit, void *ctx, struct fail *why);
int64_t blob_made_ms(struct id name);

/* -- for a backup, where blobs are files; rows are in the backup of their database.
 * While somebody holds them nobody clears any away (auth/blob.h, blob_clear): no thread of this process and no other process. Hold first, then look which rows
 * there are: what those speak of stays until the hold is let go. It waits for the bite of a clearing. ROWS: nothing is held.
 * A turn is a clearing's bite; it does not wait. Fails: CONFLICT they are held. Both are dropped by blobs_let_go. */
struct blobs_claim {
	int fd; /* -1: none is needed, or it was let go */
};
MUST_USE bool blobs_hold(struct blobs *b, struct blobs_claim *out, struct fail *why);
MUST_USE bool blobs_turn(struct blobs *b, struct blobs_claim *out, struct fail *why);
void blobs_let_go(struct blobs_claim *c);

enum { BLOB_PLACE_BYTES = 6 + 2 * ID_BYTES + 1 };
void blob_place_text(struct id name, char out[BLOB_PLACE_BYTES]); /* xx/yy/NAME */
bool blob_place_read(struct str text, struct id *name);          /* only just that */
const char *blobs_folder(const struct blobs *b);
#endif
