/* tests/unit/mandate_world.h - a helper, an elder and a stranger, and mandates between them: offered, accepted, used, by whom it may be. */
#ifndef TESTS_MANDATE_WORLD_H
#define TESTS_MANDATE_WORLD_H
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

static inline int unlink_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void must(bool ok, const struct fail *why)
{
	if (!ok)
		fail_msg("%s: %s", fail_row(why->code)->name, why->log);
}

static inline bool make_region(struct tx *tx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO region (code, name, level, parent) VALUES (621202, '武都区', 3, NULL)", why);
	return q != NULL && stmt_run(q, why);
}

static inline bool make_people(struct tx *tx, void *ctx, struct fail *why)
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

static inline int begin(void **state)
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

static inline int end(void **state)
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

static inline bool deed_done(struct tx *tx, struct act *a, struct fail *why)
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

static inline bool act_apply(struct tx *tx, void *ctx, struct fail *why)
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

static inline enum fail_code acted(struct act *a, int who)
{
	struct fail why;
	fail_clear(&why);
	a->r.now_ms = now_ms;
	snprintf(a->r.id, sizeof(a->r.id), "rq_TEST");
	if (a->r.who.kind == 0)
		a->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = ids[who], .level = LEVEL_L2 };
	return store_write(store, act_apply, a, &why) ? FAIL_NONE : why.code;
}

static inline enum fail_code offered(enum mandate_kind kind, const char *number, const char *name, uint64_t scopes, int64_t until_ms, struct mandate *out)
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

static inline struct mandate an_offer(enum mandate_kind kind, uint64_t scopes)
{
	struct mandate m;
	assert_int_equal(offered(kind, people[ELDER].number, people[ELDER].name, scopes, now_ms + 30 * DAY, &m), FAIL_NONE);
	return m;
}

static inline enum fail_code does(struct mandate *m, enum deed deed, int who)
{
	struct act a = { .what = DO, .deed = deed, .m = *m };
	if (deed == ACCEPT_WINDOW)
		a.r.who = (struct principal){ .kind = WHO_STAFF, .id = 7 };
	enum fail_code code = acted(&a, who);
	if (code == FAIL_NONE)
		*m = a.m;
	return code;
}

static inline enum fail_code allows(const struct mandate *m, enum mandate_scope scope, int who)
{
	struct act a = { .what = ALLOWS, .scope = scope, .m = *m };
	enum fail_code code = acted(&a, who);
	assert_true(code != FAIL_NONE || a.m.giver == ids[ELDER]);
	return code;
}

static inline int64_t count(const char *sql_of_one_number)
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

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
#endif
