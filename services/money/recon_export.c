/* services/money/recon_export.c - GET /v1/office/exports: what the payment office works with in its own programs, whole, however long it is, each time on record. The same question gives the
 * same table. It is counted and put on record first; then it is made while it is sent (recon_tables.h), a bite in a transaction. */
#include "auth/audit.h"
#include "base/clock.h"
#include "base/day.h"
#include "services/handlers.h"
#include "services/money/recon_office.h"
#include "services/money/recon_tables.h"
#include "services/services.h"

#include <stdio.h>
#include <stdlib.h>

enum { DAYS_MAX = 366, DONE = 1, FIRST_BYTES = 32 << 10, PIECE_BYTES_MAX = 8 << 20 /* of a bite, in both its letters */ };

struct export {
	const struct recon_table *table;
	enum office_as as;
	struct recon_table_at at;
};

/* ---- while it is sent ---- */

enum stage { AT_HEAD, AT_ROWS, AT_REST };
struct flow {
	struct body_source source; /* first */
	struct export what;
	enum stage stage;
	struct office_sheet sheet;
	struct arena arena;        /* of the piece */
	struct buf out;
};

static bool flow_rows(struct flow *f, struct tx *tx, struct fail *why)
{
	struct recon_table_at *at = &f->what.at;
	if (f->stage == AT_HEAD)
		f->what.table->head(at, &f->sheet);
	f->stage = AT_ROWS;
	if (!f->what.table->bite(tx, at, &f->sheet, why))
		return false;
	if (!at->is_over)
		return office_piece(&f->sheet, &f->arena, why);
	f->stage = AT_REST;
	return f->what.table->foot(at, &f->sheet, why) && office_piece(&f->sheet, &f->arena, why) && office_end(&f->sheet, why);
}

static bool flow_more(struct body_source *s, struct tx *tx, struct fail *why)
{
	struct flow *f = (struct flow *)s;
	arena_reset(&f->arena);
	buf_init(&f->out, &f->arena, FIRST_BYTES);
	office_into(&f->sheet, &f->out);
	if (!(f->stage == AT_REST ? office_rest(&f->sheet, why) : flow_rows(f, tx, why)))
		return false;
	s->piece = buf_text(&f->out);
	s->is_over = f->sheet.is_over;
	return true;
}

static void flow_drop(struct body_source *s)
{
	struct flow *f = (struct flow *)s;
	office_drop(&f->sheet);
	arena_free(&f->arena);
	free(f);
}

static struct body_source *export_source(struct request *r, struct fail *why)
{
	const struct export *e = r->state;
	struct flow *f = calloc(1, sizeof *f);
	if (f == NULL) {
		FAILS(why, MEMORY, "a table");
		return NULL;
	}
	f->source = (struct body_source){ .more = flow_more, .drop = flow_drop };
	f->what = *e;
	arena_init(&f->arena, PIECE_BYTES_MAX);
	if (office_open(&f->sheet, e->as, e->table->name, day_begins_ms((int32_t)e->at.to), why))
		return &f->source;
	flow_drop(&f->source);
	return NULL;
}

/* ---- the request ---- */

static bool what_take(struct request *r, struct export *e, struct fail *why)
{
	struct str what, as;
	if (!request_query(r, "what", &what, why) || !request_query(r, "as", &as, why))
		return false;
	if (as.at != NULL && !str_eq(as, STR("csv")) && !str_eq(as, STR("gb18030")) && !str_eq(as, STR("xlsx")))
		return FAILS_FIELD(why, QUERY, "as", "csv, gb18030 or xlsx");
	e->table = recon_table_named(what);
	if (e->table == NULL)
		return FAILS_FIELD(why, QUERY, "what", "no such table");
	e->as = e->table->is_plain ? OFFICE_PLAIN : str_eq(as, STR("xlsx")) ? OFFICE_XLSX : str_eq(as, STR("gb18030")) ? OFFICE_GB18030 : OFFICE_CSV;
	return true;
}

static bool export_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "what", "as", "from", "to", NULL };
	struct export *e = request_state(r, sizeof *e, why);
	if (e == NULL || !request_query_only(r, names, why) || !recon_office(r, why) || !what_take(r, e, why) || !recon_day_query(r, "from", -1, &e->at.from, why) ||
	    !recon_day_query(r, "to", e->at.from, &e->at.to, why))
		return false;
	e->at.to++; /* the day named is in it */
	if (e->table->is_of_a_day && e->at.to != e->at.from + 1)
		return FAILS_FIELD(why, QUERY, "to", "a day alone");
	return (e->at.to > e->at.from && e->at.to - e->at.from <= DAYS_MAX) || FAILS_FIELD(why, QUERY, "to", "from its first day on, a year at most");
}

static bool export_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct export *e = r->state;
	if (!recon_table_count(e->table, tx, &e->at, why))
		return false;
	return e->as != OFFICE_XLSX || e->at.told_rows <= OFFICE_WORKBOOK_ROWS || FAILS(why, TABLE_LONG, "%lld rows", (long long)e->at.told_rows);
}

static bool export_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct export *e = r->state;
	char words[96], from[DAY_TEXT_BYTES], to[DAY_TEXT_BYTES];
	day_text((int32_t)e->at.from, from);
	day_text((int32_t)e->at.to - 1, to);
	int len = snprintf(words, sizeof words, "%s from=%s to=%s rows=%lld", e->table->name, from, to, (long long)e->at.told_rows);
	struct audit a = { AUDIT_RECON_EXPORTED, AUDIT_OF_DAY, e->at.from, .result = 200, .detail = { words, (size_t)len }, .region = r->who.region };
	r->outcome = (struct outcome){ .code = DONE, .status = 200 };
	return audit_add(tx, r, &a, why);
}

static bool export_render(struct request *r, struct fail *why)
{
	const struct export *e = r->state;
	static const char *const types[] = { "text/csv; charset=utf-8", "text/csv; charset=gb18030", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/plain; charset=gb18030" };
	static const char *const ends[] = { "csv", "csv", "xlsx", "txt" };
	struct buf name;
	char from[DAY_TEXT_BYTES];
	day_text((int32_t)e->at.from, from);
	buf_init(&name, &r->arena, 96);
	buf_printf(&name, "attachment; filename=\"%s-%s.%s\"", e->table->name, from, ends[e->as]);
	r->reply.status = 200;
	r->reply.content_type = types[e->as];
	r->reply.goes_on = REPLY_MADE;
	reply_header(r, "content-disposition", buf_text(&name));
	return buf_ok(&name) || FAILS(why, MEMORY, "a name");
}

const struct handler recon_export = { .parse = export_parse, .look = export_look, .apply = export_apply, .render = export_render, .source = export_source };
