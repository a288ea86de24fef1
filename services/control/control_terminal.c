/* services/control/control_terminal.c - `siban terminal` asks: a machine that was put up, those there are, and the end of one. */
#include "auth/audit.h"
#include "auth/terminal.h"
#include "services/handlers.h"
#include "services/people/terminal.h"
#include "services/services.h"

enum { DONE = 1, LIST_MAX = 100, PEM_MAX = 24 << 10 };
enum { N_UNTIL, N_ENDED };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const no_query[] = { NULL };

struct wish {
	struct str name, place, region_text, pem, terminal;
	int64_t region;
	struct certificate certificate;
};

static bool audited(struct tx *tx, const struct request *r, enum audit_act act, int64_t terminal, int64_t region, struct fail *why)
{
	struct audit a = { act, AUDIT_OF_TERMINAL, terminal, .result = r->outcome.status, .region = region };
	return audit_add(tx, r, &a, why);
}

/* ---- add ---- */

static const struct json_field add_fields[] = {
	{ "name", JSON_F_TEXT, true, 1, TERMINAL_TEXT, offsetof(struct wish, name), check_plain_text },
	{ "place", JSON_F_TEXT, true, 1, TERMINAL_TEXT, offsetof(struct wish, place), check_plain_text },
	{ "region", JSON_F_TEXT, true, 1, 16, offsetof(struct wish, region_text), NULL },
	{ "certificate", JSON_F_TEXT, true, 1, PEM_MAX, offsetof(struct wish, pem), NULL },
};

static bool add_parse(struct request *r, struct fail *why)
{
	struct wish *w = request_state(r, sizeof(*w), why);
	if (w == NULL || !request_query_only(r, no_query, why) || !request_json(r, add_fields, COUNT(add_fields), w, why))
		return false;
	if (!region_code_from(w->region_text, &w->region))
		return FAILS_FIELD(why, FIELD, "/region", "not a region code");
	return certificate_read(w->pem, &w->certificate, why) || fail_point(why, "/certificate");
}

static bool add_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	struct terminal_new t = { .name = w->name, .place = w->place, .region = w->region, .certificate = &w->certificate };
	struct id key;
	int64_t id;
	r->outcome = (struct outcome){ .code = DONE, .status = 201, .n = { [N_UNTIL] = w->certificate.until_ms } };
	if (!terminal_add(tx, &t, r->now_ms, r->random, &id, &key, why))
		return false;
	id_text(key, "tm", r->outcome.text);
	return audited(tx, r, AUDIT_TERMINAL_ADDED, id, w->region, why);
}

static bool add_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "terminal", str_c(r->outcome.text));
	json_add_time(&j, "expires_at", r->outcome.n[N_UNTIL]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_terminal_add = { .parse = add_parse, .apply = add_apply, .render = add_render };

/* ---- revoke ---- */

static const struct json_field revoke_fields[] = { { "terminal", JSON_F_TEXT, true, 1, ID_TEXT_BYTES, offsetof(struct wish, terminal), NULL } };

static bool revoke_parse(struct request *r, struct fail *why)
{
	struct wish *w = request_state(r, sizeof(*w), why);
	return w != NULL && request_query_only(r, no_query, why) && request_json(r, revoke_fields, COUNT(revoke_fields), w, why);
}

static bool revoke_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	struct terminal_row t;
	struct id key;
	bool found = false;
	int64_t ended;
	if (id_from_text(w->terminal, "tm", &key) && !terminal_by_key(tx, key, &t, &found, why))
		return false;
	if (!found)
		return FAILS_FIELD(why, NOT_FOUND, "/terminal", "no such terminal, or it was revoked before");
	if (!terminal_revoke(tx, t.id, r->now_ms, &ended, why))
		return false;
	r->outcome = (struct outcome){ .code = DONE, .status = 200, .n = { [N_ENDED] = ended } };
	return audited(tx, r, AUDIT_TERMINAL_REVOKED, t.id, t.region, why);
}

static bool revoke_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "sessions_ended", r->outcome.n[N_ENDED]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_terminal_revoke = { .parse = revoke_parse, .apply = revoke_apply, .render = revoke_render };

/* ---- list ---- */

struct page {
	int64_t after;
	int count;
	struct terminal_row items[LIST_MAX];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "after", NULL };
	struct page *page = request_state(r, sizeof(*page), why);
	return page != NULL && request_query_only(r, names, why) && query_number(r, "after", 0, INT64_MAX, 0, &page->after, why);
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *page = r->state;
	return terminal_list(tx, page->after, page->items, LIST_MAX, &page->count, why);
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct page *page = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int i = 0; i < page->count; i++) {
		const struct terminal_row *t = &page->items[i];
		json_put_object(&j);
		terminal_members(&j, t);
		json_add_plain(&j, "state", t->is_revoked ? STR("revoked") : t->until_ms <= r->now_ms ? STR("expired") : STR("good"));
		json_add_time(&j, "expires_at", t->until_ms);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_add_number(&j, "after", page->count == LIST_MAX ? page->items[LIST_MAX - 1].id : 0);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_terminal_list = { .parse = list_parse, .look = list_look, .render = list_render };
