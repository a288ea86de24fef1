/* services/money/recon_upload.c - a statement goes by in pieces: it is judged and sealed at the same time, and when both are at their end its row is made. For the payment
 * office POST /v1/office/statements, for the operator `siban reconcile load`. */
#include "auth/audit.h"
#include "base/day.h"
#include "channels/wechat_nontax.h"
#include "payments/reconciliation/recon_file.h"
#include "payments/reconciliation/recon_run.h"
#include "services/handlers.h"
#include "services/money/pay_notice.h"
#include "services/money/recon_office.h"
#include "services/services.h"

#include <stdio.h>

enum { TAKEN = 1, N_NEW = 0, N_LINES, N_PAYMENT_FEN, N_REFUND_FEN, N_SOURCE, N_DAY };

/* ---- the sink: in the BLOB lane ---- */

struct sunk {
	struct bill *bill;           /* NULL: not begun, or over */
	struct blob_sealer *sealer;
	struct bill_want want;
	struct str account;          /* whose it is, where the file does not say; at NULL: nobody said */
	struct bill_totals totals;
	struct blob_sealed sealed;
};

static bool line_passes(void *ctx, const struct bill_line *l, struct fail *why)
{
	(void)ctx;
	(void)l;
	(void)why;
	return true; /* that it can be read is all that is asked here */
}

static bool want_of(struct request *r, struct bill_want *w, struct fail *why)
{
	struct str source, day, proof;
	if (!request_query(r, "source", &source, why) || !request_query(r, "day", &day, why))
		return false;
	w->source = bill_source_from(source);
	if (w->source == BILL_NONE || w->source == BILL_RECEIPTS)
		return FAILS_FIELD(why, QUERY, "source", "no such source");
	if (!day_from_text(day, &w->day))
		return FAILS_FIELD(why, QUERY, "day", "not a day");
	if (w->day >= day_of(r->now_ms))
		return FAILS_FIELD(why, QUERY, "day", "that day is not over");
	struct str merchants[NONTAX_MERCHANTS_MAX];
	w->merchant = w->source == BILL_WECHAT_TRADE && services_config()->wechat_pay_mchid[0] != '\0' ? str_c(services_config()->wechat_pay_mchid) : STR_NONE;
	if (w->source == BILL_WECHAT_NONTAX && nontax_merchants(services_config(), merchants) == 1)
		w->merchant = merchants[0];
	if (!request_query(r, "sha1", &proof, why))
		return false;
	w->is_proved = proof.at != NULL && bill_is_proved(w->source);
	w->names = w->source == BILL_BANK ? str_c(services_config()->recon_bank_columns) : STR_NONE;
	return true;
}

/* A fund flow that the gateway fetches has no number in it and is of the one merchant it is fetched by; what is brought as his is the same. */
static bool account_take(struct request *r, struct sunk *s, struct fail *why)
{
	if (!request_query(r, "account", &s->account, why))
		return false;
	if (s->account.at == NULL)
		return true;
	if (s->want.source != BILL_WECHAT_FUND && s->want.source != BILL_BANK)
		return FAILS_FIELD(why, QUERY, "account", "the file itself says whose it is");
	if (s->account.len == 0 || s->account.len > BILL_TEXT_MAX || !str_is_visible_ascii(s->account))
		return FAILS_FIELD(why, QUERY, "account", "not an account");
	if (s->want.source == BILL_WECHAT_FUND && str_eq(s->account, str_c(services_config()->wechat_pay_mchid)))
		s->account = STR_NONE;
	return true;
}

static bool sink_begin(struct request *r, struct fail *why)
{
	struct sunk *s = arena_alloc(&r->arena, sizeof *s);
	if (s == NULL)
		return FAILS(why, MEMORY, "a statement");
	memset(s, 0, sizeof *s);
	r->sunk = s;
	if (!recon_office(r, why) || !want_of(r, &s->want, why) || !account_take(r, s, why))
		return false;
	s->bill = bill_begin(&s->want, line_passes, NULL, why);
	s->sealer = s->bill != NULL ? blob_seal_begin(services_blobs(), r->now_ms, why) : NULL;
	return s->sealer != NULL;
}

static bool sink_take(struct request *r, struct str piece, struct fail *why)
{
	if (r->sunk == NULL && !sink_begin(r, why))
		return false;
	struct sunk *s = r->sunk;
	return bill_feed(s->bill, piece, why) && blob_seal(s->sealer, piece, why);
}

/* Of several merchants of ours the file says which. */
static bool is_of_ours(const struct sunk *s, struct fail *why)
{
	struct str merchants[NONTAX_MERCHANTS_MAX];
	int count = s->want.source == BILL_WECHAT_NONTAX && s->totals.lines > 0 ? nontax_merchants(services_config(), merchants) : 0;
	bool is_ours = count == 0;
	for (int i = 0; i < count; i++)
		is_ours = is_ours || str_eq(merchants[i], str_c(s->totals.merchant));
	if (is_ours)
		return true;
	FAILS(why, IMPORT, "the file of a merchant that is not ours");
	fail_fact_text(why, "reason", "other_merchant");
	return false;
}

/* What stands for the whole is what was unpacked, its source and its day. */
static bool sink_end(struct request *r, struct fail *why)
{
	struct sunk *s = r->sunk;
	struct bill *bill = s->bill;
	struct blob_sealer *sealer = s->sealer;
	s->bill = NULL;
	if (!bill_end(bill, &s->totals, why) || !is_of_ours(s, why))
		return false;
	if (s->account.len > 0)
		snprintf(s->totals.merchant, sizeof s->totals.merchant, "%.*s", STR_ARG(s->account));
	s->sealer = NULL;
	if (!blob_seal_end(sealer, &s->sealed, why))
		return false;
	r->body = (struct str){ (const char *)s->totals.sha256, SHA256_BYTES };
	return true;
}

static void sink_drop(struct request *r)
{
	struct sunk *s = r->sunk;
	if (s == NULL)
		return;
	bill_drop(s->bill);
	blob_seal_abort(s->sealer);
	s->bill = NULL;
	s->sealer = NULL;
	wipe(&s->sealed, sizeof s->sealed);
}

static const struct body_sink sink = { sink_take, sink_end, sink_drop };

/* ---- the request ---- */

struct bringing {
	int64_t replaces;
};

/* A proof is what the channel says the whole should be: WeChat's SHA-1. */
static bool is_proved(struct request *r, const struct sunk *s, struct fail *why)
{
	struct str proof;
	uint8_t told[SHA1_BYTES];
	if (!request_query(r, "sha1", &proof, why))
		return false;
	if (proof.at == NULL)
		return true;
	if (!bill_is_proved(s->want.source) || str_hex(proof, told, sizeof told) != SHA1_BYTES)
		return FAILS_FIELD(why, QUERY, "sha1", "not a digest of such a statement");
	if (memcmp(told, s->totals.sha1, SHA1_BYTES) == 0)
		return true;
	FAILS(why, IMPORT, "not what was proved");
	fail_fact_text(why, "reason", "other_digest");
	return false;
}

static bool bring_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "source", "day", "account", "sha1", "replaces", NULL };
	struct bringing *b = request_state(r, sizeof *b, why);
	if (b == NULL || !request_query_only(r, names, why) || !query_number(r, "replaces", 0, 1, 0, &b->replaces, why))
		return false;
	if (r->sunk == NULL) {
		FAILS(why, IMPORT, "an empty body");
		fail_fact_text(why, "reason", "empty_file");
		return false;
	}
	return is_proved(r, r->sunk, why);
}

static bool bring_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct bringing *b = r->state;
	const struct sunk *s = r->sunk;
	uint8_t random[32];
	int64_t id;
	bool is_new;
	request_bytes(r, "statement", random);
	struct recon_file_new n = { .source = s->want.source, .day = s->want.day, .replaces = b->replaces != 0, .totals = &s->totals, .sealed = &s->sealed, .maker_kind = r->who.kind,
				    .maker = r->who.id, .now_ms = r->now_ms, .salt = random };
	if (!recon_file_keep(tx, &n, &id, &is_new, why))
		return false;
	r->outcome = (struct outcome){ .code = TAKEN, .status = is_new ? 201 : 200,
				       .n = { [N_NEW] = is_new, [N_LINES] = s->totals.lines, [N_PAYMENT_FEN] = s->totals.payment_fen, [N_REFUND_FEN] = s->totals.refund_fen,
					      [N_SOURCE] = s->want.source, [N_DAY] = s->want.day } };
	hex_text(s->totals.sha256, SHA256_BYTES, r->outcome.text);
	if (!is_new)
		return true;
	struct audit a = { AUDIT_STATEMENT_TAKEN, AUDIT_OF_STATEMENT, id, .result = 201, .region = r->who.region };
	return recon_ask_around(tx, s->want.source, s->want.day, r->now_ms, why) && audit_add(tx, r, &a, why);
}

static bool bring_render(struct request *r, struct fail *why)
{
	const struct outcome *o = &r->outcome;
	struct json_out j = reply_json(r, o->status);
	json_put_object(&j);
	json_add_text(&j, "digest", str_c(o->text));
	json_add_plain(&j, "source", bill_source_text(o->n[N_SOURCE]));
	json_add_day(&j, "day", true, o->n[N_DAY]);
	json_add_boolean(&j, "is_new", o->n[N_NEW] != 0);
	json_add_number(&j, "lines", o->n[N_LINES]);
	json_add_number(&j, "payment_fen", o->n[N_PAYMENT_FEN]);
	json_add_number(&j, "refund_fen", o->n[N_REFUND_FEN]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler recon_bring = { .sink = &sink, .parse = bring_parse, .apply = bring_apply, .render = bring_render };
