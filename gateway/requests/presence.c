/* gateway/requests/presence.c - a low job of the committer: one row, when its pause is over. */
#include "gateway/requests/presence.h"
#include "auth/session.h"
#include "auth/staff.h"
#include "auth/terminal.h"
#include "store/committer.h"
#include <stdlib.h>

/* How long a session lasts after a use, and how often a use is written down. */
static const struct presence {
	int64_t idle_ms, pause_ms;
} of_staff = { STAFF_IDLE_MS, 60000 }, at_terminal = { TERMINAL_IDLE_MS, 10000 };

struct note {
	struct commit_job job;
	int64_t session, now_ms;
	const struct presence *lives;
};

static bool note_apply(struct commit_job *job, struct tx *tx, struct fail *why)
{
	const struct note *n = CONTAINER(job, struct note, job);
	return session_used(tx, n->session, n->now_ms, n->now_ms + n->lives->idle_ms, n->lives->pause_ms, why);
}

static void note_done(struct commit_job *job)
{
	free(CONTAINER(job, struct note, job));
}

/* The row itself is asked again: many requests of one page may come before the first note is committed. */
void presence_note(struct committer *c, const struct principal *who, int64_t now_ms)
{
	const struct presence *lives = who->terminal != 0 ? &at_terminal : who->kind == WHO_STAFF ? &of_staff : NULL;
	if (lives == NULL || who->session == 0 || who->session_until_ms - now_ms > lives->idle_ms - lives->pause_ms)
		return;
	struct note *n = calloc(1, sizeof(*n));
	if (n == NULL)
		return;
	*n = (struct note){ .job = { .apply = note_apply, .done = note_done, .low = true }, .session = who->session, .now_ms = now_ms,
		.lives = lives };
	if (!committer_submit(c, &n->job))
		free(n);
}
