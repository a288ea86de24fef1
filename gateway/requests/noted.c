/* gateway/requests/noted.c - counts under one lock, rows through the committer. */
#include "gateway/requests/noted.h"
#include "auth/audit.h"
#include "base/log.h"
#include "gateway/requests/route.h"
#include "store/store.h"
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

enum { ENTRIES = 4096, BUCKETS = 1024, FOR_OTHERS = WHO_BITS * NOTED_KINDS /* stay free for those who are counted together */, BATCH = 50, NONE = 0,
       ALL_ROUTES = -1, DETAIL_BYTES = 128 };
#define HOUR_MS INT64_C(3600000)

static const char *const words[NOTED_KINDS] = { [NOTED_LEVEL] = "level", [NOTED_RIGHT] = "right", [NOTED_OWNER] = "owner", [NOTED_FOUR_EYES] = "four_eyes", [NOTED_MANDATE] = "mandate",
	[NOTED_READ] = "read" };

struct key {
	int64_t id;
	int32_t kind, route, what;
};

struct entry {
	struct key key;
	int64_t since_ms, region; /* when its hour began; of staff, where */
	int64_t count;            /* not on record yet */
	int32_t status;
	int next;
	bool is_known;            /* the first is on record */
	char request_id[REQUEST_ID_MAX];
};

/* A row on its way: what its entry was when it was taken. Entries with rows on their way are not given back. */
struct row {
	int entry;
	struct entry was;
};

static struct {
	pthread_mutex_t lock;
	struct entry entries[1 + ENTRIES]; /* the first is NONE */
	int bucket[BUCKETS];
	int used, free, in_use;           /* the highest there was, those given back, and how many are counted in */
	struct row batch[BATCH];
	int batch_count;
	int64_t batch_ms;
} noted = { .lock = PTHREAD_MUTEX_INITIALIZER };

void noted_begin(void)
{
	pthread_mutex_lock(&noted.lock);
	memset(noted.bucket, 0, sizeof(noted.bucket));
	noted.used = noted.free = noted.in_use = 0;
	noted.batch_count = 0;
	pthread_mutex_unlock(&noted.lock);
}

/* ---- counting ---- */

static int bucket_of(const struct key *k)
{
	return (int)(((uint64_t)k->id * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)(k->route * 64 + k->what * 8 + k->kind) * UINT64_C(0xff51afd7ed558ccd)) >> 33) % BUCKETS;
}

static bool same(const struct key *a, const struct key *b)
{
	return a->id == b->id && a->kind == b->kind && a->route == b->route && a->what == b->what;
}

static struct entry *find(const struct key *k)
{
	for (int i = noted.bucket[bucket_of(k)]; i != NONE; i = noted.entries[i].next)
		if (same(&noted.entries[i].key, k))
			return &noted.entries[i];
	return NULL;
}

static struct entry *make(const struct key *k)
{
	int i = noted.free, bucket = bucket_of(k);
	if (i != NONE)
		noted.free = noted.entries[i].next;
	else
		i = ++noted.used;
	assert(i <= ENTRIES);
	noted.in_use++;
	noted.entries[i] = (struct entry){ .key = *k, .next = noted.bucket[bucket] };
	noted.bucket[bucket] = i;
	return &noted.entries[i];
}

static void forget(int i)
{
	int *at = &noted.bucket[bucket_of(&noted.entries[i].key)];
	while (*at != i)
		at = &noted.entries[*at].next;
	*at = noted.entries[i].next;
	noted.entries[i].next = noted.free;
	noted.free = i;
	noted.in_use--;
}

void noted_add(const struct request *r, enum noted what)
{
	struct key k = { r->who.id, (int32_t)r->who.kind, (int32_t)route_index(r->route), (int32_t)what };
	pthread_mutex_lock(&noted.lock);
	struct entry *e = find(&k);
	if (e == NULL && noted.in_use >= ENTRIES - FOR_OTHERS) {
		k.id = 0;
		k.route = ALL_ROUTES;
		e = find(&k);
	}
	if (e == NULL) {
		e = make(&k);
		e->since_ms = r->now_ms;
		e->region = r->who.region;
		e->status = r->reply.status;
		memcpy(e->request_id, r->id, sizeof(e->request_id));
	}
	e->count++;
	pthread_mutex_unlock(&noted.lock);
}

/* ---- rows ---- */

static bool is_due(const struct entry *e, int64_t now_ms)
{
	return e->count > 0 && (!e->is_known || now_ms - e->since_ms >= HOUR_MS);
}

/* Entries whose hour is over and that have nothing to say are given back on the way. */
static void take(int64_t now_ms, int64_t rows_max)
{
	noted.batch_ms = now_ms;
	for (int b = 0; b < BUCKETS; b++)
		for (int i = noted.bucket[b], next; i != NONE; i = next) {
			struct entry *e = &noted.entries[i];
			next = e->next;
			if (is_due(e, now_ms) && noted.batch_count < BATCH && noted.batch_count < rows_max)
				noted.batch[noted.batch_count++] = (struct row){ i, *e };
			else if (e->count == 0 && now_ms - e->since_ms >= HOUR_MS)
				forget(i);
		}
}

static bool write_row(struct tx *tx, const struct entry *e, int64_t now_ms, struct fail *why)
{
	char detail[DETAIL_BYTES];
	const struct route *route = e->key.route == ALL_ROUTES ? NULL : &routes[e->key.route];
	int len = snprintf(detail, sizeof(detail), "%s %s", words[e->key.what], route != NULL ? route->name : "anything, others of this kind");
	if (e->is_known || e->count > 1)
		len += snprintf(detail + len, sizeof(detail) - (size_t)len, ", %" PRId64 "%s times within the hour", e->count, e->is_known ? " more" : "");
	assert(len < (int)sizeof(detail));
	struct audit_actor by = { e->key.kind, e->key.id, now_ms, e->request_id };
	struct audit a = { e->key.what == NOTED_READ ? AUDIT_AUDIT_READ : AUDIT_ACCESS_REFUSED, AUDIT_OF_ROUTE, route != NULL ? route->number : 0,
		.result = e->status, .detail = { detail, (size_t)len }, .region = e->region };
	return audit_add_of(tx, &by, &a, why);
}

bool noted_write(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	if (noted.batch_count == 0) {
		pthread_mutex_lock(&noted.lock);
		take(now_ms, rows_max);
		pthread_mutex_unlock(&noted.lock);
	}
	for (int i = 0; i < noted.batch_count; i++)
		if (!write_row(tx, &noted.batch[i].was, now_ms, why))
			return false;
	*rows = noted.batch_count;
	return true;
}

void noted_written(bool committed)
{
	if (!committed)
		return;
	pthread_mutex_lock(&noted.lock);
	for (int i = 0; i < noted.batch_count; i++) {
		const struct row *row = &noted.batch[i];
		struct entry *e = &noted.entries[row->entry];
		e->count -= row->was.count;
		if (row->was.is_known && e->count == 0)
			forget(row->entry);
		else if (row->was.is_known)
			e->since_ms = noted.batch_ms; /* the next hour has begun */
		else
			e->is_known = true;
	}
	noted.batch_count = 0;
	pthread_mutex_unlock(&noted.lock);
}

/* ---- the end ---- */

static bool write_all(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t rows;
	return noted_write(tx, *(const int64_t *)ctx, BATCH, &rows, why);
}

void noted_end(struct store *s, int64_t now_ms)
{
	struct fail why;
	fail_clear(&why);
	do {
		for (int b = 0; b < BUCKETS; b++)
			for (int i = noted.bucket[b]; i != NONE; i = noted.entries[i].next)
				noted.entries[i].since_ms = now_ms - HOUR_MS;
		if (!store_write(s, write_all, &now_ms, &why)) {
			log_fail(STR_NONE, &why);
			return;
		}
		noted_written(true);
	} while (noted.in_use > 0);
}
