/* Bytes as a header value and as a request target: every reading ends, and what is let through keeps its promise. */
#include "gateway/door/headers.h"
#include "gateway/requests/task.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_target(struct str s)
{
	struct request r;
	struct fail why;
	const char *allow;
	memset(&r, 0, sizeof(r));
	fail_clear(&why);
	arena_init(&r.arena, 256 << 10);
	r.method = METHOD_GET;
	r.target = s;
	if (target_split(&r, &why)) {
		assert(r.path.len > 0 && r.path.at[0] == '/');
		assert(memmem(r.path.at, r.path.len, "/../", 4) == NULL);
		const struct route *row = route_find(&r, FACE_PUBLIC, &allow, &why);
		assert(row != NULL || why.code != FAIL_NONE);
		for (int i = 0; row != NULL && i < REQUEST_PARAMS && r.params[i].at != NULL; i++)
			assert(memchr(r.params[i].at, '/', r.params[i].len) == NULL && memchr(r.params[i].at, '\0', r.params[i].len) == NULL);
	} else {
		assert(why.code != FAIL_NONE);
	}
	arena_free(&r.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = { (const char *)data, size }, key;
	struct secret secret;
	char trace[33];
	route_table_build();
	header_lang(s);
	assert(header_trace(s, trace) == (trace[0] != '\0'));
	if (header_bearer(s, &secret) && secret.secret.at != NULL)
		assert(str_is_visible_ascii(secret.secret));
	if (header_idempotency_key(s, &key))
		assert(key.len >= 8 && key.len <= 255);
	header_media_type(s);
	header_has_etag(s, STR("W/\"12-zh\""));
	as_target(s);
	return 0;
}
