/* payments/reconciliation/recon_file.c - why the lines stay in the file: a day may have a million of them that match, and only those that do not are anybody's work. */
#include "payments/reconciliation/recon_file.h"

#include "auth/blob.h"
#include "base/arena.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

static const char head_place[] = "recon_file.head";

#define COLUMNS "id, source, day, merchant, digest, bytes, lines, payments, payment_fen, refunds, refund_fen, fee_milli, in_fen, out_fen, made_ms, state"

static bool row_take(struct stmt *q, struct recon_file *f, struct fail *why)
{
	struct str merchant = stmt_text(q, 3), digest = stmt_blob(q, 4);
	*f = (struct recon_file){ .id = stmt_int(q, 0), .source = (enum bill_source)stmt_int(q, 1), .day = stmt_int(q, 2), .bytes = stmt_int(q, 5), .lines = stmt_int(q, 6),
				  .payments = stmt_int(q, 7), .payment_fen = stmt_int(q, 8), .refunds = stmt_int(q, 9), .refund_fen = stmt_int(q, 10), .fee_milli = stmt_int(q, 11),
				  .in_fen = stmt_int(q, 12), .out_fen = stmt_int(q, 13), .made_ms = stmt_int(q, 14), .counts = stmt_int(q, 15) == 1 };
	if (merchant.len > BILL_TEXT_MAX || digest.len != SHA256_BYTES)
		return FAILS(why, SEALED, "the row of statement %" PRId64 " is damaged", f->id);
	memcpy(f->merchant, merchant.at, merchant.len);
	memcpy(f->digest, digest.at, digest.len);
	return true;
}

/* ---- keeping ---- */

static bool find_same(struct tx *tx, const struct recon_file_new *n, int64_t *id, bool *counts, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, state FROM recon_file WHERE source = $1 AND day = $2 AND merchant = $3 AND digest = $4", why);
	*id = 0;
	*counts = false;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->source);
	stmt_bind_int(q, 2, n->day);
	stmt_bind_text(q, 3, str_c(n->totals->merchant));
	stmt_bind_blob(q, 4, n->totals->sha256, SHA256_BYTES);
	if (stmt_row(q, why)) {
		*id = stmt_int(q, 0);
		*counts = stmt_int(q, 1) == 1;
	}
	return why->code == FAIL_NONE;
}

/* Whoever counted for that day counts no more; nor does the same file by another's name, whose lines would count twice. */
static bool step_back(struct tx *tx, const struct recon_file_new *n, bool *had_one, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE recon_file SET state = 2 WHERE source = $1 AND day = $2 AND state = 1 AND (merchant = $3 OR (digest = $4 AND lines > 0))", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->source);
	stmt_bind_int(q, 2, n->day);
	stmt_bind_text(q, 3, str_c(n->totals->merchant));
	stmt_bind_blob(q, 4, n->totals->sha256, SHA256_BYTES);
	if (!stmt_run(q, why))
		return false;
	*had_one = tx_changes(tx) > 0;
	return true;
}

static bool count_again(struct tx *tx, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE recon_file SET state = 1 WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return stmt_run(q, why);
}

static bool insert(struct tx *tx, const struct recon_file_new *n, int64_t *id, struct fail *why)
{
	const struct bill_totals *t = n->totals;
	char head[BLOB_HEAD_BYTES_MAX];
	struct buf b = { .at = head, .cap = sizeof head };
	if (!tx_next_id(tx, "recon_file", id, why) || !blob_head_seal(head_place, *id, n->sealed, n->salt, &b, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO recon_file (id, source, day, merchant, digest, bytes, lines, payments, payment_fen, refunds, refund_fen, fee_milli, in_fen, out_fen, blob, blob_bytes, head,"
		" state, maker_kind, maker, made_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 1, $18, $19, $20)", why);
	if (q == NULL)
		return false;
	const int64_t figures[] = { t->bytes, t->lines, t->payments, t->payment_fen, t->refunds, t->refund_fen, t->fee_milli, t->in_fen, t->out_fen };
	stmt_bind_int(q, 1, *id);
	stmt_bind_int(q, 2, n->source);
	stmt_bind_int(q, 3, n->day);
	stmt_bind_text(q, 4, str_c(t->merchant));
	stmt_bind_blob(q, 5, t->sha256, SHA256_BYTES);
	for (int i = 0; i < 9; i++)
		stmt_bind_int(q, 6 + i, figures[i]);
	stmt_bind_blob(q, 15, n->sealed->name.bytes, ID_BYTES);
	stmt_bind_int(q, 16, n->sealed->bytes);
	stmt_bind_blob(q, 17, b.at, b.len);
	stmt_bind_int(q, 18, n->maker_kind);
	stmt_bind_int(q, 19, n->maker);
	stmt_bind_int(q, 20, n->now_ms);
	return stmt_run(q, why);
}

bool recon_file_keep(struct tx *tx, const struct recon_file_new *n, int64_t *id, bool *is_new, struct fail *why)
{
	bool counts, had_one = false;
	*is_new = false;
	if (!find_same(tx, n, id, &counts, why))
		return false;
	if (*id != 0 && counts)
		return true;
	if (n->now_ms - blob_made_ms(n->sealed->name) > BLOB_ORPHAN_MS / 2)
		return FAILS(why, GONE, "a statement waited too long for its row");
	if (!step_back(tx, n, &had_one, why))
		return false;
	if (had_one && !n->replaces)
		return FAILS(why, RECON_OTHER, "another statement of that day counts");
	*is_new = true;
	return *id != 0 ? count_again(tx, *id, why) : insert(tx, n, id, why);
}

bool recon_file_is_own(const struct recon_file *f, struct str own)
{
	return f->merchant[0] == '\0' || str_eq(str_c(f->merchant), own);
}

/* ---- none ---- */

bool recon_none_keep(struct tx *tx, enum bill_source source, int64_t day, int64_t now_ms, bool *is_new, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO recon_none (source, day, said_ms) VALUES ($1, $2, $3) ON CONFLICT (source, day) DO NOTHING", why);
	*is_new = false;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, source);
	stmt_bind_int(q, 2, day);
	stmt_bind_int(q, 3, now_ms);
	if (!stmt_run(q, why))
		return false;
	*is_new = tx_changes(tx) == 1;
	return true;
}

bool recon_none_said(struct tx *tx, enum bill_source source, int64_t day, int64_t *said_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT said_ms FROM recon_none WHERE source = $1 AND day = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, source);
	stmt_bind_int(q, 2, day);
	*said_ms = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

/* ---- finding ---- */

bool recon_files(struct tx *tx, enum bill_source source, int32_t day, struct recon_file *out, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS " FROM recon_file WHERE source = $1 AND day = $2 AND state = 1 ORDER BY merchant LIMIT $3", why);
	*count = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, source);
	stmt_bind_int(q, 2, day);
	stmt_bind_int(q, 3, RECON_FILES_MAX);
	while (stmt_row(q, why))
		if (!row_take(q, &out[(*count)++], why))
			return false;
	return why->code == FAIL_NONE;
}

bool recon_file_find(struct tx *tx, int64_t id, struct recon_file *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS " FROM recon_file WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "statement %" PRId64, id);
	return row_take(q, out, why);
}

static bool head_read(struct tx *tx, int64_t id, struct blob_sealed *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT blob, blob_bytes, head FROM recon_file WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "statement %" PRId64, id);
	struct str name = stmt_blob(q, 0);
	if (name.len != ID_BYTES)
		return FAILS(why, SEALED, "the row of statement %" PRId64 " is damaged", id);
	memcpy(out->name.bytes, name.at, ID_BYTES);
	out->bytes = stmt_int(q, 1);
	return blob_head_open(head_place, id, stmt_blob(q, 2), out, why);
}

static bool pieces(struct blob_opener *o, int64_t bytes, struct bill *b, char *room, struct fail *why)
{
	for (int64_t at = 0; at < bytes; at += BLOB_CHUNK_BYTES) {
		size_t len = bytes - at < BLOB_CHUNK_BYTES ? (size_t)(bytes - at) : BLOB_CHUNK_BYTES;
		if (!blob_unseal(o, at, room, len, why) || !bill_feed(b, (struct str){ room, len }, why))
			return false;
	}
	return true;
}

static bool walk(struct blobs *blobs, const struct blob_sealed *what, const struct bill_want *want, bill_take take, void *ctx, struct fail *why)
{
	struct bill_totals totals;
	char *room = malloc(BLOB_CHUNK_BYTES);
	struct blob_opener *o = room != NULL ? blob_unseal_begin(blobs, what, why) : NULL;
	struct bill *b = o != NULL ? bill_begin(want, take, ctx, why) : NULL;
	bool ok = b != NULL && pieces(o, what->bytes, b, room, why);
	if (ok)
		ok = bill_end(b, &totals, why);
	else
		bill_drop(b);
	blob_unseal_end(o);
	free(room);
	return ok || why->code != FAIL_NONE ? ok : FAILS(why, MEMORY, "a statement");
}

bool recon_file_walk(struct tx *tx, struct blobs *blobs, const struct recon_file *f, struct str names, bill_take take, void *ctx, struct fail *why)
{
	struct blob_sealed what;
	struct bill_want want = { .source = f->source, .day = (int32_t)f->day, .is_known = true, .merchant = f->merchant[0] != '\0' ? str_c(f->merchant) : STR_NONE, .names = names };
	bool ok = head_read(tx, f->id, &what, why) && walk(blobs, &what, &want, take, ctx, why);
	wipe(&what, sizeof what);
	return ok;
}
