/* Goal: what the province's login does to our rows is the same however often it is applied, and what it must not do it does not: a state lives ten minutes, a lost
 * answer is made good for five, a linked account without a number leads to its person alone.
 * Method: handlers over a real store and a real memory of what expires, with answers of the province's written here; every write is applied twice. */
#include "login_world.h"

#include "services/people/provincial.h"

#define BACK "https://app.siban.test/back"
#define NUMBER "621299199006150131"
#define OTHER_NUMBER "62129919850101006X"
#define GRANT "grant_type=urn:siban:params:oauth:grant-type:provincial"

static const struct world_answer token = { 200, "{\"access_token\":\"at\",\"token_type\":\"Bearer\"}" };

static int make(void **state)
{
	int rc = login_make(state);
	struct world *w = *state;
	struct fail why;
	char path[sizeof(w->dir) + 16];
	snprintf(path, sizeof(path), "%s/secret", w->dir);
	FILE *f = fopen(path, "w");
	assert_true(f != NULL && fputs("secret", f) >= 0 && fclose(f) == 0 && chmod(path, 0600) == 0);
	snprintf(w->config.provincial_secret_file, sizeof(w->config.provincial_secret_file), "%s", path);
	strcpy(w->config.provincial_authorize_url, "https://p/a");
	strcpy(w->config.provincial_token_url, "https://p/t");
	strcpy(w->config.provincial_userinfo_url, "https://p/u");
	strcpy(w->config.provincial_client_id, "c");
	strcpy(w->config.provincial_redirect_uris, BACK);
	fail_clear(&why);
	world_must(provincial_open(&w->config, &why), &why);
	return rc;
}

static int unmake(void **state)
{
	provincial_close();
	return login_unmake(state);
}

struct begun {
	char state[TEXT];
};

static struct begun begin(struct world *w, const char *access)
{
	struct begun b;
	const struct handler *h = &login_provincial;
	struct principal who = access == NULL ? (struct principal){ .kind = WHO_ANYONE } : who_is(w, access);
	world_ask(w, METHOD_POST, "/v1/login/provincial", NULL, "{\"device_id\":\"" DEVICE "\",\"redirect_uri\":\"" BACK "\"}")->who = who;
	w->r.peer = STR("192.0.2.1");
	world_expect(w, h->parse(&w->r, &w->r.why) && world_recall(w, h) && h->render(&w->r, &w->r.why));
	assert_true(member(w, "state", b.state) && strlen(b.state) == 43);
	return b;
}

/* `person`: what userinfo says; NULL: nobody is asked. */
static bool ended(struct world *w, const struct begun *b, const char *code, const char *person)
{
	char body[BODY];
	const struct world_answer answers[] = { token, { 200, person }, { 0, NULL } };
	snprintf(body, sizeof(body), GRANT "&state=%s&code=%s&device_id=" DEVICE, b->state, code);
	world_ask(w, METHOD_POST, "/oauth2/token", NULL, body);
	w->answers = person != NULL ? answers : NULL;
	bool ok = world_write(w, &oauth_token);
	w->answers = NULL;
	return ok;
}

static bool raised(struct world *w, const struct begun *b, const char *access, const char *person)
{
	char body[BODY];
	const struct world_answer answers[] = { token, { 200, person }, { 0, NULL } };
	snprintf(body, sizeof(body), "{\"device_id\":\"" DEVICE "\",\"state\":\"%s\",\"code\":\"c\"}", b->state);
	as(w, METHOD_POST, "/v1/me/identity/provincial", NULL, body, access);
	w->answers = answers;
	bool ok = world_write(w, &me_identity_provincial);
	w->answers = NULL;
	return ok;
}

#define PERSON(number, name) "{\"sub\":\"gs-1\",\"id_number\":\"" number "\",\"name\":\"" name "\",\"phone_number\":\"" OTHER_PHONE "\"}"

static void a_login_and_its_repeat(void **state)
{
	struct world *w = *state;
	struct begun b = begin(w, NULL);
	world_expect(w, ended(w, &b, "c", PERSON(NUMBER, "张三")));
	struct tokens first = taken(w);
	assert_int_equal(who_is(w, first.access).level, LEVEL_L2);
	w->now_ms += 4 * MINUTE;
	world_expect(w, ended(w, &b, "c", NULL));
	struct tokens again = taken(w);
	struct principal who;
	assert_true(!is_good(w, first.access, &who) && is_good(w, again.access, &who));
	refused(w, ended(w, &b, "d", NULL), FAIL_GRANT);
	w->now_ms += 2 * MINUTE;
	refused(w, ended(w, &b, "c", NULL), FAIL_GRANT);
	assert_int_equal(count_rows(w, WORLD_LOGINS), 1);
	assert_int_equal(count_rows(w, WORLD_SESSIONS), 2);
}

static void a_state_lives_ten_minutes(void **state)
{
	struct world *w = *state;
	struct begun b = begin(w, NULL), late = begin(w, NULL);
	w->now_ms += 10 * MINUTE - 1;
	world_expect(w, ended(w, &b, "c", PERSON(NUMBER, "张三")));
	w->now_ms += 1;
	refused(w, ended(w, &late, "c", NULL), FAIL_GRANT);
}

static void a_refusal_is_kept_and_ends_it(void **state)
{
	struct world *w = *state;
	struct begun b = begin(w, NULL);
	refused(w, ended(w, &b, "c", "{\"sub\":\"gs-1\",\"name\":\"n\"}"), FAIL_UNCONFIRMED);
	assert_true(str_ends(world_rows(w, WORLD_AUDIT), STR("|400|provincial: no number\n")));
	refused(w, ended(w, &b, "c", NULL), FAIL_GRANT);
	assert_int_equal(count_rows(w, WORLD_SESSIONS), 0);
}

static void an_account_leads_to_one(void **state)
{
	struct world *w = *state;
	struct begun b = begin(w, NULL);
	world_expect(w, ended(w, &b, "c", PERSON(NUMBER, "张三")));
	int64_t first = who_is(w, taken(w).access).id;
	b = begin(w, NULL);
	world_expect(w, ended(w, &b, "c", PERSON(OTHER_NUMBER, "李小明")));
	int64_t second = who_is(w, taken(w).access).id;
	assert_true(first != second);
	b = begin(w, NULL);
	world_expect(w, ended(w, &b, "c", "{\"sub\":\"gs-1\"}"));
	assert_int_equal(who_is(w, taken(w).access).id, second);
	b = begin(w, NULL);
	world_expect(w, ended(w, &b, "c", PERSON(NUMBER, "张三")));
	assert_int_equal(who_is(w, taken(w).access).id, first);
}

static void a_session_is_raised(void **state)
{
	struct world *w = *state;
	struct tokens t = login(w, PHONE, DEVICE);
	int64_t before = who_is(w, t.access).id;
	struct begun b = begin(w, t.access);
	world_expect(w, raised(w, &b, t.access, PERSON(NUMBER, "张三")));
	assert_true(who_is(w, t.access).level == LEVEL_L2 && who_is(w, t.access).id == before);
	struct begun elsewhere = begin(w, NULL);
	world_expect(w, ended(w, &elsewhere, "c", "{\"sub\":\"gs-1\"}"));
	assert_int_equal(who_is(w, taken(w).access).id, before);
	w->now_ms += 2 * MINUTE;
	struct tokens other = login(w, OTHER_PHONE, DEVICE);
	assert_true(who_is(w, other.access).id != before);
	b = begin(w, other.access);
	world_expect(w, raised(w, &b, other.access, PERSON(NUMBER, "张三")));
	assert_int_equal(who_is(w, other.access).id, before);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(a_login_and_its_repeat), CASE(a_state_lives_ten_minutes), CASE(a_refusal_is_kept_and_ends_it), CASE(an_account_leads_to_one),
		CASE(a_session_is_raised) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
