/* Goal: a mandate from offer to end, by each way to say yes; whatever is written is the same when it is written again; a code that did not go out opens
 * nothing; and nothing that one side may not know is shown to it.
 * Method: the handlers over a real store and a clock of the test's, every write applied twice; the jobs in between by hand, twice too. */
#include "login_world.h"

#include "auth/mandate_code.h"
#include "services/people/mandate_code_send.h"
#include "services/people/mandate_tell.h"

#define TOWN "621202"
static const struct { const char *phone, *device, *number, *name; } people[] = {
	{ PHONE, DEVICE, "621299199006150131", "王小明" },
	{ OTHER_PHONE, DEVICE "2", "62129919850101006X", "李大娘" },
	{ "13900000003", DEVICE "3", "11010519491231002X", "张三" },
};
enum { HELPER, ELDER, STRANGER_TO_BOTH, PEOPLE };

static struct principal principals[PEOPLE];

/* Known by number and name, over the phone that each has just confirmed. */
static bool become(struct tx *tx, void *ctx, struct fail *why)
{
	struct request *r = ctx;
	static const uint8_t salt[16] = "sixteen bytes...";
	for (int i = 0; i < PEOPLE; i++)
		if (str_eq(r->params[0], str_c(people[i].phone))) {
			DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE login SET level = 2 WHERE person = $1", why);
			if (q == NULL)
				return false;
			stmt_bind_int(q, 1, r->who.id);
			return person_become(tx, r->who.id, IDENTITY_RESIDENT, str_c(people[i].number), str_c(people[i].name), salt, why) && stmt_run(q, why) &&
			       session_raise(tx, r->who.session, r->who.id, LEVEL_L2, 0, why);
		}
	return FAILS(why, INTERNAL, "nobody has this phone");
}

static int begin(void **state)
{
	login_make(state);
	struct world *w = *state;
	world_import_small(w);
	for (int i = 0; i < PEOPLE; i++) {
		struct tokens t = login(w, people[i].phone, people[i].device);
		as(w, METHOD_POST, "/v1/me/identity", people[i].phone, NULL, t.access);
		world_must(store_write(w->store, become, &w->r, &w->r.why), &w->r.why);
		principals[i] = who_is(w, t.access);
	}
	return 0;
}

/* ---- deeds ---- */

static const char *offered(struct world *w, const char *kind, int giver, const char *more)
{
	static char id[TEXT];
	char body[BODY];
	snprintf(body, sizeof(body), "{\"kind\":\"%s\",\"id_number\":\"%s\",\"name\":\"%s\",\"scopes\":\"see_cases,receive_messages\",\"until\":\"2026-12-20T00:00:00+08:00\"%s}", kind,
		 people[giver].number, people[giver].name, more);
	world_ask(w, METHOD_POST, "/v1/me/mandates", NULL, body)->who = principals[HELPER];
	world_expect(w, world_write(w, &me_mandate_offer));
	assert_int_equal(w->r.reply.status, 201);
	assert_true(member(w, "id", id));
	return id;
}

static bool does(struct world *w, const struct handler *h, const char *id, const char *body, int who)
{
	world_ask(w, METHOD_POST, "/v1/me/mandates/x", id, body)->who = principals[who];
	return world_write(w, h);
}

static bool shows(struct world *w, const char *id, int who, const char *what)
{
	world_ask(w, METHOD_GET, "/v1/me/mandates/x", id, NULL)->who = principals[who];
	world_expect(w, world_read(w, &me_mandate_show));
	return strstr(world_body(w), what) != NULL;
}

/* A job's bite, rolled back and done again: the rows come out the same. */
struct bite {
	struct world *w;
	bool (*bite)(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
	bool keep;
	int64_t rows;
	struct buf dump;
};

static bool bite_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct bite *b = ctx;
	if (!b->bite(tx, b->w->now_ms, MANDATES_EXPIRE_MAX, &b->rows, why))
		return false;
	world_dump(tx, &b->dump);
	return b->keep || FAILS(why, CONFLICT, "rolled back by the test");
}

static int64_t bitten(struct world *w, bool (*bite)(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why))
{
	struct bite b[2] = { { .w = w, .bite = bite }, { .w = w, .bite = bite, .keep = true } };
	struct fail why;
	arena_reset(&w->arena);
	buf_init(&b[0].dump, &w->arena, 65536);
	buf_init(&b[1].dump, &w->arena, 65536);
	fail_clear(&why);
	assert_false(store_write(w->store, bite_apply, &b[0], &why));
	assert_int_equal(why.code, FAIL_CONFLICT);
	fail_clear(&why);
	world_must(store_write(w->store, bite_apply, &b[1], &why), &why);
	assert_true(str_eq(buf_text(&b[0].dump), buf_text(&b[1].dump)));
	return b[1].rows;
}

static const char *asked(struct world *w, const char *id)
{
	static char digits[TEXT];
	world_expect(w, does(w, &me_mandate_code, id, NULL, HELPER));
	assert_int_equal(w->r.reply.status, 202);
	assert_true(member(w, "development_code", digits));
	return digits;
}

static bool accepted_by_code(struct world *w, const char *id, const char *digits)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"code\":\"%s\"}", digits);
	return does(w, &me_mandate_accept, id, body, HELPER);
}

static int64_t messages_of(struct world *w, const char *template)
{
	struct str rows = world_rows(w, WORLD_MESSAGES);
	char text[32];
	int64_t n = 0;
	snprintf(text, sizeof(text), "|%s|0|", template); /* the template's number, about no case */
	for (const char *at = rows.len > 0 ? strstr(rows.at, text) : NULL; at != NULL; at = strstr(at + 1, text))
		n++;
	return n;
}
#define ACCEPTED "12"
#define USED "13"
#define ENDED "14"

/* ---- */

static void by_a_code_that_went_out(void **state)
{
	struct world *w = *state;
	char id[TEXT], digits[TEXT];
	snprintf(id, sizeof(id), "%s", offered(w, "agent", ELDER, ""));
	snprintf(digits, sizeof(digits), "%s", asked(w, id));
	refused(w, accepted_by_code(w, id, digits), FAIL_MANDATE_CODE); /* it waits still: whoever knows it now has not read it on a phone */
	w->now_ms += MINUTE;
	snprintf(digits, sizeof(digits), "%s", asked(w, id));
	assert_int_equal(bitten(w, mandate_codes_send), 1);
	assert_int_equal(bitten(w, mandate_codes_send), 0);
	refused(w, does(w, &me_mandate_accept, id, "{\"code\":\"12345\"}", HELPER), FAIL_FIELD);
	refused(w, does(w, &me_mandate_accept, id, "{\"code\":\"-12345\"}", HELPER), FAIL_FIELD);
	refused(w, does(w, &me_mandate_accept, id, NULL, HELPER), FAIL_FIELD_MISSING);
	refused(w, does(w, &me_mandate_accept, id, NULL, STRANGER_TO_BOTH), FAIL_NOT_FOUND);
	world_expect(w, accepted_by_code(w, id, digits));
	assert_int_equal(messages_of(w, ACCEPTED), 1);
	assert_true(shows(w, id, HELPER, "\"accepted_by\":\"code\"") && shows(w, id, HELPER, "李大娘") && !shows(w, id, HELPER, people[ELDER].number));
	assert_true(shows(w, id, ELDER, "王小明") && shows(w, id, ELDER, "\"id_number\":null"));
	world_expect(w, does(w, &me_mandate_revoke, id, NULL, ELDER));
	assert_int_equal(messages_of(w, ENDED), 1);
	w->now_ms += MINUTE;
	refused(w, does(w, &me_mandate_code, id, NULL, HELPER), FAIL_MANDATE_STATE);
}

static void a_code_for_nobody(void **state)
{
	struct world *w = *state;
	char id[TEXT];
	world_ask(w, METHOD_POST, "/v1/me/mandates", NULL,
		"{\"kind\":\"agent\",\"id_number\":\"110101199003074514\",\"name\":\"某某\",\"scopes\":\"see_cases\",\"until\":\"2026-12-20T00:00:00+08:00\"}")->who = principals[HELPER];
	world_expect(w, world_write(w, &me_mandate_offer));
	assert_true(member(w, "id", id));
	const char *digits = asked(w, id);
	assert_int_equal(bitten(w, mandate_codes_send), 1);
	refused(w, accepted_by_code(w, id, digits), FAIL_MANDATE_CODE);
	assert_true(shows(w, id, HELPER, "\"state\":\"offered\""));
}

static bool spoil(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE mandate SET code = substr(code, 1, 20) WHERE id = 1", why);
	return q != NULL && stmt_run(q, why);
}

/* One that does not open keeps nobody else's. */
static void a_spoilt_code(void **state)
{
	struct world *w = *state;
	char first[TEXT], second[TEXT], digits[2][TEXT];
	snprintf(first, sizeof(first), "%s", offered(w, "agent", ELDER, ""));
	snprintf(digits[0], TEXT, "%s", asked(w, first));
	snprintf(second, sizeof(second), "%s", offered(w, "helper", ELDER, ""));
	snprintf(digits[1], TEXT, "%s", asked(w, second));
	world_must(store_write(w->store, spoil, NULL, &w->r.why), &w->r.why);
	assert_int_equal(bitten(w, mandate_codes_send), 2);
	refused(w, accepted_by_code(w, first, digits[0]), FAIL_MANDATE_CODE);
	world_expect(w, accepted_by_code(w, second, digits[1]));
}

/* As many as may go to one phone in a day, whoever offers; the next day there are new ones. */
static void no_more_a_day_than_a_phone_takes(void **state)
{
	struct world *w = *state;
	for (int n = 0; n <= MANDATE_CODES_TO_PHONE + 1; n++) {
		char id[TEXT];
		if (n == MANDATE_CODES_TO_PHONE + 1)
			w->now_ms += DAY;
		snprintf(id, sizeof(id), "%s", offered(w, "helper", ELDER, ""));
		const char *digits = asked(w, id);
		assert_int_equal(bitten(w, mandate_codes_send), 1);
		bool ok = accepted_by_code(w, id, digits);
		if (n == MANDATE_CODES_TO_PHONE)
			refused(w, ok, FAIL_MANDATE_CODE);
		else
			world_expect(w, ok);
	}
}

static bool use(struct tx *tx, void *ctx, struct fail *why)
{
	struct world *w = ctx;
	return mandate_used(tx, &w->r, why);
}

static void used_and_over(void **state)
{
	struct world *w = *state;
	char id[TEXT];
	snprintf(id, sizeof(id), "%s", offered(w, "agent", ELDER, ""));
	world_expect(w, does(w, &me_mandate_accept, id, NULL, ELDER));
	for (int n = 0; n < 3; n++) {
		w->now_ms += 20 * 60 * MINUTE; /* 20 hours: twice of a day */
		world_ask(w, METHOD_GET, "/v1/cases", NULL, NULL);
		w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = LEVEL_L2, .acting_for = 2, .mandate = 1 };
		world_must(store_write(w->store, use, w, &w->r.why), &w->r.why);
	}
	assert_int_equal(messages_of(w, USED), 1);
	world_expect(w, (offered(w, "helper", ELDER, ""), true)); /* an offer that nobody answers */
	w->now_ms += 40 * DAY;
	assert_int_equal(bitten(w, mandates_expire), 2);
	assert_int_equal(bitten(w, mandates_expire), 0);
	assert_int_equal(messages_of(w, ENDED), 1); /* of what was never in force nobody is told */
}

static bool at_window(struct world *w, const char *id, const char *name)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"id_number\":\"110101199003074514\",\"name\":\"%s\"}", name);
	world_ask(w, METHOD_POST, "/v1/staff/mandates/x/accept", id, body)->who = (struct principal){ .kind = WHO_STAFF, .id = 7, .region = 621200 };
	return world_write(w, &staff_mandate_accept);
}

static void by_the_papers_of_a_child(void **state)
{
	struct world *w = *state;
	char id[TEXT];
	world_ask(w, METHOD_POST, "/v1/me/mandates", NULL, "{\"kind\":\"guardian\",\"id_number\":\"110101199003074514\",\"name\":\"王小小\",\"scopes\":\"see_cases\",\"matters\":\"M1,M3\",\"region\":\"" TOWN "\","
		"\"until\":\"2026-12-20T00:00:00+08:00\"}")->who = principals[HELPER];
	world_expect(w, world_write(w, &me_mandate_offer));
	assert_true(member(w, "id", id));
	assert_true(shows(w, id, HELPER, "\"matters\":[\"M1\",\"M3\"]"));
	refused(w, does(w, &me_mandate_code, id, NULL, HELPER), FAIL_FORBIDDEN);
	refused(w, at_window(w, id, "王小"), FAIL_MANDATE_PAPERS);
	world_expect(w, at_window(w, id, "王小小"));
	refused(w, at_window(w, id, "王小小"), FAIL_MANDATE_STATE);
	assert_true(shows(w, id, HELPER, "\"accepted_by\":\"window\""));
}

static void a_newer_one_takes_its_place(void **state)
{
	struct world *w = *state;
	char one[TEXT], two[TEXT];
	snprintf(one, sizeof(one), "%s", offered(w, "agent", ELDER, ""));
	world_expect(w, does(w, &me_mandate_accept, one, NULL, ELDER));
	snprintf(two, sizeof(two), "%s", offered(w, "agent", ELDER, ",\"matters\":\"M2\""));
	world_expect(w, does(w, &me_mandate_accept, two, NULL, ELDER));
	assert_true(shows(w, one, ELDER, "\"state\":\"revoked\"") && shows(w, two, ELDER, "\"state\":\"active\""));
	snprintf(one, sizeof(one), "%s", offered(w, "agent", ELDER, ""));
	world_expect(w, does(w, &me_mandate_refuse, one, NULL, ELDER));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, login_unmake)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(by_a_code_that_went_out), CASE(a_code_for_nobody), CASE(a_spoilt_code), CASE(no_more_a_day_than_a_phone_takes), CASE(used_and_over), CASE(by_the_papers_of_a_child),
		CASE(a_newer_one_takes_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
