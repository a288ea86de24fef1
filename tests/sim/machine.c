/* tests/sim/machine.c - the parts of a gateway, put together without a thread. */
#include "machine.h"

#include "auth/keyring.h"
#include "base/clock.h"
#include "base/log.h"
#include "door.h"
#include "gateway/machine.h"
#include "gateway/requests/ratelimit.h"
#include "gateway/requests/task.h"
#include "notify/account.h"
#include "notify/notifier.h"
#include "services/handlers.h"
#include "store/checkpointer.h"
#include "store/committer.h"
#include "store/expiring.h"
#include "store/store.h"
#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RATE_KEYS = 4096, FOLDERS_OPEN = 8 };

static struct machine *here; /* whose clock and whose end are meant */

static int64_t wall_ms(void *ctx)
{
	return ((struct machine *)ctx)->wall_ms;
}

static int64_t mono_ns(void *ctx)
{
	return ((struct machine *)ctx)->mono_ns;
}

/* The process ends itself, at once: what runs on here is not there any more. */
static void stop_hook(void)
{
	here->must_stop = true;
	ram_vfs_kill();
}

static void must(bool ok, const struct fail *why)
{
	if (!ok) {
		fprintf(stderr, "sim: %s: %s\n", fail_row(why->code)->name, why->log);
		abort();
	}
}

static void secret_file(const struct machine *m, const char *name, const char *text, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", m->folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

static void configure_accounts(struct machine *m)
{
	struct config *c = &m->config;
	c->sms_aliyun_rate = c->webhook_rate = 0;
	snprintf(c->sms_aliyun_url, sizeof c->sms_aliyun_url, "http://sms.example/");
	snprintf(c->sms_aliyun_key_id, sizeof c->sms_aliyun_key_id, "id");
	snprintf(c->sms_aliyun_sign_name, sizeof c->sms_aliyun_sign_name, "四办");
	snprintf(c->sms_aliyun_template_test, sizeof c->sms_aliyun_template_test, "SMS_1");
	snprintf(c->sms_aliyun_template_case_moved, sizeof c->sms_aliyun_template_case_moved, "SMS_2");
	snprintf(c->webhook_url, sizeof c->webhook_url, "http://receiver.example/");
	secret_file(m, "sms", "sms-secret", c->sms_aliyun_key_secret_file, sizeof c->sms_aliyun_key_secret_file);
	secret_file(m, "webhook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", c->webhook_secret_file, sizeof c->webhook_secret_file);
}

void machine_begin(struct machine *m)
{
	static struct clock clock = { wall_ms, mono_ns, NULL };
	struct fail why;
	fail_clear(&why);
	*m = (struct machine){ .mono_ns = 1000000000 };
	here = m;
	clock.ctx = m;
	clock_replace(&clock);
	store_stop_hook = stop_hook;
	log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR); /* what the simulator breaks it need not be told of */
	const char *tmp = getenv("TMPDIR");
	snprintf(m->folder, sizeof m->folder, "%s/siban-sim-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(m->folder) == NULL)
		abort();
	config_defaults(&m->config);
	snprintf(m->config.state_dir, sizeof m->config.state_dir, "%s", m->folder);
	m->config.development = true;
	m->config.lane_read_threads = m->config.lane_cpu_threads = 1;
	m->config.row_cache = 64;
	m->config.token_cache = 64;
	m->config.store_wal_pages = 64; /* so that checkpoints happen in a short life */
	m->config.store_cache_kib = 512;
	m->config.rate_read = m->config.rate_public = m->config.rate_write = m->config.rate_department = 0;
	m->config.rate_lookup_case = 1000;
	m->config.rate_lookup_address = 100000;
	configure_accounts(m);
	must(keyring_open(&m->config, true, &why), &why);
	keyring_close();
	route_table_build();
	ram_vfs_install();
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void machine_end(struct machine *m)
{
	nftw(m->folder, remove_one, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
	clock_replace(NULL);
}

void machine_clock(struct machine *m, int64_t wall)
{
	m->wall_ms = wall;
	m->mono_ns = 1000000000;
}

void machine_pass(struct machine *m, int64_t ns)
{
	m->wall_ms += (m->mono_ns % 1000000 + ns) / 1000000;
	m->mono_ns += ns;
}

bool machine_migrate(struct machine *m, struct fail *why)
{
	struct store *s = store_open(&m->config, STORE_MIGRATE, why);
	bool ok = s != NULL && keyring_open(&m->config, false, why) && services_start(s, &m->config, true, why);
	keyring_close();
	store_close(s);
	return ok;
}

static void no_bell(void *ctx)
{
	(void)ctx; /* who steps a loop needs no waking */
}

static void hear_effects(void *notifier)
{
	notifier_news(notifier);
}

static bool ready_services(struct machine *m, struct fail *why)
{
	return keyring_open(&m->config, false, why) && services_start(m->gateway.store, &m->config, false, why);
}

bool machine_start(struct machine *m, struct fail *why)
{
	struct gateway *g = &m->gateway;
	const struct config *c = &m->config;
	memset(g, 0, sizeof *g);
	memset(m->loops, 0, sizeof m->loops);
	atomic_store(&g->config, c);
	m->must_stop = false;
	m->is_up = true; /* machine_stop takes apart what there is */
	machine_of(g);
	bool ok = (g->store = store_open(c, STORE_SERVE, why)) != NULL && ready_services(m, why) &&
		  (g->committer = committer_make(g->store, c, why)) != NULL && (g->checkpointer = checkpointer_make(g->store, c, why)) != NULL &&
		  (g->lanes = lanes_make(g, c, why)) != NULL && (g->memory = expiring_memory(why)) != NULL;
	if (ok) {
		store_listen(g->store, hub_news, &g->hub);
		g->ratelimit = ratelimit_make(RATE_KEYS);
		assert(g->ratelimit != NULL);
	}
	for (int i = 0; ok && i < MACHINE_LOOPS; i++)
		ok = loop_open(&m->loops[i], g, i, no_bell, NULL, why);
	if (ok && m->transport != NULL && (ok = (m->notifier = notifier_make(g->store, g->committer, c, m->transport, no_bell, NULL, why)) != NULL))
		hub_add_ear(&g->hub, NEWS_EFFECT_DUE, hear_effects, m->notifier);
	ok = ok && (m->eye = store_reader(g->store, 0, why)) != NULL;
	atomic_store(&g->ready, ok);
	return ok;
}

void machine_stop(struct machine *m)
{
	struct gateway *g = &m->gateway;
	if (!m->is_up)
		return;
	m->is_up = false;
	door_abandon_all();
	lanes_stop(g->lanes);
	for (size_t n; g->committer != NULL && (n = committer_step(g->committer)) > 0;)
		door_drop_writes(n);
	committer_stop(g->committer);
	for (int i = 0; i < MACHINE_LOOPS && m->loops[i].gateway != NULL; i++)
		loop_letters(&m->loops[i]);
	door_free_writes();
	for (int i = 0; i < MACHINE_LOOPS && m->loops[i].gateway != NULL; i++)
		loop_close(&m->loops[i]);
	connection_close(m->eye);
	m->eye = NULL;
	if (m->notifier != NULL)
		notifier_drop(m->notifier);
	m->notifier = NULL;
	if (g->checkpointer != NULL)
		checkpointer_stop(g->checkpointer);
	ratelimit_drop(g->ratelimit);
	expiring_close(g->memory);
	store_close(g->store);
	accounts_close();
	keyring_close();
}
