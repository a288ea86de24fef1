/* payments/recon_day.c - why a digest and no flag: whoever changes a closed day has not to be trusted to say so. */
#include "payments/recon_day.h"

#include "base/day.h"
#include "base/hash.h"
#include "payments/confirmation.h"
#include "payments/recon_inside.h"
#include "payments/refund.h"

#include <inttypes.h>

/* ---- the digest ---- */

static void number_add(struct sha256_run *run, int64_t n)
{
	uint8_t bytes[8];
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
	sha256_more(run, (struct str){ (const char *)bytes, sizeof bytes });
}

/* All columns of all rows; texts with their length. */
static bool rows_add(struct tx *tx, const char *sql, int numbers, int bytes, int64_t day, struct sha256_run *run, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day);
	while (stmt_row(q, why)) {
		for (int i = 0; i < numbers; i++)
			number_add(run, stmt_int(q, i));
		for (int i = numbers; i < numbers + bytes; i++) {
			struct str s = stmt_blob(q, i);
			number_add(run, (int64_t)s.len);
			sha256_more(run, s);
		}
	}
	return why->code == FAIL_NONE;
}

static bool day_digest(struct tx *tx, int64_t day, uint8_t out[SHA256_BYTES], struct fail *why)
{
	struct sha256_run *run = sha256_begin();
	bool ok = rows_add(tx, "SELECT source, lines, payment_fen, refund_fen, in_fen, out_fen, digest FROM recon_file WHERE day = $1 AND state = 1 ORDER BY source, merchant", 6, 1, day, run, why) &&
		  rows_add(tx, "SELECT source, ours, theirs, matched, differences FROM recon_run WHERE day = $1 ORDER BY source", 5, 0, day, run, why) &&
		  rows_add(tx, "SELECT source, id, kind, ours, ours_fen, theirs_fen, state, action FROM recon_item WHERE day = $1 AND state <> 4 ORDER BY source, id", 8, 0, day, run, why);
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

/* What our books know of one channel and day, as far as a statement could have it: payments, odd money, refunds that were sent. */
static bool channel_moved(struct tx *tx, int64_t channel, int64_t day, bool *moved, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_payment WHERE channel = $1 AND taken_ms >= $2 AND taken_ms < $3 UNION ALL SELECT id FROM pay_odd WHERE channel = $1 AND came_ms >= $2"
		" AND came_ms < $3 UNION ALL SELECT r.id FROM pay_refund_step t JOIN pay_refund r ON r.id = t.refund WHERE t.state = $4 AND t.made_ms >= $2 AND t.made_ms < $3 AND r.channel = $1 AND r.path = $5"
		" LIMIT 1", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { channel, day_begins_ms((int32_t)day), day_begins_ms((int32_t)day + 1), REFUND_SENT, REFUND_BY_CHANNEL };
	for (int i = 0; i < 5; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	*moved = *moved || stmt_row(q, why);
	return why->code == FAIL_NONE;
}

/* What is booked should have an e-receipt. */
static bool booked_count(struct tx *tx, int64_t day, int64_t *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM pay_confirmation WHERE day = $1 AND state = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day);
	stmt_bind_int(q, 2, CONFIRMATION_BOOKED);
	*count = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

static const int64_t channels[] = {
#define CHANNEL(name, number, text) PAY_BY_##name,
#include "payments/pay_channels.def"
#undef CHANNEL
};
enum { CHANNELS = sizeof channels / sizeof channels[0] };

/* What each of them is of. RECEIPTS are of what is booked. */
static const struct source { enum bill_source source; int64_t channel; } sources[] = {
#define SOURCE(source, channel, side, by, ...) { BILL_##source, PAY_##channel },
#include "payments/recon_sources.def"
#undef SOURCE
	{ BILL_WECHAT_FUND, PAY_BY_WECHAT },
};
enum { SOURCES = sizeof sources / sizeof sources[0] };

bool recon_day_moved(struct tx *tx, enum bill_source source, int64_t day, bool *moved, struct fail *why)
{
	int64_t booked = 0;
	*moved = false;
	if (source == BILL_RECEIPTS && !booked_count(tx, day, &booked, why))
		return false;
	*moved = booked > 0;
	for (int i = 0; i < SOURCES; i++)
		for (int c = 0; c < CHANNELS && sources[i].source == source && !*moved; c++)
			if ((sources[i].channel == PAY_NO_CHANNEL || sources[i].channel == channels[c]) && !channel_moved(tx, channels[c], day, moved, why))
				return false;
	return true;
}

/* Done, and of e-receipts by all that is booked now: booking may come days later, and asks for no run. */
static bool was_held(struct tx *tx, enum bill_source source, int64_t day, bool *was, struct fail *why)
{
	int64_t booked = 0;
	if (source == BILL_RECEIPTS && !booked_count(tx, day, &booked, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT state, ours FROM recon_run WHERE source = $1 AND day = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, source);
	stmt_bind_int(q, 2, day);
	*was = stmt_row(q, why) && stmt_int(q, 0) == RECON_RUN_DONE && (source != BILL_RECEIPTS || stmt_int(q, 1) == booked);
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

static bool is_missing(struct tx *tx, const struct recon_needs *needs, enum bill_source source, int64_t day, bool *is, struct fail *why)
{
	bool moved = true, was = false;
	*is = false;
	if (needs->need[source] == RECON_NEEDS_NOT || (needs->need[source] == RECON_NEEDS_IF_MOVED && !recon_day_moved(tx, source, day, &moved, why)))
		return why->code == FAIL_NONE;
	if (!moved)
		return true;
	if (!was_held(tx, source, day, &was, why) || (was && source == BILL_WECHAT_NONTAX && !all_merchants(tx, needs, day, &was, why)))
		return false;
	*is = !was;
	return true;
}

static bool missing(struct tx *tx, struct recon_day *d, const struct recon_needs *needs, struct fail *why)
{
	for (int i = 0; i <= SOURCES && d->missing == BILL_NONE; i++) {
		enum bill_source source = i < SOURCES ? sources[i].source : BILL_RECEIPTS;
		bool is;
		if (!is_missing(tx, needs, source, d->day, &is, why))
			return false;
		if (is)
			d->missing = source;
	}
	return true;
}

static bool closing_read(struct tx *tx, struct recon_day *d, struct fail *why)
{
	uint8_t now[SHA256_BYTES], then[SHA256_BYTES] = { 0 };
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT proposal, closed_ms, digest FROM recon_day WHERE day = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, d->day);
		d->is_closed = stmt_row(q, why);
		if (!d->is_closed)
			return why->code == FAIL_NONE;
		d->proposal = stmt_int(q, 0);
		d->closed_ms = stmt_int(q, 1);
		struct str digest = stmt_blob(q, 2);
		memcpy(then, digest.at, digest.len == SHA256_BYTES ? SHA256_BYTES : 0);
	}
	if (!day_digest(tx, d->day, now, why))
		return false;
	d->is_changed = memcmp(now, then, SHA256_BYTES) != 0;
	return true;
}

bool recon_day_look(struct tx *tx, int64_t day, const struct recon_needs *needs, struct recon_day *out, struct fail *why)
{
	*out = (struct recon_day){ .day = day };
	return unexplained(tx, out, why) && missing(tx, out, needs, why) && closing_read(tx, out, why);
}

bool recon_day_may_close(const struct recon_day *d, struct fail *why)
{
	if (d->is_closed)
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
	uint8_t digest[SHA256_BYTES];
	if (!tx_lock_row(tx, "recon_day", day, why) || !recon_day_look(tx, day, needs, &d, why) || !recon_day_may_close(&d, why) || !day_digest(tx, day, digest, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO recon_day (day, proposal, digest, closed_ms) VALUES ($1, $2, $3, $4)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day);
	stmt_bind_int(q, 2, proposal);
	stmt_bind_blob(q, 3, digest, sizeof digest);
	stmt_bind_int(q, 4, now_ms);
	return stmt_run(q, why);
}
