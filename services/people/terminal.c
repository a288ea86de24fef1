/* services/people/terminal.c - /v1/terminal: a machine in a hall begins a visit by its certificate, shows a code, and takes what a citizen has handed over to it.
 *
 * Answers that bear tokens are kept nowhere. A lost one: begin another visit, show another code.
 * A picture of the code may be passed on; what that is worth: auth/terminal.h. */
#include "services/people/terminal.h"
#include "auth/audit.h"
#include "auth/session.h"
#include "auth/token.h"
#include "services/handlers.h"
#include "services/people/hand_over_kept.h"
#include "services/services.h"
#include "store/expiring.h"
#include <assert.h>

enum { GRANTED = 1, REFUSED };
enum { N_LEVEL };

static const char *const no_query[] = { NULL };

/* ---- tokens ---- */

bool terminal_token_make(struct tx *tx, const struct request *r, enum who kind, int64_t principal, int64_t session, struct fail *why)
{
	char text[TOKEN_TEXT_BYTES];
	struct token_spec spec = { .kind = kind, .principal = principal, .session = session, .expires_ms = r->now_ms + TERMINAL_SESSION_MS };
	request_bytes(r, "access token", spec.random);
	bool ok = token_make(tx, &spec, r->now_ms, text, why);
	wipe(text, sizeof(text));
	return ok;
}

struct json_out terminal_token_begin(struct request *r, enum who kind)
{
	char text[TOKEN_TEXT_BYTES];
	uint8_t random[32];
	request_bytes(r, "access token", random);
	token_text(kind, random, text);
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "access_token", str_c(text));
	json_add_text(&j, "token_type", STR("Bearer"));
	json_add_number(&j, "expires_in", TERMINAL_SESSION_MS / 1000);
	json_add_number(&j, "idle_s", TERMINAL_IDLE_MS / 1000);
	wipe(text, sizeof(text));
	return j;
}

void terminal_members(struct json_out *j, const struct terminal_row *t)
{
	char key[ID_TEXT_BYTES];
	id_text(t->key, "tm", key);
	json_add_text(j, "id", str_c(key));
	json_add_text(j, "name", str_c(t->name));
	json_add_text(j, "place", str_c(t->place));
	json_add_region_code(j, "region", t->region);
}

/* ---- a visit ---- */

struct visit {
	struct terminal_row terminal;
};

static bool visit_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct visit), why) != NULL && request_query_only(r, no_query, why);
}

static bool visit_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct visit *v = r->state;
	const uint8_t *certificate = request_certificate(r);
	int64_t session;
	uint8_t random[32];
	bool found;
	assert(certificate != NULL); /* admission saw to it, and the request's time stands still */
	if (!terminal_by_certificate(tx, certificate, &v->terminal, &found, why))
		return false;
	struct audit a = { found ? AUDIT_LOGGED_IN : AUDIT_LOGIN_REFUSED, found ? AUDIT_OF_TERMINAL : AUDIT_OF_NOTHING, found ? v->terminal.id : 0, .result = found ? 201 : 401,
		.detail = STR("terminal"), .region = found ? v->terminal.region : 0 };
	r->outcome = (struct outcome){ .code = found ? GRANTED : REFUSED, .status = 201 };
	request_bytes(r, "session", random);
	return audit_add(tx, r, &a, why) && (!found || (terminal_visit(tx, &v->terminal, certificate, r->now_ms, random, &session, why) &&
		terminal_token_make(tx, r, WHO_TERMINAL, v->terminal.id, session, why)));
}

static bool visit_render(struct request *r, struct fail *why)
{
	const struct visit *v = r->state;
	if (r->outcome.code == REFUSED)
		return FAILS(why, CERTIFICATE, "no terminal's, or revoked; and noted");
	struct json_out j = terminal_token_begin(r, WHO_TERMINAL);
	json_put_name(&j, "terminal");
	json_put_object(&j);
	terminal_members(&j, &v->terminal);
	json_put_object_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler terminal_visit_open = { .parse = visit_parse, .apply = visit_apply, .render = visit_render, .wants_certificate = true };

/* ---- a code ---- */

struct showing {
	char code[HAND_OVER_CODE_BYTES];
	struct id key;
	struct hand_over_kept kept;
};

static bool show_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct showing), why) != NULL && request_query_only(r, no_query, why);
}

static bool show_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	struct showing *s = r->state;
	(void)why;
	hand_over_code(r->seed, s->code);
	s->key = hand_over_key(str_c(s->code));
	hand_over_keep(&s->kept, &s->key, r->who.id, r->who.session, &b->op[b->count++]);
	return true;
}

static bool show_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	(void)r;
	return b->op[0].end == EXPIRING_OK || FAILS(why, TRY_LATER, "128 random bits came twice");
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct showing *s = r->state;
	char key[ID_TEXT_BYTES];
	struct buf qr;
	buf_init(&qr, &r->arena, 256);
	buf_str(&qr, str_c(services_config()->terminal_url));
	buf_str(&qr, str_c(s->code));
	id_text(s->key, "ho", key);
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(key));
	json_add_text(&j, "code", str_c(s->code));
	json_add_text(&j, "qr", buf_text(&qr));
	json_add_time(&j, "expires_at", r->now_ms + HAND_OVER_MS);
	json_put_object_end(&j);
	return (buf_ok(&qr) || FAILS(why, MEMORY, "qr")) && reply_json_end(r, &j, why);
}

const struct handler terminal_hand_over = { .parse = show_parse, .recall = show_recall, .recalled = show_recalled, .render = show_render, .wants_certificate = true };

/* ---- has he said yes? ---- */

struct asked {
	struct id key;
	struct hand_over h;
	bool is_waiting, is_approved;
};

/* What belongs to another visit is not there. */
static bool is_mine(const struct request *r, const struct hand_over *h)
{
	return h->terminal == r->who.id && h->visit == r->who.session;
}

static bool ask_parse(struct request *r, struct fail *why)
{
	struct asked *a = request_state(r, sizeof(*a), why);
	if (a == NULL || !request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], "ho", &a->key) || FAILS(why, NOT_FOUND, "not the id of a hand-over");
}

static bool ask_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	struct asked *a = r->state;
	(void)why;
	hand_over_look(&a->key, &b->op[b->count++]);
	return true;
}

static bool ask_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	struct asked *a = r->state;
	struct hand_over kept;
	(void)why;
	a->is_waiting = hand_over_kept_read(&b->op[0], &kept) && is_mine(r, &kept);
	return true;
}

static bool ask_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct asked *a = r->state;
	bool found;
	if (!hand_over_find(tx, a->key, &a->h, &found, why))
		return false;
	a->is_approved = found && is_mine(r, &a->h) && a->h.opened == 0 && a->h.until_ms > r->now_ms;
	return a->is_approved || (a->is_waiting && !found) || FAILS(why, NOT_FOUND, "no such code of this visit, or it is over");
}

static bool ask_render(struct request *r, struct fail *why)
{
	const struct asked *a = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_plain(&j, "state", a->is_approved ? STR("approved") : STR("waiting"));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler terminal_hand_over_show = { .parse = ask_parse, .recall = ask_recall, .recalled = ask_recalled, .look = ask_look, .render = ask_render,
	.wants_certificate = true };

/* ---- taking ---- */

static bool take_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct asked *a = r->state;
	struct terminal_row t;
	int64_t session;
	uint8_t random[32];
	bool found, there;
	if (!hand_over_find(tx, a->key, &a->h, &found, why) || !terminal_by_id(tx, r->who.id, &t, &there, why))
		return false;
	if (!found || !there || !is_mine(r, &a->h))
		return FAILS(why, NOT_FOUND, "nothing was handed over to this visit");
	request_bytes(r, "session", random);
	if (!hand_over_take(tx, &a->h, &t, request_certificate(r), r->now_ms, random, &session, why) ||
	    !terminal_token_make(tx, r, WHO_CITIZEN, a->h.person, session, why))
		return false;
	r->outcome = (struct outcome){ .code = GRANTED, .status = 201, .n = { [N_LEVEL] = a->h.level } };
	struct audit row = { AUDIT_HAND_OVER_TAKEN, AUDIT_OF_SESSION, session, .result = 201, .for_kind = WHO_CITIZEN, .for_id = a->h.person, .region = t.region };
	return audit_add(tx, r, &row, why);
}

static bool take_render(struct request *r, struct fail *why)
{
	struct json_out j = terminal_token_begin(r, WHO_CITIZEN);
	json_add_number(&j, "level", r->outcome.n[N_LEVEL]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler terminal_hand_over_take = { .parse = ask_parse, .apply = take_apply, .render = take_render, .wants_certificate = true };
