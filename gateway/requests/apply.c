/* gateway/requests/apply.c - a task's visit to the committer: its handler's apply, once per Idempotency-Key, or what was said the first time. */
#include "auth/vault.h"
#include "gateway/gateway.h"
#include "gateway/requests/task.h"
#include <assert.h>

/* The row an outcome's text is bound to: an outcome has no number of its own. */
static int64_t outcome_row(const struct outcome_key *k)
{
	int64_t row;
	memcpy(&row, k->key, sizeof(row));
	return row;
}

static bool text_seal(const struct task *t, struct outcome_text *to, struct fail *why)
{
	const char *text = t->r.outcome.text;
	struct buf b = { .at = (char *)to->at, .cap = sizeof(to->at) };
	to->len = 0;
	if (text[0] == '\0')
		return true;
	_Static_assert(sizeof(to->at) > sizeof(t->r.outcome.text) + VAULT_OVERHEAD_MAX, "a sealed text fits");
	if (!vault_seal("outcome.text", outcome_row(&t->key), (struct str){ text, strnlen(text, sizeof(t->r.outcome.text) - 1) },
			t->r.random + STAMP_RANDOM - VAULT_SALT_BYTES, &b, why))
		return false;
	to->len = b.len;
	return true;
}

static bool text_open(struct task *t, const struct outcome_text *from, struct fail *why)
{
	char text[sizeof(from->at) + 1];
	struct buf b = { .at = text, .cap = sizeof(text) };
	if (from->len == 0)
		return true;
	if (!vault_open("outcome.text", outcome_row(&t->key), (struct str){ (const char *)from->at, from->len }, &b, why))
		return false;
	if (b.len >= sizeof(t->r.outcome.text))
		return FAILS(why, SEALED, "an outcome's text of %zu bytes", b.len);
	memcpy(t->r.outcome.text, text, b.len);
	t->r.outcome.text[b.len] = '\0';
	return true;
}

static bool apply_with_key(struct task *t, struct tx *tx, struct fail *why)
{
	struct request *r = &t->r;
	struct outcome_text text;
	switch (outcome_find(tx, &t->key, r->now_ms, &r->outcome, &text, why)) {
	case OUTCOME_REPEATED:
		t->replayed = true;
		return text_open(t, &text, why);
	case OUTCOME_OTHER_BODY:
		return FAILS(why, KEY_REUSED, "other body");
	case OUTCOME_FAILED:
		return false;
	case OUTCOME_NEW:
		break;
	}
	return r->route->handler->apply(tx, r, why) && text_seal(t, &text, why) && outcome_put(tx, &t->key, r->now_ms, &r->outcome, &text, why);
}

static bool task_apply(struct commit_job *job, struct tx *tx, struct fail *why)
{
	struct task *t = CONTAINER(job, struct task, job);
	t->replayed = false;
	memset(&t->r.outcome, 0, sizeof(t->r.outcome));
	bool ok = t->face != FACE_CONTROL || tx_alone(tx, why); /* an operator's deeds touch what everybody uses */
	ok = ok && (t->has_key ? apply_with_key(t, tx, why) : t->r.route->handler->apply(tx, &t->r, why));
	assert(!ok || (t->r.outcome.code > 0 && t->r.outcome.status >= 200 && t->r.outcome.status < 300));
	return ok;
}

static void task_applied(struct commit_job *job)
{
	struct task *t = CONTAINER(job, struct task, job);
	t->failed = !job->committed;
	if (t->failed)
		t->r.why = job->why;
	mailbox_post_always(&t->loop->mail, &t->letter);
}

bool apply_submit(struct task *t)
{
	t->job = (struct commit_job){ .apply = task_apply, .done = task_applied, .isolation = t->r.route->isolation,
		.deadline_mono_ms = t->queued_ns / 1000000 + t->loop->config->request_ms }; /* a slow body is no wait for us */
	return committer_submit(t->loop->gateway->committer, &t->job);
}

bool task_look_for_repeat(struct task *t, struct connection *reader, struct fail *why)
{
	struct request *r = &t->r;
	struct outcome_text text;
	struct tx tx;
	if (!reader_begin(reader, &tx, why))
		return false;
	enum outcome_found found = outcome_find(&tx, &t->key, r->now_ms, &r->outcome, &text, why);
	t->is_repeated = found == OUTCOME_REPEATED;
	return found == OUTCOME_OTHER_BODY ? FAILS(why, KEY_REUSED, "other body") : found != OUTCOME_FAILED;
}

enum step task_repeats(struct task *t, bool *is_repeated)
{
	bool ok = t->loop->reader == NULL || task_look_for_repeat(t, t->loop->reader, &t->r.why); /* or it was found out with who asks */
	*is_repeated = ok && t->is_repeated;
	return ok ? STEP_ON : STEP_FAILED;
}
