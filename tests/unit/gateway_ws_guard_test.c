/* Goal: a client's frame is let through or refused by its head alone, whatever pieces it comes in.
 * Method: rows of bytes, whole and byte by byte; a good frame behind each good one shows that the payload was passed over. */
#include "gateway/door/ws_guard.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define BYTES(...) { (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) }
#define KEY 1, 2, 3, 4

static const struct {
	const char *name;
	struct {
		const uint8_t *at;
		size_t len;
	} in;
	int code;
} rows[] = {
	{ "an empty text", BYTES(0x81, 0x80, KEY), 0 },
	{ "a text", BYTES(0x81, 0x82, KEY, 'a', 'b'), 0 },
	{ "a fragment", BYTES(0x01, 0x81, KEY, 'a', 0x80, 0x81, KEY, 'b'), 0 },
	{ "binary is the engine's to refuse", BYTES(0x82, 0x81, KEY, 'a'), 0 },
	{ "a ping", BYTES(0x89, 0x81, KEY, 'a'), 0 },
	{ "a close", BYTES(0x88, 0x82, KEY, 0, 0), 0 },
	{ "not masked", BYTES(0x81, 0x02, 'a', 'b'), 1002 },
	{ "a ping that is not masked", BYTES(0x89, 0x00), 1002 },
	{ "a reserved bit", BYTES(0xc1, 0x80, KEY), 1002 },
	{ "a reserved opcode", BYTES(0x83, 0x80, KEY), 1002 },
	{ "a reserved control opcode", BYTES(0x8b, 0x80, KEY), 1002 },
	{ "a fragmented ping", BYTES(0x09, 0x80, KEY), 1002 },
	{ "a long ping", BYTES(0x89, 0xfe, 0, 126, KEY), 1002 },
	{ "125 in 16 bits", BYTES(0x81, 0xfe, 0, 125, KEY), 1002 },
	{ "200 in 64 bits", BYTES(0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 200, KEY), 1002 },
	{ "one too long", BYTES(0x81, 0xfe, 0x10, 0x01, KEY), 1009 },
	{ "a terabyte", BYTES(0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, KEY), 1009 },
	{ "the highest bit", BYTES(0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, KEY), 1009 },
};

static void test_rows(void **state)
{
	static const uint8_t unmasked[] = { 0x81, 0x01, 'x' };
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ws_guard whole = { .code = 0 }, bytes = { .code = 0 };
		int code = 0;
		for (size_t n = 0; n < rows[i].in.len; n++)
			code = ws_guard_look(&bytes, rows[i].in.at + n, 1, 4096);
		if (ws_guard_look(&whole, rows[i].in.at, rows[i].in.len, 4096) != rows[i].code || code != rows[i].code)
			fail_msg("%s: %d whole, %d in pieces", rows[i].name, whole.code, code);
		/* what follows is judged on its own, but nothing is forgiven */
		assert_int_equal(ws_guard_look(&whole, unmasked, sizeof(unmasked), 4096), rows[i].code != 0 ? rows[i].code : 1002);
	}
}

static void test_a_whole_message_of_the_largest_size(void **state)
{
	static uint8_t frame[8 + 4096] = { 0x81, 0xfe, 0x10, 0x00, KEY };
	struct ws_guard g = { .code = 0 };
	(void)state;
	for (int times = 0; times < 3; times++)
		assert_int_equal(ws_guard_look(&g, frame, sizeof(frame), 4096), 0);
	assert_int_equal(ws_guard_look(&g, (const uint8_t[]){ 0x81, 0x00 }, 2, 4096), 1002);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_a_whole_message_of_the_largest_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
