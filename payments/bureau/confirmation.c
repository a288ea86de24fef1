/* payments/bureau/confirmation.c - why this exists: money that came is ours to keep account of, but only the finance system can say that it is where it belongs. */
#include "payments/bureau/confirmation.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/day.h"
#include "payments/bureau/confirmation_send.h"
#include "payments/bureau/receipt_send.h"
#include "payments/orders/payment.h"
#include "payments/reconciliation/recon_run.h"

#include <assert.h>
#include <inttypes.h>

/* ---- states ---- */

#define TO(name) (1u << CONFIRMATION_##name)
static const struct {
	enum confirmation_state number;
	struct str text, booking;
	unsigned may;
} states[] = {
#define STATE(name, number, text, booking, may) { CONFIRMATION_##name, { text, sizeof(text) - 1 }, { booking, sizeof(booking) - 1 }, may },
#include "payments/bureau/confirmation_states.def"
#undef STATE
};
enum { STATES = sizeof(states) / sizeof(states[0]) };

static int state_row(int64_t state)
{
	for (int i = 0; i < STATES; i++)
		if ((int64_t)states[i].number == state)
			return i;
	assert(false && "a state nobody knows");
	return 0;
}

struct str confirmation_state_text(enum confirmation_state s)
{
	return states[state_row(s)].text;
}

struct str confirmation_booking_text(enum confirmation_state s)
{
	return states[state_row(s)].booking;
}

static bool refuse_state(const struct confirmation *c, struct fail *why)
{
	FAILS(why, CONFIRMATION_STATE, "confirmation %" PRId64 " is %s", c->id, confirmation_state_text(c->state).at);
	fail_fact_text(why, "state", confirmation_state_text(c->state).at);
	return false;
}

/* The state is what two of them meet on. Whatever message was under way has been answered, or is not waited for any more. */
bool confirmation_move(struct tx *tx, const struct confirmation *c, enum confirmation_state to, struct str word, struct str finance_no, int64_t now_ms, struct fail *why)
{
	if ((states[state_row(c->state)].may & 1u << to) == 0)
		return refuse_state(c, why);
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE pay_confirmation SET state = $1, effect = NULL, word = COALESCE($2, word), finance_no = COALESCE($3, finance_no), booked_ms = $4, changed_ms = $5"
		" WHERE id = $6 AND state = $7", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, to);
	stmt_bind_text(q, 2, word);
	stmt_bind_text(q, 3, finance_no);
	stmt_bind_int(q, 4, to == CONFIRMATION_BOOKED ? now_ms : c->booked_ms);
	stmt_bind_int(q, 5, now_ms);
	stmt_bind_int(q, 6, c->id);
	stmt_bind_int(q, 7, c->state);
	if (!stmt_run(q, why) || (tx_changes(tx) != 1 && !refuse_state(c, why)))
		return false;
	if (to != CONFIRMATION_BOOKED)
		return true;
	/* of a day that is over: whoever looked whether all that is booked has its e-receipt did not see it */
	return receipt_ask(tx, c->id, now_ms, why) && (c->day >= day_of(now_ms) || recon_ask_soon(tx, BILL_RECEIPTS, c->day, now_ms, why));
}

/* ---- making them ---- */

static void digits(char *out, int count, int64_t n)
{
	for (int i = count - 1; i >= 0; i--, n /= 10)
		out[i] = (char)('0' + n % 10);
}

/* 28 digits, as the finance system's own messages have: the second in Longnan, and our number. */
static void serial_of(int64_t id, int64_t now_ms, char out[CONFIRMATION_SERIAL_BYTES])
{
	int64_t s = (now_ms - day_begins_ms(day_of(now_ms))) / 1000;
	digits(out, 8, time_yyyymmdd(now_ms));
	digits(out + 8, 6, s / 3600 * 10000 + s / 60 % 60 * 100 + s % 60);
	digits(out + 14, 14, id);
	out[CONFIRMATION_SERIAL_BYTES - 1] = '\0';
}

static bool insert(struct tx *tx, const struct payment *p, int64_t notice, int64_t fen, int64_t now_ms, struct fail *why)
{
	char serial[CONFIRMATION_SERIAL_BYTES];
	int64_t id;
	if (!tx_next_id(tx, "pay_confirmation", &id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO pay_confirmation (id, payment, notice, trace_no, amount_fen, division, day, state, word, finance_no, wants_receipt, made_ms, booked_ms, changed_ms)"
		" SELECT $1, $2, id, $3, $4, division, $5, 1, '', '', 1, $6, 0, $6 FROM pay_notice WHERE id = $7", why);
	if (q == NULL)
		return false;
	serial_of(id, now_ms, serial);
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, p->id);
	stmt_bind_text(q, 3, str_c(serial));
	stmt_bind_int(q, 4, fen);
	stmt_bind_int(q, 5, day_of(p->taken_ms));
	stmt_bind_int(q, 6, now_ms);
	stmt_bind_int(q, 7, notice);
	return stmt_run(q, why) && confirmation_send(tx, id, now_ms, why);
}

bool confirmation_make(struct tx *tx, const struct payment *p, const struct order *o, int64_t now_ms, struct fail *why)
{
	for (int i = 0; i < o->count; i++)
		if (o->notice_fen[i] > 0 && !insert(tx, p, o->notices[i], o->notice_fen[i], now_ms, why)) /* rows of 0 are not sent (government.md A4) */
			return false;
	return true;
}

/* ---- reading ---- */

#define CONFIRMATION_SELECT \
	"SELECT id, payment, notice, amount_fen, division, day, state, effect, wants_receipt, made_ms, booked_ms, changed_ms, trace_no, word, finance_no FROM pay_confirmation"

static bool row_take(struct stmt *q, struct confirmation *c, struct arena *a, struct fail *why)
{
	struct str serial = stmt_text(q, 12);
	int64_t n[12];
	stmt_ints(q, 0, 12, n);
	*c = (struct confirmation){ .id = n[0], .payment = n[1], .notice = n[2], .amount_fen = n[3], .division = n[4], .day = n[5], .state = states[state_row(n[6])].number, .effect = n[7],
		.wants_receipt = n[8] != 0, .made_ms = n[9], .booked_ms = n[10], .changed_ms = n[11], .word = str_copy(a, stmt_text(q, 13)), .finance_no = str_copy(a, stmt_text(q, 14)) };
	assert(serial.len < sizeof(c->serial));
	memcpy(c->serial, serial.at, serial.len);
	return !a->refused || FAILS(why, MEMORY, "a confirmation");
}

static bool one_read(struct stmt *q, int64_t by, struct confirmation *out, struct arena *a, struct fail *why)
{
	*out = (struct confirmation){ .id = 0 };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, by);
	return stmt_row(q, why) ? row_take(q, out, a, why) : why->code == FAIL_NONE;
}

bool confirmation_read(struct tx *tx, int64_t id, struct confirmation *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, CONFIRMATION_SELECT " WHERE id = $1", why);
	return one_read(q, id, out, a, why) && (out->id != 0 || FAILS(why, NOT_FOUND, "no confirmation %" PRId64, id));
}

bool confirmation_find(struct tx *tx, int64_t notice, struct confirmation *out, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, CONFIRMATION_SELECT " WHERE notice = $1", why);
	return one_read(q, notice, out, a, why);
}

/* What is worse is said of all. */
bool confirmation_of_order(struct tx *tx, int64_t order, struct str *text, struct fail *why)
{
	static const int weight[] = { [CONFIRMATION_BOOKED] = 1, [CONFIRMATION_WAITING] = 2, [CONFIRMATION_SENT] = 2, [CONFIRMATION_REFUSED] = 2, [CONFIRMATION_DOUBLE] = 3 };
	int worst = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT c.state FROM pay_payment p JOIN pay_confirmation c ON c.payment = p.id WHERE p.pay_order = $1", why);
	*text = STR_NONE;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, order);
	while (stmt_row(q, why)) {
		int row = state_row(stmt_int(q, 0));
		if (weight[states[row].number] <= worst)
			continue;
		worst = weight[states[row].number];
		*text = states[row].booking;
	}
	return why->code == FAIL_NONE;
}
