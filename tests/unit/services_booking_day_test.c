/* Goal: the day before one is told once, from nine o'clock on, what to bring; a quarter of an hour after its end a visit that nobody came to is missed, and what
 * that costs is what the table says; a ticket is one text for one visit, and no other text is one;
 * whoever is forgotten keeps no seat.
 * Method: a visit booked by the real handlers; the clock's bites at chosen moments; every change of a ticket's character. */
#include "auth/person.h"
#include "auth/right.h"
#include "services/booking/booking_day.h"
#include "services/booking/slot_make.h"
#include "services/booking/ticket.h"
#include "services/people/erasure.h"
#include "services_world.h"

#define CALENDAR "date,kind,name,source,region\n2026-01-01,off,元旦,测试,\n"
#define HALLS "code,name,region,address,hours,transport,phone\nH1,武都区政务服务中心,621202,路,早,车,0939\n"
#define WINDOWS "hall,kind,name\nH1,commerce,商事\n"
#define RULES "hall,window,sessions,slot_minutes,capacity,walk_in_percent,horizon_days,notice_minutes,letter\nH1,commerce,1-5 09:00-12:00,30,1,0,3,0,B\n"
#define MATTERS "hall,window,matter,state\nH1,commerce,M1,on\n"
#define DAY INT64_C(86400000)
#define HOUR INT64_C(3600000)

static bool make_slots(struct tx *tx, void *ctx, struct fail *why)
{
	struct world *w = ctx;
	int64_t days = 1, person;
	while (days > 0)
		if (!slots_make(tx, w->now_ms, 1, &days, why))
			return false;
	return person_find_or_make(tx, IDENTITY_RESIDENT, STR(RESIDENT), w->now_ms, &person, why);
}

static void deed(struct world *w, const struct handler *h, const char *booking, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/bookings/x/y", booking, body)->who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = LEVEL_L2 };
	bool ok = world_write(w, h);
	world_must(ok, &w->r.why);
}

static int begin(void **state)
{
	struct fail why;
	char id[96];
	world_make(state);
	struct world *w = *state;
	fail_clear(&why);
	world_import_small(w);
	world_import(w, "calendar", CALENDAR);
	world_import(w, "halls", HALLS);
	world_import(w, "windows", WINDOWS);
	world_import(w, "booking_rules", RULES);
	world_import(w, "window_matters", MATTERS);
	world_must(store_write(w->store, make_slots, w, &why), &why);
	deed(w, &hold_create, NULL, "{\"hall\":\"H1\",\"matters\":\"M1\",\"starts_at\":\"2026-11-25T09:00:00+08:00\"}");
	snprintf(id, sizeof(id), "%s", w->r.outcome.text);
	deed(w, &booking_confirm, id, "{}");
	return 0;
}

struct bite {
	bool (*run)(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
	int64_t now_ms, rows;
};

static bool bite_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct bite *b = ctx;
	return b->run(tx, b->now_ms, DAY_BITE_MAX, &b->rows, why);
}

static int64_t run(struct world *w, bool (*what)(struct tx *, int64_t, int64_t, int64_t *, struct fail *), int64_t now_ms)
{
	struct bite b = { what, now_ms, 0 };
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, bite_apply, &b, &why), &why);
	return b.rows;
}

static int messages(struct world *w)
{
	struct str rows = world_rows(w, WORLD_MESSAGES);
	int n = 0;
	for (size_t i = 0; i < rows.len; i++)
		n += rows.at[i] == '\n';
	return n;
}

/* NOW_MS is Monday, four in the afternoon; the visit is on Wednesday at nine. */
static void reminded(void **state)
{
	struct world *w = *state;
	int64_t nine_on_tuesday = NOW_MS - 16 * HOUR + DAY + 9 * HOUR;
	assert_int_equal(messages(w), 1);
	assert_int_equal(run(w, bookings_remind, NOW_MS), 0);
	assert_int_equal(run(w, bookings_remind, nine_on_tuesday - 1), 0);
	assert_int_equal(run(w, bookings_remind, nine_on_tuesday), 1);
	assert_int_equal(messages(w), 2);
	assert_int_equal(run(w, bookings_remind, nine_on_tuesday + HOUR), 0);
	assert_int_equal(messages(w), 2);
}

static bool no_show(struct tx *tx, void *ctx, struct fail *why)
{
	struct no_show *n = ctx;
	return no_show_of(tx, 1, n->until_ms, n, why);
}

static int64_t open_of(struct world *w, int64_t now_ms)
{
	struct no_show n = { .until_ms = now_ms };
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, no_show, &n, &why), &why);
	return n.open;
}

static bool again(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO booking (id, key, person, made_by, hall, grp, state, day, starts_ms, ends_ms, people, held_until_ms, reason, moves, reminded, contact, made_ms,"
		" changed_ms) SELECT MAX(id) + 1, CAST(MAX(id) AS BLOB), 1, 1, MAX(hall), MAX(grp), 6, MAX(day), MAX(starts_ms), MAX(ends_ms), 1, 0, 0, 0, 0, MAX(contact), 1, 1 FROM booking", why);
	return q != NULL && stmt_run(q, why);
}

static void missed(void **state)
{
	struct world *w = *state;
	int64_t ends = NOW_MS - 16 * HOUR + 2 * DAY + 9 * HOUR + HOUR / 2;
	struct fail why;
	fail_clear(&why);
	assert_int_equal(run(w, bookings_miss, ends + ARRIVAL_MS - 1), 0);
	assert_int_equal(run(w, bookings_miss, ends + ARRIVAL_MS), 1);
	assert_int_equal(run(w, bookings_miss, ends + ARRIVAL_MS), 0);
	assert_int_equal(messages(w), 2);
	assert_int_equal(open_of(w, ends + DAY), -1); /* once is nothing */
	world_must(store_write(w->store, again, w, &why), &why);
	assert_int_equal(open_of(w, ends + DAY), 1);
	assert_int_equal(open_of(w, ends + 89 * DAY), 1);
	assert_int_equal(open_of(w, ends + 90 * DAY), -1);
	world_must(store_write(w->store, again, w, &why), &why);
	assert_int_equal(open_of(w, ends + 29 * DAY), 0);
	assert_int_equal(open_of(w, ends + 31 * DAY), 1);
}

static bool ask_erasure(struct tx *tx, void *ctx, struct fail *why)
{
	struct world *w = ctx;
	struct erasure e;
	return erasure_ask(tx, &w->r, 0, &e, why);
}

static bool erase(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t *rows = ctx;
	return erasure_step(tx, NOW_MS + HOUR, 100, rows, why);
}

/* Whoever is forgotten keeps no seat, and what he wrote is overwritten. */
static void forgotten(void **state)
{
	struct world *w = *state;
	struct fail why;
	int64_t rows = 1;
	fail_clear(&why);
	assert_non_null(strstr(world_rows(w, WORLD_SLOTS).at, "|1|1|0|1\n"));
	world_ask(w, METHOD_POST, "/v1/me/erasure", NULL, NULL)->who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = LEVEL_L2 };
	world_must(store_write(w->store, ask_erasure, w, &why), &why);
	while (rows > 0)
		world_must(store_write(w->store, erase, &rows, &why), &why);
	assert_null(strstr(world_rows(w, WORLD_SLOTS).at, "|1|1|0|1\n"));
	assert_non_null(strstr(world_rows(w, WORLD_BOOKINGS).at, "|22|0||")); /* given up, moved never, nothing written */
}

static void tickets(void **state)
{
	(void)state;
	struct ticket t = { .starts_ms = NOW_MS, .minutes = 90, .people = 3, .moves = 2, .hall = "H1" }, back;
	struct ticket_parts parts;
	struct fail why;
	char text[TICKET_TEXT_MAX], other[TICKET_TEXT_MAX];
	fail_clear(&why);
	memset(t.booking.bytes, 0xa5, ID_BYTES);
	world_must(ticket_write(&t, text, &why), &why);
	assert_true(ticket_read(str_c(text), &back));
	assert_memory_equal(&t.booking, &back.booking, sizeof(t.booking));
	assert_true(back.starts_ms == NOW_MS && back.minutes == 90 && back.people == 3 && back.moves == 2 && strcmp(back.hall, "H1") == 0);
	for (size_t i = 0; text[i] != '\0'; i++)
		for (int k = 0; k < 3; k++) {
			strcpy(other, text);
			other[i] = "A9_"[k];
			if (strcmp(other, text) != 0)
				assert_false(ticket_read(str_c(other), &back));
		}
	static const char *const wrong[] = { "", "SB1.", "SB1..", "SB2.AAAA.AAAA", "SB1", "hello" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(ticket_parse(str_c(wrong[i]), &back, &parts));
	memset(t.hall, 'H', TICKET_HALL_MAX);
	world_must(ticket_write(&t, text, &why), &why);
	assert_true(ticket_read(str_c(text), &back) && strlen(back.hall) == TICKET_HALL_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(reminded, begin, world_end), cmocka_unit_test_setup_teardown(missed, begin, world_end),
					    cmocka_unit_test_setup_teardown(forgotten, begin, world_end),
					    cmocka_unit_test_setup_teardown(tickets, begin, world_end) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
