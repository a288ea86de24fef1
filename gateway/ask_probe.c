/* gateway/ask_probe.c - a question to anybody, for development: it asks a URL and keeps the status it got under the Idempotency-Key.
 *
 * No handler of the product so far both asks and writes; this one does, so that a test can stop the gateway between the two. */
#include "channels/ask.h"
#include "gateway/machine.h"

enum { PROBED = 1, URL_MAX = 512 };
enum { N_STATUS };

struct probe {
	struct str url;
	int status;
};

static const struct json_field fields[] = {
	{ "url", JSON_F_TEXT, true, 8, URL_MAX, offsetof(struct probe, url), NULL },
};

static bool probe_parse(struct request *r, struct fail *why)
{
	struct probe *p = request_state(r, sizeof(*p), why);
	if (p == NULL || !request_json(r, fields, 1, p, why))
		return false;
	return machine_is_development() || FAILS(why, FORBIDDEN, "questions to anybody are for development");
}

static bool probe_ask_build(struct request *r, struct question *q, struct fail *why)
{
	const struct probe *p = r->state;
	(void)why;
	q->peer = STR("probe");
	q->call = (struct http_call){ .method = METHOD_GET, .url = p->url };
	return true;
}

static bool probe_ask_judge(struct request *r, const struct http_answer *answer, struct fail *why)
{
	(void)why;
	((struct probe *)r->state)->status = answer->status;
	return true;
}

static const struct ask probe_ask = { probe_ask_build, probe_ask_judge };

static bool probe_apply(struct tx *tx, struct request *r, struct fail *why)
{
	(void)tx, (void)why;
	r->outcome = (struct outcome){ .code = PROBED, .status = 200, .n = { [N_STATUS] = ((const struct probe *)r->state)->status } };
	return true;
}

static bool probe_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "status", r->outcome.n[N_STATUS]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_ask_probe = { .parse = probe_parse, .ask = &probe_ask, .apply = probe_apply, .render = probe_render };
