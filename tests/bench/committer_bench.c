/* tests/bench/committer_bench.c - how many durable bookings a second, and how long one waits: the real committer in a closed loop, beside
 * SQLite driven by hand with the same five statements (2 selects, a conditional update, 2 inserts), tables, pragmas and time-ordered keys.
 *
 *   committer   jobs through store/committer.c, `in-flight` of them, resubmitted by one thread as a loop would
 *   postgres    the same jobs through the pool of writers (store/pg_writers.c), on the database that store.url of the environment's SIBAN_BENCH_URL names
 *   single      raw SQLite, one transaction per booking: what a program without group commit gets
 *   group       raw SQLite, one thread, one transaction per `in-flight` bookings with a savepoint each: the bound, without threads
 *
 * One run is one mode in a fresh folder. Prints a JSON object; fails when the tables disagree with what was acknowledged.
 *
 * committer_bench committer|postgres|single|group in-flight seconds empty-folder [slots] */
#include "base/clock.h"
#include "base/ids.h"
#include "store/checkpointer.h"
#include "store/committer.h"
#include "tests/bench/measure.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { WARM_UP_MS = 500 };

#define SQL_SLOTS "CREATE TABLE bench_slot (id INTEGER PRIMARY KEY, capacity INTEGER NOT NULL, taken INTEGER NOT NULL) STRICT"
#define SQL_BOOKINGS "CREATE TABLE bench_booking (id BLOB PRIMARY KEY, slot INTEGER NOT NULL, person INTEGER NOT NULL, made_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID"
#define SQL_OUTCOMES "CREATE TABLE bench_outcome (key BLOB PRIMARY KEY, booking BLOB NOT NULL) STRICT, WITHOUT ROWID"
#define PG_SLOTS "CREATE TABLE bench_slot (id BIGINT PRIMARY KEY, capacity BIGINT NOT NULL, taken BIGINT NOT NULL)"
#define PG_BOOKINGS "CREATE TABLE bench_booking (id BYTEA PRIMARY KEY, slot BIGINT NOT NULL, person BIGINT NOT NULL, made_ms BIGINT NOT NULL)"
#define PG_OUTCOMES "CREATE TABLE bench_outcome (key BYTEA PRIMARY KEY, booking BYTEA NOT NULL)"
#define SQL_ADD_SLOT "INSERT INTO bench_slot (id, capacity, taken) VALUES ($1, 1000000000, 0)"
#define SQL_FIND "SELECT booking FROM bench_outcome WHERE key = $1"
#define SQL_SLOT "SELECT capacity, taken FROM bench_slot WHERE id = $1"
#define SQL_TAKE "UPDATE bench_slot SET taken = taken + 1 WHERE id = $1 AND taken < capacity"
#define SQL_BOOK "INSERT INTO bench_booking (id, slot, person, made_ms) VALUES ($1, $2, $3, $4)"
#define SQL_KEEP "INSERT INTO bench_outcome (key, booking) VALUES ($1, $2)"

struct booking {
	struct commit_job job;
	struct letter home;
	int64_t slot, person, made_ms, began_ns;
	struct id key, id;
};

static struct {
	const char *mode, *folder;
	int in_flight, slots;
	int64_t seconds;
} ask;

static struct {
	struct latencies latencies;
	int64_t committed, failed; /* warm-up included */
	int64_t from_ns, until_ns;
	double cpu_us;
} run;

static struct mailbox home_box;
static uint64_t random_state = 42;

static void must(bool ok, const struct fail *why)
{
	if (!ok)
		die("%s (%s)", why->log, fail_row(why->code)->name);
}

static double cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void booking_renew(struct booking *b)
{
	random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17; /* xorshift64 */
	b->slot = 1 + (int64_t)(random_state % (uint64_t)ask.slots);
	b->person = (int64_t)(random_state >> 40);
	b->made_ms = clock_wall_ms();
	b->key = id_new(b->made_ms);
	b->id = id_new(b->made_ms);
	b->began_ns = clock_mono_ns();
}

/* When everything is made ready. */
static void warm_up_begins(void)
{
	run.from_ns = clock_mono_ns() + WARM_UP_MS * INT64_C(1000000);
	run.until_ns = run.from_ns + ask.seconds * 1000000000;
	run.cpu_us = -1;
}

static bool timing_begins(void)
{
	int64_t now = clock_mono_ns();
	if (run.cpu_us < 0 && now >= run.from_ns) {
		run.cpu_us = cpu_us();
		run.from_ns = now;
	}
	return now < run.until_ns;
}

static void booking_note(const struct booking *b, bool committed)
{
	int64_t now = clock_mono_ns();
	run.committed += committed;
	run.failed += !committed;
	if (committed && run.cpu_us >= 0 && now < run.until_ns)
		latency_note(&run.latencies, now - b->began_ns);
}

/* -- through the committer */

static bool booking_apply(struct commit_job *job, struct tx *tx, struct fail *why)
{
	struct booking *b = CONTAINER(job, struct booking, job);
	DROP(stmt) struct stmt *find = tx_query(tx, SQL_FIND, why);
	if (find == NULL)
		return false;
	stmt_bind_blob(find, 1, b->key.bytes, ID_BYTES);
	if (stmt_row(find, why) || why->code != FAIL_NONE)
		return FAILS(why, CONFLICT, "this key was used");
	DROP(stmt) struct stmt *slot = tx_query(tx, SQL_SLOT, why);
	if (slot == NULL)
		return false;
	stmt_bind_int(slot, 1, b->slot);
	if (!stmt_row(slot, why))
		return FAILS(why, NOT_FOUND, "no such slot");
	DROP(stmt) struct stmt *take = tx_query(tx, SQL_TAKE, why);
	if (take == NULL)
		return false;
	stmt_bind_int(take, 1, b->slot);
	if (!stmt_run(take, why))
		return false;
	DROP(stmt) struct stmt *book = tx_query(tx, SQL_BOOK, why);
	if (book == NULL)
		return false;
	stmt_bind_blob(book, 1, b->id.bytes, ID_BYTES);
	stmt_bind_int(book, 2, b->slot);
	stmt_bind_int(book, 3, b->person);
	stmt_bind_int(book, 4, b->made_ms);
	if (!stmt_run(book, why))
		return false;
	DROP(stmt) struct stmt *keep = tx_query(tx, SQL_KEEP, why);
	if (keep == NULL)
		return false;
	stmt_bind_blob(keep, 1, b->key.bytes, ID_BYTES);
	stmt_bind_blob(keep, 2, b->id.bytes, ID_BYTES);
	return stmt_run(keep, why);
}

static void booking_done(struct commit_job *job)
{
	mailbox_post_always(&home_box, &CONTAINER(job, struct booking, job)->home);
}

static bool tables_make(struct tx *tx, void *ctx, struct fail *why)
{
	static const char *const texts[2][3] = { { SQL_SLOTS, SQL_BOOKINGS, SQL_OUTCOMES }, { PG_SLOTS, PG_BOOKINGS, PG_OUTCOMES } };
	const bool *is_server = ctx;
	for (size_t i = 0; i < 3; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, texts[*is_server][i], why);
		if (q == NULL || !stmt_run(q, why))
			return false;
	}
	for (int i = 1; i <= ask.slots; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, SQL_ADD_SLOT, why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, i);
		if (!stmt_run(q, why))
			return false;
	}
	return true;
}

static bool server_check(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT (SELECT COUNT(*) FROM bench_booking), (SELECT CAST(SUM(taken) AS BIGINT) FROM bench_slot), (SELECT COUNT(DISTINCT booking) FROM bench_outcome)", why);
	if (q == NULL || !stmt_row(q, why))
		return false;
	for (int i = 0; i < 3; i++)
		if (stmt_int(q, i) != run.committed)
			die("%lld bookings were acknowledged, a table says %lld", (long long)run.committed, (long long)stmt_int(q, i));
	return true;
}

static void committer_mode(const struct config *config)
{
	struct fail why = { .code = FAIL_NONE };
	struct store *store = store_open(config, STORE_MIGRATE, &why);
	must(store != NULL, &why);
	bool is_server = !store_is_embedded(store);
	must(store_write(store, tables_make, &is_server, &why), &why);
	struct checkpointer *checkpointer = is_server ? NULL : checkpointer_start(store, config, &why);
	must(is_server || checkpointer != NULL, &why);
	struct committer *committer = committer_start(store, config, &why);
	must(committer != NULL, &why);
	mailbox_init(&home_box, 0, NULL, NULL);
	struct booking *all = calloc((size_t)ask.in_flight, sizeof *all);
	if (all == NULL)
		die("out of memory");
	int away = 0;
	warm_up_begins();
	for (int i = 0; i < ask.in_flight; i++) {
		all[i].job = (struct commit_job){ .apply = booking_apply, .done = booking_done };
		booking_renew(&all[i]);
		if (!committer_submit(committer, &all[i].job))
			die("the committer refused a job");
		away++;
	}
	while (away > 0) {
		struct letter *l = mailbox_wait(&home_box);
		bool more = timing_begins();
		for (struct letter *next; l != NULL; l = next) {
			next = l->next;
			struct booking *b = CONTAINER(l, struct booking, home);
			booking_note(b, b->job.committed);
			away--;
			if (!more)
				continue;
			booking_renew(b);
			if (!committer_submit(committer, &b->job))
				die("the committer refused a job");
			away++;
		}
	}
	run.cpu_us = cpu_us() - run.cpu_us;
	committer_stop(committer);
	if (is_server)
		must(store_write(store, server_check, NULL, &why), &why);
	else
		checkpointer_stop(checkpointer);
	store_close(store);
	mailbox_drop(&home_box);
	free(all);
}

/* -- by hand */

static sqlite3 *raw;

static void raw_run(const char *sql)
{
	char *text = NULL;
	if (sqlite3_exec(raw, sql, NULL, NULL, &text) != SQLITE_OK)
		die("%s: %s", sql, text);
}

static sqlite3_stmt *raw_query(const char *sql)
{
	sqlite3_stmt *q;
	if (sqlite3_prepare_v3(raw, sql, -1, SQLITE_PREPARE_PERSISTENT, &q, NULL) != SQLITE_OK)
		die("%s: %s", sql, sqlite3_errmsg(raw));
	return q;
}

static void raw_step(sqlite3_stmt *q, int want)
{
	int got = sqlite3_step(q);
	if (got != want)
		die("%s: %s", sqlite3_sql(q), sqlite3_errmsg(raw));
	sqlite3_reset(q);
}

static struct {
	sqlite3_stmt *begin, *commit, *save, *release, *find, *slot, *take, *book, *keep;
} raw_q;

static void raw_open(const struct config *config)
{
	char path[1200], pragma[200];
	snprintf(path, sizeof path, "%s/raw.db", ask.folder);
	if (sqlite3_open_v2(path, &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		die("%s: %s", path, sqlite3_errmsg(raw));
	snprintf(pragma, sizeof pragma, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -%lld; PRAGMA wal_autocheckpoint = %lld",
		 (long long)config->store_cache_kib, (long long)config->store_wal_pages);
	raw_run(pragma);
	raw_run(SQL_SLOTS ";" SQL_BOOKINGS ";" SQL_OUTCOMES);
	raw_run("BEGIN");
	sqlite3_stmt *add = raw_query(SQL_ADD_SLOT);
	for (int i = 1; i <= ask.slots; i++) {
		sqlite3_bind_int(add, 1, i);
		raw_step(add, SQLITE_DONE);
	}
	sqlite3_finalize(add);
	raw_run("COMMIT");
	raw_q.begin = raw_query("BEGIN IMMEDIATE");
	raw_q.commit = raw_query("COMMIT");
	raw_q.save = raw_query("SAVEPOINT one");
	raw_q.release = raw_query("RELEASE one");
	raw_q.find = raw_query(SQL_FIND);
	raw_q.slot = raw_query(SQL_SLOT);
	raw_q.take = raw_query(SQL_TAKE);
	raw_q.book = raw_query(SQL_BOOK);
	raw_q.keep = raw_query(SQL_KEEP);
}

static void raw_book(const struct booking *b)
{
	sqlite3_bind_blob(raw_q.find, 1, b->key.bytes, ID_BYTES, SQLITE_STATIC);
	raw_step(raw_q.find, SQLITE_DONE);
	sqlite3_bind_int64(raw_q.slot, 1, b->slot);
	raw_step(raw_q.slot, SQLITE_ROW);
	sqlite3_bind_int64(raw_q.take, 1, b->slot);
	raw_step(raw_q.take, SQLITE_DONE);
	sqlite3_bind_blob(raw_q.book, 1, b->id.bytes, ID_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(raw_q.book, 2, b->slot);
	sqlite3_bind_int64(raw_q.book, 3, b->person);
	sqlite3_bind_int64(raw_q.book, 4, b->made_ms);
	raw_step(raw_q.book, SQLITE_DONE);
	sqlite3_bind_blob(raw_q.keep, 1, b->key.bytes, ID_BYTES, SQLITE_STATIC);
	sqlite3_bind_blob(raw_q.keep, 2, b->id.bytes, ID_BYTES, SQLITE_STATIC);
	raw_step(raw_q.keep, SQLITE_DONE);
}

static void raw_mode(const struct config *config, bool savepoints)
{
	raw_open(config);
	struct booking *all = calloc((size_t)ask.in_flight, sizeof *all);
	if (all == NULL)
		die("out of memory");
	warm_up_begins();
	while (timing_begins()) {
		for (int i = 0; i < ask.in_flight; i++)
			booking_renew(&all[i]);
		raw_step(raw_q.begin, SQLITE_DONE);
		for (int i = 0; i < ask.in_flight; i++) {
			if (savepoints)
				raw_step(raw_q.save, SQLITE_DONE);
			raw_book(&all[i]);
			if (savepoints)
				raw_step(raw_q.release, SQLITE_DONE);
		}
		raw_step(raw_q.commit, SQLITE_DONE);
		for (int i = 0; i < ask.in_flight; i++)
			booking_note(&all[i], true);
	}
	run.cpu_us = cpu_us() - run.cpu_us;
	for (sqlite3_stmt *q; (q = sqlite3_next_stmt(raw, NULL)) != NULL;)
		sqlite3_finalize(q);
	sqlite3_close(raw);
	free(all);
}

/* What was acknowledged is there, and nothing else. */
static void tables_check(void)
{
	char path[1200];
	snprintf(path, sizeof path, "%s/%s", ask.folder, strcmp(ask.mode, "committer") == 0 ? "siban.db" : "raw.db");
	if (sqlite3_open(path, &raw) != SQLITE_OK)
		die("%s: %s", path, sqlite3_errmsg(raw));
	sqlite3_stmt *q = raw_query("SELECT (SELECT count(*) FROM bench_booking), (SELECT sum(taken) FROM bench_slot), (SELECT count(DISTINCT booking) FROM bench_outcome)");
	sqlite3_step(q);
	for (int i = 0; i < 3; i++)
		if (sqlite3_column_int64(q, i) != run.committed)
			die("%lld bookings were acknowledged, the tables say %lld, %lld, %lld", (long long)run.committed,
			    (long long)sqlite3_column_int64(q, 0), (long long)sqlite3_column_int64(q, 1), (long long)sqlite3_column_int64(q, 2));
	sqlite3_finalize(q);
	sqlite3_close(raw);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		die("committer|postgres|single|group in-flight seconds empty-folder [slots]");
	ask.mode = argv[1];
	ask.in_flight = strcmp(ask.mode, "single") == 0 ? 1 : atoi(argv[2]);
	ask.seconds = atoll(argv[3]);
	ask.folder = argv[4];
	ask.slots = argc > 5 ? atoi(argv[5]) : 1000;
	if (ask.in_flight < 1 || ask.seconds < 1 || ask.slots < 1)
		die("in-flight, seconds and slots are at least 1");
	static struct config config;
	static struct config_wrongs wrongs;
	char state_dir[1200];
	config_defaults(&config);
	snprintf(state_dir, sizeof state_dir, "state.dir=%s", ask.folder);
	if (!config_override(&config, state_dir, &wrongs))
		die("%s: %s", wrongs.at[0].name, wrongs.at[0].why);
	bool is_server = strcmp(ask.mode, "postgres") == 0;
	char url[1100];
	snprintf(url, sizeof url, "store.url=%s", getenv("SIBAN_BENCH_URL") != NULL ? getenv("SIBAN_BENCH_URL") : "");
	if (is_server && !config_override(&config, url, &wrongs))
		die("%s: %s", wrongs.at[0].name, wrongs.at[0].why);
	if (is_server || strcmp(ask.mode, "committer") == 0)
		committer_mode(&config);
	else
		raw_mode(&config, strcmp(ask.mode, "group") == 0);
	if (!is_server)
		tables_check();
	const struct latencies *l = &run.latencies;
	latency_sort(&run.latencies);
	printf("{\"mode\":\"%s\",\"in_flight\":%d,\"per_second\":%.0f,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u,\"cpu_us\":%.2f,\"committed\":%lld,\"failed\":%lld}\n",
	       ask.mode, ask.in_flight, (double)l->count * 1e9 / (double)(run.until_ns - run.from_ns), latency_percentile(l, 0.5), latency_percentile(l, 0.99), latency_percentile(l, 1),
	       run.cpu_us / (double)(l->count > 0 ? l->count : 1), (long long)run.committed, (long long)run.failed);
	free(run.latencies.us);
	return run.failed == 0 ? 0 : 1;
}
