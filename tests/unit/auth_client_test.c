/* Goal: networks and Basic are read in one way only; a list holds what is inside it and nothing beside it.
 * Method: rows. What keys open is in flow.clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/client.h"
#include "base/arena.h"

static const struct { const char *text; int count; /* -1: refused */ } lists[] = {
	{ "", 0 }, { "203.0.113.0/24", 1 }, { "10.0.0.0/8, 2001:db8:7::/48", 2 }, { "0.0.0.0/0", 1 }, { "192.0.2.7/32", 1 }, { "::/0", 1 },
	{ "203.0.113.1/24", -1 }, { "203.0.113.0", -1 }, { "203.0.113.0/33", -1 }, { "203.0.113.0/024", -1 }, { "203.0.113.0/08", -1 }, { "10.0.0.0/-0", -1 },
	{ "10.0.0.0/+8", -1 }, { "10.0.0.0/", -1 }, { "10/8", -1 }, { "010.0.0.0/8", -1 }, { ",", -1 }, { "10.0.0.0/8,", -1 }, { "2001:db8::1/64", -1 },
	{ "2001:db8::/65", -1 }, { "host/8", -1 },
	{ "1.0.0.0/8,2.0.0.0/8,3.0.0.0/8,4.0.0.0/8,5.0.0.0/8,6.0.0.0/8,7.0.0.0/8,8.0.0.0/8,9.0.0.0/8,10.0.0.0/8,11.0.0.0/8,12.0.0.0/8,13.0.0.0/8,14.0.0.0/8,"
	  "15.0.0.0/8,16.0.0.0/8,17.0.0.0/8", -1 },
};

static void networks_are_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct network_list l;
		struct fail why;
		fail_clear(&why);
		bool ok = network_list_read(str_c(lists[i].text), &l, &why);
		if (ok != (lists[i].count >= 0) || (ok && l.count != lists[i].count))
			fail_msg("\"%s\": %d, %d", lists[i].text, ok, l.count);
		assert_int_equal(why.code, ok ? FAIL_NONE : FAIL_FIELD);
	}
}

static const struct { const char *list, *address; bool want; } inside[] = {
	{ "", "192.0.2.1", true }, { "203.0.113.0/24", "203.0.113.255", true }, { "203.0.113.0/24", "203.0.114.0", false }, { "0.0.0.0/0", "9.9.9.9", true },
	{ "0.0.0.0/0", "2001:db8::", false }, { "::/0", "9.9.9.9", false }, { "2001:db8:7::/48", "2001:db8:7:1::", true }, { "2001:db8:7::/48", "2001:db8:8::", false },
	{ "10.0.0.0/8,192.0.2.7/32", "192.0.2.7", true }, { "10.0.0.0/8,192.0.2.7/32", "192.0.2.6", false }, { "10.0.0.0/8", "", false }, { "10.0.0.0/8", "unix", false },
};

static void a_list_holds_what_is_inside(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		struct network_list l;
		struct fail why;
		fail_clear(&why);
		assert_true(network_list_read(str_c(inside[i].list), &l, &why));
		if (network_list_holds(&l, str_c(inside[i].address)) != inside[i].want)
			fail_msg("%s in \"%s\"", inside[i].address, inside[i].list);
	}
}

static const struct { const char *header, *id, *secret; /* NULL: refused */ } basics[] = {
	{ "Basic Y2xfQTpzYmtfQg==", "cl_A", "sbk_B" }, { "basic Y2xfQTpzYmtfQg==", "cl_A", "sbk_B" }, { "Basic YTpiOmM=", "a", "b:c" },
	{ "Basic YSUzQWI6Yys=", "a:b", "c " }, { "Basic Y2xfQTpzYmtfQg", NULL, NULL }, { "Basic Y2xfQTpzYmtfQh==", NULL, NULL }, { "Basic Y2xfQQ==", NULL, NULL },
	{ "Basic OmI=", NULL, NULL }, { "Basic YTo=", NULL, NULL }, { "Basic ", NULL, NULL }, { "Basic", NULL, NULL }, { "Bearer Y2xfQTpzYmtfQg==", NULL, NULL },
	{ "Basic  Y2xfQTpzYmtfQg==", NULL, NULL }, { "Basic ====", NULL, NULL }, { "Basic YTol/w==", NULL, NULL },
};

static void basic_is_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(basics) / sizeof(basics[0]); i++) {
		struct arena a;
		struct str id = STR_NONE;
		struct secret secret = { STR_NONE };
		arena_init(&a, 1 << 16);
		bool ok = client_basic(&a, str_c(basics[i].header), &id, &secret);
		if (ok != (basics[i].id != NULL) || (ok && (!str_eq(id, str_c(basics[i].id)) || !str_eq(secret.secret, str_c(basics[i].secret)))))
			fail_msg("%s: %d %.*s %.*s", basics[i].header, ok, STR_ARG(id), STR_ARG(secret.secret));
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_are_read_strictly),
		cmocka_unit_test(a_list_holds_what_is_inside),
		cmocka_unit_test(basic_is_read_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
