/* services/control/control_effect.c - `siban effects` asks: what is to be done outside, what went wrong with it, and what an operator decides about that. */
#include "auth/audit.h"
#include "auth/mask.h"
#include "auth/vault.h"
#include "base/metrics.h"
#include "channels/codec.h"
#include "notify/effect_act.h"
#include "services/handlers.h"
#include "services/services.h"
#include <stdio.h>

static const char *const held_words[] = { [HELD_BY_NOBODY] = "", [HELD_BY_RESTORE] = "restore", [HELD_BY_ACCOUNT] = "account", [HELD_BY_SUBJECT] = "subject",
					  [HELD_BY_SEAL] = "seal" };

static bool state_from(struct str text, int64_t *state)
{
	for (int s = EFFECT_DUE; s <= EFFECT_CANCELLED; s++)
		if (str_eq(text, str_c(effect_state_name((enum effect_state)s)))) {
			*state = s;
			return true;
		}
	return false;
}

static const char *kind_name(int32_t number)
{
	const struct effect_kind *kind = effect_kind_of(number);
	return kind == NULL ? "?" : kind->name;
}

/* Everything but the payload. */
static void effect_out(struct json_out *j, const struct effect_view *e)
{
	char key[EFFECT_KEY_BYTES];
	effect_key_text(e->key, key);
	json_add_number(j, "id", e->id);
	json_add_text(j, "key", str_c(key));
	json_add_text(j, "kind", str_c(kind_name(e->kind)));
	json_add_text(j, "state", str_c(effect_state_name(e->state)));
	json_add_text(j, "held_by", str_c(held_words[e->held_by]));
	json_add_boolean(j, "waits", e->waits);
	json_add_text(j, "subject", str_c(e->subject));
	json_add_number(j, "person", e->person);
	json_add_number(j, "message", e->message);
	json_add_number(j, "attempts", e->attempts);
	json_add_text(j, "code", str_c(e->code));
	json_add_text(j, "ref", str_c(e->ref));
	json_add_text(j, "receipt", e->receipt == RECEIPT_ARRIVED ? STR("arrived") : e->receipt == RECEIPT_LOST ? STR("lost") : STR(""));
	json_add_time(j, "made_at", e->made_ms);
	json_add_time(j, "due_at", e->due_ms);
	json_add_time(j, "expires_at", e->expires_ms);
	json_add_time(j, "changed_at", e->changed_ms);
}

/* ---- control_effect_list: newest first, by id; the states that are shown have an index, the rest is walked in bites of the page's size ---- */

enum { LIST_ROWS = 100, WALK_ROWS = 2000 };

struct list {
	int64_t state, kind, before;  /* 0: any */
	int count;
	int64_t walked_to;            /* where a walk that found too little stopped; 0: at the end */
	struct effect_view rows[LIST_ROWS];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "state", "kind", "before", NULL };
	struct list *l = request_state(r, sizeof(*l), why);
	struct str state, kind;
	if (l == NULL || !request_query_only(r, names, why) || !request_query(r, "state", &state, why) || !request_query(r, "kind", &kind, why) ||
	    !query_number(r, "before", 1, INT64_MAX, INT64_MAX, &l->before, why))
		return false;
	if (state.at != NULL && !state_from(state, &l->state))
		return FAILS_FIELD(why, QUERY, "state", "no such state");
	const struct effect_kind *row = kind.at == NULL ? NULL : effect_kind_named(kind);
	if (kind.at != NULL && row == NULL)
		return FAILS_FIELD(why, QUERY, "kind", "no such kind");
	l->kind = row == NULL ? 0 : row->number;
	return true;
}

/* What an operator should look at has an index of its own (effect_shown): among ten million others it is found at once. */
static struct stmt *list_query(struct tx *tx, const struct list *l, struct fail *why)
{
	bool is_shown = l->state >= EFFECT_FAILED && l->state <= EFFECT_HELD;
	struct stmt *q = is_shown ?
		tx_query(tx, "SELECT " EFFECT_COLUMN_LIST " FROM effect WHERE id < $1 AND state >= 4 AND state <= 6 AND state = $2 ORDER BY id DESC LIMIT $3", why) :
		tx_query(tx, "SELECT " EFFECT_COLUMN_LIST " FROM effect WHERE id < $1 ORDER BY id DESC LIMIT $2", why);
	if (q == NULL)
		return NULL;
	stmt_bind_int(q, 1, l->before);
	if (is_shown)
		stmt_bind_int(q, 2, l->state);
	stmt_bind_int(q, is_shown ? 3 : 2, WALK_ROWS);
	return q;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct list *l = r->state;
	int walked = 0;
	DROP(stmt) struct stmt *q = list_query(tx, l, why);
	if (q == NULL)
		return false;
	for (; l->count < LIST_ROWS && stmt_row(q, why); walked++) {
		l->walked_to = stmt_int(q, 0);
		if ((l->kind == 0 || stmt_int(q, 2) == l->kind) && (l->state == 0 || stmt_int(q, 3) == l->state))
			effect_view_read(q, &l->rows[l->count++]);
	}
	if (l->count < LIST_ROWS && walked < WALK_ROWS)
		l->walked_to = 0;
	return why->code == FAIL_NONE;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct list *l = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int i = 0; i < l->count; i++) {
		json_put_object(&j);
		effect_out(&j, &l->rows[i]);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	if (l->walked_to > 0)
		json_add_number(&j, "before", l->walked_to);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_effect_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- control_effect_show: with its attempts, and whom it goes to, masked ---- */

enum { SHOW_ATTEMPTS = 50 };

struct attempt {
	int64_t n, began_ms, ended_ms, verdict, http_status;
	struct str code;
};

struct show {
	int64_t id;
	struct effect_view e;
	struct str phone, template_name; /* masked; at NULL: none, or it cannot be opened */
	int count;
	struct attempt attempts[SHOW_ATTEMPTS];
};

static const char *const no_query[] = { NULL };

static bool show_parse(struct request *r, struct fail *why)
{
	struct show *s = request_state(r, sizeof(*s), why);
	if (s == NULL || !request_query_only(r, no_query, why))
		return false;
	return str_to_i64(r->params[0], 1, INT64_MAX, &s->id) || FAILS(why, NOT_FOUND, "not an effect's number");
}

struct whom {
	struct str phone, template_name;
};

/* What cannot be opened is not shown; the effect is none the less. */
static bool read_whom(struct tx *tx, struct request *r, struct show *s, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "phone", JSON_F_TEXT, false, 0, 0, offsetof(struct whom, phone), NULL },
		{ "template", JSON_F_TEXT, false, 0, 0, offsetof(struct whom, template_name), NULL },
	};
	struct whom whom = { STR_NONE, STR_NONE };
	struct buf payload, masked;
	struct fail ignored;
	fail_clear(&ignored);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT payload FROM effect_payload WHERE effect = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, s->id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	buf_init(&payload, &r->arena, 256);
	if (!vault_open("effect.payload", s->id, stmt_blob(q, 0), &payload, &ignored))
		return true;
	DROP(json) json_t *j = json_read(buf_text(&payload), &ignored);
	if (j == NULL || !json_take(j, fields, 2, JSON_IGNORE_UNKNOWN, "", &whom, &r->arena, &ignored))
		return true;
	s->template_name = whom.template_name;
	if (whom.phone.at != NULL) {
		buf_init(&masked, &r->arena, 32);
		mask_phone(whom.phone, &masked);
		s->phone = buf_text(&masked);
	}
	return true;
}

static bool read_attempts(struct tx *tx, struct request *r, struct show *s, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT n, began_ms, ended_ms, verdict, http_status, code FROM effect_attempt WHERE effect = $1 ORDER BY n DESC LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, s->id);
	stmt_bind_int(q, 2, SHOW_ATTEMPTS);
	if (effect_is_under_way(&s->e) || s->e.done_ms > 0)
		s->attempts[s->count++] = (struct attempt){
			.n = s->e.attempts, .began_ms = s->e.due_ms, .ended_ms = s->e.done_ms, .verdict = s->e.done_ms > 0 ? VERDICT_DONE : 0, .code = STR("") };
	while (s->count < SHOW_ATTEMPTS && stmt_row(q, why)) {
		struct attempt *a = &s->attempts[s->count++];
		*a = (struct attempt){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), stmt_int(q, 3), stmt_int(q, 4),
				       str_copy(&r->arena, stmt_text(q, 5)) };
		if (a->code.at == NULL)
			return FAILS(why, MEMORY, "a code");
	}
	return why->code == FAIL_NONE;
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct show *s = r->state;
	bool found;
	if (!effect_get(tx, s->id, &s->e, &found, why))
		return false;
	if (!found)
		return FAILS(why, NOT_FOUND, "no such effect");
	return read_whom(tx, r, s, why) && read_attempts(tx, r, s, why);
}

static bool show_render(struct request *r, struct fail *why)
{
	static const char *const verdicts[] = { "", "done", "again", "failed", "unknown", "stop" };
	const struct show *s = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	effect_out(&j, &s->e);
	if (s->phone.at != NULL)
		json_add_text(&j, "phone", s->phone);
	if (s->template_name.at != NULL)
		json_add_text(&j, "template", s->template_name);
	json_put_name(&j, "tries");
	json_put_array(&j);
	for (int i = 0; i < s->count; i++) {
		const struct attempt *a = &s->attempts[i];
		json_put_object(&j);
		json_add_number(&j, "n", a->n);
		json_add_time(&j, "began_at", a->began_ms);
		if (a->ended_ms > 0)
			json_add_time(&j, "ended_at", a->ended_ms);
		if (a->verdict > 0) {
			json_add_text(&j, "verdict", str_c(verdicts[a->verdict]));
			if (a->http_status > 0)
				json_add_number(&j, "http_status", a->http_status);
			json_add_text(&j, "code", a->code);
		}
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_effect_show = { .parse = show_parse, .look = show_look, .render = show_render };

/* ---- control_effect_act ---- */

enum { ACT_DONE = 1 };
enum { N_ROWS, N_MORE };

static const struct { const char *word; enum effect_act_what what; enum audit_act audit; bool wants_id, wants_account; } acts[] = {
	{ "release", EFFECT_RELEASE, AUDIT_EFFECT_RELEASED, true, false },
	{ "release-restored", EFFECT_RELEASE_RESTORED, AUDIT_EFFECT_RELEASED, false, false },
	{ "replay", EFFECT_REPLAY, AUDIT_EFFECT_REPLAYED, true, false },
	{ "cancel", EFFECT_CANCEL, AUDIT_EFFECT_CANCELLED, true, false },
	{ "resume", EFFECT_RESUME, AUDIT_ACCOUNT_RESUMED, false, true },
};

struct act_wish {
	struct effect_act act;
	size_t row;
};

static bool act_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "id", "again", "account", NULL };
	struct act_wish *w = request_state(r, sizeof(*w), why);
	struct str account;
	int64_t again;
	if (w == NULL || !request_query_only(r, names, why) || !query_number(r, "id", 1, INT64_MAX, 0, &w->act.id, why) ||
	    !query_number(r, "again", 0, 1, 0, &again, why) || !request_query(r, "account", &account, why))
		return false;
	for (w->row = 0; w->row < sizeof(acts) / sizeof(acts[0]) && !str_eq(r->params[0], str_c(acts[w->row].word));)
		w->row++;
	if (w->row == sizeof(acts) / sizeof(acts[0]))
		return FAILS(why, NOT_FOUND, "no such act");
	if (acts[w->row].wants_id != (w->act.id != 0))
		return FAILS_FIELD(why, QUERY, "id", "wanted, or not wanted");
	if (acts[w->row].wants_account != (account.at != NULL) || (account.at != NULL && !account_named(account, &w->act.account)))
		return FAILS_FIELD(why, QUERY, "account", "no such account, or not wanted");
	w->act.what = acts[w->row].what;
	w->act.may_be_twice = again == 1;
	w->act.now_ms = r->now_ms;
	return true;
}

static bool act_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct act_wish *w = r->state;
	const struct audit audit = { .act = acts[w->row].audit, .subject = acts[w->row].wants_account ? AUDIT_OF_ACCOUNT : AUDIT_OF_EFFECT,
				     .subject_id = acts[w->row].wants_account ? (int64_t)w->act.account : w->act.id, .result = 200, .detail = str_c(acts[w->row].word) };
	if (!effect_act_apply(tx, &w->act, why) || !audit_add(tx, r, &audit, why))
		return false;
	r->outcome = (struct outcome){ .code = ACT_DONE, .status = 200, .n = { [N_ROWS] = w->act.rows, [N_MORE] = w->act.rows == EFFECT_ACT_ROWS } };
	return true;
}

static bool act_render(struct request *r, struct fail *why)
{
	const struct act_wish *w = r->state;
	if (acts[w->row].wants_account)
		LOG_EVENT(account_resumed, str_c(r->id), L_C(account_name(w->act.account)), L_INT(r->outcome.n[N_ROWS]));
	else
		LOG_EVENT(effect_act, str_c(r->id), L_C(acts[w->row].word), L_INT(w->act.id), L_INT(r->outcome.n[N_ROWS]));
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "rows", r->outcome.n[N_ROWS]);
	json_add_boolean(&j, "more", r->outcome.n[N_MORE] == 1);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_effect_act = { .parse = act_parse, .apply = act_apply, .render = act_render };

/* ---- control_effect_send: the operator's test of an account ---- */

enum { SENT = 1 };
enum { N_ID };

struct send {
	const struct effect_kind *kind;
};

static bool send_parse(struct request *r, struct fail *why)
{
	struct send *s = request_state(r, sizeof(*s), why);
	if (s == NULL || !request_query_only(r, no_query, why))
		return false;
	s->kind = effect_kind_named(r->params[0]);
	if (s->kind == NULL)
		return FAILS(why, NOT_FOUND, "no such kind of effect");
	if (!account_is_configured(s->kind->account))
		return FAILS(why, CONFIG, "the account %s is not configured", account_name(s->kind->account));
	if (r->body.len > EFFECT_PAYLOAD_MAX)
		return FAILS(why, BODY_TOO_LARGE, "a payload of %zu bytes", r->body.len);
	DROP(json) json_t *j = json_read(r->body, why);
	return j != NULL;
}

static bool send_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct send *s = r->state;
	const struct effect_new e = { .kind = s->kind->number, .payload = r->body };
	uint8_t random[16];
	int64_t id;
	effect_random(r->random, 0, random);
	if (!effect_add(tx, &e, r->now_ms, random, &id, why))
		return false;
	const struct audit audit = { .act = AUDIT_EFFECT_SENT, .subject = AUDIT_OF_EFFECT, .subject_id = id, .result = 201, .detail = str_c(s->kind->name) };
	r->outcome = (struct outcome){ .code = SENT, .status = 201, .n = { [N_ID] = id } };
	return audit_add(tx, r, &audit, why);
}

static bool send_render(struct request *r, struct fail *why)
{
	LOG_EVENT(effect_act, str_c(r->id), L_C("send"), L_INT(r->outcome.n[N_ID]), L_INT(1));
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_number(&j, "id", r->outcome.n[N_ID]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_effect_send = { .parse = send_parse, .apply = send_apply, .render = send_render };

/* ---- control_accounts ---- */

struct accounts {
	struct { int64_t stopped_ms; char code[65]; } at[ACCOUNTS];
};

static bool accounts_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct accounts), why) != NULL && request_query_only(r, no_query, why);
}

static bool accounts_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct accounts *all = r->state;
	enum account a;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT account, stopped_ms, code FROM account_stop", why);
	if (q == NULL)
		return false;
	while (stmt_row(q, why))
		if (account_named(stmt_text(q, 0), &a)) {
			all->at[a].stopped_ms = stmt_int(q, 1);
			snprintf(all->at[a].code, sizeof(all->at[a].code), "%.*s", STR_ARG(stmt_text(q, 2)));
		}
	return why->code == FAIL_NONE;
}

static bool accounts_render(struct request *r, struct fail *why)
{
	static const char *const breakers[] = { "", "closed", "half_open", "open" };
	const struct accounts *all = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int a = 0; a < ACCOUNTS; a++) {
		const struct account_settings *s = account_settings((enum account)a);
		json_put_object(&j);
		json_add_text(&j, "account", str_c(account_name((enum account)a)));
		json_add_boolean(&j, "configured", s->is_configured);
		json_add_text(&j, "breaker", str_c(breakers[metric_read(M_account_breaker, a) & 3])); /* "" while no gateway runs */
		json_add_number(&j, "in_flight", metric_read(M_account_in_flight, a));
		json_add_number(&j, "in_flight_max", s->in_flight);
		json_add_number(&j, "rate", s->rate);
		if (all->at[a].stopped_ms > 0) {
			json_add_time(&j, "stopped_at", all->at[a].stopped_ms);
			json_add_text(&j, "code", str_c(all->at[a].code));
		}
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_accounts = { .parse = accounts_parse, .look = accounts_look, .render = accounts_render };
