/* Goal: however many write at once, invariants hold by constraint, by the thing's own row or by a lock with its name, never by luck; and what was acknowledged
 * is there, also when the server goes down in the middle.
 * Method: 64 jobs at a time on the same few rows through the WRITE lane, on SQLite's one writer and on 64 connections to PostgreSQL; afterwards the
 * tables are counted. */
#include "postgres_server.h"
#include "store_fixture.h"

#include "base/clock.h"
#include "store/committer.h"

#include <poll.h>

enum { JOBS = 64, SEATS = 10, CROSSING = 4, PATIENCE_MS = 60000, HEALED_MS = 3000 };

static struct fixture f;
static struct committer *committer;

static const char tables[] =
	"CREATE TABLE counter (id BIGINT PRIMARY KEY, n BIGINT NOT NULL CHECK (n >= 0));\n"
	"CREATE TABLE taken (n BIGINT PRIMARY KEY);\n"
	"CREATE TABLE thing (id BIGINT PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE);\n"
	"CREATE TABLE raced (id BIGINT PRIMARY KEY, job BIGINT NOT NULL);\n";

struct racer {
	struct commit_job job;
	bool (*run)(struct tx *tx, struct racer *r, struct fail *why);
	int64_t number, seen;
};

static struct racer racers[JOBS];
static _Atomic int answered;

static bool run(struct tx *tx, const char *sql, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	return q != NULL && stmt_run(q, why);
}

static bool number(struct tx *tx, const char *sql, int64_t *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	*out = 0;
	if (q != NULL && stmt_row(q, why))
		*out = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool put(struct tx *tx, const char *sql, int64_t n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n);
	return stmt_run(q, why);
}

static bool book(struct tx *tx, int64_t job, struct fail *why)
{
	int64_t id;
	if (!tx_next_id(tx, "raced", &id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO raced (id, job) VALUES ($1, $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, job);
	return stmt_run(q, why);
}

/* -- what races */

static bool counts(struct tx *tx, struct racer *r, struct fail *why)
{
	return number(tx, "UPDATE counter SET n = n + 1 WHERE id = 1 RETURNING n", &r->seen, why) && put(tx, "INSERT INTO taken (n) VALUES ($1)", r->seen, why);
}

static bool finds_or_makes(struct tx *tx, struct racer *r, struct fail *why)
{
	if (!number(tx, "SELECT id FROM thing WHERE name = 'it'", &r->seen, why) || r->seen != 0)
		return why->code == FAIL_NONE;
	return tx_next_id(tx, "thing", &r->seen, why) && put(tx, "INSERT INTO thing (id, name) VALUES ($1, 'it')", r->seen, why);
}

static bool takes_a_seat(struct tx *tx, struct racer *r, struct fail *why)
{
	if (!run(tx, "UPDATE counter SET n = n - 1 WHERE id = 2 AND n > 0", why))
		return false;
	return tx_changes(tx) == 1 ? book(tx, r->number, why) : FAILS(why, GONE, "no seat is left");
}

static bool takes_one_by_constraint(struct tx *tx, struct racer *r, struct fail *why)
{
	return run(tx, "UPDATE counter SET n = n - 1 WHERE id = 2", why) && book(tx, r->number, why);
}

static bool counts_first(struct tx *tx, struct racer *r, struct fail *why)
{
	if (!tx_lock(tx, "hall", STR("two"), why) || !number(tx, "SELECT count(*) FROM raced", &r->seen, why))
		return false;
	return r->seen < SEATS ? book(tx, r->number, why) : FAILS(why, GONE, "no seat is left");
}

/* Two of four in the other order, slowly: they must meet. (The server takes a second to see that two wait for each other.) */
static bool crosses(struct tx *tx, struct racer *r, struct fail *why)
{
	if (r->number >= CROSSING)
		return true;
	static const char one[] = "UPDATE counter SET n = n + 1 WHERE id = 1", two[] = "UPDATE counter SET n = n + 1 WHERE id = 3";
	if (!run(tx, r->number % 2 == 0 ? one : two, why))
		return false;
	poll(NULL, 0, 20);
	return run(tx, r->number % 2 == 0 ? two : one, why);
}

/* Every eighth wants to be alone, and sees nothing move meanwhile. */
static bool wants_to_be_alone(struct tx *tx, struct racer *r, struct fail *why)
{
	int64_t before, after;
	if (r->number % 8 != 0)
		return run(tx, "UPDATE counter SET n = n + 1 WHERE id = 1", why) && put(tx, "INSERT INTO taken (n) VALUES ($1)", r->number, why);
	if (!tx_alone(tx, why) || !number(tx, "SELECT count(*) FROM taken", &before, why))
		return false;
	poll(NULL, 0, 5);
	return number(tx, "SELECT count(*) FROM taken", &after, why) && (before == after || FAILS(why, INTERNAL, "somebody wrote beside it"));
}

/* Rows 1 and 2 of thing are on call, and one must stay: each looks whether both are, and leaves. */
static const char both_count[] = "SELECT (SELECT n FROM counter WHERE id = 1) + (SELECT n FROM counter WHERE id = 3)";
static _Atomic int runs[JOBS];
static _Atomic bool is_level_wrong;

static bool level_is(struct tx *tx, enum isolation wanted, struct fail *why)
{
	int64_t level;
	if (store_is_embedded(f.store))
		return true;
	if (!number(tx, "SELECT CAST(CASE current_setting('transaction_isolation') WHEN 'read committed' THEN 0 WHEN 'repeatable read' THEN 1 ELSE 2 END AS BIGINT)", &level, why))
		return false;
	if (level != (int64_t)wanted)
		atomic_store(&is_level_wrong, true);
	return true;
}

static bool leaves(struct tx *tx, struct racer *r, struct fail *why)
{
	int64_t both;
	atomic_fetch_add(&runs[r->number], 1);
	if (!level_is(tx, r->job.isolation, why) || !number(tx, both_count, &both, why))
		return false;
	poll(NULL, 0, 20);
	return both < 2 ? FAILS(why, GONE, "one must stay") : put(tx, "UPDATE counter SET n = 0 WHERE id = $1", r->number % 2 == 0 ? 1 : 3, why);
}

/* Reads, thinks, writes what it read and one more: whoever came between is forgotten. */
static bool counts_badly(struct tx *tx, struct racer *r, struct fail *why)
{
	int64_t n;
	if (!level_is(tx, r->job.isolation, why) || !number(tx, "SELECT n FROM counter WHERE id = 1", &n, why))
		return false;
	poll(NULL, 0, 20);
	return put(tx, "UPDATE counter SET n = $1 WHERE id = 1", n + 1, why);
}

/* -- racing */

static bool apply(struct commit_job *job, struct tx *tx, struct fail *why)
{
	struct racer *r = (struct racer *)job;
	return r->run(tx, r, why);
}

static void done(struct commit_job *job)
{
	(void)job;
	atomic_fetch_add(&answered, 1);
}

static bool clean(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return run(tx, "DELETE FROM counter WHERE id > 0", why) && run(tx, "DELETE FROM taken WHERE n > -1", why) && run(tx, "DELETE FROM thing WHERE id > 0", why) &&
	       run(tx, "DELETE FROM raced WHERE id > 0", why) && run(tx, "INSERT INTO counter (id, n) VALUES (1, 0), (2, 10), (3, 0)", why);
}

static void submit_all(bool (*what)(struct tx *, struct racer *, struct fail *))
{
	FIXTURE_OK(&f, store_write(f.store, clean, NULL, &f.why));
	atomic_store(&answered, 0);
	for (int i = 0; i < JOBS; i++) {
		racers[i] = (struct racer){ .job = { .apply = apply, .done = done, .low = i % 4 == 3 }, .run = what, .number = i };
		assert_true(committer_submit(committer, &racers[i].job));
	}
}

/* How many of them were committed; each of the others was told `refusal`. */
static int await_all(enum fail_code refusal)
{
	int committed = 0;
	for (int waited = 0; atomic_load(&answered) < JOBS; waited++) {
		assert_true(waited < PATIENCE_MS);
		poll(NULL, 0, 1);
	}
	for (int i = 0; i < JOBS; i++) {
		committed += racers[i].job.committed;
		if (!racers[i].job.committed && racers[i].job.why.code != refusal)
			fail_msg("job %d: %d \"%s\"", i, (int)racers[i].job.why.code, racers[i].job.why.log);
	}
	return committed;
}

static int race(bool (*what)(struct tx *, struct racer *, struct fail *), enum fail_code refusal)
{
	submit_all(what);
	return await_all(refusal);
}

static void a_counter(void **state)
{
	(void)state;
	assert_int_equal(race(counts, FAIL_NONE), JOBS);
	assert_int_equal(fixture_number(&f, "SELECT n FROM counter WHERE id = 1"), JOBS);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM taken WHERE n BETWEEN 1 AND 64"), JOBS);
}

static void a_unique_key(void **state)
{
	(void)state;
	assert_int_equal(race(finds_or_makes, FAIL_NONE), JOBS);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM thing"), 1);
	for (int i = 0; i < JOBS; i++)
		assert_int_equal(racers[i].seen, fixture_number(&f, "SELECT id FROM thing"));
}

static void the_last_seat(void **state)
{
	static bool (*const ways[])(struct tx *, struct racer *, struct fail *) = { takes_a_seat, takes_one_by_constraint, counts_first };
	static const enum fail_code refusals[] = { FAIL_GONE, FAIL_CONFLICT, FAIL_GONE };
	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		assert_int_equal(race(ways[i], refusals[i]), SEATS);
		assert_int_equal(fixture_number(&f, "SELECT count(*) FROM raced"), SEATS);
	}
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM counter WHERE n < 0"), 0);
}

static void who_meet_in_the_other_order(void **state)
{
	(void)state;
	assert_int_equal(race(crosses, FAIL_NONE), JOBS);
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM counter WHERE id IN (1, 3) AND n = 4"), 2);
}

static void alone(void **state)
{
	(void)state;
	assert_int_equal(race(wants_to_be_alone, FAIL_NONE), JOBS);
	assert_int_equal(fixture_number(&f, "SELECT n FROM counter WHERE id = 1"), JOBS - JOBS / 8);
}

/* `count` of them at one level, and the others beside them at the default. */
static void submit_isolated(int count, enum isolation level, bool (*what)(struct tx *, struct racer *, struct fail *), const char *begin)
{
	FIXTURE_OK(&f, store_write(f.store, clean, NULL, &f.why) && store_write(f.store, fixture_run_script, (void *)(uintptr_t)begin, &f.why));
	atomic_store(&answered, JOBS - count);
	for (int i = 0; i < count; i++) {
		racers[i] = (struct racer){ .job = { .apply = apply, .done = done, .isolation = level }, .run = what, .number = i };
		atomic_store(&runs[i], 0);
		assert_true(committer_submit(committer, &racers[i].job));
	}
	for (int i = count; i < JOBS; i++)
		racers[i] = (struct racer){ .job = { .committed = true } };
}

static const char both_on_call[] = "UPDATE counter SET n = 1 WHERE id IN (1, 3);\n";

/* The same two, at each level: only what says SERIALIZABLE is kept from both leaving; the others show that there is something to be kept from. */
static void write_skew(void **state)
{
	static const struct { enum isolation level; int64_t left; } cases[] = {
		{ ISOLATION_READ_COMMITTED, 0 }, { ISOLATION_REPEATABLE_READ, 0 }, { ISOLATION_SERIALIZABLE, 1 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t least = 2, left;
		for (int tries = 0; tries < 50 && least > cases[i].left; tries++) {
			submit_isolated(2, cases[i].level, leaves, both_on_call);
			await_all(FAIL_GONE);
			left = fixture_number(&f, both_count);
			least = left < least ? left : least;
			if (store_is_embedded(f.store) || cases[i].level == ISOLATION_SERIALIZABLE)
				assert_int_equal(left, 1);
			if (store_is_embedded(f.store))
				break;
		}
		if (!store_is_embedded(f.store))
			assert_int_equal(least, cases[i].left);
	}
	assert_false(is_level_wrong);
}

static void a_lost_update(void **state)
{
	(void)state;
	submit_isolated(8, ISOLATION_REPEATABLE_READ, counts_badly, both_on_call);
	assert_int_equal(await_all(FAIL_NONE), JOBS);
	assert_int_equal(fixture_number(&f, "SELECT n FROM counter WHERE id = 1"), 1 + 8);
	assert_false(is_level_wrong);
}

/* Beside serializable ones that meet again and again, those that do not say so read and write the same rows once each. */
static bool beside(struct tx *tx, struct racer *r, struct fail *why)
{
	int64_t n;
	atomic_fetch_add(&runs[r->number], 1);
	return number(tx, both_count, &n, why) && put(tx, "INSERT INTO taken (n) VALUES ($1)", r->number, why);
}

static void not_paid_for_by_others(void **state)
{
	(void)state;
	FIXTURE_OK(&f, store_write(f.store, clean, NULL, &f.why) && store_write(f.store, fixture_run_script, (void *)(uintptr_t)both_on_call, &f.why));
	atomic_store(&answered, 0);
	for (int i = 0; i < JOBS; i++) {
		bool is_strict = i < 8;
		racers[i] = (struct racer){ .job = { .apply = apply, .done = done, .isolation = is_strict ? ISOLATION_SERIALIZABLE : ISOLATION_READ_COMMITTED },
					    .run = is_strict ? leaves : beside, .number = i };
		atomic_store(&runs[i], 0);
		assert_true(committer_submit(committer, &racers[i].job));
	}
	await_all(FAIL_GONE);
	assert_int_equal(fixture_number(&f, both_count), 1);
	for (int i = 8; i < JOBS; i++)
		assert_int_equal(runs[i], 1);
	assert_false(is_level_wrong);
}

/* -- the server's bad days: PostgreSQL alone */

/* Each acknowledged job's row is there, and none is there twice. Of those whose COMMIT nobody could tell, the row may be there. */
static void as_told(void)
{
	char sql[512] = "SELECT count(*) FROM raced WHERE job IN (-1";
	size_t len = strlen(sql);
	int told = 0;
	for (int i = 0; i < JOBS; i++)
		if (racers[i].job.committed) {
			told++;
			len += (size_t)snprintf(sql + len, sizeof sql - len, ", %d", i);
		}
	snprintf(sql + len, sizeof sql - len, ")");
	assert_int_equal(fixture_number(&f, sql), told);
	assert_int_equal(fixture_number(&f, "SELECT count(*) - count(DISTINCT job) FROM raced"), 0);
}

static bool books(struct tx *tx, struct racer *r, struct fail *why)
{
	return book(tx, r->number, why);
}

static bool books_slowly(struct tx *tx, struct racer *r, struct fail *why)
{
	bool ok = book(tx, r->number, why);
	poll(NULL, 0, 50);
	return ok;
}

static void a_lost_answer(void **state)
{
	(void)state;
	if (store_is_embedded(f.store))
		return;
	assert_true(fault_set(STR("store_commit=1+")));
	assert_int_equal(race(books, FAIL_NONE), JOBS); /* each is asked about, and was done */
	fault_clear_all();
	as_told();
	assert_int_equal(fixture_number(&f, "SELECT count(*) FROM raced"), JOBS);
}

static void a_broken_wire(void **state)
{
	(void)state;
	if (store_is_embedded(f.store))
		return;
	submit_all(books_slowly);
	postgres_raw("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'siban'");
	assert_int_equal(await_all(FAIL_NONE), JOBS);
	as_told();
}

static void a_restart(void **state)
{
	(void)state;
	if (store_is_embedded(f.store))
		return;
	submit_all(books_slowly);
	postgres_server_restart(SIGQUIT);
	int64_t back_ms = clock_mono_ms();
	await_all(FAIL_STORE);
	for (bool healthy = false; !healthy; poll(NULL, 0, 5)) {
		struct fail why;
		fail_clear(&why);
		assert_true(clock_mono_ms() - back_ms < HEALED_MS);
		healthy = store_healthy(f.store, &why) || atomic_load(&f.store->pg->away_ms) == 0;
	}
	as_told();
	assert_int_equal(race(books, FAIL_NONE), JOBS); /* and it is as before */
	as_told();
}

/* -- the stores */

static int with_committer(void)
{
	f.config.store_pool = JOBS;
	fail_clear(&f.why);
	committer = committer_start(f.store, &f.config, &f.why);
	return committer != NULL ? 0 : -1;
}

static int sqlite(void **state)
{
	(void)state;
	fixture_make(&f, tables);
	return with_committer();
}

static int postgres_as(bool prepared)
{
	char name[32], url[256];
	postgres_database(NULL, name);
	fixture_make_at(&f, postgres_url_as("siban", name, url), tables);
	fixture_close(&f);
	f.config.store_prepared = prepared;
	f.config.store_lock_ms = f.config.store_statement_ms = 20000; /* 64 wait for one row of a busy machine */
	FIXTURE_OK(&f, fixture_open(&f, STORE_SERVE));
	return with_committer();
}

static int postgres(void **state)
{
	postgres_server.durable = true;
	return postgres_server_start(state) + postgres_as(true);
}

static int unprepared(void **state)
{
	(void)state;
	return postgres_as(false);
}

static int drop(void **state)
{
	(void)state;
	committer_stop(committer);
	fixture_drop(&f);
	return 0;
}

static int drop_last(void **state)
{
	return drop(state) + postgres_server_stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_counter), cmocka_unit_test(a_unique_key), cmocka_unit_test(the_last_seat), cmocka_unit_test(who_meet_in_the_other_order),
		cmocka_unit_test(alone), cmocka_unit_test(write_skew), cmocka_unit_test(a_lost_update), cmocka_unit_test(not_paid_for_by_others), cmocka_unit_test(a_lost_answer), cmocka_unit_test(a_broken_wire), cmocka_unit_test(a_restart),
	}, few[] = { cmocka_unit_test(a_counter), cmocka_unit_test(the_last_seat), cmocka_unit_test(a_lost_answer) };
	return cmocka_run_group_tests_name("SQLite", tests, sqlite, drop) + cmocka_run_group_tests_name("PostgreSQL", tests, postgres, drop) +
	       cmocka_run_group_tests_name("PostgreSQL, nothing prepared", few, unprepared, drop_last);
}
