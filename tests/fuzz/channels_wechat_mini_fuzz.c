/* Goal: whatever WeChat, or somebody in its place, answers, nothing crashes, and what counts as OK keeps its bounds.
 * Method: the first byte chooses the question, the rest is the body. */
#include "channels/wechat_mini.h"

#include "base/arena.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config c = { .wechat_mini_appid = "wx4f4bc4dec97d474b" };
	struct arena a;
	struct wechat_session s;
	struct wechat_phone p;
	struct wechat_token t;
	struct str json;
	if (size == 0)
		return 0;
	arena_init(&a, 1 << 18);
	struct http_answer answer = { .end = HTTP_ANSWERED, .status = 200, .body = { (const char *)data + 1, size - 1 } };
	if (data[0] % 4 == 0 && wechat_login_judge(&answer, &a, &s).means == WECHAT_OK)
		assert(s.openid.len >= 1 && s.openid.len <= WECHAT_ID_MAX && str_is_visible_ascii(s.openid) && s.session_key.secret.len == 24 &&
		       wechat_login_is_answered(&answer));
	if (data[0] % 4 == 1 && wechat_phone_judge(&c, &answer, &a, &p).means == WECHAT_OK)
		assert(p.phone.len >= 1 && p.phone.len <= 20 && p.country.len >= 1 && wechat_phone_is_answered(&answer));
	if (data[0] % 4 == 2 && wechat_token_judge(&answer, &a, &t).means == WECHAT_OK)
		assert(t.token.secret.len >= 1 && t.token.secret.len <= WECHAT_TOKEN_MAX && t.expires_in_s >= 1);
	if (data[0] % 4 == 3)
		(void)wechat_open(&c, (struct secret){ STR("tiihtNczf5v6AKRyjwEUhQ==") }, STR("AAECAwQFBgcICQoLDA0ODw=="), answer.body, 0, 0, &a, &json);
	arena_free(&a);
	return 0;
}
