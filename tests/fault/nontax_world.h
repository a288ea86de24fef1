/* tests/fault/nontax_world.h - beside paying_world.h: an order that is paid at WeChat's non-tax platform, and what that tells of it, sealed as the sandbox does. */
#ifndef TESTS_NONTAX_WORLD_H
#define TESTS_NONTAX_WORLD_H
#include "tests/fault/paying_world.h"
#include "base/cipher.h"
#include "notify/account.h"
#include <sys/stat.h>

static const uint8_t calls_key[32] = "siban-sandbox-nontax-key-0000001";

static inline void file_put(char *to, size_t size, const struct world *w, const char *name, const char *text)
{
	snprintf(to, size, "%s/%s", w->dir, name);
	FILE *f = fopen(to, "w");
	assert_true(f != NULL && fchmod(fileno(f), 0600) == 0 && fputs(text, f) >= 0 && fclose(f) == 0);
}

static inline void with_calls(struct world *w)
{
	struct config *c = &w->config;
	struct fail why;
	char key[64], base64[48];
	fail_clear(&why);
	base64_text(calls_key, sizeof(calls_key), base64);
	snprintf(key, sizeof(key), "whsec_%s", base64);
	strcpy(c->wechat_nontax_appid, "wxnontax");
	c->wechat_nontax_calls = 1;
	file_put(c->wechat_nontax_secret_file, sizeof(c->wechat_nontax_secret_file), w, "nontax", "secret");
	file_put(c->wechat_nontax_calls_key_file, sizeof(c->wechat_nontax_calls_key_file), w, "calls", key);
	world_must(accounts_open(c, &why), &why);
}

static inline void with_nontax(struct world *w)
{
	is_ordered(w);
	with_calls(w);
}

static inline void ask_nontax(struct world *w)
{
	ask_way(w, "{\"channel\":\"wechat_nontax\",\"method\":\"h5\"}");
	w->r.peer = STR("10.1.2.3");
}

static inline bool name_it(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_attempt SET channel_no = 'AQAAD1', state = 2", why);
	return q != NULL && stmt_run(q, why);
}

static inline void is_paying_there(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	with_nontax(w);
	ask_nontax(w);
	world_expect(w, world_write(w, &order_pay));
	world_must(store_write(w->store, name_it, NULL, &why), &why);
}

#define CALL_WORD "0011223344556677"

static inline void ask_sealed(struct world *w, const char *path, const char *plain)
{
	static char body[1024], query[] = "wxnontaxstr=" CALL_WORD;
	uint8_t sealed[GCM_NONCE_BYTES + 256 + GCM_TAG_BYTES] = { 7 }, mac[SHA256_BYTES];
	char data[512], sign[2 * SHA256_BYTES + 1];
	struct cipher_key k;
	size_t len = strlen(plain);
	assert_true(len <= 256);
	cipher_key_make(&k, CIPHER_AES_256_GCM, calls_key);
	gcm_seal(&k, sealed, STR(CALL_WORD), (struct str){ plain, len }, sealed + GCM_NONCE_BYTES, sealed + GCM_NONCE_BYTES + len);
	base64_text(sealed, GCM_NONCE_BYTES + len + GCM_TAG_BYTES, data);
	const struct str parts[] = { STR(CALL_WORD "."), str_c(data) };
	hmac_sha256((struct str){ (const char *)calls_key, sizeof(calls_key) }, parts, 2, mac);
	hex_text(mac, sizeof(mac), sign);
	snprintf(body, sizeof(body), "{\"version\":1,\"data\":\"%s\",\"sign\":\"%s\"}", data, sign);
	world_ask(w, METHOD_POST, path, NULL, body);
	w->r.query = str_c(query);
}

static inline void ask_call(struct world *w)
{
	ask_sealed(w, "/callbacks/wechatnontax", "{\"appid\":\"wxnontax\",\"order_id\":\"AQAAD1\",\"status\":3,\"fee\":20600,\"trans_id\":\"42\",\"pay_finish_time\":1795300100}");
}
#endif
