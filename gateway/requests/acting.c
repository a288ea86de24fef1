/* gateway/requests/acting.c - for whom; and the note that it was done, once a day, by a low job that nobody waits for. */
#include "gateway/requests/acting.h"
#include "auth/mandate.h"
#include "gateway/gateway.h"
#include "services/people/mandate_tell.h"
#include <stdlib.h>

enum { NOTE_ARENA_BYTES = 64 << 10 };

/* ---- the note ---- */

struct note {
	struct commit_job job;
	struct request r; /* who, when, and under which id */
};

static bool note_apply(struct commit_job *job, struct tx *tx, struct fail *why)
{
	return mandate_used(tx, &CONTAINER(job, struct note, job)->r, why);
}

static void note_done(struct commit_job *job)
{
	struct note *n = CONTAINER(job, struct note, job);
	arena_free(&n->r.arena);
	free(n);
}

/* The row itself is asked for the day again: many requests may come before the first note is committed. Where there is no room for it, the next use brings it. */
static void note_use(struct task *t)
{
	struct note *n = calloc(1, sizeof(*n));
	if (n == NULL)
		return;
	n->job = (struct commit_job){ .apply = note_apply, .done = note_done, .low = true };
	n->r.who = t->r.who;
	n->r.now_ms = t->r.now_ms;
	memcpy(n->r.id, t->r.id, sizeof(n->r.id));
	random_bytes(n->r.random, sizeof(n->r.random));
	arena_init(&n->r.arena, NOTE_ARENA_BYTES);
	if (!committer_submit(t->loop->gateway->committer, &n->job))
		note_done(&n->job);
}

/* ---- for whom ---- */

bool admit_acting(struct task *t, struct connection *reader, struct fail *why)
{
	struct request *r = &t->r;
	struct id key;
	struct mandate m;
	struct tx tx;
	struct str header = r->known[HEADER_ACTING_FOR];
	if (header.at == NULL)
		return true;
	if (r->who.kind != WHO_CITIZEN || (r->route->who & WHO_ANYONE))
		return FAILS(why, ACTING_FOR, "only citizens act for others, and of what is open to anyone nothing is anybody's");
	if (r->route->scope == 0)
		return FAILS(why, MANDATE_NEVER, "%s", r->route->name);
	if (!id_from_text(header, "md", &key))
		return FAILS(why, MANDATE_ENDED, "not the id of a mandate");
	if (!reader_begin(reader, &tx, why) || !mandate_allows(&tx, r, key, r->route->scope, &m, why))
		return false;
	r->who.acting_for = m.giver;
	r->who.mandate = m.id;
	r->who.by_matter = m.matters > 0;
	r->who.manages = (m.scopes >> MANDATE_TO_MANAGE_AGENTS & 1) != 0;
	if (m.used_ms <= r->now_ms - MANDATE_USE_NOTED_MS)
		note_use(t);
	return true;
}
