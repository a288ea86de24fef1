/* tests/sim/door.c - see door.h. */
#include "door.h"

#include "base/json.h"
#include "gateway/requests/task.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEADERS = 8, PEER_BYTES = 16 };

struct asked {
	struct exchange exchange;   /* first: the runtime gives it back */
	struct asked *next;         /* of all */
	struct asked *next_write;
	struct task *task;          /* NULL: not ours to touch any more */
	struct loop *loop;
	bool is_write, was_write, has_answer, hung_up;
	struct door_answer answer;
	void *own;
};

static struct asked *all, *writes, **writes_tail = &writes;

/* ---- the answer ---- */

static struct str header_of(const struct answer *a, const char *name)
{
	for (int i = 0; i < a->count; i++)
		if (str_eq(a->headers[i].name, str_c(name)))
			return a->headers[i].value;
	return STR_NONE;
}

static void read_problem(struct door_answer *to, struct str type)
{
	struct fail why;
	fail_clear(&why);
	if (!str_eq(type, STR("application/problem+json")))
		return;
	DROP(json) json_t *j = json_read(to->body, &why);
	const char *code = json_string_value(json_object_get(j, "code"));
	assert(code != NULL);
	snprintf(to->code, sizeof to->code, "%s", code);
}

static void on_reply(struct exchange *x, struct task *t)
{
	struct asked *a = (struct asked *)x;
	struct answer answer;
	task_answer(t, &answer);
	assert(!a->has_answer && !a->hung_up);
	a->task = NULL;
	if (!ram_vfs_is_dead()) {
		char *copy = malloc(answer.body.len + 1);
		assert(copy != NULL);
		if (answer.body.len > 0)
			memcpy(copy, answer.body.at, answer.body.len);
		copy[answer.body.len] = '\0';
		a->answer = (struct door_answer){ .status = answer.status, .body = { copy, answer.body.len } };
		a->answer.is_replayed = str_eq(header_of(&answer, "idempotency-replayed"), STR("true"));
		struct str seconds = header_of(&answer, "retry-after");
		if (seconds.at != NULL && !str_to_i64(seconds, 0, 86400, &a->answer.retry_after))
			assert(!"retry-after is no number");
		read_problem(&a->answer, header_of(&answer, "content-type"));
		a->has_answer = true;
	} else {
		a->hung_up = true;
	}
	task_free(t);
}

static const struct exchange_ops ops = { .reply = on_reply };

/* ---- the question ---- */

static struct str copied(struct request *r, const char *text)
{
	struct str s = str_copy(&r->arena, str_c(text));
	assert(s.at != NULL);
	return s;
}

static void fill(struct request *r, const struct asking *q)
{
	struct header *h = arena_alloc(&r->arena, HEADERS * sizeof *h);
	char bearer[96];
	assert(h != NULL);
	size_t n = 0;
	if (q->token != NULL) {
		snprintf(bearer, sizeof bearer, "Bearer %s", q->token);
		h[n++] = (struct header){ STR("authorization"), copied(r, bearer) };
	}
	if (q->key != NULL)
		h[n++] = (struct header){ STR("idempotency-key"), copied(r, q->key) };
	if (q->body != NULL)
		h[n++] = (struct header){ STR("content-type"), q->is_control && q->body[0] != '{' ? STR("text/csv") : STR("application/json") };
	r->method = q->method;
	r->target = copied(r, q->target);
	r->authority = STR("localhost");
	r->headers = h;
	r->header_count = n;
	r->peer = STR("127.0.0.1");
	r->http_major = 2;
}

static void send(struct asked *a, const struct asking *q, struct rng *rng)
{
	size_t len = q->body != NULL ? strlen(q->body) : 0;
	struct task *t = a->task;
	fill(task_request(t), q);
	if (!task_head(t, rng_percent(rng, 50) ? (int64_t)len : len > 0 ? -1 : 0))
		return;
	for (size_t at = 0; at < len;) {
		size_t piece = 1 + (size_t)rng_below(rng, (int)(len - at));
		if (!task_body(t, q->body + at, piece))
			return;
		at += piece;
	}
	task_end(t);
}

static void look_for_writes(void)
{
	for (struct asked *a = all; a != NULL; a = a->next) {
		if (a->was_write || a->task == NULL || !a->task->away || a->task->stage != STAGE_APPLY)
			continue;
		a->is_write = a->was_write = true;
		a->next_write = NULL;
		*writes_tail = a;
		writes_tail = &a->next_write;
	}
}

struct asked *door_ask(struct loop *l, const struct asking *q, struct rng *rng, void *own)
{
	struct asked *a = calloc(1, sizeof *a);
	assert(a != NULL);
	*a = (struct asked){ .exchange = { .ops = &ops }, .next = all, .loop = l, .own = own };
	all = a;
	a->task = task_begin(l, q->is_control ? FACE_CONTROL : FACE_PUBLIC, &a->exchange);
	assert(a->task != NULL);
	send(a, q, rng);
	look_for_writes();
	return a;
}

void door_turn(struct loop *l)
{
	loop_letters(l);
	look_for_writes();
}

void *asked_own(const struct asked *a)
{
	return a->own;
}

const struct door_answer *asked_answer(const struct asked *a)
{
	return a->has_answer ? &a->answer : NULL;
}

bool asked_hung_up(const struct asked *a)
{
	return a->hung_up;
}

bool asked_is_write(const struct asked *a)
{
	return a->is_write;
}

int64_t asked_now_ms(const struct asked *a)
{
	return a->task->r.now_ms;
}

void door_hang_up(struct asked *a)
{
	assert(!a->has_answer && !a->hung_up);
	a->hung_up = true;
	if (a->task != NULL)
		task_abandon(a->task); /* all are away: an inline one was answered at once */
	if (!a->is_write)
		a->task = NULL;
}

void door_forget(struct asked *a)
{
	assert((a->has_answer || a->hung_up) && !a->is_write);
	struct asked **at = &all;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	free((char *)a->answer.body.at);
	free(a);
}

/* ---- with the committer ---- */

struct asked *door_first_write(void)
{
	return writes;
}

/* Began at least: a job of somebody else's may have been among those that were ended. */
bool door_first_began(void)
{
	return writes != NULL && writes->task->job.began_ns != 0;
}

struct asked *door_next_write(const struct asked *a)
{
	return a->next_write;
}

static void leave_queue(struct asked *a)
{
	assert(a == writes);
	writes = a->next_write;
	if (writes == NULL)
		writes_tail = &writes;
	a->is_write = false;
}

enum fail_code door_write_ended(struct asked *a, bool *is_replayed)
{
	const struct task *t = a->task;
	enum fail_code code = t->failed ? t->r.why.code : FAIL_NONE;
	*is_replayed = t->replayed;
	leave_queue(a);
	if (a->hung_up)
		a->task = NULL; /* its letter ends it */
	return code;
}

/* ---- the end of a process ---- */

void door_abandon_all(void)
{
	for (struct asked *a = all; a != NULL; a = a->next)
		if (!a->has_answer && !a->hung_up)
			door_hang_up(a);
}

void door_drop_writes(size_t n)
{
	for (bool replayed; n > 0 && door_first_began(); n--)
		(void)door_write_ended(writes, &replayed);
}

void door_free_writes(void)
{
	while (writes != NULL) {
		struct asked *a = writes;
		leave_queue(a);
		a->task->away = false;
		key_release(a->task);
		task_free(a->task);
		a->task = NULL;
	}
}
