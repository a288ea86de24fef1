/* Goal: refresh tokens serve once, a lost answer costs nobody his session, and a stolen one ends it; a person sees, names and ends his sessions, and nobody
 * else's; what is ended opens nothing, cached or not; nothing of it lies in the open.
 * Method: handlers over a real store, with a clock of the test's; every write is applied twice. */
#include "login_world.h"

/* ---- refresh tokens ---- */

static void rotation(void **state)
{
	struct world *w = *state;
	struct tokens a = login(w, PHONE, DEVICE), b;
	for (int i = 0; i < 5; i++) {
		w->now_ms += 25 * MINUTE;
		world_expect(w, refreshed(w, a.refresh, DEVICE));
		b = taken(w);
		assert_string_not_equal(a.refresh, b.refresh);
		assert_string_not_equal(a.access, b.access);
		who_is(w, b.access);
		a = b;
	}
	w->now_ms += 29 * DAY;
	world_expect(w, refreshed(w, a.refresh, DEVICE));
	b = taken(w);
	w->now_ms += 30 * DAY;
	refused(w, refreshed(w, b.refresh, DEVICE), FAIL_GRANT);
	assert_int_equal(count_rows(w, WORLD_SESSIONS), 1);
}

/* The answer did not arrive: the phone asks again with the same, and again, and goes on with what it gets. */
static void a_lost_answer(void **state)
{
	struct world *w = *state;
	struct tokens a = login(w, PHONE, DEVICE), lost, got;
	world_expect(w, refreshed(w, a.refresh, DEVICE));
	lost = taken(w);
	w->now_ms += 15000;
	world_expect(w, refreshed(w, a.refresh, DEVICE));
	got = taken(w);
	w->now_ms += 15000;
	world_expect(w, refreshed(w, a.refresh, DEVICE));
	got = taken(w);
	w->now_ms += 25 * MINUTE;
	world_expect(w, refreshed(w, got.refresh, DEVICE));
	got = taken(w);
	who_is(w, got.access);
	refused(w, refreshed(w, lost.refresh, DEVICE), FAIL_GRANT); /* it did arrive, with somebody: the session ends */
	struct principal who;
	assert_false(is_good(w, got.access, &who));
}

static const struct theft {
	const char *name;
	int64_t later_ms;
	const char *device;
	bool used_since;
	bool ends;
} thefts[] = {
	{ "at once, from the same device",              0,                  DEVICE,   false, false },
	{ "a minute later",                             REFRESH_GRACE_MS,   DEVICE,   false, false },
	{ "more than a minute later",                   REFRESH_GRACE_MS + 1, DEVICE, false, true },
	{ "from another device",                        0,                  STRANGER, false, true },
	{ "after the answer was used",                  0,                  DEVICE,   true,  true },
};

static void reuse(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(thefts) / sizeof(thefts[0]); i++) {
		const struct theft *f = &thefts[i];
		struct principal who;
		char phone[TEXT], device[TEXT];
		snprintf(phone, sizeof(phone), "139000003%02zu", i);
		snprintf(device, sizeof(device), "%s", f->device);
		struct tokens first = login(w, phone, DEVICE), next;
		world_expect(w, refreshed(w, first.refresh, DEVICE));
		next = taken(w);
		if (f->used_since) {
			world_expect(w, refreshed(w, next.refresh, DEVICE));
			next = taken(w);
		}
		w->now_ms += f->later_ms;
		bool ok = refreshed(w, first.refresh, device);
		if (ok == f->ends)
			fail_msg("%s", f->name);
		assert_int_equal(is_good(w, next.access, &who), !f->ends);
		if (f->ends) {
			refused(w, refreshed(w, next.refresh, DEVICE), FAIL_GRANT); /* the owner, too, logs in again */
			assert_non_null(memmem(world_rows(w, WORLD_AUDIT).at, world_rows(w, WORLD_AUDIT).len, "|5|4|", 5));
		}
	}
}

/* ---- sessions ---- */

static struct str sessions_of(struct world *w, const char *access)
{
	as(w, METHOD_GET, "/v1/me/sessions", NULL, NULL, access);
	world_expect(w, world_read(w, &me_session_list));
	return str_c(world_body(w));
}

static int count_of(const char *text, const char *what)
{
	int n = 0;
	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

static void list_name_end(void **state)
{
	struct world *w = *state;
	struct tokens one = login(w, PHONE, DEVICE), other;
	w->now_ms += MINUTE;
	other = login(w, PHONE, STRANGER);
	struct principal who;
	char key[TEXT];
	sessions_of(w, one.access);
	assert_int_equal(count_of(w->r.reply.body.at, "\"id\":\"se_"), 2);
	assert_int_equal(count_of(w->r.reply.body.at, "手机"), 2);
	assert_true(member(w, "id", key)); /* the latest: the stranger's */
	as(w, METHOD_PUT, "/v1/me/sessions/x", key, "{\"name\":\"旧手机\"}", one.access);
	world_expect(w, world_write(w, &me_session_rename));
	sessions_of(w, one.access);
	assert_int_equal(count_of(w->r.reply.body.at, "旧手机"), 1);
#define TEN "𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷" /* four bytes each: sealed, the longest name is longer than its text may be */
	as(w, METHOD_PUT, "/v1/me/sessions/x", key, "{\"name\":\"" TEN TEN TEN TEN "\"}", one.access);
	world_expect(w, world_write(w, &me_session_rename));
	sessions_of(w, one.access);
	assert_int_equal(count_of(w->r.reply.body.at, TEN TEN TEN TEN), 1);
	struct tokens foreign = login(w, OTHER_PHONE, DEVICE "9");
	as(w, METHOD_DELETE, "/v1/me/sessions/x", key, NULL, foreign.access);
	refused(w, world_write(w, &me_session_end), FAIL_NOT_FOUND);
	as(w, METHOD_DELETE, "/v1/me/sessions/x", key, NULL, one.access);
	world_expect(w, world_write(w, &me_session_end));
	assert_false(is_good(w, other.access, &who)); /* cached a moment ago */
	refused(w, refreshed(w, other.refresh, STRANGER), FAIL_GRANT);
	assert_int_equal(count_rows(w, WORLD_DEVICES), 2); /* a device that was put out is a stranger again */
	who_is(w, one.access);
	as(w, METHOD_DELETE, "/v1/me/sessions", NULL, NULL, one.access);
	world_expect(w, world_write(w, &me_session_end_all));
	assert_false(is_good(w, one.access, &who));
	who_is(w, foreign.access);
}

static void at_most_eight(void **state)
{
	struct world *w = *state;
	struct tokens t[SESSIONS_MAX + 2];
	char device[TEXT];
	t[0] = login(w, PHONE, DEVICE);
	for (int i = 1; i < SESSIONS_MAX + 2; i++) {
		w->now_ms += DAY;
		snprintf(device, sizeof(device), "%s%02d", DEVICE, i);
		if (i == SESSIONS_MAX) { /* the first one is still in use, the second is not */
			world_expect(w, refreshed(w, t[0].refresh, DEVICE));
			t[0] = taken(w);
		}
		t[i] = login(w, PHONE, device);
	}
	world_expect(w, refreshed(w, t[0].refresh, DEVICE));
	refused(w, refreshed(w, t[1].refresh, DEVICE "01"), FAIL_GRANT);
	refused(w, refreshed(w, t[2].refresh, DEVICE "02"), FAIL_GRANT);
	world_expect(w, refreshed(w, t[3].refresh, DEVICE "03"));
}

static void revoked(struct world *w, const char *token)
{
	char body[BODY];
	snprintf(body, sizeof(body), "token=%s&token_type_hint=access_token", token);
	world_ask(w, METHOD_POST, "/oauth2/revoke", NULL, body);
	world_expect(w, world_write(w, &oauth_revoke));
	assert_int_equal(w->r.reply.status, 200);
}

static void logging_out(void **state)
{
	struct world *w = *state;
	struct principal who;
	struct tokens t = login(w, PHONE, DEVICE);
	revoked(w, "sbc_nobodyknowsthis");
	who_is(w, t.access);
	revoked(w, t.access);
	assert_false(is_good(w, t.access, &who));
	w->now_ms += MINUTE;
	t = login(w, PHONE, DEVICE);
	revoked(w, t.refresh);
	assert_false(is_good(w, t.access, &who));
	w->now_ms += MINUTE;
	login(w, PHONE, DEVICE);
	assert_int_equal(count_rows(w, WORLD_DEVICES), 1); /* who logs himself out is no stranger the next day */
}

static void me_below_two(void **state)
{
	struct world *w = *state;
	struct tokens t = login(w, PHONE, DEVICE);
	as(w, METHOD_GET, "/v1/me", NULL, NULL, t.access);
	world_expect(w, world_read(w, &me_show));
	assert_string_equal(world_body(w), "{\"level\":1,\"level_name\":\"phone\",\"level3_until\":null,\"next_step\":\"identity\",\"id_type\":null,\"id_country\":null,\"name\":null,"
		"\"id_number\":null,\"phone\":\"139****0001\",\"consent\":\"none\"}");
}

/* Nothing of it lies in the open: neither in rows, nor in outcomes. */
static void sealed(void **state)
{
	struct world *w = *state;
	struct tokens t = login(w, PHONE, DEVICE);
	struct fail why;
	struct buf b;
	struct tx tx;
	fail_clear(&why);
	buf_init(&b, &w->arena, 65536);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	world_dump(&tx, &b);
	reader_end(w->reader);
	const char *open[] = { PHONE, DEVICE, t.access + 4, t.refresh + 4, "手机" };
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		assert_null(memmem(b.at, b.len, open[i], strlen(open[i])));
}

/* ---- what nobody needs any more ---- */

struct purging {
	int64_t now_ms, tokens, refreshes, days;
};

static bool purge(struct tx *tx, void *ctx, struct fail *why)
{
	struct purging *p = ctx;
	return token_purge(tx, p->now_ms, 100, &p->tokens, why) && refresh_purge(tx, p->now_ms, 100, &p->refreshes, why) && otp_purge(tx, p->now_ms, 100, &p->days, why);
}

static void forgotten(void **state)
{
	struct world *w = *state;
	static const struct { int64_t later_ms, tokens, refreshes, days; } rows[] = { { DAY, 0, 0, 0 }, { DAY + 31 * MINUTE, 1, 0, 0 }, { 4 * DAY, 0, 0, 1 }, { 31 * DAY, 0, 1, 0 } };
	login(w, PHONE, DEVICE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct purging p = { .now_ms = w->now_ms + rows[i].later_ms };
		struct fail why;
		fail_clear(&why);
		world_must(store_write(w->store, purge, &p, &why), &why);
		assert_true(p.tokens == rows[i].tokens && p.refreshes == rows[i].refreshes && p.days == rows[i].days);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOGIN_CASE(rotation), LOGIN_CASE(a_lost_answer), LOGIN_CASE(reuse), LOGIN_CASE(list_name_end), LOGIN_CASE(at_most_eight), LOGIN_CASE(logging_out),
		LOGIN_CASE(me_below_two), LOGIN_CASE(forgotten), LOGIN_CASE(sealed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
