/* auth/network.c - networks as bits. */
#include "auth/network.h"
#include <arpa/inet.h>

enum { ADDRESS_CHARS_MAX = 45, BITS_V4 = 32 };

/* Bytes read: 4, 16, or 0 for what is no address. */
static int address_read(struct str text, uint8_t at[16])
{
	char c[ADDRESS_CHARS_MAX + 1];
	if (text.len == 0 || text.len > ADDRESS_CHARS_MAX || memchr(text.at, '\0', text.len) != NULL)
		return 0;
	memcpy(c, text.at, text.len);
	c[text.len] = '\0';
	memset(at, 0, 16);
	return inet_pton(AF_INET, c, at) == 1 ? 4 : inet_pton(AF_INET6, c, at) == 1 ? 16 : 0;
}

static bool bit(const uint8_t *at, int n)
{
	return (at[n / 8] >> (7 - n % 8) & 1) != 0;
}

static const char *network_read(struct str text, struct network *out)
{
	struct str address, prefix;
	int64_t bits;
	if (!str_cut(text, '/', &address, &prefix))
		return "no_prefix";
	int bytes = address_read(address, out->at);
	if (bytes == 0)
		return "no_address";
	out->is_v6 = bytes == 16;
	if (prefix.len > 2 || (prefix.len == 2 && prefix.at[0] == '0') || !str_to_i64(prefix, 0, out->is_v6 ? NETWORK_BITS_V6_MAX : BITS_V4, &bits) || prefix.at[0] == '-')
		return "prefix";
	out->bits = (int)bits;
	for (int i = out->bits; i < 8 * bytes; i++)
		if (bit(out->at, i))
			return "bits_behind_prefix";
	return NULL;
}

bool network_list_read(struct str text, struct network_list *out, struct fail *why)
{
	const char *wrong = NULL;
	struct str one, rest = text;
	out->count = 0;
	for (bool more = text.len > 0; more && wrong == NULL;) {
		more = str_cut(rest, ',', &one, &rest);
		wrong = out->count == NETWORKS_MAX ? "too_many" : network_read(str_trim(one), &out->networks[out->count++]);
	}
	if (wrong == NULL)
		return true;
	FAILS_FIELD(why, FIELD, "/networks", "network %d: %s", out->count, wrong);
	fail_fact_text(why, "reason", wrong);
	return false;
}

bool network_list_holds(const struct network_list *l, struct str address)
{
	uint8_t at[16];
	int bytes = address_read(address, at);
	if (l->count == 0)
		return true;
	for (int i = 0; i < l->count && bytes > 0; i++) {
		const struct network *n = &l->networks[i];
		int same = 0;
		while (same < n->bits && bit(n->at, same) == bit(at, same))
			same++;
		if (n->is_v6 == (bytes == 16) && same == n->bits)
			return true;
	}
	return false;
}
