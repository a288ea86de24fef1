/* Goal: any bytes are a picture or document that is kept, or are refused with a reason; never more is kept than came, in whatever pieces it came the verdict is the
 * same, and what was kept is taken again as it is.
 * Method: the file whole, then in pieces whose length is its first byte; what was kept once more; the same as a department's document, of which every byte is kept. */
#include "services/applying/media.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct kept {
	size_t len, cap;
	char *at;
};

static bool keep(void *ctx, struct str piece, struct fail *why)
{
	struct kept *k = ctx;
	(void)why;
	assert(piece.len <= k->cap - k->len);
	memcpy(k->at + k->len, piece.at, piece.len);
	k->len += piece.len;
	return true;
}

static bool judge(struct str file, bool as_document, size_t step, struct kept *k)
{
	struct media m;
	struct fail why = { .code = FAIL_NONE };
	k->len = 0;
	(as_document ? media_begin_document : media_begin)(&m, keep, k);
	bool ok = true;
	for (size_t at = 0; at < file.len && ok; at += step)
		ok = media_feed(&m, (struct str){ file.at + at, file.len - at < step ? file.len - at : step }, &why);
	ok = ok && media_end(&m, &why);
	assert(ok == (why.code == FAIL_NONE) && (ok || (why.code == FAIL_MEDIA && why.fact_count == 1)));
	assert(!ok || m.kind == MEDIA_PDF || m.kind == MEDIA_OFD || (m.width > 0 && m.height > 0 && (int64_t)m.width * m.height <= MEDIA_PIXELS_MAX));
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct str file = { (const char *)data + 1, size - 1 };
	struct kept one = { .cap = size + 64, .at = malloc(size + 64) }, two = { .cap = size + 64, .at = malloc(size + 64) };
	assert(one.at != NULL && two.at != NULL);
	bool as_document = data[0] >= 128, ok = judge(file, as_document, file.len, &one), same = judge(file, as_document, data[0] % 32 + 1u, &two);
	assert(!ok || !as_document || (one.len == file.len && memcmp(one.at, file.at, file.len) == 0));
	assert(ok == same && (!ok || (one.len == two.len && memcmp(one.at, two.at, one.len) == 0)));
	if (ok) {
		bool again = judge((struct str){ one.at, one.len }, as_document, 5, &two);
		assert(again && one.len == two.len && memcmp(one.at, two.at, one.len) == 0);
	}
	free(one.at);
	free(two.at);
	return 0;
}
