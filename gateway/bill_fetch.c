/* gateway/bill_fetch.c - why not an effect: an effect's answer is a few bytes in a row, and this one is a file. */
#include "gateway/bill_fetch.h"

#include "base/clock.h"
#include "base/day.h"
#include "base/ids.h"
#include "base/log.h"
#include "channels/wechat_pay_bill.h"
#include "notify/http_multi.h"
#include "payments/recon_run.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { DAYS_BACK = 3, KINDS = 2, STEP_MS = 200, ARENA_BYTES = 1 << 20, FILE_BYTES_MAX = 128 << 20 /* packed */, PATIENCE_MS = 300000 };

static _Atomic int64_t allowed_until_ms;

void bill_fetch_allow(int64_t until_ms)
{
	atomic_store(&allowed_until_ms, until_ms);
}

static const struct { enum wechat_pay_bill_kind kind; enum bill_source source; } kinds[KINDS] = {
	{ WECHAT_PAY_TRADE_BILL, BILL_WECHAT_TRADE }, { WECHAT_PAY_FUND_BILL, BILL_WECHAT_FUND },
};

struct bill_fetch {
	struct blobs *blobs;
	struct connection *reader;
	bill_write write;
	void *ctx;
	struct http_multi *http;       /* NULL: not made yet */
	int32_t today;
	int64_t next_ms[KINDS][DAYS_BACK]; /* of today's view: index 0 is yesterday; INT64_MAX: here, or there is none */
};

struct bill_fetch *bill_fetch_make(struct blobs *blobs, struct connection *reader, bill_write write, void *ctx, struct fail *why)
{
	struct bill_fetch *f = calloc(1, sizeof *f);
	if (f == NULL) {
		FAILS(why, MEMORY, "who fetches bills");
		return NULL;
	}
	f->blobs = blobs;
	f->reader = reader;
	f->write = write;
	f->ctx = ctx;
	return f;
}

void bill_fetch_drop(struct bill_fetch *f)
{
	if (f == NULL)
		return;
	if (f->http != NULL)
		http_multi_drop(f->http);
	free(f);
}

/* ---- a call that this thread waits for ---- */

struct calling {
	struct transport_job job;
	struct arena *arena;
	char *body;            /* of the answer; the caller frees it */
	bool is_over;
};

/* What the answer points to is gone when this returns. */
static void call_done(struct transport_job *job)
{
	struct calling *c = (struct calling *)job;
	struct http_answer *a = &job->answer;
	c->is_over = true;
	c->body = malloc(a->body.len + 1);
	if (c->body == NULL)
		a->end = HTTP_UNCLEAR;
	else if (a->body.len > 0)
		memcpy(c->body, a->body.at, a->body.len);
	a->body.at = c->body;
	for (int i = 0; i < HTTP_KEEPS_MAX; i++)
		if (a->kept[i].at != NULL)
			a->kept[i] = str_copy(c->arena, a->kept[i]);
}

static bool call(struct bill_fetch *f, const struct http_call *what, struct arena *a, struct calling *c, bool (*stopping)(void *ctx))
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	*c = (struct calling){ .job = { .call = *what, .done = call_done }, .arena = a };
	http_multi_transport(f->http)->begin(http_multi_transport(f->http), &c->job);
	while (!c->is_over && !stopping(f->ctx) && clock_mono_ms() < until)
		http_multi_step(f->http, STEP_MS);
	if (!c->is_over)
		http_multi_end_all(f->http);
	return c->job.answer.end == HTTP_ANSWERED;
}

/* ---- keeping ---- */

struct keeping {
	struct recon_file_new n;
	bool is_new;
};

static bool keep_apply(struct tx *tx, void *what, struct fail *why)
{
	struct keeping *k = what;
	int64_t id;
	return recon_file_keep(tx, &k->n, &id, &k->is_new, why) && (!k->is_new || recon_ask_around(tx, k->n.source, k->n.day, k->n.now_ms, why));
}

static bool line_passes(void *ctx, const struct bill_line *l, struct fail *why)
{
	(void)ctx;
	(void)l;
	(void)why;
	return true;
}

static bool read_and_seal(struct bill_fetch *f, const struct bill_want *want, struct str file, int64_t now_ms, struct bill_totals *totals, struct blob_sealed *sealed, struct fail *why)
{
	struct bill *b = bill_begin(want, line_passes, NULL, why);
	if (b == NULL)
		return false;
	if (!bill_feed(b, file, why)) {
		bill_drop(b);
		return false;
	}
	if (!bill_end(b, totals, why))
		return false;
	struct blob_sealer *s = blob_seal_begin(f->blobs, now_ms, why);
	if (s == NULL)
		return false;
	if (blob_seal(s, file, why))
		return blob_seal_end(s, sealed, why);
	blob_seal_abort(s);
	return false;
}

static bool keep(struct bill_fetch *f, const struct bill_want *want, const struct wechat_pay_bill *bill, struct str file, struct fail *why)
{
	struct bill_totals totals;
	struct blob_sealed sealed;
	uint8_t salt[VAULT_SALT_BYTES];
	int64_t now_ms = clock_wall_ms();
	memset(&sealed, 0, sizeof sealed);
	random_bytes(salt, sizeof salt);
	if (!read_and_seal(f, want, file, now_ms, &totals, &sealed, why))
		return false;
	struct keeping k = { .n = { .source = want->source, .day = want->day, .totals = &totals, .sealed = &sealed, .now_ms = now_ms, .salt = salt } };
	bool ok = memcmp(totals.sha1, bill->sha1, SHA1_BYTES) == 0 || FAILS(why, IMPORT, "a bill is not what its digest says");
	ok = ok && f->write(f->ctx, keep_apply, &k, why);
	wipe(&sealed, sizeof sealed);
	if (ok)
		LOG_EVENT(bill_fetched, STR_NONE, L_STR(bill_source_text(want->source)), L_INT(want->day), L_INT(totals.lines), L_INT(totals.bytes));
	return ok;
}

/* ---- one bill ---- */

static enum wechat_pay_bill_end ask(struct bill_fetch *f, const struct config *c, int kind, int32_t day, struct arena *a, struct wechat_pay_bill *bill, bool (*stopping)(void *ctx),
				    struct fail *why)
{
	struct http_call what;
	struct calling calling;
	uint8_t random[16];
	char word[64];
	random_bytes(random, sizeof random);
	if (!wechat_pay_bill_ask(c, kinds[kind].kind, day, true, clock_wall_ms(), random, a, &what, why))
		return WECHAT_PAY_BILL_REFUSED;
	(void)call(f, &what, a, &calling, stopping);
	enum wechat_pay_bill_end end = wechat_pay_bill_judge(&calling.job.answer, clock_wall_ms(), a, bill, word);
	bill->url = bill->url.at != NULL ? str_copy(a, bill->url) : STR_NONE;
	free(calling.body);
	if (end == WECHAT_PAY_BILL_REFUSED)
		FAILS(why, CONFIG, "WeChat Pay gives no bill: %s", word);
	return end;
}

static bool fetch(struct bill_fetch *f, const struct config *c, int kind, int32_t day, struct arena *a, const struct wechat_pay_bill *bill, bool (*stopping)(void *ctx), struct fail *why)
{
	struct http_call what;
	struct calling calling;
	uint8_t random[16];
	struct bill_want want = { .source = kinds[kind].source, .day = day, .is_proved = true, .merchant = kinds[kind].source == BILL_WECHAT_TRADE ? str_c(c->wechat_pay_mchid) : STR_NONE };
	random_bytes(random, sizeof random);
	if (!wechat_pay_bill_fetch(c, bill, FILE_BYTES_MAX, clock_wall_ms(), random, a, &what, why))
		return false;
	bool ok = (call(f, &what, a, &calling, stopping) && calling.job.answer.status == 200) || FAILS(why, SYSTEM, "a bill did not come: %s", calling.job.answer.error);
	ok = ok && keep(f, &want, bill, calling.job.answer.body, why);
	free(calling.body);
	return ok;
}

/* When it is to be asked for again; INT64_MAX: not today. */
static int64_t one(struct bill_fetch *f, const struct config *c, int kind, int32_t day, bool (*stopping)(void *ctx))
{
	struct fail why;
	struct arena a;
	struct wechat_pay_bill bill;
	int64_t again_ms = clock_mono_ms() + c->recon_fetch_seconds * 1000;
	fail_clear(&why);
	arena_init(&a, ARENA_BYTES);
	enum wechat_pay_bill_end end = ask(f, c, kind, day, &a, &bill, stopping, &why);
	if ((end == WECHAT_PAY_BILL_THERE && fetch(f, c, kind, day, &a, &bill, stopping, &why)) || end == WECHAT_PAY_BILL_NONE)
		again_ms = INT64_MAX;
	if (why.code != FAIL_NONE)
		log_fail(STR_NONE, &why);
	arena_free(&a);
	return again_ms;
}

/* ---- which ---- */

static bool is_here(struct bill_fetch *f, enum bill_source source, int32_t day, bool *here, struct fail *why)
{
	struct recon_file files[RECON_FILES_MAX];
	struct tx tx;
	int count = 0;
	bool ok = reader_begin(f->reader, &tx, why) && recon_files(&tx, source, day, files, &count, why);
	reader_end(f->reader);
	*here = count > 0;
	return ok;
}

static bool is_time(const struct config *c, int64_t now_ms)
{
	int64_t minute = (now_ms - day_begins_ms(day_of(now_ms))) / 60000;
	return c->wechat_pay_url[0] != '\0' && now_ms < atomic_load(&allowed_until_ms) && minute >= c->recon_fetch_from && minute < c->recon_fetch_to;
}

static bool ready(struct bill_fetch *f, const struct config *c, struct fail *why)
{
	int32_t today = day_of(clock_wall_ms());
	if (today != f->today)
		memset(f->next_ms, 0, sizeof f->next_ms); /* a new morning: what there was none of may be there */
	f->today = today;
	if (f->http == NULL)
		f->http = http_multi_make(c, why);
	else
		http_multi_config(f->http, c);
	return f->http != NULL;
}

void bill_fetch_step(struct bill_fetch *f, const struct config *c, bool (*stopping)(void *ctx))
{
	struct fail why;
	fail_clear(&why);
	if (!is_time(c, clock_wall_ms()) || !ready(f, c, &why))
		return;
	for (int kind = 0; kind < KINDS; kind++)
		for (int back = 0; back < DAYS_BACK; back++) {
			bool here;
			int32_t day = f->today - 1 - back;
			if (f->next_ms[kind][back] > clock_mono_ms())
				continue;
			if (!is_here(f, kinds[kind].source, day, &here, &why)) {
				log_fail(STR_NONE, &why);
				return;
			}
			f->next_ms[kind][back] = here ? INT64_MAX : one(f, c, kind, day, stopping);
			if (stopping(f->ctx))
				return;
		}
}
