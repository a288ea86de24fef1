/* services/money/recon_tables.h - what the payment office takes away, as tables that are read in bites: each goes on behind the last key it gave, so that no transaction lasts as long as a
 * table. Keys never change, so a row that moves meanwhile is neither missed nor there twice; the last row sums what was given.
 *
 * Thread: whoever holds the transaction; one bite at a time.
 * Units:  amounts are fen; from is a day that is in it, to one that is not. */
#ifndef SERVICES_RECON_TABLES_H
#define SERVICES_RECON_TABLES_H
#include "base/day.h"
#include "payments/reconciliation/recon_find.h"
#include "services/money/office_sheet.h"

enum { RECON_TABLE_BITE = 500 /* rows of a key, in one transaction */, RECON_TABLE_SUMS = 8, RECON_TABLE_CHANNELS = 8 };

/* Where a table goes on, and what came of it so far. */
struct recon_table_at {
	int64_t from, to;
	int64_t key[4];
	char text[2][RECON_NUMBER_MAX + 1]; /* the rest of the key */
	int64_t rows, sums[RECON_TABLE_SUMS];
	int64_t by_channel[RECON_TABLE_CHANNELS][RECON_TABLE_SUMS]; /* of a part that is not over: a month's, or a day's */
	int64_t told_rows, told_fen, told_id; /* as counted: told_rows the most there can be; of a text whose head says its sums, what they must come to */
	bool is_over;
};

typedef bool (*recon_table_fn)(struct tx *tx, struct recon_table_at *at, struct office_sheet *s, struct fail *why);
struct recon_table {
	const char *name;
	bool is_plain, is_of_a_day;
	bool (*count)(struct tx *tx, struct recon_table_at *at, struct fail *why);
	void (*head)(const struct recon_table_at *at, struct office_sheet *s);
	recon_table_fn bite;
	bool (*foot)(const struct recon_table_at *at, struct office_sheet *s, struct fail *why); /* fails CONFLICT: it is not what its head says */
};
const struct recon_table *recon_table_named(struct str name); /* NULL: none */
const struct recon_table *recon_table_in(int nth);            /* all of them; NULL: there are no more */

/* Before the first bite. */
MUST_USE bool recon_table_count(const struct recon_table *t, struct tx *tx, struct recon_table_at *at, struct fail *why);

extern const struct recon_table recon_months, recon_settlement_units, recon_income; /* out of the ledger: recon_sums.c */
extern const struct recon_table recon_settlements;                                    /* recon_accounts.c */

/* Shared by them. */
struct str recon_day_cell(int64_t day, char out[DAY_TEXT_BYTES]);
void recon_empty_cells(struct office_sheet *s, int count);
#endif
