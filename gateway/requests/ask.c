/* gateway/requests/ask.c - a task's question to the outside: it leaves with the task and comes home by the task's letter.
 *
 * Whoever repeats a request asks again only if nobody knows the answer: if the first time went through to COMMIT, its outcome is found here; if it
 * stopped after the question, the answer is remembered under the same Idempotency-Key. A login code can be asked about once. */
#include "base/ids.h"
#include "gateway/gateway.h"
#include "gateway/outside/outside.h"
#include "gateway/requests/task.h"
#include <assert.h>

struct question_out {
	struct asking asking;
	struct task *task;
};

/* On the outside's thread. */
static void asked(struct asking *a)
{
	struct task *t = CONTAINER(a, struct question_out, asking)->task;
	t->failed = !a->ok;
	if (t->failed)
		t->r.why = a->why;
	mailbox_post_always(&t->loop->mail, &t->letter);
}

static void name_repeat(const struct task *t, uint8_t out[ANSWER_KEY_BYTES])
{
	const struct outcome_key *k = &t->key;
	struct { int64_t who_kind, who_id, route, nth; uint8_t key[SHA256_BYTES], body[SHA256_BYTES]; } all = { .who_kind = k->who_kind, .who_id = k->who_id,
		.route = k->route, .nth = t->questions };
	memcpy(all.key, k->key, sizeof(all.key));
	memcpy(all.body, k->body, sizeof(all.body));
	sha256((struct str){ (const char *)&all, sizeof(all) }, out);
}

static bool name_keep(struct request *r, const struct question *q, uint8_t out[ANSWER_KEY_BYTES])
{
	struct buf b;
	buf_init(&b, &r->arena, q->peer.len + q->keep_key.len + 1);
	buf_str(&b, q->peer);
	buf_char(&b, '\n');
	buf_str(&b, q->keep_key);
	sha256(buf_text(&b), out);
	return buf_ok(&b);
}

enum step ask_begin(struct task *t)
{
	struct request *r = &t->r;
	bool is_repeated = false;
	t->asked = NULL;
	if (t->has_key && t->questions == 0 && (task_repeats(t, &is_repeated) == STEP_FAILED || is_repeated))
		return is_repeated ? STEP_ON : STEP_FAILED;
	struct question_out *out = arena_zalloc(&r->arena, sizeof(*out));
	if (out == NULL) {
		FAILS(&r->why, MEMORY, "a question");
		return STEP_FAILED;
	}
	struct question *q = &out->asking.question;
	random_bytes(r->random, sizeof(r->random));
	if (!r->route->handler->ask->build(r, q, &r->why))
		return STEP_FAILED;
	if (q->peer.len == 0)
		return STEP_ON;
	assert(t->questions < ASK_QUESTIONS_MAX);
	out->task = t;
	out->asking.arena = &r->arena;
	out->asking.done = asked;
	out->asking.has_repeat_key = t->has_key;
	if (t->has_key)
		name_repeat(t, out->asking.repeat_key);
	out->asking.has_keep_key = q->keep_key.len > 0 && name_keep(r, q, out->asking.keep_key);
	t->asked = out;
	t->questions++;
	t->away = true;
	if (outside_ask(t->loop->gateway->outside, &out->asking))
		return STEP_AWAY;
	t->away = false;
	bool stopping = atomic_load_explicit(&t->loop->gateway->stopping, memory_order_relaxed);
	fail_note(&r->why, stopping ? FAIL_STOPPING : FAIL_BUSY, __FILE__, __LINE__, "the outside takes no question");
	return STEP_FAILED;
}

bool ask_judge(struct task *t, struct fail *why)
{
	assert(t->asked->asking.ok);
	return t->r.route->handler->ask->judge(&t->r, &t->asked->asking.job.answer, why);
}

bool ask_goes_on(const struct task *t)
{
	return t->asked != NULL && t->r.route->handler->ask->asks_again;
}
