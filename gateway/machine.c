/* gateway/machine.c - what an operator's tools ask: alive? ready? how much? which version? and the two knobs of the control socket. */
#include "gateway/machine.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "gateway/expiring/forgetting.h"
#include "store/committer.h"
#include "store/store.h"

const char SIBAN_VERSION[] = "0.1.0";

enum { READY_QUEUE_SHARE = 90 /* percent of the write queue above which balancers should send elsewhere */ };

static struct gateway *here;

void machine_of(struct gateway *g)
{
	here = g;
}

const struct config *machine_config(void)
{
	return atomic_load(&here->config);
}

bool machine_is_development(void)
{
	return atomic_load(&here->config)->development;
}

static void reply_text(struct request *r, int status, const char *type, size_t first)
{
	r->reply.status = status;
	r->reply.content_type = type;
	buf_init(&r->reply.body, &r->arena, first);
}

static bool livez_render(struct request *r, struct fail *why)
{
	reply_text(r, 200, "text/plain; charset=utf-8", 16);
	buf_str(&r->reply.body, STR("ok\n"));
	return buf_ok(&r->reply.body) || FAILS(why, MEMORY, "livez");
}

const struct handler livez = { .render = livez_render };

/* ---- readyz: each thing that must be so, by name ---- */

static bool store_ready(void)
{
	struct fail why;
	fail_clear(&why);
	bool ok = store_healthy(here->store, &why);
	if (!ok)
		log_fail(STR_NONE, &why);
	return ok;
}

static bool queue_ready(void)
{
	const struct config *c = atomic_load(&here->config);
	return committer_waiting(here->committer) * 100 < (size_t)c->lane_write_max * READY_QUEUE_SHARE;
}

static bool not_stopping(void)
{
	return !atomic_load(&here->stopping);
}

static bool started(void)
{
	return atomic_load(&here->ready);
}

static bool expiring_ready(void)
{
	return forgetting_holds(here);
}

static const struct {
	const char *name;
	bool (*holds)(void);
	bool is_told_only; /* without it this node serves all but some, and so do all others: nobody gains by leaving it */
} ready_checks[] = { { "started", started, false }, { "not_stopping", not_stopping, false }, { "store", store_ready, false }, { "write_queue", queue_ready, false },
	{ "expiring", expiring_ready, true } };

static bool readyz_render(struct request *r, struct fail *why)
{
	bool all = true, verbose = str_starts(r->query, STR("verbose"));
	reply_text(r, 200, "text/plain; charset=utf-8", 256);
	for (size_t i = 0; i < sizeof(ready_checks) / sizeof(ready_checks[0]); i++) {
		bool holds = ready_checks[i].holds();
		all = all && (holds || ready_checks[i].is_told_only);
		if (verbose)
			buf_printf(&r->reply.body, "[%c] %s\n", holds ? '+' : '-', ready_checks[i].name);
	}
	buf_str(&r->reply.body, all ? STR("ready\n") : STR("not ready\n"));
	r->reply.status = all ? 200 : 503;
	return buf_ok(&r->reply.body) || FAILS(why, MEMORY, "readyz");
}

const struct handler readyz = { .render = readyz_render };

/* ---- metrics, version ---- */

static bool metrics_render(struct request *r, struct fail *why)
{
	struct str accept = request_header(r, STR("accept"));
	bool openmetrics = accept.at != NULL && memmem(accept.at, accept.len, "application/openmetrics-text", 28) != NULL;
	reply_text(r, 200, openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8", 64 << 10);
	metrics_text(&r->reply.body, openmetrics);
	return buf_ok(&r->reply.body) || FAILS(why, MEMORY, "metrics");
}

const struct handler metrics = { .render = metrics_render };

static bool version_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "name", STR("siban"));
	json_add_text(&j, "version", str_c(SIBAN_VERSION));
	json_add_number(&j, "schema", store_schema_version(here->store));
	json_add_number(&j, "uptime_s", (clock_mono_ns() - here->started_ns) / 1000000000);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler version = { .render = version_render };

/* ---- control: fault switches (development), reload ---- */

struct fault_body {
	struct str setting;
};

static bool control_fault_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ .name = "switch", .kind = JSON_F_TEXT, .required = true, .min = 1, .max = 64, .offset = offsetof(struct fault_body, setting) },
	};
	struct fault_body *body = request_state(r, sizeof(*body), why);
	if (body == NULL || !request_json(r, fields, 1, body, why))
		return false;
	if (!machine_is_development())
		return FAILS(why, FORBIDDEN, "fault switches are for development");
	if (!fault_set(body->setting))
		return FAILS_FIELD(why, FIELD, "/switch", "no such switch, or this build has none");
	LOG_EVENT(fault_set, str_c(r->id), L_STR(body->setting));
	return true;
}

static bool control_fault_render(struct request *r, struct fail *why)
{
	struct fault_body *body = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "switch", body->setting);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_fault = { .parse = control_fault_parse, .render = control_fault_render };

static bool control_reload_render(struct request *r, struct fail *why)
{
	static struct config_wrongs wrongs; /* large; only loop 0 serves the control socket */
	char changed[1024], refused[1024];
	wrongs.count = 0;
	bool ok = gateway_reload(here, changed, sizeof(changed), refused, sizeof(refused), &wrongs);
	struct json_out j = reply_json(r, ok ? 200 : 422);
	json_put_object(&j);
	json_add_text(&j, "changed", str_c(ok ? changed : ""));
	json_add_text(&j, "needs_restart", str_c(ok ? refused : ""));
	json_put_name(&j, "wrong");
	json_put_array(&j);
	for (int i = 0; i < wrongs.count && i < CONFIG_WRONGS_MAX; i++) {
		json_put_object(&j);
		json_add_number(&j, "line", wrongs.at[i].line);
		json_add_text(&j, "name", str_c(wrongs.at[i].name));
		json_add_text(&j, "why", str_c(wrongs.at[i].why));
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_reload = { .render = control_reload_render };
