/* services/callback_sms.c - what Aliyun's SMS service tells us on its own: whether a text arrived. It signs nothing, so the address is the secret: whoever
 * does not know its last part finds nothing there. */
#include "auth/keyring.h"
#include "auth/vault.h"
#include "base/metrics.h"
#include "channels/sms_aliyun.h"
#include "notify/effect_move.h"
#include "services/handlers.h"
#include "services/services.h"
#include <stdio.h>

enum { SOURCE_SMS_ALIYUN = 1 }; /* raw_callback.source */
enum { TAKEN = 1 };
enum { RESULT_ARRIVED, RESULT_LOST, RESULT_REPEATED, RESULT_UNMATCHED, RESULTS };
enum { N_RESULTS /* one of each */, N_UNREADABLE = RESULTS };

static const char *const no_query[] = { NULL };

void callback_names(void)
{
	static const char *const names[RESULTS] = { "arrived", "lost", "repeated", "unmatched" };
	for (int i = 0; i < RESULTS; i++)
		metric_label(M_receipts, i, names[i]);
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

/* ---- a report ---- */

struct taking {
	struct tx *tx;
	struct request *r;
	int64_t counts[RESULTS];
};

static bool take_report(void *ctx, const struct sms_report *report, struct fail *why)
{
	struct taking *t = ctx;
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
	if (!effect_receipt(t->tx, &e, report->is_success ? RECEIPT_ARRIVED : RECEIPT_LOST, code, t->r->now_ms, &news, why))
		return false;
	t->counts[!news ? RESULT_REPEATED : report->is_success ? RESULT_ARRIVED : RESULT_LOST]++;
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

static bool raw_keep(struct tx *tx, struct request *r, const uint8_t digest[SHA256_BYTES], int64_t unmatched, struct fail *why)
{
	int64_t id;
	struct buf sealed;
	buf_init(&sealed, &r->arena, r->body.len + VAULT_OVERHEAD_MAX);
	if (!tx_next_id(tx, "raw_callback", &id, why) || !vault_seal("raw_callback.body", id, r->body, r->random, &sealed, why))
		return false;
	if (!buf_ok(&sealed))
		return FAILS(why, MEMORY, "a callback of %zu bytes", r->body.len);
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO raw_callback (id, source, digest, body, unmatched, made_ms) VALUES ($1, $2, $3, $4, $5, $6)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, SOURCE_SMS_ALIYUN);
	stmt_bind_blob(q, 3, digest, SHA256_BYTES);
	stmt_bind_blob(q, 4, sealed.at, sealed.len);
	stmt_bind_int(q, 5, unmatched);
	stmt_bind_int(q, 6, r->now_ms);
	return stmt_run(q, why);
}

static bool is_theirs(enum fail_code code) /* what they sent, not what we could not do */
{
	return !fail_row(code)->again && code != FAIL_SEALED && code != FAIL_INTERNAL;
}

static bool apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct taking t = { .tx = tx, .r = r };
	struct fail reading;
	uint8_t digests[KEYRING_INDEX_MAX][SHA256_BYTES]; /* a repeat may come after a change of keys */
	bool there = false, unreadable = false;
	int count = keyring_index_all("raw_callback", &r->body, 1, digests);
	for (int i = 0; i < count && !there; i++)
		if (!raw_is_there(tx, digests[i], &there, why))
			return false;
	fail_clear(&reading);
	if (there) {
		t.counts[RESULT_REPEATED] = 1;
	} else if (!sms_aliyun_reports(r->body, take_report, &t, &r->arena, &reading)) {
		if (!is_theirs(reading.code)) {
			*why = reading;
			return false;
		}
		unreadable = true; /* kept, and looked at by a person: the same bytes once more would not help */
	}
	if (!there && !raw_keep(tx, r, digests[0], unreadable ? 1 : t.counts[RESULT_UNMATCHED], why))
		return false;
	r->outcome = (struct outcome){ .code = TAKEN, .status = 200, .n = { [N_UNREADABLE] = unreadable } };
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
	for (int i = 0; i < RESULTS; i++)
		if (r->outcome.n[i] > 0)
			metric_add(M_receipts, i, r->outcome.n[i]);
	if (r->outcome.n[RESULT_UNMATCHED] > 0 || r->outcome.n[N_UNREADABLE] > 0)
		LOG_EVENT(receipt_unmatched, str_c(r->id), L_C("sms_aliyun"), L_INT(r->outcome.n[RESULT_UNMATCHED]), L_BOOL(r->outcome.n[N_UNREADABLE] > 0));
	return answer(r, STR("接收成功"), why);
}

const struct handler sms_aliyun_receipts = { .parse = parse, .apply = apply, .render = render };

/* When the address is saved the platform asks whether anybody is there, and waits 700 ms. */
static bool probe_render(struct request *r, struct fail *why)
{
	return answer(r, STR("成功"), why);
}

const struct handler sms_aliyun_probe = { .parse = parse, .render = probe_render };

bool callback_purge(struct tx *tx, int64_t now_ms, int64_t days, int64_t rows_max, int64_t *deleted, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"DELETE FROM raw_callback WHERE id IN (SELECT id FROM raw_callback WHERE made_ms < $1 ORDER BY made_ms LIMIT $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms - days * INT64_C(86400000));
	stmt_bind_int(q, 2, rows_max);
	if (!stmt_run(q, why))
		return false;
	*deleted = tx_changes(tx);
	return true;
}
