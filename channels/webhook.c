/* channels/webhook.c - why this exists: the receiver's status is all we know of what it did. */
#include "channels/webhook.h"

#include "base/json.h"
#include "channels/retry_after.h"
#include "channels/standard_webhooks.h"
#include "channels/url.h"

#include <stdio.h>

enum { TIMEOUT_MS = 15000, ANSWER_MAX = 4096, WEBHOOK_KEYS = 2 };

static void add(struct http_call *c, const char *name, struct str value)
{
	c->headers[c->header_count++] = (struct header){ str_c(name), value };
}

/* Signed with each key: whoever changes his is known by the old one and the new. */
static bool call(const struct order *o, struct str url, struct str body, const struct secret keys[WEBHOOK_KEYS], struct arena *a, struct http_call *out, struct fail *why)
{
	char signatures[WEBHOOK_KEYS * WEBHOOK_SIGNATURE_BYTES], digits[21], one[WEBHOOK_SIGNATURE_BYTES];
	int64_t now_s = o->now_ms / 1000;
	size_t len = 0;
	for (int i = 0; i < WEBHOOK_KEYS && keys[i].secret.at != NULL; i++) {
		if (!webhook_sign(keys[i], str_c(o->key), now_s, body, one))
			return FAILS(why, CONFIG, "the key of a webhook: want whsec_ and base64 of 24 to 64 bytes");
		len += (size_t)snprintf(signatures + len, sizeof signatures - len, "%s%s", i > 0 ? " " : "", one);
	}
	*out = (struct http_call){ .method = METHOD_POST, .url = url, .body = body, .timeout_ms = TIMEOUT_MS, .answer_max = ANSWER_MAX };
	add(out, "content-type", STR("application/json"));
	add(out, "webhook-id", str_copy(a, str_c(o->key)));
	add(out, "webhook-timestamp", str_copy(a, (struct str){ digits, i64_text(now_s, digits) }));
	add(out, "webhook-signature", str_copy(a, (struct str){ signatures, len }));
	for (int i = 0; i < out->header_count; i++)
		if (out->headers[i].value.at == NULL)
			return FAILS(why, MEMORY, "a webhook's headers");
	return true;
}

static bool build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	const struct secret keys[WEBHOOK_KEYS] = { o->secret };
	return call(o, str_c(o->config->webhook_url), o->payload, keys, a, out, why);
}

/* ---- to whoever registered an address ---- */

struct addressed {
	struct str url, secret, old_secret, body;
};

static bool build_addressed(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "url", JSON_F_TEXT, true, 1, URL_BASE_MAX, offsetof(struct addressed, url), NULL },
		{ "secret", JSON_F_TEXT, true, 1, WEBHOOK_KEY_TEXT_MAX, offsetof(struct addressed, secret), NULL },
		{ "old_secret", JSON_F_TEXT, false, 1, WEBHOOK_KEY_TEXT_MAX, offsetof(struct addressed, old_secret), NULL },
		{ "body", JSON_F_TEXT, true, 1, WEBHOOK_BODY_MAX, offsetof(struct addressed, body), NULL },
	};
	struct addressed to = { .url = STR_NONE };
	DROP(json) json_t *payload = json_read(o->payload, why);
	if (payload == NULL || !json_take(payload, fields, sizeof fields / sizeof fields[0], JSON_REFUSE_UNKNOWN, "", &to, a, why))
		return false;
	const struct secret keys[WEBHOOK_KEYS] = { { to.secret }, { to.old_secret } };
	return call(o, to.url, to.body, keys, a, out, why);
}

/* 410 Gone is the receiver's word for "never again" (Standard Webhooks, "Deliverability"). */
static void judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	int status = answer->status;
	if (answer->end == HTTP_NOT_SENT || answer->end == HTTP_UNCLEAR) {
		out->verdict = answer->end == HTTP_NOT_SENT ? VERDICT_AGAIN : VERDICT_UNKNOWN;
		snprintf(out->code, sizeof out->code, "%s", answer->end == HTTP_NOT_SENT ? "not_sent" : "unclear");
		return;
	}
	snprintf(out->code, sizeof out->code, "http_%d", status);
	out->again_after_ms = retry_after_ms(answer, o->now_ms);
	out->verdict = status >= 200 && status < 300 ? VERDICT_DONE : status == 410 ? VERDICT_FAILED : VERDICT_AGAIN;
}

const struct codec_http codec_webhook = { "webhook", build, judge, NULL, NULL };
const struct codec_http codec_department_hook = { "department_hook", build_addressed, judge, NULL, NULL };
