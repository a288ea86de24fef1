/* store/node.c - why this exists: who is dead is the one thing that nodes must never disagree about for long, so it is a row, and this is who writes it. */
#include "store/node.h"

#include <assert.h>
#include <stdio.h>

#define KEPT_MS INT64_C(86400000) /* rows of those that ended, for whoever asks what happened last night */

/* -- who is dead */

static const struct node_seen *of(const struct node_watch *w, int64_t id)
{
	for (int i = 0; i < w->count; i++)
		if (w->at[i].id == id)
			return &w->at[i];
	return NULL;
}

/* Half a lease without a look: whoever beat meanwhile was not seen, and may not have been able to. */
static bool was_blind(const struct node_watch *w, int64_t lease_ms, int64_t mono_ms)
{
	return w->looked_ms == 0 || mono_ms - w->looked_ms > lease_ms / 2;
}

bool node_watch_is_dead(const struct node_watch *w, const struct node_seen *n, int64_t mono_ms)
{
	const struct node_seen *before = of(w, n->id);
	return before != NULL && before->beat == n->beat && !was_blind(w, n->lease_ms, mono_ms) && mono_ms - before->since_ms >= n->lease_ms;
}

void node_watch_saw(struct node_watch *w, const struct node_seen *rows, int count, int64_t mono_ms)
{
	struct node_watch next = { .count = count, .looked_ms = mono_ms };
	for (int i = 0; i < count; i++) {
		const struct node_seen *before = of(w, rows[i].id);
		bool goes_on = before != NULL && before->beat == rows[i].beat && !was_blind(w, rows[i].lease_ms, mono_ms);
		next.at[i] = rows[i];
		next.at[i].since_ms = goes_on ? before->since_ms : mono_ms;
	}
	*w = next;
}

/* -- a life begins and ends */

static bool run_int(struct tx *tx, const char *sql, int64_t n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n);
	return stmt_run(q, why);
}

static bool end_before(struct tx *tx, const struct node_life *l, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE node SET ended_ms = $1 WHERE home = $2 AND ended_ms = 0", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, l->now_ms);
	stmt_bind_text(q, 2, str_c(l->before));
	return stmt_run(q, why);
}

static bool insert(struct tx *tx, const struct node_life *l, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO node (id, home, host, version, lease_ms, beat, began_ms, seen_ms, ended_ms) VALUES ($1, $2, $3, $4, $5, 0, $6, $7, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, l->id);
	stmt_bind_text(q, 2, str_c(l->home));
	stmt_bind_text(q, 3, str_c(l->host));
	stmt_bind_text(q, 4, str_c(l->version));
	stmt_bind_int(q, 5, l->lease_ms);
	stmt_bind_int(q, 6, l->now_ms);
	stmt_bind_int(q, 7, l->now_ms);
	return stmt_run(q, why);
}

static bool insert_job(struct tx *tx, const char *name, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO job_lease (name, owner, taken_ms, last_ms, bites) VALUES ($1, 0, 0, 0, 0) ON CONFLICT (name) DO NOTHING", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(name));
	return stmt_run(q, why);
}

bool node_begin(struct tx *tx, void *life, struct fail *why)
{
	struct node_life *l = life;
	assert(l->job_count <= NODE_JOBS_MAX);
	if (!end_before(tx, l, why) || !run_int(tx, "DELETE FROM node WHERE ended_ms > 0 AND ended_ms < $1", l->now_ms - KEPT_MS, why) ||
	    !tx_next_id(tx, "node", &l->id, why) || !insert(tx, l, why))
		return false;
	for (int i = 0; i < l->job_count; i++)
		if (l->jobs[i] != NULL && !insert_job(tx, l->jobs[i], why))
			return false;
	return true;
}

bool node_end(struct tx *tx, void *life, struct fail *why)
{
	const struct node_life *l = life;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE node SET ended_ms = $1 WHERE id = $2 AND ended_ms = 0", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, l->now_ms);
	stmt_bind_int(q, 2, l->id);
	return stmt_run(q, why);
}

/* -- a beat */

static bool beat(struct tx *tx, struct node_round *r, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE node SET beat = beat + 1, seen_ms = $1 WHERE id = $2 AND ended_ms = 0", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->now_ms);
	stmt_bind_int(q, 2, r->life->id);
	if (!stmt_run(q, why))
		return false;
	r->lost = tx_changes(tx) == 0;
	return true;
}

static bool look(struct tx *tx, struct node_round *r, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, beat, lease_ms FROM node WHERE ended_ms = 0 ORDER BY id", why);
	if (q == NULL)
		return false;
	for (; r->count < NODES_MAX && stmt_row(q, why); r->count++)
		r->seen[r->count] = (struct node_seen){ .id = stmt_int(q, 0), .beat = stmt_int(q, 1), .lease_ms = stmt_int(q, 2) };
	return why->code == FAIL_NONE;
}

/* It may beat at this very moment, and then it lives. */
static bool bury(struct tx *tx, struct node_round *r, const struct node_seen *n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE node SET ended_ms = $1 WHERE id = $2 AND beat = $3 AND ended_ms = 0", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->now_ms);
	stmt_bind_int(q, 2, n->id);
	stmt_bind_int(q, 3, n->beat);
	if (!stmt_run(q, why))
		return false;
	if (tx_changes(tx) == 1)
		r->dead[r->dead_count++] = n->id;
	return true;
}

static bool bury_the_dead(struct tx *tx, struct node_round *r, struct fail *why)
{
	int alive = 0;
	for (int i = 0; i < r->count; i++) {
		int buried = r->dead_count;
		bool is_dead = r->seen[i].id != r->life->id && node_watch_is_dead(r->watch, &r->seen[i], r->mono_ms);
		if (is_dead && !bury(tx, r, &r->seen[i], why))
			return false;
		if (r->dead_count == buried)
			r->seen[alive++] = r->seen[i];
	}
	r->count = alive;
	return true;
}

/* A newer node may have jobs that this one does not know. */
static int job_named(const struct node_life *l, struct str name)
{
	for (int i = 0; i < l->job_count; i++)
		if (l->jobs[i] != NULL && str_eq(name, str_c(l->jobs[i])))
			return i;
	return -1;
}

static bool free_jobs(struct tx *tx, struct node_round *r, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name FROM job_lease WHERE NOT EXISTS (SELECT 1 FROM node WHERE node.id = job_lease.owner AND node.ended_ms = 0)"
		" /* postgres: FOR UPDATE SKIP LOCKED */", why);
	if (q == NULL)
		return false;
	while (stmt_row(q, why)) {
		int job = job_named(r->life, stmt_text(q, 0));
		r->taken |= job >= 0 ? UINT64_C(1) << job : 0;
	}
	return why->code == FAIL_NONE;
}

static bool take_job(struct tx *tx, const struct node_round *r, const char *name, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE job_lease SET owner = $1, taken_ms = $2 WHERE name = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->life->id);
	stmt_bind_int(q, 2, r->now_ms);
	stmt_bind_text(q, 3, str_c(name));
	return stmt_run(q, why);
}

bool node_round(struct tx *tx, void *round, struct fail *why)
{
	struct node_round *r = round;
	r->count = r->dead_count = 0;
	r->taken = 0;
	if (!beat(tx, r, why))
		return false;
	if (r->lost)
		return true;
	if (!look(tx, r, why) || !bury_the_dead(tx, r, why) || !free_jobs(tx, r, why))
		return false;
	for (int i = 0; i < r->life->job_count; i++)
		if ((r->taken >> i & 1) != 0 && !take_job(tx, r, r->life->jobs[i], why))
			return false;
	return true;
}

bool node_job_bite(struct tx *tx, const char *name, int64_t owner, int64_t now_ms, bool *ours, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE job_lease SET last_ms = $1, bites = bites + 1 WHERE name = $2 AND owner = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_text(q, 2, str_c(name));
	stmt_bind_int(q, 3, owner);
	if (!stmt_run(q, why))
		return false;
	*ours = tx_changes(tx) == 1;
	return true;
}

/* -- for people */

static void text_out(char *to, size_t size, struct str s)
{
	snprintf(to, size, "%.*s", STR_ARG(s));
}

bool node_list(struct tx *tx, struct node_row out[NODES_MAX], int *count, struct fail *why)
{
	*count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, host, version, began_ms, seen_ms, ended_ms FROM node ORDER BY ended_ms > 0, id DESC LIMIT $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, NODES_MAX);
	for (; *count < NODES_MAX && stmt_row(q, why); ++*count) {
		struct node_row *n = &out[*count];
		*n = (struct node_row){ .id = stmt_int(q, 0), .began_ms = stmt_int(q, 3), .seen_ms = stmt_int(q, 4), .ended_ms = stmt_int(q, 5) };
		text_out(n->host, sizeof n->host, stmt_text(q, 1));
		text_out(n->version, sizeof n->version, stmt_text(q, 2));
	}
	return why->code == FAIL_NONE;
}

bool node_job_list(struct tx *tx, struct job_row_lease out[NODE_JOBS_MAX], int *count, struct fail *why)
{
	*count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name, owner, last_ms, bites FROM job_lease ORDER BY name", why);
	if (q == NULL)
		return false;
	for (; *count < NODE_JOBS_MAX && stmt_row(q, why); ++*count) {
		struct job_row_lease *j = &out[*count];
		*j = (struct job_row_lease){ .owner = stmt_int(q, 1), .last_ms = stmt_int(q, 2), .bites = stmt_int(q, 3) };
		text_out(j->name, sizeof j->name, stmt_text(q, 0));
	}
	return why->code == FAIL_NONE;
}
