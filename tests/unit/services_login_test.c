/* Goal: a code opens a session for whoever holds the phone, once, within its time and its tries, and nobody else can spend it or keep its owner out; a phone
 * leads to whom it should.
 * Method: handlers over a real store and a real memory of what expires, with a clock of the test's; every write is applied twice. */
#include "login_world.h"

/* ---- codes ---- */

static void a_code_serves_once(void **state)
{
	struct world *w = *state;
	struct code c = code_for(w, PHONE, DEVICE);
	assert_int_equal(strlen(c.digits), 6);
	world_expect(w, try_code(w, &c, "%2B86" PHONE, c.digits, DEVICE)); /* however the number is written */
	struct tokens t = taken(w);
	struct principal who = who_is(w, t.access);
	assert_true(who.kind == WHO_CITIZEN && who.level == LEVEL_L1 && who.session > 0 && who.rights == 0);
	refused(w, try_code(w, &c, PHONE, c.digits, DEVICE), FAIL_GRANT);
	assert_int_equal(count_rows(w, WORLD_SESSIONS), 1);
}

static void a_code_is_bound(void **state)
{
	struct world *w = *state;
	struct code c = code_for(w, PHONE, DEVICE), other = c;
	refused(w, try_code(w, &c, OTHER_PHONE, c.digits, DEVICE), FAIL_GRANT);           /* to its phone */
	other.challenge[0] = c.challenge[0] == 'A' ? 'B' : 'A';
	refused(w, try_code(w, &other, PHONE, c.digits, DEVICE), FAIL_GRANT);             /* to its challenge */
	world_expect(w, try_code(w, &c, PHONE, c.digits, DEVICE));                        /* and neither cost a try */
	struct code late = code_for(w, OTHER_PHONE, DEVICE);
	w->now_ms += 5 * MINUTE;
	refused(w, try_code(w, &late, OTHER_PHONE, late.digits, DEVICE), FAIL_GRANT);     /* to its five minutes */
}

static void five_tries(void **state)
{
	struct world *w = *state;
	struct code c = code_for(w, PHONE, DEVICE);
	int64_t audits = count_rows(w, WORLD_AUDIT);
	for (int left = 4; left >= 0; left--) {
		refused(w, try_code(w, &c, PHONE, wrong_digits(&c), DEVICE), FAIL_GRANT);
		assert_int_equal(w->r.why.fact_count, left > 0);
		if (left > 0)
			assert_int_equal(w->r.why.facts[0].number, left);
	}
	refused(w, try_code(w, &c, PHONE, c.digits, DEVICE), FAIL_GRANT);                 /* gone, though right */
	assert_int_equal(count_rows(w, WORLD_AUDIT), audits + 1);                         /* one trace per code, not per guess */
	c = code_for(w, OTHER_PHONE, DEVICE);
	for (int i = 0; i < 4; i++)
		refused(w, try_code(w, &c, OTHER_PHONE, wrong_digits(&c), DEVICE), FAIL_GRANT);
	world_expect(w, try_code(w, &c, OTHER_PHONE, c.digits, DEVICE));
}

/* Ten thousand guesses: under the code's own challenge five are tried and the rest find nothing; nothing is written for them. */
static void brute_force(void **state)
{
	struct world *w = *state;
	struct code c = code_for(w, PHONE, DEVICE);
	uint64_t commits = w->commits;
	char digits[TEXT];
	for (int i = 0, tried = 0; tried < 10000; i++) {
		snprintf(digits, sizeof(digits), "%06d", i);
		if (strcmp(digits, c.digits) == 0)
			continue;
		tried++;
		refused(w, try_code(w, &c, PHONE, digits, STRANGER), FAIL_GRANT);
	}
	assert_int_equal(w->commits, commits + 1); /* the trace of the fifth */
	assert_int_equal(count_rows(w, WORLD_SESSIONS), 0);
	refused(w, try_code(w, &c, PHONE, c.digits, DEVICE), FAIL_GRANT);
}

static void refused_for(struct world *w, bool ok, const char *reason)
{
	refused(w, ok, FAIL_RATE);
	assert_string_equal(w->r.why.facts[0].text, reason);
	assert_true(w->r.why.retry_after_s > 0);
}

/* A stranger neither spends the owner's code nor takes his last ones of the day; his own session he cannot touch at all. */
static void strangers_do_little(void **state)
{
	struct world *w = *state;
	struct tokens mine = login(w, PHONE, DEVICE);
	w->now_ms += MINUTE;
	struct code c = code_for(w, PHONE, DEVICE), s;
	w->now_ms += MINUTE;
	s = code_for(w, PHONE, STRANGER);
	for (int i = 0; i < 5; i++)
		refused(w, try_code(w, &s, PHONE, wrong_digits(&s), STRANGER), FAIL_GRANT);
	world_expect(w, try_code(w, &c, PHONE, c.digits, DEVICE)); /* still good, although another was sent and guessed at since */
	char device[TEXT];
	int sent = 1;
	for (int i = 0; i < 30; i++) { /* a new device every minute */
		w->now_ms += MINUTE;
		snprintf(device, sizeof(device), "%s%02d", STRANGER, i);
		bool ok = send_code(w, PHONE, device);
		sent += ok;
		if (!ok)
			refused_for(w, ok, "phone");
	}
	assert_int_equal(sent, OTP_TO_STRANGERS - 1); /* one of the seven was the first login's, before anybody knew this device */
	for (int i = 0; i < 2; i++) { /* what is left is the owner's: 1 + 1 + 6 were sent */
		w->now_ms += MINUTE;
		world_expect(w, send_code(w, PHONE, DEVICE));
	}
	w->now_ms += MINUTE;
	refused_for(w, send_code(w, PHONE, DEVICE), "phone");
	world_expect(w, refreshed(w, mine.refresh, DEVICE));
	mine = taken(w);
	who_is(w, mine.access);
}

static void paces(void **state)
{
	struct world *w = *state;
	code_for(w, PHONE, DEVICE);
	refused_for(w, send_code(w, PHONE, DEVICE), "resend");
	assert_in_range(w->r.why.retry_after_s, 1, 60);
	refused_for(w, send_code(w, PHONE, STRANGER), "resend"); /* another device: the phone is not rung twice a minute for strangers */
	w->now_ms += MINUTE;
	code_for(w, PHONE, DEVICE);
	char phone[TEXT];
	int sent = 2;
	for (int i = 0; i < 30; i++) {
		snprintf(phone, sizeof(phone), "139000001%02d", i);
		bool ok = send_code(w, phone, DEVICE);
		sent += ok;
		if (!ok)
			refused_for(w, ok, "device");
	}
	assert_int_equal(sent, OTP_PER_DEVICE);
	w->config.otp_address = OTP_PER_DEVICE + 2; /* the stranger's request above counts, though nothing was sent */
	world_expect(w, send_code(w, "13900000200", STRANGER));
	refused_for(w, send_code(w, "13900000201", STRANGER), "address");
}

/* An expiring store that was emptied forgets codes and paces, and not how many a phone has had. */
static void an_emptied_store(void **state)
{
	struct world *w = *state;
	struct fail why;
	struct code c = code_for(w, PHONE, DEVICE);
	fail_clear(&why);
	int sent = 1;
	for (int i = 0; i < 20; i++) {
		w->now_ms += MINUTE;
		expiring_close(w->expiring);
		w->expiring = expiring_memory(&why);
		sent += send_code(w, PHONE, DEVICE);
	}
	assert_int_equal(sent, OTP_TO_STRANGERS); /* nobody has logged in yet: every device is a stranger's */
	refused(w, try_code(w, &c, PHONE, c.digits, DEVICE), FAIL_GRANT);
	w->now_ms += DAY;
	world_expect(w, send_code(w, PHONE, DEVICE));
}

static void what_is_asked_wrongly(void **state)
{
	struct world *w = *state;
	static const struct { const char *body; enum fail_code want; const char *pointer; } rows[] = {
		{ "{\"purpose\":\"login\",\"device_id\":\"" DEVICE "\"}", FAIL_FIELD_MISSING, "/phone" },
		{ "{\"phone\":\"" PHONE "\",\"device_id\":\"" DEVICE "\"}", FAIL_FIELD_MISSING, "/purpose" },
		{ "{\"phone\":\"" PHONE "\",\"purpose\":\"login\"}", FAIL_FIELD_MISSING, "/device_id" },
		{ "{\"phone\":\"0939123456\",\"purpose\":\"login\",\"device_id\":\"" DEVICE "\"}", FAIL_FIELD, "/phone" },
		{ "{\"phone\":\"" PHONE "\",\"purpose\":\"pay\",\"device_id\":\"" DEVICE "\"}", FAIL_FIELD, "/purpose" },
		{ "{\"phone\":\"" PHONE "\",\"purpose\":\"login\",\"device_id\":\"short\"}", FAIL_FIELD, "/device_id" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_ask(w, METHOD_POST, "/v1/otp", NULL, rows[i].body);
		refused(w, world_write(w, &otp_send), rows[i].want);
		assert_string_equal(w->r.why.pointer, rows[i].pointer);
	}
	w->config.development = false; /* and no account for SMS */
	refused(w, send_code(w, PHONE, DEVICE), FAIL_SMS_OFF);
	w->config.development = true;
	static const struct { const char *body; enum fail_code want; const char *pointer; } grants[] = {
		{ "", FAIL_FIELD_MISSING, "/grant_type" },
		{ "grant_type=password", FAIL_GRANT_TYPE, "/grant_type" },
		{ "grant_type=refresh_token", FAIL_FIELD_MISSING, "/refresh_token" },
		{ "grant_type=refresh_token&refresh_token=x", FAIL_FIELD_MISSING, "/device_id" },
		{ "grant_type=refresh_token&refresh_token=x&device_id=" DEVICE, FAIL_GRANT, "" },
		{ "grant_type=urn:siban:params:oauth:grant-type:otp&phone=" PHONE "&challenge=x", FAIL_FIELD_MISSING, "/code" },
		{ "grant_type=urn:siban:params:oauth:grant-type:otp&phone=1&challenge=x&code=1", FAIL_FIELD, "/phone" },
		{ "grant_type=urn:siban:params:oauth:grant-type:otp&phone=" PHONE "&challenge=x&code=1&device_id=" DEVICE, FAIL_GRANT, "" },
	};
	for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
		world_ask(w, METHOD_POST, "/oauth2/token", NULL, grants[i].body);
		refused(w, world_write(w, &oauth_token), grants[i].want);
		assert_string_equal(w->r.why.pointer, grants[i].pointer);
	}
}

/* ---- whom a phone leads to ---- */

struct confirming {
	int64_t login;
	int64_t person;
};

/* What the confirmation of an identity leaves: this way leads to a known person. */
static bool confirm(struct tx *tx, void *ctx, struct fail *why)
{
	struct confirming *c = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE login SET level = 2 WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->login);
	return stmt_run(q, why);
}

static void confirmed(struct world *w, int64_t login_id)
{
	struct confirming c = { .login = login_id };
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, confirm, &c, &why), &why);
}

static void a_phone_leads_to(void **state)
{
	struct world *w = *state;
	struct tokens t = login(w, PHONE, DEVICE);
	int64_t first = who_is(w, t.access).id;
	w->now_ms += MINUTE;
	t = login(w, PHONE, STRANGER);
	assert_int_equal(who_is(w, t.access).id, first);          /* the same phone in the same hand: only a phone is known yet */
	confirmed(w, 1);
	w->now_ms += MINUTE;
	t = login(w, PHONE, DEVICE "2");
	assert_int_equal(who_is(w, t.access).id, first);          /* a new phone, weeks later */
	assert_int_equal(t.level, LEVEL_L2);
	w->now_ms += 91 * DAY;                                    /* 91 days of silence: the number may be another's by now */
	t = login(w, PHONE, DEVICE "3");
	int64_t second = who_is(w, t.access).id;
	assert_int_not_equal(second, first);
	assert_int_equal(t.level, LEVEL_L1);
	w->now_ms += MINUTE;
	t = login(w, PHONE, DEVICE);                              /* the old owner's old phone: it was he all the time */
	assert_int_equal(who_is(w, t.access).id, first);
	assert_int_equal(t.level, LEVEL_L2);
	w->now_ms += MINUTE;
	t = login(w, PHONE, DEVICE "3");                          /* and the other's stays the other's */
	assert_int_equal(who_is(w, t.access).id, second);
	confirmed(w, 2);                                          /* two of a family on one phone */
	w->now_ms += MINUTE;
	t = login(w, PHONE, DEVICE "4");
	int64_t third = who_is(w, t.access).id;
	assert_true(third != first && third != second && t.level == LEVEL_L1); /* which of them is to be said first */
	w->now_ms += 91 * DAY;
	t = login(w, PHONE, DEVICE "5");
	assert_int_not_equal(who_is(w, t.access).id, third);      /* drafts under a phone alone are not a stranger's either */
}

/* Who is told of an applicant's phone by a department has no key to it. */
static bool told_by_department(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	int64_t id;
	static const uint8_t salt[16] = { 1 };
	struct person_facts facts = { .name = STR("张三"), .phone = STR(PHONE) };
	return person_find_or_make(tx, IDENTITY_RESIDENT, STR(RESIDENT), NOW_MS, &id, why) && person_facts_merge(tx, id, &facts, salt, why);
}

static void departments_open_nothing(void **state)
{
	struct world *w = *state;
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, told_by_department, NULL, &why), &why);
	struct tokens t = login(w, PHONE, DEVICE);
	assert_int_equal(t.level, LEVEL_L1);
	assert_int_not_equal(who_is(w, t.access).id, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOGIN_CASE(a_code_serves_once), LOGIN_CASE(a_code_is_bound), LOGIN_CASE(five_tries), LOGIN_CASE(brute_force), LOGIN_CASE(strangers_do_little),
		LOGIN_CASE(paces), LOGIN_CASE(an_emptied_store), LOGIN_CASE(what_is_asked_wrongly), LOGIN_CASE(a_phone_leads_to), LOGIN_CASE(departments_open_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
