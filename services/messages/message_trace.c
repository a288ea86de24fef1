/* services/messages/message_trace.c - "did you tell me, and how?": every attempt of every bell of a message, in words, and what comes next. */
#include "services/messages/message_trace.h"

#include "auth/vault.h"
#include "base/arena.h"
#include "base/json.h"
#include "channels/codec.h"
#include "notify/delivery.h"
#include "services/handlers.h"
#include "services/messages/message_row.h"
#include "store/store.h"

enum { RUNGS_MAX = 8, ATTEMPTS_MAX = 32, PAYLOAD_FIRST_BYTES = 512 };

#define WORDS(text) { text, sizeof(text) - 1 }

struct attempt {
	int64_t n, began_ms, ended_ms; /* ended_ms 0: under way, or it broke off */
	int verdict;                   /* 0: under way */
	struct str code;
};

struct rung {
	struct rung *next;
	struct effect_view effect;
	char to[12];                   /* the number, masked */
	int attempt_count;
	struct attempt attempts[ATTEMPTS_MAX];
};

/* ---- look ---- */

/* Where it goes: the payload's phone, of which the person sees enough to know it again. */
static bool read_to(struct arena *arena, int64_t effect, struct str sealed, char out[12], struct fail *why)
{
	static const struct json_field fields[] = { { "phone", JSON_F_TEXT, false, 0, 0, 0, NULL } };
	struct str phone = STR_NONE;
	struct buf text;
	buf_init(&text, arena, PAYLOAD_FIRST_BYTES);
	if (!vault_open("effect.payload", effect, sealed, &text, why))
		return false;
	DROP(json) json_t *j = json_read(buf_text(&text), why);
	if (j == NULL || !json_take(j, fields, 1, JSON_IGNORE_UNKNOWN, "", &phone, arena, why))
		return false;
	delivery_mask(phone, out);
	return true;
}

static bool read_rungs(struct tx *tx, struct arena *a, struct message_trace *t, struct fail *why)
{
	struct rung **end = &t->rungs;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " EFFECT_COLUMN_LIST ", payload FROM effect JOIN effect_payload ON effect = id WHERE message = $1 AND message > 0 ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, t->message.id);
	stmt_bind_int(q, 2, RUNGS_MAX);
	while (stmt_row(q, why)) {
		struct rung *rung = arena_zalloc(a, sizeof(*rung));
		if (rung == NULL)
			return FAILS(why, MEMORY, "a rung");
		*end = t->last = rung;
		end = &rung->next;
		effect_view_read(q, &rung->effect);
		if (!read_to(a, rung->effect.id, stmt_blob(q, EFFECT_COLUMNS), rung->to, why))
			return false;
	}
	return why->code == FAIL_NONE;
}

static bool read_attempts(struct tx *tx, struct arena *arena, struct rung *rung, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT n, began_ms, ended_ms, verdict, code FROM effect_attempt WHERE effect = $1 ORDER BY n LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, rung->effect.id);
	stmt_bind_int(q, 2, ATTEMPTS_MAX);
	while (stmt_row(q, why)) {
		struct attempt *a = &rung->attempts[rung->attempt_count++];
		a->n = stmt_int(q, 0);
		a->began_ms = stmt_int(q, 1);
		a->ended_ms = stmt_is_null(q, 2) ? 0 : stmt_int(q, 2);
		a->verdict = (int)stmt_int(q, 3);
		a->code = str_copy(arena, stmt_text(q, 4));
		if (a->code.at == NULL)
			return FAILS(why, MEMORY, "a code");
	}
	const struct effect_view *e = &rung->effect;
	if ((effect_is_under_way(e) || e->done_ms > 0) && rung->attempt_count < ATTEMPTS_MAX)
		rung->attempts[rung->attempt_count++] = (struct attempt){
			.n = e->attempts, .began_ms = e->due_ms, .ended_ms = e->done_ms, .verdict = e->done_ms > 0 ? VERDICT_DONE : 0, .code = STR("") };
	return why->code == FAIL_NONE;
}

bool message_trace_look(struct tx *tx, struct arena *a, struct message_trace *t, struct fail *why)
{
	if (!read_rungs(tx, a, t, why))
		return false;
	for (struct rung *rung = t->rungs; rung != NULL; rung = rung->next)
		if (!read_attempts(tx, a, rung, why))
			return false;
	return true;
}

/* ---- render ---- */

static void put_attempt(struct json_out *j, const struct rung *rung, const struct attempt *a, enum lang lang)
{
	json_put_object(j);
	json_add_number(j, "n", a->n);
	json_add_time(j, "began_at", a->began_ms);
	if (a->ended_ms != 0)
		json_add_time(j, "ended_at", a->ended_ms);
	else
		json_add_nothing(j, "ended_at");
	json_add_text(j, "text", delivery_attempt_text(rung->effect.kind, a->verdict, a->code, lang));
	json_put_object_end(j);
}

static void put_rung(struct json_out *j, const struct rung *rung, enum lang lang)
{
	static const struct str receipts[] = { [RECEIPT_NONE] = { "none", 4 }, [RECEIPT_ARRIVED] = { "arrived", 7 }, [RECEIPT_LOST] = { "lost", 4 } };
	const struct effect_view *e = &rung->effect;
	const struct delivery_words *words = delivery_words(e);
	json_put_object(j);
	json_add_plain(j, "channel", delivery_channel(e->kind));
	json_add_text(j, "to", str_c(rung->to));
	json_add_plain(j, "state", str_c(effect_state_name(e->state)));
	json_add_plain(j, "receipt", receipts[e->receipt]);
	json_add_text(j, "text", words->text[lang]);
	json_add_text(j, "next", words->next[lang]);
	if (e->state == EFFECT_DUE)
		json_add_time(j, "next_at", e->due_ms);
	else
		json_add_nothing(j, "next_at");
	json_put_name(j, "attempts");
	json_put_array(j);
	for (int i = 0; i < rung->attempt_count; i++)
		put_attempt(j, rung, &rung->attempts[i], lang);
	json_put_array_end(j);
	json_put_object_end(j);
}

/* The inbox is the first rung, and never fails: it was written with its cause. */
static void put_inbox(struct json_out *j, const struct message *m, enum lang lang)
{
	static const struct str told[LANG_COUNT] = { WORDS("消息已放入收件箱"), WORDS("The message is in the inbox") };
	static const struct str read[LANG_COUNT] = { WORDS("消息已放入收件箱，您已阅读"), WORDS("The message is in the inbox, and you have read it") };
	json_put_object(j);
	json_add_plain(j, "channel", STR("inbox"));
	json_add_plain(j, "state", STR("done"));
	json_add_text(j, "text", m->read_ms != 0 ? read[lang] : told[lang]);
	json_add_time(j, "at", m->made_ms);
	if (m->read_ms != 0)
		json_add_time(j, "read_at", m->read_ms);
	else
		json_add_nothing(j, "read_at");
	json_put_object_end(j);
}

static struct str next_of(const struct message_trace *t, enum lang lang)
{
	static const struct str none[LANG_COUNT] = { WORDS("这条消息没有发送短信；请在收件箱中查看。"), WORDS("No text was sent for this message; it is in the inbox.") };
	return t->last == NULL ? none[lang] : delivery_words(&t->last->effect)->next[lang];
}

void message_trace_members(struct json_out *j, const struct message_trace *t, enum lang lang)
{
	char id[ID_TEXT_BYTES];
	json_add_plain(j, "message", (struct str){ id, id_text(t->message.key, "ms", id) });
	json_put_name(j, "inbox");
	put_inbox(j, &t->message, lang);
	json_put_name(j, "rungs");
	json_put_array(j);
	for (const struct rung *rung = t->rungs; rung != NULL; rung = rung->next)
		put_rung(j, rung, lang);
	json_put_array_end(j);
	json_add_text(j, "next", next_of(t, lang));
}

/* ---- to its person ---- */

struct asked {
	struct id key;
	struct message_trace trace;
};

static bool trace_parse(struct request *r, struct fail *why)
{
	struct asked *a = request_state(r, sizeof(*a), why);
	return a != NULL && message_question(r, &a->key, why);
}

static bool trace_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct asked *a = r->state;
	if (!message_by_key(tx, a->key, r->lang, &r->arena, &a->trace.message, why))
		return false;
	r->owner = a->trace.message.person;
	/* of another's nothing is opened; the runtime says no */
	return r->owner != r->who.id || message_trace_look(tx, &r->arena, &a->trace, why);
}

static bool trace_render(struct request *r, struct fail *why)
{
	const struct asked *a = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	message_trace_members(&j, &a->trace, r->lang);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler message_trace = { .parse = trace_parse, .look = trace_look, .render = trace_render };
