/* payments/statements/bill.h - statements of channels, banks and the finance bureau (对账单), read while they stream by: whatever the layout, what comes out are lines of one kind.
 *
 *   bytes → gunzip, perhaps → digests → letters → lines → cells by the header's names → struct bill_line → take
 *
 * Memory is one line and zlib's window, whatever the size. A statement is taken whole or not at all: take hears lines of one that may still be refused, and must not
 * make them count before bill_end. Refused are: what is cut off, or has more or other lines than its sums say; another merchant's or another day's; a layout whose
 * columns are not there; letters that are not what they should be; amounts that fen.h does not take; what unpacks to more than a statement can be.
 * Thread: any; pure. Owns: a bill is its opener's until bill_end or bill_drop.
 * Errors: IMPORT with the facts line, column and reason; MEMORY; what take fails with.
 * Source: protocols/wechat.md C8, nontax.md 6, government.md A7. */
#ifndef PAYMENTS_STATEMENTS_BILL_H
#define PAYMENTS_STATEMENTS_BILL_H
#include "base/hash.h"
#include "base/fail.h"
#include "base/str.h"

enum bill_source {
	BILL_NONE,
#define BILL(name, number, ...) BILL_##name = number,
#include "payments/statements/bill_formats.def"
#undef BILL
	BILL_SOURCES
};
/* Does a spreadsheet begin to reckon with it, in one width or the other, unless a quote mark stands before it? So does whoever has such a mark of his own: the reader takes one away. */
bool bill_wants_guard(struct str text);
struct str bill_source_text(int64_t source);       /* "wechat_trade"; at NULL: there is none */
struct str bill_source_zh(int64_t source);
enum bill_source bill_source_from(struct str text); /* BILL_NONE: there is none */
bool bill_is_proved(enum bill_source source);      /* its SHA-1 is told with it */

enum bill_what { BILL_PAYMENT = 1, BILL_REFUND, BILL_IN, BILL_OUT };
enum bill_state { BILL_DONE = 1, BILL_PENDING, BILL_FAILED, BILL_RETURNED };
enum bill_business { BILL_TRADE = 1, BILL_FEE, BILL_BACK, BILL_FEE_BACK, BILL_WITHDRAWN, BILL_OTHER, BILL_BUSINESSES };
struct str bill_business_text(int64_t business);

struct bill_line {
	int64_t line;                 /* in the unpacked file, from 1 */
	int64_t what, state, business; /* of the enums above */
	struct str merchant;          /* good until take returns, as all text here; empty where there is none */
	struct str reference;         /* the channel's number of it */
	struct str order_no;          /* ours */
	struct str refund_reference, refund_no;
	struct str code, unit, division;
	struct str from, account;     /* of a bank's line: the merchant whose money it is that a channel has paid out, and the account it is in */
	int64_t at_ms, fen, settled_fen, refund_fen, refund_settled_fen, refund_coupon_fen, balance_fen;
	int64_t fee_milli;            /* thousandths of a fen */
};
typedef bool (*bill_take)(void *ctx, const struct bill_line *l, struct fail *why);

enum { BILL_LINE_MAX = 8192, BILL_TEXT_MAX = 64, BILL_COLUMNS_MAX = 64, BILL_NAMES_MAX = 512 };
#define BILL_BYTES_MAX (INT64_C(1) << 30) /* unpacked: three million lines of the longest layout */

struct bill_want {
	enum bill_source source;
	int32_t day;                  /* whose statement it is */
	struct str merchant;          /* at NULL: whoever the first line names, and no other */
	bool is_known;                /* it was taken before: nobody asks for its digests, and its letters were judged */
	bool is_proved;               /* its SHA-1 was told: totals->sha1 is wanted */
	struct str names;             /* other names of columns, "OURS=THEIRS,…", and other words in them, "OURS/WORD=THEIRS"; at NULL: those of bill_columns.def and bill_words.def.
	                               * Good until the end */
};

struct bill_totals {
	int64_t lines, bytes;         /* bytes: unpacked */
	int64_t payments, payment_fen, settled_fen, refunds, refund_fen, refund_settled_fen, refund_coupon_fen, fee_milli;
	int64_t in_lines, in_fen, out_lines, out_fen;
	char merchant[BILL_TEXT_MAX + 1];
	uint8_t sha1[SHA1_BYTES], sha256[SHA256_BYTES]; /* of what was unpacked; sha1 where want->is_proved */
};

struct bill;
struct bill *bill_begin(const struct bill_want *want, bill_take take, void *ctx, struct fail *why);
MUST_USE bool bill_feed(struct bill *b, struct str piece, struct fail *why); /* of any size; after a failure only bill_drop is left */
MUST_USE bool bill_end(struct bill *b, struct bill_totals *out, struct fail *why); /* the bill is gone either way */
void bill_drop(struct bill *b); /* NULL is fine */
#endif
