/* payments/ledger/ledger.h - money moves here and nowhere else: append-only double entry (复式记账).
 *
 * A journal is one movement with its cause; its postings sum to zero. Nothing is ever changed: a wrong one is corrected by another that names it. No account
 * has a running balance, for strangers would wait for each other on it: a balance is the note of the last closed day on which the account moved, and the sum since.
 * The database holds the same rules by itself (store/schema/0030_ledger.sql), and the sealer chains journals and accounts (store/facts.def); a journal's
 * digest covers its postings.
 *
 * Thread: the write lane; ledger_balance any.
 * Units:  fen; debit is positive. Days are days since 1970-01-01, in Longnan. */
#ifndef PAYMENTS_LEDGER_LEDGER_H
#define PAYMENTS_LEDGER_LEDGER_H
#include "base/hash.h"
#include "store/store.h"

enum pay_channel {
	PAY_NO_CHANNEL,
#define CHANNEL(name, number, text) PAY_BY_##name = number,
#include "payments/pay_channels.def"
#undef CHANNEL
};
struct str pay_channel_name(int64_t channel); /* "cash"; at NULL: there is none */

enum ledger_kind {
#define ACCOUNT(name, number, text, by, what) LEDGER_##name = number,
#include "payments/ledger/ledger_accounts.def"
#undef ACCOUNT
};

enum ledger_cause {
#define CAUSE(name, number, text, subject) LEDGER_FOR_##name = number,
#include "payments/ledger/ledger_causes.def"
#undef CAUSE
};

struct ledger_account {
	enum ledger_kind kind;
	int64_t channel, division; /* what its kind does not go by is 0, or empty */
	struct str unit, item;     /* 30 bytes at most */
};
/* The account, opened if it is new. Two that open the same one at once meet in its unique key: the later runs again and finds it. */
MUST_USE bool ledger_account(struct tx *tx, const struct ledger_account *a, int64_t now_ms, int64_t *id, struct fail *why);

enum { LEDGER_POSTINGS_MAX = 256 };
#define LEDGER_FEN_MAX INT64_C(1000000000000000)

struct ledger_posting {
	int64_t account;
	int64_t fen; /* never 0 */
};

struct ledger_journal {
	enum ledger_cause cause;
	int64_t subject, step;
	int64_t corrects; /* 0, or the journal that was wrong */
	int64_t now_ms;
	const struct ledger_posting *postings;
	int count;        /* 2 … LEDGER_POSTINGS_MAX */
};
/* Posts it, or finds it posted (success too, *is_new false: by cause, subject and step). It is of the day of now_ms, or of the first that is not closed.
 * Fails: CONFLICT that cause, subject and step posted something else. Postings that do not sum to zero are our own mistake: asserted. */
MUST_USE bool ledger_post(struct tx *tx, const struct ledger_journal *j, int64_t *id, bool *is_new, struct fail *why);

MUST_USE bool ledger_balance(struct tx *tx, int64_t account, int64_t *fen, struct fail *why);

/* Closes the day before the one of `now_ms`, an hour after midnight at the earliest, and notes the balances of what moved, `rows_max` postings or accounts at a time.
 * *rows == rows_max: there may be more. */
MUST_USE bool ledger_close(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);

/* The digest in a journal's row: of "siban ledger 1", its number, and n, account, amount and day of each posting in order, all numbers as 8 bytes, big end first. */
struct ledger_digest {
	struct str parts[2 + LEDGER_POSTINGS_MAX];
	uint64_t journal, numbers[LEDGER_POSTINGS_MAX][4];
	int count;
};
void ledger_digest_begin(struct ledger_digest *d, int64_t journal);
bool ledger_digest_more(struct ledger_digest *d, int64_t n, int64_t account, int64_t fen, int64_t day); /* false: more than any journal has */
void ledger_digest_end(struct ledger_digest *d, enum hash_kind hash, uint8_t out[HASH_BYTES]);
#endif
