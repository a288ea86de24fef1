/* Goal: any bytes are a guide or are refused with a reason; a guide that was taken is within its bounds, and written and taken again is the same guide.
 * Method: json_read, guide_take; what was taken is read from its own text and taken once more; what differs between it and itself is nothing. */
#include "services/guides/guide.h"
#include "services/guides/guide_change.h"

#include <assert.h>

/* No part is longer than the whole, needs itself, or one that is not there. */
static void parts_are_possible(const struct guide *g)
{
	assert(g->part_count != 1 && g->part_count <= GUIDE_PARTS_MAX);
	for (int n = 1; n <= g->part_count; n++) {
		const struct guide_part *p = &g->parts[n - 1];
		assert(p->days >= 1 && p->days <= g->promised_days && (p->needs >> n & 1) == 0 && (p->needs & 1) == 0 && p->needs >> (g->part_count + 1) == 0);
	}
}

static void again(const struct guide *g, struct arena *a)
{
	struct guide other;
	struct guide_changes c;
	struct fail why = { .code = FAIL_NONE };
	DROP(json) json_t *object = json_read(g->text, &why);
	assert(object != NULL);
	bool ok = guide_take(object, &other, a, &why);
	assert(ok && str_eq(other.text, g->text) && memcmp(other.digest, g->digest, SHA256_BYTES) == 0);
	assert(other.region == g->region && other.topics == g->topics && str_eq(other.summary, g->summary));
	ok = guide_compare(object, object, &c, a, &why);
	assert(ok && c.count == 0 && !c.is_cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fail why = { .code = FAIL_NONE };
	struct arena a;
	struct guide g;
	arena_init(&a, 4 << 20);
	DROP(json) json_t *object = json_read((struct str){ (const char *)data, size }, &why);
	bool taken = object != NULL && guide_take(object, &g, &a, &why);
	assert(taken == (why.code == FAIL_NONE));
	if (taken) {
		assert(g.text.len <= GUIDE_BYTES_MAX && g.promised_days <= g.legal_days && g.hall_count <= GUIDE_PLACES_MAX && g.topics != 0);
		parts_are_possible(&g);
		again(&g, &a);
	}
	arena_free(&a);
	return 0;
}
