/* services/people/login_provincial.c - POST /v1/login/provincial: where to go, and the state to come back with. Within a session it will raise that one.
 *
 * What is begun costs room in the expiring store, so an address begins a bounded number. */
#include "services/handlers.h"
#include "services/people/login_begin.h"
#include "services/people/provincial.h"

struct beginning {
	struct str device_id, redirect_uri;
	struct login_state begun;
	char state[OIDC_RANDOM_TEXT + 2];
	uint8_t keys[2][SHA256_BYTES];
};

static const char *const no_query[] = { NULL };
static const struct json_field fields[] = {
	{ "device_id", JSON_F_TEXT, true, 1, 64, offsetof(struct beginning, device_id), NULL },
	{ "redirect_uri", JSON_F_TEXT, true, 1, REDIRECT_URI_MAX, offsetof(struct beginning, redirect_uri), NULL },
};

static bool begin_parse(struct request *r, struct fail *why)
{
	const struct oidc_site *site;
	struct beginning *b = request_state(r, sizeof(*b), why);
	if (b == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), b, why))
		return false;
	if (!device_id_is_good(b->device_id))
		return FAILS_FIELD(why, FIELD, "/device_id", "22 to 64 characters of base64url");
	if (r->who.kind != WHO_ANYONE && (r->who.kind != WHO_CITIZEN || r->who.session == 0))
		return FAILS(why, FORBIDDEN, "a token that belongs to no citizen's session");
	if (!provincial_site(&site, why))
		return false;
	if (b->redirect_uri.len > REDIRECT_URI_MAX || !provincial_returns_to(b->redirect_uri))
		return FAILS_FIELD(why, FIELD, "/redirect_uri", "not one of provincial.redirect_uris");
	b->begun.version = LOGIN_STATE_VERSION;
	b->begun.session = r->who.session;
	device_hash(b->device_id, b->begun.device);
	memcpy(b->begun.redirect_uri, b->redirect_uri.at, b->redirect_uri.len);
	return true;
}

static void random_text(const struct request *r, const char *purpose, char *out)
{
	uint8_t bytes[SHA256_BYTES];
	struct str part = str_c(purpose);
	hmac_sha256((struct str){ (const char *)r->seed, sizeof(r->seed) }, &part, 1, bytes);
	size_t len = base64url_text(bytes, sizeof(bytes), out);
	out[len] = '\0';
}

static bool begin_recall(struct request *r, struct expiring_batch *batch, struct fail *why)
{
	(void)why;
	struct beginning *b = r->state;
	random_text(r, "state", b->state);
	random_text(r, "nonce", b->begun.nonce);
	random_text(r, "verifier", b->begun.verifier);
	login_state_key(str_c(b->state), b->keys[0]);
	login_begin_keep(r, batch, STR("siban provincial address\n"), b->keys, (struct str){ (const char *)&b->begun, sizeof(b->begun) });
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
	const struct oidc_site *site;
	struct oidc_login login = { .redirect_uri = b->redirect_uri, .state = str_c(b->state), .nonce = str_c(b->begun.nonce), .verifier = str_c(b->begun.verifier) };
	struct str url;
	if (!provincial_site(&site, why) || !oidc_authorization(site, &login, &r->arena, &url, why))
		return false;
	return login_begin_reply(r, url, login.state, LOGIN_STATE_MS, why);
}

const struct handler login_provincial = { .parse = begin_parse, .recall = begin_recall, .recalled = begin_recalled, .render = begin_render };
