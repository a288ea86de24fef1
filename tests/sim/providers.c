/* tests/sim/providers.c - see providers.h. */
#include "providers.h"

#include "base/hash.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWERS_MAX = 16, NAME_BYTES = 24, BODY_BYTES = 512, LINE_BYTES = 1024, CALLS_MAX = 256, PERCENT_WELL = 55 };

struct recorded {
	char name[NAME_BYTES], retry_after[NAME_BYTES], body[BODY_BYTES];
	bool is_done;
	enum http_end end;
	int status;
};

/* A provider is known by where it is called. */
static struct provider {
	const char *file, *url;
	struct recorded answers[ANSWERS_MAX];
	int count;
} providers[] = { { .file = "sms_aliyun", .url = "http://sms.example/" }, { .file = "webhook", .url = "http://receiver.example/" }, { .file = "probe", .url = "http://probe.example/" } };
enum { PROVIDERS = sizeof providers / sizeof providers[0] };

static struct transport_job *calls[CALLS_MAX];
static int call_count;
static struct provider_deed deeds[PROVIDER_DEEDS_MAX];
static int deed_count;
static void (*watch)(void *ctx, const char *key, bool is_question);
static void *watch_ctx;

/* ---- what was recorded ---- */

static char *field(char **line)
{
	char *at = strsep(line, "\t\n");
	assert(at != NULL && "a line of answers/ is short of a field");
	return at;
}

static void read_answers(struct provider *p)
{
	char path[LINE_BYTES], line[LINE_BYTES];
	snprintf(path, sizeof path, "%s/tests/sim/answers/%s.txt", SIBAN_SOURCE_DIR, p->file);
	FILE *f = fopen(path, "r");
	assert(f != NULL && "answers/ is not there");
	for (p->count = 0; fgets(line, sizeof line, f) != NULL; p->count++) {
		char *at = line;
		assert(p->count < ANSWERS_MAX);
		struct recorded *r = &p->answers[p->count];
		snprintf(r->name, sizeof r->name, "%s", field(&at));
		r->is_done = strcmp(field(&at), "done") == 0;
		const char *end = field(&at);
		r->end = strcmp(end, "answered") == 0 ? HTTP_ANSWERED : strcmp(end, "unclear") == 0 ? HTTP_UNCLEAR : HTTP_NOT_SENT;
		r->status = atoi(field(&at));
		snprintf(r->retry_after, sizeof r->retry_after, "%s", field(&at));
		snprintf(r->body, sizeof r->body, "%s", field(&at));
	}
	fclose(f);
	assert(p->count > 0 && p->answers[0].is_done && p->answers[0].end == HTTP_ANSWERED);
}

void providers_begin(void)
{
	for (int i = 0; i < PROVIDERS; i++)
		read_answers(&providers[i]);
}

/* ---- calls ---- */

/* Every codec carries the effect's key somewhere. */
static void key_of(const struct transport_job *job, char key[PROVIDER_KEY_BYTES])
{
	char all[LINE_BYTES * 4];
	int len = snprintf(all, sizeof all, "%.*s ", STR_ARG(job->call.url));
	for (int i = 0; i < job->call.header_count; i++)
		len += snprintf(all + len, sizeof all - (size_t)len, "%.*s ", STR_ARG(job->call.headers[i].value));
	const char *at = strstr(all, "ef_");
	assert(at != NULL && "a call without the effect's key");
	size_t n = 3 + strspn(at + 3, "0123456789ABCDEFGHJKMNPQRSTVWXYZ");
	assert(n < PROVIDER_KEY_BYTES);
	memcpy(key, at, n);
	key[n] = '\0';
}

static struct provider *called(const struct transport_job *job)
{
	for (int i = 0; i < PROVIDERS; i++)
		if (str_starts(job->call.url, str_c(providers[i].url)))
			return &providers[i];
	assert(!"nobody lives there");
	return NULL;
}

static struct provider_deed *deed_of(const char *key)
{
	for (int i = 0; i < deed_count; i++)
		if (strcmp(deeds[i].key, key) == 0)
			return &deeds[i];
	return NULL;
}

static bool is_question(const struct transport_job *job)
{
	return job->call.method == METHOD_GET;
}

static void begin(struct transport *t, struct transport_job *job)
{
	static const uint8_t hash_key[16];
	char key[PROVIDER_KEY_BYTES];
	(void)t;
	assert(call_count < CALLS_MAX);
	key_of(job, key);
	struct provider_deed *d = deed_of(key);
	if (watch != NULL)
		watch(watch_ctx, key, is_question(job));
	if (d == NULL && !is_question(job)) {
		assert(deed_count < PROVIDER_DEEDS_MAX);
		d = &deeds[deed_count++];
		*d = (struct provider_deed){ .body = siphash(hash_key, job->call.body.at, job->call.body.len) };
		memcpy(d->key, key, sizeof key);
	}
	if (d != NULL && !is_question(job)) {
		assert(d->body == siphash(hash_key, job->call.body.at, job->call.body.len) && "the same key says something else");
		d->calls++;
	}
	calls[call_count++] = job;
}

static struct transport transport = { begin };

struct transport *providers_transport(void)
{
	return &transport;
}

void providers_watch(void (*called_fn)(void *ctx, const char *key, bool is_question), void *ctx)
{
	watch = called_fn;
	watch_ctx = ctx;
}

bool providers_is_under_way(const char *key)
{
	char one[PROVIDER_KEY_BYTES];
	for (int i = 0; i < call_count; i++) {
		key_of(calls[i], one);
		if (strcmp(one, key) == 0)
			return true;
	}
	return false;
}

static void act(const struct transport_job *job)
{
	char key[PROVIDER_KEY_BYTES];
	key_of(job, key);
	deed_of(key)->done++;
}

/* What it says when it is asked whether it did. */
static int knows(const struct transport_job *job)
{
	char key[PROVIDER_KEY_BYTES];
	key_of(job, key);
	const struct provider_deed *d = deed_of(key);
	return d != NULL && d->done > 0 ? 200 : 404;
}

const char *providers_answer(struct rng *rng, bool is_well)
{
	if (call_count == 0)
		return NULL;
	int at = rng_below(rng, call_count);
	struct transport_job *job = calls[at];
	calls[at] = calls[--call_count];
	const struct provider *p = called(job);
	const struct recorded *r = &p->answers[is_well || rng_percent(rng, PERCENT_WELL) ? 0 : rng_below(rng, p->count)];
	if (r->is_done && !is_question(job))
		act(job);
	job->answer = (struct http_answer){ .end = r->end, .status = is_question(job) && r->end == HTTP_ANSWERED && r->status < 500 ? knows(job) : r->status,
					    .body = str_c(r->body), .retry_after = r->retry_after[0] != '\0' ? str_c(r->retry_after) : STR_NONE };
	job->done(job);
	return r->name;
}

void providers_lose_caller(struct rng *rng)
{
	for (int i = 0; i < call_count; i++)
		if (!is_question(calls[i]) && rng_percent(rng, 50))
			act(calls[i]);
	call_count = 0;
}

void providers_clear(void)
{
	call_count = deed_count = 0;
}

const struct provider_deed *providers_deed(const char *key)
{
	return deed_of(key);
}

void providers_each(void (*see)(void *ctx, const struct provider_deed *d), void *ctx)
{
	for (int i = 0; i < deed_count; i++)
		see(ctx, &deeds[i]);
}
