/* Goal: whatever stands in the place of the province's login answers, nothing crashes, and what counts as OK keeps its bounds and is about the right one.
 * Method: the first byte chooses the question and whether an issuer is configured; for an id_token the rest is its claims, else the body. */
#include "channels/oidc.h"

#include "base/arena.h"
#include "base/hash.h"
#include <assert.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct oidc_login login = { { "https://a/", 10 }, { "s", 1 }, { "n", 1 }, { "v", 1 } };

static void fits(struct str s, size_t max)
{
	assert(s.at == NULL || (s.len >= 1 && s.len <= max));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char middle[1 << 14], body[1 << 15];
	struct oidc_site site = { .client_id = { "c", 1 }, .claim = { .subject = { "sub", 3 }, .name = { "a.b", 3 }, .number = { "n", 1 }, .phone = { "p", 1 }, .level = { "l.", 2 } } };
	struct arena a;
	struct oidc_token t = { .subject = STR_NONE };
	struct oidc_person p;
	if (size == 0 || size > 8000)
		return 0;
	arena_init(&a, 1 << 18);
	if (data[0] & 1)
		site.issuer = STR("i");
	struct http_answer answer = { .end = HTTP_ANSWERED, .status = data[0] & 2 ? 200 : 401, .body = { (const char *)data + 1, size - 1 } };
	if (data[0] & 4) {
		size_t len = base64url_text(data + 1, size - 1, middle);
		answer.body = (struct str){ body, (size_t)snprintf(body, sizeof(body), "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"id_token\":\"h.%.*s.s\"}", (int)len, middle) };
	}
	if (oidc_token_judge(&site, &login, &answer, 0, &a, &t).means == OIDC_OK)
		assert(t.access.secret.len >= 1 && t.access.secret.len <= OIDC_TOKEN_MAX && (t.subject.at != NULL) == (site.issuer.len > 0));
	if (data[0] & 8)
		t.subject = STR("u");
	if (oidc_userinfo_judge(&site, &t, &answer, &a, &p).means == OIDC_OK) {
		assert(p.subject.len >= 1 && p.subject.len <= OIDC_SUBJECT_MAX && (t.subject.at == NULL || str_eq(p.subject, t.subject)));
		fits(p.name, OIDC_CLAIM_MAX), fits(p.number, OIDC_CLAIM_MAX), fits(p.phone, OIDC_CLAIM_MAX), fits(p.level, OIDC_CLAIM_MAX);
	}
	arena_free(&a);
	return 0;
}
