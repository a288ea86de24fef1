/* payments/reconciliation/recon_books.h - what our books know of a day, channel by channel, as far as a statement could have it: how often and how much came, lay among the odd money, went back, and how much
 * of it is booked. A run keeps the print of its own (recon_run.books), and what two people sign holds all of it: whatever is put into the books later is seen by that.
 * Thread: whoever holds the transaction. */
#ifndef PAYMENTS_RECONCILIATION_RECON_BOOKS_H
#define PAYMENTS_RECONCILIATION_RECON_BOOKS_H
#include "payments/statements/bill.h"
#include "store/store.h"

enum { RECON_BOOKS_CHANNELS = 8, RECON_BOOKS_SUMS = 8 };
struct recon_books {
	int64_t of[RECON_BOOKS_CHANNELS][RECON_BOOKS_SUMS]; /* by channel: payments, fen; odd money, fen; refunds sent that day and not given up, fen; paid out at a counter, fen */
	int64_t booked;
};
MUST_USE bool recon_books_read(struct tx *tx, int64_t day, struct recon_books *out, struct fail *why);

MUST_USE bool recon_books_has_booked(struct tx *tx, int64_t day, bool *has, struct fail *why);

bool recon_books_moved(const struct recon_books *b, enum bill_source source); /* something of it could stand in a statement of `source`; of RECEIPTS: something is booked */
int64_t recon_books_print(const struct recon_books *b, enum bill_source source); /* of what could; > 0 */
#endif
