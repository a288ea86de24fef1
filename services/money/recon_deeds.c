/* services/money/recon_deeds.c - what is carried out is looked at again in the deciding transaction: money may have moved since it was proposed. */
#include "services/money/recon_deeds.h"

#include "auth/audit.h"
#include "auth/proposal.h"
#include "base/day.h"
#include "payments/reconciliation/recon_act.h"
#include "payments/reconciliation/recon_day.h"
#include "services/money/recon_item.h"
#include "services/money/recon_office.h"
#include "services/services.h"

#include <string.h>

enum { REASON_MIN = 2, REASON_MAX = 200 };

static bool is_everybodys(int64_t region)
{
	return region > 0 && region < 1000000 && region % 100 == 0;
}

/* ---- settling ---- */

struct wish {
	struct str action, reason;
	int64_t ours_fen, theirs_fen;
};

static bool wish_from(struct str payload, struct arena *a, struct wish *w, enum recon_action *action, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "action", JSON_F_TEXT, true, 1, 16, offsetof(struct wish, action), NULL },
		{ "reason", JSON_F_TEXT, true, REASON_MIN, REASON_MAX, offsetof(struct wish, reason), check_plain_text },
		{ "ours_fen", JSON_F_INT, true, 0, INT64_C(1) << 52, offsetof(struct wish, ours_fen), NULL },
		{ "theirs_fen", JSON_F_INT, true, 0, INT64_C(1) << 52, offsetof(struct wish, theirs_fen), NULL },
	};
	*w = (struct wish){ STR_NONE, STR_NONE, 0, 0 };
	DROP(json) json_t *body = json_read(payload, why);
	if (body == NULL || !json_take(body, fields, 4, JSON_REFUSE_UNKNOWN, "", w, a, why))
		return false;
	*action = recon_action_named(w->action);
	return *action != RECON_NO_ACTION || FAILS_FIELD(why, FIELD, "/action", "no such action");
}

static bool settle_check(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why)
{
	struct wish w;
	enum recon_action action;
	(void)kind;
	return wish_from(payload, a, &w, &action, why);
}

static bool settle_find(struct tx *tx, struct request *r, struct str name, const struct proposal_new *n, int64_t *subject, struct fail *why)
{
	struct wish w;
	enum recon_action action;
	if (!is_everybodys(n->region))
		return FAILS_FIELD(why, FIELD, "/region", "reconciliation is of the whole prefecture");
	if (!recon_item_named(name, subject))
		return FAILS_FIELD(why, FIELD, "/subject", "no such difference");
	if (!wish_from(n->payload, &r->arena, &w, &action, why))
		return false;
	struct recon_act a = { .item = *subject, .action = action, .ours_fen = w.ours_fen, .theirs_fen = w.theirs_fen };
	if (recon_act_may(tx, &a, why))
		return true;
	if (why->code != FAIL_NOT_FOUND)
		return false;
	fail_clear(why);
	return FAILS_FIELD(why, FIELD, "/subject", "no such difference");
}

static bool settle_name(struct tx *tx, int64_t subject, char out[PROPOSAL_SUBJECT_MAX], struct fail *why)
{
	(void)tx;
	(void)why;
	recon_item_text(subject, out);
	return true;
}

static bool settle(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct wish w;
	struct recon_act a = { .item = p->subject, .proposal = p->id, .division = p->region, .now_ms = r->now_ms };
	if (!wish_from(p->payload, &r->arena, &w, &a.action, why))
		return false;
	a.ours_fen = w.ours_fen;
	a.theirs_fen = w.theirs_fen;
	struct audit row = { AUDIT_DIFFERENCE_SETTLED, AUDIT_OF_DIFFERENCE, p->subject, .result = 200, .detail = recon_action_text(a.action), .region = p->region };
	return recon_act(tx, &a, why) && audit_add(tx, r, &row, why);
}

/* ---- closing ---- */

static bool close_check(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why)
{
	struct wish nothing;
	(void)kind;
	DROP(json) json_t *body = json_read(payload, why);
	return body != NULL && json_take(body, NULL, 0, JSON_REFUSE_UNKNOWN, "", &nothing, a, why);
}

static bool close_find(struct tx *tx, struct request *r, struct str name, const struct proposal_new *n, int64_t *subject, struct fail *why)
{
	int32_t day;
	struct recon_day d;
	struct recon_needs needs;
	if (!is_everybodys(n->region))
		return FAILS_FIELD(why, FIELD, "/region", "reconciliation is of the whole prefecture");
	if (!day_from_text(name, &day) || day >= day_of(r->now_ms))
		return FAILS_FIELD(why, FIELD, "/subject", "no day that is over");
	*subject = day;
	recon_office_needs(&needs);
	return recon_day_look(tx, day, &needs, &d, why) && recon_day_may_close(&d, why);
}

static bool close_name(struct tx *tx, int64_t subject, char out[PROPOSAL_SUBJECT_MAX], struct fail *why)
{
	(void)tx;
	(void)why;
	day_text((int32_t)subject, out);
	return true;
}

static bool close_day(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct audit row = { AUDIT_DAY_CLOSED, AUDIT_OF_DAY, p->subject, .result = 200, .region = p->region };
	struct recon_needs needs;
	recon_office_needs(&needs);
	return recon_day_close(tx, p->subject, &needs, p->id, r->now_ms, why) && audit_add(tx, r, &row, why);
}

void recon_deeds_compose(void)
{
	static const struct proposal_deed settling = { settle_check, settle_find, settle_name, settle, NULL }, closing = { close_check, close_find, close_name, close_day, NULL };
	proposal_compose(PROPOSAL_RECON_SETTLE, &settling);
	proposal_compose(PROPOSAL_RECON_CLOSE, &closing);
}
