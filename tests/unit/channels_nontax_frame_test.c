/* Goal: a frame is what it announces and who shares the token wrote it, or it is none; its XML is read without entities, doubled names or depth; and what we write is read back.
 * Method: the vector that another program made; each byte of a frame flipped; rows of XML that is not ours to read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "channels/nontax.h"
#include "channels/nontax_frame.h"
#include <stdio.h>
#include <stdlib.h>

#define TOKEN ((struct secret){ STR("TESTTOKEN") })
#define NO_TOKEN ((struct secret){ STR_NONE })
#define NOW INT64_C(1795420800000)

static void vector(void **state)
{
	(void)state;
	static char text[4096];
	struct fail why;
	struct arena a;
	struct str message, xml, frame;
	fail_clear(&why);
	arena_init(&a, 1 << 16);
	FILE *f = fopen(SIBAN_SOURCE_DIR "/tests/unit/vectors/cnnontax_frame.json", "rb");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof text, f);
	fclose(f);
	DROP(json) json_t *all = json_read((struct str){ text, n }, &why);
	const json_t *v = json_object_get(all, "frame");
	struct str whole = str_c(json_string_value(json_object_get(v, "frame"))), want = str_c(json_string_value(json_object_get(v, "xml")));
	assert_int_equal(nontax_frame_length(whole), json_integer_value(json_object_get(v, "total_bytes")));
	assert_true(nontax_frame_open(whole, TOKEN, &message, &xml) && str_eq(message, STR("8994")) && str_eq(xml, want));
	assert_true(nontax_frame_close(message, xml, TOKEN, &a, &frame) && str_eq(frame, whole));
	assert_false(nontax_frame_open(whole, (struct secret){ STR("ANOTHER") }, &message, &xml));
	assert_true(nontax_frame_open(whole, NO_TOKEN, &message, &xml));
	arena_free(&a);
}

static void lengths(void **state)
{
	(void)state;
	static const struct { const char *text; int64_t want; } rows[] = {
		{ "", 0 }, { "1", 0 }, { "166", 0 }, { "166    ", 0 }, { "166     ", 166 }, { "166     C", 166 }, { "166     CNNONTAX1.0", 166 }, { "166     CNNONTAY", -1 }, { "166     CNNONTAX1.1", -1 },
		{ "GET / HT", -1 }, { "0166    ", -1 }, { " 166    ", -1 }, { "1 66    ", -1 }, { "86      ", -1 }, { "87      ", 87 }, { "1048576 ", 1048576 }, { "1048577 ", -1 }, { "99999999", -1 }, { "-1      ", -1 },
		{ "x", -1 }, { "1a", -1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (nontax_frame_length(str_c(rows[i].text)) != rows[i].want)
			fail_msg("\"%s\": %lld", rows[i].text, (long long)nontax_frame_length(str_c(rows[i].text)));
}

static struct str written(struct arena *a, const char *ref, const char *information)
{
	struct fail why;
	struct str frame;
	fail_clear(&why);
	const struct nontax_head head = { .message = STR("8001"), .id = STR("F1"), .ref = str_c(ref), .from = STR("F621200"), .to = STR("K6212000001"), .division = 621200, .now_ms = NOW };
	const struct nontax_told told[] = { { "PayCode", STR("62120226100000000012") }, { "Result", STR("00000") }, { "BusinessNo", STR("FN1") }, { "Information", str_c(information) }, { "Nothing", STR_NONE } };
	assert_true(nontax_message_write(&head, told, 5, TOKEN, a, &frame, &why));
	return frame;
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	struct arena a;
	struct nontax_message m;
	struct nontax_answer said;
	arena_init(&a, 1 << 20);
	struct str frame = written(&a, "ef_1", "缴款<成功>&完成");
	assert_true(nontax_message_read(frame, TOKEN, &m, &a));
	assert_true(str_eq(m.message, STR("8001")) && str_eq(m.id, STR("F1")) && str_eq(m.ref, STR("ef_1")));
	assert_true(str_eq(nontax_field(&m.voucher, "Information"), STR("缴款<成功>&完成")) && nontax_field(&m.voucher, "Nothing").at == NULL);
	assert_true(nontax_frame_answer(frame, TOKEN, STR("ef_1"), STR("8001"), &said));
	assert_string_equal(said.result, "00000");
	assert_string_equal(said.finance_no, "FN1");
	assert_string_equal(said.link, "");
	assert_false(nontax_frame_answer(frame, TOKEN, STR("ef_2"), STR("8001"), &said));
	assert_false(nontax_frame_answer(frame, TOKEN, STR("ef_1"), STR("5001"), &said));
	arena_free(&a);
}

/* Case of the digest's letters apart, no byte of a frame may be another. */
static void every_byte_counts(void **state)
{
	(void)state;
	struct arena a, b;
	arena_init(&a, 1 << 20);
	struct str frame = written(&a, "ef_1", "https://x/1");
	char *other = malloc(frame.len);
	for (size_t i = 0; i < frame.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct nontax_answer said;
			memcpy(other, frame.at, frame.len);
			other[i] ^= (char)(1 << bit);
			bool is_case = i >= frame.len - NONTAX_FRAME_DIGEST && bit == 5 && frame.at[i] >= 'a';
			if (nontax_frame_answer((struct str){ other, frame.len }, TOKEN, STR("ef_1"), STR("8001"), &said) != is_case)
				fail_msg("byte %zu, bit %d", i, bit);
		}
	for (size_t cut = 0; cut < frame.len; cut++) {
		struct nontax_message m;
		arena_init(&b, 1 << 20);
		assert_false(nontax_message_read((struct str){ frame.at, cut }, TOKEN, &m, &b));
		arena_free(&b);
	}
	free(other);
	arena_free(&a);
}

static void xml_that_is_not_read(void **state)
{
	(void)state;
	static const struct { const char *xml; bool is_read; } rows[] = {
		{ "<a><b>1</b></a>", true },
		{ "<?xml version=\"1.0\" encoding=\"GBK\"?><a><b> 1\r\n</b></a>", true },
		{ "<a><b>&lt;&#65;</b></a>", true },
		{ "<!DOCTYPE a [<!ENTITY e \"1\">]><a><b>&e;</b></a>", false },
		{ "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a><b>1</b></a>", false },
		{ "<a><b>1</b><b>2</b></a>", false },
		{ "<a><b>1</b>", false },
		{ "<a><b>&nothing;</b></a>", false },
		{ "<a><b><c><d><e><f><g><h><i>1</i></h></g></f></e></d></c></b></a>", false },
		{ "<a><b>\xff\xff</b></a>", false },
		{ "", false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a;
		struct nontax_fields f;
		arena_init(&a, 1 << 20);
		if (nontax_xml_read(str_c(rows[i].xml), &f, &a) != rows[i].is_read)
			fail_msg("%s", rows[i].xml);
		if (rows[i].is_read)
			assert_true(f.count == 1 && str_eq(f.at[0].name, STR("b")) && (str_eq(f.at[0].text, STR("1")) || str_eq(f.at[0].text, STR("<A"))));
		arena_free(&a);
	}
	static char many[8192];
	struct arena a;
	struct nontax_fields f;
	size_t len = (size_t)snprintf(many, sizeof(many), "<a>");
	for (int i = 0; i <= NONTAX_FIELDS_MAX; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len, "<f%d>1</f%d>", i, i);
	snprintf(many + len, sizeof(many) - len, "</a>");
	arena_init(&a, 1 << 20);
	assert_false(nontax_xml_read(str_c(many), &f, &a));
	arena_free(&a);
}

/* The call that a deed makes in this form. */
static void a_deed_in_a_frame(void **state)
{
	(void)state;
	static struct config c;
	struct arena a;
	struct http_call call;
	struct nontax_message m;
	struct fail why;
	fail_clear(&why);
	arena_init(&a, 1 << 20);
	c.finance_form = 1;
	c.finance_frame_tls = true;
	snprintf(c.finance_frame_address, sizeof(c.finance_frame_address), "10.1.2.3:9000");
	snprintf(c.finance_frame_node, sizeof(c.finance_frame_node), "K6212000001");
	snprintf(c.finance_frame_peer, sizeof(c.finance_frame_peer), "F621200");
	struct order o = { .key = "ef_1", .config = &c, .secret = TOKEN, .now_ms = NOW,
		.payload = STR("{\"payment_code\":\"62120226100000000012\",\"trace_no\":\"2026112323595900000000000001\",\"amount\":\"80.05\",\"paid_ms\":1795449599000,\"division\":621202,\"channel\":\"wechat_pay\"}") };
	assert_true(codec_finance_confirm.build(&o, &a, &call, &why));
	assert_true(str_eq(call.url, STR("frames://10.1.2.3:9000")));
	assert_true(nontax_message_read(call.body, TOKEN, &m, &a));
	static const struct { const char *name, *text; } want[] = { { "PayCode", "62120226100000000012" }, { "CfmDate", "20261123" }, { "CfmTime", "235959" }, { "Amt", "80.05" }, { "PayMode", "03" },
		{ "TraNoBus", "2026112323595900000000000001" } };
	assert_true(str_eq(m.message, STR("5996")) && str_eq(m.id, STR("ef_1")) && m.ref.at == NULL);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (!str_eq(nontax_field(&m.voucher, want[i].name), str_c(want[i].text)))
			fail_msg("%s is %.*s", want[i].name, STR_ARG(nontax_field(&m.voucher, want[i].name)));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(vector), cmocka_unit_test(lengths), cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(every_byte_counts), cmocka_unit_test(xml_that_is_not_read),
		cmocka_unit_test(a_deed_in_a_frame) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
