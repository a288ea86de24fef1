/* services/money/refund_deed.c - what two of the payment office decide: whether a verified refund is paid and which way, that it was paid by hand, and what becomes of odd money. */
#include "auth/audit.h"
#include "auth/proposal.h"
#include "auth/tenancy.h"
#include "base/json.h"
#include "services/money/refunding.h"
#include "services/services.h"

struct wish {
	struct str verdict, path_name, note, number, code_text;
	int64_t path;
	char code[PAYMENT_CODE_DIGITS + 1]; /* "": none was said */
};

static const struct json_field decide_fields[] = {
	{ "verdict", JSON_F_TEXT, true, 1, 16, offsetof(struct wish, verdict), NULL },
	{ "path", JSON_F_TEXT, false, 1, 16, offsetof(struct wish, path_name), NULL },
	{ "note", JSON_F_TEXT, false, 2, REFUND_REASON_MAX, offsetof(struct wish, note), check_plain_text },
};
static const struct json_field hand_fields[] = {
	{ "number", JSON_F_TEXT, true, 4, REFUND_NUMBER_MAX, offsetof(struct wish, number), check_visible_ascii },
};
static const struct json_field apply_fields[] = {
	{ "payment_code", JSON_F_TEXT, false, 1, 2 * PAYMENT_CODE_DIGITS, offsetof(struct wish, code_text), NULL },
};
static const struct json_field back_fields[] = {
	{ "note", JSON_F_TEXT, true, 2, REFUND_REASON_MAX, offsetof(struct wish, note), check_plain_text },
};

static const struct {
	enum proposal_kind kind;
	const struct json_field *fields;
	int count;
} shapes[] = { { PROPOSAL_REFUND_DECIDE, decide_fields, 3 }, { PROPOSAL_REFUND_BY_HAND, hand_fields, 1 }, { PROPOSAL_ODD_APPLY, apply_fields, 1 }, { PROPOSAL_ODD_REFUND, back_fields, 1 } };

static bool wish_fits(enum proposal_kind kind, struct wish *w, struct fail *why)
{
	int64_t division;
	if (w->path_name.at != NULL && (w->path = refund_path_named(w->path_name)) == 0)
		return FAILS_FIELD(why, FIELD, "/path", "no such path");
	if (w->code_text.at != NULL && payment_code_read(PAYMENT_CODE_OPAQUE, w->code_text, w->code, &division) != PAYMENT_CODE_FINE)
		return FAILS_FIELD(why, FIELD, "/payment_code", "not a payment code");
	if (kind != PROPOSAL_REFUND_DECIDE)
		return true;
	bool refuses = str_eq(w->verdict, STR("refuse"));
	if (!refuses && !str_eq(w->verdict, STR("approve")))
		return FAILS_FIELD(why, FIELD, "/verdict", "neither approve nor refuse");
	return !refuses || w->note.at != NULL || FAILS_FIELD(why, FIELD_MISSING, "/note", "why it is refused");
}

static bool wish_from(enum proposal_kind kind, struct str payload, struct arena *a, struct wish *w, struct fail *why)
{
	size_t i = 0;
	while (shapes[i].kind != kind)
		i++;
	*w = (struct wish){ .path = 0 };
	DROP(json) json_t *body = json_read(payload, why);
	return body != NULL && json_take(body, shapes[i].fields, (size_t)shapes[i].count, JSON_REFUSE_UNKNOWN, "", w, a, why) && wish_fits(kind, w, why);
}

static bool check(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why)
{
	struct wish w;
	return wish_from(kind, payload, a, &w, why);
}

/* ---- of a refund ---- */

static bool refund_found(struct tx *tx, struct request *r, struct str name, const struct proposal_new *wish, int64_t *subject, struct fail *why)
{
	struct refund f = { .id = 0 };
	struct id key;
	if (refund_key(name, &key) && !refund_find(tx, key, &f, &r->arena, why))
		return false;
	*subject = f.id;
	return (f.id != 0 && region_is_within(wish->region, f.division)) || FAILS_FIELD(why, FIELD, "/subject", "no such refund in that region");
}

static bool key_read(struct tx *tx, struct stmt *q, int64_t id, struct id *key, struct fail *why)
{
	(void)tx;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "row %lld", (long long)id);
	memcpy(key->bytes, stmt_blob(q, 0).at, ID_BYTES);
	return true;
}

static bool refund_name(struct tx *tx, int64_t subject, char out[PROPOSAL_SUBJECT_MAX], struct fail *why)
{
	struct id key;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT key FROM pay_refund WHERE id = $1", why);
	if (q == NULL || !key_read(tx, q, subject, &key, why))
		return false;
	refund_key_text(key, out);
	return true;
}

static bool audited(struct tx *tx, const struct request *r, enum audit_act act, enum audit_subject of, int64_t id, int64_t department, int64_t division, struct fail *why)
{
	struct audit a = { act, of, id, .result = 200, .department = department, .region = division };
	return audit_add(tx, r, &a, why);
}

static bool taken_at(struct tx *tx, const struct refund *f, int64_t *ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT taken_ms FROM pay_payment WHERE id = $1", why);
	*ms = f->made_ms;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, f->payment);
	if (stmt_row(q, why))
		*ms = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool refused(struct tx *tx, struct request *r, struct refund *f, const struct wish *w, struct fail *why)
{
	uint8_t salt[32];
	request_bytes(r, "refund refused", salt);
	return refund_given_up(tx, f, REFUND_REFUSED, r->now_ms, why) && refund_refused_for(tx, f, w->note, salt, &r->arena, why);
}

static bool approved(struct tx *tx, struct request *r, struct refund *f, const struct wish *w, struct fail *why)
{
	int64_t taken_ms;
	if (!taken_at(tx, f, &taken_ms, why))
		return false;
	enum refund_path path = w->path != 0 ? (enum refund_path)w->path : refund_path_for(f->channel, taken_ms, services_config()->treasury_days, r->now_ms);
	return refund_approved(tx, f, path, r->now_ms, &r->arena, why);
}

static bool decide(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct wish w;
	struct refund f;
	if (!wish_from(PROPOSAL_REFUND_DECIDE, p->payload, &r->arena, &w, why) || !refund_read(tx, p->subject, &f, &r->arena, why))
		return false;
	bool refuses = str_eq(w.verdict, STR("refuse"));
	return (refuses ? refused(tx, r, &f, &w, why) : approved(tx, r, &f, &w, why)) &&
	       audited(tx, r, refuses ? AUDIT_REFUND_REFUSED : AUDIT_REFUND_APPROVED, AUDIT_OF_REFUND, f.id, f.department, f.division, why);
}

static bool by_hand(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct wish w;
	struct refund f;
	return wish_from(PROPOSAL_REFUND_BY_HAND, p->payload, &r->arena, &w, why) && refund_read(tx, p->subject, &f, &r->arena, why) &&
	       refund_by_hand(tx, &f, REFUND_BY_TREASURY, w.number, r->now_ms, why) && audited(tx, r, AUDIT_REFUND_PAID, AUDIT_OF_REFUND, f.id, f.department, f.division, why);
}

/* ---- of odd money ---- */

static bool odd_found(struct tx *tx, struct request *r, struct str name, const struct proposal_new *wish, int64_t *subject, struct fail *why)
{
	struct odd_row o = { .id = 0 };
	struct id key;
	if (odd_money_key(name, &key) && !odd_money_find(tx, key, &o, &r->arena, why))
		return false;
	*subject = o.id;
	if (o.id == 0 || !region_is_within(wish->region, o.money.division))
		return FAILS_FIELD(why, FIELD, "/subject", "no such money in that region");
	if (wish->kind == PROPOSAL_ODD_APPLY && !odd_kind_row(o.money.kind)->may_be_applied)
		return FAILS(why, ODD_GOES_BACK, "odd money %lld is %s", (long long)o.id, odd_kind_row(o.money.kind)->text.at);
	return true;
}

static bool odd_name(struct tx *tx, int64_t subject, char out[PROPOSAL_SUBJECT_MAX], struct fail *why)
{
	struct id key;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT key FROM pay_odd WHERE id = $1", why);
	if (q == NULL || !key_read(tx, q, subject, &key, why))
		return false;
	odd_money_key_text(key, out);
	return true;
}

static bool notice_named(struct tx *tx, struct request *r, const struct wish *w, const struct odd_row *o, int64_t *notice, struct fail *why)
{
	struct notice n;
	*notice = 0;
	if (w->code[0] == '\0')
		return true;
	if (!notice_find(tx, str_c(w->code), &n, &r->arena, why))
		return false;
	*notice = n.id;
	return (n.id != 0 && region_is_within(r->who.region, n.division)) || FAILS(why, NOTICE_UNKNOWN, "no such notice for odd money %lld", (long long)o->id);
}

static bool odd_apply(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct wish w;
	struct odd_row o;
	int64_t payment;
	uint8_t random[32];
	request_bytes(r, "odd money applied", random);
	struct odd_applying act = { .odd = &o, .key = id_make(r->now_ms, random), .staff = r->who.id, .now_ms = r->now_ms, .salt = random + 16 };
	return wish_from(PROPOSAL_ODD_APPLY, p->payload, &r->arena, &w, why) && odd_money_by_id(tx, p->subject, &o, &r->arena, why) && notice_named(tx, r, &w, &o, &act.notice, why) &&
	       odd_money_apply(tx, &act, &payment, &r->arena, why) && audited(tx, r, AUDIT_ODD_APPLIED, AUDIT_OF_ODD, o.id, 0, o.money.division, why);
}

static bool odd_back(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct wish w;
	struct odd_row o;
	struct refund f;
	uint8_t random[32];
	request_bytes(r, "odd money back", random);
	return wish_from(PROPOSAL_ODD_REFUND, p->payload, &r->arena, &w, why) && odd_money_by_id(tx, p->subject, &o, &r->arena, why) &&
	       refund_odd(tx, &o, id_make(r->now_ms, random), r->who.id, w.note, random + 16, r->now_ms, &f, &r->arena, why) &&
	       audited(tx, r, AUDIT_ODD_REFUNDED, AUDIT_OF_ODD, o.id, 0, o.money.division, why);
}

void refund_deeds_compose(void)
{
	static const struct proposal_deed decide_deed = { check, refund_found, refund_name, decide, NULL }, hand_deed = { check, refund_found, refund_name, by_hand, NULL },
		apply_deed = { check, odd_found, odd_name, odd_apply, NULL }, back_deed = { check, odd_found, odd_name, odd_back, NULL };
	proposal_compose(PROPOSAL_REFUND_DECIDE, &decide_deed);
	proposal_compose(PROPOSAL_REFUND_BY_HAND, &hand_deed);
	proposal_compose(PROPOSAL_ODD_APPLY, &apply_deed);
	proposal_compose(PROPOSAL_ODD_REFUND, &back_deed);
}
