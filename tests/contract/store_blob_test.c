/* Goal: a blob is there as a whole or not at all, on every body: whatever pieces it comes in, wherever it is read, whoever gives up, and whatever the disk says.
 * Method: the same tests on a folder, on rows of SQLite and on rows of PostgreSQL; what is left behind is what a whole walk finds. */
#include "postgres_server.h"
#include "store_fixture.h"

#include "store/blob.h"

#include <sys/wait.h>

enum { CONTENT_MAX = 200000, FAULTS_MAX = 20, ROW = 64 << 10 };

static struct body {
	enum blob_body kind;
	bool is_postgres;
	struct fixture f;
	struct blobs *blobs;
} bodies[] = { { .kind = BLOB_FOLDER }, { .kind = BLOB_ROWS }, { .kind = BLOB_ROWS, .is_postgres = true } };
enum { BODIES = sizeof bodies / sizeof bodies[0] };

static char content[CONTENT_MAX];

static struct id name_of(int n)
{
	uint8_t random10[10] = { 1, 2, 3, 4, 5, 6, 7, 8, (uint8_t)(n * 37), (uint8_t)n };
	return id_make(1000 + n, random10);
}

static void put(struct body *b, struct id name, size_t len, size_t piece)
{
	struct fixture *f = &b->f;
	fail_clear(&f->why);
	struct blob_writer *w = blob_create(b->blobs, name, &f->why);
	assert_non_null(w);
	for (size_t at = 0; at < len; piece = piece * 3 + 1) {
		size_t n = len - at < piece ? len - at : piece;
		FIXTURE_OK(f, blob_write(w, (struct str){ content + at, n }, &f->why));
		at += n;
	}
	FIXTURE_OK(f, blob_finish(w, &f->why));
}

/* -- what is there */

struct seen {
	int whole, parts;
	struct id last;
};

static bool see(void *ctx, struct id name, bool is_whole, struct fail *why)
{
	(void)why;
	struct seen *s = ctx;
	if (is_whole)
		s->whole++;
	else
		s->parts++;
	s->last = name;
	return true;
}

static struct seen all(struct body *b)
{
	static const struct blob_place beginning;
	struct blob_place at = beginning;
	struct seen s = { 0 };
	do
		FIXTURE_OK(&b->f, blob_scan(b->blobs, &at, see, &s, &b->f.why));
	while (memcmp(&at, &beginning, sizeof at) != 0);
	return s;
}

static void holds(struct body *b, int whole, int parts)
{
	struct seen s = all(b);
	assert_int_equal(s.whole, whole);
	assert_int_equal(s.parts, parts);
}

static void gone(struct body *b, struct id name)
{
	fail_clear(&b->f.why);
	assert_null(blob_open(b->blobs, name, &b->f.why));
	assert_int_equal(b->f.why.code, FAIL_SEALED);
}

/* -- tests, for each body */

static void pieces_and_ranges(struct body *b)
{
	static const size_t sizes[] = { 0, 1, ROW - 1, ROW, ROW + 1, 2 * ROW, CONTENT_MAX };
	static char got[CONTENT_MAX];
	struct fixture *f = &b->f;
	for (int i = 0; i < (int)(sizeof sizes / sizeof sizes[0]); i++) {
		int64_t len = (int64_t)sizes[i];
		put(b, name_of(i), sizes[i], (size_t)i * 1009 + 1);
		fail_clear(&f->why);
		struct blob_reader *r = blob_open(b->blobs, name_of(i), &f->why);
		assert_non_null(r);
		assert_int_equal(blob_bytes(r), len);
		FIXTURE_OK(f, blob_read(r, 0, got, sizes[i], &f->why));
		assert_memory_equal(got, content, sizes[i]);
		for (int64_t at = 0; at <= len; at += 1 + len / 7) {
			size_t n = (size_t)(len - at) / 2;
			FIXTURE_OK(f, blob_read(r, at, got, n, &f->why));
			assert_memory_equal(got, content + at, n);
			FIXTURE_OK(f, blob_read(r, at, got, (size_t)(len - at), &f->why)); /* to the end */
			assert_memory_equal(got, content + at, (size_t)(len - at));
		}
		fail_clear(&f->why);
		assert_false(blob_read(r, len, got, 1, &f->why));
		assert_int_equal(f->why.code, FAIL_SEALED);
		blob_close(r);
	}
	holds(b, sizeof sizes / sizeof sizes[0], 0);
	for (int i = 0; i < (int)(sizeof sizes / sizeof sizes[0]); i++) {
		FIXTURE_OK(f, blob_remove(b->blobs, name_of(i), &f->why));
		gone(b, name_of(i));
		FIXTURE_OK(f, blob_remove(b->blobs, name_of(i), &f->why)); /* again */
	}
	holds(b, 0, 0);
}

static void half_of_one_is_none(struct body *b)
{
	struct fixture *f = &b->f;
	fail_clear(&f->why);
	struct blob_writer *w = blob_create(b->blobs, name_of(1), &f->why);
	FIXTURE_OK(f, blob_write(w, (struct str){ content, ROW + 5 }, &f->why));
	gone(b, name_of(1));
	holds(b, 0, 1); /* what a crash would leave: a walk finds it */
	fail_clear(&f->why);
	assert_null(blob_create(b->blobs, name_of(1), &f->why));
	assert_int_equal(f->why.code, FAIL_CONFLICT);
	blob_abort(w);
	holds(b, 0, 0);
	/* and what a crash left goes like any other */
	fail_clear(&f->why);
	w = blob_create(b->blobs, name_of(1), &f->why);
	FIXTURE_OK(f, blob_write(w, (struct str){ content, 2 * ROW }, &f->why));
	FIXTURE_OK(f, blob_remove(b->blobs, name_of(1), &f->why));
	holds(b, 0, 0);
	fail_clear(&f->why);
	assert_false(blob_finish(w, &f->why)); /* it was taken away under the writer */
	holds(b, 0, 0);
}

static void a_name_is_taken_once(struct body *b)
{
	struct fixture *f = &b->f;
	put(b, name_of(3), 10, 10);
	fail_clear(&f->why);
	assert_null(blob_create(b->blobs, name_of(3), &f->why));
	assert_int_equal(f->why.code, FAIL_CONFLICT);
	holds(b, 1, 0);
	FIXTURE_OK(f, blob_remove(b->blobs, name_of(3), &f->why));
}

/* Several in one bucket, and more than one bite. */
static void a_walk_sees_each_once(struct body *b)
{
	enum { MANY = 150 };
	for (int i = 0; i < MANY; i++)
		put(b, name_of(i), (size_t)i, 9);
	assert_int_equal(blob_made_ms(name_of(7)), 1007);
	holds(b, MANY, 0);
	for (int i = 0; i < MANY; i++)
		FIXTURE_OK(&b->f, blob_remove(b->blobs, name_of(i), &b->f.why));
	holds(b, 0, 0);
}

static bool try_one(struct body *b)
{
	struct fixture *f = &b->f;
	fail_clear(&f->why);
	struct blob_writer *w = blob_create(b->blobs, name_of(2), &f->why);
	assert_non_null(w);
	if (blob_write(w, (struct str){ content, ROW }, &f->why) && blob_write(w, (struct str){ content, ROW + 1 }, &f->why))
		return blob_finish(w, &f->why);
	blob_abort(w);
	return false;
}

static void a_full_or_broken_disk(struct body *b)
{
	static const struct { const char *name; enum fail_code code; } faults[] = { { "blob_write", FAIL_STORE_FULL }, { "blob_sync", FAIL_STORE } };
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		int n = 0;
		for (bool ok = false; !ok;) {
			char word[32];
			assert_true(++n < FAULTS_MAX);
			snprintf(word, sizeof word, "%s=%d", faults[i].name, n);
			assert_true(fault_set(str_c(word)));
			ok = try_one(b);
			fault_clear_all();
			assert_true(ok || b->f.why.code == faults[i].code);
			holds(b, ok, 0);
		}
		assert_true(n > 1);
		FIXTURE_OK(&b->f, blob_remove(b->blobs, name_of(2), &b->f.why));
	}
}

/* -- the folder alone */

static void killed_when_whole(void **state)
{
	(void)state;
	struct body *b = &bodies[0];
	pid_t child = fork();
	if (child == 0) {
		fault_set(STR("blob_whole=1"));
		put(b, name_of(4), ROW, 99);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	holds(b, 1, 0);
	assert_memory_equal(all(b).last.bytes, name_of(4).bytes, ID_BYTES);
	FIXTURE_OK(&b->f, blob_remove(b->blobs, name_of(4), &b->f.why));
}

static void others_may_not_look(void **state)
{
	(void)state;
	char command[256];
	put(&bodies[0], name_of(5), 10, 10);
	snprintf(command, sizeof command, "test -z \"$(find '%s/blobs' -perm /077)\"", bodies[0].f.folder);
	assert_int_equal(system(command), 0);
	FIXTURE_OK(&bodies[0].f, blob_remove(bodies[0].blobs, name_of(5), &bodies[0].f.why));
}

/* -- all of them */

static int begin(void **state)
{
	for (size_t i = 0; i < sizeof content; i++)
		content[i] = (char)(i * 31 + (i >> 8) * 7);
	if (postgres_server_start(state) != 0)
		return -1;
	for (int i = 0; i < BODIES; i++) {
		char database[32], url[256];
		if (bodies[i].is_postgres) {
			postgres_database(NULL, database);
			fixture_make_at(&bodies[i].f, postgres_url_as("siban", database, url), NULL);
		} else {
			fixture_make(&bodies[i].f, NULL);
		}
		bodies[i].blobs = blobs_open(bodies[i].f.store, bodies[i].kind, &bodies[i].f.why);
		assert_non_null(bodies[i].blobs);
	}
	assert_int_equal(blob_body_of(bodies[1].f.store), BLOB_FOLDER);
	assert_int_equal(blob_body_of(bodies[2].f.store), BLOB_ROWS);
	return 0;
}

static int end(void **state)
{
	for (int i = 0; i < BODIES; i++) {
		blobs_close(bodies[i].blobs);
		fixture_drop(&bodies[i].f);
	}
	return postgres_server_stop(state);
}

#define ON_EACH(test) \
	static void on_each_##test(void **state) \
	{ \
		(void)state; \
		for (int i = 0; i < BODIES; i++) \
			test(&bodies[i]); \
	}
ON_EACH(pieces_and_ranges)
ON_EACH(half_of_one_is_none)
ON_EACH(a_name_is_taken_once)
ON_EACH(a_walk_sees_each_once)
ON_EACH(a_full_or_broken_disk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_each_pieces_and_ranges),  cmocka_unit_test(on_each_half_of_one_is_none),    cmocka_unit_test(on_each_a_name_is_taken_once),
		cmocka_unit_test(on_each_a_walk_sees_each_once), cmocka_unit_test(on_each_a_full_or_broken_disk), cmocka_unit_test(killed_when_whole),
		cmocka_unit_test(others_may_not_look),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
