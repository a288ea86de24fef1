/* Goal: WeChat's non-tax platform asks what a notice costs while the store or the memory fails: it is told 299 (ask again), or as a problem when not even that can be said; never an amount, and when
 * nothing fails the right one. Method: the handler with the n-th statement failing, then with the n-th request for memory failing, until it passes; the answer is opened as the platform does. */
#include "tests/fault/nontax_world.h"

static const char question[] = "{\"appid\":\"wxnontax\",\"payment_notice_no\":\"" FIRST "\",\"department_code\":\"065080906\",\"region_code\":\"621200\"}";

/* As the runtime does; false: it is told as a problem. */
static bool asked(struct world *w)
{
	const struct handler *h = &wechat_nontax_fee;
	struct request *r = &w->r;
	if (h->parse(r, &r->why) && world_look(w, h) && world_outside(w, h) && h->render(r, &r->why))
		return true;
	assert_true(r->why.code != FAIL_NONE);
	return h->fails(r);
}

/* What is sealed in the answer. */
static const char *said(const struct world *w)
{
	static char text[2048];
	static uint8_t sealed[2048];
	struct fail why;
	struct cipher_key k;
	fail_clear(&why);
	DROP(json) json_t *answer = json_read(buf_text(&w->r.reply.body), &why);
	assert_non_null(answer);
	int64_t len = base64_bytes(str_c(json_string_value(json_object_get(answer, "data"))), sealed, sizeof(sealed));
	size_t plain = (size_t)len - GCM_NONCE_BYTES - GCM_TAG_BYTES;
	assert_true(len > GCM_NONCE_BYTES + GCM_TAG_BYTES);
	cipher_key_make(&k, CIPHER_AES_256_GCM, calls_key);
	assert_true(gcm_open(&k, sealed, STR(CALL_WORD ".reply"), (struct str){ (const char *)sealed + GCM_NONCE_BYTES, plain }, sealed + GCM_NONCE_BYTES + plain, (uint8_t *)text));
	text[plain] = '\0';
	return text;
}

static const char ours[] = "{\"errcode\":299,\"errmsg\":\"system\"}", right[] = "{\"errcode\":0,\"errmsg\":\"\",\"payment_notice_no\":\"" FIRST "\"";

static void is_right(const struct world *w)
{
	assert_true(str_starts(str_c(said(w)), str_c(right)));
	assert_non_null(strstr(said(w), "\"fee\":20600,"));
}

static bool answered_while(struct world *w, const char *what, int n)
{
	char setting[32];
	snprintf(setting, sizeof(setting), "%s=%d", what, n);
	ask_sealed(w, "/callbacks/wechatnontax/fee", question);
	assert_true(fault_set(str_c(setting)));
	bool is_answered = asked(w);
	fault_clear_all();
	return is_answered;
}

static void fails_at_each(struct world *w, const char *what, int least, bool is_always_told)
{
	int problems = 0, told = 0;
	for (int n = 1;; n++) {
		bool is_answered = answered_while(w, what, n);
		if (w->r.why.code == FAIL_NONE)
			break;
		if (is_answered)
			assert_string_equal(said(w), ours);
		problems += !is_answered;
		told += is_answered;
		assert_true(n < 1000);
	}
	is_right(w);
	print_message("%s: %d times 299, %d times a problem\n", what, told, problems);
	assert_true(told >= least && (problems == 0 || !is_always_told));
}

static void the_store_fails(void **state)
{
	fails_at_each(*state, "store_step", 3, true);
}

static void the_memory_fails(void **state)
{
	fails_at_each(*state, "json", 5, true);
}

static int begin(void **state)
{
	login_make(state);
	struct world *w = *state;
	brought(w);
	with_calls(w);
	return 0;
}

static int end(void **state)
{
	login_unmake(state);
	return 0;
}

int main(void)
{
	log_level_set(LOG_ERROR);
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(the_store_fails, begin, end), cmocka_unit_test_setup_teardown(the_memory_fails, begin, end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
