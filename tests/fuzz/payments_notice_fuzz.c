/* Goal: any bytes are a notice or are refused with a reason; what was taken adds up, and lies within its bounds. */
#include "payments/notices/notice.h"

#include "base/arena.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fail why = { .code = FAIL_NONE };
	struct arena a;
	struct notice n;
	arena_init(&a, 1 << 20);
	DROP(json) json_t *object = json_read((struct str){ (const char *)data, size }, &why);
	bool taken = object != NULL && notice_take(object, PAYMENT_CODE_OPAQUE, JSON_IGNORE_UNKNOWN, &n, &a, &why);
	assert(taken == (why.code == FAIL_NONE));
	if (taken) {
		int64_t sum = n.late_fen;
		assert(n.count >= 1 && n.count <= NOTICE_ITEMS_MAX && strlen(n.code) == PAYMENT_CODE_DIGITS && n.payer.len > 0 && (n.late_fen == 0 || n.has_late_on));
		for (int i = 0; i < n.count; i++) {
			assert(n.items[i].fen >= 0 && n.items[i].item.len > 0 && n.items[i].item.len <= 4 * NOTICE_UNIT_MAX);
			sum += n.items[i].fen;
		}
		assert(sum == n.total_fen && n.total_fen <= NOTICE_FEN_MAX);
	}
	arena_free(&a);
	return 0;
}
