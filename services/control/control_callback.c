/* services/control/control_callback.c - `siban callbacks` asks: what payment platforms told us and nothing could follow from yet, why not, and whether it is tried again now. */
#include "auth/audit.h"
#include "services/handlers.h"
#include "services/money/pay_callback.h"
#include "services/services.h"
#include "store/store.h"

#include <stdio.h>

static const char *const no_query[] = { NULL };

/* ---- control_callback_list: the oldest first ---- */

enum { LIST_ROWS = 100 };

struct row {
	int64_t id, tries, due_ms, made_ms, channel;
	struct str event, word, reason;
};

struct list {
	int64_t after;
	int count;
	struct row rows[LIST_ROWS];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "after", NULL };
	struct list *l = request_state(r, sizeof(*l), why);
	return l != NULL && request_query_only(r, names, why) && query_number(r, "after", 1, INT64_MAX, 0, &l->after, why);
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct list *l = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT d.id, d.tries, d.due_ms, d.made_ms, c.event, c.word, d.reason, c.channel FROM pay_callback_due d JOIN pay_callback c ON c.id = d.id"
		" WHERE d.id > $1 ORDER BY d.id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, l->after);
	stmt_bind_int(q, 2, LIST_ROWS);
	while (l->count < LIST_ROWS && stmt_row(q, why))
		l->rows[l->count++] = (struct row){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), stmt_int(q, 3), stmt_int(q, 7), str_copy(&r->arena, stmt_text(q, 4)), str_copy(&r->arena, stmt_text(q, 5)),
			str_copy(&r->arena, stmt_text(q, 6)) };
	return why->code == FAIL_NONE && (!r->arena.refused || FAILS(why, MEMORY, "callbacks that wait"));
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct list *l = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int i = 0; i < l->count; i++) {
		const struct row *c = &l->rows[i];
		json_put_object(&j);
		json_add_number(&j, "id", c->id);
		json_add_text(&j, "platform", pay_callback_platform((enum pay_channel)c->channel));
		json_add_text(&j, "event", c->event);
		json_add_text(&j, "word", c->word);
		json_add_text(&j, "reason", c->reason);
		json_add_number(&j, "tries", c->tries);
		json_add_time(&j, "came_at", c->made_ms);
		json_add_time(&j, "due_at", c->due_ms);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	if (l->count == LIST_ROWS)
		json_add_number(&j, "after", l->rows[l->count - 1].id);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_callback_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- control_callback_again: all of them are due now ---- */

enum { AGAIN_DONE = 1 };

static bool again_parse(struct request *r, struct fail *why)
{
	return request_query_only(r, no_query, why);
}

static bool again_apply(struct tx *tx, struct request *r, struct fail *why)
{
	char words[40];
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_callback_due SET due_ms = $1 WHERE due_ms > $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->now_ms);
	if (!stmt_run(q, why))
		return false;
	int64_t rows = tx_changes(tx);
	int len = snprintf(words, sizeof(words), "rows=%lld", (long long)rows);
	const struct audit a = { AUDIT_CALLBACKS_AGAIN, AUDIT_OF_NOTHING, 0, .result = 200, .detail = { words, (size_t)len } };
	r->outcome = (struct outcome){ .code = AGAIN_DONE, .status = 200, .n = { rows } };
	return audit_add(tx, r, &a, why);
}

static bool again_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "rows", r->outcome.n[0]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_callback_again = { .parse = again_parse, .apply = again_apply, .render = again_render };
