/* Goal: any bytes are a verdict; clean is one text alone; a name bears no control character and no more than it may. Method: the bytes as an answer. */
#include "channels/clamd.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[CLAMD_NAME_MAX + 1];
	enum clamd_verdict v = clamd_judge((struct str){ (const char *)data, size }, name);
	size_t len = strlen(name);
	assert(len <= CLAMD_NAME_MAX && (len > 0) == (v == CLAMD_FOUND));
	for (size_t i = 0; i < len; i++)
		assert(name[i] > ' ' && name[i] <= '~');
	assert(v != CLAMD_CLEAN || (size >= 10 && size <= 11 && memcmp(data, "stream: OK", 10) == 0));
	return 0;
}
