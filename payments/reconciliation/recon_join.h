/* payments/reconciliation/recon_join.h - a day's records of ours in memory, found by their number while a statement streams by: some 90 bytes each, whatever the statement's size.
 *
 * A million of them are larger than any cache, and each look-up alone would wait for memory twice. So whoever has several to find says early what he will ask for
 * (recon_join_tag, then recon_join_near), does something else, and finds it in his cache.
 *
 * Thread: one at a time. Owns: what was put in, until recon_join_drop.
 * Errors: MEMORY. */
#ifndef PAYMENTS_RECONCILIATION_RECON_JOIN_H
#define PAYMENTS_RECONCILIATION_RECON_JOIN_H
#include "base/fail.h"
#include "payments/reconciliation/recon.h"

struct recon_ours_row {
	int64_t id;           /* of pay_payment, pay_refund, pay_notice or pay_odd, by side and ours */
	int64_t fen, at_ms;
	int64_t division;
	uint8_t side, ours, notice; /* enums of recon.h */
	uint8_t seen;         /* how often it stood in the statement */
};

enum { RECON_JOIN_NUMBER_MAX = 200 };

struct recon_join;
struct recon_join *recon_join_begin(struct fail *why);
/* A number has 1 to RECON_JOIN_NUMBER_MAX bytes. The same side and number twice: the first stays. What was found stays where it is. */
MUST_USE bool recon_join_put(struct recon_join *j, const struct recon_ours_row *row, struct str number, struct fail *why);
struct recon_ours_row *recon_join_find(struct recon_join *j, enum recon_side side, struct str number); /* NULL: none */

/* Finding in three steps, some other work between them. */
uint32_t recon_join_tag(const struct recon_join *j, enum recon_side side, struct str number);
void recon_join_near(const struct recon_join *j, uint32_t tag);
struct recon_ours_row *recon_join_find_tag(struct recon_join *j, uint32_t tag, enum recon_side side, struct str number);

int64_t recon_join_count(struct recon_join *j);
/* In the order they were put; *at 0 begins. NULL: that was the last. */
struct recon_ours_row *recon_join_next(struct recon_join *j, size_t *at, struct str *number);
void recon_join_drop(struct recon_join *j); /* NULL is fine */
#endif
