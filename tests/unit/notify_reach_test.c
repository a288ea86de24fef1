/* Goal: an address that is not the public internet's is known as such however it is written, and a URL's host is read as libcurl reads it.
 * Method: rows, at both edges of each range. */
#include "notify/reach.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/un.h>
#include <cmocka.h>

static void addresses(void **state)
{
	(void)state;
	static const struct { const char *text; bool is_public; } cases[] = {
		{ "8.8.8.8", true }, { "1.0.0.0", true }, { "0.0.0.0", false }, { "0.255.255.255", false }, { "9.255.255.255", true }, { "10.0.0.0", false },
		{ "10.255.255.255", false }, { "11.0.0.0", true }, { "100.63.255.255", true }, { "100.64.0.0", false }, { "100.100.100.200", false },
		{ "100.127.255.255", false }, { "100.128.0.0", true }, { "127.0.0.1", false }, { "127.255.255.255", false }, { "128.0.0.0", true },
		{ "169.253.255.255", true }, { "169.254.169.254", false }, { "169.255.0.0", true }, { "172.15.255.255", true }, { "172.16.0.0", false },
		{ "172.31.255.255", false }, { "172.32.0.0", true }, { "192.0.0.1", false }, { "192.0.1.0", true }, { "192.0.2.1", false },
		{ "192.167.255.255", true }, { "192.168.0.0", false }, { "192.168.255.255", false }, { "192.169.0.0", true }, { "198.17.255.255", true },
		{ "198.18.0.0", false }, { "198.19.255.255", false }, { "198.20.0.0", true }, { "203.0.113.9", false }, { "223.255.255.255", true },
		{ "224.0.0.1", false }, { "255.255.255.255", false },
		{ "2400:3200::1", true }, { "2606:4700::1111", true }, { "::1", false }, { "::", false }, { "fe80::1", false }, { "fc00::1", false }, { "fd00:ec2::254", false },
		{ "ff02::1", false }, { "::ffff:10.0.0.1", false }, { "::ffff:8.8.8.8", true }, { "64:ff9b::7f00:1", false }, { "64:ff9b::808:808", true },
		{ "2002:7f00:1::", false }, { "2001:0:1::1", false }, { "2001:db8::1", false }, { "2001:4860:4860::8888", true }, { "::7f00:1", false },
		{ "3fff:fff::1", false }, { "3fff:1000::1", true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sockaddr_in v4 = { .sin_family = AF_INET };
		struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
		bool is_v4 = inet_pton(AF_INET, cases[i].text, &v4.sin_addr) == 1;
		assert_true(is_v4 || inet_pton(AF_INET6, cases[i].text, &v6.sin6_addr) == 1);
		if (reach_is_public(is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6) != cases[i].is_public)
			fail_msg("%s", cases[i].text);
	}
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	assert_false(reach_is_public((struct sockaddr *)&local));
}

static void hosts(void **state)
{
	(void)state;
	static const struct { const char *url, *host; } cases[] = {
		{ "http://a.test/x", "a.test" }, { "https://a.test:8443/x?y=1", "a.test" }, { "https://a.test?y", "a.test" }, { "https://[::1]:99/", "::1" },
		{ "http://127.0.0.1", "127.0.0.1" }, { "file:///etc/passwd", NULL }, { "gopher://a.test/", NULL }, { "HTTP://a.test/", NULL }, { "//a.test/", NULL },
		{ "http:///x", NULL }, { "http://u:p@a.test/", NULL }, { "http://a.test@b.test/", NULL }, { "http://a.test/#f", NULL }, { "http://a.test\\@b.test/", NULL },
		{ "http://a.test/x y", NULL }, { "http://a.test/\r\nx: y", NULL }, { "http://[::1", NULL }, { "http://[]/", NULL }, { "", NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str host = reach_url_host(str_c(cases[i].url));
		if (cases[i].host == NULL ? host.at != NULL : !str_eq(host, str_c(cases[i].host)))
			fail_msg("%s", cases[i].url);
	}
	assert_true(reach_is_listed(STR("a.test, B.test"), STR("b.test")) && reach_is_listed(STR("a.test"), STR("A.TEST")));
	assert_false(reach_is_listed(STR(""), STR("a.test")) || reach_is_listed(STR("xa.test,a.testx"), STR("a.test")));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(addresses), cmocka_unit_test(hosts) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
