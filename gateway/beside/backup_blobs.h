/* gateway/beside/backup_blobs.h - the large things in a backup: every file that a row of its database speaks of, and a list of their digests.
 *
 *   blobs/xx/yy/NAME   as in the state folder, sealed as they are; another name of the same file on one disk, a copy on another
 *   blobs.sha256       a line each, as `sha256sum --check` reads it; its own digest stands in the manifest
 *
 * Which there are is asked in the snapshot that is copied, while the blobs are held (store/blob.h): so no row is without its bytes, and the snapshot itself need
 * not last as long as the copying. A file that was lost before is counted and named, and does not make every later backup fail.
 * Thread: one that may wait; progress and stop as in store/backup.h. */
#ifndef GATEWAY_BESIDE_BACKUP_BLOBS_H
#define GATEWAY_BESIDE_BACKUP_BLOBS_H
#include "store/backup.h"
#include "store/blob.h"

enum { BACKUP_DIGEST_BYTES = 65, BACKUP_PATH_BYTES = 1200 };

struct backup_blobs {
	int64_t count, bytes, missing;
	char list_sha256[BACKUP_DIGEST_BYTES]; /* "": there is no list, because there are none */
};

/* What a snapshot speaks of. */
struct backup_names {
	struct id *at;
	size_t count, room;
};
MUST_USE bool backup_names_read(struct tx *tx, struct backup_names *out, struct fail *why);
void backup_names_drop(struct backup_names *n);

/* Into `folder`, which is there. They are on the disk when it returns. Fails: STOPPING, STORE_FULL, SYSTEM with the file's name. */
MUST_USE bool backup_blobs_write(struct blobs *b, const struct backup_names *n, const char *folder, struct backup_progress *p, struct backup_blobs *out, struct fail *why);
/* Copies them from a backup into `to`/blobs, each held against its digest. Fails: STORE one is altered or missing, and is named; as above. */
MUST_USE bool backup_blobs_restore(const char *folder, const struct backup_blobs *m, const char *to, struct backup_progress *p, struct fail *why);
/* Has every row of tx its file in `state`/blobs, but for those that were lost before? Fails: STORE with the name of one. */
MUST_USE bool backup_blobs_fit(struct tx *tx, const char *state, const struct backup_blobs *m, struct fail *why);
bool backup_blobs_remove(const char *folder); /* blobs/ and the list, as far as they are ours */
#endif
