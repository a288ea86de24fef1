/* channels/webhook.c - why this exists: the receiver's status is all we know of what it did. */
#include "channels/webhook.h"

#include "channels/retry_after.h"
#include "channels/standard_webhooks.h"

#include <stdio.h>

enum { TIMEOUT_MS = 15000, ANSWER_MAX = 4096 };

static void add(struct http_call *c, const char *name, struct str value)
{
	c->headers[c->header_count++] = (struct header){ str_c(name), value };
}

static bool build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	char signature[WEBHOOK_SIGNATURE_BYTES], digits[21];
	int64_t now_s = o->now_ms / 1000;
	if (!webhook_sign(o->secret, str_c(o->key), now_s, o->payload, signature))
		return FAILS(why, CONFIG, "webhook.secret_file: want whsec_ and base64 of 24 to 64 bytes");
	*out = (struct http_call){ .method = METHOD_POST, .url = str_c(o->config->webhook_url), .body = o->payload, .timeout_ms = TIMEOUT_MS, .answer_max = ANSWER_MAX };
	add(out, "content-type", STR("application/json"));
	add(out, "webhook-id", str_copy(a, str_c(o->key)));
	add(out, "webhook-timestamp", str_copy(a, (struct str){ digits, i64_text(now_s, digits) }));
	add(out, "webhook-signature", str_copy(a, str_c(signature)));
	for (int i = 0; i < out->header_count; i++)
		if (out->headers[i].value.at == NULL)
			return FAILS(why, MEMORY, "a webhook's headers");
	return true;
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
