/* gateway/beside/nodes.c - why this exists: a process can say of itself that it lives only by doing so again and again, whatever else it is busy with. */
#include "gateway/beside/nodes.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/metrics.h"
#include "gateway/machine.h"
#include "store/node.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BEATS_IN_LEASE = 5, HOME_LEN = 32 };

struct nodes {
	struct store *store;
	char file[1100];              /* where the next process of this folder finds who we were */
	struct node_life life;        /* of the thread */
	struct node_watch watch;
	struct node_round round;
	void (*heard)(void *ctx);
	void *heard_ctx;
	_Atomic int64_t self;         /* what the questions see */
	_Atomic int64_t until_ms;     /* our lease, as we judge it */
	_Atomic int alive;
	_Atomic uint64_t jobs;        /* bit n: ours */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;       /* on the monotonic clock */
	bool is_started, stopping;
};

/* ---- who we are ---- */

/* The last process of this folder, by what it left there: with the folder's lock in hand we know that it is over, and nobody need wait for its lease. A folder that was
 * copied buries the one it was copied from, once. */
static void read_before(const struct nodes *n, char before[NODE_HOME_BYTES])
{
	int fd = open(n->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t len = fd >= 0 ? read(fd, before, HOME_LEN) : 0;
	before[len == HOME_LEN ? HOME_LEN : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* After the row is there. What is lost of it costs a lease's time, so nothing waits for the disk. */
static void leave_home(const struct nodes *n)
{
	char fresh[sizeof(n->file) + 4];
	snprintf(fresh, sizeof(fresh), "%s.new", n->file);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && write(fd, n->life.home, HOME_LEN) == HOME_LEN;
	if (fd >= 0)
		close(fd);
	if (!ok || rename(fresh, n->file) != 0)
		LOG_EVENT(node_unnamed, STR_NONE, L_C(n->file), L_C(strerror(errno)));
}

static bool read_life(struct nodes *n, const struct config *c, struct fail *why)
{
	uint8_t home[HOME_LEN / 2];
	if (gethostname(n->life.host, sizeof(n->life.host) - 1) != 0)
		return FAILS(why, SYSTEM, "no host name");
	snprintf(n->life.version, sizeof(n->life.version), "%s", SIBAN_VERSION);
	snprintf(n->file, sizeof(n->file), "%s/node", c->state_dir);
	n->life.lease_ms = c->node_lease_ms;
	random_bytes(home, sizeof(home));
	hex_text(home, sizeof(home), n->life.home);
	n->life.home[HOME_LEN] = '\0';
	read_before(n, n->life.before);
	return true;
}

/* ---- a beat ---- */

static bool begin_life(struct nodes *n, struct fail *why)
{
	n->life.now_ms = clock_wall_ms();
	n->watch = (struct node_watch){ .count = 0 };
	atomic_store(&n->jobs, 0);
	if (!store_write(n->store, node_begin, &n->life, why)) {
		n->life.id = 0;
		return false;
	}
	leave_home(n);
	LOG_EVENT(node_began, STR_NONE, L_INT(n->life.id));
	return true;
}

static void take_jobs(struct nodes *n, uint64_t taken)
{
	for (int i = 0; i < n->life.job_count; i++)
		if ((taken >> i & 1) != 0)
			LOG_EVENT(job_taken, STR_NONE, L_C(n->life.jobs[i]), L_INT(n->life.id));
	atomic_fetch_or(&n->jobs, taken);
}

static void lost(struct nodes *n)
{
	LOG_EVENT(node_lost, STR_NONE, L_INT(n->life.id));
	atomic_store(&n->until_ms, 0);
	atomic_store(&n->jobs, 0);
	n->life.id = 0;
}

static void beaten(struct nodes *n, int64_t began_ms)
{
	const struct node_round *r = &n->round;
	node_watch_saw(&n->watch, r->seen, r->count, clock_mono_ms());
	atomic_store(&n->self, n->life.id);
	atomic_store(&n->until_ms, began_ms + n->life.lease_ms - n->life.lease_ms / BEATS_IN_LEASE);
	atomic_store(&n->alive, r->count > 1 ? r->count : 1);
	metric_set(M_nodes_alive, 0, r->count);
	for (int i = 0; i < r->dead_count; i++)
		LOG_EVENT(node_dead, STR_NONE, L_INT(r->dead[i]));
	take_jobs(n, r->taken);
}

static void tell_death(struct nodes *n)
{
	pthread_mutex_lock(&n->lock);
	if (n->heard != NULL)
		n->heard(n->heard_ctx);
	pthread_mutex_unlock(&n->lock);
}

static bool beat(struct nodes *n, struct fail *why)
{
	int64_t began_ms = clock_boot_ms();
	bool was_alive = n->life.id != 0;
	if (!was_alive && !begin_life(n, why))
		return false;
	n->round.life = &n->life;
	n->round.watch = &n->watch;
	n->round.now_ms = clock_wall_ms();
	n->round.mono_ms = clock_mono_ms();
	if (!store_write(n->store, node_round, &n->round, why))
		return false;
	if (n->round.lost)
		lost(n);
	else
		beaten(n, began_ms);
	if (n->round.lost || !was_alive || n->round.dead_count > 0)
		tell_death(n);
	return true;
}

/* false: it is time to stop. */
static bool wait_for_next(struct nodes *n)
{
	struct timespec next;
	int64_t wait_ms = n->life.lease_ms / BEATS_IN_LEASE;
	clock_gettime(CLOCK_MONOTONIC, &next);
	next.tv_sec += (time_t)(wait_ms / 1000);
	next.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	next.tv_sec += next.tv_nsec / 1000000000;
	next.tv_nsec %= 1000000000;
	pthread_mutex_lock(&n->lock);
	for (int rc = 0; !n->stopping && rc == 0;)
		rc = pthread_cond_timedwait(&n->changed, &n->lock, &next);
	bool go_on = !n->stopping;
	pthread_mutex_unlock(&n->lock);
	return go_on;
}

/* One that failed is followed by the next in its time: there are five in a lease. One that found us buried is followed at once. */
static void *work(void *ctx)
{
	struct nodes *n = ctx;
	while (wait_for_next(n)) {
		struct fail why;
		fail_clear(&why);
		bool ok = beat(n, &why);
		if (ok && n->round.lost)
			ok = beat(n, &why);
		if (!ok)
			log_fail(STR_NONE, &why);
		log_flush();
	}
	return NULL;
}

/* ---- the questions ---- */

void nodes_on_death(struct nodes *n, void (*heard)(void *ctx), void *ctx)
{
	if (n == NULL)
		return;
	pthread_mutex_lock(&n->lock);
	n->heard_ctx = ctx;
	n->heard = heard;
	pthread_mutex_unlock(&n->lock);
}

int64_t nodes_self(const struct nodes *n)
{
	assert(n != NULL);
	return clock_boot_ms() < atomic_load(&n->until_ms) ? atomic_load(&n->self) : 0;
}

int nodes_alive(const struct nodes *n)
{
	return n != NULL ? atomic_load(&n->alive) : 1;
}

bool nodes_do(const struct nodes *n, int job, int64_t *self)
{
	*self = 0;
	if (n == NULL)
		return true;
	*self = nodes_self(n);
	return *self > 0 && (atomic_load(&n->jobs) >> job & 1) != 0;
}

/* ---- made and taken apart ---- */

static struct nodes *make(struct store *s, const char *const *jobs, int job_count)
{
	struct nodes *n = calloc(1, sizeof(*n));
	pthread_condattr_t monotonic;
	if (n == NULL)
		return NULL;
	n->store = s;
	n->life.jobs = jobs;
	n->life.job_count = job_count;
	pthread_mutex_init(&n->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&n->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	atomic_store(&n->alive, 1);
	return n;
}

bool nodes_start(struct store *s, const struct config *c, const char *const *jobs, int job_count, struct nodes **out, struct fail *why)
{
	*out = NULL;
	if (store_is_embedded(s))
		return true;
	struct nodes *n = make(s, jobs, job_count);
	if (n == NULL)
		return FAILS(why, MEMORY, "a place among the nodes");
	*out = n;
	if (!read_life(n, c, why) || !beat(n, why))
		return false;
	if (pthread_create(&n->thread, NULL, work, n) != 0)
		return FAILS(why, SYSTEM, "no thread for the beat");
	n->is_started = true;
	return true;
}

void nodes_stop(struct nodes *n)
{
	struct fail why;
	fail_clear(&why);
	if (n == NULL || n->stopping)
		return;
	pthread_mutex_lock(&n->lock);
	n->stopping = true;
	pthread_cond_signal(&n->changed);
	pthread_mutex_unlock(&n->lock);
	if (n->is_started)
		pthread_join(n->thread, NULL);
	atomic_store(&n->until_ms, 0);
	n->life.now_ms = clock_wall_ms();
	if (n->life.id != 0 && !store_write(n->store, node_end, &n->life, &why))
		log_fail(STR_NONE, &why); /* its lease will end, then */
}

void nodes_drop(struct nodes *n)
{
	if (n == NULL)
		return;
	pthread_cond_destroy(&n->changed);
	pthread_mutex_destroy(&n->lock);
	free(n);
}
