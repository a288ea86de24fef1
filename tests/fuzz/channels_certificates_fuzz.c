/* Goal: whatever the platform of certificates answers, nothing crashes, and what counts as a certificate keeps the contract's bounds and can be shown on one line.
 * Method: the bytes as the body of a 200. */
#include "channels/certificates.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct fail why;
	struct held_certificate out[CERTIFICATES_MAX];
	int count;
	arena_init(&a, 1 << 18);
	fail_clear(&why);
	struct http_answer answer = { .end = HTTP_ANSWERED, .status = 200, .body = { (const char *)data, size } };
	bool ok = certificates_judge(STR("q1"), &answer, out, &count, &a, &why);
	assert(ok == (why.code == FAIL_NONE) && (ok || why.code == FAIL_PEER_NONSENSE || why.code == FAIL_MEMORY) && count >= 0 && count <= CERTIFICATES_MAX);
	for (int i = 0; ok && i < count; i++) {
		assert(out[i].number.len > 0 && str_is_utf8(out[i].number) && memchr(out[i].number.at, '\n', out[i].number.len) == NULL);
		assert(out[i].name.len > 0 && memchr(out[i].name.at, '\n', out[i].name.len) == NULL && memchr(out[i].issuer.at, '\n', out[i].issuer.len) == NULL);
	}
	arena_free(&a);
	return 0;
}
