/* base/fault.c - why this exists: tests need disks that fill, commits that fail and threads that stand still, at a moment of
 * their choosing and without a sleep. */
#include "base/fault.h"

#ifndef SIBAN_FAULTS

bool fault_set(struct str name_is_value)
{
	(void)name_is_value;
	return false;
}

void fault_clear_all(void)
{
}

int64_t fault_count(enum fault f)
{
	(void)f;
	return 0;
}

#else

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>

static const char *const names[FAULT_COUNT] = {
#define FAULT(name, prose) [FAULT_##name] = #name,
#include "base/fault.def"
#undef FAULT
};

static struct {
	_Atomic int64_t asked;
	_Atomic int64_t at;   /* 0: off */
	_Atomic bool onwards; /* at, and every later question */
	_Atomic bool hold;
} switches[FAULT_COUNT];

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for sleepers and for those who set */
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;

static void turn_to(enum fault f, int64_t at, bool onwards, bool hold)
{
	pthread_mutex_lock(&lock);
	atomic_store(&switches[f].at, 0); /* off while the counter starts again */
	atomic_store(&switches[f].asked, 0);
	atomic_store(&switches[f].onwards, onwards);
	atomic_store(&switches[f].hold, hold);
	atomic_store(&switches[f].at, at);
	pthread_cond_broadcast(&released);
	pthread_mutex_unlock(&lock);
}

static bool set_one(struct str text)
{
	struct str name, value;
	if (!str_cut(text, '=', &name, &value))
		return false;
	for (int f = 0; f < FAULT_COUNT; f++) {
		if (!str_eq(name, str_c(names[f])))
			continue;
		bool hold = str_eq(value, STR("hold")), onwards = str_ends(value, STR("+"));
		int64_t at = 0;
		if (onwards)
			value.len--;
		if (!hold && (onwards || value.len > 0) && !str_to_i64(value, 1, INT64_MAX, &at))
			return false;
		turn_to((enum fault)f, at, onwards, hold);
		return true;
	}
	return false;
}

static void read_environment(void)
{
	struct str left = str_c(getenv("SIBAN_FAULT")), one;
	while (left.len > 0) {
		str_cut(left, ',', &one, &left);
		if (!set_one(one)) { /* a test that believes in a switch that is not there proves nothing */
			fprintf(stderr, "siban: SIBAN_FAULT: \"%.*s\" is no switch\n", STR_ARG(one));
			abort();
		}
	}
}

bool fault_set(struct str name_is_value)
{
	pthread_once(&once, read_environment);
	return set_one(name_is_value);
}

void fault_clear_all(void)
{
	pthread_once(&once, read_environment);
	for (int f = 0; f < FAULT_COUNT; f++)
		turn_to((enum fault)f, 0, false, false);
}

int64_t fault_count(enum fault f)
{
	return atomic_load(&switches[f].asked);
}

bool fault_hit(enum fault f)
{
	pthread_once(&once, read_environment);
	int64_t question = atomic_fetch_add(&switches[f].asked, 1) + 1;
	int64_t at = atomic_load(&switches[f].at);
	return at != 0 && (question == at || (question > at && atomic_load(&switches[f].onwards)));
}

void fault_hold(enum fault f)
{
	pthread_once(&once, read_environment);
	atomic_fetch_add(&switches[f].asked, 1);
	if (!atomic_load(&switches[f].hold))
		return;
	pthread_mutex_lock(&lock);
	while (atomic_load(&switches[f].hold))
		pthread_cond_wait(&released, &lock);
	pthread_mutex_unlock(&lock);
}

void fault_die(enum fault f)
{
	if (fault_hit(f))
		raise(SIGKILL);
}

#endif
