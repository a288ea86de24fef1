/* channels/signed_question.c - why this exists: those who ask differ in what they ask, not in how it is signed. */
#include "channels/signed_question.h"

#include "channels/standard_webhooks.h"

static void add(struct http_call *c, const char *name, struct str value)
{
	c->headers[c->header_count++] = (struct header){ str_c(name), value };
}

bool signed_question_build(const struct signed_question *q, struct arena *a, struct http_call *out, struct fail *why)
{
	char signature[WEBHOOK_SIGNATURE_BYTES], digits[21];
	struct buf url;
	int64_t now_s = q->now_ms / 1000;
	buf_init(&url, a, q->base.len + q->path.len + 1);
	buf_str(&url, q->base);
	buf_str(&url, q->path);
	if (q->body.at == NULL || !buf_ok(&url))
		return FAILS(why, MEMORY, "a question to %.*s", (int)q->path.len, q->path.at);
	if (!webhook_sign(q->key, q->id, now_s, q->body, signature))
		return FAILS(why, CONFIG, "%s: want whsec_ and base64 of 24 to 64 bytes", q->key_name);
	*out = (struct http_call){ .method = METHOD_POST, .url = buf_text(&url), .body = q->body, .answer_max = q->answer_max };
	add(out, "accept", STR("application/json"));
	add(out, "content-type", STR("application/json"));
	add(out, "webhook-id", q->id);
	add(out, "webhook-timestamp", str_copy(a, (struct str){ digits, i64_text(now_s, digits) }));
	add(out, "webhook-signature", str_copy(a, str_c(signature)));
	return !a->refused || FAILS(why, MEMORY, "a question's headers");
}
