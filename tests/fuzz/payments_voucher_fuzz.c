/* Goal: any bytes are a voucher whose notice adds up, or are refused with a reason. Method: the bytes are the voucher's XML; its message's day is one that is. */
#include "payments/notices/notice_voucher.h"

#include "base/arena.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct voucher_rules rules = { PAYMENT_CODE_OPAQUE, { "10305", 5 } };
	struct fail why = { .code = FAIL_NONE };
	struct nontax_fields fields;
	struct arena a;
	struct notice n;
	arena_init(&a, 8 << 20);
	if (nontax_xml_read((struct str){ (const char *)data, size }, &fields, &a)) {
		bool taken = notice_from_voucher(&fields, STR("20261126"), &rules, &n, &a, &why);
		assert(taken == (why.code == FAIL_NONE));
		int64_t sum = taken ? n.late_fen : 0;
		for (int i = 0; taken && i < n.count; i++)
			sum += n.items[i].fen;
		assert(!taken || (n.count >= 1 && n.count <= NOTICE_ITEMS_MAX && strlen(n.code) == PAYMENT_CODE_DIGITS && n.payer.len > 0 && n.unit.len > 0));
		assert(!taken || (sum == n.total_fen && n.total_fen <= NOTICE_FEN_MAX && (n.late_fen == 0 || n.has_late_on)));
	}
	arena_free(&a);
	return 0;
}
