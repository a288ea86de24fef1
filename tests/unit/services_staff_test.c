/* Goal: time and strangers: a session of staff lives from use to use and no longer than half a day; a password lives 90 days; guesses from everywhere hold strangers
 * only; invitations end. Method: the handlers over a real store with a clock of the test's; every write is applied twice and leaves the same rows. */
#include "login_world.h"

#include "auth/staff.h"
#include "auth/staff_tries.h"

#define HALL "192.0.2.7"
#define PASSWORD "Wudu-2026-Sunny"
#define SECOND "Chengxian-88-Rain"

static char secret[TEXT], code[TEXT];

static void ask(struct world *w, const char *target, const char *peer, const char *body)
{
	world_ask(w, METHOD_POST, target, NULL, body)->peer = str_copy(&w->r.arena, str_c(peer));
}

static void invite(struct world *w, const char *verb, const struct handler *h)
{
	world_ask(w, METHOD_POST, verb, NULL, h == &control_staff_add ? "{\"account\":\"li.system\",\"name\":\"李建国\",\"role\":\"system_admin\",\"region\":\"621200\"}"
		: "{\"account\":\"li.system\"}");
	w->r.who.kind = WHO_OPERATOR;
	world_expect(w, world_write(w, h));
	assert_true(member(w, "invitation", code));
}

static bool activate(struct world *w, const char *password)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"code\":\"%s\",\"password\":\"%s\"}", code, password);
	ask(w, "/v1/staff/activate", HALL, body);
	return world_write(w, &staff_activate) && member(w, "totp_secret", secret);
}

static void digits_now(struct world *w, char out[TOTP_DIGITS + 1])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint8_t bytes[TOTP_SECRET_BYTES + 1] = { 0 };
	for (int i = 0; secret[i] != '\0'; i++)
		for (int bit = 0, v = (int)(strchr(letters, secret[i]) - letters); bit < 5; bit++)
			bytes[(i * 5 + bit) / 8] |= (uint8_t)((v >> (4 - bit) & 1) << (7 - (i * 5 + bit) % 8));
	totp_code(bytes, w->now_ms / 1000 / TOTP_STEP_S, out);
}

static bool log_in(struct world *w, const char *peer, const char *password, const char *new_password, char token[TEXT])
{
	char body[BODY], digits[TOTP_DIGITS + 1], more[BODY / 4] = "";
	w->now_ms += TOTP_STEP_S * 1000; /* digits that have not served */
	digits_now(w, digits);
	if (new_password != NULL)
		snprintf(more, sizeof(more), ",\"new_password\":\"%s\"", new_password);
	snprintf(body, sizeof(body), "{\"account\":\"li.system\",\"password\":\"%s\",\"totp\":\"%s\"%s}", password, digits, more);
	ask(w, "/v1/staff/login", peer, body);
	return world_write(w, &staff_login) && member(w, "access_token", token);
}

static void refused_as(struct world *w, bool ok, enum fail_code want)
{
	assert_false(ok);
	if (w->r.why.code != want)
		fail_msg("%s: %s", fail_row(w->r.why.code)->name, w->r.why.log);
}

static void begin(struct world *w)
{
	world_import_small(w);
	invite(w, "/control/staff/add", &control_staff_add);
	world_expect(w, activate(w, PASSWORD));
}

/* ---- sessions ---- */

struct use {
	int64_t session, now_ms;
};

static bool use_apply(struct tx *tx, void *ctx, struct fail *why)
{
	const struct use *u = ctx;
	return session_used(tx, u->session, u->now_ms, u->now_ms + STAFF_IDLE_MS, MINUTE, why);
}

static void use(struct world *w, int64_t session)
{
	struct use u = { session, w->now_ms };
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, use_apply, &u, &why), &why);
}

static void from_use_to_use(void **state)
{
	struct world *w = *state;
	struct principal who;
	char token[TEXT];
	begin(w);
	world_expect(w, log_in(w, HALL, PASSWORD, NULL, token));
	int64_t began_ms = w->now_ms;
	assert_true(is_good(w, token, &who));
	assert_true(who.kind == WHO_STAFF && who.region == 621200 && (who.rights & UINT64_C(1) << RIGHT_STAFF_CHECK) && who.session_until_ms == began_ms + STAFF_IDLE_MS);
	w->now_ms += STAFF_IDLE_MS - 1;
	assert_true(is_good(w, token, &who));
	use(w, who.session);
	w->now_ms += MINUTE - 1;
	use(w, who.session);                                 /* within the minute nothing is written */
	assert_true(is_good(w, token, &who));
	assert_true(who.session_until_ms == w->now_ms - MINUTE + 1 + STAFF_IDLE_MS);
	w->now_ms += STAFF_IDLE_MS;
	assert_false(is_good(w, token, &who));               /* idle */
	use(w, who.session);                                 /* what is over does not begin again */
	assert_false(is_good(w, token, &who));
	world_expect(w, log_in(w, HALL, PASSWORD, NULL, token));
	for (began_ms = w->now_ms; w->now_ms < began_ms + STAFF_SESSION_MS; w->now_ms += 10 * MINUTE) {
		assert_true(is_good(w, token, &who));
		use(w, who.session);
	}
	w->now_ms = began_ms + STAFF_SESSION_MS - 1;
	assert_true(is_good(w, token, &who));
	use(w, who.session);
	w->now_ms++;
	assert_false(is_good(w, token, &who));               /* twelve hours, however busy */
}

/* ---- passwords and invitations ---- */

static void ninety_days(void **state)
{
	struct world *w = *state;
	char token[TEXT];
	begin(w);
	w->now_ms += 90 * DAY - 2 * TOTP_STEP_S * 1000;
	world_expect(w, log_in(w, HALL, PASSWORD, NULL, token));
	w->now_ms += TOTP_STEP_S * 1000;
	for (int i = 0; i < 2 * STAFF_TRIES; i++)            /* right, so it counts as no failure */
		refused_as(w, log_in(w, HALL, PASSWORD, NULL, token), FAIL_PASSWORD_EXPIRED);
	refused_as(w, log_in(w, HALL, SECOND, NULL, token), FAIL_CREDENTIALS); /* who does not know it is not told */
	refused_as(w, log_in(w, HALL, PASSWORD, PASSWORD, token), FAIL_FIELD);
	world_expect(w, log_in(w, HALL, PASSWORD, SECOND, token));
	refused_as(w, log_in(w, HALL, PASSWORD, NULL, token), FAIL_CREDENTIALS);
	world_expect(w, log_in(w, HALL, SECOND, NULL, token));
}

static void an_invitation_ends(void **state)
{
	struct world *w = *state;
	char token[TEXT];
	world_import_small(w);
	invite(w, "/control/staff/add", &control_staff_add);
	w->now_ms += STAFF_INVITATION_MS;
	refused_as(w, activate(w, PASSWORD), FAIL_INVITATION);
	invite(w, "/control/staff/again", &control_staff_again);
	w->now_ms += STAFF_INVITATION_MS - 1;
	world_expect(w, activate(w, PASSWORD));
	world_expect(w, log_in(w, HALL, PASSWORD, NULL, token));
	invite(w, "/control/staff/again", &control_staff_again); /* a lost phone */
	struct principal who;
	assert_false(is_good(w, token, &who));
	refused_as(w, log_in(w, HALL, PASSWORD, NULL, token), FAIL_CREDENTIALS);
	refused_as(w, activate(w, PASSWORD), FAIL_FIELD);         /* none of the last five */
	world_expect(w, activate(w, SECOND));
	world_expect(w, log_in(w, HALL, SECOND, NULL, token));
}

/* ---- strangers ---- */

static void guess_from(struct world *w, int n, enum fail_code want)
{
	char peer[TEXT], body[BODY];
	snprintf(peer, sizeof(peer), "198.51.100.%d", n);
	snprintf(body, sizeof(body), "{\"account\":\"li.system\",\"password\":\"guess\",\"totp\":\"000000\"}");
	ask(w, "/v1/staff/login", peer, body);
	refused_as(w, world_write(w, &staff_login), want);
}

/* Guesses from everywhere: fifty are tried, then strange addresses wait for the rest of the day; the hall never does, nor does a session. */
static void strangers_hold_strangers(void **state)
{
	struct world *w = *state;
	char token[TEXT];
	struct principal who;
	begin(w);
	world_expect(w, log_in(w, HALL, PASSWORD, NULL, token));
	for (int n = 0; n < STAFF_STRANGE_TRIES; n++)
		guess_from(w, n / STAFF_TRIES, FAIL_CREDENTIALS);
	guess_from(w, 0, FAIL_LOGIN_HELD);   /* his five are spent */
	guess_from(w, 200, FAIL_LOGIN_HELD); /* and all strangers' fifty */
	int64_t audits = count_rows(w, WORLD_AUDIT);
	for (int n = 0; n < 100; n++)
		guess_from(w, 100 + n, FAIL_LOGIN_HELD);
	assert_int_equal(count_rows(w, WORLD_AUDIT), audits); /* nothing is written for them */
	assert_true(is_good(w, token, &who));
	world_expect(w, log_in(w, HALL, PASSWORD, NULL, token));
	refused_as(w, log_in(w, "203.0.113.9", PASSWORD, NULL, token), FAIL_LOGIN_HELD); /* right, but from a strange place: not today */
	w->now_ms += DAY;
	world_expect(w, log_in(w, "203.0.113.9", PASSWORD, NULL, token));
}

/* He who shares the hall's address makes the account wait there for a quarter of an hour, and a right login gives back what wrong ones had cost. */
static void within_the_hall(void **state)
{
	struct world *w = *state;
	char token[TEXT];
	begin(w);
	for (int round = 0; round < 3; round++) {
		for (int n = 0; n < STAFF_TRIES - 1; n++)
			refused_as(w, log_in(w, HALL, SECOND, NULL, token), FAIL_CREDENTIALS);
		world_expect(w, log_in(w, HALL, PASSWORD, NULL, token));
	}
	for (int n = 0; n < STAFF_TRIES; n++)
		refused_as(w, log_in(w, HALL, SECOND, NULL, token), FAIL_CREDENTIALS);
	refused_as(w, log_in(w, HALL, PASSWORD, NULL, token), FAIL_LOGIN_HELD);
	assert_true(w->r.why.retry_after_s > 0 && w->r.why.retry_after_s <= 15 * 60);
	world_expect(w, log_in(w, "203.0.113.9", PASSWORD, NULL, token));
	w->now_ms += 15 * MINUTE;
	world_expect(w, log_in(w, HALL, PASSWORD, NULL, token));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(from_use_to_use, login_make, login_unmake),
		cmocka_unit_test_setup_teardown(ninety_days, login_make, login_unmake),
		cmocka_unit_test_setup_teardown(an_invitation_ends, login_make, login_unmake),
		cmocka_unit_test_setup_teardown(strangers_hold_strangers, login_make, login_unmake),
		cmocka_unit_test_setup_teardown(within_the_hall, login_make, login_unmake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
