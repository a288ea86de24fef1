/* payments/reconciliation/recon_file.h - statements that were taken, as rows: whole or not at all, once, and kept as they came.
 *
 * A statement streams by (payments/statements/bill.h) while it is sealed; when both are at their end its row is made, and from that moment it counts. So there is nothing
 * half loaded, and a crash leaves a blob that no row speaks of.
 * Thread: whoever holds the transaction; reading a statement again may wait for a disk. */
#ifndef PAYMENTS_RECONCILIATION_RECON_FILE_H
#define PAYMENTS_RECONCILIATION_RECON_FILE_H
#include "auth/blob_seal.h"
#include "auth/vault.h"
#include "payments/statements/bill.h"
#include "store/store.h"

struct recon_file {
	int64_t id, day, bytes, lines, payments, payment_fen, refunds, refund_fen, fee_milli, in_fen, out_fen, made_ms;
	enum bill_source source;
	bool counts;               /* no other has taken its place */
	char merchant[BILL_TEXT_MAX + 1];
	uint8_t digest[SHA256_BYTES];
};

struct recon_file_new {
	enum bill_source source;
	int32_t day;
	bool replaces;             /* it may take the place of another of its source, day and merchant, and of itself under another merchant's name */
	const struct bill_totals *totals;
	const struct blob_sealed *sealed;
	int64_t maker_kind, maker, now_ms;
	const uint8_t *salt;       /* VAULT_SALT_BYTES of the request's randomness */
};
/* *is_new false: it is here already, and nothing is done. Fails: RECON_OTHER there is another one of that day, and it was not said to replace it; GONE it was sealed so
 * long ago that it may be taken away at any moment. */
MUST_USE bool recon_file_keep(struct tx *tx, const struct recon_file_new *n, int64_t *id, bool *is_new, struct fail *why);

enum { RECON_FILES_MAX = 16 /* of one source and day: one a merchant */ };
MUST_USE bool recon_files(struct tx *tx, enum bill_source source, int32_t day, struct recon_file *out, int *count, struct fail *why); /* those that count */

/* `own`: our merchant; what names nobody is his, for by him it was asked for. Another's is no statement of ours, and ours is wanted beside it. */
bool recon_file_is_own(const struct recon_file *f, struct str own);

/* The channel itself said that it has no statement of that day: as good as one without a line, until one comes. *is_new false: it is on record already. */
MUST_USE bool recon_none_keep(struct tx *tx, enum bill_source source, int64_t day, int64_t now_ms, bool *is_new, struct fail *why);
MUST_USE bool recon_none_said(struct tx *tx, enum bill_source source, int64_t day, int64_t *said_ms, struct fail *why); /* 0: it did not */

MUST_USE bool recon_file_find(struct tx *tx, int64_t id, struct recon_file *out, struct fail *why); /* fails NOT_FOUND */
/* Reads it again, line by line. */
MUST_USE bool recon_file_walk(struct tx *tx, struct blobs *blobs, const struct recon_file *f, struct str names, bill_take take, void *ctx, struct fail *why);
#endif
