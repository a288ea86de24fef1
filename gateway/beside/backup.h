/* gateway/beside/backup.h - a backup as a folder: siban.db, the blobs its rows speak of, and manifest.json that says what it is.
 *
 * The keys are not in it: whoever has a backup has no personal data without <state>/keys/vault.keys, and nobody has any of it back without that file.
 * The manifest names the fingerprints of the keys that a restore will want.
 * Thread: the caller's. */
#ifndef GATEWAY_BESIDE_BACKUP_H
#define GATEWAY_BESIDE_BACKUP_H
#include "gateway/beside/backup_blobs.h"
#include "store/backup.h"

enum { BACKUP_KEYS_BYTES = 1024 };

struct backup_manifest {
	char siban[32], made_at[40];
	int64_t schema, bytes;
	int64_t commit;                   /* the store's number when the snapshot began: of this run of the daemon */
	char sha256[BACKUP_DIGEST_BYTES]; /* of siban.db */
	char keys[BACKUP_KEYS_BYTES];     /* a line "ID FINGERPRINT" for each; "": the database has no sealed data */
	int64_t seal_seq;                 /* the last sealed record, 0 none */
	char seal_chain[BACKUP_DIGEST_BYTES];
	bool has_blobs;                   /* false: of a siban that left them to whoever made the backup */
	struct backup_blobs blobs;
};

/* Makes `folder`, which must not be there, as a whole: it is written beside its place, synced, and moved there. Fails as store_backup does, or CONFLICT:
 * something stands there already. Nothing is left behind then. */
MUST_USE bool backup_write(struct store *s, const char *folder, struct backup_progress *p, struct backup_manifest *out, struct fail *why);
/* Fails: CONFIG the folder is no backup, or its manifest cannot be read. */
MUST_USE bool backup_read(const char *folder, struct backup_manifest *out, struct fail *why);
/* Is this file what the manifest says, to the byte? Fails: STORE it is not; SYSTEM. */
MUST_USE bool backup_file_fits(const char *path, const struct backup_manifest *m, struct fail *why);
/* Takes away what backup_write makes and nothing else, the manifest first: what is left when we are cut off is no backup any more. false: something of
 * another stands in it, or cannot go. */
bool backup_remove(const char *folder);
bool folder_sync(const char *path, struct fail *why);
#endif
