/* Goal: what a clerk saw counts for eight hours and for the person he saw: it is never written down as more, a face shown meanwhile makes nothing of it last, and a
 * session that becomes another's loses it.
 * Method: handlers over a real store, a clock of the test's; every write is applied twice. */
#include "login_world.h"

#include "auth/real_name.h"

#define HOUR (60 * MINUTE)
#define THIRD "810000199408230021"

static bool identified(struct world *w, const char *digits, const char *number)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"code\":\"%s\",\"id_number\":\"%s\",\"name\":\"张三\"}", digits, number);
	world_ask(w, METHOD_POST, "/v1/hall/identifications", NULL, body)->who = (struct principal){ .kind = WHO_STAFF, .id = 7, .session = 1, .region = 621202 };
	return world_write(w, &hall_identify);
}

static void shown(struct world *w, const char *access, char digits[TEXT])
{
	const struct handler *h = &me_window_code;
	as(w, METHOD_POST, "/v1/me/window-code", NULL, NULL, access);
	world_expect(w, h->parse(&w->r, &w->r.why) && world_recall(w, h) && h->render(&w->r, &w->r.why));
	assert_true(member(w, "code", digits) && strlen(digits) == 8);
}

static void eight_hours(void **state)
{
	struct world *w = *state;
	char digits[TEXT];
	struct tokens t = login(w, PHONE, DEVICE);
	shown(w, t.access, digits);
	world_expect(w, identified(w, digits, RESIDENT));
	struct principal who = who_is(w, t.access);
	assert_true(who.level == LEVEL_L4 && level_suffices(&who, LEVEL_L4, w->now_ms) && !level_suffices(&who, LEVEL_L3, w->now_ms));
	refused(w, identified(w, digits, RESIDENT), FAIL_NOT_FOUND);
	for (int64_t hour = 0; hour < 8; hour++) { /* in use all day: tokens live half an hour, the session longer */
		w->now_ms += HOUR - (hour == 7);
		world_expect(w, refreshed(w, t.refresh, DEVICE));
		t = taken(w);
	}
	assert_true(t.level == LEVEL_L4 && who_is(w, t.access).level == LEVEL_L4);
	w->now_ms += 1;
	assert_int_equal(who_is(w, t.access).level, LEVEL_L2);
}

static void five_minutes(void **state)
{
	struct world *w = *state;
	char digits[TEXT], late[TEXT];
	struct tokens t = login(w, PHONE, DEVICE);
	shown(w, t.access, digits);
	shown(w, t.access, late);
	w->now_ms += 5 * MINUTE - 1;
	world_expect(w, identified(w, digits, RESIDENT));
	w->now_ms += 1;
	refused(w, identified(w, late, RESIDENT), FAIL_NOT_FOUND);
}

static bool confirm_other(struct tx *tx, void *ctx, struct fail *why)
{
	struct real_name n = { .kind = IDENTITY_RESIDENT, .number = STR(OTHER_RESIDENT), .name = STR("李小明"), .by = CONFIRMED_BY_AUTHORITY };
	return real_name_confirm(tx, ctx, &n, why);
}

static void of_one_person(void **state)
{
	struct world *w = *state;
	char digits[TEXT];
	struct tokens t = login(w, PHONE, DEVICE);
	shown(w, t.access, digits);
	world_expect(w, identified(w, digits, THIRD));
	as(w, METHOD_POST, "/v1/me/identity", NULL, NULL, t.access);
	world_must(store_write(w->store, confirm_other, &w->r, &w->r.why), &w->r.why);
	assert_int_equal(who_is(w, t.access).level, LEVEL_L2);
	shown(w, t.access, digits);
	world_expect(w, identified(w, digits, OTHER_RESIDENT));
	as(w, METHOD_POST, "/v1/me/identity", NULL, NULL, t.access);
	world_must(store_write(w->store, confirm_other, &w->r, &w->r.why), &w->r.why);
	assert_int_equal(who_is(w, t.access).level, LEVEL_L4); /* confirmed again as the one he was seen as */
	assert_true(strstr(world_rows(w, WORLD_SESSIONS).at, "|4|0|") == NULL); /* and L4 stands in no row's level */
}

int main(void)
{
	const struct CMUnitTest tests[] = { LOGIN_CASE(eight_hours), LOGIN_CASE(five_minutes), LOGIN_CASE(of_one_person) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
