/* payments/reconciliation/recon_find.c - why the statement is walked and our books are held: a statement may be of any size, and what is ours is known before. */
#include "payments/reconciliation/recon_find.h"

#include "base/day.h"
#include "payments/bureau/confirmation.h"
#include "payments/bureau/receipt.h"
#include "payments/reconciliation/recon_books.h"
#include "payments/reconciliation/recon_inside.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_FOUND = 64, SEEN_MAX = 250 };

enum { STRAYS_LEFT, STRAYS_ASKED };
static const struct recon_source sources[] = {
#define SOURCE(source, channel, side, by, strays) { BILL_##source, PAY_##channel, RECON_##side, RECON_BY_##by, STRAYS_##strays },
#include "payments/reconciliation/recon_sources.def"
#undef SOURCE
};
enum { SOURCES = sizeof(sources) / sizeof(sources[0]) };

/* line 0 and theirs NONE: not in the statement. */
struct theirs {
	enum recon_theirs what;
	int64_t fen, line, at_ms;
};

/* A line of theirs that waits until the memory of ours beside it is there. */
struct waiting {
	struct theirs t;
	enum recon_side side;
	uint32_t tag;
	uint8_t number_len, order_len;
	char number[BILL_TEXT_MAX], order_no[BILL_TEXT_MAX];
};
enum { WAITING = 32, NEAR = 16 /* so many lines after its slot was asked for, its record is */ };

/* A line whose record of ours is of another day: a match, unless that day's own statement has it too. */
struct away {
	struct recon_ours_row row;
	struct theirs t;
};
enum { AWAY_DAYS_MAX = 31 };

/* A finding under way. */
struct finding {
	const struct recon_question *q;
	const struct recon_source *source; /* NULL: of a fund flow, which is held beside nothing */
	struct tx *tx;
	struct recon_join *ours;
	struct recon_join *strangers;      /* lines that are no record of ours of that day: id the line, at_ms theirs */
	struct recon_join *away_numbers;   /* id: which of `away` */
	struct away *away;
	int64_t away_count, away_room;
	struct recon_result *out;
	bool has_before, has_after;        /* the neighbours' statements are here */
	bool is_neighbour, is_away;        /* what is being walked is a neighbour's, or the own day's of `away` */
	bool is_own;                       /* it is the asked day itself that is being walked, for the first time */
	const struct recon_file *file;     /* the one being walked */
	unsigned come, gone;               /* of `waiting`, in their order */
	struct waiting waiting[WAITING];
};

/* ---- what was found ---- */

static struct recon_found *more(struct recon_result *r, struct fail *why)
{
	if (r->count >= RECON_FOUND_MAX) {
		FAILS(why, RECON_MANY, "more than %d differences", RECON_FOUND_MAX);
		return NULL;
	}
	if (r->count == r->room) {
		int64_t room = r->room > 0 ? 2 * r->room : FIRST_FOUND;
		struct recon_found *at = realloc(r->found, (size_t)room * sizeof *at);
		if (at == NULL) {
			FAILS(why, MEMORY, "%lld differences", (long long)room);
			return NULL;
		}
		r->found = at;
		r->room = room;
	}
	return &r->found[r->count++];
}

void recon_found_drop(struct recon_result *r)
{
	free(r->found);
	r->found = NULL;
	r->count = r->room = 0;
}

/* `nth`: the same number stood in the statement so often before; such a one is a difference of its own. */
static bool judge(struct finding *f, const struct recon_ours_row *row, struct str number, const struct theirs *t, enum recon_more how, int nth, struct fail *why)
{
	struct recon_ours_row gone = *row;
	int64_t back_fen;
	if (t->what == RECON_THEIRS_RETURNED && row->ours == RECON_OURS_DONE) { /* it may have gone back later than that day */
		if (!recon_returned(f->tx, number, &back_fen, why))
			return false;
		gone.ours = back_fen == row->fen ? RECON_OURS_RETURNED : RECON_OURS_DONE;
		row = &gone;
	}
	struct recon_pair p = { .side = (enum recon_side)row->side, .ours = (enum recon_ours)row->ours, .theirs = t->what, .notice = row->notice != 0 ? row->notice : RECON_NOTICE_NOBODYS,
				.sums = row->fen == t->fen ? RECON_SUMS_EQUAL : RECON_SUMS_OTHER, .more = how };
	enum recon_kind kind = recon_judge(&p);
	if (kind == RECON_MATCH) {
		f->out->matched++;
		return true;
	}
	struct recon_found *d = more(f->out, why);
	if (d == NULL)
		return false;
	bool has_ours = row->ours != RECON_OURS_NONE;
	*d = (struct recon_found){ .side = p.side, .kind = kind, .queued = p.ours == RECON_OURS_QUEUED && p.sums == RECON_SUMS_EQUAL, .ours = has_ours ? row->id : 0,
				   .ours_fen = p.ours == RECON_OURS_DONE || p.ours == RECON_OURS_QUEUED || p.ours == RECON_OURS_ASKED ? row->fen : 0, .theirs_fen = t->fen, .line = t->line,
				   .at_ms = t->line > 0 ? t->at_ms : row->at_ms };
	recon_number_nth(number, nth, d->number);
	return recon_division_of(f->tx, row, &d->division, why);
}

/* ---- their lines ---- */

static enum recon_theirs theirs_said(const struct bill_line *l)
{
	return l->state == BILL_PENDING ? RECON_THEIRS_PENDING : l->state == BILL_FAILED ? RECON_THEIRS_FAILED : l->state == BILL_RETURNED ? RECON_THEIRS_RETURNED : RECON_THEIRS_DONE;
}

/* A neighbour's line matters only where one of ours is missing. */
static bool neighbour_line(struct finding *f, struct recon_ours_row *row, struct str number, const struct theirs *t, struct fail *why)
{
	if (row == NULL || row->seen > 0 || t->what == RECON_THEIRS_FAILED)
		return true;
	row->seen = 1;
	return judge(f, row, number, t, RECON_MORE_NOTHING, 0, why);
}

/* The second of its number, and so on: two people may have put that one among the odd money. */
static bool another(struct finding *f, const struct recon_ours_row *first, struct str number, const struct theirs *t, int nth, struct fail *why)
{
	char apart[RECON_NUMBER_MAX + 1];
	struct recon_ours_row other, *odd;
	recon_number_nth(number, nth, apart);
	odd = recon_join_find(f->ours, (enum recon_side)first->side, str_c(apart));
	if (odd != NULL)
		odd->seen = 1;
	else if (!recon_ours_look(f->tx, f->source, (enum recon_side)first->side, str_c(apart), STR_NONE, &other, why))
		return false;
	if (odd == NULL && other.ours == RECON_OURS_QUEUED)
		odd = &other;
	return judge(f, odd != NULL ? odd : first, number, t, odd != NULL ? RECON_MORE_NOTHING : RECON_MORE_AGAIN, nth, why);
}

static bool away_put(struct finding *f, const struct recon_ours_row *row, struct str number, const struct theirs *t, struct fail *why)
{
	if (f->away_count >= RECON_FOUND_MAX)
		return FAILS(why, RECON_MANY, "more than %d lines of other days", RECON_FOUND_MAX);
	if (f->away_count == f->away_room) {
		int64_t room = f->away_room > 0 ? 2 * f->away_room : FIRST_FOUND;
		struct away *at = realloc(f->away, (size_t)room * sizeof *at);
		if (at == NULL)
			return FAILS(why, MEMORY, "%lld lines of other days", (long long)room);
		f->away = at;
		f->away_room = room;
	}
	const struct recon_ours_row named = { .id = f->away_count, .at_ms = row->at_ms, .side = row->side };
	f->away[f->away_count++] = (struct away){ *row, *t };
	return recon_join_put(f->away_numbers, &named, number, why);
}

static bool is_away(const struct finding *f, const struct recon_ours_row *row, const struct theirs *t)
{
	return f->source->by == RECON_BY_NUMBER && row->ours == RECON_OURS_DONE && t->what == RECON_THEIRS_DONE &&
	       day_of(row->at_ms) != f->q->day;
}

static void ask_about(struct recon_found *d, int64_t channel, struct str order_no)
{
	if (d->kind != RECON_LONG || d->ours != 0 || order_no.len == 0 || order_no.len > BILL_TEXT_MAX)
		return;
	d->channel = channel;
	memcpy(d->order_no, order_no.at, order_no.len);
}

/* `row`: ours, NULL: none of that day. */
static bool own_line(struct finding *f, struct recon_ours_row *row, enum recon_side side, struct str number, struct str order_no, const struct theirs *t, struct fail *why)
{
	struct recon_ours_row *known = row != NULL ? NULL : recon_join_find(f->strangers, side, number), stranger;
	f->out->theirs++;
	if (t->what == RECON_THEIRS_FAILED && side == RECON_PAID_IN)
		return true; /* nothing came of it; what we have is missing there */
	if (row == NULL && known != NULL) {
		struct recon_ours_row stranger_again = { .side = (uint8_t)side, .ours = RECON_OURS_DONE, .fen = t->fen };
		known->seen += known->seen < SEEN_MAX;
		return another(f, &stranger_again, number, t, known->seen - 1, why);
	}
	if (row != NULL) {
		int nth = row->seen;
		row->seen += row->seen < SEEN_MAX;
		return nth > 0 ? another(f, row, number, t, nth, why) : judge(f, row, number, t, RECON_MORE_NOTHING, 0, why);
	}
	if (!recon_ours_look(f->tx, f->source, side, number, order_no, &stranger, why))
		return false;
	struct recon_ours_row seen = { .id = t->line, .side = (uint8_t)side, .seen = 1 };
	int64_t before = f->out->count;
	if (!recon_join_put(f->strangers, &seen, number, why))
		return false;
	if (is_away(f, &stranger, t))
		return away_put(f, &stranger, number, t, why);
	if (!judge(f, &stranger, number, t, RECON_MORE_NOTHING, 0, why))
		return false;
	if (f->source->asks && f->out->count > before)
		ask_about(&f->out->found[before], f->source->channel, order_no);
	return true;
}

/* What lines are held beside. */
static struct recon_join *beside(const struct finding *f)
{
	return f->is_away ? f->away_numbers : f->ours;
}

static bool oldest_judge(struct finding *f, struct fail *why)
{
	const struct waiting *w = &f->waiting[f->gone++ % WAITING];
	struct str number = { w->number, w->number_len };
	struct recon_ours_row *row = recon_join_find_tag(beside(f), w->tag, w->side, number);
	if (f->is_away) {
		if (row != NULL && w->t.what == RECON_THEIRS_DONE)
			row->seen = 1;
		return true;
	}
	return f->is_neighbour ? neighbour_line(f, row, number, &w->t, why) : own_line(f, row, w->side, number, (struct str){ w->order_no, w->order_len }, &w->t, why);
}

static bool all_judge(struct finding *f, struct fail *why)
{
	while (f->gone != f->come)
		if (!oldest_judge(f, why))
			return false;
	return true;
}

/* Takes its place behind the others; the one that has waited longest is judged for it. */
static bool line_wait(struct finding *f, enum recon_side side, struct str number, struct str order_no, const struct theirs *t, struct fail *why)
{
	if (f->come - f->gone == WAITING && !oldest_judge(f, why))
		return false;
	if (f->come - f->gone >= NEAR)
		recon_join_near(beside(f), f->waiting[(f->come - NEAR) % WAITING].tag);
	assert(number.len <= BILL_TEXT_MAX && order_no.len <= BILL_TEXT_MAX); /* as the reader lets them through */
	struct waiting *w = &f->waiting[f->come++ % WAITING];
	w->t = *t;
	w->side = side;
	w->tag = recon_join_tag(beside(f), side, number);
	w->number_len = (uint8_t)number.len;
	w->order_len = (uint8_t)order_no.len;
	memcpy(w->number, number.at, number.len);
	if (order_no.len > 0)
		memcpy(w->order_no, order_no.at, order_no.len);
	return true;
}

static bool line_take(void *ctx, const struct bill_line *l, struct fail *why)
{
	struct finding *f = ctx;
	bool is_over = f->source == NULL;
	if (f->is_own && !recon_settled_line(f->tx, f->file, f->q->merchant, l, &f->out->settled, &is_over, why))
		return false;
	if (is_over) { /* what the account has, and no payment: there is nothing of ours beside it */
		f->out->theirs++;
		f->out->matched += f->source != NULL;
		return true;
	}
	bool is_back = l->what == BILL_REFUND;
	enum recon_side side = is_back && f->source->side == RECON_PAID_IN ? RECON_PAID_BACK : f->source->side;
	struct str number = f->source->by == RECON_BY_CODE ? l->code : side == RECON_PAID_BACK && l->refund_no.len > 0 ? l->refund_no : side == RECON_PAID_BACK ? l->refund_reference : l->reference;
	struct theirs t = { .what = theirs_said(l), .fen = is_back ? l->refund_fen : l->fen, .line = l->line, .at_ms = l->at_ms };
	if (number.len == 0)
		number = l->reference;
	return number.len > 0 ? line_wait(f, side, number, l->order_no, &t, why) : FAILS(why, IMPORT, "line %lld of a statement has no number", (long long)l->line);
}

static bool walk_day(struct finding *f, int32_t day, bool *any, struct fail *why)
{
	struct recon_file files[RECON_FILES_MAX];
	int count;
	int64_t none_ms;
	if (!recon_files(f->tx, f->q->source, day, files, &count, why) || !recon_none_said(f->tx, f->q->source, day, &none_ms, why))
		return false;
	*any = count > 0 || none_ms > 0;
	f->is_neighbour = day != f->q->day && !f->is_away;
	f->is_own = day == f->q->day && !f->is_away;
	for (int i = 0; i < count; i++) {
		f->file = &files[i];
		if (day == f->q->day && f->out->file == 0)
			f->out->file = files[i].id;
		if (f->is_own)
			recon_settled_begin(f->file, f->q->merchant, &f->out->settled);
		if (!recon_file_walk(f->tx, f->q->blobs, f->file, f->q->names, line_take, f, why) || !all_judge(f, why) ||
		    (f->is_own && !recon_settled_end(f->file, &f->out->settled, why)))
			return false;
	}
	return true;
}

/* ---- theirs that are of another day of ours ---- */

/* The first day, from `from` on, that a record of `away` is of; INT32_MAX: none. */
static int32_t away_day(const struct finding *f, int32_t from)
{
	int32_t first = INT32_MAX;
	for (int64_t i = 0; i < f->away_count; i++) {
		int32_t on = day_of(f->away[i].row.at_ms);
		if (on >= from && on < first)
			first = on;
	}
	return first;
}

static bool away_judge(struct finding *f, struct fail *why)
{
	bool any;
	f->is_away = true;
	int32_t on = away_day(f, INT32_MIN);
	for (int days = 0; on != INT32_MAX; days++) {
		if (days == AWAY_DAYS_MAX)
			return FAILS(why, RECON_MANY, "records of ours of more than %d other days", AWAY_DAYS_MAX);
		if (!walk_day(f, on, &any, why))
			return false;
		on = away_day(f, on + 1);
	}
	f->is_away = false;
	const struct recon_ours_row *named;
	struct str number;
	size_t at = 0;
	while ((named = recon_join_next(f->away_numbers, &at, &number)) != NULL) {
		const struct away *a = &f->away[named->id];
		int nth = recon_join_find(f->strangers, (enum recon_side)named->side, number)->seen; /* behind those that stand in this statement again */
		if (!(named->seen != 0 ? another(f, &a->row, number, &a->t, nth, why) : judge(f, &a->row, number, &a->t, RECON_MORE_NOTHING, 0, why)))
			return false;
	}
	return true;
}

/* ---- ours that nobody mentioned ---- */

static bool any_missing(struct finding *f)
{
	const struct recon_ours_row *row;
	struct str number;
	size_t at = 0;
	while ((row = recon_join_next(f->ours, &at, &number)) != NULL)
		if (row->seen == 0)
			return true;
	return false;
}

static bool is_near(const struct finding *f, int64_t at_ms)
{
	int64_t begins = day_begins_ms(f->q->day), ends = day_begins_ms(f->q->day + 1);
	return (at_ms >= ends - f->q->cutoff_ms && !f->has_after) || (at_ms < begins + f->q->cutoff_ms && !f->has_before);
}

static bool missing(struct finding *f, struct fail *why)
{
	if (any_missing(f) && (!walk_day(f, f->q->day - 1, &f->has_before, why) || !walk_day(f, f->q->day + 1, &f->has_after, why)))
		return false;
	const struct theirs none = { .what = RECON_THEIRS_NONE };
	const struct recon_ours_row *row;
	struct str number;
	size_t at = 0;
	while ((row = recon_join_next(f->ours, &at, &number)) != NULL)
		if (row->seen == 0 && !judge(f, row, number, &none, is_near(f, row->at_ms) ? RECON_MORE_NEAR : RECON_MORE_NOTHING, 0, why))
			return false;
	return true;
}

/* ---- e-receipts: what is booked has one, and what goes back has none that is good ---- */

enum { RECEIPT_ROWS = 5000 };

static enum recon_theirs receipt_said(int64_t state)
{
	return state == RECEIPT_IS_ISSUED || state == RECEIPT_IS_REVERSING || state == RECEIPT_IS_NOT_REVERSED ? RECON_THEIRS_DONE : state == RECEIPT_IS_ASKED ? RECON_THEIRS_PENDING :
	       state == RECEIPT_IS_REFUSED ? RECON_THEIRS_FAILED : RECON_THEIRS_NONE;
}

static bool receipt_judge(struct finding *f, struct stmt *q, struct fail *why)
{
	struct recon_ours_row row = { .id = stmt_int(q, 0), .fen = stmt_int(q, 2), .at_ms = stmt_int(q, 3), .division = stmt_int(q, 4), .side = RECON_BOOKED, .ours = RECON_OURS_DONE };
	struct theirs t = { .what = receipt_said(stmt_int(q, 6)), .fen = row.fen };
	bool goes_back = stmt_int(q, 5) == 0;
	f->out->ours++;
	f->out->theirs += t.what == RECON_THEIRS_DONE;
	if (goes_back && t.what != RECON_THEIRS_DONE) {
		f->out->matched++;
		return true;
	}
	if (goes_back) {
		row.side = RECON_PAID_BACK;
		t.what = RECON_THEIRS_FAILED; /* it should have been reversed */
	}
	return judge(f, &row, stmt_text(q, 1), &t, RECON_MORE_NOTHING, 0, why);
}

static bool receipts(struct finding *f, struct fail *why)
{
	int64_t id = 0, rows = RECEIPT_ROWS;
	while (rows == RECEIPT_ROWS) {
		DROP(stmt) struct stmt *q = tx_query(f->tx, "SELECT c.id, n.payment_code, c.amount_fen, c.made_ms, c.division, c.wants_receipt, COALESCE(r.state, 0) FROM pay_confirmation c"
			" JOIN pay_notice n ON n.id = c.notice LEFT JOIN pay_receipt r ON r.confirmation = c.id WHERE c.day = $1 AND c.id > $2 AND c.state = $3 ORDER BY c.id LIMIT $4", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, f->q->day);
		stmt_bind_int(q, 2, id);
		stmt_bind_int(q, 3, CONFIRMATION_BOOKED);
		stmt_bind_int(q, 4, RECEIPT_ROWS);
		for (rows = 0; stmt_row(q, why); rows++) {
			id = stmt_int(q, 0);
			if (!receipt_judge(f, q, why))
				return false;
		}
		if (why->code != FAIL_NONE)
			return false;
	}
	f->out->has_statement = f->out->ours > 0;
	return true;
}

/* ---- all of it ---- */

static bool find(struct finding *f, struct fail *why)
{
	if (f->q->source == BILL_RECEIPTS)
		return receipts(f, why);
	int64_t from_ms = day_begins_ms(f->q->day), to_ms = day_begins_ms(f->q->day + 1);
	if (f->source != NULL && !recon_ours_load(f->tx, f->source, from_ms, to_ms, f->ours, why))
		return false;
	f->out->ours = recon_join_count(f->ours);
	if (!walk_day(f, f->q->day, &f->out->has_statement, why) || !away_judge(f, why))
		return false;
	return !f->out->has_statement || f->source == NULL || missing(f, why);
}

bool recon_find(struct tx *tx, const struct recon_question *q, struct recon_result *out, struct fail *why)
{
	struct finding f = { .q = q, .tx = tx, .out = out };
	struct recon_books books;
	*out = (struct recon_result){ .file = 0 };
	if (!recon_books_read(tx, q->day, &books, why))
		return false;
	out->books = recon_books_print(&books, q->source);
	for (int i = 0; i < SOURCES; i++)
		f.source = sources[i].source == q->source ? &sources[i] : f.source;
	f.ours = recon_join_begin(why);
	f.strangers = f.ours != NULL ? recon_join_begin(why) : NULL;
	f.away_numbers = f.strangers != NULL ? recon_join_begin(why) : NULL;
	bool ok = f.away_numbers != NULL && find(&f, why);
	recon_join_drop(f.ours);
	recon_join_drop(f.strangers);
	recon_join_drop(f.away_numbers);
	free(f.away);
	if (!ok)
		recon_found_drop(out);
	return ok;
}
