/* gateway/gateway.c - one line per room, in the order in which they need each other; taken apart in reverse. */
#include "gateway/gateway.h"
#include "auth/keyring.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "channels/wechat_pay_keys.h"
#include "gateway/beside/backup_desk.h"
#include "gateway/beside/backup_rota.h"
#include "gateway/beside/blob_clearer.h"
#include "gateway/door/door.h"
#include "gateway/loops/errands.h"
#include "gateway/expiring/forgetting.h"
#include "gateway/beside/hasher.h"
#include "gateway/beside/indexer.h"
#include "gateway/beside/jobs.h"
#include "gateway/live/live.h"
#include "gateway/machine.h"
#include "gateway/beside/nodes.h"
#include "gateway/requests/noted.h"
#include "gateway/beside/office_book.h"
#include "gateway/outside/outside.h"
#include "gateway/loops/poller.h"
#include "gateway/requests/ratelimit.h"
#include "gateway/beside/reconciler.h"
#include "gateway/outside/scanner.h"
#include "gateway/requests/task.h"
#include "notify/account.h"
#include "notify/delivery.h"
#include "payments/attempts/attempt_channel.h"
#include "payments/bureau/confirmation_send.h"
#include "payments/bureau/receipt_send.h"
#include "payments/refunds/refund_wechat.h"
#include "services/applying/certificate_account.h"
#include "services/departments/department_system.h"
#include "services/departments/hook.h"
#include "services/handlers.h"
#include "services/money/finance_account.h"
#include "services/money/refunding.h"
#include "services/money/wechat_pay_account.h"
#include "services/money/nontax_account.h"
#include "services/people/authority_account.h"
#include "services/people/certificate_trust.h"
#include "services/people/provincial.h"
#include "services/people/wechat_account.h"
#include "store/checkpointer.h"
#include "store/committer.h"
#include "store/store.h"
#include <pthread.h>
#include <stdlib.h>

enum { RATE_KEYS_MAX = 1 << 19 };

static void name_metrics(void)
{
	static const char *const classes[] = { "other", "1xx", "2xx", "3xx", "4xx", "5xx" };
	static const char *const rates[RATE_COUNT] = { "none", "read", "write", "department", "public", "lookup", "miss" };
	for (int i = 0; i < route_count; i++) {
		metric_label(M_requests, i, routes[i].name);
		metric_label(M_request_seconds, i, routes[i].name);
		metric_label(M_slow_inline, i, routes[i].name);
	}
	metric_label(M_requests, route_count, "none");
	metric_label(M_request_seconds, route_count, "none");
	for (int i = 0; i < 6; i++)
		metric_label(M_responses, i, classes[i]);
	for (int i = 0; i < FAIL_COUNT; i++)
		metric_label(M_failures, i, i == FAIL_NONE ? "none" : fail_row((enum fail_code)i)->slug);
	live_count_names();
	for (int i = 0; i < RATE_COUNT; i++)
		metric_label(M_rate_limited, i, rates[i]);
	park_name_metrics();
	wechat_pay_callback_names();
	wechat_nontax_callback_names();
	wechat_nontax_fee_names();
}

/* ---- start ---- */

static void *poller_thread(void *ctx)
{
	struct poller *p = ctx;
	poller_run(p);
	atomic_fetch_sub(&p->loop.gateway->pollers_alive, 1);
	return NULL;
}

static bool open_pollers(struct gateway *g, const struct config *c, struct fail *why)
{
	uv_cpu_info_t *cpus;
	int cores = 1;
	if (uv_cpu_info(&cpus, &cores) == 0)
		uv_free_cpu_info(cpus, cores);
	int wanted = c->loops > 0 ? (int)c->loops : cores;
	g->pollers = calloc((size_t)wanted, sizeof(*g->pollers));
	if (g->pollers == NULL)
		return FAILS(why, MEMORY, "%d loops", wanted);
	for (int i = 0; i < wanted; i++) {
		g->poller_count++;
		if (!poller_open(&g->pollers[i], g, i, why))
			return false;
	}
	return true;
}

static bool run_pollers(struct gateway *g, struct fail *why)
{
	g->jobs = jobs_start(g->committer, &g->config, g->nodes, &g->pollers[0].uv, why);
	if (g->jobs == NULL)
		return false;
	backup_rota_start(&g->config, &g->pollers[0].uv);
	for (int i = 0; i < g->poller_count; i++) {
		if (pthread_create(&g->pollers[i].thread, NULL, poller_thread, &g->pollers[i]) != 0)
			return FAILS(why, SYSTEM, "thread of loop %d", i);
		atomic_fetch_add(&g->pollers_alive, 1);
	}
	return true;
}

/* What services must know before the first request. */
static bool ready_services(struct gateway *g, const struct config *c, struct fail *why)
{
	return keyring_open(c, false, why) && services_start(g->store, c, false, why) && accounts_open(c, why) &&
	       department_systems_load(c->department_systems_file, why) && authority_open(c, why) && certificate_trust_load(c, why) && finance_open(c, why) &&
	       provincial_open(c, why) && scanner_start(c, why) && certificate_account_open(c, why) && wechat_account_open(c, why) && wechat_pay_load(c, why);
}

static bool join_nodes(struct gateway *g, const struct config *c, struct fail *why)
{
	int jobs;
	const char *const *names = jobs_for_all(&jobs);
	return nodes_start(g->store, c, names, jobs, &g->nodes, why);
}

bool gateway_start(struct gateway *g, const struct config *c, struct fail *why)
{
	atomic_store(&g->config, c);
	g->started_ns = clock_mono_ns();
	route_table_build();
	name_metrics();
	machine_of(g);
	office_book_compose();
	effect_follow(KIND_application_hook, hook_followed);
	effect_follow(KIND_department_hook, hook_followed); /* an address that takes nothing for long is disabled */
	effect_follow(KIND_finance_confirm, confirmation_followed); /* paid becomes booked */
	effect_follow(KIND_receipt_issue, receipt_followed);
	effect_follow(KIND_receipt_reverse, receipt_followed);
	effect_follow(KIND_wechat_pay_prepay, attempt_ordered);
	effect_follow(KIND_wechat_pay_query, attempt_answered);
	effect_follow(KIND_wechat_pay_close, attempt_closed);
	effect_follow(KIND_wechat_nontax_order, attempt_ordered);
	effect_follow(KIND_wechat_nontax_query, attempt_answered);
	effect_follow(KIND_wechat_nontax_micropay, attempt_scanned);
	effect_follow_again(KIND_wechat_nontax_micropay, attempt_scans_again);
	effect_follow(KIND_wechat_nontax_list, attempt_listed);
	attempts_compose(c);
	effect_follow(KIND_wechat_pay_refund, refund_wechat_followed);
	effect_follow(KIND_wechat_pay_refund_query, refund_wechat_followed);
	effect_follow(KIND_wechat_nontax_refund, refund_wechat_followed);
	effect_follow(KIND_wechat_nontax_refund_query, refund_wechat_followed);
	refund_wechat_compose();
	money_watch_open();
	effect_follow(KIND_wechat_pay_certificates, wechat_pay_certificates_came);
	effect_follow(KIND_sms_aliyun, delivery_changed); /* what became of a message's bell, its person hears */
	bool ok = (g->store = store_open(c, STORE_SERVE, why)) != NULL;
	if (ok) {
		relay_open(g);
		backup_desk_open(g->store);
	}
	ok = ok &&
		ready_services(g, c, why) &&                                      /* keys and settings, before anyone can ask */
		(g->committer = committer_start(g->store, c, why)) != NULL &&
		(!store_is_embedded(g->store) || (g->checkpointer = checkpointer_start(g->store, c, why)) != NULL) && /* a server sees to its log itself */
		(g->hasher = hasher_start(&(struct hasher_how){ .helpers = (int)c->lane_cpu_threads }, why)) != NULL &&
		(g->lanes = lanes_start(g, c, why)) != NULL &&
		(store_is_embedded(g->store) || (g->errands = errands_start(g, "errands", 2, why)) != NULL) &&
		(g->tables = errands_start(g, "tables", 1, why)) != NULL &&
		(g->indexer = indexer_start(g->store, why)) != NULL &&
		(g->blob_clearer = blob_clearer_start(g->store, why)) != NULL &&
		join_nodes(g, c, why) &&
		(g->outside = outside_start(g->store, g->committer, &g->config, &g->hub, g->nodes, why)) != NULL &&
		(g->reconciler = reconciler_start(g->store, g->committer, g->outside, &g->config, why)) != NULL &&
		(g->tls = door_tls_make(c, why)) != NULL;
	if (ok && (g->ratelimit = ratelimit_make(RATE_KEYS_MAX)) == NULL)
		ok = FAILS(why, MEMORY, "rate limits");
	ok = ok && forgetting_start(g, c, why);
	ok = ok && open_pollers(g, c, why) && (g->redis == NULL || outside_share(g->outside, &g->pollers[0].loop, why));
	ok = ok && run_pollers(g, why);                 /* doors last: who is let in finds everything there */
	if (!ok) {
		gateway_stop(g);
		return false;
	}
	atomic_store(&g->ready, true);
	LOG_EVENT(started, STR_NONE, L_C(SIBAN_VERSION), L_INT(c->listen_port), L_INT(g->poller_count), L_INT(store_schema_version(g->store)));
	LOG_EVENT(ready, STR_NONE, L_INT((clock_mono_ns() - g->started_ns) / 1000000));
	log_flush();
	return true;
}

/* ---- reload ---- */

/* A configuration that was in force stays until the end: some thread may still be reading it. */
struct kept_config {
	struct config config;
	struct kept_config *older;
};

/* What the configuration only names. */
static bool reload_files(struct gateway *g, const struct config *wanted, struct config_wrongs *wrongs)
{
	struct fail why;
	fail_clear(&why);
	if (!department_systems_load(wanted->department_systems_file, &why))
		config_wrong_add(wrongs, "departments.systems_file", why.log);
	else if (!certificate_trust_load(wanted, &why))
		config_wrong_add(wrongs, "certificate.trust_file", why.log);
	else if (!wechat_pay_load(wanted, &why))
		config_wrong_add(wrongs, "wechat.pay.key_file", why.log);
	else if (!door_tls_reload(g->tls, wanted, &why))
		config_wrong_add(wrongs, "tls.client_hosts", why.log);
	return why.code == FAIL_NONE;
}

static bool reload(struct gateway *g, char *changed, size_t changed_max, char *refused, size_t refused_max, struct config_wrongs *wrongs)
{
	struct config wanted;
	config_defaults(&wanted);
	bool ok = config_read(&wanted, g->config_path, wrongs);
	for (char *const *o = g->overrides; o != NULL && *o != NULL; o++)
		ok = config_override(&wanted, *o, wrongs) && ok;
	ok = ok && config_consistent(&wanted, wrongs) && reload_files(g, &wanted, wrongs);
	struct kept_config *kept = ok ? malloc(sizeof(*kept)) : NULL;
	if (kept == NULL)
		return false;
	kept->config = *atomic_load(&g->config);
	kept->older = g->kept;
	g->kept = kept;
	struct config *next = &kept->config;
	config_reload(next, &wanted, changed, changed_max, refused, refused_max);
	atomic_store(&g->config, next);
	log_level_set((enum log_level)next->log_level);
	for (int i = 0; i < g->poller_count; i++)
		poller_nudge(&g->pollers[i]);
	outside_nudge(g->outside);
	LOG_EVENT(config_reloaded, STR_NONE, L_C(changed));
	return true;
}

bool gateway_reload(struct gateway *g, char *changed, size_t changed_max, char *refused, size_t refused_max, struct config_wrongs *wrongs)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER; /* a SIGHUP and the control socket may ask at once */
	pthread_mutex_lock(&one_at_a_time);
	bool ok = reload(g, changed, changed_max, refused, refused_max, wrongs);
	pthread_mutex_unlock(&one_at_a_time);
	return ok;
}

/* ---- stop ---- */

void gateway_stop(struct gateway *g)
{
	int64_t began = clock_mono_ns();
	int running = atomic_load(&g->pollers_alive); /* before any of them may end */
	atomic_store(&g->stopping, true);
	jobs_stop(g->jobs);
	outside_drain(g->outside); /* who has asked waits for his answer, so the loops end after that */
	for (int i = 0; i < running; i++)
		poller_nudge(&g->pollers[i]);
	for (int i = 0; i < running; i++)
		pthread_join(g->pollers[i].thread, NULL);
	/* Who brought the last letter may not have rung yet: the loops' bells stay until nobody is left to ring them. */
	lanes_stop(g->lanes);
	hasher_stop(g->hasher);
	errands_stop(g->errands);
	errands_stop(g->tables);
	reconciler_stop(g->reconciler);
	outside_stop(g->outside); /* the last outcomes are committed before the committer goes */
	if (g->committer != NULL)
		committer_stop(g->committer);
	if (g->jobs != NULL)
		noted_end(g->store, clock_wall_ms());
	nodes_stop(g->nodes);
	outside_drop(g->outside);
	for (int i = 0; i < g->poller_count; i++)
		poller_close(&g->pollers[i]);
	jobs_drop(g->jobs);
	nodes_drop(g->nodes);
	if (g->checkpointer != NULL)
		checkpointer_stop(g->checkpointer);
	if (g->tls != NULL)
		door_tls_drop(g->tls);
	indexer_stop(g->indexer);
	blob_clearer_stop(g->blob_clearer);
	ratelimit_drop(g->ratelimit);
	forgetting_stop(g);
	backup_desk_close();
	if (g->store != NULL)
		store_close(g->store);
	department_systems_close();
	accounts_close();
	authority_close();
	certificate_trust_close();
	finance_close();
	provincial_close();
	wechat_account_close();
	wechat_pay_keys_close();
	keyring_close();
	free(g->pollers);
	for (struct kept_config *older; g->kept != NULL; g->kept = older) {
		older = g->kept->older;
		free(g->kept);
	}
	LOG_EVENT(stopped, STR_NONE, L_INT((clock_mono_ns() - began) / 1000000));
	log_flush();
}
