/* payments/reconciliation/recon_day.c - why a digest and no flag: whoever changes a closed day has not to be trusted to say so. */
#include "payments/reconciliation/recon_day.h"

#include "base/hash.h"
#include "payments/reconciliation/recon_books.h"

#include <inttypes.h>

/* ---- the digest ---- */

/* All columns of all rows; texts with their length. */
static bool rows_add(struct tx *tx, const char *sql, int numbers, int bytes, int64_t day, struct sha256_run *run, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day);
	while (stmt_row(q, why)) {
		for (int i = 0; i < numbers; i++)
			sha256_number(run, stmt_int(q, i));
		for (int i = numbers; i < numbers + bytes; i++) {
			struct str s = stmt_blob(q, i);
			sha256_number(run, (int64_t)s.len);
			sha256_more(run, s);
		}
	}
	return why->code == FAIL_NONE;
}

/* Not what runs counted, which follows from these, nor what is carried over midnight: the next day's statement takes that away, as everybody expects. */
static bool day_digest(struct tx *tx, int64_t day, const struct recon_books *books, uint8_t out[SHA256_BYTES], struct fail *why)
{
	struct sha256_run *run = sha256_begin();
	for (int source = 1; source < BILL_SOURCES; source++)
		sha256_number(run, recon_books_print(books, (enum bill_source)source));
	bool ok = rows_add(tx, "SELECT source, lines, payment_fen, refund_fen, in_fen, out_fen, digest FROM recon_file WHERE day = $1 AND state = 1 ORDER BY source, merchant", 6, 1, day, run, why) &&
		  rows_add(tx, "SELECT source, id, kind, ours, ours_fen, theirs_fen, state, action FROM recon_item WHERE day = $1 AND state <> 4 AND kind <> 9 /* CUTOFF */ ORDER BY source, id", 8, 0, day, run, why);
	sha256_end(run, ok ? out : NULL);
	return ok;
}

/* ---- what is left ---- */

static bool unexplained(struct tx *tx, struct recon_day *d, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind, COUNT(*) FROM recon_item WHERE day = $1 AND state = 1 GROUP BY kind", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, d->day);
	while (stmt_row(q, why))
		d->unexplained += recon_kind_row(stmt_int(q, 0))->blocks ? stmt_int(q, 1) : 0;
	return why->code == FAIL_NONE;
}

/* Done, and beside our books as they are now: what came into them since asks for no run. */
static bool was_held(struct tx *tx, enum bill_source source, int64_t day, const struct recon_books *books, bool *was, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT state, books FROM recon_run WHERE source = $1 AND day = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, source);
	stmt_bind_int(q, 2, day);
	*was = stmt_row(q, why) && stmt_int(q, 0) == RECON_RUN_DONE && stmt_int(q, 1) == recon_books_print(books, source);
	return why->code == FAIL_NONE;
}

/* The non-tax platform makes a file for each merchant, without a line if need be. */
static bool all_merchants(struct tx *tx, const struct recon_needs *needs, int64_t day, bool *all, struct fail *why)
{
	struct recon_file files[RECON_FILES_MAX];
	int count;
	if (!recon_files(tx, BILL_WECHAT_NONTAX, (int32_t)day, files, &count, why))
		return false;
	for (int i = 0; i < needs->merchant_count; i++) {
		bool here = false;
		for (int f = 0; f < count; f++)
			here = here || str_eq(str_c(files[f].merchant), needs->merchants[i]);
		*all = *all && here;
	}
	return true;
}

/* What others have as their account's may have been brought too (account, services/money/recon_upload.c). */
static bool own_flow(struct tx *tx, struct str own, int64_t day, bool *is_here, struct fail *why)
{
	struct recon_file files[RECON_FILES_MAX];
	int count;
	int64_t none_ms;
	if (!recon_files(tx, BILL_WECHAT_FUND, (int32_t)day, files, &count, why) || !recon_none_said(tx, BILL_WECHAT_FUND, day, &none_ms, why))
		return false;
	*is_here = own.len == 0 || none_ms > 0;
	for (int f = 0; f < count; f++)
		*is_here = *is_here || recon_file_is_own(&files[f], own);
	return true;
}

static bool is_missing(struct tx *tx, const struct recon_needs *needs, enum bill_source source, int64_t day, const struct recon_books *books, bool *is, struct fail *why)
{
	bool was = false;
	enum recon_need need = needs->need[source];
	*is = false;
	if (need == RECON_NEEDS_NOT || (need == RECON_NEEDS_IF_MOVED && !recon_books_moved(books, source)))
		return true;
	if (!was_held(tx, source, day, books, &was, why) || (was && source == BILL_WECHAT_NONTAX && !all_merchants(tx, needs, day, &was, why)) ||
	    (was && source == BILL_WECHAT_FUND && !own_flow(tx, needs->own, day, &was, why)))
		return false;
	*is = !was;
	return true;
}

static bool missing(struct tx *tx, struct recon_day *d, const struct recon_needs *needs, const struct recon_books *books, struct fail *why)
{
	for (int source = 1; source < BILL_SOURCES && d->missing == BILL_NONE; source++) {
		bool is;
		if (!is_missing(tx, needs, (enum bill_source)source, d->day, books, &is, why))
			return false;
		if (is)
			d->missing = (enum bill_source)source;
	}
	return true;
}

/* ---- what was signed ---- */

static bool closing_read(struct tx *tx, struct recon_day *d, const struct recon_books *books, struct fail *why)
{
	uint8_t now[SHA256_BYTES], then[SHA256_BYTES] = { 0 };
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT n, proposal, closed_ms, digest FROM recon_sign WHERE day = $1 ORDER BY n DESC LIMIT 1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, d->day);
		d->is_closed = stmt_row(q, why);
		if (!d->is_closed)
			return why->code == FAIL_NONE;
		d->signatures = stmt_int(q, 0);
		d->proposal = stmt_int(q, 1);
		d->closed_ms = stmt_int(q, 2);
		struct str digest = stmt_blob(q, 3);
		memcpy(then, digest.at, digest.len == SHA256_BYTES ? SHA256_BYTES : 0);
	}
	if (!day_digest(tx, d->day, books, now, why))
		return false;
	d->is_changed = memcmp(now, then, SHA256_BYTES) != 0;
	return true;
}

bool recon_day_signed(struct tx *tx, int64_t day, struct recon_day *out, struct fail *why)
{
	struct recon_books books;
	*out = (struct recon_day){ .day = day };
	return recon_books_read(tx, day, &books, why) && closing_read(tx, out, &books, why);
}

static bool look(struct tx *tx, int64_t day, const struct recon_needs *needs, const struct recon_books *books, struct recon_day *out, struct fail *why)
{
	*out = (struct recon_day){ .day = day };
	return unexplained(tx, out, why) && missing(tx, out, needs, books, why) && closing_read(tx, out, books, why);
}

/* The first source that is being held beside our books, or waits for it; BILL_NONE: none, or the day is signed. */
static bool under_way(struct tx *tx, int64_t day, enum bill_source *source, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(MIN(source), 0) FROM recon_run WHERE day = $1 AND state IN ($2, $3) AND NOT EXISTS (SELECT 1 FROM recon_sign WHERE day = $1)", why);
	*source = BILL_NONE;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day);
	stmt_bind_int(q, 2, RECON_RUN_ASKED);
	stmt_bind_int(q, 3, RECON_RUN_UNDER_WAY);
	if (stmt_row(q, why))
		*source = (enum bill_source)stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

bool recon_day_look(struct tx *tx, int64_t day, const struct recon_needs *needs, struct recon_day *out, struct fail *why)
{
	struct recon_books books;
	return recon_books_read(tx, day, &books, why) && look(tx, day, needs, &books, out, why);
}

bool recon_day_glance(struct tx *tx, int64_t day, const struct recon_needs *needs, struct recon_day *out, struct fail *why)
{
	*out = (struct recon_day){ .day = day };
	if (!under_way(tx, day, &out->missing, why))
		return false;
	return out->missing != BILL_NONE ? unexplained(tx, out, why) : recon_day_look(tx, day, needs, out, why);
}

bool recon_day_may_close(const struct recon_day *d, struct fail *why)
{
	if (d->is_closed && !d->is_changed)
		return FAILS(why, CONFLICT, "day %" PRId64 " is closed", d->day);
	if (d->unexplained == 0 && d->missing == BILL_NONE)
		return true;
	FAILS(why, RECON_DAY, "day %" PRId64 " is not explained", d->day);
	fail_fact_number(why, "unexplained", d->unexplained);
	if (d->missing != BILL_NONE)
		fail_fact_text(why, "missing", bill_source_text(d->missing).at);
	return false;
}

bool recon_day_close(struct tx *tx, int64_t day, const struct recon_needs *needs, int64_t proposal, int64_t now_ms, struct fail *why)
{
	struct recon_day d;
	struct recon_books books;
	uint8_t digest[SHA256_BYTES];
	if (!tx_lock_row(tx, "recon_day", day, why) || !recon_books_read(tx, day, &books, why) || !look(tx, day, needs, &books, &d, why) || !recon_day_may_close(&d, why) ||
	    !day_digest(tx, day, &books, digest, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO recon_sign (day, n, proposal, digest, closed_ms) VALUES ($1, $2, $3, $4, $5)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day);
	stmt_bind_int(q, 2, d.signatures + 1);
	stmt_bind_int(q, 3, proposal);
	stmt_bind_blob(q, 4, digest, sizeof digest);
	stmt_bind_int(q, 5, now_ms);
	return stmt_run(q, why);
}
