/* gateway/door/upgrade.c - each header is read once and strictly: a handshake that two parsers could read differently is refused. */
#include "gateway/door/upgrade.h"
#include "base/hash.h"
#include "gateway/machine.h"

const char UPGRADE_PROTOCOL[] = "siban.v1";

static const struct str mini_programs = { "https://servicewechat.com/", 26 };

/* Steps through the comma-separated members of all fields of one name. */
struct members {
	const struct request *r;
	struct str name, rest;
	size_t next;
};

static bool next_member(struct members *m, struct str *out)
{
	for (;;) {
		while (m->rest.len > 0) {
			struct str after;
			str_cut(m->rest, ',', out, &after);
			m->rest = after;
			*out = str_trim(*out);
			if (out->len > 0)
				return true;
		}
		while (m->next < m->r->header_count && !str_eq(m->r->headers[m->next].name, m->name))
			m->next++;
		if (m->next == m->r->header_count)
			return false;
		m->rest = m->r->headers[m->next++].value;
	}
}

static int members_like(const struct request *r, struct str name, struct str wanted, int *others)
{
	struct members m = { .r = r, .name = name };
	struct str one;
	int found = 0;
	*others = 0;
	while (next_member(&m, &one)) {
		if (str_eq_nocase(one, wanted))
			found++;
		else
			++*others;
	}
	return found;
}

bool upgrade_is_asked(const struct request *r)
{
	int others;
	return r->method == METHOD_GET && members_like(r, STR("upgrade"), STR("websocket"), &others) > 0 &&
	       members_like(r, STR("connection"), STR("upgrade"), &others) > 0;
}

bool upgrade_bearer(const struct request *r, struct secret *out)
{
	static const struct str prefix = { "bearer.", 7 };
	struct members m = { .r = r, .name = STR("sec-websocket-protocol") };
	struct str one;
	int found = 0;
	out->secret = STR_NONE;
	while (next_member(&m, &one)) {
		if (!str_starts(one, prefix))
			continue;
		out->secret = (struct str){ one.at + prefix.len, one.len - prefix.len };
		found++;
	}
	return found <= 1;
}

/* The one field of this name; STR_NONE: none or several. */
static struct str only_one(const struct request *r, struct str name)
{
	struct str value = STR_NONE;
	int found = 0; /* counted, because a field may be empty */
	for (size_t i = 0; i < r->header_count; i++) {
		if (!str_eq(r->headers[i].name, name))
			continue;
		value = r->headers[i].value;
		found++;
	}
	return found == 1 ? value : STR_NONE;
}

/* base64 of 16 bytes: 22 digits, of which the last holds two bits, and "==". */
static bool key_is_valid(struct str key)
{
	if (key.len != UPGRADE_KEY_CHARS || key.at[22] != '=' || key.at[23] != '=')
		return false;
	for (int i = 0; i < 22; i++) {
		char c = key.at[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
			return false;
	}
	return strchr("AQgw", key.at[21]) != NULL;
}

/* ---- origin ---- */

static bool list_has(const char *list, struct str wanted)
{
	struct str rest = str_c(list), one;
	while (rest.len > 0) {
		struct str after;
		str_cut(rest, ',', &one, &after);
		rest = after;
		if (str_eq_nocase(str_trim(one), wanted))
			return true;
	}
	return false;
}

static bool list_names_mini_programs(const char *list)
{
	struct str rest = str_c(list), one;
	while (rest.len > 0) {
		struct str after;
		str_cut(rest, ',', &one, &after);
		rest = after;
		if (str_starts(str_trim(one), mini_programs))
			return true;
	}
	return false;
}

/* A mini-program's Referer is https://servicewechat.com/<appid>/<version>/page-frame.html; WeChat writes it, the program cannot. */
static bool mini_program_is_ours(const struct config *c, struct str referer)
{
	if (!list_names_mini_programs(c->ws_origins))
		return true;
	struct str tail = { referer.at + mini_programs.len, referer.len - mini_programs.len }, appid, after;
	str_cut(tail, '/', &appid, &after);
	return list_has(c->ws_origins, (struct str){ referer.at, mini_programs.len + appid.len });
}

/* A browser always names its page; a program need not. No cookie speaks for anyone here, so this is the second wall, not the first. */
static bool origin_fits(const struct request *r, const struct config *c)
{
	static const struct str scheme = { "https://", 8 };
	struct str origin = request_header(r, STR("origin")), referer = request_header(r, STR("referer"));
	if (str_starts(referer, mini_programs) && (origin.at == NULL || str_eq_nocase(origin, STR("https://servicewechat.com"))))
		return mini_program_is_ours(c, referer);
	if (origin.at == NULL)
		return true;
	if (only_one(r, STR("origin")).at == NULL)
		return false;
	if (str_starts(origin, scheme) && str_eq_nocase((struct str){ origin.at + scheme.len, origin.len - scheme.len }, r->authority))
		return true;
	return list_has(c->ws_origins, origin);
}

/* ---- the whole ---- */

bool upgrade_judge(const struct request *r, const struct config *c, struct upgrade *out, struct fail *why)
{
	int others, ours = members_like(r, STR("sec-websocket-protocol"), str_c(UPGRADE_PROTOCOL), &others);
	if (!r->wants_tunnel)
		return FAILS(why, UPGRADE, "no Upgrade: websocket");
	if (!str_eq(only_one(r, STR("sec-websocket-version")), STR("13")))
		return FAILS(why, UPGRADE, "another version");
	if (r->http_major == 1) {
		int foreign;
		if (members_like(r, STR("upgrade"), STR("websocket"), &foreign) != 1 || foreign > 0)
			return FAILS_FIELD(why, BAD_REQUEST, "upgrade", "more than one protocol");
		out->key = only_one(r, STR("sec-websocket-key"));
		if (out->key.at == NULL || !key_is_valid(out->key))
			return FAILS_FIELD(why, BAD_REQUEST, "sec-websocket-key", "not one key of 16 bytes");
	}
	if (!origin_fits(r, c))
		return FAILS(why, ORIGIN, "a foreign page");
	if (ours == 0 && others > 0)
		return FAILS_FIELD(why, BAD_REQUEST, "sec-websocket-protocol", "siban.v1 is not offered");
	out->names_protocol = ours > 0;
	return true;
}

void upgrade_accept(struct str key, char out[UPGRADE_ACCEPT_BYTES])
{
	static const char salt[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 1.3 */
	char both[UPGRADE_KEY_CHARS + sizeof(salt)];
	uint8_t digest[SHA1_BYTES];
	memcpy(both, key.at, UPGRADE_KEY_CHARS);
	memcpy(both + UPGRADE_KEY_CHARS, salt, sizeof(salt) - 1);
	sha1((struct str){ both, UPGRADE_KEY_CHARS + sizeof(salt) - 1 }, digest);
	base64_text(digest, sizeof(digest), out);
}

/* ---- the route ---- */

static bool ws_parse(struct request *r, struct fail *why)
{
	struct upgrade *u = request_state(r, sizeof(*u), why);
	return u != NULL && upgrade_judge(r, machine_config(), u, why) && stream_want_read(r, &u->stream, why);
}

static bool ws_render(struct request *r, struct fail *why)
{
	const struct upgrade *u = r->state;
	r->reply.status = r->http_major == 1 ? 101 : 200;
	r->reply.goes_on = REPLY_TUNNEL;
	if (u->names_protocol)
		reply_header(r, "sec-websocket-protocol", str_c(UPGRADE_PROTOCOL));
	if (r->http_major != 1)
		return true;
	char *accept = arena_alloc(&r->arena, UPGRADE_ACCEPT_BYTES);
	if (accept == NULL)
		return FAILS(why, MEMORY, "a handshake");
	upgrade_accept(u->key, accept);
	reply_header(r, "sec-websocket-accept", str_c(accept));
	return true;
}

const struct handler ws_open = { .parse = ws_parse, .look = stream_want_look, .render = ws_render };
