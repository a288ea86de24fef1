/* services/control/control_ledger.c - `siban ledger` asks: is every fen where it was posted? Piece by piece, so that no reader is held up. */
#include "base/day.h"
#include "payments/ledger/ledger_walk.h"
#include "services/handlers.h"
#include "services/services.h"

static void wrong_out(struct json_out *j, enum ledger_wrong wrong, const char *what, int64_t number, int64_t day)
{
	char text[DAY_TEXT_BYTES];
	if (wrong == LEDGER_FINE) {
		json_add_nothing(j, "wrong");
		return;
	}
	json_put_name(j, "wrong");
	json_put_object(j);
	json_add_text(j, "what", str_c(ledger_wrong_word(wrong)));
	json_add_text(j, "text", str_c(ledger_wrong_prose(wrong)));
	json_add_number(j, what, number);
	if (day >= 0 && day <= INT32_MAX) {
		day_text((int32_t)day, text);
		json_add_text(j, "day", str_c(text));
	}
	json_put_object_end(j);
}

/* ---- control_ledger_verify: journals and their postings ---- */

struct verify {
	struct ledger_walk walk;
	int64_t limit, last; /* the ledger's last journal now */
};

static bool verify_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "journal", "limit", NULL };
	struct verify *v = request_state(r, sizeof(*v), why);
	return v != NULL && request_query_only(r, names, why) && query_number(r, "journal", 0, INT64_MAX - 1, 0, &v->walk.journal, why) &&
	       query_number(r, "limit", 1, LEDGER_WALK_JOURNALS_MAX, LEDGER_WALK_JOURNALS_MAX, &v->limit, why);
}

static bool verify_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct verify *v = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM ledger_journal ORDER BY id DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	v->last = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE && ledger_walk(tx, &v->walk, v->limit, why);
}

static bool verify_render(struct request *r, struct fail *why)
{
	const struct verify *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "journal", v->walk.journal);
	json_add_number(&j, "last", v->last);
	json_add_number(&j, "journals", v->walk.journals);
	json_add_number(&j, "postings", v->walk.postings);
	json_add_boolean(&j, "end", v->walk.is_end);
	wrong_out(&j, v->walk.wrong, "journal", v->walk.journal, -1);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_ledger_verify = { .parse = verify_parse, .look = verify_look, .render = verify_render };

/* ---- control_ledger_balances: what was noted at the end of days. Where a piece goes on is in the answer. ---- */

enum { BALANCE_ROWS_MAX = 4000 };

struct balances {
	struct ledger_walk_balances walk;
	int64_t limit;
};

static const struct { const char *name; size_t at; } places[] = {
	{ "account", offsetof(struct ledger_walk_balances, account) }, { "on", offsetof(struct ledger_walk_balances, day) },
	{ "journal", offsetof(struct ledger_walk_balances, journal) }, { "n", offsetof(struct ledger_walk_balances, n) },
	{ "sum", offsetof(struct ledger_walk_balances, sum) }, { "count", offsetof(struct ledger_walk_balances, count) },
	{ "noted", offsetof(struct ledger_walk_balances, noted_day) },
};
enum { PLACES = sizeof(places) / sizeof(places[0]) };

static int64_t *place(struct ledger_walk_balances *w, int i)
{
	return (int64_t *)((char *)w + places[i].at);
}

static bool balances_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "account", "on", "journal", "n", "sum", "count", "noted", "limit", NULL };
	struct balances *b = request_state(r, sizeof(*b), why);
	if (b == NULL || !request_query_only(r, names, why) || !query_number(r, "limit", 1, BALANCE_ROWS_MAX, BALANCE_ROWS_MAX, &b->limit, why))
		return false;
	for (int i = 0; i < PLACES; i++)
		if (!query_number(r, places[i].name, INT64_MIN, INT64_MAX, 0, place(&b->walk, i), why))
			return false;
	return true;
}

static bool balances_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct balances *b = r->state;
	return ledger_walk_balances(tx, &b->walk, b->limit, why);
}

static bool balances_render(struct request *r, struct fail *why)
{
	struct balances *b = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	for (int i = 0; i < PLACES; i++)
		json_add_number(&j, places[i].name, *place(&b->walk, i));
	json_add_number(&j, "rows", b->walk.rows);
	json_add_boolean(&j, "end", b->walk.is_end);
	wrong_out(&j, b->walk.wrong, "account", b->walk.account, b->walk.noted_day);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_ledger_balances = { .parse = balances_parse, .look = balances_look, .render = balances_render };
