/* payments/recon_join.h - a day's records of ours in memory, found by their number while a statement streams by: some 90 bytes each, whatever the statement's size.
 *
 * Thread: one at a time. Owns: what was put in, until recon_join_drop.
 * Errors: MEMORY. */
#ifndef PAYMENTS_RECON_JOIN_H
#define PAYMENTS_RECON_JOIN_H
#include "base/fail.h"
#include "payments/recon.h"

struct recon_ours_row {
	int64_t id;           /* of pay_payment, pay_refund, pay_notice or pay_odd, by side and ours */
	int64_t fen, at_ms;
	int64_t division;
	uint8_t side, ours, notice; /* enums of recon.h */
	uint8_t seen;         /* how often it stood in the statement */
};

struct recon_join;
struct recon_join *recon_join_begin(struct fail *why);
/* The same side and number twice: the first stays. */
MUST_USE bool recon_join_put(struct recon_join *j, const struct recon_ours_row *row, struct str number, struct fail *why);
struct recon_ours_row *recon_join_find(struct recon_join *j, enum recon_side side, struct str number); /* NULL: none */
/* In the order they were put. */
int64_t recon_join_count(const struct recon_join *j);
struct recon_ours_row *recon_join_at(struct recon_join *j, int64_t n, struct str *number);
void recon_join_drop(struct recon_join *j); /* NULL is fine */
#endif
