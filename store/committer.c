/* store/committer.c - why this exists: who has something to write need not know how many write beside him. */
#include "store/committer.h"

#include "store/committer_body.h"

struct committer *committer_start(struct store *s, const struct config *c, struct fail *why)
{
	return store_is_embedded(s) ? sqlite_committer_start(s, c, why) : pg_writers_start(s, c, why);
}

bool committer_submit(struct committer *c, struct commit_job *job)
{
	return c->body->submit(c, job);
}

size_t committer_waiting(struct committer *c)
{
	return c->body->waiting(c);
}

void committer_stop(struct committer *c)
{
	if (c != NULL)
		c->body->stop(c);
}
