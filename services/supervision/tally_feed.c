/* services/supervision/tally_feed.c - trips, papers asked for and ends of cases in sealed order: for the department whose cases they are, and for supervisors of the place. */
#include "base/day.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"
#include "services/supervision/case_tally.h"
#include "store/store.h"

struct feed_item {
	int64_t seal_seq, sealed_ms, what, n, promised, day, region;
	struct str case_no, case_ref, department;
};

struct feed {
	struct page page;
	struct feed_item items[];
};

static bool feed_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", NULL };
	return request_query_only(r, names, why) && page_state(r, (struct cursor){ 0, 0 }, sizeof(struct feed), sizeof(struct feed_item), why) != NULL;
}

/* kind 5 is FACT_CASE_TALLY. The page is cut out first, by its index: all that is joined to it is there, once. */
static struct stmt *feed_query(struct tx *tx, const struct request *r, const struct feed *f, struct fail *why)
{
	struct stmt *q = tx_query(tx,
		"SELECT s.seq, s.sealed_ms, t.what, t.n, t.promised, t.day, t.region, c.case_no, c.case_ref, d.name"
		" FROM (SELECT seq, ref FROM seal_place WHERE kind = 5 AND place = $1 AND seq > $2 ORDER BY seq LIMIT $3) p JOIN seal s ON s.seq = p.seq"
		" JOIN case_tally t ON t.id = p.ref JOIN cases c ON c.id = t.case_id JOIN department d ON d.id = t.department ORDER BY p.seq", why);
	if (q == NULL)
		return NULL;
	page_bind_feed(q, r, &f->page);
	return q;
}

static bool feed_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct feed *f = r->state;
	DROP(stmt) struct stmt *q = feed_query(tx, r, f, why);
	if (q == NULL)
		return false;
	while (page_next(&f->page, q, why)) {
		struct feed_item *i = &f->items[f->page.count - 1];
		*i = (struct feed_item){ .seal_seq = stmt_int(q, 0), .sealed_ms = stmt_int(q, 1), .what = stmt_int(q, 2), .n = stmt_int(q, 3), .promised = stmt_int(q, 4),
			.day = stmt_int(q, 5), .region = stmt_int(q, 6), .case_no = str_copy(&r->arena, stmt_text(q, 7)), .case_ref = str_copy(&r->arena, stmt_text(q, 8)),
			.department = str_copy(&r->arena, stmt_text(q, 9)) };
		if (i->case_no.at == NULL || i->case_ref.at == NULL || i->department.at == NULL)
			return FAILS(why, MEMORY, "an item");
	}
	return why->code == FAIL_NONE;
}

static void item_out(struct json_out *j, const struct feed_item *i)
{
	char day[DAY_TEXT_BYTES];
	day_text((int32_t)i->day, day);
	json_put_object(j);
	json_add_number(j, "seal_seq", i->seal_seq);
	json_add_text(j, "case_no", i->case_no);
	json_add_text(j, "case_ref", i->case_ref);
	json_add_text(j, "department", i->department);
	json_add_region_code(j, "region", i->region);
	json_add_text(j, "what", tally_what_name(i->what));
	json_add_number(j, "n", i->n);
	json_add_number(j, "promised_trips", i->promised);
	json_add_text(j, "on", str_c(day));
	json_add_time(j, "sealed_at", i->sealed_ms);
	json_put_object_end(j);
}

static bool feed_render(struct request *r, struct fail *why)
{
	const struct feed *f = r->state;
	struct json_out j = reply_list(r);
	for (int n = 0; n < f->page.count; n++)
		item_out(&j, &f->items[n]);
	struct cursor next = { 0, f->page.count > 0 ? f->items[f->page.count - 1].seal_seq : f->page.from.id };
	return reply_feed_end(r, &j, &next, f->page.is_more, why);
}

const struct handler tally_feed = { .parse = feed_parse, .look = feed_look, .render = feed_render };
