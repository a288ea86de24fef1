/* Goal: what we sign is what WeChat Pay's own documents and SDKs sign, and of what claims to be theirs only that is believed which their key signed, now, over
 * these bytes; what they sealed opens for our key alone.
 * Method: every vector of tests/unit/vectors/wechat_pay_*.json, the negative ones too; then a callback with each of a thousand of its bits turned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/hash.h"
#include "channels/wechat_pay_message.h"
#include <stdio.h>

static struct arena a;
static struct fail why;
static json_t *signing, *paysign, *verify, *gcm;

static json_t *vector(const char *name)
{
	static char text[64 << 10], path[512];
	snprintf(path, sizeof(path), SIBAN_SOURCE_DIR "/tests/unit/vectors/wechat_pay_%s.json", name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	json_t *j = json_read((struct str){ text, n }, &why);
	assert_non_null(j);
	return j;
}

static struct str text_of(const json_t *j, const char *name)
{
	const json_t *v = json_object_get(j, name);
	return json_is_string(v) ? (struct str){ json_string_value(v), json_string_length(v) } : STR_NONE;
}

#define API_KEY "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
#define PUBLIC_ID "PUB_KEY_ID_0114232134912410000000000000"

static const struct wechat_pay_keys *keys_of(struct str merchant_pem, struct str api_key, struct shelved **held)
{
	const json_t *platform = json_object_get(json_object_get(verify, "test_key_pair"), "platform");
	struct wechat_pay_key_texts t = { .serial = text_of(signing, "serial_no"), .public_id = STR(PUBLIC_ID), .public_pem = text_of(platform, "public_key_pem"),
		.merchant_pem = { merchant_pem }, .api_key = { api_key } };
	assert_true(wechat_pay_keys_put(&t, &why));
	const struct wechat_pay_keys *k = wechat_pay_keys_take(held);
	assert_non_null(k);
	return k;
}

static int begin(void **state)
{
	(void)state;
	arena_init(&a, 4 << 20);
	fail_clear(&why);
	signing = vector("request_signing");
	paysign = vector("paysign");
	verify = vector("verify");
	gcm = vector("aes_gcm");
	return 0;
}

static int end(void **state)
{
	(void)state;
	wechat_pay_keys_close();
	json_decref(signing);
	json_decref(paysign);
	json_decref(verify);
	json_decref(gcm);
	arena_free(&a);
	return 0;
}

static void requests_are_signed(void **state)
{
	(void)state;
	DROP(shelved) struct shelved *held;
	const struct wechat_pay_keys *k = keys_of(text_of(signing, "private_key_pem"), STR(API_KEY), &held);
	uint8_t nonce[16];
	assert_int_equal(str_hex(text_of(signing, "nonce_str"), nonce, 16), 16);
	size_t i;
	json_t *row;
	json_array_foreach(json_object_get(signing, "cases"), i, row) {
		struct str got = wechat_pay_authorization(k, text_of(signing, "mchid"), text_of(row, "method"), text_of(row, "url"), text_of(row, "body"), INT64_C(1554208460999), nonce, &a);
		if (!str_eq(got, text_of(row, "authorization")))
			fail_msg("%s: %.*s", text_of(row, "name").at, STR_ARG(got));
	}
	assert_int_equal(i, 6);
}

static void texts_are_signed(void **state)
{
	(void)state;
	char got[WECHAT_PAY_SIGNATURE_MAX + 1];
	size_t i;
	json_t *row;
	DROP(shelved) struct shelved *held;
	const struct wechat_pay_keys *k = keys_of(text_of(paysign, "private_key_pem"), STR(API_KEY), &held);
	json_array_foreach(json_object_get(paysign, "cases"), i, row) {
		json_t *object = json_object_get(row, "client_object");
		struct str want = text_of(object, "paySign").at != NULL ? text_of(object, "paySign") : text_of(object, "sign");
		assert_true(wechat_pay_sign(k, text_of(row, "string_to_sign"), got) && str_eq(str_c(got), want));
	}
	assert_int_equal(i, 2);
	const json_t *go = json_object_get(signing, "go_sdk");
	DROP(shelved) struct shelved *again;
	k = keys_of(text_of(go, "private_key_pem"), STR(API_KEY), &again);
	assert_true(wechat_pay_sign(k, text_of(go, "message"), got) && str_eq(str_c(got), text_of(go, "signature")));
}

static struct wechat_pay_signed headers_of(const json_t *h)
{
	return (struct wechat_pay_signed){ text_of(h, "Wechatpay-Timestamp"), text_of(h, "Wechatpay-Nonce"), text_of(h, "Wechatpay-Serial"), text_of(h, "Wechatpay-Signature"),
					   text_of(h, "Wechatpay-Signature-Type") };
}

/* The vectors' certificates are over: their keys count here, not their days. */
static void platform(struct wechat_pay_certificates *c)
{
	const json_t *p = json_object_get(json_object_get(verify, "test_key_pair"), "platform"), *go = json_object_get(verify, "published_callback");
	*c = (struct wechat_pay_certificates){ .count = 0 };
	assert_true(wechat_pay_certificate_add(c, text_of(p, "serial"), text_of(p, "certificate_pem")));
	assert_true(wechat_pay_certificate_add(c, STR("D7CE59D1F522D701"), text_of(go, "certificate_pem")));
	assert_false(wechat_pay_certificate_add(c, STR("D7CE59D1F522D702"), text_of(go, "certificate_pem")));
	assert_false(wechat_pay_certificate_add(c, text_of(p, "serial"), text_of(p, "public_key_pem")));
	for (int i = 0; i < c->count; i++) {
		assert_true(c->at[i].from_ms > 0 && c->at[i].until_ms > c->at[i].from_ms);
		c->at[i].from_ms = 0;
		c->at[i].until_ms = INT64_MAX;
	}
}

static void signatures_are_verified(void **state)
{
	(void)state;
	static const struct { const char *list; int64_t now_s; } lists[] = { { "derived_callbacks", 1778207696 }, { "derived_negative", 1778207696 } };
	static const enum wechat_pay_wrong wants[2][3] = { { WECHAT_PAY_FINE, WECHAT_PAY_FINE, WECHAT_PAY_FINE }, { WECHAT_PAY_WRONG_SIGNATURE, WECHAT_PAY_WRONG_PROBE, WECHAT_PAY_FINE } };
	struct wechat_pay_certificates c;
	DROP(shelved) struct shelved *held;
	const json_t *merchant = json_object_get(json_object_get(verify, "test_key_pair"), "merchant");
	const struct wechat_pay_keys *k = keys_of(text_of(merchant, "private_key_pem"), STR(API_KEY), &held);
	platform(&c);
	size_t i;
	json_t *row;
	for (int l = 0; l < 2; l++)
		json_array_foreach(json_object_get(verify, lists[l].list), i, row) {
			struct wechat_pay_signed s = headers_of(json_object_get(row, "headers"));
			enum wechat_pay_wrong got = wechat_pay_verify(k, &c, &s, text_of(row, "body"), lists[l].now_s * 1000);
			if (got != wants[l][i])
				fail_msg("%s: %d", text_of(row, "name").at, got);
		}
	const json_t *published = json_object_get(verify, "published_callback"), *closed = json_object_get(verify, "derived_204_response");
	struct wechat_pay_signed s = headers_of(json_object_get(published, "headers"));
	assert_int_equal(wechat_pay_verify(k, &c, &s, text_of(published, "body"), INT64_C(1624523846000)), WECHAT_PAY_FINE);
	assert_int_equal(wechat_pay_verify(k, NULL, &s, text_of(published, "body"), INT64_C(1624523846000)), WECHAT_PAY_WRONG_SERIAL);
	struct wechat_pay_signed empty = { text_of(closed, "timestamp"), text_of(closed, "nonce"), text_of(closed, "serial"), text_of(closed, "signature"), STR_NONE };
	assert_int_equal(wechat_pay_verify(k, NULL, &empty, STR(""), INT64_C(1778207700000)), WECHAT_PAY_FINE);
	wechat_pay_certificates_drop(&c);
}

static void only_now_and_whole(void **state)
{
	(void)state;
	DROP(shelved) struct shelved *held;
	struct wechat_pay_certificates c;
	const json_t *merchant = json_object_get(json_object_get(verify, "test_key_pair"), "merchant"), *row = json_array_get(json_object_get(verify, "derived_callbacks"), 0);
	const struct wechat_pay_keys *k = keys_of(text_of(merchant, "private_key_pem"), STR(API_KEY), &held);
	platform(&c);
	const struct wechat_pay_signed right = headers_of(json_object_get(row, "headers"));
	struct str body = text_of(row, "body");
	const int64_t now_ms = INT64_C(1778207696000);
	static const struct { int64_t off_ms; enum wechat_pay_wrong want; } times[] = {
		{ 300000, WECHAT_PAY_FINE }, { -300000, WECHAT_PAY_FINE }, { 300001, WECHAT_PAY_WRONG_TIME }, { -300001, WECHAT_PAY_WRONG_TIME }, { INT64_C(86400000), WECHAT_PAY_WRONG_TIME },
	};
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_int_equal(wechat_pay_verify(k, &c, &right, body, now_ms + times[i].off_ms), times[i].want);
	struct { struct wechat_pay_signed s; enum wechat_pay_wrong want; } rows[] = {
		{ right, WECHAT_PAY_WRONG_HEADERS }, { right, WECHAT_PAY_WRONG_HEADERS }, { right, WECHAT_PAY_WRONG_HEADERS }, { right, WECHAT_PAY_WRONG_HEADERS }, { right, WECHAT_PAY_WRONG_HEADERS },
		{ right, WECHAT_PAY_WRONG_SERIAL }, { right, WECHAT_PAY_WRONG_TIME }, { right, WECHAT_PAY_WRONG_HEADERS }, { right, WECHAT_PAY_WRONG_SIGNATURE }, { right, WECHAT_PAY_FINE },
	};
	rows[0].s.timestamp = rows[1].s.nonce = rows[2].s.serial = rows[3].s.signature = STR_NONE;
	rows[4].s.type = STR("WECHATPAY2-SM2-WITH-SM3");
	rows[5].s.serial = STR("440024045C4A427599D09BB4E3DE0279F2E813FE");
	rows[6].s.timestamp = STR("-1778207696");
	rows[7].s.nonce = STR("c5ac7061fccab6bf3e254dcf98995b8c\n{}");
	rows[8].s.signature.len -= 4; /* still base64 */
	rows[9].s.type = STR_NONE;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (wechat_pay_verify(k, &c, &rows[i].s, body, now_ms) != rows[i].want)
			fail_msg("row %zu", i);
	c.at[0].until_ms = now_ms;
	assert_int_equal(wechat_pay_verify(k, &c, &right, body, now_ms), WECHAT_PAY_WRONG_SERIAL);
	wechat_pay_certificates_drop(&c);
}

/* A thousand bits, spread over body, time, nonce and signature. */
static void no_bit_may_turn(void **state)
{
	(void)state;
	DROP(shelved) struct shelved *held;
	struct wechat_pay_certificates c;
	const json_t *merchant = json_object_get(json_object_get(verify, "test_key_pair"), "merchant"), *row = json_array_get(json_object_get(verify, "derived_callbacks"), 0);
	const struct wechat_pay_keys *k = keys_of(text_of(merchant, "private_key_pem"), STR(API_KEY), &held);
	platform(&c);
	const struct wechat_pay_signed right = headers_of(json_object_get(row, "headers"));
	struct str parts[] = { text_of(row, "body"), right.timestamp, right.nonce, right.signature };
	size_t bits = 0;
	for (int i = 0; i < 4; i++)
		bits += parts[i].len * 8;
	for (size_t turn = 0; turn < 1000; turn++) {
		struct str copies[4];
		size_t at = turn * (bits / 1000) + turn % (bits / 1000);
		for (int i = 0; i < 4; i++) {
			copies[i] = str_copy(&a, parts[i]);
			if (at < parts[i].len * 8)
				((char *)(uintptr_t)copies[i].at)[at / 8] ^= (char)(1 << at % 8);
			at = at < parts[i].len * 8 ? SIZE_MAX / 2 : at - parts[i].len * 8;
		}
		struct wechat_pay_signed s = { copies[1], copies[2], right.serial, copies[3], right.type };
		assert_int_not_equal(wechat_pay_verify(k, &c, &s, copies[0], INT64_C(1778207696000)), WECHAT_PAY_FINE);
		arena_reset(&a);
	}
	wechat_pay_certificates_drop(&c);
}

static void sealed_things_open(void **state)
{
	(void)state;
	/* the second key is too short, the third nonce too long: neither is WeChat Pay's */
	static const bool wants[] = { true, false, false, true };
	size_t i, n;
	json_t *row, *wrong;
	json_array_foreach(json_object_get(gcm, "cases"), i, row) {
		struct cipher_key k;
		struct str out, key = text_of(row, "key"), nonce = text_of(row, "nonce"), bound = text_of(row, "associated_data"), sealed = text_of(row, "ciphertext");
		bool is_key = wechat_pay_api_key(key, &k);
		assert_true(is_key == (i != 1));
		if (!is_key)
			continue;
		assert_true(wechat_pay_open(&k, nonce, bound, sealed, &a, &out) == wants[i] && (!wants[i] || str_eq(out, text_of(row, "plaintext"))));
		json_array_foreach(json_object_get(row, "must_fail_with"), n, wrong) {
			struct str w_nonce = text_of(wrong, "nonce"), w_bound = text_of(wrong, "associated_data"), w_sealed = text_of(wrong, "ciphertext");
			static uint8_t zeros[128];
			char zero_text[200];
			if (json_object_get(wrong, "ciphertext_all_zero_bytes") != NULL)
				w_sealed = (struct str){ zero_text, base64_text(zeros, sizeof(zeros), zero_text) };
			assert_false(wechat_pay_open(&k, w_nonce.at ? w_nonce : nonce, w_bound.at ? w_bound : bound, w_sealed.at ? w_sealed : sealed, &a, &out));
		}
	}
	assert_int_equal(i, 4);
}

static void callbacks_are_read(void **state)
{
	(void)state;
	DROP(shelved) struct shelved *held, *other;
	const json_t *merchant = json_object_get(json_object_get(verify, "test_key_pair"), "merchant");
	const struct wechat_pay_keys *k = keys_of(text_of(merchant, "private_key_pem"), STR(API_KEY), &held);
	size_t i;
	json_t *row;
	struct wechat_pay_envelope e;
	json_array_foreach(json_object_get(verify, "derived_callbacks"), i, row) {
		struct wechat_pay_trade t;
		assert_int_equal(wechat_pay_envelope(k, text_of(row, "body"), &e, &a), WECHAT_PAY_FINE);
		assert_true(str_eq(e.plain, text_of(row, "plaintext")) && str_eq(e.event_type, STR("TRANSACTION.SUCCESS")) && str_eq(e.original_type, STR("transaction")));
		assert_true(wechat_pay_trade_read(e.plain, &t, &a) && t.state == WECHAT_PAY_TRADE_SUCCESS && t.total_fen == 100 && str_eq(t.currency, STR("CNY")));
		assert_true(str_eq(t.transaction_id, STR("1217752501201407033233368018")) && t.success_ms > 0);
	}
	const json_t *wrong = json_array_get(json_object_get(verify, "derived_negative"), 2);
	k = keys_of(text_of(merchant, "private_key_pem"), text_of(wrong, "apiv3_key"), &other);
	assert_int_equal(wechat_pay_envelope(k, text_of(wrong, "body"), &e, &a), WECHAT_PAY_WRONG_KEY);
	static const char *const nonsense[] = { "", "{}", "[]", "{\"id\":\"x\",\"event_type\":\"y\",\"resource_type\":\"encrypt-resource\",\"resource\":{}}" };
	for (size_t n = 0; n < 4; n++)
		assert_int_equal(wechat_pay_envelope(k, str_c(nonsense[n]), &e, &a), WECHAT_PAY_WRONG_BODY);
}

static void certificates_are_read(void **state)
{
	(void)state;
	DROP(shelved) struct shelved *held, *certificates;
	const json_t *merchant = json_object_get(json_object_get(verify, "test_key_pair"), "merchant"), *download = json_object_get(gcm, "platform_certificate_download");
	const struct wechat_pay_keys *k = keys_of(text_of(merchant, "private_key_pem"), text_of(download, "apiv3_key"), &held);
	struct wechat_pay_certificate_text texts[WECHAT_PAY_CERTIFICATES_MAX];
	int count, left_out;
	char *body = json_dumps(json_object_get(download, "response"), 0);
	assert_true(wechat_pay_certificates_read(k, str_c(body), texts, &count, &a) && count == 1);
	free(body);
	struct str pem = text_of(download, "plaintext_pem");
	while (pem.len > 0 && pem.at[pem.len - 1] == '\n')
		pem.len--;
	assert_true(str_starts(texts[0].pem, pem) && str_eq(texts[0].serial, text_of(download, "certificate_serial")));
	texts[1] = (struct wechat_pay_certificate_text){ STR("5DEA10EF55877E3CF6C33255C2E7DEFFF7E427ED"), texts[0].pem };
	assert_true(wechat_pay_certificates_put(texts, 2, &left_out, &why) && left_out == 1);
	const struct wechat_pay_certificates *c = wechat_pay_certificates_take(&certificates);
	assert_true(c->count == 1 && c->at[0].from_ms == INT64_C(1695136558000) && c->at[0].until_ms == INT64_C(1852816558000));
	assert_false(wechat_pay_certificates_read(k, STR("{\"data\":[{\"serial_no\":\"A\"}]}"), texts, &count, &a));
}

static void trades_and_refunds(void **state)
{
	(void)state;
#define TRADE "\"appid\":\"wx1\",\"mchid\":\"19\",\"out_trade_no\":\"o1\",\"trade_state\":"
	static const struct { const char *json; bool is_right; enum wechat_pay_trade_state state; } rows[] = {
		{ "{" TRADE "\"NOTPAY\"}", true, WECHAT_PAY_TRADE_NOTPAY }, { "{" TRADE "\"CLOSED\",\"amount\":null}", true, WECHAT_PAY_TRADE_CLOSED },
		{ "{" TRADE "\"REFUND\",\"transaction_id\":\"4\",\"amount\":{\"total\":1,\"currency\":\"CNY\"}}", true, WECHAT_PAY_TRADE_REFUND },
		{ "{" TRADE "\"SUCCESS\",\"transaction_id\":\"4\",\"amount\":{\"total\":1,\"currency\":\"CNY\"},\"success_time\":\"2026-05-08T10:34:56.5Z\"}", true, WECHAT_PAY_TRADE_SUCCESS },
		{ "{" TRADE "\"SUCCESS\"}", false, 0 }, { "{" TRADE "\"SUCCESS\",\"transaction_id\":\"4\",\"amount\":{\"total\":1}}", false, 0 },
		{ "{" TRADE "\"SUCCESS\",\"transaction_id\":\"4\",\"amount\":{\"total\":1.5,\"currency\":\"CNY\"}}", false, 0 },
		{ "{" TRADE "\"SUCCESS\",\"transaction_id\":\"4\",\"amount\":{\"total\":0,\"currency\":\"CNY\"}}", false, 0 },
		{ "{" TRADE "\"SUCCESS\",\"transaction_id\":\"4 4\",\"amount\":{\"total\":1,\"currency\":\"CNY\"}}", false, 0 },
		{ "{" TRADE "\"NEWWORD\"}", true, WECHAT_PAY_TRADE_OTHER }, { "{\"appid\":\"wx1\"}", false, 0 }, { "nonsense", false, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wechat_pay_trade t;
		if (wechat_pay_trade_read(str_c(rows[i].json), &t, &a) != rows[i].is_right || t.state != rows[i].state)
			fail_msg("%s", rows[i].json);
	}
#define REFUND "\"out_trade_no\":\"o1\",\"transaction_id\":\"4\",\"refund_id\":\"5\",\"out_refund_no\":\"r1\",\"amount\":{\"total\":3,\"refund\":2}"
	struct wechat_pay_refund r;
	assert_true(wechat_pay_refund_read(STR("{" REFUND ",\"status\":\"PROCESSING\"}"), &r, &a) && r.state == WECHAT_PAY_REFUND_PROCESSING && r.refund_fen == 2 && r.total_fen == 3);
	assert_true(wechat_pay_refund_read(STR("{\"mchid\":\"19\"," REFUND ",\"refund_status\":\"ABNORMAL\"}"), &r, &a) && r.state == WECHAT_PAY_REFUND_ABNORMAL);
	assert_false(wechat_pay_refund_read(STR("{" REFUND "}"), &r, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(requests_are_signed, begin, end), cmocka_unit_test_setup_teardown(texts_are_signed, begin, end),
		cmocka_unit_test_setup_teardown(signatures_are_verified, begin, end), cmocka_unit_test_setup_teardown(only_now_and_whole, begin, end),
		cmocka_unit_test_setup_teardown(no_bit_may_turn, begin, end), cmocka_unit_test_setup_teardown(sealed_things_open, begin, end),
		cmocka_unit_test_setup_teardown(callbacks_are_read, begin, end), cmocka_unit_test_setup_teardown(certificates_are_read, begin, end),
		cmocka_unit_test_setup_teardown(trades_and_refunds, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
