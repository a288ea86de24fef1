/* Goal: nothing counted is lost, and both texts are what their formats ask.
 * Method: counts from several generations of threads; the text is parsed line by line by the grammar's rules. */
#include "base/arena.h"
#include "base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4, ROUNDS = 3, STEPS = 20000 };

static void *counts(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < STEPS; i++) {
		metric_add(M_requests, 3, 1);
		metric_observe(M_request_seconds, 3, 1000000);
		metric_set(M_wal_bytes, 0, 4096);
	}
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 1 << 20);
	int64_t before = metric_read(M_requests, 3), seconds = metric_read(M_request_seconds, 3);
	for (int round = 0; round < ROUNDS; round++) {
		pthread_t threads[THREADS];
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, counts, NULL), 0);
		arena_reset(&a);
		struct buf b;
		buf_init(&b, &a, 0);
		metrics_text(&b, true); /* a scrape while they count */
		assert_true(buf_ok(&b));
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
	}
	assert_int_equal(metric_read(M_requests, 3) - before, THREADS * ROUNDS * STEPS);
	assert_int_equal(metric_read(M_request_seconds, 3) - seconds, THREADS * ROUNDS * STEPS);
	assert_int_equal(metric_read(M_wal_bytes, 0), 4096);
	arena_free(&a);
}

/* One page, read by the rules of the format. */
struct family {
	char name[80], kind[16];
	bool helped, unit;
};

enum { FAMILIES_MAX = 128 };
static struct family families[FAMILIES_MAX];
static int family_count;

static bool suffix_fits(const struct family *f, struct str sample, bool openmetrics)
{
	if (!str_starts(sample, str_c(f->name)))
		return false;
	struct str rest = { sample.at + strlen(f->name), sample.len - strlen(f->name) };
	if (strcmp(f->kind, "counter") == 0)
		return str_eq(rest, openmetrics ? STR("_total") : STR(""));
	if (strcmp(f->kind, "gauge") == 0)
		return rest.len == 0;
	return str_eq(rest, STR("_bucket")) || str_eq(rest, STR("_sum")) || str_eq(rest, STR("_count"));
}

static void comment(struct str line, bool openmetrics)
{
	struct str hash, keyword, name, text;
	str_cut(line, ' ', &hash, &line);
	str_cut(line, ' ', &keyword, &line);
	str_cut(line, ' ', &name, &text);
	if (str_eq(keyword, STR("TYPE"))) { /* opens a family, which must be new */
		for (int i = 0; i < family_count; i++)
			assert_false(str_eq(name, str_c(families[i].name)));
		assert_true(family_count < FAMILIES_MAX);
		struct family *f = &families[family_count++];
		memset(f, 0, sizeof *f);
		snprintf(f->name, sizeof f->name, "%.*s", STR_ARG(name));
		snprintf(f->kind, sizeof f->kind, "%.*s", STR_ARG(text));
		assert_int_equal(str_ends(name, STR("_total")), strcmp(f->kind, "counter") == 0 && !openmetrics);
		return;
	}
	struct family *f = &families[family_count - 1];
	assert_true(str_eq(name, str_c(f->name)));
	if (str_eq(keyword, STR("UNIT"))) {
		assert_true(openmetrics && str_ends(name, text) && name.at[name.len - text.len - 1] == '_');
		f->unit = true;
		return;
	}
	assert_true(str_eq(keyword, STR("HELP")) && text.len > 0);
	f->helped = true;
}

static double sample(struct str line, bool openmetrics, struct str *labels)
{
	struct str name = line, value;
	*labels = STR_NONE;
	const char *brace = memchr(line.at, '{', line.len);
	if (brace != NULL) {
		name.len = (size_t)(brace - line.at);
		struct str rest = { brace + 1, line.len - name.len - 1 };
		const char *end = memrchr(rest.at, '}', rest.len);
		assert_non_null(end);
		*labels = (struct str){ rest.at, (size_t)(end - rest.at) };
		value = (struct str){ end + 1, rest.len - labels->len - 1 };
	} else {
		str_cut(line, ' ', &name, &value);
		value = (struct str){ value.at - 1, value.len + 1 };
	}
	assert_true(value.at[0] == ' ' && suffix_fits(&families[family_count - 1], name, openmetrics));
	char number[40], *end;
	snprintf(number, sizeof number, "%.*s", (int)value.len - 1, value.at + 1);
	double v = strtod(number, &end);
	assert_true(*end == '\0' && end != number);
	return v;
}

static void parse(struct str text, bool openmetrics)
{
	family_count = 0;
	double last_bucket = 0;
	bool ended = false;
	while (text.len > 0) {
		struct str line, labels;
		assert_true(str_cut(text, '\n', &line, &text));
		assert_false(ended);
		if (openmetrics && str_eq(line, STR("# EOF"))) {
			ended = true;
		} else if (line.at[0] == '#') {
			comment(line, openmetrics);
		} else {
			double v = sample(line, openmetrics, &labels);
			bool bucket = memmem(line.at, line.len, "_bucket", 7) != NULL;
			if (bucket && memmem(labels.at, labels.len, "le=\"5e-05\"", 10) == NULL)
				assert_true(v >= last_bucket); /* cumulative */
			if (bucket || memmem(line.at, line.len, "_count", 6) != NULL) {
				if (!bucket)
					assert_true(v == last_bucket); /* _count is the +Inf bucket */
				last_bucket = v;
			}
		}
	}
	assert_int_equal(ended, openmetrics);
	assert_int_equal(family_count, M_COUNT);
	for (int i = 0; i < family_count; i++)
		assert_true(families[i].helped);
}

static void has(struct str text, const char *line)
{
	if (memmem(text.at, text.len, line, strlen(line)) == NULL)
		fail_msg("no %s", line);
}

static void both_texts(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 4 << 20);
	metric_label(M_rate_limited, 0, "a\"b\\c\nd");
	metric_label(M_lane_wait_seconds, 0, "read");
	metric_add(M_rate_limited, 0, 2);
	metric_add(M_rate_limited, 9, 5); /* a value nobody registered */
	metric_add(M_commits, 0, 7);
	metric_set(M_lane_queue, 1, -3);
	static const int64_t ns[] = { 0, 50000, 50001, 10000000000, 10000000001, -5 };
	for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++)
		metric_observe(M_lane_wait_seconds, 0, ns[i]);
	for (int openmetrics = 0; openmetrics <= 1; openmetrics++) {
		arena_reset(&a);
		struct buf b;
		buf_init(&b, &a, 0);
		metrics_text(&b, openmetrics);
		assert_true(buf_ok(&b));
		struct str text = buf_text(&b);
		parse(text, openmetrics);
		has(text, "siban_rate_limited_total{class=\"a\\\"b\\\\c\\nd\"} 2\n");
		has(text, "siban_rate_limited_total{class=\"9\"} 5\n");
		has(text, "\nsiban_commits_total 7\n");
		has(text, "siban_lane_queue{lane=\"1\"} -3\n");
		has(text, "siban_lane_wait_seconds_bucket{lane=\"read\",le=\"5e-05\"} 3\n");
		has(text, "siban_lane_wait_seconds_bucket{lane=\"read\",le=\"0.0001\"} 4\n");
		has(text, "siban_lane_wait_seconds_bucket{lane=\"read\",le=\"10.0\"} 5\n");
		has(text, "siban_lane_wait_seconds_bucket{lane=\"read\",le=\"+Inf\"} 6\n");
		has(text, "siban_lane_wait_seconds_sum{lane=\"read\"} 20.000100002\n");
		has(text, "siban_lane_wait_seconds_count{lane=\"read\"} 6\n");
		has(text, "siban_commit_seconds_bucket{le=\"+Inf\"} 0\n");
		has(text, openmetrics ? "# TYPE siban_commits counter\n" : "# TYPE siban_commits_total counter\n");
		if (openmetrics)
			has(text, "# UNIT siban_lane_wait_seconds seconds\n");
		assert_null(memmem(text.at, text.len, "_total_total", 12));
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(threads_lose_nothing), cmocka_unit_test(both_texts) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
