/* gateway/requests/answer.c - the header section of every answer, put together once for both protocols. */
#include "gateway/gateway.h"
#include "gateway/requests/task.h"

static void add(struct answer *a, struct str name, struct str value, bool never_index)
{
	a->headers[a->count++] = (struct answer_header){ name, value, never_index };
}

static char *put(char *at, struct str s)
{
	memcpy(at, s.at, s.len);
	return at + s.len;
}

/* RateLimit-Policy: "default";q=600;w=60   RateLimit: "default";r=299;t=30 (draft-ietf-httpapi-ratelimit-headers). Told once half is used:
 * before that there is nothing to be careful about, and two fields that are never the same twice cost more than all others. */
static void add_rate(struct task *t, struct answer *a)
{
	const struct rate_verdict *v = &t->rate;
	if (v->quota == 0 || v->remaining > v->quota / 2)
		return;
	char *at = put(t->rate_policy, STR("\"default\";q="));
	at += i64_text(v->quota, at);
	at = put(at, STR(";w="));
	at += i64_text(v->window_s, at);
	add(a, STR("ratelimit-policy"), (struct str){ t->rate_policy, (size_t)(at - t->rate_policy) }, false);
	at = put(t->rate_state, STR("\"default\";r="));
	at += i64_text(v->remaining, at);
	at = put(at, STR(";t="));
	at += i64_text(v->reset_s, at);
	add(a, STR("ratelimit"), (struct str){ t->rate_state, (size_t)(at - t->rate_state) }, true);
}

/* Private answers are kept nowhere on the way; what anyone may read may be kept for a minute. A single resource of a person is
 * kept by the person's own client, which must ask again (its ETag makes that cheap). */
static struct str cache_rule(const struct task *t)
{
	const struct route *row = t->r.route;
	if (t->failed || row == NULL || row->method != METHOD_GET || t->face != FACE_PUBLIC)
		return STR("no-store");
	if (row->who & WHO_ANYONE)
		return STR("public, max-age=60");
	return t->r.version != 0 ? STR("private, no-cache") : STR("no-store");
}

/* Chinese unless asked otherwise. Caches on the way must tell languages apart; a private answer has none on its way, its ETag names
 * the language, and only who asked for one is told. */
static void add_language(const struct task *t, struct answer *a)
{
	bool shared = t->failed || t->r.route == NULL || (t->r.route->who & WHO_ANYONE);
	if (shared || t->r.known[HEADER_ACCEPT_LANGUAGE].at != NULL)
		add(a, STR("content-language"), t->r.lang == LANG_EN ? STR("en") : STR("zh-CN"), false);
	if (shared)
		add(a, STR("vary"), STR("accept-language"), false);
}

/* Browsers say sec-fetch-mode; who asks without a token may be one all the same. A program with a token needs no such rules, and
 * every header costs as much as a fiftieth of the whole answer. */
static void add_browser_rules(const struct request *r, struct answer *a)
{
	if (r->known[HEADER_AUTHORIZATION].at != NULL && r->known[HEADER_SEC_FETCH_MODE].at == NULL)
		return;
	add(a, STR("strict-transport-security"), STR("max-age=31536000"), false);
	add(a, STR("x-content-type-options"), STR("nosniff"), false);
}

static void add_trace(struct task *t, struct answer *a)
{
	struct str came = t->r.known[HEADER_TRACEPARENT];
	if (came.len >= 55 && memcmp(came.at + 3, t->r.trace_id, 32) == 0)
		add(a, STR("traceparent"), (struct str){ came.at, 55 }, true);
}

void task_answer(struct task *t, struct answer *out)
{
	const struct request *r = &t->r;
	const struct reply *reply = &r->reply;
	bool bodiless = reply->status == 204 || reply->status == 304;
	out->status = reply->status;
	out->count = 0;
	out->body_length = bodiless || reply->goes_on != REPLY_ENDS ? SIZE_MAX : reply->body.len;
	out->body = bodiless || r->method == METHOD_HEAD ? STR_NONE : buf_text(&reply->body);
	if (reply->content_type != NULL && !bodiless)
		add(out, STR("content-type"), str_c(reply->content_type), false);
	add(out, STR("cache-control"), cache_rule(t), false);
	if (t->face == FACE_PUBLIC) {
		add_language(t, out);
		add_browser_rules(r, out);
		add_rate(t, out);
		add_trace(t, out);
	}
	if (t->etag[0] != '\0' && !t->failed)
		add(out, STR("etag"), str_c(t->etag), true);
	add(out, STR("x-request-id"), str_c(r->id), true);
	for (int i = 0; i < reply->header_count; i++)
		add(out, reply->headers[i].name, reply->headers[i].value, true);
}
