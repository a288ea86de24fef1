/* payments/reconciliation/recon_books.c - why sums and no marks at what is written: whoever writes into the books need not know of days that are over. */
#include "payments/reconciliation/recon_books.h"

#include "base/day.h"
#include "base/hash.h"
#include "payments/bureau/confirmation.h"
#include "payments/reconciliation/recon_inside.h"
#include "payments/refunds/refund.h"

static const int64_t channels[] = {
#define CHANNEL(name, number, text) PAY_BY_##name,
#include "payments/pay_channels.def"
#undef CHANNEL
};
enum { CHANNELS = sizeof channels / sizeof channels[0] };

/* What each statement is of. RECEIPTS are of what is booked. */
static const struct { enum bill_source source; int64_t channel; } sources[] = {
#define SOURCE(source, channel, side, by, ...) { BILL_##source, PAY_##channel },
#include "payments/reconciliation/recon_sources.def"
#undef SOURCE
	{ BILL_WECHAT_FUND, PAY_BY_WECHAT },
};

static bool sums(struct tx *tx, const char *sql, const int64_t *numbers, int count, int64_t out[2], struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	for (int i = 0; i < count; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	if (stmt_row(q, why))
		stmt_ints(q, 0, 2, out);
	return why->code == FAIL_NONE;
}

static bool channel_read(struct tx *tx, int64_t channel, int64_t day, int64_t out[RECON_BOOKS_SUMS], struct fail *why)
{
	static const char back[] = "SELECT COUNT(*), CAST(COALESCE(SUM(r.amount_fen), 0) AS BIGINT) FROM pay_refund_step t JOIN pay_refund r ON r.id = t.refund WHERE r.channel = $1 AND t.made_ms >= $2"
		" AND t.made_ms < $3 AND t.state = $4 AND r.path = $5 AND r.state <> $6";
	const int64_t numbers[] = { channel, day_begins_ms((int32_t)day), day_begins_ms((int32_t)day + 1), REFUND_SENT, REFUND_BY_CHANNEL, REFUND_CLOSED };
	const int64_t counter[] = { channel, numbers[1], numbers[2], REFUND_DONE, REFUND_BY_COUNTER, REFUND_CLOSED };
	return sums(tx, "SELECT COUNT(*), CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM pay_payment WHERE channel = $1 AND taken_ms >= $2 AND taken_ms < $3", numbers, 3, out, why) &&
	       sums(tx, "SELECT COUNT(*), CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM pay_odd WHERE channel = $1 AND came_ms >= $2 AND came_ms < $3", numbers, 3, out + 2, why) &&
	       sums(tx, back, numbers, 6, out + 4, why) && sums(tx, back, counter, 6, out + 6, why);
}

bool recon_books_read(struct tx *tx, int64_t day, struct recon_books *out, struct fail *why)
{
	const int64_t booked[] = { day, CONFIRMATION_BOOKED };
	int64_t two[2] = { 0 };
	*out = (struct recon_books){ .booked = 0 };
	for (int c = 0; c < CHANNELS; c++)
		if (!channel_read(tx, channels[c], day, out->of[channels[c]], why))
			return false;
	if (!sums(tx, "SELECT COUNT(*), 0 FROM pay_confirmation WHERE day = $1 AND state = $2", booked, 2, two, why))
		return false;
	out->booked = two[0];
	return true;
}

bool recon_books_has_booked(struct tx *tx, int64_t day, bool *has, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_confirmation WHERE day = $1 AND state = $2 LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, day);
	stmt_bind_int(q, 2, CONFIRMATION_BOOKED);
	*has = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

static bool is_of(enum bill_source source, int64_t channel)
{
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
		if (sources[i].source == source && (sources[i].channel == PAY_NO_CHANNEL || sources[i].channel == channel))
			return true;
	return false;
}

bool recon_books_moved(const struct recon_books *b, enum bill_source source)
{
	bool moved = source == BILL_RECEIPTS && b->booked > 0;
	for (int c = 0; c < CHANNELS; c++)
		for (int i = 0; i < RECON_BOOKS_SUMS; i += 2)
			moved = moved || (is_of(source, channels[c]) && b->of[channels[c]][i] > 0);
	return moved;
}

int64_t recon_books_print(const struct recon_books *b, enum bill_source source)
{
	struct sha256_run *run = sha256_begin();
	uint8_t digest[SHA256_BYTES];
	uint64_t print = 0;
	sha256_number(run, source == BILL_RECEIPTS ? b->booked : 0);
	for (int c = 0; c < CHANNELS; c++)
		for (int i = 0; i < RECON_BOOKS_SUMS && is_of(source, channels[c]); i++)
			sha256_number(run, b->of[channels[c]][i]);
	sha256_end(run, digest);
	for (int i = 0; i < 8; i++)
		print = print << 8 | digest[i];
	return (int64_t)(print >> 2) + 1;
}
