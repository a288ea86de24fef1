/* Header lines as a client might send them: whatever passes has version 13, one good key, and a page that may; nothing is read outside the lines. */
#include "gateway/door/upgrade.h"
#include <assert.h>
#include <stdlib.h>

enum { LINES_MAX = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config c;
	struct header headers[LINES_MAX];
	struct request r = { .method = METHOD_GET, .http_major = 1, .authority = STR("gw.example"), .headers = headers };
	struct str rest = { (const char *)data, size }, line, after;
	struct upgrade u = { .names_protocol = false };
	struct secret token;
	struct fail why;
	config_defaults(&c);
	memcpy(c.ws_origins, "https://fw.example,https://servicewechat.com/wx1", 49);
	while (rest.len > 0 && r.header_count < LINES_MAX) {
		struct header *h = &headers[r.header_count++];
		str_cut(rest, '\n', &line, &after);
		str_cut(line, ':', &h->name, &h->value);
		h->value = str_trim(h->value);
		rest = after;
	}
	fail_clear(&why);
	r.wants_tunnel = upgrade_is_asked(&r);
	upgrade_bearer(&r, &token);
	bool ok = upgrade_judge(&r, &c, &u, &why);
	assert(ok == (why.code == FAIL_NONE));
	if (!ok)
		return 0;
	char accept[UPGRADE_ACCEPT_BYTES];
	assert(r.wants_tunnel && str_eq(request_header(&r, STR("sec-websocket-version")), STR("13")) && u.key.len == UPGRADE_KEY_CHARS);
	struct str origin = request_header(&r, STR("origin"));
	assert(origin.at == NULL || str_eq_nocase(origin, STR("https://fw.example")) || str_eq_nocase(origin, STR("https://gw.example")) ||
	       str_eq_nocase(origin, STR("https://servicewechat.com")));
	upgrade_accept(u.key, accept);
	return 0;
}
