/* services/voices/voice_feed.c - what happens to voices, with the lights of their clocks, in sealed order: for the department at whose hands they are, and for supervisors of the place
 * (统一督办). */
#include "base/day.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"
#include "services/voices/voice_clock.h"
#include "store/store.h"

struct feed_item {
	int64_t seal_seq, sealed_ms, kind, what, state, clock, day, region;
	struct str number, department;
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

/* kind 36 is FACT_VOICE_EVENT. The page is cut out first, by its index: all that is joined to it is there, once. */
static bool feed_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct feed *f = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT s.seq, s.sealed_ms, v.kind, e.what, e.state, e.clock, e.day, e.region, v.number, COALESCE(d.name, '')"
		" FROM (SELECT seq, ref FROM seal_place WHERE kind = 36 AND place = $1 AND seq > $2 ORDER BY seq LIMIT $3) p JOIN seal s ON s.seq = p.seq"
		" JOIN voice_event e ON e.id = p.ref JOIN voice v ON v.id = e.voice LEFT JOIN department d ON d.id = e.department ORDER BY p.seq", why);
	if (q == NULL)
		return false;
	page_bind_feed(q, r, &f->page);
	while (page_next(&f->page, q, why)) {
		struct feed_item *i = &f->items[f->page.count - 1];
		*i = (struct feed_item){ .seal_seq = stmt_int(q, 0), .sealed_ms = stmt_int(q, 1), .kind = stmt_int(q, 2), .what = stmt_int(q, 3), .state = stmt_int(q, 4),
			.clock = stmt_int(q, 5), .day = stmt_int(q, 6), .region = stmt_int(q, 7), .number = str_copy(&r->arena, stmt_text(q, 8)),
			.department = str_copy(&r->arena, stmt_text(q, 9)) };
		if (i->number.at == NULL || i->department.at == NULL)
			return FAILS(why, MEMORY, "an item");
	}
	return why->code == FAIL_NONE;
}

static void item_out(struct json_out *j, const struct feed_item *i)
{
	char day[DAY_TEXT_BYTES];
	bool of_clock = i->what > VOICE_TOLD_CLOCK;
	day_text((int32_t)i->day, day);
	json_put_object(j);
	json_add_number(j, "seal_seq", i->seal_seq);
	json_add_text(j, "number", i->number);
	json_add_plain(j, "kind", voice_kind_row((enum voice_kind)i->kind)->text);
	json_add_plain(j, "what", of_clock ? clock_what_name(i->what - VOICE_TOLD_CLOCK) : voice_event_row((enum voice_event)i->what)->text);
	json_add_plain(j, "state", voice_state_row((enum voice_state)i->state)->text);
	if (of_clock)
		json_add_plain(j, "clock", voice_clock_name((enum voice_clock)i->clock));
	else
		json_add_nothing(j, "clock");
	json_add_text(j, "department", i->department);
	json_add_region_code(j, "region", i->region);
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

const struct handler office_voice_feed = { .parse = feed_parse, .look = feed_look, .render = feed_render };
