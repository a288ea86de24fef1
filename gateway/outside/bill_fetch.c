/* gateway/outside/bill_fetch.c - why not an effect: an effect's answer is a few bytes in a row, and this one is a file. */
#include "gateway/outside/bill_fetch.h"

#include "base/clock.h"
#include "base/day.h"
#include "base/ids.h"
#include "base/log.h"
#include "channels/wechat_nontax.h"
#include "channels/wechat_pay_bill.h"
#include "gateway/outside/outside.h"
#include "notify/http_multi.h"
#include "payments/reconciliation/recon_run.h"
#include "services/money/nontax_account.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { DAYS_BACK = 3, WAYS = 3, MERCHANTS_MAX = NONTAX_MERCHANTS_MAX, STEP_MS = 200, ARENA_BYTES = 1 << 20, FILE_BYTES_MAX = 128 << 20 /* as it comes */, PATIENCE_MS = 300000 };

static _Atomic int64_t allowed_until_ms;

void bill_fetch_allow(int64_t until_ms)
{
	atomic_store(&allowed_until_ms, until_ms);
}

struct bill_fetch {
	const struct bill_fetch_by *by;
	struct http_multi *http;       /* NULL: not made yet */
	int32_t today;
	int64_t next_ms[WAYS][MERCHANTS_MAX][DAYS_BACK]; /* of today's view: index 0 is yesterday; INT64_MAX: here, or there is none */
	bool is_told[WAYS][MERCHANTS_MAX];               /* that yesterday's is missing */
};

/* One that is being fetched. */
struct fetching {
	struct bill_fetch *f;
	const struct config *c;
	const struct way *way;
	struct str merchant;
	int32_t day;
	struct arena a;
};

/* What came. */
enum came { CAME_NOTHING, CAME_NONE /* there is none of that day */, CAME_FILE };
struct brought {
	struct str file;
	char *body;                    /* where it lies; whoever called frees it */
	const uint8_t *sha1;           /* what it must be; NULL: its own sums prove it */
};

/* How the bills of one source are fetched. */
struct way {
	enum bill_source source;
	bool of_merchant;              /* each merchant has one of his own */
	int (*merchants)(const struct config *c, struct str out[MERCHANTS_MAX]); /* 0: nobody fetches it */
	enum came (*get)(struct fetching *g, struct brought *out, struct fail *why);
	size_t from_at, again_at;      /* in struct config: the minute from which, and the seconds after which again */
};

struct bill_fetch *bill_fetch_make(const struct bill_fetch_by *by, struct fail *why)
{
	struct bill_fetch *f = calloc(1, sizeof *f);
	if (f == NULL) {
		FAILS(why, MEMORY, "who fetches bills");
		return NULL;
	}
	f->by = by;
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

static bool call(struct fetching *g, const struct http_call *what, struct calling *c)
{
	struct bill_fetch *f = g->f;
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	*c = (struct calling){ .job = { .call = *what, .done = call_done }, .arena = &g->a };
	http_multi_transport(f->http)->begin(http_multi_transport(f->http), &c->job);
	while (!c->is_over && !f->by->stopping(f->by->ctx) && clock_mono_ms() < until)
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

static bool read_and_seal(struct fetching *g, const struct brought *came, int64_t now_ms, struct bill_totals *totals, struct blob_sealed *sealed, struct fail *why)
{
	const struct bill_want want = { .source = g->way->source, .day = g->day, .is_proved = came->sha1 != NULL, .merchant = g->merchant };
	struct bill *b = bill_begin(&want, line_passes, NULL, why);
	if (b == NULL)
		return false;
	if (!bill_feed(b, came->file, why)) {
		bill_drop(b);
		return false;
	}
	if (!bill_end(b, totals, why))
		return false;
	if (g->way->of_merchant && totals->merchant[0] == '\0' && g->merchant.len <= BILL_TEXT_MAX) /* of a day without a line: it was asked for by its number */
		memcpy(totals->merchant, g->merchant.at, g->merchant.len);
	struct blob_sealer *s = blob_seal_begin(g->f->by->blobs, now_ms, why);
	if (s == NULL)
		return false;
	if (blob_seal(s, came->file, why))
		return blob_seal_end(s, sealed, why);
	blob_seal_abort(s);
	return false;
}

static bool keep(struct fetching *g, const struct brought *b, struct fail *why)
{
	struct bill_totals totals;
	struct blob_sealed sealed;
	uint8_t salt[VAULT_SALT_BYTES];
	int64_t now_ms = clock_wall_ms();
	memset(&sealed, 0, sizeof sealed);
	random_bytes(salt, sizeof salt);
	if (!read_and_seal(g, b, now_ms, &totals, &sealed, why))
		return false;
	struct keeping k = { .n = { .source = g->way->source, .day = g->day, .totals = &totals, .sealed = &sealed, .now_ms = now_ms, .salt = salt } };
	bool ok = b->sha1 == NULL || memcmp(totals.sha1, b->sha1, SHA1_BYTES) == 0 || FAILS(why, IMPORT, "a bill is not what its digest says");
	ok = ok && g->f->by->write(g->f->by->ctx, keep_apply, &k, why);
	wipe(&sealed, sizeof sealed);
	if (ok)
		LOG_EVENT(bill_fetched, STR_NONE, L_STR(bill_source_text(g->way->source)), L_INT(g->day), L_INT(totals.lines), L_INT(totals.bytes));
	return ok;
}

/* There is none: its day is held beside our books all the same, which may know of payments. */
static bool none_apply(struct tx *tx, void *what, struct fail *why)
{
	const struct fetching *g = what;
	int64_t now_ms = clock_wall_ms();
	bool is_new;
	return recon_none_keep(tx, g->way->source, g->day, now_ms, &is_new, why) && (!is_new || recon_ask_around(tx, g->way->source, g->day, now_ms, why));
}

static bool keep_none(struct fetching *g, struct fail *why)
{
	return g->f->by->write(g->f->by->ctx, none_apply, g, why);
}

/* ---- WeChat Pay: where it lies, and then it ---- */

static enum wechat_pay_bill_end pay_ask(struct fetching *g, enum wechat_pay_bill_kind kind, struct wechat_pay_bill *bill, struct fail *why)
{
	struct http_call what;
	struct calling calling;
	uint8_t random[16];
	char word[64];
	random_bytes(random, sizeof random);
	if (!wechat_pay_bill_ask(g->c, kind, g->day, true, clock_wall_ms(), random, &g->a, &what, why))
		return WECHAT_PAY_BILL_REFUSED;
	(void)call(g, &what, &calling);
	enum wechat_pay_bill_end end = wechat_pay_bill_judge(&calling.job.answer, clock_wall_ms(), &g->a, bill, word);
	bill->url = bill->url.at != NULL ? str_copy(&g->a, bill->url) : STR_NONE;
	free(calling.body);
	if (end == WECHAT_PAY_BILL_REFUSED)
		FAILS(why, CONFIG, "WeChat Pay gives no bill: %s", word);
	return end;
}

static enum came pay_get(struct fetching *g, enum wechat_pay_bill_kind kind, struct brought *out, struct fail *why)
{
	struct http_call what;
	struct calling calling;
	uint8_t random[16];
	struct wechat_pay_bill *bill = arena_alloc(&g->a, sizeof *bill);
	if (bill == NULL) {
		FAILS(why, MEMORY, "a bill");
		return CAME_NOTHING;
	}
	enum wechat_pay_bill_end end = pay_ask(g, kind, bill, why);
	if (end != WECHAT_PAY_BILL_THERE)
		return end == WECHAT_PAY_BILL_NONE ? CAME_NONE : CAME_NOTHING;
	random_bytes(random, sizeof random);
	if (!wechat_pay_bill_fetch(g->c, bill, FILE_BYTES_MAX, clock_wall_ms(), random, &g->a, &what, why))
		return CAME_NOTHING;
	bool ok = (call(g, &what, &calling) && calling.job.answer.status == 200) || FAILS(why, SYSTEM, "a bill did not come: %s", calling.job.answer.error);
	*out = (struct brought){ .file = calling.job.answer.body, .body = calling.body, .sha1 = bill->sha1 };
	return ok ? CAME_FILE : CAME_NOTHING;
}

static enum came trade_get(struct fetching *g, struct brought *out, struct fail *why)
{
	return pay_get(g, WECHAT_PAY_TRADE_BILL, out, why);
}

static enum came fund_get(struct fetching *g, struct brought *out, struct fail *why)
{
	return pay_get(g, WECHAT_PAY_FUND_BILL, out, why);
}

static int pay_merchants(const struct config *c, struct str out[MERCHANTS_MAX])
{
	out[0] = str_c(c->wechat_pay_mchid);
	return c->wechat_pay_url[0] != '\0';
}

/* ---- the non-tax platform: one call, with the access token that all have ---- */

/* The call is built where tokens are, and made here: it may take minutes. */
struct tokened {
	struct asking asking;
	struct fetching *g;
	uint64_t number;               /* of the token */
	sem_t is_built;
};

static bool nontax_build(void *ctx, const struct token_given *t, struct arena *a, struct http_call *out, struct fail *why)
{
	struct tokened *k = ctx;
	const struct nontax_account w = nontax_account_of(k->g->c, t->token);
	k->number = t->number;
	return nontax_bill_build(&w, k->g->merchant, k->g->day, FILE_BYTES_MAX, a, out, why);
}

static void token_done(struct asking *a)
{
	sem_post(&CONTAINER(a, struct tokened, asking)->is_built);
}

static bool nontax_call(struct fetching *g, uint64_t *number, struct http_call *out, struct fail *why)
{
	struct tokened k = { .g = g, .asking = { .arena = &g->a, .done = token_done,
		.question = { .peer = STR("wechat_nontax"), .needs = &wechat_nontax_token, .with_token = nontax_build, .is_only_built = true, .stale = *number } } };
	k.asking.question.ctx = &k;
	sem_init(&k.is_built, 0, 0);
	bool ok = outside_ask(g->f->by->outside, &k.asking) || FAILS(why, STOPPING, "nobody gives a token");
	while (ok && sem_wait(&k.is_built) != 0 && errno == EINTR)
		;
	sem_destroy(&k.is_built);
	if (ok && !k.asking.ok)
		*why = k.asking.why;
	*number = k.number;
	*out = k.asking.question.call;
	return ok && k.asking.ok;
}

/* A token that is over is exchanged once; whatever else is said, it is asked for again later. */
static enum came nontax_get(struct fetching *g, struct brought *out, struct fail *why)
{
	struct nontax_said said = { .means = NONTAX_STALE };
	struct calling calling;
	uint64_t number = 0;
	for (int i = 0; i < 2 && said.means == NONTAX_STALE; i++) {
		struct http_call what;
		if (!nontax_call(g, &number, &what, why))
			return CAME_NOTHING;
		(void)call(g, &what, &calling);
		said = nontax_bill_judge(&calling.job.answer);
		*out = (struct brought){ .file = calling.job.answer.body, .body = calling.body };
		if (said.means == NONTAX_OK)
			return CAME_FILE;
		free(out->body);
		out->body = NULL;
	}
	fail_note(why, said.means == NONTAX_CONFIG ? FAIL_CONFIG : FAIL_SYSTEM, __FILE__, __LINE__, "the non-tax platform gives no file of that day: %lld %s", (long long)said.errcode, calling.job.answer.error);
	return CAME_NOTHING;
}

/* ---- one bill ---- */

static const struct way ways[WAYS] = {
	{ BILL_WECHAT_TRADE, false, pay_merchants, trade_get, offsetof(struct config, recon_fetch_from), offsetof(struct config, recon_fetch_seconds) },
	{ BILL_WECHAT_FUND, false, pay_merchants, fund_get, offsetof(struct config, recon_fetch_from), offsetof(struct config, recon_fetch_seconds) },
	{ BILL_WECHAT_NONTAX, true, nontax_merchants, nontax_get, offsetof(struct config, recon_fetch_nontax_from), offsetof(struct config, recon_fetch_nontax_seconds) },
};

static int64_t setting(const struct config *c, size_t at)
{
	return *(const int64_t *)(const void *)((const char *)c + at);
}

/* When it is to be asked for again; INT64_MAX: not today. */
static int64_t one(struct bill_fetch *f, const struct config *c, const struct way *way, struct str merchant, int32_t day)
{
	struct fail why;
	struct brought b = { .body = NULL };
	struct fetching g = { .f = f, .c = c, .way = way, .merchant = merchant, .day = day };
	int64_t again_ms = clock_mono_ms() + setting(c, way->again_at) * 1000;
	fail_clear(&why);
	arena_init(&g.a, ARENA_BYTES);
	enum came came = way->get(&g, &b, &why);
	if ((came == CAME_FILE && keep(&g, &b, &why)) || (came == CAME_NONE && keep_none(&g, &why)))
		again_ms = INT64_MAX;
	if (why.code != FAIL_NONE)
		log_fail(STR_NONE, &why);
	free(b.body);
	arena_free(&g.a);
	return again_ms;
}

/* ---- which ---- */

/* none_ms: when it was said that there is none, which may be otherwise tomorrow. */
static bool is_here(struct bill_fetch *f, const struct way *way, struct str merchant, int32_t day, bool *here, int64_t *none_ms, struct fail *why)
{
	struct recon_file files[RECON_FILES_MAX];
	struct tx tx;
	int count = 0;
	bool ok = reader_begin(f->by->reader, &tx, why) && recon_files(&tx, way->source, day, files, &count, why) && recon_none_said(&tx, way->source, day, none_ms, why);
	reader_end(f->by->reader);
	*here = false;
	for (int i = 0; i < count; i++)
		*here = *here || (way->of_merchant ? str_eq(str_c(files[i].merchant), merchant) : recon_file_is_own(&files[i], merchant));
	return ok;
}

static int64_t minute_now(void)
{
	int64_t now_ms = clock_wall_ms();
	return (now_ms - day_begins_ms(day_of(now_ms))) / 60000;
}

static bool ready(struct bill_fetch *f, const struct config *c, struct fail *why)
{
	int32_t today = day_of(clock_wall_ms());
	if (today != f->today) {
		memset(f->next_ms, 0, sizeof f->next_ms); /* a new morning: what there was none of may be there */
		memset(f->is_told, 0, sizeof f->is_told);
	}
	f->today = today;
	if (f->http == NULL)
		f->http = http_multi_make(c, why);
	else
		http_multi_config(f->http, c);
	return f->http != NULL;
}

static void tell_missing(struct bill_fetch *f, int w, int nth, struct str merchant)
{
	struct fail why;
	bool here = true;
	int64_t none_ms = 0;
	fail_clear(&why);
	if (f->is_told[w][nth] || f->next_ms[w][nth][0] == INT64_MAX)
		return;
	f->is_told[w][nth] = true;
	if (!is_here(f, &ways[w], merchant, f->today - 1, &here, &none_ms, &why))
		log_fail(STR_NONE, &why);
	else if (!here && none_ms == 0)
		LOG_EVENT(bill_missing, STR_NONE, L_STR(bill_source_text(ways[w].source)), L_INT(f->today - 1), L_STR(merchant));
}

static void tell_all_missing(struct bill_fetch *f, const struct config *c)
{
	struct str merchants[MERCHANTS_MAX];
	for (int w = 0; w < WAYS; w++) {
		int count = setting(c, ways[w].from_at) <= c->recon_fetch_to ? ways[w].merchants(c, merchants) : 0;
		for (int i = 0; i < count; i++)
			tell_missing(f, w, i, merchants[i]);
	}
}

/* Whose turn it is. */
struct turn {
	const struct way *way;
	struct str merchant;
	int32_t day;
	int64_t *next_ms;              /* NULL: nobody's */
};

static void turn_of(struct bill_fetch *f, const struct way *way, struct str merchant, int64_t next_ms[DAYS_BACK], struct turn *t)
{
	for (int back = 0; back < DAYS_BACK; back++)
		if (next_ms[back] <= clock_mono_ms() && (t->next_ms == NULL || next_ms[back] < *t->next_ms))
			*t = (struct turn){ way, merchant, f->today - 1 - back, &next_ms[back] };
}

/* That which has been due longest, so that one that hangs comes again after all others. */
static struct turn turn_find(struct bill_fetch *f, const struct config *c, int64_t minute)
{
	struct str merchants[MERCHANTS_MAX];
	struct turn t = { .next_ms = NULL };
	for (int w = 0; w < WAYS; w++) {
		int count = minute >= setting(c, ways[w].from_at) ? ways[w].merchants(c, merchants) : 0;
		for (int i = 0; i < count; i++)
			turn_of(f, &ways[w], merchants[i], f->next_ms[w][i], &t);
	}
	return t;
}

/* One call, which may hang for minutes: whoever called has other work, and whether more may be fetched is asked before each. */
static void fetch_next(struct bill_fetch *f, const struct config *c, int64_t minute)
{
	struct fail why;
	struct turn t;
	fail_clear(&why);
	for (bool here = true; here && (t = turn_find(f, c, minute)).next_ms != NULL;) {
		int64_t none_ms;
		if (!is_here(f, t.way, t.merchant, t.day, &here, &none_ms, &why)) {
			log_fail(STR_NONE, &why);
			return;
		}
		*t.next_ms = here ? INT64_MAX : one(f, c, t.way, t.merchant, t.day);
	}
}

static bool is_wanted(const struct config *c)
{
	struct str merchants[MERCHANTS_MAX];
	for (int w = 0; w < WAYS; w++)
		if (ways[w].merchants(c, merchants) > 0)
			return true;
	return false;
}

void bill_fetch_step(struct bill_fetch *f, const struct config *c)
{
	struct fail why;
	int64_t minute = minute_now();
	fail_clear(&why);
	if (clock_wall_ms() >= atomic_load(&allowed_until_ms) || !is_wanted(c))
		return;
	if (!ready(f, c, &why))
		log_fail(STR_NONE, &why);
	else if (minute >= c->recon_fetch_to)
		tell_all_missing(f, c);
	else
		fetch_next(f, c, minute);
}
