/* services/money/department_notice.c - a department brings its notices: POST /v1/department/notices, looks at one, and takes one back. */
#include "auth/audit.h"
#include "payments/bureau/confirmation.h"
#include "services/handlers.h"
#include "services/money/pay_notice.h"
#include "services/money/refunding.h"
#include "services/services.h"

enum { BROUGHT = 1, VOIDED };
enum { N_NOTICE, N_WHAT, N_STATE };
enum { REASON_MAX = 100 };

static const char *const no_query[] = { NULL };

/* ---- department_notice_put ---- */

struct bringing {
	struct notice notice;
	struct confirmation booking; /* of show */
	struct refund_sums refunds;
};

static bool put_parse(struct request *r, struct fail *why)
{
	struct bringing *b = request_state(r, sizeof(*b), why);
	if (b == NULL || !request_query_only(r, no_query, why))
		return false;
	enum json_unknown unknown = r->who.kind == WHO_DEPARTMENT && !r->who.test_key ? JSON_IGNORE_UNKNOWN : JSON_REFUSE_UNKNOWN;
	DROP(json) json_t *body = json_read(r->body, why);
	return body != NULL &&
	       notice_take(body, (enum payment_code_profile)services_config()->payment_code_profile, unknown, &b->notice, &r->arena, why);
}

static bool division_is_there(struct tx *tx, int64_t division, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, division);
	return stmt_row(q, why) || (why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/division", "no such division"));
}

static bool put_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct bringing *b = r->state;
	enum notice_put what;
	b->notice.department = r->who.id;
	if (!division_is_there(tx, b->notice.division, why) || !notice_put(tx, &b->notice, r->now_ms, r->random, &what, why))
		return false;
	r->outcome = (struct outcome){ .code = BROUGHT, .status = what == NOTICE_NEW ? 201 : 200,
		.n = { [N_NOTICE] = b->notice.id, [N_WHAT] = what, [N_STATE] = b->notice.state } };
	memcpy(r->outcome.text, b->notice.code, sizeof(b->notice.code));
	return true;
}

static bool put_render(struct request *r, struct fail *why)
{
	static const struct str words[] = { [NOTICE_NEW] = { "new", 3 }, [NOTICE_SAME] = { "same", 4 }, [NOTICE_QUOTED] = { "quoted", 6 } };
	struct json_out j = reply_json(r, r->outcome.status);
	json_put_object(&j);
	json_add_text(&j, "payment_code", str_c(r->outcome.text));
	json_add_plain(&j, "result", words[r->outcome.n[N_WHAT]]);
	json_add_text(&j, "state", notice_state_text((enum notice_state)r->outcome.n[N_STATE]));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler department_notice_put = { .parse = put_parse, .apply = put_apply, .render = put_render };

/* ---- department_notice_show ---- */

static bool show_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct bringing), why) != NULL && request_query_only(r, no_query, why);
}

static bool own_find(struct tx *tx, struct request *r, struct notice *n, struct fail *why)
{
	char code[PAYMENT_CODE_DIGITS + 1];
	int64_t division;
	if (payment_code_read(PAYMENT_CODE_OPAQUE, r->params[0], code, &division) != PAYMENT_CODE_FINE)
		return FAILS(why, NOT_FOUND, "not a payment code");
	return notice_find(tx, str_c(code), n, &r->arena, why) && (n->id != 0 || FAILS(why, NOT_FOUND, "no such notice"));
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct bringing *b = r->state;
	if (!own_find(tx, r, &b->notice, why))
		return false;
	r->owner = b->notice.department;
	return confirmation_find(tx, b->notice.id, &b->booking, &r->arena, why) && refund_sums_of(tx, 0, b->notice.id, &b->refunds, why);
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct bringing *b = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	pay_notice_public(&j, &b->notice, &r->arena);
	if (b->notice.notice_no.at != NULL)
		json_add_text(&j, "notice_no", b->notice.notice_no);
	else
		json_add_nothing(&j, "notice_no");
	if (b->booking.id != 0)
		json_add_plain(&j, "booking", confirmation_booking_text(b->booking.state));
	else
		json_add_nothing(&j, "booking");
	refund_sums_out(&j, &b->refunds, b->booking.amount_fen);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler department_notice_show = { .parse = show_parse, .look = show_look, .render = show_render };

/* ---- department_notice_void ---- */

struct voiding {
	struct str reason;
};

static bool void_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "reason", JSON_F_TEXT, true, 2, REASON_MAX, offsetof(struct voiding, reason), check_plain_text },
	};
	struct voiding *v = request_state(r, sizeof(*v), why);
	return v != NULL && request_query_only(r, no_query, why) && request_json(r, fields, 1, v, why);
}

static bool void_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct voiding *v = r->state;
	struct notice n;
	if (!own_find(tx, r, &n, why))
		return false;
	if (n.department != r->who.id)
		return FAILS(why, NOT_FOUND, "another's notice");
	struct audit a = { AUDIT_NOTICE_VOIDED, AUDIT_OF_NOTICE, n.id, .result = 200, .reason = v->reason, .department = r->who.id, .region = n.division };
	r->outcome = (struct outcome){ .code = VOIDED, .status = 200, .n = { [N_NOTICE] = n.id, [N_WHAT] = NOTICE_SAME, [N_STATE] = NOTICE_VOID } };
	memcpy(r->outcome.text, n.code, sizeof(n.code));
	return notice_move(tx, n.id, NOTICE_VOID, r->now_ms, why) && audit_add(tx, r, &a, why);
}

static bool void_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "payment_code", str_c(r->outcome.text));
	json_add_text(&j, "state", notice_state_text((enum notice_state)r->outcome.n[N_STATE]));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler department_notice_void = { .parse = void_parse, .apply = void_apply, .render = void_render };
