/* Goal: whatever comes to the address of WeChat Pay's callbacks, or as its answer, nothing crashes, and what is believed keeps its bounds.
 * Method: the first byte chooses who reads, the rest is what came; a body is read as if its seal had opened, because no fuzzer guesses a key. */
#include "channels/wechat_pay_message.h"

#include "base/arena.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void signed_head(const struct wechat_pay_keys *k, struct str text)
{
	struct wechat_pay_signed s = { .type = STR_NONE };
	struct str body, *parts[] = { &s.timestamp, &s.nonce, &s.serial, &s.signature };
	for (int i = 0; i < 4; i++)
		str_cut(text, '\n', parts[i], &text);
	body = text;
	assert(wechat_pay_verify(k, NULL, &s, body, INT64_C(1778207696000)) != WECHAT_PAY_FINE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wechat_pay_keys k;
	struct arena a;
	struct wechat_pay_envelope e;
	struct wechat_pay_trade t;
	struct wechat_pay_refund r;
	struct wechat_pay_certificate_text c[WECHAT_PAY_CERTIFICATES_MAX];
	int count;
	if (size == 0)
		return 0;
	if (k.shared.serial == 0)
		assert(wechat_pay_api_key(STR("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"), &k.shared));
	arena_init(&a, 1 << 20);
	struct str text = { (const char *)data + 1, size - 1 };
	if (data[0] % 5 == 0 && wechat_pay_envelope(&k, text, &e, &a) == WECHAT_PAY_FINE)
		assert(e.id.len >= 1 && e.id.len <= WECHAT_PAY_NUMBER_MAX && e.original_type.at != NULL);
	if (data[0] % 5 == 1 && wechat_pay_trade_read(text, &t, &a)) {
		assert(t.out_trade_no.len >= 1 && t.out_trade_no.len <= 32 && t.total_fen >= 0);
		assert(!wechat_pay_trade_is_paid(&t) || (t.total_fen > 0 && t.transaction_id.len > 0 && t.transaction_id.len <= 32));
	}
	if (data[0] % 5 == 2 && wechat_pay_refund_read(text, &r, &a))
		assert(r.refund_fen > 0 && r.out_refund_no.len <= 64);
	if (data[0] % 5 == 3)
		(void)wechat_pay_certificates_read(&k, text, c, &count, &a);
	if (data[0] % 5 == 4)
		signed_head(&k, text);
	arena_free(&a);
	return 0;
}
