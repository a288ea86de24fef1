/* services/voices/voice_deeds.c - voice_extend and voice_wrong (auth/proposals.def). Their subject is the voice's number. What was rated stays a rating, whatever is found. */
#include "services/voices/voice_deeds.h"

#include "auth/audit.h"
#include "auth/proposal.h"
#include "auth/staff.h"
#include "auth/tenancy.h"
#include "base/json.h"
#include "services/services.h"
#include "services/voices/voice.h"

enum { DAYS_MAX = 30, REASON_MIN = 4, REASON_MAX = 200 };

struct wish {
	int64_t days;
	struct str reason;
};

static bool wish_from(enum proposal_kind kind, struct str payload, struct arena *a, struct wish *w, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "reason", JSON_F_TEXT, true, REASON_MIN, REASON_MAX, offsetof(struct wish, reason), check_plain_text },
		{ "days", JSON_F_INT, true, 1, DAYS_MAX, offsetof(struct wish, days), NULL },
	};
	*w = (struct wish){ .days = 0 };
	DROP(json) json_t *body = json_read(payload, why);
	return body != NULL && json_take(body, fields, kind == PROPOSAL_VOICE_EXTEND ? 2 : 1, JSON_REFUSE_UNKNOWN, "", w, a, why);
}

static bool check(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why)
{
	struct wish w;
	return wish_from(kind, payload, a, &w, why);
}

static bool find(struct tx *tx, struct request *r, struct str name, const struct proposal_new *wish, int64_t *subject, struct fail *why)
{
	struct voice v;
	int64_t own;
	enum voice_state to;
	enum voice_event event = wish->kind == PROPOSAL_VOICE_EXTEND ? VOICE_WAS_EXTENDED : VOICE_WAS_MARKED_WRONG;
	if (!voice_find(tx, name, &v, why) || !staff_department(tx, r->who.id, &own, why))
		return false;
	*subject = v.id;
	bool is_his = v.id != 0 && v.department != 0 && (own == 0 || own == v.department) && region_is_within(wish->region, v.region);
	bool fits = is_his && voice_may_move(v.state, event, &to) && (event == VOICE_WAS_EXTENDED || v.kind == VOICE_RATING);
	return fits || FAILS_FIELD(why, FIELD, "/subject", "no such voice of his, or not in this state");
}

static bool name(struct tx *tx, int64_t subject, char out[PROPOSAL_SUBJECT_MAX], struct fail *why)
{
	struct voice v;
	_Static_assert((int)VOICE_NUMBER_BYTES < (int)PROPOSAL_SUBJECT_MAX, "a number fits");
	if (!voice_read(tx, subject, &v, why))
		return false;
	memcpy(out, v.number, sizeof(v.number));
	return true;
}

static bool carry_out(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why)
{
	struct wish w;
	struct voice v;
	bool extends = p->kind == PROPOSAL_VOICE_EXTEND;
	struct voice_by by = { .r = r, .role = VOICE_BY_PROPOSAL, .now_ms = r->now_ms, .random = r->random, .arena = &r->arena };
	if (!wish_from((enum proposal_kind)p->kind, p->payload, &r->arena, &w, why) || !tx_lock_row(tx, "voice", p->subject, why) || !voice_read(tx, p->subject, &v, why))
		return false;
	if (!region_is_within(p->region, v.region))
		return FAILS(why, NOT_FOUND, "voice %lld is beyond the proposal's region", (long long)v.id);
	struct voice_act act = { .event = extends ? VOICE_WAS_EXTENDED : VOICE_WAS_MARKED_WRONG, .days = w.days, .text = w.reason };
	struct audit a = { extends ? AUDIT_VOICE_EXTENDED : AUDIT_VOICE_MARKED_WRONG, AUDIT_OF_VOICE, v.id, .result = 200, .reason = w.reason, .department = v.department, .region = v.region };
	return voice_move(tx, &v, &act, &by, why) && audit_add(tx, r, &a, why);
}

void voice_deeds_compose(void)
{
	static const struct proposal_deed deed = { check, find, name, carry_out, NULL };
	proposal_compose(PROPOSAL_VOICE_EXTEND, &deed);
	proposal_compose(PROPOSAL_VOICE_WRONG, &deed);
}
