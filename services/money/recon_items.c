/* services/money/recon_items.c - GET /v1/office/discrepancies: what did not match, newest first. */
#include "payments/reconciliation/recon_act.h"
#include "services/handlers.h"
#include "services/money/pay_notice.h"
#include "services/money/recon_item.h"
#include "services/money/recon_office.h"
#include "services/services.h"

enum { ITEMS_MAX = 100 };

bool recon_item_take(struct stmt *q, struct recon_item *i, struct arena *a, struct fail *why)
{
	int64_t n[15];
	stmt_ints(q, 0, 15, n);
	*i = (struct recon_item){ n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12], n[13], n[14], str_copy(a, stmt_text(q, 15)) };
	return i->number.at != NULL || FAILS(why, MEMORY, "a difference");
}

bool recon_item_read(struct tx *tx, int64_t id, struct recon_item *i, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " RECON_ITEM_COLUMNS " FROM recon_item WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "difference %lld", (long long)id);
	return recon_item_take(q, i, a, why);
}

void recon_item_text(int64_t id, char out[RECON_ITEM_TEXT])
{
	memcpy(out, "df_", 3);
	out[3 + i64_text(id, out + 3)] = '\0';
}

bool recon_item_named(struct str text, int64_t *id)
{
	return str_starts(text, STR("df_")) && str_to_i64((struct str){ text.at + 3, text.len - 3 }, 1, INT64_MAX, id);
}

struct list {
	int64_t day, kind, state, limit;
	struct cursor from;
	int count;
	bool more;
	struct recon_item items[ITEMS_MAX];
};

static bool list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "day", "kind", "state", "cursor", "limit", NULL };
	struct list *l = request_state(r, sizeof *l, why);
	struct str kind, state;
	bool has_cursor;
	int limit;
	if (l == NULL || !request_query_only(r, names, why) || !recon_office(r, why) || !recon_day_query(r, "day", 0, &l->day, why) || !request_query(r, "kind", &kind, why) ||
	    !request_query(r, "state", &state, why))
		return false;
	const struct recon_kind_row *k = kind.at != NULL ? recon_kind_named(kind) : NULL;
	l->kind = k != NULL ? (int64_t)k->kind : 0;
	l->state = state.at != NULL ? recon_item_state_named(state) : 0;
	if (kind.at != NULL && k == NULL)
		return FAILS_FIELD(why, QUERY, "kind", "no such kind");
	if (state.at != NULL && l->state == 0)
		return FAILS_FIELD(why, QUERY, "state", "no such state");
	l->from = (struct cursor){ 0, INT64_MAX };
	bool ok = request_page(r, &l->from, &has_cursor, &limit, why);
	l->limit = limit;
	return ok;
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct list *l = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " RECON_ITEM_COLUMNS " FROM recon_item WHERE id < $1 AND (day = $2 OR $2 = 0) AND (kind = $3 OR $3 = 0) AND (state = $4 OR ($4 = 0 AND state <> 4))"
		" ORDER BY id DESC LIMIT $5", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { l->from.id, l->day, l->kind, l->state, l->limit + 1 };
	for (int i = 0; i < 5; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	while (stmt_row(q, why)) {
		if (l->count == l->limit) {
			l->more = true;
			return true;
		}
		if (!recon_item_take(q, &l->items[l->count++], &r->arena, why))
			return false;
	}
	return why->code == FAIL_NONE;
}

static void item_out(struct json_out *j, const struct recon_item *i, int64_t now_ms)
{
	const struct recon_kind_row *k = recon_kind_row(i->kind);
	const struct recon_acted about = { i->source, i->side, i->kind, i->ours, i->ours_fen, i->theirs_fen, i->number };
	char id[RECON_ITEM_TEXT];
	recon_item_text(i->id, id);
	json_put_object(j);
	json_add_text(j, "id", str_c(id));
	json_add_plain(j, "source", bill_source_text(i->source));
	json_add_day(j, "day", true, i->day);
	json_add_plain(j, "side", recon_side_text(i->side));
	json_add_text(j, "number", i->number);
	json_add_plain(j, "kind", k->text);
	json_add_text(j, "name", k->zh);
	json_add_plain(j, "state", recon_item_state_text(i->state));
	json_add_number(j, "ours_fen", i->ours_fen);
	json_add_number(j, "theirs_fen", i->theirs_fen);
	json_add_number(j, "line", i->line);
	json_add_plain(j, "owner", recon_owner_text(k->owner));
	json_add_plain(j, "proposes", recon_action_text(recon_act_proposed(&about)));
	if (i->action != 0)
		json_add_plain(j, "action", recon_action_text(i->action));
	else
		json_add_nothing(j, "action");
	json_add_number(j, "age_days", (now_ms - i->first_ms) / 86400000);
	json_add_time(j, "changed_at", i->changed_ms);
	json_put_object_end(j);
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct list *l = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < l->count; i++)
		item_out(&j, &l->items[i], r->now_ms);
	struct cursor next = { 0, l->count > 0 ? l->items[l->count - 1].id : 0 };
	return reply_list_end(r, &j, l->more ? &next : NULL, why);
}

const struct handler recon_item_list = { .parse = list_parse, .look = list_look, .render = list_render };
