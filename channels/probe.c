/* channels/probe.c - why this exists: the rule that asks must be as true as the two that others use already. */
#include "channels/probe.h"

#ifdef SIBAN_FAULTS
#include <stdio.h>

enum { TIMEOUT_MS = 3000, ANSWER_MAX = 1024 };

struct probe {
	struct str url;
};

static bool call(const struct order *o, enum method method, struct arena *a, struct http_call *out, struct fail *why)
{
	static const struct json_field fields[] = { { "url", JSON_F_TEXT, true, 1, 200, offsetof(struct probe, url), NULL } };
	struct probe p = { STR_NONE };
	DROP(json) json_t *j = json_read(o->payload, why);
	if (j == NULL || !json_take(j, fields, 1, JSON_IGNORE_UNKNOWN, "", &p, a, why))
		return false;
	struct buf url;
	buf_init(&url, a, p.url.len + 64);
	buf_printf(&url, "%.*s/%s", STR_ARG(p.url), o->key);
	*out = (struct http_call){ .method = method, .url = buf_text(&url), .timeout_ms = TIMEOUT_MS, .answer_max = ANSWER_MAX };
	return buf_ok(&url) || FAILS(why, MEMORY, "a probe's address");
}

static bool build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	return call(o, METHOD_POST, a, out, why);
}

static bool build_query(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	return call(o, METHOD_GET, a, out, why);
}

static void judge_by(const struct http_answer *answer, enum verdict when_refused, struct judgement *out)
{
	bool is_done = answer->end == HTTP_ANSWERED && answer->status == 200, is_refused = answer->end == HTTP_ANSWERED && answer->status < 500;
	out->verdict = is_done ? VERDICT_DONE : answer->end == HTTP_NOT_SENT ? VERDICT_AGAIN : is_refused ? when_refused : VERDICT_UNKNOWN;
	snprintf(out->code, sizeof out->code, "%d", answer->end == HTTP_ANSWERED ? answer->status : 0);
}

static void judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	(void)o;
	judge_by(answer, VERDICT_FAILED, out);
}

/* That the question did not get there says nothing about the deed. */
static void judge_query(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	(void)o;
	judge_by(answer, VERDICT_AGAIN, out);
	if (answer->end != HTTP_ANSWERED)
		out->verdict = VERDICT_UNKNOWN;
}

const struct codec_http codec_probe = { "probe", build, judge, build_query, judge_query };
#endif
