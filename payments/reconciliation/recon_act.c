/* payments/reconciliation/recon_act.c - why what was seen comes with what was decided: a run may have found something else since. */
#include "payments/reconciliation/recon_act.h"

#include "base/day.h"
#include "payments/attempts/stray.h"
#include "payments/orders/arrive.h"
#include "payments/orders/odd_money.h"
#include "payments/reconciliation/recon_inside.h"
#include "payments/reconciliation/recon_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct item {
	int64_t source, day, side, kind, ours_fen, theirs_fen, division, at_ms, state, ours, channel;
	char number[RECON_NUMBER_MAX + 1];
};

static int64_t channel_of(int64_t source)
{
	static const struct { int64_t source, channel; } sources[] = {
#define SOURCE(source, channel, side, by, ...) { BILL_##source, PAY_##channel },
#include "payments/reconciliation/recon_sources.def"
#undef SOURCE
	};
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
		if (sources[i].source == source)
			return sources[i].channel;
	return PAY_NO_CHANNEL;
}

static bool read_item(struct tx *tx, int64_t id, struct item *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT source, day, side, kind, ours_fen, theirs_fen, division, at_ms, state, ours, number FROM recon_item WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "difference %" PRId64, id);
	int64_t n[10];
	stmt_ints(q, 0, 10, n);
	struct str number = stmt_text(q, 10);
	*out = (struct item){ n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], channel_of(n[0]), "" };
	memcpy(out->number, number.at, number.len <= RECON_NUMBER_MAX ? number.len : RECON_NUMBER_MAX);
	return true;
}

/* Money that no channel of ours has can neither be kept nor posted. */
static bool is_possible(const struct item *i, enum recon_action action)
{
	if ((recon_kind_row(i->kind)->may & 1u << action) == 0)
		return false;
	if (action == RECON_TO_BOOK)
		return (i->source == BILL_WECHAT_TRADE || i->source == BILL_WECHAT_NONTAX) && i->side == RECON_PAID_IN && i->ours != 0 && i->theirs_fen > 0;
	if (action == RECON_TO_SUSPEND)
		return i->channel != PAY_NO_CHANNEL && i->side == RECON_PAID_IN && i->theirs_fen > 0 && strlen(i->number) <= ODD_REFERENCE_MAX;
	return action == RECON_TO_EXPLAIN || (i->channel != PAY_NO_CHANNEL && i->ours_fen != i->theirs_fen);
}

enum recon_action recon_act_proposed(const struct recon_acted *about)
{
	static const enum recon_action actions[] = {
#define ACTION(name, ...) RECON_TO_##name,
#include "payments/reconciliation/recon_actions.def"
#undef ACTION
	};
	struct item i = { .source = about->source, .side = about->side, .kind = about->kind, .ours = about->ours, .ours_fen = about->ours_fen, .theirs_fen = about->theirs_fen,
			  .channel = channel_of(about->source) };
	enum recon_action first = recon_kind_row(about->kind)->action;
	memcpy(i.number, about->number.at, about->number.len <= RECON_NUMBER_MAX ? about->number.len : RECON_NUMBER_MAX);
	for (size_t n = 0; n < sizeof actions / sizeof actions[0] && !is_possible(&i, first); n++)
		first = actions[n];
	return first;
}

static bool judged(struct tx *tx, const struct recon_act *a, struct item *i, struct fail *why)
{
	if (!read_item(tx, a->item, i, why))
		return false;
	if (i->state != RECON_ITEM_OPEN || i->ours_fen != a->ours_fen || i->theirs_fen != a->theirs_fen) {
		FAILS(why, RECON_ITEM, "difference %" PRId64 " is not what they saw", a->item);
		fail_fact_text(why, "state", recon_item_state_text(i->state).at);
		return false;
	}
	return is_possible(i, a->action) || FAILS_FIELD(why, FIELD, "/payload/action", "not of this difference");
}

bool recon_act_may(struct tx *tx, const struct recon_act *a, struct fail *why)
{
	struct item i;
	return judged(tx, a, &i, why);
}

static bool suspend(struct tx *tx, const struct recon_act *a, const struct item *i, struct fail *why)
{
	enum odd_kind kind = i->kind == RECON_DUPLICATE ? ODD_DOUBLE : i->kind == RECON_VOID ? ODD_VOID : i->kind == RECON_STATUS ? ODD_LATE : ODD_UNKNOWN_ORDER;
	struct odd_money m = { .kind = kind, .channel = (enum pay_channel)i->channel, .reference = str_c(i->number), .division = i->division != 0 ? i->division : a->division,
			       .fen = i->theirs_fen, .came_ms = i->at_ms };
	int64_t id;
	return odd_money_put(tx, &m, a->now_ms, &id, why) && stray_kept(tx, m.channel, m.reference, a->now_ms, why);
}

/* `ours` of such a difference is the attempt that the channel's line names. */
static bool book(struct tx *tx, const struct recon_act *a, const struct item *i, struct fail *why)
{
	struct money m = { .channel = (enum pay_channel)i->channel, .reference = str_c(i->number), .division = i->division != 0 ? i->division : a->division, .fen = i->theirs_fen,
			   .came_ms = i->at_ms };
	enum money_end end;
	char channel_no[BILL_TEXT_MAX + 1] = "";
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT pay_order, channel_no FROM pay_attempt WHERE id = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, i->ours);
		if (stmt_row(q, why)) {
			m.order = stmt_int(q, 0);
			snprintf(channel_no, sizeof(channel_no), "%.*s", STR_ARG(stmt_text(q, 1)));
		}
		if (why->code != FAIL_NONE)
			return false;
	}
	m.channel_no = channel_no[0] != '\0' ? str_c(channel_no) : STR_NONE;
	return money_arrives(tx, &m, a->now_ms, &end, why);
}

/* What a channel has more than we believe is its debt to us; of a refund it is the other way round. */
static bool write_off(struct tx *tx, const struct recon_act *a, const struct item *i, struct fail *why)
{
	int64_t more = i->side == RECON_PAID_BACK ? i->ours_fen - i->theirs_fen : i->theirs_fen - i->ours_fen, journal;
	struct ledger_account accounts[] = { { .kind = LEDGER_CHANNEL, .channel = i->channel },
					     { .kind = LEDGER_DIFFERENCE, .channel = i->channel, .division = i->division != 0 ? i->division : a->division } };
	struct ledger_posting postings[] = { { .fen = more }, { .fen = -more } };
	bool is_new;
	for (int n = 0; n < 2; n++)
		if (!ledger_account(tx, &accounts[n], a->now_ms, &postings[n].account, why))
			return false;
	struct ledger_journal j = { .cause = LEDGER_FOR_DIFFERENCE, .subject = a->item, .step = a->proposal, .now_ms = a->now_ms, .postings = postings, .count = 2 };
	return ledger_post(tx, &j, &journal, &is_new, why);
}

static bool settle(struct tx *tx, const struct recon_act *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE recon_item SET state = 3, action = $1, proposal = $2, changed_ms = $3 WHERE id = $4 AND state = 1", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { a->action, a->proposal, a->now_ms, a->item };
	for (int i = 0; i < 4; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, RECON_ITEM, "difference %" PRId64 " was settled by another", a->item));
}

bool recon_act(struct tx *tx, const struct recon_act *a, struct fail *why)
{
	struct item i;
	if (!judged(tx, a, &i, why) || !settle(tx, a, why))
		return false;
	bool ok = a->action == RECON_TO_BOOK ? book(tx, a, &i, why) : a->action == RECON_TO_SUSPEND ? suspend(tx, a, &i, why) : a->action == RECON_TO_WRITE ? write_off(tx, a, &i, why) : true;
	return ok && (a->action != RECON_TO_SUSPEND || recon_ask_day_soon(tx, day_of(i.at_ms), a->now_ms, why));
}
