/* base/metrics.c - why this exists: counting must cost a request nothing worth counting.
 *
 * Each thread has a shard that it alone writes, with plain relaxed stores; whoever reads adds the shards up. A thread that
 * ends gives its shard, sums and all, to the next that starts. */
#include "base/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

enum kind { COUNTER, GAUGE, HISTOGRAM };

typedef _Atomic int64_t cell;

struct histogram {
	cell buckets[METRIC_BUCKETS + 1]; /* the last is +Inf; not cumulative */
	cell sum_ns;
};

#define LABELS(label) (sizeof(label) > 1 ? METRIC_LABELS_MAX : 1)
#define MEMBER_COUNTER(name, label) cell name[LABELS(label)];
#define MEMBER_HISTOGRAM(name, label) struct histogram name[LABELS(label)];
#define MEMBER_GAUGE(name, label) cell name[LABELS(label)];

struct shard {
	struct shard *next;
	bool owned; /* under `lock` */
#define METRIC(name, kind, label, unit, help) MEMBER_##kind(name, label)
#include "base/metrics.def"
#undef METRIC
};

static const struct {
	const char *name;
	enum kind kind;
	const char *label, *unit, *help;
	size_t offset; /* in a shard */
	int labels;
} metrics[M_COUNT] = {
#define METRIC(name, kind, label, unit, help) [M_##name] = { #name, kind, label, unit, help, offsetof(struct shard, name), LABELS(label) },
#include "base/metrics.def"
#undef METRIC
};

static const struct {
	int64_t upto_ns;
	const char *le; /* as OpenMetrics 1.0, "Canonical Numbers", wants it */
} buckets[METRIC_BUCKETS] = {
	{ 50000, "5e-05" },     { 100000, "0.0001" },   { 250000, "0.00025" },  { 500000, "0.0005" },
	{ 1000000, "0.001" },   { 2500000, "0.0025" },  { 5000000, "0.005" },   { 10000000, "0.01" },
	{ 25000000, "0.025" },  { 50000000, "0.05" },   { 100000000, "0.1" },   { 250000000, "0.25" },
	{ 500000000, "0.5" },   { 1000000000, "1.0" },  { 2500000000, "2.5" },  { 10000000000, "10.0" },
};

static struct shard common = { .owned = true }; /* gauges, whose last word wins, and counts of a thread that found no memory */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shard *shards = &common;          /* only ever grows */
static _Atomic(const char *) labels[M_COUNT][METRIC_LABELS_MAX];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static _Thread_local struct shard *mine;

static void thread_ended(void *shard)
{
	mine = NULL;
	pthread_mutex_lock(&lock);
	((struct shard *)shard)->owned = false;
	pthread_mutex_unlock(&lock);
}

static void start(void)
{
	if (pthread_key_create(&thread_end, thread_ended) != 0)
		abort();
}

static struct shard *new_shard(void)
{
	pthread_once(&once, start);
	pthread_mutex_lock(&lock);
	struct shard *s = shards;
	while (s != NULL && s->owned)
		s = s->next;
	if (s == NULL && (s = calloc(1, sizeof *s)) != NULL) {
		s->next = shards;
		shards = s;
	}
	if (s != NULL)
		s->owned = true;
	pthread_mutex_unlock(&lock);
	if (s == NULL || pthread_setspecific(thread_end, s) != 0)
		return &common; /* its counts may lose a step when two such threads meet */
	mine = s;
	return s;
}

static inline void *place(struct shard *s, enum metric m)
{
	return (char *)s + metrics[m].offset;
}

static inline struct shard *my_shard(void)
{
	return mine != NULL ? mine : new_shard();
}

static inline void step(cell *c, int64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

void metric_add(enum metric m, int label, int64_t n)
{
	assert(metrics[m].kind == COUNTER && label >= 0 && label < metrics[m].labels && n >= 0);
	step((cell *)place(my_shard(), m) + label, n);
}

void metric_set(enum metric m, int label, int64_t v)
{
	assert(metrics[m].kind == GAUGE && label >= 0 && label < metrics[m].labels);
	atomic_store_explicit((cell *)place(&common, m) + label, v, memory_order_relaxed);
}

void metric_observe(enum metric m, int label, int64_t ns)
{
	assert(metrics[m].kind == HISTOGRAM && label >= 0 && label < metrics[m].labels);
	struct histogram *h = (struct histogram *)place(my_shard(), m) + label;
	int i = 0;
	while (i < METRIC_BUCKETS && ns > buckets[i].upto_ns)
		i++;
	step(&h->buckets[i], 1);
	step(&h->sum_ns, ns > 0 ? ns : 0);
}

void metric_label(enum metric m, int index, const char *value)
{
	assert(metrics[m].label[0] != '\0' && index >= 0 && index < METRIC_LABELS_MAX);
	atomic_store(&labels[m][index], value);
}

/* -- reading: sums over the shards */

struct sums {
	int64_t buckets[METRIC_BUCKETS + 1], sum_ns, count;
};

static int64_t sum_cells(enum metric m, int label)
{
	int64_t sum = 0;
	for (struct shard *s = shards; s != NULL; s = s->next)
		sum += atomic_load_explicit((cell *)place(s, m) + label, memory_order_relaxed);
	return sum;
}

static struct sums sum_histogram(enum metric m, int label)
{
	struct sums sums = { .count = 0 };
	for (struct shard *s = shards; s != NULL; s = s->next) {
		struct histogram *h = (struct histogram *)place(s, m) + label;
		for (int i = 0; i <= METRIC_BUCKETS; i++)
			sums.buckets[i] += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
		sums.sum_ns += atomic_load_explicit(&h->sum_ns, memory_order_relaxed);
	}
	for (int i = 0; i <= METRIC_BUCKETS; i++)
		sums.count += sums.buckets[i];
	return sums;
}

int64_t metric_read(enum metric m, int label)
{
	assert(label >= 0 && label < metrics[m].labels);
	pthread_mutex_lock(&lock);
	int64_t v = metrics[m].kind == HISTOGRAM ? sum_histogram(m, label).count : sum_cells(m, label);
	pthread_mutex_unlock(&lock);
	return v;
}

/* -- the text */

struct page {
	struct buf *out;
	bool openmetrics;
};

/* The family's name: a counter's "_total" belongs to its samples alone. */
static struct str family(enum metric m)
{
	struct str name = str_c(metrics[m].name);
	if (metrics[m].kind == COUNTER && str_ends(name, STR("_total")))
		name.len -= sizeof "_total" - 1;
	return name;
}

static void put_c(struct page *p, const char *text)
{
	buf_str(p->out, str_c(text));
}

static void put_name(struct page *p, enum metric m, const char *suffix)
{
	put_c(p, "siban_");
	buf_str(p->out, family(m));
	put_c(p, suffix);
}

static void put_escaped(struct page *p, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"')
			buf_char(p->out, '\\');
		if (*text == '\n')
			put_c(p, "\\n");
		else
			buf_char(p->out, *text);
	}
}

static void put_line(struct page *p, const char *keyword, enum metric m, const char *text)
{
	put_c(p, keyword);
	put_name(p, m, metrics[m].kind == COUNTER && !p->openmetrics ? "_total " : " ");
	put_c(p, text);
	buf_char(p->out, '\n');
}

static void put_sample(struct page *p, enum metric m, const char *suffix, const char *value, const char *le)
{
	put_name(p, m, suffix);
	if (value != NULL || le != NULL)
		buf_char(p->out, '{');
	if (value != NULL) {
		put_c(p, metrics[m].label);
		put_c(p, "=\"");
		put_escaped(p, value);
		buf_char(p->out, '"');
	}
	if (le != NULL) {
		put_c(p, value != NULL ? ",le=\"" : "le=\"");
		put_c(p, le);
		buf_char(p->out, '"');
	}
	put_c(p, value != NULL || le != NULL ? "} " : " ");
}

static void put_number(struct page *p, int64_t v)
{
	buf_int(p->out, v);
	buf_char(p->out, '\n');
}

static void put_histogram(struct page *p, enum metric m, const char *value, const struct sums *sums)
{
	int64_t so_far = 0;
	for (int i = 0; i <= METRIC_BUCKETS; i++) {
		so_far += sums->buckets[i];
		put_sample(p, m, "_bucket", value, i < METRIC_BUCKETS ? buckets[i].le : "+Inf");
		put_number(p, so_far);
	}
	put_sample(p, m, "_sum", value, NULL);
	buf_printf(p->out, "%lld.%09lld\n", (long long)(sums->sum_ns / 1000000000), (long long)(sums->sum_ns % 1000000000));
	put_sample(p, m, "_count", value, NULL);
	put_number(p, so_far);
}

/* One label's samples. A value without a registered name is shown by its number, so that no count is hidden. */
static void put_label(struct page *p, enum metric m, int label)
{
	const char *value = NULL;
	char number[22];
	bool labelled = metrics[m].label[0] != '\0', named = false;
	struct sums sums = { .count = 0 };
	if (metrics[m].kind == HISTOGRAM)
		sums = sum_histogram(m, label);
	else
		sums.count = sum_cells(m, label);
	if (labelled) {
		value = atomic_load(&labels[m][label]);
		named = value != NULL;
		number[i64_text(label, number)] = '\0';
		value = named ? value : number;
	}
	if (labelled && !named && sums.count == 0)
		return;
	if (metrics[m].kind == HISTOGRAM) {
		put_histogram(p, m, value, &sums);
		return;
	}
	put_sample(p, m, metrics[m].kind == COUNTER ? "_total" : "", value, NULL);
	put_number(p, sums.count);
}

void metrics_text(struct buf *out, bool openmetrics)
{
	static const char *const kinds[] = { [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram" };
	struct page page = { out, openmetrics };
	pthread_mutex_lock(&lock);
	for (enum metric m = 0; m < M_COUNT; m++) {
		put_line(&page, "# TYPE ", m, kinds[metrics[m].kind]);
		struct str unit = str_c(metrics[m].unit), name = family(m);
		bool suffixed = unit.len > 0 && str_ends(name, unit) && name.len > unit.len && name.at[name.len - unit.len - 1] == '_';
		if (openmetrics && suffixed) /* a unit that is not the name's suffix is an error to a strict parser */
			put_line(&page, "# UNIT ", m, metrics[m].unit);
		put_line(&page, "# HELP ", m, metrics[m].help);
		for (int label = 0; label < metrics[m].labels; label++)
			put_label(&page, m, label);
	}
	pthread_mutex_unlock(&lock);
	if (openmetrics)
		put_c(&page, "# EOF\n");
}
