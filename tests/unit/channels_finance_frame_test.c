/* Goal: what the bureau's frame says of a payment code is read as the configuration says, and whatever is no whole answer to our question, about our code, from who shares the token, says nothing.
 * Method: the question as it was built, read back; rows of answers; each bit of an answer flipped and each end of it cut off; rows of configuration that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "channels/finance_frame.h"
#include <stdio.h>
#include <stdlib.h>

#define TOKEN ((struct secret){ STR("TESTTOKEN") })
#define NOW INT64_C(1795420800000)
#define CODE "62120226100000000012"
#define ID "q_01JD0000000000000000000000"

static struct config config;

static struct finance_frames frames_of(const char *query, const char *results)
{
	struct finance_frames f;
	struct fail why;
	fail_clear(&why);
	config_defaults(&config);
	config.finance_form = 1;
	snprintf(config.finance_frame_address, sizeof(config.finance_frame_address), "10.1.2.3:9000");
	snprintf(config.finance_frame_node, sizeof(config.finance_frame_node), "K6212000001");
	snprintf(config.finance_frame_peer, sizeof(config.finance_frame_peer), "F621200");
	if (query != NULL)
		snprintf(config.finance_frame_query, sizeof(config.finance_frame_query), "%s", query);
	if (results != NULL)
		snprintf(config.finance_frame_query_results, sizeof(config.finance_frame_query_results), "%s", results);
	assert_true(finance_frames_read(&config, &f, &why));
	return f;
}

static void what_is_asked(void **state)
{
	(void)state;
	struct arena a;
	struct fail why;
	struct http_call call;
	struct nontax_message m;
	struct finance_frames f = frames_of("8888,5997,5001", NULL);
	const struct finance_question q = { .code = STR(CODE), .id = STR(ID), .now_ms = NOW };
	fail_clear(&why);
	arena_init(&a, 1 << 20);
	assert_true(finance_frame_build(&f, &q, 621202, TOKEN, &a, &call, &why));
	assert_true(str_eq(call.url, STR("frames://10.1.2.3:9000")) && call.answer_max > 0);
	assert_true(nontax_message_read(call.body, TOKEN, &m, &a));
	assert_true(str_eq(m.message, STR("8888")) && str_eq(m.id, STR(ID)) && m.ref.at == NULL && str_eq(m.day, STR("20261123")));
	assert_true(str_eq(nontax_field(&m.voucher, "PayCode"), STR(CODE)) && str_eq(nontax_field(&m.voucher, "AdmDivCode"), STR("621202")) && m.voucher.count == 2);
	arena_free(&a);
}

static struct str said(struct arena *a, const char *message, const char *ref, const char *const fields[][2])
{
	struct fail why;
	struct str frame;
	struct nontax_told told[8];
	int count = 0;
	fail_clear(&why);
	for (; fields[count][0] != NULL; count++)
		told[count] = (struct nontax_told){ fields[count][0], str_c(fields[count][1]) };
	const struct nontax_head head = { .message = str_c(message), .id = STR("F1"), .ref = str_c(ref), .from = STR("F621200"), .to = STR("K6212000001"), .division = 621200, .now_ms = NOW };
	assert_true(nontax_message_write(&head, told, count, TOKEN, a, &frame, &why));
	return frame;
}

static enum finance_verdict judged(const struct finance_frames *f, struct str frame, int64_t *division, struct nontax_message *told, struct arena *a, struct fail *why)
{
	const struct http_answer answer = { .end = HTTP_ANSWERED, .status = 200, .body = frame };
	fail_clear(why);
	return finance_frame_judge(f, STR(ID), STR(CODE), TOKEN, &answer, told, division, a, why);
}

#define IS_IT { "PayCode", CODE }
static const struct {
	const char *message, *ref, *fields[6][2];
	enum finance_verdict verdict;
	int64_t division;
	enum fail_code why;
} rows[] = {
	{ "5997", ID, { IS_IT, { "PayStats", "0" } }, FINANCE_FOUND, 0, FAIL_NONE },
	{ "5997", ID, { IS_IT, { "PayStats", "0" }, { "Result", "00000" }, { "AdmDivCode", "621202" } }, FINANCE_FOUND, 621202, FAIL_NONE },
	{ "5997", ID, { IS_IT, { "PayStats", "1" } }, FINANCE_PAID, 0, FAIL_NONE },
	{ "5997", ID, { IS_IT, { "PayStats", "2" } }, FINANCE_VOID, 0, FAIL_NONE },
	{ "5997", ID, { IS_IT, { "PayStats", "0" }, { "Result", "30003" } }, FINANCE_VOID, 0, FAIL_NONE },
	{ "5001", ID, { { "Result", "30001" } }, FINANCE_NOT_FOUND, 0, FAIL_NONE },
	{ "5001", ID, { IS_IT, { "Result", "30004" } }, FINANCE_PAID, 0, FAIL_NONE },
	{ "5001", ID, { IS_IT, { "Result", "30008" } }, FINANCE_TAX_OFFICE, 0, FAIL_NONE },
	{ "5001", ID, { IS_IT, { "Result", "30007" }, { "AdmDivCode", "620100" } }, FINANCE_OTHER_DIVISION, 620100, FAIL_NONE },
	{ "5001", ID, { IS_IT, { "Result", "30007" } }, FINANCE_OTHER_DIVISION, 0, FAIL_NONE },
	{ "5001", ID, { IS_IT, { "Result", "99999" } }, FINANCE_BROKEN, 0, FAIL_PEER_AWAY },
	{ "5001", ID, { IS_IT, { "Result", "00000" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5001", ID, { IS_IT, { "Result", "77777" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5001", ID, { IS_IT, { "Result", "300" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5001", ID, { IS_IT }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5001", ID, { { "PayCode", "62120226100000000020" }, { "Result", "30001" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5001", ID, { IS_IT, { "Result", "30007" }, { "AdmDivCode", "-20100" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5001", ID, { IS_IT, { "Result", "30007" }, { "AdmDivCode", "6201" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5001", "q_OTHER", { IS_IT, { "Result", "30001" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5001", "", { IS_IT, { "Result", "30001" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "8001", ID, { IS_IT, { "Result", "30001" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "8997", ID, { IS_IT, { "PayStats", "0" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5997", ID, { IS_IT, { "PayStats", "3" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5997", ID, { IS_IT }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5997", ID, { { "PayStats", "0" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
	{ "5997", ID, { { "PayCode", "62120226100000000020" }, { "PayStats", "0" } }, FINANCE_BROKEN, 0, FAIL_PEER_NONSENSE },
};

static void what_is_answered(void **state)
{
	(void)state;
	struct finance_frames f = frames_of(NULL, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a;
		struct fail why;
		struct nontax_message told;
		int64_t division;
		arena_init(&a, 1 << 20);
		enum finance_verdict verdict = judged(&f, said(&a, rows[i].message, rows[i].ref, rows[i].fields), &division, &told, &a, &why);
		if (verdict != rows[i].verdict || (verdict != FINANCE_BROKEN && division != rows[i].division) || why.code != rows[i].why)
			fail_msg("row %zu: verdict %d, division %lld, %s", i, (int)verdict, (long long)division, why.log);
		arena_free(&a);
	}
}

/* Case of the digest's letters apart, no bit may be another, and no byte may be missing. */
static void every_bit_counts(void **state)
{
	(void)state;
	static const char *const fields[][2] = { { "PayCode", CODE }, { "PayStats", "0" }, { "ChgAgenName", "武都区自然资源局" }, { NULL, NULL } };
	struct finance_frames f = frames_of(NULL, NULL);
	struct arena a, b;
	struct fail why;
	struct nontax_message told;
	int64_t division;
	arena_init(&a, 1 << 20);
	struct str frame = said(&a, "5997", ID, fields);
	char *other = malloc(frame.len);
	for (size_t i = 0; i < frame.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			arena_init(&b, 1 << 20);
			memcpy(other, frame.at, frame.len);
			other[i] ^= (char)(1 << bit);
			bool is_case = i >= frame.len - NONTAX_FRAME_DIGEST && bit == 5 && frame.at[i] >= 'a';
			if ((judged(&f, (struct str){ other, frame.len }, &division, &told, &b, &why) == FINANCE_FOUND) != is_case)
				fail_msg("byte %zu, bit %d", i, bit);
			arena_free(&b);
		}
	for (size_t cut = 0; cut < frame.len; cut++) {
		arena_init(&b, 1 << 20);
		assert_int_equal(judged(&f, (struct str){ frame.at, cut }, &division, &told, &b, &why), FINANCE_BROKEN);
		assert_int_equal(why.code, FAIL_PEER_NONSENSE);
		arena_free(&b);
	}
	free(other);
	arena_free(&a);
}

static void what_is_configured(void **state)
{
	(void)state;
	static const struct { const char *query, *results; bool is_read; } lines[] = {
		{ "8997,5997,5001", "", true }, { "8997,5997,5001", "void=30003", true }, { "8997,5997,5001", "void=30003, void=30004 ,not_found=10001", true },
		{ "", "", false }, { "8997", "", false }, { "8997,5997", "", false }, { "8997,5997,", "", false }, { "8997,5997,5001,", "", false }, { "8997, 5997,5001", "", false }, { "-997,5997,5001", "", false },
		{ "8997,5997,50010", "", false }, { "8997,5997,50a1", "", false }, { "8997,5001,5001", "", false },
		{ "8997,5997,5001", "gone=30001", false }, { "8997,5997,5001", "void", false }, { "8997,5997,5001", "void=", false }, { "8997,5997,5001", "void=3000", false }, { "8997,5997,5001", "void=3000x", false },
		{ "8997,5997,5001", "void=30001,paid=30001", false }, { "8997,5997,5001", "void=30001,", false }, { "8997,5997,5001", "paid=00000", false }, { "8997,5997,5001", "void=99999", false },
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct finance_frames f;
		struct fail why;
		fail_clear(&why);
		config_defaults(&config);
		snprintf(config.finance_frame_query, sizeof(config.finance_frame_query), "%s", lines[i].query);
		snprintf(config.finance_frame_query_results, sizeof(config.finance_frame_query_results), "%s", lines[i].results);
		if (finance_frames_read(&config, &f, &why) != lines[i].is_read || (!lines[i].is_read && (why.code != FAIL_CONFIG || strstr(why.log, "finance.frame.query") == NULL)))
			fail_msg("\"%s\" \"%s\": %s", lines[i].query, lines[i].results, why.log);
	}
	static char many[512];
	size_t len = 0;
	for (int i = 0; i <= FINANCE_RESULTS_MAX; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len, "%svoid=%05d", i > 0 ? "," : "", 40000 + i);
	struct finance_frames f;
	struct fail why;
	fail_clear(&why);
	config_defaults(&config);
	snprintf(config.finance_frame_query_results, sizeof(config.finance_frame_query_results), "%s", many);
	assert_false(finance_frames_read(&config, &f, &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_asked), cmocka_unit_test(what_is_answered), cmocka_unit_test(every_bit_counts), cmocka_unit_test(what_is_configured) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
