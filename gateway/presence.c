/* gateway/presence.c - a low job of the committer: one row, when its minute is over. */
#include "gateway/presence.h"
#include "auth/session.h"
#include "auth/staff.h"
#include "store/committer.h"
#include <stdlib.h>

struct note {
	struct commit_job job;
	int64_t session, now_ms;
};

static bool note_apply(struct commit_job *job, struct tx *tx, struct fail *why)
{
	const struct note *n = CONTAINER(job, struct note, job);
	return session_used(tx, n->session, n->now_ms, n->now_ms + STAFF_IDLE_MS, PRESENCE_PAUSE_MS, why);
}

static void note_done(struct commit_job *job)
{
	free(CONTAINER(job, struct note, job));
}

/* The row itself is asked for the minute again: many requests of one page may come before the first note is committed. */
void presence_note(struct committer *c, const struct principal *who, int64_t now_ms)
{
	if (who->kind != WHO_STAFF || who->session == 0 || who->session_until_ms - now_ms > STAFF_IDLE_MS - PRESENCE_PAUSE_MS)
		return;
	struct note *n = calloc(1, sizeof(*n));
	if (n == NULL)
		return;
	*n = (struct note){ .job = { .apply = note_apply, .done = note_done, .low = true }, .session = who->session, .now_ms = now_ms };
	if (!committer_submit(c, &n->job))
		free(n);
}
