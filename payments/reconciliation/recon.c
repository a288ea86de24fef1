/* payments/reconciliation/recon.c - the tables of reconciliation, and how they are read. */
#include "payments/reconciliation/recon.h"

#include <assert.h>

#define TEXT(s) { s, sizeof(s) - 1 }
#define TO(name) (1u << RECON_TO_##name)
enum { RECON_CARRIES, RECON_BLOCKS };
static const struct recon_kind_row kinds[] = {
#define KIND(name, number, text, zh, blocks, owner, action, may) { RECON_##name, TEXT(text), TEXT(zh), RECON_##blocks, RECON_OWNER_##owner, RECON_TO_##action, may },
#include "payments/reconciliation/recon_kinds.def"
#undef KIND
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const struct {
	enum recon_action action;
	struct str text;
} actions[] = {
#define ACTION(name, number, text, zh, what) { RECON_TO_##name, TEXT(text) },
#include "payments/reconciliation/recon_actions.def"
#undef ACTION
};
enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

static const struct {
	struct recon_pair when;
	enum recon_kind verdict;
} rules[] = {
#define RULE(side, ours, theirs, notice, sums, more, verdict) \
	{ { RECON_##side, RECON_OURS_##ours, RECON_THEIRS_##theirs, RECON_NOTICE_##notice, RECON_SUMS_##sums, RECON_MORE_##more }, RECON_##verdict },
#include "payments/reconciliation/recon_rules.def"
#undef RULE
};
enum { RULES = sizeof(rules) / sizeof(rules[0]) };

const struct recon_kind_row *recon_kind_row(int64_t kind)
{
	for (int i = 0; i < KINDS; i++)
		if ((int64_t)kinds[i].kind == kind)
			return &kinds[i];
	assert(false && "a kind nobody knows");
	return NULL;
}

const struct recon_kind_row *recon_kind_named(struct str text)
{
	for (int i = 0; i < KINDS; i++)
		if (str_eq(kinds[i].text, text))
			return &kinds[i];
	return NULL;
}

struct str recon_owner_text(enum recon_owner owner)
{
	return owner == RECON_OWNER_OFFICE ? STR("office") : owner == RECON_OWNER_CHANNEL ? STR("channel") : STR("finance");
}

struct str recon_action_text(int64_t action)
{
	for (int i = 0; i < ACTIONS; i++)
		if ((int64_t)actions[i].action == action)
			return actions[i].text;
	return STR_NONE;
}

enum recon_action recon_action_named(struct str text)
{
	for (int i = 0; i < ACTIONS; i++)
		if (str_eq(actions[i].text, text))
			return actions[i].action;
	return RECON_NO_ACTION;
}

struct str recon_side_text(int64_t side)
{
	return side == RECON_PAID_IN ? STR("payment") : side == RECON_PAID_BACK ? STR("refund") : STR("booking");
}

enum recon_kind recon_judge(const struct recon_pair *p)
{
	for (int i = 0; i < RULES; i++) {
		const struct recon_pair *w = &rules[i].when;
		if (w->side == p->side && (w->ours == RECON_OURS_ANY || w->ours == p->ours) && (w->theirs == RECON_THEIRS_ANY || w->theirs == p->theirs) &&
		    (w->notice == RECON_NOTICE_ANY || w->notice == p->notice) && (w->sums == RECON_SUMS_ANY || w->sums == p->sums) &&
		    (w->more == RECON_MORE_ANY || w->more == p->more))
			return rules[i].verdict;
	}
	assert(false && "each side has a last rule that takes everything");
	return RECON_NO_KIND;
}
