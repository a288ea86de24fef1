/* store/rowcache.c - why this exists: a hot row read from memory instead of from SQLite halves a status query's cost, if it
 * can never be older than a write that was answered.
 *
 * A row's mark is a hash of (kind, key). The store has one generation per 1/65536th of all marks, and one epoch for all.
 *
 * Who commits:  1. COMMIT   2. commit_number += 1 (release)   3. generation of each touched mark += 1 (release)   4. done()
 * Who reads:    a. g = generation (acquire); an entry that carries g is a hit
 *               b. n = commit_number (acquire); only if n is the number the snapshot began with, (key, g) is noted as pending
 *               c. the row is read from the snapshot   d. tx_cache stores it under the noted g
 *
 * What is stored may be made of the row, such as a finished answer, if it is made of rows alone that touch its mark when they change.
 *
 * Claim: a hit is never older than a write that was answered before the request began.
 * - An entry carries g, and was read from a snapshot that began with number n, loaded again (b) after g was (a).
 *   Take any commit whose step 3 is counted in g. Its step 2 came before its step 3, and (a) acquires what step 3 released,
 *   so (b) sees a number that counts it: n does. The snapshot was taken after n was loaded in reader_begin, after that
 *   commit's step 1. So the row under g holds every commit counted in g.
 * - Take a commit that changed the row and is not in the entry: it is not counted in g. Once its step 3 is done the
 *   generation is no longer g and the entry no longer hits. Its answer (4) comes after, so whoever began after the answer
 *   sees a generation that is not g.
 * Two marks in one slot only forget too much. When a generation comes round to 0 the epoch moves, so that an entry of
 * 4,294,967,296 commits ago cannot come back to life.
 * What the claim does not say: a hit and a row read from the snapshot in the same request may be two commits apart when one of
 * them happens in between; neither had been answered when the request began. */
#include "store/rowcache.h"

#include "base/metrics.h"
#include "store/inside.h"

#include <assert.h>
#include <stdlib.h>

enum { PENDING = 4, WAYS = 2 };
enum { RESULT_HIT, RESULT_MISS, RESULT_STALE, RESULTS };

/* What a look touches, in one cache line; the rows lie elsewhere. */
struct set {
	_Alignas(64) struct {
		uint64_t key;
		uint32_t generation, epoch;
		bool full;
	} way[WAYS];
	uint8_t latest; /* the way that was read last */
};

static const size_t row_bytes_max[ROW_KINDS] = { [ROW_TOKEN] = ROW_TOKEN_BYTES_MAX, [ROW_SESSION] = ROW_SESSION_BYTES_MAX, [ROW_CASE] = ROW_CASE_BYTES_MAX,
	[ROW_CASE_NAMES] = ROW_CASE_NAMES_BYTES_MAX };

static const char *const labels[ROW_KINDS * RESULTS] = {
	"token_hit", "token_miss", "token_stale", "session_hit", "session_miss", "session_stale", "case_hit", "case_miss", "case_stale", "case_names_hit", "case_names_miss", "case_names_stale",
};

struct pending {
	uint64_t key;
	uint32_t generation, epoch;
	bool open;
};

/* Of one kind. */
struct rowcache {
	void *memory;          /* NULL until the first row comes */
	struct set *sets;      /* in it, aligned */
	char *rows;            /* behind them, WAYS for each set */
	size_t row_bytes;
	size_t count;          /* of sets, a power of two */
	unsigned next_pending;
	struct pending pending[PENDING];
};

static uint64_t mark(enum row_kind kind, uint64_t key)
{
	uint64_t h = key + (uint64_t)kind * 0x9e3779b97f4a7c15u; /* splitmix64's finish */
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}

void rowcache_label(void)
{
	for (int i = 0; i < ROW_KINDS * RESULTS; i++)
		metric_label(M_row_cache, i, labels[i]);
}

struct rowcache *rowcache_make(enum row_kind kind, int rows)
{
	if (rows < WAYS)
		return NULL;
	struct rowcache *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->row_bytes = (row_bytes_max[kind] + 15) & ~(size_t)15;
	for (r->count = 1; r->count * 2 * WAYS <= (size_t)rows; r->count *= 2)
		;
	return r;
}

void rowcache_free(struct rowcache *r)
{
	if (r == NULL)
		return;
	free(r->memory);
	free(r);
}

void rowcache_new_snapshot(struct rowcache *r)
{
	for (int i = 0; r != NULL && i < PENDING; i++)
		r->pending[i].open = false;
}

/* Zeroed by the system when a page is first touched: a cache takes the memory of what was read. */
static bool furnish(struct rowcache *r)
{
	size_t sets = r->count * sizeof(struct set), align = _Alignof(struct set);
	r->memory = calloc(1, align + sets + r->count * WAYS * r->row_bytes);
	if (r->memory == NULL)
		return false;
	char *at = r->memory;
	at += (align - (uintptr_t)at % align) % align;
	r->sets = (struct set *)(void *)at;
	r->rows = at + sets;
	return true;
}

static struct set *set_of(const struct rowcache *r, uint64_t m)
{
	return &r->sets[(m >> 16) & (r->count - 1)]; /* not the bits that choose the generation */
}

static void *row_of(const struct rowcache *r, const struct set *s, int way)
{
	return r->rows + ((size_t)(s - r->sets) * WAYS + (size_t)way) * r->row_bytes;
}

static struct pending *pending_of(struct rowcache *r, uint64_t key)
{
	for (int i = 0; i < PENDING; i++)
		if (r->pending[i].open && r->pending[i].key == key)
			return &r->pending[i];
	return NULL;
}

static void note_pending(struct rowcache *r, uint64_t key, uint32_t generation, uint32_t epoch)
{
	struct pending *p = pending_of(r, key);
	if (p == NULL)
		p = &r->pending[r->next_pending++ % PENDING];
	*p = (struct pending){ key, generation, epoch, true };
}

const void *tx_cached(struct tx *tx, enum row_kind kind, uint64_t key)
{
	struct connection *c = tx->connection;
	struct rowcache *r = c->rows[kind];
	if (r == NULL || tx->writes)
		return NULL;
	struct store *s = c->store;
	uint64_t m = mark(kind, key);
	uint32_t generation = atomic_load_explicit(&s->generations[m % GENERATIONS], memory_order_acquire);
	uint32_t epoch = atomic_load_explicit(&s->epoch, memory_order_acquire);
	int result = RESULT_MISS;
	struct set *set = r->memory != NULL ? set_of(r, m) : NULL;
	for (int i = 0; set != NULL && i < WAYS; i++) {
		if (!set->way[i].full || set->way[i].key != key)
			continue;
		if (set->way[i].generation == generation && set->way[i].epoch == epoch) {
			set->latest = (uint8_t)i;
			metric_add(M_row_cache, (int)kind * RESULTS + RESULT_HIT, 1);
			return row_of(r, set, i);
		}
		set->way[i].full = false;
		result = RESULT_STALE;
	}
	metric_add(M_row_cache, (int)kind * RESULTS + result, 1);
	if (store_commit_number(s) == c->snapshot_number)
		note_pending(r, key, generation, epoch);
	return NULL;
}

/* Its own place, a free one, or that of the row read longest ago. */
static int way_for(const struct set *s, uint64_t key)
{
	for (int i = 0; i < WAYS; i++)
		if (s->way[i].full && s->way[i].key == key)
			return i;
	for (int i = 0; i < WAYS; i++)
		if (!s->way[i].full)
			return i;
	return 1 - s->latest;
}

void *tx_cache(struct tx *tx, enum row_kind kind, uint64_t key, size_t bytes)
{
	assert(bytes > 0 && bytes <= row_bytes_max[kind]);
	struct rowcache *r = tx->connection->rows[kind];
	if (r == NULL || tx->writes)
		return NULL;
	struct pending *p = pending_of(r, key);
	if (p == NULL)
		return NULL; /* the commit number moved in between: next time */
	p->open = false;
	if (r->memory == NULL && !furnish(r))
		return NULL; /* without memory there is no cache, and nothing else changes */
	struct set *set = set_of(r, mark(kind, key));
	int i = way_for(set, key);
	set->way[i].key = key;
	set->way[i].generation = p->generation;
	set->way[i].epoch = p->epoch;
	set->way[i].full = true;
	set->latest = (uint8_t)i;
	return row_of(r, set, i);
}

void tx_touch(struct tx *tx, enum row_kind kind, uint64_t key)
{
	assert(tx->writes);
	if (tx->touched_count < (int64_t)(sizeof tx->touched / sizeof tx->touched[0]))
		tx->touched[tx->touched_count] = mark(kind, key);
	tx->touched_count++; /* more than fit: everything is forgotten */
}

void rowcache_forget(struct store *s, const uint64_t *touched, size_t count, bool all)
{
	for (size_t i = 0; i < count && !all; i++)
		if (atomic_fetch_add_explicit(&s->generations[touched[i] % GENERATIONS], 1, memory_order_release) == UINT32_MAX)
			all = true;
	if (all)
		atomic_fetch_add_explicit(&s->epoch, 1, memory_order_release);
}

/* As a commit of ours would: first the number, so that whoever misses from now on reads a snapshot that holds what we were told of. */
static void heard(struct store *s, const uint64_t *touched, size_t count, bool all)
{
	atomic_fetch_add_explicit(&s->commit_number, 1, memory_order_release);
	rowcache_forget(s, touched, count, all);
}

void store_heard(struct store *s, enum row_kind kind, uint64_t key)
{
	uint64_t touched = mark(kind, key);
	heard(s, &touched, 1, false);
}

void store_heard_all(struct store *s)
{
	heard(s, NULL, 0, true);
}
