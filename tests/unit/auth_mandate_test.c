/* Goal: nobody acts for anybody without his yes, beyond what he said yes to, after it is over, or by another's mandate; and whoever offers learns nothing.
 * Method: a real store and a clock of the test's; each deed in a transaction of its own; every state against every deed; the rows themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/audit.h"
#include "auth/keyring.h"
#include "auth/login.h"
#include "auth/mandate.h"
#include "auth/right.h"
#include "base/hash.h"
#include "migrated.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW INT64_C(1795420800000)
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define PHONE "13900000001"
#define SEE (UINT64_C(1) << MANDATE_TO_SEE_CASES)
#define RECEIVE (UINT64_C(1) << MANDATE_TO_RECEIVE_MESSAGES)

static const uint8_t salt[16] = "sixteen bytes...";
static const struct { const char *number, *name; } people[] = {
	{ "621299199006150131", "王小明" }, { "62129919850101006X", "李大娘" }, { "11010519491231002X", "张三" },
};
enum { HELPER, ELDER, STRANGER, PEOPLE };

static char dir[256];
static struct config config;
static struct store *store;
static int64_t ids[PEOPLE], now_ms;
static uint8_t keys;

static int unlink_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void must(bool ok, const struct fail *why)
{
	if (!ok)
		fail_msg("%s: %s", fail_row(why->code)->name, why->log);
}

static bool make_region(struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO region (code, name, level, parent) VALUES (621202, '武都区', 3, NULL)", why);
	return q != NULL && stmt_run(q, why);
}

static bool make_people(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	if (!make_region(tx, why))
		return false;
	for (int i = 0; i < PEOPLE; i++) {
		struct person_facts facts = { .name = str_c(people[i].name) };
		if (!person_find_or_make(tx, IDENTITY_RESIDENT, str_c(people[i].number), NOW, &ids[i], why) || !person_facts_merge(tx, ids[i], &facts, salt, why))
			return false;
	}
	return true;
}

static int begin(void **state)
{
	(void)state;
	struct fail why;
	const char *tmp = getenv("TMPDIR");
	fail_clear(&why);
	snprintf(dir, sizeof(dir), "%s/siban-unit-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	config_defaults(&config);
	snprintf(config.state_dir, sizeof(config.state_dir), "%s", dir);
	assert_true(keyring_open(&config, true, &why));
	store = migrated_open(&config, &why);
	assert_non_null(store);
	must(store_write(store, make_people, NULL, &why), &why);
	now_ms = NOW;
	keys = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	store_close(store);
	keyring_close();
	nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* ---- deeds ---- */

enum deed { ACCEPT_CODE, ACCEPT_SESSION, ACCEPT_WINDOW, REFUSE, REVOKE, DEEDS };

enum { EXPIRED_MAX = 8 };

/* A deed, who does it, and what came of it. */
struct act {
	enum { OFFER, DO, ALLOWS, EXPIRE, FIND_PHONE, GET_SAID, USE, PAPERS } what;
	enum deed deed;
	enum mandate_scope scope;
	struct request r;
	struct mandate_new new;
	struct mandate m;
	struct mandate ended[EXPIRED_MAX];
	int rows;
	char phone[PHONE_DIGITS + 1], text[MANDATE_SAID_BYTES];
	struct mandate_said said;
	bool found, noted, first;
};

static bool deed_done(struct tx *tx, struct act *a, struct fail *why)
{
	if (a->deed != ACCEPT_WINDOW && !mandate_find(tx, &a->r, a->m.key, &a->m, why)) /* a clerk has it before him */
		return false;
	switch (a->deed) {
	case ACCEPT_CODE:    return mandate_accept(tx, &a->r, &a->m, BY_CODE, why);
	case ACCEPT_SESSION: return mandate_accept(tx, &a->r, &a->m, BY_SESSION, why);
	case ACCEPT_WINDOW:  return mandate_accept(tx, &a->r, &a->m, BY_WINDOW, why);
	case REFUSE:         return mandate_refuse(tx, &a->r, &a->m, why);
	case REVOKE:         return mandate_revoke(tx, &a->r, &a->m, why);
	case DEEDS:          break;
	}
	fail_msg("no such deed");
	return false;
}

static bool act_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct act *a = ctx;
	switch (a->what) {
	case OFFER:      return mandate_offer(tx, &a->r, &a->new, &a->m, why);
	case DO:         return deed_done(tx, a, why);
	case ALLOWS:     return mandate_allows(tx, &a->r, a->m.key, a->scope, &a->m, why);
	case EXPIRE:     return mandate_expire(tx, now_ms, a->ended, EXPIRED_MAX, &a->rows, why);
	case FIND_PHONE: return mandate_phone(tx, &a->m, now_ms, a->phone, &a->found, why);
	case USE:        return mandate_use(tx, &a->r, &a->m, &a->noted, &a->first, why);
	case PAPERS:     return mandate_at_window(tx, &a->r, a->m.key, &a->m, why) && mandate_papers(tx, &a->r, &a->m, &a->new.giver, a->new.giver_name, salt, why) &&
				mandate_accept(tx, &a->r, &a->m, BY_WINDOW, why);
	case GET_SAID:   return mandate_said(tx, a->m.id, a->text, &a->said, why);
	}
	return false;
}

static enum fail_code acted(struct act *a, int who)
{
	struct fail why;
	fail_clear(&why);
	a->r.now_ms = now_ms;
	snprintf(a->r.id, sizeof(a->r.id), "rq_TEST");
	if (a->r.who.kind == 0)
		a->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = ids[who], .level = LEVEL_L2 };
	return store_write(store, act_apply, a, &why) ? FAIL_NONE : why.code;
}

static enum fail_code offered(enum mandate_kind kind, const char *number, const char *name, uint64_t scopes, int64_t until_ms, struct mandate *out)
{
	uint8_t random[10] = { ++keys };
	struct act a = { .what = OFFER, .new = { .kind = kind, .giver_name = str_c(name), .scopes = scopes, .until_ms = until_ms, .region = 621202, .key = id_make(now_ms, random), .salt = salt } };
	if (kind == MANDATE_COMPANY)
		assert_int_equal(identity_organisation(str_c(number), &a.new.giver), IDENTITY_FINE);
	else
		assert_int_equal(identity_person(str_c(number), IDENTITY_LATEST_DAY, &a.new.giver), IDENTITY_FINE);
	enum fail_code code = acted(&a, HELPER);
	*out = a.m;
	return code;
}

static struct mandate an_offer(enum mandate_kind kind, uint64_t scopes)
{
	struct mandate m;
	assert_int_equal(offered(kind, people[ELDER].number, people[ELDER].name, scopes, now_ms + 30 * DAY, &m), FAIL_NONE);
	return m;
}

static enum fail_code does(struct mandate *m, enum deed deed, int who)
{
	struct act a = { .what = DO, .deed = deed, .m = *m };
	if (deed == ACCEPT_WINDOW)
		a.r.who = (struct principal){ .kind = WHO_STAFF, .id = 7 };
	enum fail_code code = acted(&a, who);
	if (code == FAIL_NONE)
		*m = a.m;
	return code;
}

static enum fail_code allows(const struct mandate *m, enum mandate_scope scope, int who)
{
	struct act a = { .what = ALLOWS, .scope = scope, .m = *m };
	enum fail_code code = acted(&a, who);
	assert_true(code != FAIL_NONE || a.m.giver == ids[ELDER]);
	return code;
}

static int64_t count(const char *sql_of_one_number)
{
	struct fail why;
	struct tx tx;
	fail_clear(&why);
	struct connection *reader = store_reader(store, 16, &why);
	assert_non_null(reader);
	must(reader_begin(reader, &tx, &why), &why);
	struct stmt *q = tx_query(&tx, sql_of_one_number, &why);
	must(q != NULL && stmt_row(q, &why), &why);
	int64_t n = stmt_int(q, 0);
	stmt_drop(q);
	reader_end(reader);
	connection_close(reader);
	return n;
}

/* ---- offering ---- */

static const struct { const char *name; enum mandate_kind kind; const char *number, *said; uint64_t scopes; int64_t days; enum fail_code want; } offers[] = {
	{ "known",                  MANDATE_AGENT,    "62129919850101006X", "李大娘", SEE,           1,    FAIL_NONE },
	{ "a number nobody has",    MANDATE_AGENT,    "110101199003074514", "李大娘", SEE,           1,    FAIL_NONE },
	{ "another name",           MANDATE_AGENT,    "62129919850101006X", "李大爷", SEE,           1,    FAIL_NONE },
	{ "the longest",            MANDATE_AGENT,    "62129919850101006X", "李大娘", SEE,           365,  FAIL_NONE },
	{ "too long",               MANDATE_AGENT,    "62129919850101006X", "李大娘", SEE,           366,  FAIL_FIELD },
	{ "a helper's may be",      MANDATE_HELPER,   "62129919850101006X", "李大娘", SEE | RECEIVE, 366,  FAIL_NONE },
	{ "over already",           MANDATE_AGENT,    "62129919850101006X", "李大娘", SEE,           0,    FAIL_FIELD },
	{ "for nothing",            MANDATE_AGENT,    "62129919850101006X", "李大娘", 0,             1,    FAIL_FIELD },
	{ "for what there is not",  MANDATE_AGENT,    "62129919850101006X", "李大娘", UINT64_C(1) << MANDATE_SCOPES, 1, FAIL_FIELD },
	{ "for himself",            MANDATE_AGENT,    "621299199006150131", "王小明", SEE,           1,    FAIL_FIELD },
	{ "a company",              MANDATE_COMPANY,  "91621299MA0000015U", "陇南一号", SEE,         1,    FAIL_NONE },
};

static void offering(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		struct mandate m;
		enum fail_code have = offered(offers[i].kind, offers[i].number, offers[i].said, offers[i].scopes, now_ms + offers[i].days * DAY, &m);
		if (have != offers[i].want)
			fail_msg("%s: %s", offers[i].name, fail_row(have)->name);
	}
	struct act low = { .what = OFFER, .r.who = { .kind = WHO_CITIZEN, .id = ids[HELPER], .level = LEVEL_L1 },
			   .new = { .kind = MANDATE_AGENT, .giver_name = STR("李大娘"), .scopes = SEE, .until_ms = now_ms + DAY, .salt = salt } };
	assert_int_equal(identity_person(str_c(people[ELDER].number), IDENTITY_LATEST_DAY, &low.new.giver), IDENTITY_FINE);
	assert_int_equal(acted(&low, HELPER), FAIL_LEVEL);
	assert_int_equal(count("SELECT COUNT(*) FROM person"), PEOPLE); /* an offer makes nobody */
}

/* Known, unknown and misnamed: the same row but for one column, and the same answers to the holder whatever he does. */
static void nothing_is_learnt(void **state)
{
	(void)state;
	struct mandate m[3];
	assert_int_equal(offered(MANDATE_AGENT, people[ELDER].number, people[ELDER].name, SEE, now_ms + DAY, &m[0]), FAIL_NONE);
	assert_int_equal(offered(MANDATE_AGENT, people[ELDER].number, "李大爷", SEE, now_ms + DAY, &m[1]), FAIL_NONE);
	assert_int_equal(offered(MANDATE_AGENT, "110101199003074514", "李大娘", SEE, now_ms + DAY, &m[2]), FAIL_NONE);
	assert_int_equal(m[0].giver, ids[ELDER]);
	assert_int_equal(m[1].giver, 0);
	assert_int_equal(m[2].giver, 0);
	for (int i = 0; i < 3; i++) {
		struct act said = { .what = GET_SAID, .m = m[i] };
		assert_int_equal(acted(&said, HELPER), FAIL_NONE);
		assert_true(str_eq(said.said.name, str_c(i == 1 ? "李大爷" : "李大娘")));
		assert_true(str_eq(said.said.number, str_c(i == 2 ? "110101199003074514" : people[ELDER].number)));
		assert_int_equal(said.said.kind, IDENTITY_RESIDENT);
		assert_int_equal(does(&m[i], ACCEPT_SESSION, HELPER), FAIL_FORBIDDEN);
		assert_int_equal(does(&m[i], REFUSE, HELPER), FAIL_FORBIDDEN);
		assert_int_equal(allows(&m[i], MANDATE_TO_SEE_CASES, HELPER), FAIL_MANDATE_ENDED);
		assert_int_equal(does(&m[i], REFUSE, STRANGER), FAIL_NOT_FOUND);
		assert_int_equal(m[i].state, MANDATE_OFFERED);
	}
	for (int i = 1; i < 3; i++) {
		assert_int_equal(does(&m[i], ACCEPT_CODE, HELPER), FAIL_FORBIDDEN); /* even with a code that was guessed */
		assert_int_equal(does(&m[i], ACCEPT_WINDOW, HELPER), FAIL_FORBIDDEN);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(does(&m[i], REVOKE, HELPER), FAIL_NONE);
}

static void nothing_lies_open(void **state)
{
	(void)state;
	an_offer(MANDATE_AGENT, SEE);
	assert_int_equal(count("SELECT COUNT(*) FROM mandate WHERE INSTR(said, CAST('李大娘' AS BLOB)) > 0 OR INSTR(said, CAST('62129919850101006X' AS BLOB)) > 0"), 0);
}

static void as_many_as_the_kind_says(void **state)
{
	(void)state;
	struct mandate m, last = { 0 };
	for (int i = 0; i < mandate_row(MANDATE_AGENT)->most; i++)
		last = an_offer(MANDATE_AGENT, SEE);
	assert_int_equal(offered(MANDATE_AGENT, people[ELDER].number, people[ELDER].name, SEE, now_ms + DAY, &m), FAIL_MANDATES);
	an_offer(MANDATE_HELPER, SEE); /* counted by themselves */
	assert_int_equal(does(&last, REVOKE, HELPER), FAIL_NONE);
	an_offer(MANDATE_AGENT, SEE);
	now_ms += DAY; /* and offers that nobody answered make room by themselves */
	an_offer(MANDATE_AGENT, SEE);
}

/* ---- accepting: every kind, every way, every asker ---- */

static void who_says_yes(void **state)
{
	(void)state;
	static const enum mandate_by bys[] = { [ACCEPT_CODE] = BY_CODE, [ACCEPT_SESSION] = BY_SESSION, [ACCEPT_WINDOW] = BY_WINDOW };
	for (int kind = MANDATE_AGENT; kind <= MANDATE_GUARDIAN; kind++)
		for (int deed = ACCEPT_CODE; deed <= ACCEPT_WINDOW; deed++)
			for (int who = 0; who < PEOPLE; who++) {
				struct mandate m = an_offer((enum mandate_kind)kind, SEE);
				bool may = (mandate_row(kind)->accepted >> bys[deed] & 1) != 0 &&
					   (deed == ACCEPT_WINDOW || who == (deed == ACCEPT_CODE ? HELPER : ELDER)); /* a clerk is a clerk, whoever `who` is */
				enum fail_code want = may ? FAIL_NONE : who == STRANGER && deed != ACCEPT_WINDOW ? FAIL_NOT_FOUND : FAIL_FORBIDDEN;
				enum fail_code have = does(&m, (enum deed)deed, who);
				if (have != want)
					fail_msg("kind %d, deed %d, who %d: %s", kind, deed, who, fail_row(have)->name);
				assert_int_equal(allows(&m, MANDATE_TO_SEE_CASES, HELPER), may ? FAIL_NONE : FAIL_MANDATE_ENDED);
				if (m.state == MANDATE_OFFERED || m.state == MANDATE_ACTIVE)
					assert_int_equal(does(&m, REVOKE, HELPER), FAIL_NONE);
			}
	struct mandate m = an_offer(MANDATE_AGENT, SEE);
	struct act low = { .what = DO, .deed = ACCEPT_SESSION, .m = m, .r.who = { .kind = WHO_CITIZEN, .id = ids[ELDER], .level = LEVEL_L1 } };
	assert_int_equal(acted(&low, ELDER), FAIL_LEVEL);
}

/* ---- the table of states, all of it ---- */

static void states(void **state)
{
	(void)state;
	static const enum deed to[] = { [MANDATE_ACTIVE] = ACCEPT_SESSION, [MANDATE_REFUSED] = REFUSE, [MANDATE_REVOKED] = REVOKE };
	static const bool may[MANDATE_STATES][MANDATE_STATES] = {
		[MANDATE_OFFERED] = { [MANDATE_ACTIVE] = true, [MANDATE_REFUSED] = true, [MANDATE_REVOKED] = true },
		[MANDATE_ACTIVE] = { [MANDATE_REVOKED] = true },
	};
	for (int from = MANDATE_OFFERED; from < MANDATE_STATES; from++)
		for (int next = MANDATE_ACTIVE; next <= MANDATE_REVOKED; next++) {
			struct mandate m = an_offer(MANDATE_AGENT, SEE);
			if (from == MANDATE_EXPIRED)
				now_ms += DAY;
			else if (from != MANDATE_OFFERED)
				assert_int_equal(does(&m, to[from], ELDER), FAIL_NONE);
			enum fail_code have = does(&m, to[next], ELDER);
			if (have != (may[from][next] ? FAIL_NONE : FAIL_MANDATE_STATE))
				fail_msg("%d to %d: %s", from, next, fail_row(have)->name);
		}
}

static void time_ends_it(void **state)
{
	(void)state;
	struct mandate m = an_offer(MANDATE_AGENT, SEE);
	now_ms += DAY - 1;
	assert_int_equal(does(&m, ACCEPT_SESSION, ELDER), FAIL_NONE);
	now_ms = m.until_ms - 1;
	assert_int_equal(allows(&m, MANDATE_TO_SEE_CASES, HELPER), FAIL_NONE);
	now_ms = m.until_ms;
	assert_int_equal(allows(&m, MANDATE_TO_SEE_CASES, HELPER), FAIL_MANDATE_ENDED); /* no job has run */
	struct mandate next = an_offer(MANDATE_AGENT, SEE);
	assert_int_equal(does(&next, ACCEPT_SESSION, ELDER), FAIL_NONE); /* the one that is over does not stand in its way */
	struct act tidy = { .what = EXPIRE };
	an_offer(MANDATE_AGENT, SEE);
	now_ms += DAY;
	assert_int_equal(acted(&tidy, HELPER), FAIL_NONE);
	assert_int_equal(tidy.rows, 1);
	assert_int_equal(count("SELECT COUNT(*) FROM mandate WHERE state = 5"), 1);
	assert_int_equal(allows(&next, MANDATE_TO_SEE_CASES, HELPER), FAIL_NONE);
}

/* ---- acting ---- */

/* Numbers of scopes have gaps. */
static bool is_scope(int n)
{
	return (mandate_row(MANDATE_REPRESENTATIVE)->scopes >> n & 1) != 0;
}

static void never_beyond_its_scope(void **state)
{
	(void)state;
	for (uint64_t scopes = 2; scopes < UINT64_C(1) << MANDATE_SCOPES; scopes += 2) {
		struct mandate m;
		if ((scopes & ~mandate_row(MANDATE_HELPER)->scopes) != 0) { /* agents are managed for a company alone */
			assert_int_equal(offered(MANDATE_HELPER, people[ELDER].number, people[ELDER].name, scopes, now_ms + DAY, &m), FAIL_FIELD);
			continue;
		}
		m = an_offer(MANDATE_HELPER, scopes);
		assert_int_equal(does(&m, ACCEPT_SESSION, ELDER), FAIL_NONE);
		for (int scope = 1; scope < MANDATE_SCOPES; scope++) {
			if (!is_scope(scope))
				continue;
			bool may = (scopes >> scope & 1) != 0;
			assert_int_equal(allows(&m, (enum mandate_scope)scope, HELPER), may ? FAIL_NONE : FAIL_MANDATE_SCOPE);
			assert_int_equal(allows(&m, (enum mandate_scope)scope, ELDER), FAIL_MANDATE_ENDED); /* the giver is not the holder */
			assert_int_equal(allows(&m, (enum mandate_scope)scope, STRANGER), FAIL_MANDATE_ENDED);
		}
	}
	struct mandate unknown = { .key = id_make(1, salt) };
	assert_int_equal(allows(&unknown, MANDATE_TO_SEE_CASES, HELPER), FAIL_MANDATE_ENDED);
}

static void a_newer_takes_its_place(void **state)
{
	(void)state;
	struct mandate one = an_offer(MANDATE_AGENT, SEE), two = an_offer(MANDATE_AGENT, RECEIVE), other = an_offer(MANDATE_HELPER, SEE);
	assert_int_equal(does(&one, ACCEPT_SESSION, ELDER), FAIL_NONE);
	assert_int_equal(does(&other, ACCEPT_SESSION, ELDER), FAIL_NONE);
	assert_int_equal(does(&two, ACCEPT_SESSION, ELDER), FAIL_NONE);
	assert_int_equal(allows(&one, MANDATE_TO_SEE_CASES, HELPER), FAIL_MANDATE_ENDED);
	assert_int_equal(allows(&two, MANDATE_TO_RECEIVE_MESSAGES, HELPER), FAIL_NONE);
	assert_int_equal(allows(&other, MANDATE_TO_SEE_CASES, HELPER), FAIL_NONE);
	assert_int_equal(count("SELECT COUNT(*) FROM mandate WHERE state = 2"), 2);
}

/* By whom, for whom: the holder's deeds are for the giver, the giver's for himself. */
static void audited(void **state)
{
	(void)state;
	struct mandate m = an_offer(MANDATE_AGENT, SEE);
	assert_int_equal(does(&m, ACCEPT_CODE, HELPER), FAIL_NONE);
	assert_int_equal(does(&m, REVOKE, ELDER), FAIL_NONE);
	assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE act = 50 AND actor_id = 1 AND for_kind = 2 AND for_id = 2 AND subject_kind = 50"), 1);
	assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE act = 51 AND actor_id = 1 AND for_kind = 2 AND for_id = 2"), 1);
	assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE act = 53 AND actor_id = 2 AND for_kind = 0 AND for_id = 0"), 1);
	assert_int_equal(does(&m, ACCEPT_CODE, HELPER), FAIL_MANDATE_STATE);
	assert_int_equal(count("SELECT COUNT(*) FROM audit"), 3); /* what was refused was not done */
}

/* Once a day, by its holder for its giver; the first time is told apart. */
static void use_is_noted(void **state)
{
	(void)state;
	struct mandate m = an_offer(MANDATE_HELPER, SEE);
	assert_int_equal(does(&m, ACCEPT_SESSION, ELDER), FAIL_NONE);
	static const struct { int64_t after_ms; bool noted, first; } uses[] = { { 0, true, true }, { HOUR, false, false }, { 23 * HOUR, true, false }, { 23 * HOUR, false, false } };
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		now_ms += uses[i].after_ms;
		struct act a = { .what = USE, .r.who = { .kind = WHO_CITIZEN, .id = ids[HELPER], .level = LEVEL_L2, .acting_for = ids[ELDER], .mandate = m.id } };
		assert_int_equal(acted(&a, HELPER), FAIL_NONE);
		assert_true(a.noted == uses[i].noted && a.first == uses[i].first);
	}
	assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE act = 54 AND actor_id = 1 AND for_kind = 2 AND for_id = 2"), 2);
	assert_int_equal(does(&m, REVOKE, ELDER), FAIL_NONE);
	now_ms += DAY;
	struct act late = { .what = USE, .r.who = { .kind = WHO_CITIZEN, .id = ids[HELPER], .acting_for = ids[ELDER], .mandate = m.id } };
	assert_int_equal(acted(&late, HELPER), FAIL_NONE);
	assert_false(late.noted); /* it was over when the note came */
}

/* ---- a window ---- */

static enum fail_code at_window(const struct mandate *m, int64_t region, const char *number, const char *name)
{
	struct act a = { .what = PAPERS, .m = *m, .new = { .giver_name = str_c(name) }, .r.who = { .kind = WHO_STAFF, .id = 7, .region = region } };
	assert_int_equal(identity_person(str_c(number), IDENTITY_LATEST_DAY, &a.new.giver), IDENTITY_FINE);
	return acted(&a, 0);
}

static void by_papers(void **state)
{
	(void)state;
	struct mandate child, elder = an_offer(MANDATE_AGENT, SEE);
	assert_int_equal(offered(MANDATE_GUARDIAN, "110101199003074514", "王小小", SEE, now_ms + DAY, &child), FAIL_NONE);
	assert_int_equal(at_window(&child, 621221, "110101199003074514", "王小小"), FAIL_NOT_FOUND); /* another county */
	assert_int_equal(at_window(&child, 621200, "110101199003074514", "王小"), FAIL_MANDATE_PAPERS);
	assert_int_equal(at_window(&child, 621200, people[ELDER].number, "王小小"), FAIL_MANDATE_PAPERS);
	assert_int_equal(count("SELECT COUNT(*) FROM person"), PEOPLE);
	assert_int_equal(at_window(&child, 621202, "110101199003074514", "王小小"), FAIL_NONE);
	assert_int_equal(count("SELECT COUNT(*) FROM person"), PEOPLE + 1); /* nobody had heard of him */
	assert_int_equal(at_window(&elder, 621200, people[ELDER].number, people[ELDER].name), FAIL_NONE);
	assert_int_equal(at_window(&elder, 621200, people[ELDER].number, people[ELDER].name), FAIL_MANDATE_STATE);
	assert_int_equal(count("SELECT COUNT(*) FROM mandate WHERE state = 2 AND accepted_by = 4"), 2);
	assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE act = 51 AND actor_kind = 16 AND actor_id = 7 AND for_kind = 2 AND for_id > 0"), 2);
}

/* ---- the phone ---- */

static int phone_level;

static bool phone_make(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	struct login_found found;
	uint8_t device[32] = { (uint8_t)phone_level };
	if (!login_enter(tx, LOGIN_PHONE, STR(PHONE), device, now_ms, salt, &found, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE login SET person = $1, level = $2 WHERE id = $3", why);
	stmt_bind_int(q, 1, ids[ELDER]);
	stmt_bind_int(q, 2, phone_level);
	stmt_bind_int(q, 3, found.login);
	return stmt_run(q, why);
}

static bool phone_of_department(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	struct person_facts facts = { .phone = STR("13900000009") };
	return person_facts_merge(tx, ids[ELDER], &facts, salt, why);
}

static bool has_phone(const struct mandate *m)
{
	struct act a = { .what = FIND_PHONE, .m = *m };
	assert_int_equal(acted(&a, HELPER), FAIL_NONE);
	assert_true(!a.found || strcmp(a.phone, PHONE) == 0);
	return a.found;
}

static void only_a_phone_that_was_confirmed(void **state)
{
	(void)state;
	struct fail why;
	fail_clear(&why);
	struct mandate m = an_offer(MANDATE_AGENT, SEE);
	assert_false(has_phone(&m));
	must(store_write(store, phone_of_department, NULL, &why), &why);
	assert_false(has_phone(&m));
	phone_level = 1;
	must(store_write(store, phone_make, NULL, &why), &why);
	assert_false(has_phone(&m));
	phone_level = 2;
	must(store_write(store, phone_make, NULL, &why), &why);
	assert_true(has_phone(&m));
	now_ms += LOGIN_IDLE_MS + 1;
	assert_false(has_phone(&m)); /* it may be another's by now */
}

/* ---- a village helper ---- */

static bool elders_make(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	for (int i = 0; i < 50; i++) {
		char number[IDENTITY_NUMBER_MAX + 1];
		int64_t id;
		snprintf(number, sizeof(number), "6212991940010%05u", (unsigned)i % 100000u); /* rows ask no form of it */
		if (!person_find_or_make(tx, IDENTITY_RESIDENT, str_c(number), NOW, &id, why))
			return false;
		struct person_facts facts = { .name = STR("老人") };
		struct request r = { .who = { .kind = WHO_CITIZEN, .id = ids[HELPER], .level = LEVEL_L2 }, .now_ms = now_ms };
		struct request elder = { .who = { .kind = WHO_CITIZEN, .id = id, .level = LEVEL_L2 }, .now_ms = now_ms };
		uint8_t random[10] = { 200, (uint8_t)i };
		struct mandate_new n = { .kind = MANDATE_HELPER, .giver = { .kind = IDENTITY_RESIDENT }, .giver_name = STR("老人"), .scopes = SEE,
					 .until_ms = now_ms + DAY, .key = id_make(now_ms, random), .salt = salt };
		struct mandate m;
		snprintf(n.giver.number, sizeof(n.giver.number), "%s", number);
		if (!person_facts_merge(tx, id, &facts, salt, why) || !mandate_offer(tx, &r, &n, &m, why) || !mandate_accept(tx, &elder, &m, BY_SESSION, why))
			return false;
	}
	return true;
}

static bool elders_list(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	struct mandate page[20];
	int64_t below = INT64_MAX;
	int count = 20, seen = 0;
	while (count == 20) {
		if (!mandate_list(tx, MANDATES_HELD, ids[HELPER], below, now_ms, page, 20, &count, why))
			return false;
		for (int i = 0; i < count; i++, seen++) {
			assert_true(page[i].id < below && page[i].state == MANDATE_ACTIVE);
			below = page[i].id;
		}
	}
	assert_int_equal(seen, 50);
	return mandate_list(tx, MANDATES_GIVEN, page[0].giver, INT64_MAX, now_ms, page, 20, &count, why) && count == 1;
}

static void fifty_elders(void **state)
{
	(void)state;
	struct fail why;
	fail_clear(&why);
	must(store_write(store, elders_make, NULL, &why), &why);
	must(store_write(store, elders_list, NULL, &why), &why);
}

static void names(void **state)
{
	(void)state;
	enum mandate_kind kind;
	for (int i = 1; i < MANDATE_KINDS; i++)
		assert_true(mandate_row(i) != NULL && mandate_row_named(str_c(mandate_row(i)->text), &kind) == mandate_row(i) && (int)kind == i);
	for (int i = 1; i < MANDATE_SCOPES; i++)
		if (is_scope(i))
			assert_int_equal(mandate_scope_named(str_c(mandate_scope_text((enum mandate_scope)i))), i);
	assert_null(mandate_row(0));
	assert_null(mandate_row(MANDATE_KINDS));
	assert_null(mandate_row_named(STR("uncle"), &kind));
	assert_int_equal(mandate_scope_named(STR("everything")), 0);
	assert_string_equal(mandate_state_text(MANDATE_EXPIRED), "expired");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(offering), CASE(nothing_is_learnt), CASE(nothing_lies_open), CASE(as_many_as_the_kind_says), CASE(who_says_yes), CASE(states), CASE(time_ends_it),
		CASE(never_beyond_its_scope), CASE(a_newer_takes_its_place), CASE(audited), CASE(use_is_noted), CASE(by_papers), CASE(only_a_phone_that_was_confirmed), CASE(fifty_elders), CASE(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
