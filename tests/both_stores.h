/* tests/both_stores.h - the same tests on SQLite and on PostgreSQL: a database of each, made before the first of them; `on` says whose turn it is. */
#ifndef TESTS_BOTH_STORES_H
#define TESTS_BOTH_STORES_H
#include "postgres_server.h"
#include "store_fixture.h"

static struct side {
	bool is_postgres;
	struct fixture f;
	char database[32];
} sides[] = { { .is_postgres = false }, { .is_postgres = true } };
enum { SIDES = sizeof(sides) / sizeof(sides[0]) };
static struct side *on;

/* Migrated, and with the tables of `portable_sql` beside ours. */
static inline void sides_make(void **state, const char *portable_sql)
{
	char url[256];
	assert_int_equal(postgres_server_start(state), 0);
	for (int i = 0; i < SIDES; i++) {
		on = &sides[i];
		if (!on->is_postgres) {
			fixture_make(&on->f, portable_sql);
			continue;
		}
		postgres_database(NULL, on->database);
		fixture_make_at(&on->f, postgres_url_as("siban", on->database, url), portable_sql);
	}
}

static inline int sides_drop(void **state)
{
	for (int i = 0; i < SIDES; i++)
		fixture_drop(&sides[i].f);
	return postgres_server_stop(state);
}

/* The setup of a test whose state is a side. */
static inline int side(void **state)
{
	on = *state;
	return 0;
}

/* Its teardown, when it asserts inside store_write. */
static inline int side_unstick(void **state)
{
	struct side *s = *state;
	if (!s->is_postgres)
		fixture_unstick(s->f.store);
	return 0;
}
#endif
