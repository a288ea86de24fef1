/* tests/fault/paying_world.h - a notice that is brought, ordered and being paid by WeChat Pay, and what WeChat Pay tells of it, in a world of tests/unit/login_world.h. */
#ifndef TESTS_PAYING_WORLD_H
#define TESTS_PAYING_WORLD_H
#include "tests/write_faults.h"
#include "base/hash.h"
#include "channels/wechat_pay_sign.h"
#include "payments/attempts/attempt.h"
#include <stdio.h>

#define NOTICE(code, more) "{\"kind\":\"penalty\",\"division\":\"621200\",\"unit\":\"065080906\",\"unit_name\":\"市公安局\",\"payer\":{\"name\":\"王小明\",\"id_number\":\"" RESIDENT "\"}," \
	"\"items\":[{\"item\":\"103050101\",\"name\":\"罚款\",\"amount_fen\":20000},{\"item\":\"103050102\",\"name\":\"工本费\",\"amount_fen\":600}],\"payment_code\":\"" code "\"," more "}"
#define FIRST "62120226100000000012"
#define NO_LATE "\"total_fen\":20600"

static char ordered[sizeof(((struct outcome *)NULL)->text)];

static inline void by_department(struct world *w, const char *param, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/department/notices", param, body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .token = 1, .test_key = true };
}

static inline void by_citizen(struct world *w, const char *param, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/orders", param, body);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
}

/* The scan needs no account of the person's. */
static inline void ask_way(struct world *w, const char *body)
{
	strcpy(w->config.wechat_pay_url, "https://api.mch.weixin.qq.com");
	strcpy(w->config.wechat_mini_appid, "wxmini");
	world_ask(w, METHOD_POST, "/v1/orders/x/payments", ordered, body);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
}

static inline void ask_pay(struct world *w) { ask_way(w, "{\"channel\":\"wechat_pay\",\"method\":\"native\"}"); }

static inline void catalogue(struct world *w)
{
	world_import_small(w);
}

static inline void ask_first(struct world *w) { by_department(w, NULL, NOTICE(FIRST, NO_LATE)); }
static inline void ask_order(struct world *w) { by_citizen(w, NULL, "{\"payment_codes\":[\"" FIRST "\"]}"); }

static inline void brought(struct world *w)
{
	catalogue(w);
	ask_first(w);
	world_expect(w, world_write(w, &department_notice_put));
}

static inline void is_ordered(struct world *w)
{
	brought(w);
	ask_order(w);
	world_expect(w, world_write(w, &order_create));
	memcpy(ordered, w->r.outcome.text, sizeof(ordered));
}

static inline void is_paying(struct world *w)
{
	is_ordered(w);
	ask_pay(w);
	world_expect(w, world_write(w, &order_pay));
}

/* ---- what WeChat Pay tells: sealed and signed with the keys of tests/unit/vectors/wechat_pay_verify.json ---- */

#define MCHID "1900007291"
#define PUBLIC_ID "PUB_KEY_ID_0114232134912410000000000000"

static char told_body[4096], told_time[24], told_signature[WECHAT_PAY_SIGNATURE_MAX + 1];

static inline void keys_put(const json_t *vectors, const char *signer, struct fail *why)
{
	const json_t *pair = json_object_get(vectors, "test_key_pair");
	struct wechat_pay_key_texts t = { .serial = STR("5F1C72E2A8931B72A2E13AF8DEE92471EB397115"), .public_id = STR(PUBLIC_ID),
		.public_pem = str_c(json_string_value(json_object_get(json_object_get(pair, "platform"), "public_key_pem"))),
		.merchant_pem = { str_c(json_string_value(json_object_get(json_object_get(pair, signer), "private_key_pem"))) }, .api_key = { STR("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb") } };
	world_must(wechat_pay_keys_put(&t, why), why);
}

static inline void seal_and_sign(const char *plain, int64_t now_ms, struct fail *why)
{
	static char vectors_text[64 << 10], text[8192], base64[2048];
	uint8_t sealed[1024], nonce[12] = { 'n', 'o', 'n', 'c', 'e', '0', '0', '0', '0', '0', '0', '1' };
	struct shelved *held;
	size_t len = strlen(plain);
	FILE *f = fopen(SIBAN_SOURCE_DIR "/tests/unit/vectors/wechat_pay_verify.json", "rb");
	assert_non_null(f);
	size_t n = fread(vectors_text, 1, sizeof(vectors_text), f);
	fclose(f);
	DROP(json) json_t *vectors = json_read((struct str){ vectors_text, n }, why);
	assert_non_null(vectors);
	keys_put(vectors, "platform", why);
	const struct wechat_pay_keys *k = wechat_pay_keys_take(&held);
	gcm_seal(&k->shared, nonce, STR("transaction"), str_c(plain), sealed, sealed + len);
	base64_text(sealed, len + GCM_TAG_BYTES, base64);
	snprintf(told_body, sizeof(told_body), "{\"id\":\"EV-1\",\"event_type\":\"TRANSACTION.SUCCESS\",\"resource_type\":\"encrypt-resource\",\"resource\":{\"original_type\":\"transaction\","
		"\"algorithm\":\"AEAD_AES_256_GCM\",\"ciphertext\":\"%s\",\"associated_data\":\"transaction\",\"nonce\":\"nonce0000001\"}}", base64);
	snprintf(told_time, sizeof(told_time), "%lld", (long long)(now_ms / 1000));
	snprintf(text, sizeof(text), "%s\nn1\n%s\n", told_time, told_body);
	assert_true(wechat_pay_sign(k, str_c(text), told_signature));
	shelf_give(held);
	keys_put(vectors, "merchant", why);
}

static inline bool number_of(struct tx *tx, void *to, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT out_trade_no FROM pay_attempt ORDER BY id DESC LIMIT 1", why);
	if (q == NULL || !stmt_row(q, why))
		return false;
	snprintf(to, ATTEMPT_NUMBER_BYTES, "%.*s", STR_ARG(stmt_text(q, 0)));
	return true;
}

static inline void is_paid_there(struct world *w)
{
	char number[ATTEMPT_NUMBER_BYTES], plain[512];
	struct fail why;
	fail_clear(&why);
	is_paying(w);
	strcpy(w->config.wechat_pay_mchid, MCHID);
	world_must(store_write(w->store, number_of, number, &why), &why);
	snprintf(plain, sizeof(plain), "{\"appid\":\"wxmini\",\"mchid\":\"" MCHID "\",\"out_trade_no\":\"%s\",\"transaction_id\":\"42\",\"trade_state\":\"SUCCESS\",\"amount\":{\"total\":20600,\"currency\":\"CNY\"}}", number);
	seal_and_sign(plain, w->now_ms, &why);
}

static inline void ask_told(struct world *w)
{
	static struct header headers[5];
	const struct header list[] = { { STR("wechatpay-timestamp"), str_c(told_time) }, { STR("wechatpay-nonce"), STR("n1") }, { STR("wechatpay-serial"), STR(PUBLIC_ID) },
		{ STR("wechatpay-signature"), str_c(told_signature) }, { STR("wechatpay-signature-type"), STR("WECHATPAY2-SHA256-RSA2048") } };
	memcpy(headers, list, sizeof(headers));
	strcpy(w->config.wechat_pay_url, "https://api.mch.weixin.qq.com");
	world_ask(w, METHOD_POST, "/callbacks/wechatpay", NULL, told_body);
	w->r.headers = headers;
	w->r.header_count = 5;
	w->r.peer = STR("101.226.103.1");
}
#endif
