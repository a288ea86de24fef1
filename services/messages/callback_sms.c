/* services/messages/callback_sms.c - what Aliyun's SMS service tells us on its own: whether a text arrived. It signs nothing, so the address is the secret: whoever
 * does not know its last part finds nothing there. */
#include "auth/keyring.h"
#include "auth/vault.h"
#include "base/metrics.h"
#include "channels/sms_aliyun.h"
#include "notify/effect_move.h"
#include "services/handlers.h"
#include "services/services.h"
#include <assert.h>
#include <stdio.h>

enum { SOURCE_SMS_ALIYUN = 1 }; /* raw_callback.source */
enum { TAKEN = 1, RAW_ARENA_MAX = 2 << 20 };
enum { RESULT_ARRIVED, RESULT_LOST, RESULT_REPEATED, RESULT_UNMATCHED };
enum { N_RESULTS /* one of each */, N_UNREADABLE = RECEIPT_RESULTS };

static const char *const no_query[] = { NULL };

void callback_names(void)
{
	static const char *const names[RECEIPT_RESULTS] = { "arrived", "lost", "repeated", "unmatched" };
	for (int i = 0; i < RECEIPT_RESULTS; i++)
		metric_label(M_receipts, i, names[i]);
}

void callback_count(const int64_t counts[RECEIPT_RESULTS])
{
	for (int i = 0; i < RECEIPT_RESULTS; i++)
		if (counts[i] > 0)
			metric_add(M_receipts, i, counts[i]);
}

/* In time that says nothing about where the first difference is; and nothing about whether there is such an address at all. */
static bool is_known(const struct request *r)
{
	const struct secret *s = account_callback_secret(ACCOUNT_sms_aliyun);
	return s->secret.len > 0 && str_same_secret(r->params[0], s->secret);
}

static bool parse(struct request *r, struct fail *why)
{
	if (!is_known(r))
		return FAILS(why, NO_ROUTE, "a callback's address that is not ours");
	return request_query_only(r, no_query, why);
}

/* ---- reading ---- */

struct reading {
	struct sms_report *reports;
	int64_t count, room;
	bool is_unreadable;
};

static bool keep_report(void *ctx, const struct sms_report *report, struct fail *why)
{
	struct reading *g = ctx;
	(void)why;
	assert(g->count < g->room);
	g->reports[g->count++] = *report;
	return true;
}

static bool is_theirs(enum fail_code code) /* what they sent, not what we could not do */
{
	return !fail_row(code)->again && code != FAIL_SEALED && code != FAIL_INTERNAL;
}

/* What cannot be read is kept, and looked at by a person: the same bytes once more would not help. */
static bool read_reports(struct str body, struct reading *g, struct arena *a, struct fail *why)
{
	struct fail reading;
	fail_clear(&reading);
	for (size_t i = 0; i < body.len && g->room < SMS_REPORTS_MAX; i++)
		g->room += body.at[i] == '{'; /* each report is an object */
	g->reports = arena_alloc(a, (size_t)g->room * sizeof(*g->reports));
	if (g->reports == NULL)
		return FAILS(why, MEMORY, "%lld reports", (long long)g->room);
	g->is_unreadable = !sms_aliyun_reports(body, keep_report, g, a, &reading);
	if (!g->is_unreadable)
		return true;
	g->count = 0;
	if (is_theirs(reading.code))
		return true;
	*why = reading;
	return false;
}

static bool work(struct request *r, struct fail *why)
{
	struct reading *g = request_state(r, sizeof(*g), why);
	return g != NULL && read_reports(r->body, g, &r->arena, why);
}

/* ---- a report ---- */

struct taking {
	struct tx *tx;
	int64_t now_ms;
	int64_t counts[RECEIPT_RESULTS];
};

static bool take_report(struct taking *t, const struct sms_report *report, struct fail *why)
{
	struct effect_view e;
	struct id key;
	bool found = false, news;
	if (effect_key_from_text(report->out_id, &key) && !effect_get_by_key(t->tx, key, &e, &found, why))
		return false;
	if (!found) {
		t->counts[RESULT_UNMATCHED]++;
		return true;
	}
	char code[65];
	snprintf(code, sizeof(code), "%.*s", (int)(report->err_code.len < 64 ? report->err_code.len : 64), report->err_code.len > 0 ? report->err_code.at : "");
	for (char *at = code; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?'; /* the carrier's word, kept as it is but for what a terminal would obey */
	if (!effect_receipt(t->tx, &e, report->is_success ? RECEIPT_ARRIVED : RECEIPT_LOST, code, t->now_ms, &news, why))
		return false;
	t->counts[!news ? RESULT_REPEATED : report->is_success ? RESULT_ARRIVED : RESULT_LOST]++;
	return true;
}

static bool take_some(struct taking *t, const struct reading *g, int64_t from, int64_t to, struct fail *why)
{
	for (int64_t i = from; i < to; i++)
		if (!take_report(t, &g->reports[i], why))
			return false;
	return true;
}

/* ---- the raw body, before anyone understands it ---- */

static bool raw_is_there(struct tx *tx, const uint8_t digest[SHA256_BYTES], bool *there, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM raw_callback WHERE source = $1 AND digest = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, SOURCE_SMS_ALIYUN);
	stmt_bind_blob(q, 2, digest, SHA256_BYTES);
	*there = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

static bool raw_keep(struct tx *tx, struct request *r, const uint8_t digest[SHA256_BYTES], int64_t reports, int64_t taken, int64_t unmatched, struct fail *why)
{
	int64_t id;
	struct buf sealed;
	buf_init(&sealed, &r->arena, r->body.len + VAULT_OVERHEAD_MAX);
	if (!tx_next_id(tx, "raw_callback", &id, why) || !vault_seal("raw_callback.body", id, r->body, r->random, &sealed, why))
		return false;
	if (!buf_ok(&sealed))
		return FAILS(why, MEMORY, "a callback of %zu bytes", r->body.len);
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO raw_callback (id, source, digest, body, reports, taken, unmatched, made_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, SOURCE_SMS_ALIYUN);
	stmt_bind_blob(q, 3, digest, SHA256_BYTES);
	stmt_bind_blob(q, 4, sealed.at, sealed.len);
	stmt_bind_int(q, 5, reports);
	stmt_bind_int(q, 6, taken);
	stmt_bind_int(q, 7, unmatched);
	stmt_bind_int(q, 8, r->now_ms);
	return stmt_run(q, why);
}

/* No more than a bite at once: the rest is told by a job, as nobody may hold the write lane for longer. */
static bool apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct reading *g = r->state;
	struct taking t = { .tx = tx, .now_ms = r->now_ms };
	uint8_t digests[KEYRING_INDEX_MAX][SHA256_BYTES]; /* a repeat may come after a change of keys */
	bool there = false;
	int64_t taken = g->count < RECEIPTS_BITE ? g->count : RECEIPTS_BITE;
	int count = keyring_index_all("raw_callback", &r->body, 1, digests);
	for (int i = 0; i < count && !there; i++)
		if (!raw_is_there(tx, digests[i], &there, why))
			return false;
	if (there)
		t.counts[RESULT_REPEATED] = 1;
	else if (!take_some(&t, g, 0, taken, why) || !raw_keep(tx, r, digests[0], g->count, taken, g->is_unreadable ? 1 : t.counts[RESULT_UNMATCHED], why))
		return false;
	r->outcome = (struct outcome){ .code = TAKEN, .status = 200, .n = { [N_UNREADABLE] = !there && g->is_unreadable } };
	memcpy(r->outcome.n, t.counts, sizeof(t.counts));
	return true;
}

static bool answer(struct request *r, struct str msg, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "code", 0);
	json_add_text(&j, "msg", msg);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

static bool render(struct request *r, struct fail *why)
{
	callback_count(r->outcome.n);
	if (r->outcome.n[RESULT_UNMATCHED] > 0 || r->outcome.n[N_UNREADABLE] > 0)
		LOG_EVENT(receipt_unmatched, str_c(r->id), L_C("sms_aliyun"), L_INT(r->outcome.n[RESULT_UNMATCHED]), L_BOOL(r->outcome.n[N_UNREADABLE] > 0));
	return answer(r, STR("接收成功"), why);
}

const struct handler sms_aliyun_receipts = { .parse = parse, .work = work, .apply = apply, .render = render };

/* When the address is saved the platform asks whether anybody is there, and waits 700 ms. */
static bool probe_render(struct request *r, struct fail *why)
{
	return answer(r, STR("成功"), why);
}

const struct handler sms_aliyun_probe = { .parse = parse, .render = probe_render };

/* ---- the rest of it ---- */

static inline void arena_dropper(struct arena *a) { arena_free(a); }

struct raw {
	int64_t id, reports, taken;
	struct str sealed;
};

static bool raw_first(struct tx *tx, struct raw *raw, struct arena *a, struct fail *why)
{
	raw->id = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, reports, taken, body FROM raw_callback WHERE taken < reports ORDER BY id LIMIT 1", why);
	if (q == NULL)
		return false;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*raw = (struct raw){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), str_copy(a, stmt_blob(q, 3)) };
	return raw->sealed.at != NULL || FAILS(why, MEMORY, "a callback");
}

static bool raw_advance(struct tx *tx, const struct raw *raw, int64_t taken, int64_t unmatched, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE raw_callback SET taken = $1, unmatched = unmatched + $2 WHERE id = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, taken);
	stmt_bind_int(q, 2, unmatched);
	stmt_bind_int(q, 3, raw->id);
	return stmt_run(q, why);
}

bool callback_take(struct tx *tx, int64_t now_ms, int64_t rows_max, struct receipts_taken *out, struct fail *why)
{
	DROP(arena) struct arena a;
	struct buf body;
	struct raw raw;
	struct reading g = { NULL, 0, 0, false };
	struct taking t = { .tx = tx, .now_ms = now_ms };
	*out = (struct receipts_taken){ 0, { 0 } };
	arena_init(&a, RAW_ARENA_MAX);
	if (!tx_lock(tx, "raw_callback.taken", STR(""), why) || !raw_first(tx, &raw, &a, why) || raw.id == 0)
		return why->code == FAIL_NONE;
	buf_init(&body, &a, raw.sealed.len);
	if (!vault_open("raw_callback.body", raw.id, raw.sealed, &body, why) || !read_reports(buf_text(&body), &g, &a, why))
		return false;
	assert(g.count == raw.reports);
	int64_t to = raw.reports - raw.taken > rows_max ? raw.taken + rows_max : raw.reports;
	if (!take_some(&t, &g, raw.taken, to, why) || !raw_advance(tx, &raw, to, t.counts[RESULT_UNMATCHED], why))
		return false;
	out->rows = to - raw.taken;
	memcpy(out->counts, t.counts, sizeof(t.counts));
	return true;
}

/* Of platforms that send texts, and of those that take money. */
static bool purge(struct stmt *q, struct tx *tx, int64_t before_ms, int64_t rows_max, int64_t *deleted, struct fail *why)
{
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, before_ms);
	stmt_bind_int(q, 2, rows_max);
	if (!stmt_run(q, why))
		return false;
	*deleted += tx_changes(tx);
	return true;
}

bool callback_purge(struct tx *tx, int64_t now_ms, int64_t days, int64_t rows_max, int64_t *deleted, struct fail *why)
{
	int64_t before_ms = now_ms - days * INT64_C(86400000);
	DROP(stmt) struct stmt *sms = tx_query(tx, "DELETE FROM raw_callback WHERE id IN (SELECT id FROM raw_callback WHERE made_ms < $1 ORDER BY made_ms LIMIT $2)", why);
	*deleted = 0;
	if (!purge(sms, tx, before_ms, rows_max, deleted, why))
		return false;
	DROP(stmt) struct stmt *pay = tx_query(tx, "DELETE FROM pay_callback WHERE id IN (SELECT c.id FROM pay_callback c WHERE c.made_ms < $1"
		" AND NOT EXISTS (SELECT 1 FROM pay_callback_due d WHERE d.id = c.id) ORDER BY c.made_ms LIMIT $2)", why);
	return *deleted >= rows_max || purge(pay, tx, before_ms, rows_max - *deleted, deleted, why);
}
