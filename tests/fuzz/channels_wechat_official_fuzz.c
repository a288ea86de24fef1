/* Goal: whatever WeChat, or somebody in its place, answers about a code of a page, nothing crashes, and what counts as OK keeps its bounds.
 * Method: the bytes are the body. */
#include "channels/wechat_official.h"

#include "base/arena.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct wechat_visitor v;
	struct http_answer answer = { .end = HTTP_ANSWERED, .status = 200, .body = { (const char *)data, size } };
	arena_init(&a, 1 << 18);
	if (wechat_official_judge(&answer, &a, &v).means == WECHAT_OK)
		assert(v.openid.len >= 1 && v.openid.len <= WECHAT_ID_MAX && str_is_visible_ascii(v.openid) && (v.is_snapshot == 0 || v.is_snapshot == 1) &&
		       wechat_official_is_answered(&answer));
	arena_free(&a);
	return 0;
}
