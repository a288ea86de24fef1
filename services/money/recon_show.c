/* services/money/recon_show.c - a day as it stands: which statements are here, what was held beside our books, what did not match, and what is left to explain. */
#include "base/day.h"
#include "channels/wechat_nontax.h"
#include "payments/reconciliation/recon_books.h"
#include "payments/reconciliation/recon_day.h"
#include "services/handlers.h"
#include "services/money/pay_notice.h"
#include "services/money/recon_office.h"
#include "services/services.h"

enum { RUNS_MAX = 16, KINDS_MAX = 16, FILES_MAX = 64, ITEMS_MAX = 100 };

/* ---- shared ---- */

bool recon_office(const struct request *r, struct fail *why)
{
	bool is_everybodys = r->who.kind == WHO_OPERATOR || r->who.region == 0 || (r->who.region < 1000000 && r->who.region % 100 == 0);
	return is_everybodys || FAILS(why, FORBIDDEN, "reconciliation is of the whole prefecture");
}

bool recon_day_query(struct request *r, const char *name, int64_t absent, int64_t *day, struct fail *why)
{
	struct str text;
	int32_t d;
	*day = absent;
	if (!request_query(r, name, &text, why))
		return false;
	if (text.at == NULL && absent >= 0)
		return true;
	if (!day_from_text(text, &d))
		return FAILS_FIELD(why, QUERY, name, "not a day");
	*day = d;
	return true;
}

/* What the gateway fetches itself (gateway/outside/bill_fetch.h) is there of every day, or was said not to be. */
void recon_office_needs(struct recon_needs *out)
{
	const struct config *c = services_config();
	struct str rest = str_c(c->recon_close_needs), one;
	*out = (struct recon_needs){ .own = str_c(c->wechat_pay_mchid) };
	out->merchant_count = nontax_merchants(c, out->merchants);
	while (rest.len > 0) {
		str_cut(rest, ',', &one, &rest);
		enum bill_source source = bill_source_from(str_trim(one));
		bool is_fetched = source == BILL_WECHAT_NONTAX ? out->merchant_count > 0 : (source == BILL_WECHAT_TRADE || source == BILL_WECHAT_FUND) && c->wechat_pay_url[0] != '\0';
		out->need[source] = is_fetched ? RECON_NEEDS_ALWAYS : RECON_NEEDS_IF_MOVED;
	}
}

/* ---- a day ---- */

struct run_row {
	int64_t source, state, ours, theirs, matched, asked_ms, ended_ms, open, queued, settled;
	struct str reason;
};

struct kind_row {
	int64_t kind, state, count, ours_fen, theirs_fen, oldest_ms;
};

struct day_view {
	int64_t day;
	struct recon_day now;
	int run_count, kind_count, file_count;
	struct run_row runs[RUNS_MAX];
	struct kind_row kinds[KINDS_MAX * 4];
	struct recon_file files[FILES_MAX];
	int64_t none_ms[BILL_SOURCES]; /* when its source said that there is none; 0: it did not */
	int missing_count;
	struct str missing[NONTAX_MERCHANTS_MAX]; /* merchants whose file of that day the non-tax platform has not given us */
};

static bool runs_read(struct tx *tx, struct request *r, struct day_view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT r.source, r.state, r.ours, r.theirs, r.matched, r.asked_ms, r.ended_ms,"
		" (SELECT COUNT(*) FROM recon_item i WHERE i.source = r.source AND i.day = r.day AND i.state = 1),"
		" (SELECT COUNT(*) FROM recon_item i WHERE i.source = r.source AND i.day = r.day AND i.state = 2),"
		" (SELECT COUNT(*) FROM recon_item i WHERE i.source = r.source AND i.day = r.day AND i.state = 3), r.reason"
		" FROM recon_run r WHERE r.day = $1 ORDER BY r.source LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->day);
	stmt_bind_int(q, 2, RUNS_MAX);
	while (stmt_row(q, why)) {
		struct run_row *row = &v->runs[v->run_count++];
		int64_t n[10];
		stmt_ints(q, 0, 10, n);
		*row = (struct run_row){ n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], str_copy(&r->arena, stmt_text(q, 10)) };
	}
	return why->code == FAIL_NONE;
}

static bool kinds_read(struct tx *tx, struct day_view *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind, state, COUNT(*), CAST(SUM(ours_fen) AS BIGINT), CAST(SUM(theirs_fen) AS BIGINT), MIN(first_ms) FROM recon_item WHERE day = $1 AND state <> 4"
		" GROUP BY kind, state ORDER BY kind, state LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->day);
	stmt_bind_int(q, 2, KINDS_MAX * 4);
	while (stmt_row(q, why)) {
		int64_t n[6];
		stmt_ints(q, 0, 6, n);
		v->kinds[v->kind_count++] = (struct kind_row){ n[0], n[1], n[2], n[3], n[4], n[5] };
	}
	return why->code == FAIL_NONE;
}

static bool files_read(struct tx *tx, struct day_view *v, struct fail *why)
{
	for (int source = 1; source < BILL_SOURCES && v->file_count + RECON_FILES_MAX <= FILES_MAX; source++) {
		int count;
		if (!recon_files(tx, (enum bill_source)source, (int32_t)v->day, v->files + v->file_count, &count, why) || !recon_none_said(tx, (enum bill_source)source, v->day, &v->none_ms[source], why))
			return false;
		v->file_count += count;
	}
	return true;
}

/* It was asked for until payments.fetch_to of the next day (gateway/outside/bill_fetch.h); of a day that two people have closed nobody wants it any more. */
static void missing_find(const struct request *r, struct day_view *v)
{
	struct str merchants[NONTAX_MERCHANTS_MAX];
	int count = nontax_merchants(services_config(), merchants);
	if (v->now.is_closed || r->now_ms < day_begins_ms((int32_t)v->day + 1) + services_config()->recon_fetch_to * 60000)
		return;
	for (int i = 0; i < count; i++) {
		bool here = false;
		for (int f = 0; f < v->file_count; f++)
			here = here || (v->files[f].source == BILL_WECHAT_NONTAX && str_eq(str_c(v->files[f].merchant), merchants[i]));
		if (!here)
			v->missing[v->missing_count++] = merchants[i];
	}
}

static bool day_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "day", NULL };
	struct day_view *v = request_state(r, sizeof *v, why);
	return v != NULL && request_query_only(r, names, why) && recon_office(r, why) && recon_day_query(r, "day", -1, &v->day, why);
}

static bool day_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct day_view *v = r->state;
	struct recon_needs needs;
	recon_office_needs(&needs);
	bool ok = recon_day_glance(tx, v->day, &needs, &v->now, why) && runs_read(tx, r, v, why) && kinds_read(tx, v, why) && files_read(tx, v, why);
	if (ok)
		missing_find(r, v);
	return ok;
}

static void run_out(struct json_out *j, const struct run_row *row)
{
	json_put_object(j);
	json_add_plain(j, "source", bill_source_text(row->source));
	json_add_text(j, "name", bill_source_zh(row->source));
	json_add_plain(j, "state", recon_run_state_text(row->state));
	json_add_number(j, "ours", row->ours);
	json_add_number(j, "theirs", row->theirs);
	json_add_number(j, "matched", row->matched);
	json_add_number(j, "open", row->open);
	json_add_number(j, "queued", row->queued);
	json_add_number(j, "settled", row->settled);
	json_add_time(j, "asked_at", row->asked_ms);
	if (row->ended_ms > 0)
		json_add_time(j, "ended_at", row->ended_ms);
	else
		json_add_nothing(j, "ended_at");
	if (row->reason.len > 0)
		json_add_text(j, "reason", row->reason);
	else
		json_add_nothing(j, "reason");
	json_put_object_end(j);
}

static void kind_out(struct json_out *j, const struct kind_row *row, int64_t now_ms)
{
	const struct recon_kind_row *k = recon_kind_row(row->kind);
	json_put_object(j);
	json_add_plain(j, "kind", k->text);
	json_add_text(j, "name", k->zh);
	json_add_plain(j, "state", recon_item_state_text(row->state));
	json_add_number(j, "count", row->count);
	json_add_number(j, "ours_fen", row->ours_fen);
	json_add_number(j, "theirs_fen", row->theirs_fen);
	json_add_plain(j, "owner", recon_owner_text(k->owner));
	json_add_number(j, "age_days", (now_ms - row->oldest_ms) / 86400000);
	json_put_object_end(j);
}

static void file_out(struct json_out *j, const struct recon_file *f)
{
	char hex[2 * SHA256_BYTES + 1];
	hex_text(f->digest, SHA256_BYTES, hex);
	json_put_object(j);
	json_add_plain(j, "source", bill_source_text(f->source));
	json_add_text(j, "merchant", str_c(f->merchant));
	json_add_text(j, "digest", str_c(hex));
	json_add_number(j, "lines", f->lines);
	json_add_number(j, "payments", f->payments);
	json_add_number(j, "payment_fen", f->payment_fen);
	json_add_number(j, "refunds", f->refunds);
	json_add_number(j, "refund_fen", f->refund_fen);
	json_add_number(j, "fee_millifen", f->fee_milli);
	json_add_time(j, "taken_at", f->made_ms);
	json_put_object_end(j);
}

static void none_out(struct json_out *j, int64_t source, int64_t said_ms)
{
	json_put_object(j);
	json_add_plain(j, "source", bill_source_text(source));
	json_add_time(j, "said_at", said_ms);
	json_put_object_end(j);
}

static void missing_out(struct json_out *j, struct str merchant)
{
	json_put_object(j);
	json_add_plain(j, "source", bill_source_text(BILL_WECHAT_NONTAX));
	json_add_text(j, "merchant", merchant);
	json_put_object_end(j);
}

/* What was signed, and whether it still is so. */
static void closed_out(struct json_out *j, const struct recon_day *d)
{
	if (!d->is_closed) {
		json_add_nothing(j, "closed");
		return;
	}
	json_put_name(j, "closed");
	json_put_object(j);
	json_add_time(j, "at", d->closed_ms);
	json_add_boolean(j, "is_changed", d->is_changed);
	json_add_number(j, "signatures", d->signatures);
	json_put_object_end(j);
}

static bool day_render(struct request *r, struct fail *why)
{
	const struct day_view *v = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_day(&j, "day", true, v->day);
	json_add_number(&j, "unexplained", v->now.unexplained);
	if (v->now.missing != BILL_NONE)
		json_add_plain(&j, "missing", bill_source_text(v->now.missing));
	else
		json_add_nothing(&j, "missing");
	closed_out(&j, &v->now);
	json_put_name(&j, "sources");
	json_put_array(&j);
	for (int i = 0; i < v->run_count; i++)
		run_out(&j, &v->runs[i]);
	json_put_array_end(&j);
	json_put_name(&j, "differences");
	json_put_array(&j);
	for (int i = 0; i < v->kind_count; i++)
		kind_out(&j, &v->kinds[i], r->now_ms);
	json_put_array_end(&j);
	json_put_name(&j, "statements");
	json_put_array(&j);
	for (int i = 0; i < v->file_count; i++)
		file_out(&j, &v->files[i]);
	json_put_array_end(&j);
	json_put_name(&j, "none");
	json_put_array(&j);
	for (int source = 1; source < BILL_SOURCES; source++)
		if (v->none_ms[source] > 0)
			none_out(&j, source, v->none_ms[source]);
	json_put_array_end(&j);
	json_put_name(&j, "not_fetched");
	json_put_array(&j);
	for (int i = 0; i < v->missing_count; i++)
		missing_out(&j, v->missing[i]);
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler recon_day_show = { .parse = day_parse, .look = day_look, .render = day_render };

/* ---- asked again ---- */

static bool run_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "day", NULL };
	int64_t *day = request_state(r, sizeof *day, why);
	return day != NULL && request_query_only(r, names, why) && recon_office(r, why) && recon_day_query(r, "day", -1, day, why);
}

/* Every source that has a statement of that day, or said that there is none; e-receipts beside the bureau's, and whenever something was booked. */
static bool run_apply(struct tx *tx, struct request *r, struct fail *why)
{
	int64_t day = *(const int64_t *)r->state;
	struct recon_file files[RECON_FILES_MAX];
	int64_t none_ms;
	int count;
	bool is_booked;
	if (!recon_books_has_booked(tx, day, &is_booked, why))
		return false;
	r->outcome = (struct outcome){ .code = 1, .status = 202, .n = { day } };
	for (int source = 1; source < BILL_SOURCES; source++) {
		enum bill_source of = source == BILL_RECEIPTS ? BILL_FINANCE : (enum bill_source)source;
		if (!recon_files(tx, of, (int32_t)day, files, &count, why) || !recon_none_said(tx, of, day, &none_ms, why))
			return false;
		bool has = count > 0 || none_ms > 0;
		if (!has && !(source == BILL_RECEIPTS && is_booked))
			continue;
		if (!recon_ask(tx, (enum bill_source)source, day, r->now_ms, why))
			return false;
		r->outcome.n[1]++;
	}
	return true;
}

static bool run_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, r->outcome.status);
	json_put_object(&j);
	json_add_day(&j, "day", true, r->outcome.n[0]);
	json_add_number(&j, "asked", r->outcome.n[1]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler recon_run_again = { .parse = run_parse, .apply = run_apply, .render = run_render };
