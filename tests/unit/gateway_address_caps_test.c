/* Goal: connections are counted per address (IPv6 by /64, IPv4 alike on either kind of socket) and in all, and a count that was left
 * is free again, whatever the order. Method: many addresses in and out, against a plain array of counts. */
#include "gateway/door/address_caps.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PLENTY = 1000000 };

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage s;
	memset(&s, 0, sizeof(s));
	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&s)->sin_addr) == 1) {
		s.ss_family = AF_INET;
		return s;
	}
	assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&s)->sin6_addr), 1);
	s.ss_family = AF_INET6;
	return s;
}

static void who_shares_a_count(void **state)
{
	(void)state;
	static const struct { const char *one, *two; enum address_verdict want; } cases[] = {
		{ "10.0.0.1", "10.0.0.1", ADDRESS_TOO_MANY },
		{ "10.0.0.1", "10.0.0.2", ADDRESS_WELCOME },
		{ "10.0.0.1", "::ffff:10.0.0.1", ADDRESS_TOO_MANY },
		{ "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", ADDRESS_TOO_MANY },
		{ "2001:db8:1:2::1", "2001:db8:1:3::1", ADDRESS_WELCOME },
		{ "0.0.0.0", "::", ADDRESS_WELCOME },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sockaddr_storage one = address(cases[i].one), two = address(cases[i].two);
		uint64_t first, second;
		assert_int_equal(address_enter(&one, PLENTY, 1, &first), ADDRESS_WELCOME);
		assert_int_equal(address_enter(&two, PLENTY, 1, &second), cases[i].want);
		if (cases[i].want == ADDRESS_WELCOME)
			address_leave(second);
		address_leave(first);
	}
}

static void all_of_them(void **state)
{
	(void)state;
	struct sockaddr_storage a = address("10.0.0.1"), b = address("10.0.0.2");
	uint64_t first, second;
	assert_int_equal(address_enter(&a, 1, PLENTY, &first), ADDRESS_WELCOME);
	assert_int_equal(address_enter(&b, 1, PLENTY, &second), ADDRESS_FULL);
	address_leave(first);
	assert_int_equal(address_enter(&b, 1, PLENTY, &second), ADDRESS_WELCOME);
	address_leave(second);
}

static void many_in_any_order(void **state)
{
	(void)state;
	enum { ADDRESSES = 3000, STEPS = 200000, EACH_MAX = 3 };
	static int counts[ADDRESSES];
	static uint64_t keys[ADDRESSES];
	uint32_t seed = 7;
	struct sockaddr_storage s = address("10.0.0.0");
	for (int i = 0; i < STEPS; i++) {
		seed = seed * 1664525 + 1013904223;
		int which = (int)(seed >> 8) % ADDRESSES;
		((struct sockaddr_in *)&s)->sin_addr.s_addr = htonl(0x0a000000u + (uint32_t)which);
		if (seed & 1) {
			uint64_t key;
			enum address_verdict want = counts[which] < EACH_MAX ? ADDRESS_WELCOME : ADDRESS_TOO_MANY;
			assert_int_equal(address_enter(&s, PLENTY, EACH_MAX, &key), want);
			if (want != ADDRESS_WELCOME)
				continue;
			counts[which]++;
			keys[which] = key;
		} else if (counts[which] > 0) {
			counts[which]--;
			address_leave(keys[which]);
		}
	}
	for (int i = 0; i < ADDRESSES; i++)
		for (; counts[i] > 0; counts[i]--)
			address_leave(keys[i]);
}

static void as_text(void **state)
{
	(void)state;
	static const struct { const char *in, *want; } cases[] = {
		{ "10.0.0.1", "10.0.0.1" }, { "::ffff:10.0.0.1", "10.0.0.1" }, { "2001:db8::1", "2001:db8::" },
		{ "2001:db8:1:2:ffff::9", "2001:db8:1:2::" }, { "2001:db8:1:3:ffff::9", "2001:db8:1:3::" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sockaddr_storage s = address(cases[i].in);
		char text[ADDRESS_TEXT_BYTES];
		assert_int_equal(address_text(&s, text), strlen(cases[i].want));
		assert_string_equal(text, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_shares_a_count),
		cmocka_unit_test(all_of_them),
		cmocka_unit_test(many_in_any_order),
		cmocka_unit_test(as_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
