/* payments/refunds/refund_pay.c - why this exists: money must move once, whoever asks how often, and whoever answers what in which order; the ledger says when it did. */
#include "payments/refunds/refund_inside.h"

#include "base/arena.h"
#include "base/day.h"
#include "base/metrics.h"
#include "payments/bureau/receipt.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum step { STEP_APPROVED, STEP_DONE, STEP_CLOSED };
enum { GIVES_CHANNEL = 1, GIVES_BANK };

/* ---- when it is looked at again ---- */

/* The last is repeated for ever: a refund that nobody answers for is asked about daily until somebody does something about it. */
static const struct {
	enum refund_state state;
	bool is_of_channel;
	int64_t wait_s[8];
} waits[] = {
	{ REFUND_RED_RECEIPT, false, { 2, 5, 30, 60, 300, 1800, 3600, 3600 } },
	{ REFUND_SENT, true, { 30, 60, 300, 1800, 7200, 21600, 86400, 86400 } },
	{ REFUND_UNKNOWN, true, { 5, 30, 60, 300, 1800, 7200, 21600, 86400 } },
};

static int64_t next_ms(const struct refund *r, int64_t now_ms)
{
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		if (waits[i].state == r->state && (!waits[i].is_of_channel || r->path == REFUND_BY_CHANNEL))
			return now_ms + 1000 * waits[i].wait_s[r->tries < 7 ? r->tries : 7];
	return 0;
}

/* ---- the ledger ---- */

struct posting_list {
	struct ledger_posting at[NOTICE_ITEMS_MAX + 1];
	int count;
};

static bool put(struct tx *tx, struct posting_list *l, const struct ledger_account *a, int64_t fen, int64_t now_ms, struct fail *why)
{
	struct ledger_posting *p = &l->at[l->count++];
	assert(l->count <= NOTICE_ITEMS_MAX + 1);
	p->fen = fen;
	return ledger_account(tx, a, now_ms, &p->account, why);
}

/* Where the money lay: in income, by the items it is taken from; or in suspense. */
static bool put_source(struct tx *tx, const struct refund *r, int sign, int64_t now_ms, struct posting_list *l, struct fail *why)
{
	if (r->odd != 0) {
		struct ledger_account suspense = { .kind = LEDGER_SUSPENSE, .channel = r->channel, .division = r->division };
		return put(tx, l, &suspense, sign * r->fen, now_ms, why);
	}
	struct {
		char unit[NOTICE_UNIT_MAX + 1], item[NOTICE_UNIT_MAX + 1];
		int64_t fen;
	} items[NOTICE_ITEMS_MAX];
	int count = 0;
	{
		DROP(stmt) struct stmt *q = tx_query(tx,
			"SELECT n.unit, i.item, t.amount_fen FROM pay_refund_item t JOIN pay_notice_item i ON i.notice = $1 AND i.n = t.n JOIN pay_notice n ON n.id = i.notice"
			" WHERE t.refund = $2 ORDER BY t.n", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, r->notice);
		stmt_bind_int(q, 2, r->id);
		for (; count < NOTICE_ITEMS_MAX && stmt_row(q, why); count++) {
			snprintf(items[count].unit, sizeof(items[0].unit), "%.*s", STR_ARG(stmt_text(q, 0)));
			snprintf(items[count].item, sizeof(items[0].item), "%.*s", STR_ARG(stmt_text(q, 1)));
			items[count].fen = stmt_int(q, 2);
		}
		if (why->code != FAIL_NONE)
			return false;
	}
	for (int i = 0; i < count; i++) {
		struct ledger_account income = { .kind = LEDGER_INCOME, .division = r->division, .unit = str_c(items[i].unit), .item = str_c(items[i].item) };
		if (!put(tx, l, &income, sign * items[i].fen, now_ms, why))
			return false;
	}
	return true;
}

static bool put_refunding(struct tx *tx, const struct refund *r, int sign, int64_t now_ms, struct posting_list *l, struct fail *why)
{
	struct ledger_account refunding = { .kind = LEDGER_REFUNDING, .channel = r->channel, .division = r->division };
	return put(tx, l, &refunding, sign * r->fen, now_ms, why);
}

/* Who gave it. */
static bool put_giver(struct tx *tx, const struct refund *r, int64_t now_ms, struct posting_list *l, struct fail *why)
{
	static const int gives[] = {
#define PATH(name, number, text, gives, what) [number] = GIVES_##gives,
#include "payments/refunds/refund_paths.def"
#undef PATH
	};
	struct ledger_account giver = { .kind = gives[r->path] == GIVES_BANK ? LEDGER_BANK : LEDGER_CHANNEL, .channel = r->channel };
	return put(tx, l, &giver, -r->fen, now_ms, why);
}

static bool post(struct tx *tx, const struct refund *r, enum step step, int64_t now_ms, struct fail *why)
{
	struct posting_list l = { .count = 0 };
	int64_t journal;
	bool is_new, ok;
	if (step == STEP_DONE)
		ok = put_refunding(tx, r, 1, now_ms, &l, why) && put_giver(tx, r, now_ms, &l, why);
	else {
		int sign = step == STEP_APPROVED ? 1 : -1;
		ok = put_source(tx, r, sign, now_ms, &l, why) && put_refunding(tx, r, -sign, now_ms, &l, why);
	}
	struct ledger_journal j = { .cause = LEDGER_FOR_REFUND, .subject = r->id, .step = step, .now_ms = now_ms, .postings = l.at, .count = l.count };
	return ok && ledger_post(tx, &j, &journal, &is_new, why);
}

/* ---- channels that give it back by themselves ---- */

enum { CHANNELS_MAX = 16 };
static const struct refund_channel *channels[CHANNELS_MAX];

void refund_channel_compose(enum pay_channel channel, const struct refund_channel *c)
{
	assert(channel > 0 && (int)channel < CHANNELS_MAX);
	channels[channel] = c;
}

bool refund_channel_is_there(enum pay_channel channel)
{
	return (int)channel < CHANNELS_MAX && channels[channel] != NULL && (channels[channel]->is_there == NULL || channels[channel]->is_there());
}

static bool is_counter(enum pay_channel channel)
{
	return channel == PAY_BY_CASH || channel == PAY_BY_POS;
}

enum refund_path refund_path_for(enum pay_channel channel, int64_t taken_ms, int64_t treasury_days, int64_t now_ms)
{
	if (treasury_days >= 0 && day_of(now_ms) - day_of(taken_ms) > treasury_days)
		return REFUND_BY_TREASURY;
	if (is_counter(channel))
		return REFUND_BY_COUNTER;
	return refund_channel_is_there(channel) ? REFUND_BY_CHANNEL : REFUND_BY_TREASURY;
}

static bool path_is_open(const struct refund *r, enum refund_path path, struct fail *why)
{
	if ((path == REFUND_BY_CHANNEL && refund_channel_is_there(r->channel)) || (path == REFUND_BY_COUNTER && is_counter(r->channel)) || path == REFUND_BY_TREASURY)
		return true;
	FAILS(why, REFUND_PATH, "refund %" PRId64 " cannot go that way", r->id);
	fail_fact_text(why, "channel", pay_channel_name(r->channel).at);
	return false;
}

/* ---- sending ---- */

static bool send(struct tx *tx, struct refund *r, int64_t now_ms, struct arena *a, struct fail *why)
{
	if (r->path == REFUND_BY_CHANNEL && !channels[r->channel]->send(tx, r, now_ms, &r->effect, a, why))
		return false;
	r->word = STR_NONE;
	return refund_move(tx, r, REFUND_SENT, now_ms, why);
}

/* Not while a receipt says that the money is the state's. */
static bool receipts_are_clear(struct tx *tx, struct refund *r, int64_t now_ms, bool *clear, struct fail *why)
{
	bool stuck = false;
	*clear = true;
	if (r->notice == 0)
		return true;
	if (!receipt_reverse(tx, r->notice, now_ms, clear, &stuck, why))
		return false;
	r->word = stuck ? STR("receipt_not_reversed") : STR_NONE;
	return true;
}

static bool advance_receipts(struct tx *tx, struct refund *r, int64_t now_ms, struct arena *a, struct fail *why)
{
	bool clear;
	if (!receipts_are_clear(tx, r, now_ms, &clear, why))
		return false;
	if (clear)
		return send(tx, r, now_ms, a, why);
	r->next_ms = next_ms(r, now_ms);
	r->tries++;
	return refund_note(tx, r, now_ms, why);
}

static bool advance_query(struct tx *tx, struct refund *r, int64_t now_ms, struct arena *a, struct fail *why)
{
	if (!channels[r->channel]->query(tx, r, now_ms, &r->effect, a, why))
		return false;
	r->next_ms = next_ms(r, now_ms);
	r->tries++;
	return refund_note(tx, r, now_ms, why);
}

int64_t refund_next_ms(const struct refund *r, int64_t now_ms)
{
	return next_ms(r, now_ms);
}

bool refund_advance(struct tx *tx, struct refund *r, int64_t now_ms, struct arena *a, struct fail *why)
{
	if (r->state == REFUND_RED_RECEIPT)
		return advance_receipts(tx, r, now_ms, a, why);
	if ((r->state == REFUND_SENT || r->state == REFUND_UNKNOWN) && r->path == REFUND_BY_CHANNEL && refund_channel_is_there(r->channel))
		return advance_query(tx, r, now_ms, a, why);
	r->next_ms = next_ms(r, now_ms); /* a channel that is not configured any more: its refunds wait */
	return refund_note(tx, r, now_ms, why);
}

bool refund_approved(struct tx *tx, struct refund *r, enum refund_path path, int64_t now_ms, struct arena *a, struct fail *why)
{
	if (!path_is_open(r, path, why))
		return false;
	r->path = path;
	return refund_move(tx, r, REFUND_RED_RECEIPT, now_ms, why) && post(tx, r, STEP_APPROVED, now_ms, why) && advance_receipts(tx, r, now_ms, a, why);
}

bool refund_odd(struct tx *tx, const struct odd_row *o, struct id key, int64_t staff, struct str reason, const uint8_t salt[16], int64_t now_ms, struct refund *out, struct arena *a,
		struct fail *why)
{
	const struct odd_money *m = &o->money;
	*out = (struct refund){ .key = key, .odd = o->id, .asker = REFUND_ASKED_BY_OFFICE, .asked_by = staff, .division = m->division, .channel = m->channel, .fen = m->fen,
		.ground = m->kind == ODD_DOUBLE ? REFUND_FOR_PAID_TWICE : REFUND_FOR_NOT_DUE, .state = REFUND_RED_RECEIPT, .made_ms = now_ms,
		.path = refund_path_for(m->channel, m->came_ms, -1, now_ms) }; /* what lies in suspense is never the treasury's */
	return odd_move(tx, o->id, o->state, ODD_IS_REFUNDING, now_ms, why) && odd_money_person(tx, o, &out->person, why) && refund_insert(tx, out, reason, salt, why) &&
	       post(tx, out, STEP_APPROVED, now_ms, why) && advance_receipts(tx, out, now_ms, a, why);
}

/* ---- how it ended ---- */

static bool done(struct tx *tx, struct refund *r, int64_t now_ms, struct fail *why)
{
	r->next_ms = 0;
	return refund_move(tx, r, REFUND_DONE, now_ms, why) && post(tx, r, STEP_DONE, now_ms, why) &&
	       (r->odd == 0 ? receipt_rest(tx, r->notice, now_ms, why) : odd_move(tx, r->odd, ODD_IS_REFUNDING, ODD_IS_REFUNDED, now_ms, why));
}

static bool closed(struct tx *tx, struct refund *r, int64_t now_ms, struct fail *why)
{
	r->next_ms = 0;
	return refund_move(tx, r, REFUND_CLOSED, now_ms, why) && post(tx, r, STEP_CLOSED, now_ms, why) && refund_released(tx, r, now_ms, why) &&
	       (r->odd != 0 || receipt_rest(tx, r->notice, now_ms, why));
}

static bool is_out(const struct refund *r)
{
	return r->state == REFUND_SENT || r->state == REFUND_UNKNOWN || r->state == REFUND_ABNORMAL;
}

bool refund_unclear(struct tx *tx, struct refund *r, struct str word, int64_t now_ms, struct fail *why)
{
	if (r->state != REFUND_SENT)
		return true;
	r->word = word;
	r->next_ms = 0;
	return refund_move(tx, r, REFUND_UNKNOWN, now_ms, why);
}

bool refund_not_taken(struct tx *tx, struct refund *r, struct str word, int64_t now_ms, struct fail *why)
{
	if (!is_out(r) || r->state == REFUND_ABNORMAL)
		return true;
	r->word = word;
	r->next_ms = 0;
	return refund_move(tx, r, REFUND_ABNORMAL, now_ms, why);
}

bool refund_send_again(struct tx *tx, struct refund *r, int64_t now_ms, struct arena *a, struct fail *why)
{
	if (r->state != REFUND_ABNORMAL)
		return refund_refuse_state(r, why);
	return path_is_open(r, r->path, why) && send(tx, r, now_ms, a, why);
}

static bool number_is_free(struct tx *tx, const struct refund *r, enum refund_path path, struct str number, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_refund WHERE channel = $1 AND path = $2 AND channel_no = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->channel);
	stmt_bind_int(q, 2, path);
	stmt_bind_text(q, 3, number);
	if (stmt_row(q, why))
		return FAILS(why, PAYMENT_REFERENCE, "refund %" PRId64 " has that number", stmt_int(q, 0));
	return why->code == FAIL_NONE;
}

bool refund_by_hand(struct tx *tx, struct refund *r, enum refund_path path, struct str number, int64_t now_ms, struct fail *why)
{
	bool waits_for_hands = r->state == REFUND_SENT && r->path == path && path != REFUND_BY_CHANNEL;
	if (!waits_for_hands && (r->state != REFUND_ABNORMAL || path == REFUND_BY_CHANNEL))
		return refund_refuse_state(r, why);
	if (!path_is_open(r, path, why) || (number.len > 0 && !number_is_free(tx, r, path, number, why)))
		return false;
	r->path = path;
	r->channel_no = number;
	return done(tx, r, now_ms, why);
}

/* ---- what the channel says ---- */

/* What was paid by hand, or was closed, and is said to be done: twice, or after all. What is done cannot be closed. */
static bool is_against(const struct refund *r, enum refund_said said)
{
	if (r->state == REFUND_DONE)
		return said == REFUND_SAID_CLOSED || (said == REFUND_SAID_SUCCESS && r->path != REFUND_BY_CHANNEL);
	return r->path != REFUND_BY_CHANNEL || said == REFUND_SAID_SUCCESS || !refund_is_over(r->state);
}

static bool hear(struct tx *tx, struct refund *r, enum refund_said said, int64_t now_ms, enum refund_heard *heard, struct fail *why)
{
	*heard = REFUND_HEARD;
	switch (said) {
	case REFUND_SAID_SUCCESS:
		return done(tx, r, now_ms, why);
	case REFUND_SAID_CLOSED:
		return closed(tx, r, now_ms, why);
	case REFUND_SAID_ABNORMAL:
		*heard = r->state == REFUND_ABNORMAL ? REFUND_HEARD_BEFORE : REFUND_HEARD;
		return refund_not_taken(tx, r, STR("ABNORMAL"), now_ms, why);
	case REFUND_SAID_PROCESSING:
		break;
	}
	if (r->state != REFUND_UNKNOWN) {
		*heard = REFUND_HEARD_BEFORE;
		return true;
	}
	r->next_ms = 0;
	return refund_move(tx, r, REFUND_SENT, now_ms, why);
}

static bool heard_of(struct tx *tx, const struct refund_word *w, int64_t now_ms, enum refund_heard *heard, struct arena *a, struct fail *why)
{
	struct refund r;
	struct id key;
	*heard = REFUND_HEARD_OF_NONE;
	if (!refund_key(w->number, &key))
		return true;
	if (!refund_find(tx, key, &r, a, why))
		return false;
	if (r.id == 0)
		return true;
	if (!refund_hold(tx, &r, a, why))
		return false;
	if (w->fen != 0 && w->fen != r.fen) {
		*heard = REFUND_HEARD_AMOUNT;
		return true;
	}
	if (!is_out(&r) || r.path != REFUND_BY_CHANNEL) {
		*heard = is_against(&r, w->said) ? REFUND_HEARD_AGAINST : REFUND_HEARD_BEFORE;
		return true;
	}
	if (w->channel_no.len > 0 && r.channel_no.len == 0)
		r.channel_no = w->channel_no;
	return hear(tx, &r, w->said, now_ms, heard, why);
}

bool refund_told(struct tx *tx, const struct refund_word *w, int64_t now_ms, enum refund_heard *heard, struct arena *a, struct fail *why)
{
	if (!heard_of(tx, w, now_ms, heard, a, why))
		return false;
	metric_add(M_refund_words, (int)*heard - 1, 1);
	return true;
}
