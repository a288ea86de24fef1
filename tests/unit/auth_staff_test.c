/* Goal: accounts, roles and four eyes: who may propose and decide what, that two people are two people, that what is approved is done once and what fails is not
 * half done, and that neither names nor secrets lie open. Method: a real store, three administrators and a clerk; rows of decisions and what must come of them. */
#include "store_fixture.h"

#include "auth/keyring.h"
#include "auth/staff_deeds.h"
#include "base/clock.h"

#include <sys/stat.h>

#define NOW_MS INT64_C(1795420800000)

static struct fixture f;
static struct request r;
static int64_t system_admin, security_admin, audit_admin, county_security;
static int64_t now_ms = NOW_MS;
static int randoms;

static bool start(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	if (!keyring_match(tx, why))
		return false;
	static const char *const sql[] = {
		"INSERT INTO region (code, name, level, parent) VALUES (621200, '陇南市', 2, NULL)", "INSERT INTO region (code, name, level, parent) VALUES (621202, '武都区', 3, 621200)",
		"INSERT INTO region (code, name, level, parent) VALUES (621221, '成县', 3, 621200)", "INSERT INTO department (id, code, name, region) VALUES (1, '11621299000000000G', '某局', 621200)",
	};
	for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++)
		if (sqlite3_exec(tx->connection->db, sql[i], NULL, NULL, NULL) != SQLITE_OK)
			return FAILS(why, STORE, "%s", sqlite3_errmsg(tx->connection->db));
	return true;
}

struct invited {
	const char *account;
	int64_t region, roles, id;
	uint8_t random[32];
};

static bool invite(struct tx *tx, void *ctx, struct fail *why)
{
	struct invited *i = ctx;
	struct staff_new s = { .account = str_c(i->account), .name = STR("王小明"), .region = i->region, .roles = i->roles, .department = 1 };
	return staff_invite(tx, &s, now_ms, i->random, &i->id, why);
}

static bool invited(struct invited *i)
{
	memset(i->random, ++randoms, sizeof i->random);
	fail_clear(&f.why);
	return store_write(f.store, invite, i, &f.why);
}

#define BIT(role) (INT64_C(1) << ROLE_##role)

static int64_t must_invite(const char *account, int64_t region, int64_t roles)
{
	struct invited i = { .account = account, .region = region, .roles = roles };
	FIXTURE_OK(&f, invited(&i));
	return i.id;
}

static int setup(void **state)
{
	(void)state;
	fixture_folder(&f);
	f.config.development = true;
	FIXTURE_OK(&f, keyring_open(&f.config, true, &f.why));
	FIXTURE_OK(&f, (f.store = migrated_open(&f.config, &f.why)) != NULL);
	FIXTURE_OK(&f, store_write(f.store, start, NULL, &f.why));
	staff_deeds_compose();
	system_admin = must_invite("li.system", 621200, BIT(SYSTEM));
	security_admin = must_invite("wang.security", 621200, BIT(SECURITY));
	audit_admin = must_invite("zhao.audit", 621200, BIT(AUDIT));
	county_security = must_invite("cheng.security", 621221, BIT(SECURITY));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&r.arena);
	fixture_drop(&f);
	keyring_close();
	return 0;
}

/* ---- who asks ---- */

static void ask_as(int64_t staff, int64_t session, int64_t region, int64_t roles)
{
	if (r.arena.cap != 0)
		arena_free(&r.arena);
	memset(&r, 0, sizeof r);
	arena_init(&r.arena, 1 << 20);
	r.now_ms = now_ms;
	memset(r.random, ++randoms, sizeof r.random);
	strcpy(r.id, "rq_TEST");
	r.who = (struct principal){ .kind = WHO_STAFF, .id = staff, .session = session, .region = region, .rights = roles_rights(roles) };
}

struct act {
	enum { MAKE, APPROVE, REFUSE, WITHDRAW, EXPIRE } what;
	struct proposal_new wanted;
	struct id key;
	struct proposal p;
	struct str note;
	int64_t rows;
};

static bool act_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct act *a = ctx;
	if (a->what == MAKE)
		return proposal_make(tx, &r, &a->wanted, r.random, &a->p, why);
	if (a->what == EXPIRE)
		return proposal_expire(tx, now_ms, 10, &a->rows, why);
	if (!proposal_find(tx, &r, a->key, &a->p, why))
		return false;
	return a->what == APPROVE ? proposal_approve(tx, &r, &a->p, why) : a->what == REFUSE ? proposal_refuse(tx, &r, &a->p, a->note, why) : proposal_withdraw(tx, &r, &a->p, why);
}

static enum fail_code act(struct act *a)
{
	fail_clear(&f.why);
	return store_write(f.store, act_apply, a, &f.why) ? FAIL_NONE : f.why.code;
}

static void must(enum fail_code got, enum fail_code want)
{
	if (got != want)
		fail_msg("%s (%s), not %s", got == FAIL_NONE ? "done" : fail_row(got)->name, f.why.log, want == FAIL_NONE ? "done" : fail_row(want)->name);
}

static struct id propose(enum proposal_kind kind, int64_t subject, int64_t region, const char *payload)
{
	struct act a = { .what = MAKE, .wanted = { kind, subject, region, str_c(payload) } };
	ask_as(security_admin, 1, 621200, BIT(SECURITY));
	FIXTURE_OK(&f, staff_proposal_check(kind, str_c(payload), &r.arena, &f.why));
	must(act(&a), FAIL_NONE);
	return a.p.key;
}

static enum fail_code decide_as(int64_t staff, int64_t session, int64_t region, int64_t roles, struct id key, int what)
{
	struct act a = { .what = what, .key = key, .note = STR("材料不全") };
	ask_as(staff, session, region, roles);
	return act(&a);
}

/* ---- rows ---- */

static void roles_that_fit(void **state)
{
	(void)state;
	static const struct { int64_t roles; bool fit; } rows[] = {
		{ 0, false }, { BIT(SYSTEM), true }, { BIT(SECURITY), true }, { BIT(AUDIT), true }, { BIT(SYSTEM) | BIT(SECURITY), false },
		{ BIT(SYSTEM) | BIT(AUDIT), false }, { BIT(SECURITY) | BIT(AUDIT), false }, { BIT(AUDIT) | BIT(WINDOW), false },
		{ BIT(WINDOW) | BIT(DEPARTMENT), true }, { BIT(PAYMENT), true }, { INT64_C(1) << ROLE_COUNT, false }, { -1, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fail_clear(&f.why);
		if (roles_fit(rows[i].roles, &f.why) != rows[i].fit)
			fail_msg("roles %lld", (long long)rows[i].roles);
	}
	for (int i = 0; i < ROLE_COUNT; i++) { /* no right that staff may not hold, and no role without any */
		uint64_t rights = role_row((enum role)i)->rights;
		assert_true(rights != 0 && (rights & ~rights_all(WHO_STAFF)) == 0);
	}
}

static void accounts(void **state)
{
	(void)state;
	static const struct { const char *account; int64_t region, roles; enum fail_code want; } rows[] = {
		{ "ok.name-1", 621202, BIT(WINDOW), FAIL_NONE }, { "ok.name-1", 621202, BIT(WINDOW), FAIL_CONFLICT }, { "ab", 621202, BIT(WINDOW), FAIL_FIELD },
		{ "Upper", 621202, BIT(WINDOW), FAIL_FIELD }, { "1abc", 621202, BIT(WINDOW), FAIL_FIELD }, { "a b c", 621202, BIT(WINDOW), FAIL_FIELD },
		{ "nowhere", 999999, BIT(WINDOW), FAIL_FIELD }, { "all.mighty", 621200, BIT(SYSTEM) | BIT(AUDIT), FAIL_FIELD },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct invited in = { .account = rows[i].account, .region = rows[i].region, .roles = rows[i].roles };
		must(invited(&in) ? FAIL_NONE : f.why.code, rows[i].want);
	}
}

struct by_code {
	char code[STAFF_INVITATION_TEXT];
	int64_t id;
	struct staff_row row;
	bool found;
	char former[STAFF_FORMER_PASSWORDS][PASSWORD_TEXT_BYTES];
	int formers;
};

static bool activate(struct tx *tx, void *ctx, struct fail *why)
{
	struct by_code *b = ctx;
	if (!staff_by_invitation(tx, str_c(b->code), &b->row, &b->found, why) || !b->found)
		return why->code == FAIL_NONE ? FAILS(why, NOT_FOUND, "no such invitation") : false;
	return staff_set_password(tx, b->row.id, "$argon2id$one", now_ms, why);
}

static bool seven_passwords(struct tx *tx, void *ctx, struct fail *why)
{
	struct by_code *b = ctx;
	for (char text[] = "pw2"; text[2] <= '8'; text[2]++)
		if (!staff_set_password(tx, b->id, text, now_ms, why))
			return false;
	b->formers = staff_former_passwords(tx, b->id, b->former, why);
	return b->formers >= 0 && staff_by_id(tx, b->id, &b->row, &b->found, why);
}

static bool step_served(struct tx *tx, void *ctx, struct fail *why)
{
	return staff_totp_served(tx, system_admin, *(int64_t *)ctx, why);
}

static void activation(void **state)
{
	(void)state;
	struct invited in = { .account = "chen.window", .region = 621202, .roles = BIT(WINDOW) };
	struct by_code b = { .code = "" };
	FIXTURE_OK(&f, invited(&in));
	staff_invitation_text(in.random, b.code);
	FIXTURE_OK(&f, store_write(f.store, activate, &b, &f.why));
	assert_int_equal(b.row.id, in.id);
	assert_int_equal(b.row.state, STAFF_INVITED);
	assert_string_equal(b.row.name, "王小明");
	fail_clear(&f.why);
	assert_false(store_write(f.store, activate, &b, &f.why)); /* once */
	assert_int_equal(f.why.code, FAIL_NOT_FOUND);
	b.id = in.id;
	FIXTURE_OK(&f, store_write(f.store, seven_passwords, &b, &f.why));
	assert_int_equal(b.formers, STAFF_FORMER_PASSWORDS);
	assert_string_equal(b.former[0], "pw8");
	assert_string_equal(b.former[4], "pw4");
	assert_int_equal(b.row.state, STAFF_ACTIVE);
	assert_string_equal(b.row.password, "pw8");
	int64_t step = 100;
	FIXTURE_OK(&f, store_write(f.store, step_served, &step, &f.why));
	fail_clear(&f.why);
	assert_false(store_write(f.store, step_served, &step, &f.why));
	assert_int_equal(f.why.code, FAIL_CREDENTIALS);
	step++;
	FIXTURE_OK(&f, store_write(f.store, step_served, &step, &f.why));
}

static const char clerk[] = "{\"account\":\"sun.clerk\",\"name\":\"孙小美\",\"region\":\"621202\",\"roles\":\"window_clerk department_clerk\",\"department\":\"11621299000000000G\"}";

static void four_eyes(void **state)
{
	(void)state;
	struct id key = propose(PROPOSAL_STAFF_INVITE, 0, 621202, clerk);
	/* the maker himself, in his own session and in another; his session under another's name; no right; another county's */
	must(decide_as(security_admin, 1, 621200, BIT(SECURITY), key, APPROVE), FAIL_FOUR_EYES);
	must(decide_as(security_admin, 2, 621200, BIT(SECURITY), key, APPROVE), FAIL_FOUR_EYES);
	must(decide_as(system_admin, 1, 621200, BIT(SYSTEM), key, APPROVE), FAIL_FOUR_EYES);
	must(decide_as(audit_admin, 3, 621200, BIT(AUDIT), key, APPROVE), FAIL_NOT_FOUND); /* who neither makes nor checks the kind does not see it */
	must(decide_as(county_security, 4, 621221, BIT(SECURITY), key, APPROVE), FAIL_NOT_FOUND);
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), key, WITHDRAW), FAIL_FORBIDDEN);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM staff WHERE account = 'sun.clerk'"), 0);
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), key, APPROVE), FAIL_NONE);
	assert_int_equal(fixture_number(&f, "SELECT roles FROM staff WHERE account = 'sun.clerk'"), BIT(WINDOW) | BIT(DEPARTMENT));
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), key, APPROVE), FAIL_CONFLICT);
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), key, REFUSE), FAIL_CONFLICT);
	must(decide_as(security_admin, 1, 621200, BIT(SECURITY), key, WITHDRAW), FAIL_CONFLICT);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM audit WHERE subject_kind = 41"), 2); /* proposed, approved; what was refused rolled back */
}

/* The invitation's code is made of the approval's own random bytes, and activates the account it made. */
static void approval_tells_the_code(void **state)
{
	(void)state;
	struct id key = propose(PROPOSAL_STAFF_INVITE, 0, 621202,
				"{\"account\":\"zhou.clerk\",\"name\":\"周\",\"region\":\"621202\",\"roles\":\"window_clerk\"}");
	uint8_t random[32];
	struct by_code b = { .code = "" };
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), key, APPROVE), FAIL_NONE);
	staff_invited_random(&r, random);
	staff_invitation_text(random, b.code);
	FIXTURE_OK(&f, store_write(f.store, activate, &b, &f.why));
	assert_string_equal(b.row.account, "zhou.clerk");
}

static void what_fails_is_not_half_done(void **state)
{
	(void)state;
	struct id key = propose(PROPOSAL_STAFF_INVITE, 0, 621202, "{\"account\":\"li.system\",\"name\":\"李\",\"region\":\"621202\",\"roles\":\"window_clerk\"}");
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), key, APPROVE), FAIL_CONFLICT); /* the account is taken */
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), key, REFUSE), FAIL_NONE);      /* it had stayed open */
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM proposal WHERE state = 3 AND note IS NOT NULL"), 1);
	key = propose(PROPOSAL_STAFF_INVITE, 0, 621202, "{\"account\":\"too.high\",\"name\":\"李\",\"region\":\"621200\",\"roles\":\"window_clerk\"}");
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), key, APPROVE), FAIL_FIELD); /* above the proposal's region */
	must(decide_as(security_admin, 1, 621200, BIT(SECURITY), key, WITHDRAW), FAIL_NONE);
}

static void one_open_per_subject(void **state)
{
	(void)state;
	int64_t clerk_id = must_invite("he.clerk", 621202, BIT(WINDOW));
	struct id first = propose(PROPOSAL_STAFF_ROLES, clerk_id, 621202, "{\"roles\":\"department_clerk\"}");
	struct act again = { .what = MAKE, .wanted = { PROPOSAL_STAFF_ROLES, clerk_id, 621202, STR("{\"roles\":\"operator\"}") } };
	ask_as(security_admin, 1, 621200, BIT(SECURITY));
	must(act(&again), FAIL_CONFLICT);
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), first, APPROVE), FAIL_NONE);
	ask_as(security_admin, 1, 621200, BIT(SECURITY));
	must(act(&again), FAIL_NONE);
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), again.p.key, APPROVE), FAIL_NONE);
	struct id close_it = propose(PROPOSAL_STAFF_CLOSE, clerk_id, 621202, "{}");
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), close_it, APPROVE), FAIL_NONE);
	assert_int_equal(fixture_number(&f, "SELECT state FROM staff WHERE account = 'he.clerk'"), STAFF_CLOSED);
	close_it = propose(PROPOSAL_STAFF_CLOSE, clerk_id, 621202, "{}");
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), close_it, APPROVE), FAIL_NOT_FOUND);
	/* and nobody beyond one's own county */
	struct act beyond = { .what = MAKE, .wanted = { PROPOSAL_STAFF_CLOSE, clerk_id, 621202, STR("{}") } };
	ask_as(county_security, 4, 621221, BIT(SECURITY));
	must(act(&beyond), FAIL_NOT_FOUND);
	ask_as(system_admin, 5, 621200, BIT(SYSTEM));
	must(act(&beyond), FAIL_FORBIDDEN); /* who runs the system does not say who may */
}

static void time_is_over(void **state)
{
	(void)state;
	struct id key = propose(PROPOSAL_STAFF_INVITE, 0, 621202, "{\"account\":\"late.one\",\"name\":\"迟\",\"region\":\"621202\",\"roles\":\"window_clerk\"}");
	now_ms += proposal_row(PROPOSAL_STAFF_INVITE)->life_ms;
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), key, APPROVE), FAIL_GONE);
	struct act expire = { .what = EXPIRE };
	must(act(&expire), FAIL_NONE);
	assert_true(expire.rows >= 1);
	must(decide_as(system_admin, 5, 621200, BIT(SYSTEM), key, APPROVE), FAIL_CONFLICT);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM staff WHERE account = 'late.one'"), 0);
	now_ms = NOW_MS;
}

static void payloads(void **state)
{
	(void)state;
	static const struct { enum proposal_kind kind; const char *payload, *pointer; } rows[] = {
		{ PROPOSAL_STAFF_INVITE, "{\"account\":\"x.y.z\",\"name\":\"名\",\"region\":\"62\",\"roles\":\"window_clerk\"}", "/region" },
		{ PROPOSAL_STAFF_INVITE, "{\"account\":\"X\",\"name\":\"名\",\"region\":\"621202\",\"roles\":\"window_clerk\"}", "/account" },
		{ PROPOSAL_STAFF_INVITE, "{\"account\":\"x.y.z\",\"name\":\"名\",\"region\":\"621202\",\"roles\":\"king\"}", "/roles" },
		{ PROPOSAL_STAFF_INVITE, "{\"account\":\"x.y.z\",\"name\":\"名\",\"region\":\"621202\",\"roles\":\"system_admin audit_admin\"}", "/roles" },
		{ PROPOSAL_STAFF_INVITE, "{\"account\":\"x.y.z\",\"name\":\"名\",\"region\":\"621202\",\"roles\":\"window_clerk\",\"state\":2}", "/state" },
		{ PROPOSAL_STAFF_ROLES, "{}", "/roles" },
		{ PROPOSAL_STAFF_CLOSE, "{\"roles\":\"window_clerk\"}", "/roles" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ask_as(security_admin, 1, 621200, BIT(SECURITY));
		fail_clear(&f.why);
		assert_false(staff_proposal_check(rows[i].kind, str_c(rows[i].payload), &r.arena, &f.why));
		if (strcmp(f.why.pointer, rows[i].pointer) != 0)
			fail_msg("%s: %s", rows[i].payload, f.why.pointer);
	}
}

/* The database holds the rule too, whatever a program says. */
static void the_database_says_so_too(void **state)
{
	(void)state;
	struct id key = propose(PROPOSAL_STAFF_INVITE, 0, 621202, "{\"account\":\"db.rule\",\"name\":\"库\",\"region\":\"621202\",\"roles\":\"window_clerk\"}");
	(void)key;
	char path[96];
	sqlite3 *db;
	snprintf(path, sizeof path, "%s/siban.db", f.folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	static const char *const cheats[] = {
		"UPDATE proposal SET state = 2, checker = maker, checker_session = 99 WHERE state = 1",
		"UPDATE proposal SET state = 2, checker = 1, checker_session = maker_session WHERE state = 1",
		"UPDATE proposal SET state = 2 WHERE state = 1",
	};
	for (size_t i = 0; i < sizeof cheats / sizeof cheats[0]; i++)
		assert_int_equal(sqlite3_exec(db, cheats[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM staff WHERE instr(CAST(name AS BLOB), CAST('王小明' AS BLOB)) > 0"), 0);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM proposal WHERE instr(CAST(payload AS BLOB), CAST('account' AS BLOB)) > 0"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles_that_fit), cmocka_unit_test(accounts), cmocka_unit_test(activation), cmocka_unit_test(four_eyes),
		cmocka_unit_test(approval_tells_the_code), cmocka_unit_test(what_fails_is_not_half_done), cmocka_unit_test(one_open_per_subject),
		cmocka_unit_test(time_is_over), cmocka_unit_test(payloads), cmocka_unit_test(the_database_says_so_too),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
