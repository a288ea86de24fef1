/* services/messages/message_list.c - a citizen's inbox: what was told, newest first, and that it was read. */
#include "auth/mandate.h"
#include "notify/message.h"
#include "notify/stream.h"
#include "services/handlers.h"
#include "services/messages/message_row.h"
#include "services/page.h"
#include "store/store.h"

void message_members(struct json_out *j, const struct message *m)
{
	char id[ID_TEXT_BYTES];
	json_add_plain(j, "id", (struct str){ id, id_text(m->key, "ms", id) });
	json_add_plain(j, "template", template_row(m->template)->name);
	json_add_text(j, "title", m->title);
	json_add_text(j, "body", m->body);
	if (m->case_id != 0)
		json_add_text(j, "case_no", m->case_no);
	else
		json_add_nothing(j, "case_no");
	json_add_time(j, "created_at", m->made_ms);
	if (m->read_ms != 0)
		json_add_time(j, "read_at", m->read_ms);
	else
		json_add_nothing(j, "read_at");
}

/* ---- message_list ---- */

struct inbox_page {
	struct page page;
	int64_t unread, last_seq;
	struct message items[];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && page_state(r, (struct cursor){ 0, INT64_MAX }, sizeof(struct inbox_page), sizeof(struct message), why) != NULL;
}

/* Whoever acts for another is shown what was said about cases of the mandate's matters, and nothing of the rest: who else acts for him is no business of his, unless
 * he manages them. `least`: 0 for notices of mandates too, else 1. */
#define OF_THE_MANDATE(least, n) \
	" AND case_id >= " least " AND (EXISTS (SELECT 1 FROM cases c JOIN mandate_matter mm ON mm.matter = c.matter WHERE c.id = message.case_id AND mm.mandate = " n ") OR " n " = 0)"

static int64_t narrowing_mandate(const struct request *r)
{
	return r->who.by_matter ? r->who.mandate : 0;
}

static bool count_unread(struct tx *tx, const struct request *r, int64_t *unread, struct fail *why)
{
	DROP(stmt) struct stmt *q = r->who.acting_for != 0
		? tx_query(tx, "SELECT COUNT(*) FROM message WHERE person = $1" OF_THE_MANDATE("$2", "$3") " AND read_ms IS NULL", why)
		: tx_query(tx, "SELECT unread FROM person WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, principal_whose(&r->who));
	if (r->who.acting_for != 0) {
		stmt_bind_int(q, 2, r->who.manages ? 0 : 1);
		stmt_bind_int(q, 3, narrowing_mandate(r));
	}
	if (stmt_row(q, why))
		*unread = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct inbox_page *list = r->state;
	if (!count_unread(tx, r, &list->unread, why))
		return false;
	DROP(stmt) struct stmt *q = r->who.acting_for != 0
		? tx_query(tx, "SELECT " MESSAGE_COLUMNS ", seq FROM message WHERE person = $1 AND seq < $2" OF_THE_MANDATE("$3", "$4") " ORDER BY seq DESC LIMIT $5", why)
		: tx_query(tx, "SELECT " MESSAGE_COLUMNS ", seq FROM message WHERE person = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3", why);
	int n = 1;
	if (q == NULL)
		return false;
	stmt_bind_int(q, n++, principal_whose(&r->who));
	stmt_bind_int(q, n++, list->page.from.id);
	if (r->who.acting_for != 0) {
		stmt_bind_int(q, n++, r->who.manages ? 0 : 1);
		stmt_bind_int(q, n++, narrowing_mandate(r));
	}
	stmt_bind_int(q, n, list->page.limit + 1);
	while (page_next(&list->page, q, why)) {
		if (!message_of(q, r->lang, &r->arena, &list->items[list->page.count - 1], why))
			return false;
		list->last_seq = stmt_int(q, MESSAGE_COLUMN_COUNT);
	}
	return why->code == FAIL_NONE;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct inbox_page *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		json_put_object(&j);
		message_members(&j, &list->items[i]);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_add_number(&j, "unread_count", list->unread);
	struct cursor next = { 0, list->page.is_more ? list->last_seq : 0 };
	reply_page(r, &j, list->page.is_more ? &next : NULL);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler message_list = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- message_show ---- */

bool message_question(struct request *r, struct id *key, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	if (!request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], "ms", key) || FAILS(why, NOT_FOUND, "not a message's id");
}

struct shown {
	struct id key;
	struct message message;
};

static bool show_parse(struct request *r, struct fail *why)
{
	struct shown *s = request_state(r, sizeof(*s), why);
	return s != NULL && message_question(r, &s->key, why);
}

static bool case_matter(struct tx *tx, int64_t case_id, int64_t *matter, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT matter FROM cases WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	*matter = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

/* Whose it is; nobody's when it is none of the mandate's. */
static bool message_owner(struct tx *tx, struct request *r, const struct message *m, struct fail *why)
{
	int64_t matter = 0;
	bool covers;
	if (r->who.by_matter && m->case_id != 0 && !case_matter(tx, m->case_id, &matter, why))
		return false;
	if (!mandate_covers(tx, &r->who, matter, &covers, why))
		return false;
	r->owner = covers && (m->case_id != 0 || r->who.acting_for == 0 || r->who.manages) ? m->person : 0;
	return true;
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct shown *s = r->state;
	if (!message_by_key(tx, s->key, r->lang, &r->arena, &s->message, why))
		return false;
	return message_owner(tx, r, &s->message, why);
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct shown *s = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	message_members(&j, &s->message);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler message_show = { .parse = show_parse, .look = show_look, .render = show_render };

/* ---- message_read: the second time changes nothing ---- */

static bool read_parse(struct request *r, struct fail *why)
{
	struct id *key = request_state(r, sizeof(*key), why);
	return key != NULL && message_question(r, key, why);
}

static bool read_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct id *key = r->state;
	bool found;
	if (!message_mark_read(tx, *key, r->who.id, r->now_ms, &found, why))
		return false;
	r->outcome = (struct outcome){ .code = 1, .status = 204 };
	return found || FAILS(why, NOT_FOUND, "no such message of this person");
}

static bool read_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = r->outcome.status;
	return true;
}

const struct handler message_read = { .parse = read_parse, .apply = read_apply, .render = read_render };
