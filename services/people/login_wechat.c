/* services/people/login_wechat.c - POST /v1/login/wechat: where a page in WeChat goes, and the state it comes back with. Within a session it will link the account to that person.
 *
 * What is begun costs room in the expiring store, so an address begins a bounded number. */
#include "channels/wechat_official.h"
#include "services/handlers.h"
#include "services/people/login_begin.h"
#include "services/people/wechat_account.h"
#include "services/people/wechat_login.h"
#include "services/services.h"

enum { REDIRECT_URI_MAX = 256 };

struct beginning {
	struct str device_id, redirect_uri;
	struct wechat_state begun;
	char state[WECHAT_STATE_TEXT + 1];
	uint8_t keys[2][SHA256_BYTES];
};

static const char *const no_query[] = { NULL };
static const struct json_field fields[] = {
	{ "device_id", JSON_F_TEXT, true, 1, 64, offsetof(struct beginning, device_id), NULL },
	{ "redirect_uri", JSON_F_TEXT, true, 1, REDIRECT_URI_MAX, offsetof(struct beginning, redirect_uri), NULL },
};

/* Letter by letter: whoever may choose where a code goes may take it. */
static bool returns_to(struct str redirect_uri)
{
	struct str one, rest = str_c(services_config()->wechat_official_redirect_uris);
	for (bool more = rest.len > 0; more;) {
		more = str_cut(rest, ',', &one, &rest);
		if (str_eq(str_trim(one), redirect_uri))
			return true;
	}
	return false;
}

static bool begin_parse(struct request *r, struct fail *why)
{
	struct beginning *b = request_state(r, sizeof(*b), why);
	if (b == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), b, why))
		return false;
	if (!device_id_is_good(b->device_id))
		return FAILS_FIELD(why, FIELD, "/device_id", "22 to 64 characters of base64url");
	if (r->who.kind != WHO_ANYONE && (r->who.kind != WHO_CITIZEN || r->who.session == 0))
		return FAILS(why, FORBIDDEN, "a token that belongs to no citizen's session");
	if (!wechat_official_is_there())
		return FAILS(why, PEER_AWAY, "wechat.official.appid is not configured");
	if (!returns_to(b->redirect_uri))
		return FAILS_FIELD(why, FIELD, "/redirect_uri", "not one of wechat.official.redirect_uris");
	b->begun.version = WECHAT_STATE_VERSION;
	b->begun.session = r->who.session;
	device_hash(b->device_id, b->begun.device);
	return true;
}

static bool begin_recall(struct request *r, struct expiring_batch *batch, struct fail *why)
{
	(void)why;
	struct beginning *b = r->state;
	uint8_t random[SHA256_BYTES];
	struct str purpose = STR("wechat state");
	hmac_sha256((struct str){ (const char *)r->seed, sizeof(r->seed) }, &purpose, 1, random);
	hex_text(random, sizeof(random), b->state);
	wechat_state_key(str_c(b->state), b->keys[0]);
	login_begin_keep(r, batch, STR("siban wechat address\n"), b->keys, (struct str){ (const char *)&b->begun, sizeof(b->begun) });
	return true;
}

static bool begin_recalled(struct request *r, const struct expiring_batch *batch, struct fail *why)
{
	(void)r;
	return login_begin_judge(batch, why);
}

static bool begin_render(struct request *r, struct fail *why)
{
	const struct beginning *b = r->state;
	struct str url;
	if (!wechat_official_authorization(services_config(), b->redirect_uri, str_c(b->state), &r->arena, &url, why))
		return false;
	return login_begin_reply(r, url, str_c(b->state), WECHAT_STATE_MS, why);
}

const struct handler login_wechat = { .parse = begin_parse, .recall = begin_recall, .recalled = begin_recalled, .render = begin_render };
