/* gateway/requests/ask_probe.c - a question to anybody, for development: it asks a URL, and then perhaps another, and keeps each status under the Idempotency-Key.
 * The word "busy" is no answer that is kept.
 *
 * It writes after it asked, so that a test can stop the gateway between the two. */
#include "channels/ask.h"
#include "gateway/machine.h"

enum { PROBED = 1, URL_MAX = 512 };
enum { N_STATUS, N_THEN_STATUS };

struct probe {
	struct str url, then_url;
	int status[2], asked;
};

static const struct json_field fields[] = {
	{ "url", JSON_F_TEXT, true, 8, URL_MAX, offsetof(struct probe, url), NULL },
	{ "then_url", JSON_F_TEXT, false, 8, URL_MAX, offsetof(struct probe, then_url), NULL },
};

static bool probe_parse(struct request *r, struct fail *why)
{
	struct probe *p = request_state(r, sizeof(*p), why);
	if (p == NULL || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), p, why))
		return false;
	return machine_is_development() || FAILS(why, FORBIDDEN, "questions to anybody are for development");
}

static bool probe_may_keep(const struct http_answer *answer)
{
	return !str_eq(answer->body, STR("busy"));
}

static bool probe_ask_build(struct request *r, struct question *q, struct fail *why)
{
	const struct probe *p = r->state;
	(void)why;
	if (p->asked > 1 || (p->asked == 1 && p->then_url.at == NULL))
		return true;
	q->peer = STR("probe");
	q->call = (struct http_call){ .method = METHOD_GET, .url = p->asked == 0 ? p->url : p->then_url };
	q->may_keep = probe_may_keep;
	return true;
}

static bool probe_ask_judge(struct request *r, const struct http_answer *answer, struct fail *why)
{
	(void)why;
	struct probe *p = r->state;
	p->status[p->asked++] = answer->status;
	return true;
}

static const struct ask probe_ask = { .build = probe_ask_build, .judge = probe_ask_judge, .asks_again = true };

static bool probe_apply(struct tx *tx, struct request *r, struct fail *why)
{
	(void)tx, (void)why;
	const struct probe *p = r->state;
	r->outcome = (struct outcome){ .code = PROBED, .status = 200, .n = { [N_STATUS] = p->status[0], [N_THEN_STATUS] = p->status[1] } };
	return true;
}

static bool probe_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "status", r->outcome.n[N_STATUS]);
	if (r->outcome.n[N_THEN_STATUS] != 0)
		json_add_number(&j, "then_status", r->outcome.n[N_THEN_STATUS]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_ask_probe = { .parse = probe_parse, .ask = &probe_ask, .apply = probe_apply, .render = probe_render };
