/* Goal: any bytes are a statement or are refused with a reason; what was taken adds up, whatever pieces it came in, and no line shows more than it may. */
#include "payments/statements/bill.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sums {
	int64_t lines, fen, refund_fen;
};

static bool take(void *ctx, const struct bill_line *l, struct fail *why)
{
	struct sums *s = ctx;
	const struct str texts[] = { l->merchant, l->reference, l->order_no, l->refund_reference, l->refund_no, l->code, l->unit, l->division };
	(void)why;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert(texts[i].len <= BILL_TEXT_MAX && (texts[i].len == 0 || str_is_visible_ascii(texts[i])));
	assert(l->fen >= 0 && l->refund_fen >= 0 && l->what >= BILL_PAYMENT && l->what <= BILL_OUT && l->state >= BILL_DONE && l->state <= BILL_RETURNED);
	s->lines++;
	s->fen += l->what <= BILL_REFUND ? l->fen : 0;
	s->refund_fen += l->refund_fen;
	return true;
}

static bool run(const struct bill_want *want, struct str text, size_t step, struct bill_totals *out)
{
	struct fail why = { .code = FAIL_NONE };
	struct sums sums = { 0 };
	struct bill *b = bill_begin(want, take, &sums, &why);
	assert(b != NULL);
	for (size_t at = 0; at < text.len; at += step)
		if (!bill_feed(b, (struct str){ text.at + at, text.len - at < step ? text.len - at : step }, &why)) {
			assert(why.code != FAIL_NONE);
			bill_drop(b);
			return false;
		}
	bool ok = bill_end(b, out, &why);
	assert(ok == (why.code == FAIL_NONE));
	assert(!ok || (sums.lines == out->lines && sums.fen == out->payment_fen && sums.refund_fen == out->refund_fen));
	return ok;
}

/* The first byte says which layout; all the days of the samples are in one week of each other, or it is another day's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int32_t days[] = { 17946, 20580, 20779, 20782 };
	struct bill_totals whole, pieces;
	if (size < 2)
		return 0;
	struct bill_want want = { .source = (enum bill_source)(1 + data[0] % (BILL_SOURCES - 1)), .day = days[data[0] / 8 % 4], .is_proved = data[0] >= 128 };
	struct str text = { (const char *)data + 1, size - 1 };
	bool ok = run(&want, text, text.len, &whole);
	assert(run(&want, text, 1 + text.len / 7, &pieces) == ok);
	assert(!ok || (whole.lines == pieces.lines && memcmp(whole.sha256, pieces.sha256, SHA256_BYTES) == 0));
	return 0;
}
