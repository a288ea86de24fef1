/* Goal: bytes that no row speaks of go by themselves, however they came to be there; young ones stay, because their row may be on its way.
 * Method: a real folder with an old blob, half an old one and a young one; the clearer is started and awaited. */
#include "store_fixture.h"

#include "base/clock.h"
#include "gateway/beside/blob_clearer.h"
#include "store/blob.h"

#include <poll.h>

enum { PATIENCE_MS = 30000 };

static struct blob_writer *begun(struct blobs *b, struct id name, struct fail *why)
{
	fail_clear(why);
	struct blob_writer *w = blob_create(b, name, why);
	assert_true(w != NULL && blob_write(w, STR("sealed"), why));
	return w;
}

static bool see(void *ctx, struct id name, bool is_whole, struct fail *why)
{
	(void)why;
	(void)is_whole;
	struct id *last = ctx;
	last[1] = last[0];
	last[0] = name;
	return true;
}

static void old_ones_go(void **state)
{
	(void)state;
	static const struct blob_place beginning;
	static const struct id none;
	struct fixture f;
	fixture_make(&f, NULL);
	struct blobs *b = blobs_open(f.store, BLOB_FOLDER, &f.why);
	struct id young = id_new(clock_wall_ms());
	struct blob_writer *half = begun(b, id_new(1000), &f.why); /* never finished, as after a crash */
	FIXTURE_OK(&f, blob_finish(begun(b, id_new(1001), &f.why), &f.why));
	FIXTURE_OK(&f, blob_finish(begun(b, young, &f.why), &f.why));
	struct blob_clearer *c = blob_clearer_start(f.store, &f.why);
	assert_non_null(c);
	struct id seen[2];
	for (int waited = 0;; waited++) {
		struct blob_place at = beginning;
		memset(seen, 0, sizeof(seen));
		do
			FIXTURE_OK(&f, blob_scan(b, &at, see, seen, &f.why));
		while (memcmp(&at, &beginning, sizeof(at)) != 0);
		if (memcmp(&seen[1], &none, sizeof(none)) == 0)
			break;
		assert_true(waited < PATIENCE_MS);
		poll(NULL, 0, 1);
	}
	assert_memory_equal(&seen[0], &young, sizeof(young));
	blob_clearer_stop(c);
	blob_abort(half);
	blobs_close(b);
	fixture_drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(old_ones_go) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
