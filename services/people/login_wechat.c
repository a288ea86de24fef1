/* services/people/login_wechat.c - POST /v1/login/wechat: where a page in WeChat goes, and the state it comes back with. Within a session it will link the account to that person.
 *
 * What is begun costs room in the expiring store, so an address begins a bounded number. */
#include "channels/wechat_official.h"
#include "services/handlers.h"
#include "services/people/wechat_account.h"
#include "services/people/wechat_login.h"
#include "services/services.h"

enum { PER_ADDRESS = 1000, REDIRECT_URI_MAX = 256 };

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
	struct str purpose = STR("wechat state"), address[] = { STR("siban wechat address\n"), r->peer };
	hmac_sha256((struct str){ (const char *)r->seed, sizeof(r->seed) }, &purpose, 1, random);
	hex_text(random, sizeof(random), b->state);
	wechat_state_key(str_c(b->state), b->keys[0]);
	hash_parts(HASH_SHA256, address, 2, b->keys[1]);
	batch->all_or_nothing = true;
	batch->op[batch->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_LOGIN_STATE, .key = { (const char *)b->keys[1], SHA256_BYTES }, .limit = PER_ADDRESS };
	batch->op[batch->count++] = (struct expiring_op){ .verb = EXPIRING_ADD, .class = KEY_LOGIN_STATE, .key = { (const char *)b->keys[0], SHA256_BYTES },
		.value = { (const char *)&b->begun, sizeof(b->begun) } };
	return true;
}

static bool begin_recalled(struct request *r, const struct expiring_batch *batch, struct fail *why)
{
	(void)r;
	if (batch->op[0].end != EXPIRING_NO)
		return true;
	why->retry_after_s = (int)(batch->op[0].left_ms / 1000) + 1;
	return FAILS(why, RATE, "more than %d logins begun from one address", PER_ADDRESS);
}

static bool begin_render(struct request *r, struct fail *why)
{
	const struct beginning *b = r->state;
	struct str url;
	if (!wechat_official_authorization(services_config(), b->redirect_uri, str_c(b->state), &r->arena, &url, why))
		return false;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "authorization_url", url);
	json_add_text(&j, "state", str_c(b->state));
	json_add_number(&j, "expires_in", WECHAT_STATE_MS / 1000);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler login_wechat = { .parse = begin_parse, .recall = begin_recall, .recalled = begin_recalled, .render = begin_render };
