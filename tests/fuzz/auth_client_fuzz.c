/* Networks and Basic: whatever comes in ends in a verdict; each network that was read holds its own first address. */
#include "auth/client.h"
#include "base/arena.h"

#include <assert.h>

enum { BYTES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size }, id = STR_NONE, address, rest;
	struct secret secret = { STR_NONE };
	struct network_list l;
	struct arena a;
	struct fail why;
	if (size > BYTES_MAX)
		return 0;
	fail_clear(&why);
	if (network_list_read(text, &l, &why) && size > 0) {
		assert(l.count > 0 && l.count <= NETWORKS_MAX);
		str_cut(text, '/', &address, &rest);
		assert(network_list_holds(&l, str_trim(address)));
	}
	arena_init(&a, 1 << 16);
	if (client_basic(&a, text, &id, &secret))
		assert(id.len > 0 && secret.secret.len > 0 && str_is_utf8(id));
	arena_free(&a);
	return 0;
}
