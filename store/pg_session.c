/* store/pg_session.c - why this exists: wires break, and servers restart. Whoever holds a connection should notice that as a short wait, or be told at once. */
#include "store/pg_session.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRACE_MS = 2000 /* a restart takes less */, PAUSE_MS = 100, RETRY_AFTER_S = 2, TRIES_MAX = 20, PAUSE_MAX_MS = 200 };
enum { ANSWER_SPARE_MS = 1000 /* beyond the server's own limit, for the way */, ANSWER_LONG_MS = 3600000 };

struct connection *pg_connection(struct store *s, enum connection_kind kind, struct fail *why)
{
	static _Atomic unsigned made;
	struct connection *c = calloc(1, sizeof *c);
	struct pg_session *p = calloc(1, sizeof *p);
	assert(kind != CONNECTION_CHECKPOINT && "the server sees to its log itself");
	if (c == NULL || p == NULL) {
		free(c);
		free(p);
		FAILS(why, MEMORY, "no memory for a database connection");
		return NULL;
	}
	p->dice = (unsigned)clock_mono_ns() + 7919 * atomic_fetch_add(&made, 1);
	c->store = s;
	c->pg = p;
	c->writes = kind == CONNECTION_WRITE;
	return c;
}

void pg_session_close(struct connection *c)
{
	pg_close(&c->pg->wire);
	free(c->pg);
}

void pg_pause(struct connection *c, int ms)
{
	poll(NULL, 0, ms / 2 + (int)((unsigned)rand_r(&c->pg->dice) % (unsigned)(ms + 1)));
}

/* -- connecting */

/* What is said once a session, where a session is ours. */
static bool set_up(struct connection *c, struct fail *why)
{
	char text[400];
	struct pg_store *s = c->store->pg;
	if (!s->prepared)
		return true;
	snprintf(text, sizeof text,
		"SET statement_timeout = %lld; SET lock_timeout = %lld; SET idle_in_transaction_session_timeout = %lld; SET default_transaction_read_only = %s",
		(long long)s->statement_ms, (long long)s->lock_ms, (long long)s->statement_ms, c->writes ? "off" : "on");
	return pg_run(&c->pg->wire, text, why);
}

static bool connects(struct connection *c, struct fail *why)
{
	struct pg_store *s = c->store->pg;
	struct pg_session *p = c->pg;
	if (fault_hit(FAULT_store_open))
		return FAILS(why, STORE, "%s: cannot be opened (fault switch)", s->name);
	if (!pg_open(&p->wire, s->url, s->password, s->waits_long ? ANSWER_LONG_MS : s->statement_ms + ANSWER_SPARE_MS, why))
		return false;
	p->wires++;
	if (set_up(c, why))
		return true;
	pg_close(&p->wire);
	return false;
}

/* Nobody is there, as opposed to somebody who says no. */
static bool is_away(const char *state)
{
	return state[0] == '\0' || strncmp(state, "08", 2) == 0 || strncmp(state, "57", 2) == 0;
}

/* 0: it was not known before. */
static int64_t away_for_ms(struct pg_store *s)
{
	int64_t now = clock_mono_ms(), none = 0;
	if (atomic_compare_exchange_strong(&s->away_ms, &none, now)) {
		LOG_EVENT(store_away, STR_NONE, L_C(s->name));
		return 0;
	}
	return now - none;
}

void pg_is_back(struct pg_store *s)
{
	int64_t since = atomic_exchange(&s->away_ms, 0);
	if (since != 0)
		LOG_EVENT(store_back, STR_NONE, L_C(s->name), L_INT(clock_mono_ms() - since));
}

bool pg_session_ready(struct connection *c, struct fail *why)
{
	struct pg_store *s = c->store->pg;
	if (pg_is_alive(&c->pg->wire))
		return true;
	pg_close(&c->pg->wire);
	for (int64_t began = clock_mono_ms();;) {
		struct fail reason;
		fail_clear(&reason);
		int64_t since = atomic_load(&s->away_ms);
		bool nobody_waits = since != 0 && clock_mono_ms() - since >= GRACE_MS && s->watch != NULL && !c->pg->is_watch;
		if (!nobody_waits && connects(c, &reason)) {
			pg_is_back(s);
			return true;
		}
		if (!nobody_waits && is_away(c->pg->wire.state) && away_for_ms(s) < GRACE_MS && clock_mono_ms() - began < GRACE_MS &&
		    !c->pg->is_watch) {
			pg_pause(c, PAUSE_MS);
			continue;
		}
		if (nobody_waits)
			FAILS(&reason, STORE, "%s has been away for %lld ms", s->name, (long long)(clock_mono_ms() - since));
		reason.retry_after_s = RETRY_AFTER_S;
		if (why->code == FAIL_NONE)
			*why = reason;
		return false;
	}
}

bool pg_session_run(struct connection *c, const char *text, struct fail *why)
{
	if (pg_run(&c->pg->wire, text, why))
		return true;
	pg_session_failed(c);
	return false;
}

bool pg_session_number(struct connection *c, const char *text, int64_t *out, bool *found, struct fail *why)
{
	if (pg_number(&c->pg->wire, text, out, found, why))
		return true;
	pg_session_failed(c);
	return false;
}

/* -- trying again */

/* A wire that broke before COMMIT was sent took its transaction along. Who collides with a unique key may have looked before the other's COMMIT: the
 * second time he sees it, and does what is to be done about it; if he collides again, that is his answer. */
void pg_session_failed(struct connection *c)
{
	struct pg_session *p = c->pg;
	bool collides = strcmp(p->wire.state, "23505") == 0 && !p->collided;
	p->collided = p->collided || collides;
	p->again = !pg_is_alive(&p->wire) || pg_may_retry(p->wire.state) || collides;
}

void pg_settled(struct connection *c)
{
	c->pg->tries = 0;
	c->pg->collided = false;
}

bool pg_again(struct connection *c)
{
	struct pg_session *p = c->pg;
	if (!p->again || p->tries >= TRIES_MAX) {
		pg_settled(c);
		return false;
	}
	p->again = false;
	p->tries++;
	metric_add(M_store_retries, 0, 1);
	int ms = 1 << (p->tries < 8 ? p->tries : 8);
	pg_pause(c, ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS);
	return true;
}
