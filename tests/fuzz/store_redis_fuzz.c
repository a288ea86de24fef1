/* Goal: whatever a server that is not Redis, or no longer sane, sends: no crash, no half-filled batch. Method: the bytes in pieces, every answer taken. */
#include "store/redis.h"

#include <stdlib.h>

static void take(struct redis_reader *r, struct expiring_batch *b)
{
	struct redis_answer a;
	for (redis_next(r, &a); a.kind != REDIS_SAYS_NOTHING && a.kind != REDIS_SAYS_NONSENSE; redis_next(r, &a)) {
		if (a.kind == REDIS_SAYS_PLACE && (a.host.len == 0 || a.port < 1 || a.port > 65535))
			abort();
		if (a.kind != REDIS_SAYS_BATCH)
			continue;
		for (int i = 0; i < b->count; i++)
			b->op[i].end = EXPIRING_AWAY;
		bool filled = redis_fill(r, b);
		for (int i = 0; i < b->count; i++)
			if ((b->op[i].end == EXPIRING_AWAY) == filled)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct expiring_batch b = { .count = 2 };
	struct fail why;
	fail_clear(&why);
	struct redis_reader *r = redis_reader_make("p:", &why);
	if (r == NULL)
		return 0;
	size_t half = size / 2;
	if (redis_feed(r, data, half))
		take(r, &b);
	if (redis_feed(r, data + half, size - half))
		take(r, &b);
	redis_reader_drop(r);
	return 0;
}
