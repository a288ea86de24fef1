/* Goal: a snapshot is sealed while it lasts, and never older than a commit that was published before reader_begin.
 * Method: one writer, steps by hand; then a thread that commits against two that read. */
#include "store_fixture.h"

#include "base/metrics.h"

#include <pthread.h>

static struct fixture f;

static bool count_up(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE counter SET n = n + 1 WHERE id = 1", why);
	return q != NULL && stmt_run(q, why);
}

static bool start(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO counter (id, n) VALUES (1, 0)", why);
	return q != NULL && stmt_run(q, why);
}

static int setup(void **state)
{
	(void)state;
	fixture_make(&f, "CREATE TABLE counter (id BIGINT PRIMARY KEY, n BIGINT NOT NULL);\n");
	FIXTURE_OK(&f, store_write(f.store, start, NULL, &f.why));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_drop(&f);
	return 0;
}

static int64_t counter(struct tx *tx)
{
	struct fail why;
	fail_clear(&why);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT n FROM counter WHERE id = 1", &why);
	return q != NULL && stmt_row(q, &why) ? stmt_int(q, 0) : -1;
}

static void sealed(void **state)
{
	(void)state;
	struct connection *c = store_reader(f.store, 0, &f.why);
	struct tx tx;
	int64_t renewals = metric_read(M_snapshot_renewals, 0);
	assert_true(reader_begin(c, &tx, &f.why));
	assert_int_equal(counter(&tx), 0);
	uint64_t number = store_commit_number(f.store);
	FIXTURE_OK(&f, store_write(f.store, count_up, NULL, &f.why));
	assert_int_equal(store_commit_number(f.store), number + 1);
	assert_int_equal(counter(&tx), 0); /* the loop's turn goes on as it began */
	assert_true(reader_begin(c, &tx, &f.why));
	assert_int_equal(counter(&tx), 1);
	assert_int_equal(metric_read(M_snapshot_renewals, 0), renewals + 1);
	assert_true(reader_begin(c, &tx, &f.why)); /* nothing new: the same snapshot */
	assert_int_equal(metric_read(M_snapshot_renewals, 0), renewals + 1);
	assert_true(atomic_load(&c->snapshot_ns) != 0);
	reader_end(c);
	reader_end(c);
	assert_true(atomic_load(&c->snapshot_ns) == 0);
	connection_close(c);
}

/* BEGIN takes no snapshot, the first read does: a commit in between is seen, and the next begin renews all the same. */
static void first_read_takes_it(void **state)
{
	(void)state;
	struct connection *c = store_reader(f.store, 0, &f.why);
	struct tx tx;
	assert_true(reader_begin(c, &tx, &f.why));
	FIXTURE_OK(&f, store_write(f.store, count_up, NULL, &f.why));
	int64_t seen = counter(&tx);
	assert_true(seen >= 1);
	assert_true(reader_begin(c, &tx, &f.why));
	assert_true(counter(&tx) >= seen);
	connection_close(c); /* ends what is open */
}

static bool fails(struct tx *tx, void *ctx, struct fail *why)
{
	return count_up(tx, ctx, why) && FAILS(why, NOT_FOUND, "changed its mind");
}

static void rolled_back_is_not_published(void **state)
{
	(void)state;
	uint64_t number = store_commit_number(f.store);
	int64_t n = fixture_number(&f, "SELECT n FROM counter");
	fail_clear(&f.why);
	assert_false(store_write(f.store, fails, NULL, &f.why));
	assert_int_equal(f.why.code, FAIL_NOT_FOUND);
	assert_int_equal(store_commit_number(f.store), number);
	assert_int_equal(fixture_number(&f, "SELECT n FROM counter"), n);
}

/* -- threads */

static _Atomic int64_t answered;
static _Atomic bool over, wrong;

static void *write_many(void *arg)
{
	(void)arg;
	struct fail why;
	fail_clear(&why);
	for (int i = 0; i < 400; i++) {
		if (!store_write(f.store, count_up, NULL, &why))
			atomic_store(&wrong, true);
		atomic_fetch_add(&answered, 1);
	}
	atomic_store(&over, true);
	return NULL;
}

static void *read_many(void *arg)
{
	struct fail why;
	fail_clear(&why);
	struct connection *c = store_reader(f.store, 0, &why);
	struct tx tx;
	int64_t last = 0;
	for (int i = 0; !atomic_load(&over); i++) {
		int64_t before = *(int64_t *)arg + atomic_load(&answered);
		bool ok = reader_begin(c, &tx, &why);
		int64_t n = counter(&tx), again = counter(&tx);
		if (!ok || n < before || n < last || n != again)
			atomic_store(&wrong, true);
		last = n;
		if (i % 3 == 0)
			reader_end(c);
	}
	connection_close(c);
	return NULL;
}

static void acknowledged_is_seen(void **state)
{
	(void)state;
	int64_t base = fixture_number(&f, "SELECT n FROM counter");
	pthread_t threads[3];
	pthread_create(&threads[0], NULL, read_many, &base);
	pthread_create(&threads[1], NULL, read_many, &base);
	pthread_create(&threads[2], NULL, write_many, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_false(atomic_load(&wrong));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed), cmocka_unit_test(first_read_takes_it), cmocka_unit_test(rolled_back_is_not_published), cmocka_unit_test(acknowledged_is_seen),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
