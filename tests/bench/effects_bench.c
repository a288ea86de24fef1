/* tests/bench/effects_bench.c - how many effects a second are done: rows that are due, marked, called over HTTP/2 and their outcomes committed; beside the bare
 * libcurl multi loop that posts the same bytes to the same sink with handles it uses again.
 *
 *   effects   the real notifier, committer and transport; the rows are written before the clock starts
 *   bare      libcurl alone: no row, no commit, no signature
 *
 * One run is one mode. Prints a JSON object; fails when an answer was not 200, or a row is not done with exactly one attempt.
 *
 * effects_bench effects|bare URL CA-file count in-flight empty-folder */
#include "auth/keyring.h"
#include "base/clock.h"
#include "base/log.h"
#include "notify/effect.h"
#include "notify/http_multi.h"
#include "notify/notifier.h"
#include "store/checkpointer.h"
#include "store/committer.h"
#include "tests/bench/measure.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { ADD_ROWS = 500, PAYLOAD_BYTES = 256, FULL_MS = 600000 };

static struct {
	const char *url, *ca_file, *folder;
	int64_t count;
	int in_flight;
} ask;

static char payload[PAYLOAD_BYTES + 1];

static void must(bool ok, const struct fail *why)
{
	if (!ok)
		die("%s (%s)", why->log, fail_row(why->code)->name);
}

static double cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void say(const char *mode, int64_t began_ns, double began_cpu)
{
	double seconds = (double)(clock_mono_ns() - began_ns) / 1e9;
	printf("{\"mode\":\"%s\",\"count\":%lld,\"in_flight\":%d,\"per_second\":%.0f,\"cpu_us\":%.1f}\n", mode, (long long)ask.count, ask.in_flight,
	       (double)ask.count / seconds, (cpu_us() - began_cpu) / (double)ask.count);
}

/* ---- effects ---- */

struct adding {
	int64_t first, rows;
};

static bool add(struct tx *tx, void *ctx, struct fail *why)
{
	const struct adding *a = ctx;
	uint8_t seed[32] = { 0 }, random[16];
	for (int64_t i = 0; i < a->rows; i++) {
		struct effect_new e = { .kind = KIND_webhook, .payload = { payload, PAYLOAD_BYTES } };
		int64_t id;
		effect_random(seed, (int)(a->first + i), random);
		if (!effect_add(tx, &e, clock_wall_ms(), random, &id, why))
			return false;
	}
	return true;
}

static bool count_rows(struct tx *tx, const char *sql, int64_t *n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql, why);
	if (q == NULL || !stmt_row(q, why))
		return false;
	*n = stmt_int(q, 0);
	return true;
}

struct world {
	struct config config;
	struct store *store;
	struct committer *committer;
	struct checkpointer *checkpointer;
	struct http_multi *http;
	struct notifier *notifier;
	struct connection *reader;
};

static void wake(void *ctx)
{
	http_multi_wake(((struct world *)ctx)->http);
}

static void write_secret(struct config *c)
{
	snprintf(c->webhook_secret_file, sizeof(c->webhook_secret_file), "%s/hook", ask.folder);
	umask(077);
	FILE *f = fopen(c->webhook_secret_file, "w");
	if (f == NULL || fputs("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", f) < 0 || fclose(f) != 0)
		die("cannot write %s", c->webhook_secret_file);
}

static void open_world(struct world *w, struct fail *why)
{
	struct config *c = &w->config;
	config_defaults(c);
	c->development = true; /* the sink is on this machine */
	snprintf(c->state_dir, sizeof(c->state_dir), "%s", ask.folder);
	snprintf(c->webhook_url, sizeof(c->webhook_url), "%s", ask.url);
	snprintf(c->outside_ca_file, sizeof(c->outside_ca_file), "%s", ask.ca_file);
	write_secret(c);
	c->webhook_rate = 0;
	c->webhook_in_flight = ask.in_flight;
	c->outside_connections_per_host = 1;
	must(keyring_open(c, true, why), why);
	must((w->store = store_open(c, STORE_MIGRATE, why)) != NULL, why);
	store_close(w->store);
	must((w->store = store_open(c, STORE_SERVE, why)) != NULL && accounts_open(c, why), why);
	for (struct adding a = { 0, ADD_ROWS }; a.first < ask.count; a.first += ADD_ROWS) {
		if (a.rows > ask.count - a.first)
			a.rows = ask.count - a.first;
		must(store_write(w->store, add, &a, why), why);
	}
	must((w->committer = committer_start(w->store, c, why)) != NULL && (w->checkpointer = checkpointer_start(w->store, c, why)) != NULL, why);
	must((w->http = http_multi_make(c, why)) != NULL && (w->reader = store_reader(w->store, 0, why)) != NULL, why);
	must((w->notifier = notifier_make(w->store, w->committer, c, http_multi_transport(w->http), wake, w, why)) != NULL, why);
}

/* As gateway/outside/outside.c turns it. */
static void run_effects(void)
{
	static struct world w;
	struct fail why;
	struct tx tx;
	int64_t open = 1, looked_ms = 0;
	fail_clear(&why);
	open_world(&w, &why);
	double cpu = cpu_us();
	int64_t began = clock_mono_ns();
	while (open > 0) {
		int64_t now = clock_mono_ms(), next = notifier_step(w.notifier, clock_wall_ms(), now), wait = next - now;
		http_multi_step(w.http, wait < 0 ? 0 : wait > 50 ? 50 : wait);
		if (now - looked_ms < 20)
			continue;
		looked_ms = now;
		must(reader_begin(w.reader, &tx, &why) && count_rows(&tx, "SELECT count(*) FROM (SELECT 1 FROM effect WHERE waits = 0 AND state <= 2 LIMIT 1) AS some", &open, &why), &why);
		reader_end(w.reader);
		if (clock_mono_ns() - began > FULL_MS * INT64_C(1000000))
			die("not done in ten minutes");
	}
	say("effects", began, cpu);
	int64_t wrong = 0;
	must(reader_begin(w.reader, &tx, &why) && count_rows(&tx, "SELECT count(*) FROM effect WHERE state <> 3 OR attempts <> 1", &wrong, &why), &why);
	reader_end(w.reader);
	if (wrong > 0)
		die("%lld effects are not done with one attempt", (long long)wrong);
	while (!notifier_quiet(w.notifier)) {
		notifier_step(w.notifier, clock_wall_ms(), clock_mono_ms());
		http_multi_step(w.http, 1);
	}
	committer_stop(w.committer);
	notifier_drop(w.notifier);
	http_multi_drop(w.http);
	checkpointer_stop(w.checkpointer);
	connection_close(w.reader);
	store_close(w.store);
}

/* ---- bare ---- */

static size_t swallow(char *bytes, size_t size, size_t count, void *ctx)
{
	(void)bytes;
	(void)ctx;
	return size * count;
}

static CURL *bare_handle(struct curl_slist *headers)
{
	CURL *e = curl_easy_init();
	curl_easy_setopt(e, CURLOPT_URL, ask.url);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, payload);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)PAYLOAD_BYTES);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(e, CURLOPT_CAINFO, ask.ca_file);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, swallow);
	return e;
}

static void run_bare(void)
{
	CURLM *multi = curl_multi_init();
	struct curl_slist *headers = curl_slist_append(NULL, "content-type: application/json");
	headers = curl_slist_append(headers, "webhook-id: ef_01JD0000000000000000000000");
	headers = curl_slist_append(headers, "webhook-timestamp: 1764000000");
	headers = curl_slist_append(headers, "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	headers = curl_slist_append(headers, "expect:");
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
	int64_t begun = 0, done = 0;
	double cpu = cpu_us();
	int64_t began = clock_mono_ns();
	for (; begun < ask.in_flight && begun < ask.count; begun++)
		curl_multi_add_handle(multi, bare_handle(headers));
	while (done < ask.count) {
		int running, left;
		curl_multi_perform(multi, &running);
		for (CURLMsg *m; (m = curl_multi_info_read(multi, &left)) != NULL;) {
			long status = 0;
			CURL *e = m->easy_handle;
			curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
			if (m->data.result != CURLE_OK || status != 200)
				die("%s, status %ld", curl_easy_strerror(m->data.result), status);
			curl_multi_remove_handle(multi, e);
			if (begun < ask.count) {
				begun++;
				curl_multi_add_handle(multi, e);
			} else {
				curl_easy_cleanup(e);
			}
			done++;
		}
		if (done < ask.count)
			curl_multi_poll(multi, NULL, 0, 50, NULL);
	}
	say("bare", began, cpu);
	curl_slist_free_all(headers);
	curl_multi_cleanup(multi);
}

int main(int argc, char **argv)
{
	if (argc != 7)
		die("effects_bench effects|bare URL CA-file count in-flight empty-folder");
	ask.url = argv[2];
	ask.ca_file = argv[3];
	ask.count = atoll(argv[4]);
	ask.in_flight = atoi(argv[5]);
	ask.folder = argv[6];
	int len = snprintf(payload, sizeof(payload), "{\"type\":\"case.moved\",\"data\":{\"text\":\"");
	memset(payload + len, 'x', (size_t)(PAYLOAD_BYTES - len - 3));
	memcpy(payload + PAYLOAD_BYTES - 3, "\"}}", 4);
	log_level_set(LOG_WARN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (strcmp(argv[1], "bare") == 0)
		run_bare();
	else
		run_effects();
	curl_global_cleanup();
	return 0;
}
