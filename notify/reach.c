/* notify/reach.c - why this exists: departments and partners give us addresses to call, and what stands behind our own wall must not be
 * reachable through us. */
#include "notify/reach.h"

#include <netinet/in.h>
#include <sys/socket.h>

static const struct { uint32_t network; int bits; } special_v4[] = {
	{ 0x00000000, 8 },  /* this host */
	{ 0x0a000000, 8 },  /* private */
	{ 0x64400000, 10 }, /* carrier-grade NAT, and a cloud's metadata service at 100.100.100.200 */
	{ 0x7f000000, 8 },  /* loopback */
	{ 0xa9fe0000, 16 }, /* link-local, and the other clouds' metadata at 169.254.169.254 */
	{ 0xac100000, 12 }, /* private */
	{ 0xc0000000, 24 }, /* protocol assignments */
	{ 0xc0000200, 24 }, /* documentation */
	{ 0xc0586300, 24 }, /* 6to4 relays, withdrawn */
	{ 0xc0a80000, 16 }, /* private */
	{ 0xc6120000, 15 }, /* benchmarks */
	{ 0xc6336400, 24 }, /* documentation */
	{ 0xcb007100, 24 }, /* documentation */
	{ 0xe0000000, 3 },  /* multicast, reserved, broadcast */
};

static bool is_public_v4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(special_v4) / sizeof(special_v4[0]); i++)
		if ((address ^ special_v4[i].network) >> (32 - special_v4[i].bits) == 0)
			return false;
	return true;
}

static uint32_t v4_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Global unicast is 2000::/3; of that, what carries or translates to something else is judged by nobody and refused. */
static bool is_public_v6(const uint8_t a[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	if (memcmp(a, mapped, sizeof(mapped)) == 0 || memcmp(a, nat64, sizeof(nat64)) == 0)
		return is_public_v4(v4_at(a + 12));
	if ((a[0] & 0xe0) != 0x20)
		return false;
	if (a[0] == 0x20 && a[1] == 0x01 && (a[2] < 0x02 || (a[2] == 0x0d && a[3] == 0xb8)))
		return false; /* 2001::/23: Teredo, ORCHID, benchmarks; 2001:db8::/32: documentation */
	return !(a[0] == 0x20 && a[1] == 0x02) && !(a[0] == 0x3f && a[1] == 0xff && a[2] < 0x10); /* 6to4; 3fff::/20: documentation */
}

bool reach_is_public(const struct sockaddr *to)
{
	if (to->sa_family == AF_INET)
		return is_public_v4(ntohl(((const struct sockaddr_in *)to)->sin_addr.s_addr));
	return to->sa_family == AF_INET6 && is_public_v6(((const struct sockaddr_in6 *)to)->sin6_addr.s6_addr);
}

bool reach_is_listed(struct str hosts, struct str host)
{
	struct str one;
	while (hosts.len > 0) {
		str_cut(hosts, ',', &one, &hosts);
		if (str_eq_nocase(str_trim(one), host))
			return true;
	}
	return false;
}

struct str reach_url_host(struct str url)
{
	static const struct str schemes[] = { { "http://", 7 }, { "https://", 8 } };
	struct str rest = STR_NONE;
	for (int i = 0; i < 2; i++)
		if (str_starts(url, schemes[i]))
			rest = (struct str){ url.at + schemes[i].len, url.len - schemes[i].len };
	if (!str_is_visible_ascii(url) || rest.at == NULL || memchr(url.at, '#', url.len) != NULL || memchr(url.at, '\\', url.len) != NULL)
		return STR_NONE;
	size_t len = 0;
	while (len < rest.len && rest.at[len] != '/' && rest.at[len] != '?')
		len++;
	struct str authority = { rest.at, len }, host, port;
	if (memchr(authority.at, '@', authority.len) != NULL)
		return STR_NONE;
	if (len > 0 && authority.at[0] == '[') {
		struct str inside = { authority.at + 1, len - 1 };
		return str_cut(inside, ']', &host, &port) && host.len > 0 ? host : STR_NONE;
	}
	str_cut(authority, ':', &host, &port);
	return host.len > 0 ? host : STR_NONE;
}
