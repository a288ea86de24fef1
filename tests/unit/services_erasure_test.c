/* Goal: every table that speaks of people is a row of auth/retention.def, so that nobody forgets to say what becomes of it; after an erasure nothing sealed
 * anywhere opens to a word of the person, and another's is untouched; who is held is not touched at all; what is over goes after its time, what is not stays.
 * Method: people of the test's world with rows in every class, erased in bites of a few rows; every sealed column opened afterwards. */
#include "login_world.h"

#include "auth/real_name.h"
#include "auth/retention.h"
#include "auth/vault.h"
#include "notify/effect.h"
#include "services/people/erasure.h"
#include "services/voices/voice.h"

#define NUMBER RESIDENT
#define NAME "张三"

/* ---- the table ---- */

/* Tables with people in them that are not the public: staff and their proposals, clients. Nobody asks to be forgotten there. */
static const char *const of_staff[] = { "staff", "proposal", "hook", "duty_phone" };

static bool is_listed(struct str table)
{
	for (int i = 0; i < retention_class_count; i++)
		if (str_eq(table, str_c(retention_classes[i].table)))
			return true;
	for (size_t i = 0; i < sizeof(of_staff) / sizeof(of_staff[0]); i++)
		if (str_eq(table, str_c(of_staff[i])))
			return true;
	return false;
}

static bool tables_with_people(struct tx *tx, void *ctx, struct fail *why)
{
	static const char catalogue[] = "SELECT DISTINCT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
		" AND c.name IN ('person', 'from_person', 'into_person', 'holder', 'giver', 'principal_id', 'who_id', 'phone_hash', 'facts')";
	int *count = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, catalogue, why);
	assert_non_null(q);
	for (; stmt_row(q, why); ++*count)
		if (!is_listed(stmt_text(q, 0)) && !str_eq(stmt_text(q, 0), STR("client")))
			fail_msg("%.*s speaks of people: say in auth/retention.def how long it is kept and what erasure does to it", STR_ARG(stmt_text(q, 0)));
	return why->code == FAIL_NONE;
}

static void every_table_is_listed(void **state)
{
	struct world *w = *state;
	static const char *const sealed[] = {
#define SEALED(place, table, ...) table,
#include "auth/sealed_columns.def"
#undef SEALED
	};
	int count = 0;
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, tables_with_people, &count, &why), &why);
	assert_true(count > 12);
	for (size_t i = 0; i < sizeof(sealed) / sizeof(sealed[0]); i++)
		if (!is_listed(str_c(sealed[i])))
			fail_msg("%s holds sealed values: say in auth/retention.def what erasure does to them", sealed[i]);
	for (int i = 0; i < retention_class_count; i++) {
		const struct retention_class *c = &retention_classes[i];
		assert_true((c->erasure == RETENTION_KEPT) == (c->erase == NULL) && (c->days > 0) == (c->purge != NULL));
		for (int lang = 0; lang < LANG_COUNT; lang++)
			assert_true(c->what[lang][0] != '\0' && c->basis[lang][0] != '\0');
	}
}

/* ---- a person with everything ---- */

struct step {
	struct request *r;
	int64_t person, rows, now_ms, rows_max;
};

static bool confirm(struct tx *tx, void *ctx, struct fail *why)
{
	struct step *s = ctx;
	struct real_name n = { .kind = IDENTITY_RESIDENT, .number = STR(NUMBER), .name = STR(NAME), .by = CONFIRMED_BY_AUTHORITY };
	return real_name_confirm(tx, s->r, &n, why);
}

static bool notice(struct tx *tx, void *ctx, struct fail *why)
{
	struct step *s = ctx;
	static uint8_t random[16];
	int64_t id;
	random[0]++;
	struct effect_new e = { .kind = KIND_sms_aliyun, .person = s->person, .payload = STR("{\"phone\":\"" PHONE "\",\"template\":\"case_moved\"}") };
	return identity_failed(tx, s->r->who.id, STR(OTHER_RESIDENT), s->r->now_ms, why) && effect_add(tx, &e, s->now_ms, random, &id, why);
}

static bool speak(struct tx *tx, void *ctx, struct fail *why)
{
	struct step *s = ctx;
	struct voice v;
	struct voice_new n = { .kind = VOICE_SUGGEST, .person = s->person, .region = 621200, .text = STR("我是" NAME), .contact = STR(NAME "\n" PHONE) };
	struct voice_by by = { .r = s->r, .role = VOICE_BY_PERSON, .now_ms = s->now_ms, .random = s->r->random, .arena = &s->r->arena };
	struct voice_by office = by;
	static const uint8_t other[32] = { 9 }; /* another request */
	const struct voice_act refused = { .event = VOICE_WAS_REFUSED, .text = STR("请" NAME "到窗口") };
	office.role = VOICE_BY_OPERATOR;
	office.random = other;
	return voice_make(tx, &n, &by, &v, why) && voice_move(tx, &v, &refused, &office, why);
}

static bool ask(struct tx *tx, void *ctx, struct fail *why)
{
	struct step *s = ctx;
	struct erasure e;
	return erasure_ask(tx, s->r, 0, &e, why);
}

static bool step(struct tx *tx, void *ctx, struct fail *why)
{
	struct step *s = ctx;
	return erasure_step(tx, s->now_ms, s->rows_max, &s->rows, why);
}

static bool sql_run(struct tx *tx, void *ctx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, *(const char **)ctx, why);
	return q != NULL && stmt_run(q, why);
}

static void run(struct world *w, bool (*apply)(struct tx *tx, void *ctx, struct fail *why), void *ctx)
{
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, apply, ctx, &why), &why);
	w->commits++;
}

static void sql(struct world *w, const char *literal)
{
	run(w, sql_run, &literal);
}

static int64_t number(struct world *w, const char *sql)
{
	struct tx tx;
	struct fail why;
	fail_clear(&why);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	struct stmt *q = tx_query(&tx, sql, &why);
	world_must(q != NULL, &why);
	int64_t n = stmt_row(q, &why) ? stmt_int(q, 0) : -1;
	stmt_drop(q);
	reader_end(w->reader);
	return n;
}

static struct principal somebody(struct world *w, const char *phone, const char *device)
{
	struct tokens t = login(w, phone, device);
	return who_is(w, t.access);
}

/* ---- every sealed value, opened ---- */

static const struct { const char *place, *next; bool by_id; } columns[] = {
#define SEALED(place, table, column, how, key, next, ...) { place, next, key },
#define BY_ID true
#define BY_OUTCOME false
#include "auth/sealed_columns.def"
#undef SEALED
#undef BY_ID
#undef BY_OUTCOME
};

static int holding(struct world *w, const char *word)
{
	struct tx tx;
	struct fail why;
	int found = 0;
	fail_clear(&why);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		int64_t id = 0;
		for (bool more = columns[i].by_id && columns[i].next != NULL; more;) {
			struct stmt *q = tx_query(&tx, columns[i].next, &why);
			world_must(q != NULL, &why);
			stmt_bind_int(q, 1, id);
			more = stmt_row(q, &why);
			if (more) {
				char text[4096];
				struct buf b = { .at = text, .cap = sizeof(text) };
				id = stmt_int(q, 0);
				if (stmt_blob(q, 1).len > 0)
					world_must(vault_open(columns[i].place, id, stmt_blob(q, 1), &b, &why), &why);
				found += memmem(b.at, b.len, word, strlen(word)) != NULL;
			}
			stmt_drop(q);
		}
	}
	reader_end(w->reader);
	return found;
}

static void nothing_opens_to_him(void **state)
{
	struct world *w = *state;
	struct principal he = somebody(w, PHONE, DEVICE), other = somebody(w, OTHER_PHONE, STRANGER);
	world_ask(w, METHOD_POST, "/v1/me/identity", NULL, NULL)->who = he;
	struct step s = { .r = &w->r, .person = he.id, .now_ms = w->now_ms, .rows_max = 3 };
	run(w, confirm, &s);
	run(w, notice, &s);
	run(w, notice, &s);
	assert_true(holding(w, PHONE) >= 4 && holding(w, NUMBER) > 0 && holding(w, NAME) > 0);
	int others = holding(w, OTHER_PHONE);
	/* held: nothing happens, and it is put off by a day */
	sql(w, "INSERT INTO region (code, name, level, parent) VALUES (621200, '陇南市', 2, NULL)");
	int named = holding(w, NAME);
	run(w, speak, &s);
	assert_int_equal(holding(w, NAME), named + 3); /* what he said, how he is reached, what was said to him; the message names nobody */
	sql(w, "INSERT INTO staff (id, account, name, region, roles, state, password, password_ms, totp, totp_step, invited_until_ms, made_ms, changed_ms)"
		" VALUES (1, 'a.b', X'', 621200, 0, 2, '', 0, X'', 0, 0, 0, 0)");
	sql(w, "INSERT INTO proposal (id, key, kind, state, subject, region, payload, maker, maker_session, made_ms, expires_ms) VALUES (1, X'00', 1, 1, 0, 621200, X'', 1, 1, 0, 0)");
	sql(w, "INSERT INTO department (id, code, name, region) VALUES (1, 'd', 'd', 621200)");
	sql(w, "INSERT INTO matter (id, code, name, department, region, type, legal_days, promised_days, trips, online) VALUES (1, 'm', 'm', 1, 621200, 1, 1, 1, 0, 0)");
	sql(w, "INSERT INTO case_names (id, matter, region, matter_code, matter_name, department_name, region_name) VALUES (1, 1, 621200, 'm', 'm', 'd', 'r')");
	sql(w, "INSERT INTO cases (id, case_no, person, department, case_ref, matter, region, type, state, last_seq, opened_ms, updated_ms, names)"
		" VALUES (1, 'LN62120020261123000000001', 1, 1, 'r', 1, 621200, 1, 13, 1, 0, 0, 1)");
	sql(w, "INSERT INTO legal_hold (id, person, case_id, reason, placed_ms, placed_by) VALUES (1, 1, 1, X'', 0, 1)");
	run(w, ask, &s);
	run(w, step, &s);
	assert_int_equal(number(w, "SELECT state FROM erasure"), ERASURE_WAITING);
	assert_true(number(w, "SELECT due_ms FROM erasure") == w->now_ms + DAY);
	sql(w, "UPDATE legal_hold SET released_ms = 1, released_by = 1");
	s.now_ms += DAY;
	/* a notice is on its way: it is waited for */
	sql(w, "UPDATE effect SET state = 2 WHERE id = 1");
	for (int i = 0; i < 20; i++)
		run(w, step, &s);
	assert_int_equal(number(w, "SELECT state FROM erasure"), ERASURE_UNDER_WAY);
	assert_int_equal(holding(w, PHONE), 1);
	sql(w, "UPDATE effect SET state = 3 WHERE id = 1");
	run(w, step, &s);
	run(w, step, &s);
	assert_int_equal(number(w, "SELECT state FROM erasure"), ERASURE_DONE);
	assert_int_equal(holding(w, PHONE) + holding(w, NUMBER) + holding(w, NAME), 0);
	assert_int_equal(holding(w, OTHER_PHONE), others);
	assert_int_equal(number(w, "SELECT COUNT(*) FROM effect WHERE state = 7"), 1);
	assert_int_equal(number(w, "SELECT COUNT(*) FROM session WHERE principal_id = 1 AND kind = 2"), 0);
	assert_true(other.id == 2 && number(w, "SELECT COUNT(*) FROM session WHERE principal_id = 2 AND kind = 2") == 1);
	/* the same phone on the same device: somebody new */
	w->now_ms += 2 * DAY;
	assert_true(somebody(w, PHONE, DEVICE).id > 2);
}

/* ---- time ---- */

static bool purge(struct tx *tx, void *ctx, struct fail *why)
{
	struct step *s = ctx;
	return retention_purge(tx, s->now_ms, s->rows_max, &s->rows, why);
}

static void what_is_over_goes_after_its_time(void **state)
{
	struct world *w = *state;
	struct principal he = somebody(w, PHONE, DEVICE);
	world_ask(w, METHOD_GET, "/v1/me", NULL, NULL)->who = he;
	struct step s = { .r = &w->r, .person = he.id, .now_ms = w->now_ms, .rows_max = 10 };
	run(w, notice, &s);
	run(w, notice, &s);
	run(w, notice, &s);
	sql(w, "UPDATE effect SET state = 3 WHERE id = 1");
	sql(w, "UPDATE effect SET state = 5 WHERE id = 2"); /* unknown: an operator has to decide */
	sql(w, "INSERT INTO effect_attempt (effect, n, began_ms, verdict, http_status, code) VALUES (1, 1, 0, 1, 0, ''), (2, 1, 0, 1, 0, '')");
	s.now_ms += 179 * DAY;
	run(w, purge, &s);
	assert_int_equal(s.rows, 0);
	s.now_ms += 2 * DAY;
	run(w, purge, &s);
	assert_int_equal(s.rows, 3); /* the first, its attempt and what it said */
	assert_int_equal(number(w, "SELECT COUNT(*) FROM effect"), 2);
	assert_int_equal(number(w, "SELECT COUNT(*) FROM effect_attempt"), 1);
	assert_int_equal(number(w, "SELECT COUNT(*) FROM session"), 1);
	s.now_ms += 40 * DAY; /* its token and its refresh token are still there */
	run(w, purge, &s);
	assert_int_equal(number(w, "SELECT COUNT(*) FROM session"), 1);
	sql(w, "DELETE FROM token");
	sql(w, "DELETE FROM refresh");
	run(w, purge, &s);
	assert_int_equal(number(w, "SELECT COUNT(*) FROM session"), 0);
}

/* More than a bite looks at, and none of them may go: what lies behind them goes all the same, in the same bite. */
static void what_stays_stands_in_nobodys_way(void **state)
{
	struct world *w = *state;
	struct principal he = somebody(w, PHONE, DEVICE);
	world_ask(w, METHOD_GET, "/v1/me", NULL, NULL)->who = he;
	struct step s = { .r = &w->r, .person = he.id, .now_ms = w->now_ms, .rows_max = 10 };
	run(w, notice, &s);
	sql(w, "DELETE FROM effect_payload");
	sql(w, "UPDATE effect SET state = 3, id = 5000");
	sql(w, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) INSERT INTO effect SELECT i, CAST(printf('%016d', i) AS BLOB), kind,"
	       " 5, '', 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, '', '', made_ms, changed_ms, owner FROM n, effect WHERE id = 5000");
	s.now_ms += 181 * DAY;
	run(w, purge, &s);
	assert_int_equal(s.rows, 1);
	assert_int_equal(number(w, "SELECT COUNT(*) FROM effect"), 1200);
	sql(w, "UPDATE effect SET state = 4 WHERE id > 1190");
	run(w, purge, &s);
	assert_int_equal(s.rows, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { LOGIN_CASE(every_table_is_listed), LOGIN_CASE(nothing_opens_to_him), LOGIN_CASE(what_is_over_goes_after_its_time),
					    LOGIN_CASE(what_stays_stands_in_nobodys_way) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
