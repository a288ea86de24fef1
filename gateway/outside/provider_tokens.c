/* gateway/outside/provider_tokens.c - the table of provider_tokens.h: looking, fetching, there. */
#include "gateway/outside/provider_tokens.h"

#include "auth/vault.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "store/expiring.h"
#include <assert.h>
#include <stdlib.h>

enum {
	SOURCES_MAX = 4, TOKEN_BYTES_MAX = 1024, HOLDER_BYTES = 16, FETCH_ARENA_BYTES = 64 << 10,
	LOCK_MS = 15000, LOOK_AGAIN_MS = 100, PAUSE_FIRST_MS = 1000, PAUSE_MOST_MS = 60000,
	REST_MS = 10000, /* between two fetches, however little is left of what comes */
	MARGIN_MOST_MS = 300000, MARGIN_JITTER_MS = 180000, /* a platform hands out the next one in the last five minutes */
};

enum doing { NOTHING, LOOKING, WAITING /* another node fetches */, FETCHING, TELLING /* the others */ };
enum token_end { TOKEN_FETCHED, TOKEN_SHARED, TOKEN_FAILED, TOKEN_REFUSED };

static const char *const ends[] = { [TOKEN_FETCHED] = "fetched", [TOKEN_SHARED] = "shared", [TOKEN_FAILED] = "failed", [TOKEN_REFUSED] = "refused" };
static const char PLACE[] = "provider.token";

struct one {
	const struct token_source *source;
	struct provider_tokens *all;
	enum doing doing;
	struct link wants;
	uint64_t number;                 /* of the token that is there; 0: none is */
	uint64_t last_number;
	size_t len;
	int64_t until_ms, refresh_ms;    /* monotonic */
	uint8_t refused[SHA256_BYTES];   /* of the token the platform would not take */
	bool has_refused, is_again;      /* and gives out all the same: after the alarm and a pause it is tried once more */
	int64_t again_ms, pause_ms;      /* 0: nothing has failed lately */
	struct fail why;                 /* how it failed */
	int64_t call_ms, look_ms;
	bool has_lock;
	struct transport_job job;
	struct arena arena;              /* of a fetch */
	struct expiring_batch batch;
	char holder[HOLDER_BYTES];
	char token[TOKEN_BYTES_MAX], sealed[EXPIRING_VALUE_MAX];
};

struct provider_tokens {
	struct transport *http;
	struct expiring *shared;         /* NULL: this node alone */
	struct one at[SOURCES_MAX];
	int count;
};

static void look(struct one *t);

static struct str key_of(const struct one *t)
{
	return str_c(t->source->name);
}

/* ---- whoever waits ---- */

static void give(struct one *t, struct token_want *w)
{
	w->ok = true;
	w->given = (struct token_given){ { { t->token, t->len } }, t->number };
	w->done(w);
}

static void refuse(struct token_want *w, const struct fail *why)
{
	w->ok = false;
	w->why = *why;
	w->done(w);
}

/* Who is told may want again at once: only those who wait now are gone through. */
static void end_wants(struct one *t, bool ok)
{
	struct link now;
	for (link_move_all(&now, &t->wants); !link_is_alone(&now);) {
		struct token_want *w = CONTAINER(now.next, struct token_want, link);
		link_take(&w->link);
		if (ok)
			give(t, w);
		else
			refuse(w, &t->why);
	}
}

static void count(const struct one *t, enum token_end how, int64_t life_ms)
{
	metric_add(M_provider_tokens, how, 1);
	if (how <= TOKEN_SHARED)
		LOG_EVENT(provider_token, STR_NONE, L_C(t->source->name), L_PLAIN(str_c(ends[how])), L_INT(life_ms / 1000));
	else
		LOG_EVENT(provider_token_failed, STR_NONE, L_C(t->source->name), L_PLAIN(str_c(ends[how])), L_C(fail_row(t->why.code)->slug), L_C(t->why.log));
}

static void failed(struct one *t, enum token_end how)
{
	t->doing = NOTHING;
	t->pause_ms = t->pause_ms == 0 ? PAUSE_FIRST_MS : t->pause_ms * 2 < PAUSE_MOST_MS ? t->pause_ms * 2 : PAUSE_MOST_MS;
	t->again_ms = clock_mono_ms() + t->pause_ms;
	t->why.retry_after_s = (int)((t->pause_ms + 999) / 1000);
	count(t, how, 0);
	end_wants(t, false);
}

static bool was_refused(const struct one *t, struct str token)
{
	uint8_t digest[SHA256_BYTES];
	sha256(token, digest);
	return t->has_refused && memcmp(digest, t->refused, sizeof(digest)) == 0;
}

static bool is_refused(const struct one *t, struct str token)
{
	return !t->is_again && was_refused(t, token);
}

static void there(struct one *t, struct str token, int64_t life_ms, enum token_end how)
{
	int64_t now_ms = clock_mono_ms();
	uint32_t jitter;
	random_bytes(&jitter, sizeof(jitter));
	int64_t margin_ms = MARGIN_MOST_MS - jitter % MARGIN_JITTER_MS;
	memcpy(t->token, token.at, token.len);
	t->len = token.len;
	t->number = ++t->last_number;
	t->until_ms = now_ms + life_ms;
	int64_t rest_ms = life_ms / 2 < REST_MS ? life_ms / 2 : REST_MS;
	t->refresh_ms = t->until_ms - margin_ms > now_ms + rest_ms ? t->until_ms - margin_ms : now_ms + rest_ms;
	t->again_ms = 0;
	if (!was_refused(t, token))
		t->pause_ms = 0;
	count(t, how, life_ms);
}

static void forget(struct one *t)
{
	wipe(t->token, t->len);
	t->len = 0;
	t->number = 0;
}

/* ---- telling the others: the token, and that the lock is free ---- */

static void told(struct expiring_batch *b)
{
	struct one *t = CONTAINER(b, struct one, batch);
	t->doing = NOTHING;
	if (link_is_alone(&t->wants))
		return;
	if (t->number == 0 && t->again_ms <= clock_mono_ms())
		look(t); /* for who came meanwhile */
	else
		end_wants(t, t->number != 0);
}

static void tell(struct one *t, bool with_token)
{
	struct expiring_batch *b = &t->batch;
	struct buf sealed = { .at = t->sealed, .cap = sizeof(t->sealed) };
	uint8_t salt[VAULT_SALT_BYTES];
	struct fail why;
	fail_clear(&why);
	b->count = 0;
	b->done = told;
	random_bytes(salt, sizeof(salt));
	int64_t ttl_ms = t->until_ms - clock_mono_ms(), most_ms = key_row(KEY_PROVIDER_TOKEN)->life_ms;
	if (with_token && ttl_ms > 0 && vault_seal(PLACE, 0, (struct str){ t->token, t->len }, salt, &sealed, &why)) /* one too long to be told stays here */
		b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_PUT, .class = KEY_PROVIDER_TOKEN, .key = key_of(t), .value = buf_text(&sealed),
			.ttl_ms = ttl_ms < most_ms ? ttl_ms : most_ms };
	if (t->has_lock)
		b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_TAKE, .class = KEY_SINGLE_FLIGHT, .key = key_of(t), .value = { t->holder, HOLDER_BYTES } };
	t->has_lock = false;
	t->doing = TELLING;
	if (t->all->shared == NULL || b->count == 0 || expiring_run(t->all->shared, b))
		told(b);
}

/* ---- fetching ---- */

static void fetched(struct transport_job *job)
{
	struct one *t = CONTAINER(job, struct one, job);
	struct secret token = { STR_NONE };
	int64_t life_s = 0;
	const struct http_answer *got = &job->answer;
	fail_clear(&t->why);
	bool ok = got->end == HTTP_ANSWERED
		? t->source->judge(got, &t->arena, &token, &life_s, &t->why)
		: fail_note(&t->why, got->end == HTTP_TOO_LARGE ? FAIL_PEER_NONSENSE : got->is_late ? FAIL_PEER_TIMEOUT : FAIL_PEER_AWAY, __FILE__, __LINE__,
			    "%s: %s", t->source->name, got->error);
	if (ok && token.secret.len > sizeof(t->token))
		ok = FAILS(&t->why, PEER_NONSENSE, "%s: a token of %zu bytes", t->source->name, token.secret.len);
	bool same = ok && is_refused(t, token.secret);
	if (same)
		ok = FAILS(&t->why, PEER_AWAY, "%s: it gives out the token that it refuses", t->source->name);
	if (ok)
		there(t, token.secret, life_s * 1000, TOKEN_FETCHED);
	wipe((void *)(uintptr_t)token.secret.at, token.secret.len);
	arena_reset(&t->arena);
	if (ok)
		end_wants(t, true);
	else
		failed(t, same ? TOKEN_REFUSED : TOKEN_FAILED);
	t->is_again = t->is_again || same;
	tell(t, ok);
}

static void fetch(struct one *t)
{
	t->doing = FETCHING;
	fail_clear(&t->why);
	if (!t->source->build(&t->arena, &t->job.call, &t->why)) {
		arena_reset(&t->arena);
		failed(t, TOKEN_FAILED);
		tell(t, false);
		return;
	}
	t->job.call.timeout_ms = t->call_ms;
	t->job.done = fetched;
	t->all->http->begin(t->all->http, &t->job);
}

/* ---- looking ---- */

static bool take_shared(struct one *t, const struct expiring_op *op)
{
	char text[EXPIRING_VALUE_MAX];
	struct buf plain = { .at = text, .cap = sizeof(text) };
	struct fail why;
	fail_clear(&why);
	bool ok = op->end == EXPIRING_OK && op->left_ms > 0 && vault_open(PLACE, 0, (struct str){ op->out, op->out_len }, &plain, &why) &&
		  plain.len > 0 && plain.len <= sizeof(t->token) && !is_refused(t, buf_text(&plain));
	bool is_newer = ok && (t->number == 0 || t->len != plain.len || memcmp(t->token, plain.at, plain.len) != 0);
	if (is_newer)
		there(t, buf_text(&plain), op->left_ms, TOKEN_SHARED);
	wipe(text, sizeof(text));
	return is_newer;
}

static void looked(struct expiring_batch *b)
{
	struct one *t = CONTAINER(b, struct one, batch);
	const struct expiring_op *lock = &b->op[1];
	t->has_lock = lock->end == EXPIRING_OK;
	if (take_shared(t, &b->op[0])) {
		end_wants(t, true);
		tell(t, false);
	} else if (lock->end == EXPIRING_NO) {
		t->doing = WAITING;
		t->look_ms = clock_mono_ms() + LOOK_AGAIN_MS;
	} else {
		fetch(t);
	}
}

static void look(struct one *t)
{
	struct expiring_batch *b = &t->batch;
	t->doing = LOOKING;
	if (t->all->shared == NULL) {
		fetch(t);
		return;
	}
	b->count = 2;
	b->done = looked;
	b->op[0] = (struct expiring_op){ .verb = EXPIRING_GET, .class = KEY_PROVIDER_TOKEN, .key = key_of(t) };
	b->op[1] = (struct expiring_op){ .verb = EXPIRING_LOCK, .class = KEY_SINGLE_FLIGHT, .key = key_of(t), .value = { t->holder, HOLDER_BYTES }, .ttl_ms = LOCK_MS };
	if (expiring_run(t->all->shared, b))
		looked(b);
}

/* ---- wanting ---- */

static struct one *one_of(struct provider_tokens *p, const struct token_source *source)
{
	for (int i = 0; i < p->count; i++)
		if (p->at[i].source == source)
			return &p->at[i];
	assert(p->count < SOURCES_MAX);
	struct one *t = &p->at[p->count++];
	t->source = source;
	t->all = p;
	link_init(&t->wants);
	arena_init(&t->arena, FETCH_ARENA_BYTES);
	random_bytes(t->holder, sizeof(t->holder));
	return t;
}

/* Somebody else may have told it before: then the one that is there is another already. */
static void hear_refusal(struct one *t, uint64_t number)
{
	if (number == 0 || number != t->number)
		return;
	sha256((struct str){ t->token, t->len }, t->refused);
	t->has_refused = true;
	t->is_again = false;
	forget(t);
}

void provider_tokens_want(struct provider_tokens *p, struct token_want *w, int64_t call_ms, int64_t mono_ms)
{
	struct one *t = one_of(p, w->source);
	link_init(&w->link);
	fail_clear(&w->why);
	hear_refusal(t, w->stale);
	if (t->number != 0 && t->until_ms <= mono_ms)
		forget(t);
	bool is_due = t->number == 0 || t->refresh_ms <= mono_ms;
	bool may_begin = t->doing == NOTHING && is_due && t->again_ms <= mono_ms;
	t->call_ms = call_ms;
	if (t->number == 0 && t->doing == NOTHING && !may_begin) {
		refuse(w, &t->why);
		return;
	}
	if (t->number != 0)
		give(t, w);
	else
		link_put(&t->wants, &w->link);
	if (may_begin)
		look(t);
}

void provider_tokens_refused(struct provider_tokens *p, const struct token_source *source, uint64_t number)
{
	hear_refusal(one_of(p, source), number);
}

/* ---- the step ---- */

static int64_t end_late(struct one *t, int64_t mono_ms)
{
	int64_t due_ms = INT64_MAX;
	struct fail why;
	fail_clear(&why);
	(void)FAILS(&why, PEER_TIMEOUT, "%s: no access token in time", t->source->name);
	for (struct link *at = t->wants.next, *next; at != &t->wants; at = next) {
		struct token_want *w = CONTAINER(at, struct token_want, link);
		next = at->next;
		if (w->until_ms > mono_ms) {
			due_ms = w->until_ms < due_ms ? w->until_ms : due_ms;
			continue;
		}
		link_take(&w->link);
		refuse(w, &why);
	}
	return due_ms;
}

int64_t provider_tokens_step(struct provider_tokens *p, int64_t mono_ms)
{
	int64_t due_ms = INT64_MAX;
	for (int i = 0; i < p->count; i++) {
		struct one *t = &p->at[i];
		int64_t one_ms = end_late(t, mono_ms);
		if (t->doing == WAITING && t->look_ms <= mono_ms) {
			if (link_is_alone(&t->wants) && t->number == 0)
				t->doing = NOTHING;
			else
				look(t);
		}
		if (t->doing == WAITING && t->look_ms < one_ms)
			one_ms = t->look_ms;
		due_ms = one_ms < due_ms ? one_ms : due_ms;
	}
	return due_ms;
}

bool provider_tokens_quiet(const struct provider_tokens *p)
{
	for (int i = 0; i < p->count; i++)
		if (p->at[i].doing == FETCHING || !link_is_alone(&p->at[i].wants))
			return false;
	return true;
}

/* ---- making and taking apart ---- */

struct provider_tokens *provider_tokens_make(struct transport *http)
{
	for (int i = 0; i < (int)(sizeof(ends) / sizeof(ends[0])); i++)
		metric_label(M_provider_tokens, i, ends[i]);
	struct provider_tokens *p = calloc(1, sizeof(*p));
	if (p != NULL)
		p->http = http;
	return p;
}

void provider_tokens_share(struct provider_tokens *p, struct expiring *x)
{
	p->shared = x;
}

void provider_tokens_drop(struct provider_tokens *p)
{
	if (p == NULL)
		return;
	for (int i = 0; i < p->count; i++) {
		forget(&p->at[i]);
		arena_free(&p->at[i].arena);
	}
	free(p);
}
