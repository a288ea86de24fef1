/* services/people/me_hand_over.c - /v1/me/hand-overs: a citizen's phone has read the code on a terminal's screen. It is shown which machine this is and where it stands;
 * its yes names that machine. From a terminal itself nothing is handed on. */
#include "auth/audit.h"
#include "auth/right.h"
#include "auth/session.h"
#include "auth/terminal.h"
#include "services/handlers.h"
#include "services/people/hand_over_kept.h"
#include "services/people/terminal.h"
#include "services/services.h"
#include "store/store.h"

enum { APPROVED = 1 };

struct reading {
	struct str said;             /* the terminal's id, as the phone was shown it */
	struct id key, terminal_key;
	struct hand_over h;
	int64_t left_ms;
	struct terminal_row terminal;
	char region[128];
};

static bool code_parse(struct request *r, struct reading **out, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct reading *g = *out = request_state(r, sizeof(*g), why);
	if (g == NULL || !request_query_only(r, no_query, why))
		return false;
	g->key = hand_over_key(r->params[0]);
	return true;
}

static bool code_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	struct reading *g = r->state;
	(void)why;
	hand_over_look(&g->key, &b->op[b->count++]);
	return true;
}

static bool code_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	struct reading *g = r->state;
	g->left_ms = b->op[0].left_ms;
	return hand_over_kept_read(&b->op[0], &g->h) || FAILS(why, NOT_FOUND, "no such code, or its minute is over");
}

/* What a phone may hand over: no more than a real name. */
static int level_of(const struct request *r)
{
	return r->who.level < LEVEL_L2 ? r->who.level : LEVEL_L2;
}

/* ---- show ---- */

static bool show_parse(struct request *r, struct fail *why)
{
	struct reading *g;
	return code_parse(r, &g, why);
}

static bool region_name(struct tx *tx, struct reading *g, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, g->terminal.region);
	if (stmt_row(q, why)) {
		struct str name = stmt_text(q, 0);
		size_t len = name.len < sizeof(g->region) ? name.len : sizeof(g->region) - 1;
		memcpy(g->region, name.at, len);
		g->region[len] = '\0';
	}
	return why->code == FAIL_NONE;
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct reading *g = r->state;
	bool found;
	if (!terminal_by_id(tx, g->h.terminal, &g->terminal, &found, why))
		return false;
	return found ? region_name(tx, g, why) : FAILS(why, NOT_FOUND, "the terminal was revoked");
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct reading *g = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "terminal");
	json_put_object(&j);
	terminal_members(&j, &g->terminal);
	json_add_text(&j, "region_name", str_c(g->region));
	json_put_object_end(&j);
	json_add_number(&j, "level", level_of(r));
	json_add_time(&j, "expires_at", r->now_ms + g->left_ms);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_hand_over_show = { .parse = show_parse, .recall = code_recall, .recalled = code_recalled, .look = show_look, .render = show_render, .own_device = true };

/* ---- yes ---- */

static bool approve_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = { { "terminal", JSON_F_TEXT, true, 1, ID_TEXT_BYTES, offsetof(struct reading, said), NULL } };
	struct reading *g;
	if (r->who.session == 0)
		return FAILS(why, FORBIDDEN, "a token made by hand has no session to hand over");
	if (!code_parse(r, &g, why) || !request_json(r, fields, 1, g, why))
		return false;
	return id_from_text(g->said, "tm", &g->terminal_key) || FAILS_FIELD(why, FIELD, "/terminal", "not the id of a terminal");
}

static bool visit_is_open(struct tx *tx, const struct request *r, const struct hand_over *h, struct fail *why)
{
	struct session_row s;
	if (!session_read(tx, h->visit, &s, why))
		return false;
	return (!s.is_ended && s.expires_ms > r->now_ms) || FAILS(why, NOT_FOUND, "the visit is over");
}

static bool approve_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct reading *g = r->state;
	struct hand_over h = { .terminal = g->h.terminal, .visit = g->h.visit, .person = r->who.id, .approved_by = r->who.session, .level = level_of(r) };
	struct terminal_row t;
	bool found;
	if (!terminal_by_key(tx, g->terminal_key, &t, &found, why))
		return false;
	if (!found || t.id != h.terminal)
		return FAILS_FIELD(why, FIELD, "/terminal", "the code is on another screen");
	if (!visit_is_open(tx, r, &h, why) || !hand_over_approve(tx, g->key, &h, r->now_ms, why))
		return false;
	r->outcome = (struct outcome){ .code = APPROVED, .status = 204 };
	struct audit a = { AUDIT_HAND_OVER_APPROVED, AUDIT_OF_TERMINAL, t.id, .result = 204, .region = t.region };
	return audit_add(tx, r, &a, why);
}

static void approve_settle(const struct request *r, struct expiring_batch *b)
{
	const struct reading *g = r->state;
	hand_over_forget(&g->key, &b->op[b->count++]);
}

static bool approve_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler me_hand_over_approve = { .parse = approve_parse, .recall = code_recall, .recalled = code_recalled, .apply = approve_apply, .settle = approve_settle,
	.render = approve_render, .own_device = true };
