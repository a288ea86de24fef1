/* payments/reconciliation/recon_settled.c - why no rows of lines: a bank's detail may have a million, and an office asks for accounts. */
#include "payments/reconciliation/recon_settled.h"

#include "payments/ledger/ledger.h"

#include <stdio.h>

enum { MILLI = 1000 };

struct settles {
	int64_t channel;
	enum bill_source names, money, fees;
};
static const struct settles table[] = {
#define SETTLES(channel, names, money, fees) { PAY_BY_##channel, BILL_##names, BILL_##money, BILL_##fees },
#include "payments/reconciliation/recon_settles.def"
#undef SETTLES
};
enum { CHANNELS = sizeof table / sizeof table[0] };

static const struct settles *settles_of(int64_t channel)
{
	for (int i = 0; i < CHANNELS; i++)
		if (table[i].channel == channel)
			return &table[i];
	return NULL;
}

void recon_settled_text(char out[BILL_TEXT_MAX + 1], struct str text)
{
	snprintf(out, BILL_TEXT_MAX + 1, "%.*s", STR_ARG(text));
}

/* ---- counting ---- */

static bool is_this(const struct recon_settled_row *r, int64_t channel, int64_t business, struct str merchant, struct str account)
{
	return r->channel == channel && r->business == business && str_eq(str_c(r->merchant), merchant) && str_eq(str_c(r->account), account);
}

/* Mostly the one before again. */
static bool add(struct recon_settled *s, int64_t channel, int64_t business, struct str merchant, struct str account, int64_t lines, int64_t fen, struct fail *why)
{
	struct recon_settled_row *r = NULL;
	for (int i = 0; i < s->count && r == NULL; i++) {
		int n = (s->last + i) % s->count;
		if (is_this(&s->rows[n], channel, business, merchant, account))
			r = &s->rows[s->last = n];
	}
	if (r == NULL) {
		if (s->count == RECON_SETTLED_MAX)
			return FAILS(why, RECON_MANY, "more than %d accounts in a statement", RECON_SETTLED_MAX);
		r = &s->rows[s->last = s->count++];
		*r = (struct recon_settled_row){ .channel = channel, .business = business };
		recon_settled_text(r->merchant, merchant);
		recon_settled_text(r->account, account);
	}
	r->lines += lines;
	r->fen += fen;
	return true;
}

static int64_t fee_fen(int64_t milli)
{
	return milli >= 0 ? (milli + MILLI / 2) / MILLI : -((MILLI / 2 - milli) / MILLI);
}

/* ---- a fund flow ---- */

static struct str whose(const struct recon_file *f, struct str own)
{
	return f->merchant[0] != '\0' ? str_c(f->merchant) : own.at != NULL ? own : STR("");
}

static void flow_line(struct recon_settled *s, int64_t fen, int64_t balance_fen)
{
	struct recon_flow *w = &s->flows[s->flow_count - 1];
	if (w->lines++ == 0) {
		w->opening_fen = balance_fen - fen;
		s->first_balance_fen = balance_fen;
	} else {
		w->breaks += balance_fen != s->last_balance_fen + fen;
		s->breaks_back += s->last_balance_fen != balance_fen + s->last_fen;
	}
	w->moved_fen += fen;
	s->last_balance_fen = balance_fen;
	s->last_fen = fen;
}

/* Newest first is as good. */
static void flow_end(struct recon_settled *s)
{
	struct recon_flow *w = &s->flows[s->flow_count - 1];
	bool is_backwards = w->breaks > 0 && s->breaks_back == 0;
	w->closing_fen = is_backwards ? s->first_balance_fen : s->last_balance_fen;
	if (is_backwards) {
		w->opening_fen = s->last_balance_fen - s->last_fen;
		w->breaks = 0;
	}
}

void recon_settled_begin(const struct recon_file *f, struct str own, struct recon_settled *s)
{
	if (f->source != BILL_WECHAT_FUND)
		return;
	struct recon_flow *w = &s->flows[s->flow_count++];
	*w = (struct recon_flow){ .lines = 0 };
	recon_settled_text(w->account, whose(f, own));
	s->first_balance_fen = s->last_balance_fen = s->last_fen = s->breaks_back = 0;
}

/* ---- the bank's detail ---- */

/* Whose statements have this merchant: *channel 0 nobody's that are here. */
static bool channel_of(struct tx *tx, struct str merchant, struct recon_settled *s, int64_t *channel, struct fail *why)
{
	*channel = s->asked_channel;
	if (s->asked[0] != '\0' && str_eq(str_c(s->asked), merchant))
		return true;
	*channel = 0;
	for (int i = 0; i < CHANNELS && *channel == 0; i++) {
		if (table[i].names == BILL_NONE)
			continue;
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM recon_file WHERE source = $1 AND merchant = $2 AND state = 1 LIMIT 1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, table[i].names);
		stmt_bind_text(q, 2, merchant);
		if (stmt_row(q, why))
			*channel = table[i].channel;
		if (why->code != FAIL_NONE)
			return false;
	}
	recon_settled_text(s->asked, merchant);
	s->asked_channel = *channel;
	return true;
}

static bool paid_out(const struct bill_line *l, int64_t channel, struct str account, int64_t fen, struct recon_settled *s, struct fail *why)
{
	const struct settles *t = settles_of(channel);
	int64_t business = t->money != BILL_BANK ? BILL_WITHDRAWN : fen < 0 ? BILL_BACK : BILL_TRADE;
	return add(s, channel, business, l->from, account, 1, fen, why) &&
	       (t->fees != BILL_BANK || l->fee_milli == 0 || add(s, channel, BILL_FEE, l->from, account, 1, -fee_fen(l->fee_milli), why));
}

/* What they have not decided, or say came to nothing, has not arrived. */
static bool bank_line(struct tx *tx, const struct recon_file *f, const struct bill_line *l, struct recon_settled *s, bool *is_over, struct fail *why)
{
	int64_t channel = PAY_BY_CASH, fen = l->what == BILL_REFUND ? -l->refund_fen : l->fen;
	struct str account = l->account.len > 0 ? l->account : str_c(f->merchant);
	if (l->code.len == 0 && (l->from.len == 0 || !channel_of(tx, l->from, s, &channel, why) || channel == 0))
		return why->code == FAIL_NONE; /* a stranger: it is a difference, and whose it is two people find out */
	*is_over = l->code.len == 0;
	if (l->state != BILL_DONE)
		return true;
	return *is_over ? paid_out(l, channel, account, fen, s, why) : add(s, channel, fen < 0 ? BILL_BACK : BILL_TRADE, STR(""), account, 1, fen, why);
}

bool recon_settled_line(struct tx *tx, const struct recon_file *f, struct str own, const struct bill_line *l, struct recon_settled *s, bool *is_over, struct fail *why)
{
	*is_over = f->source == BILL_WECHAT_FUND;
	if (f->source == BILL_BANK)
		return bank_line(tx, f, l, s, is_over, why);
	if (!*is_over)
		return true;
	int64_t fen = l->what == BILL_IN ? l->fen : -l->fen;
	flow_line(s, fen, l->balance_fen);
	return add(s, PAY_BY_WECHAT, l->business, whose(f, own), whose(f, own), 1, fen, why);
}

/* What the statement of a day says of fees, line by line, is a sum of its row. */
bool recon_settled_end(const struct recon_file *f, struct recon_settled *s, struct fail *why)
{
	if (f->source == BILL_WECHAT_FUND) {
		flow_end(s);
		return true;
	}
	for (int i = 0; i < CHANNELS; i++)
		if (f->source != BILL_BANK && table[i].fees == f->source && f->fee_milli != 0 &&
		    !add(s, table[i].channel, BILL_FEE, str_c(f->merchant), STR(""), f->payments, -fee_fen(f->fee_milli), why))
			return false;
	return true;
}
