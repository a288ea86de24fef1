/* payments/ledger/ledger.c - why this exists: one function writes postings, so one place has to be right about them. */
#include "payments/ledger/ledger.h"

#include "base/day.h"
#include "store/fact.h"
#include "store/sealer.h"

#include <assert.h>
#include <endian.h>
#include <inttypes.h>

/* ---- tables ---- */

static const struct { int64_t number; const char *by; } kinds[] = {
#define ACCOUNT(name, number, text, by, what) { number, by },
#include "payments/ledger/ledger_accounts.def"
#undef ACCOUNT
};

struct str pay_channel_name(int64_t channel)
{
	static const struct { int64_t number; const char *text; } channels[] = {
#define CHANNEL(name, number, text) { number, text },
#include "payments/pay_channels.def"
#undef CHANNEL
	};
	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
		if (channels[i].number == channel)
			return str_c(channels[i].text);
	return STR_NONE;
}

/* ---- accounts ---- */

static bool is_one_of_its_kind(const struct ledger_account *a)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].number == (int64_t)a->kind)
			return (strchr(kinds[i].by, 'c') != NULL) == (a->channel != 0) && (strchr(kinds[i].by, 'd') != NULL) == (a->division != 0) &&
			       (strchr(kinds[i].by, 'u') != NULL) == (a->unit.len > 0) && (strchr(kinds[i].by, 'i') != NULL) == (a->item.len > 0);
	return false;
}

/* A text column that is never NULL. */
static struct str or_empty(struct str s)
{
	return s.len == 0 ? STR("") : s;
}

static bool account_find(struct tx *tx, const struct ledger_account *a, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT id FROM ledger_account WHERE kind = $1 AND channel = $2 AND division = $3 AND unit = $4 AND item = $5", why);
	*id = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, a->kind);
	stmt_bind_int(q, 2, a->channel);
	stmt_bind_int(q, 3, a->division);
	stmt_bind_text(q, 4, or_empty(a->unit));
	stmt_bind_text(q, 5, or_empty(a->item));
	if (stmt_row(q, why))
		*id = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool account_insert(struct tx *tx, const struct ledger_account *a, int64_t id, int64_t fact, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO ledger_account (id, fact, kind, channel, division, unit, item, opened_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { id, fact, a->kind, a->channel, a->division };
	for (int i = 0; i < 5; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	stmt_bind_text(q, 6, or_empty(a->unit));
	stmt_bind_text(q, 7, or_empty(a->item));
	stmt_bind_int(q, 8, now_ms);
	return stmt_run(q, why);
}

/* In the order of store/facts.def. */
static bool account_open(struct tx *tx, const struct ledger_account *a, int64_t now_ms, int64_t *id, struct fail *why)
{
	struct fact_content c;
	int64_t fact;
	if (!tx_next_id(tx, "ledger_account", id, why) || !fact_next(tx, &fact, why) || !account_insert(tx, a, *id, fact, now_ms, why))
		return false;
	struct fact f = { FACT_LEDGER_ACCOUNT, .ref_a = *id, .region = a->division, .made_ms = now_ms };
	fact_content(&c, fact_row_of(FACT_LEDGER_ACCOUNT));
	const int64_t numbers[] = { fact, *id, a->kind, a->channel, a->division };
	for (int i = 0; i < 5; i++)
		fact_int(&c, numbers[i]);
	fact_text(&c, or_empty(a->unit));
	fact_text(&c, or_empty(a->item));
	fact_int(&c, now_ms);
	return fact_add(tx, fact, &f, &c, why);
}

bool ledger_account(struct tx *tx, const struct ledger_account *a, int64_t now_ms, int64_t *id, struct fail *why)
{
	assert(is_one_of_its_kind(a) && "ledger_accounts.def says by what this kind goes");
	if (!account_find(tx, a, id, why))
		return false;
	return *id != 0 || account_open(tx, a, now_ms, id, why);
}

/* ---- the digest of postings ---- */

static const char digest_begins[] = "siban ledger 1";

void ledger_digest_begin(struct ledger_digest *d, int64_t journal)
{
	d->journal = htobe64((uint64_t)journal);
	d->parts[0] = (struct str){ digest_begins, sizeof(digest_begins) - 1 };
	d->parts[1] = (struct str){ (const char *)&d->journal, sizeof(d->journal) };
	d->count = 0;
}

bool ledger_digest_more(struct ledger_digest *d, int64_t n, int64_t account, int64_t fen, int64_t day)
{
	if (d->count == LEDGER_POSTINGS_MAX)
		return false;
	uint64_t *numbers = d->numbers[d->count];
	const int64_t in[] = { n, account, fen, day };
	for (int i = 0; i < 4; i++)
		numbers[i] = htobe64((uint64_t)in[i]);
	d->parts[2 + d->count++] = (struct str){ (const char *)numbers, sizeof(d->numbers[0]) };
	return true;
}

void ledger_digest_end(struct ledger_digest *d, enum hash_kind hash, uint8_t out[HASH_BYTES])
{
	hash_parts(hash, d->parts, 2 + (size_t)d->count, out);
}

/* ---- posting ---- */

struct posted {
	int64_t id, fact, day;
	uint8_t digest[HASH_BYTES];
};

static bool sums_to_zero(const struct ledger_journal *j)
{
	int64_t sum = 0;
	for (int i = 0; i < j->count; i++) {
		int64_t fen = j->postings[i].fen;
		if (fen == 0 || fen > LEDGER_FEN_MAX || fen < -LEDGER_FEN_MAX)
			return false;
		sum += fen; /* LEDGER_POSTINGS_MAX of them fit */
	}
	return sum == 0;
}

static void digest_of(struct tx *tx, const struct ledger_journal *j, int64_t id, int64_t day, uint8_t out[HASH_BYTES])
{
	struct ledger_digest d;
	ledger_digest_begin(&d, id);
	for (int i = 0; i < j->count; i++)
		(void)ledger_digest_more(&d, i + 1, j->postings[i].account, j->postings[i].fen, day);
	ledger_digest_end(&d, seal_hash(tx), out);
}

/* The same cause, subject and step: then it must be the same money. */
static bool posted_before(struct tx *tx, const struct ledger_journal *j, int64_t *id, struct fail *why)
{
	uint8_t digest[HASH_BYTES];
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, day, digest FROM ledger_journal WHERE cause = $1 AND subject = $2 AND step = $3", why);
	*id = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, j->cause);
	stmt_bind_int(q, 2, j->subject);
	stmt_bind_int(q, 3, j->step);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	*id = stmt_int(q, 0);
	digest_of(tx, j, *id, stmt_int(q, 1), digest);
	return str_eq(stmt_blob(q, 2), (struct str){ (const char *)digest, sizeof(digest) }) ||
	       FAILS(why, CONFLICT, "cause %d of %" PRId64 " has posted other money before", (int)j->cause, j->subject);
}

static bool day_for(struct tx *tx, int64_t now_ms, int64_t *day, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT day FROM ledger_day ORDER BY day DESC LIMIT 1", why);
	*day = day_of(now_ms);
	if (q == NULL)
		return false;
	if (stmt_row(q, why) && stmt_int(q, 0) >= *day)
		*day = stmt_int(q, 0) + 1;
	return why->code == FAIL_NONE;
}

static bool postings_insert(struct tx *tx, const struct ledger_journal *j, const struct posted *p, struct fail *why)
{
	for (int i = 0; i < j->count; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO ledger_posting (journal, n, account, amount_fen, day) VALUES ($1, $2, $3, $4, $5)", why);
		if (q == NULL)
			return false;
		const int64_t numbers[] = { p->id, i + 1, j->postings[i].account, j->postings[i].fen, p->day };
		for (int k = 0; k < 5; k++)
			stmt_bind_int(q, k + 1, numbers[k]);
		if (!stmt_run(q, why))
			return false;
	}
	return true;
}

static bool journal_insert(struct tx *tx, const struct ledger_journal *j, const struct posted *p, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO ledger_journal (id, fact, cause, subject, step, corrects, day, made_ms, postings, digest)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { p->id, p->fact, j->cause, j->subject, j->step, j->corrects, p->day, j->now_ms, j->count };
	for (int i = 0; i < 9; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	if (j->corrects == 0)
		stmt_bind_null(q, 6);
	stmt_bind_blob(q, 10, p->digest, sizeof(p->digest));
	return stmt_run(q, why);
}

/* In the order of store/facts.def. */
static bool journal_fact(struct tx *tx, const struct ledger_journal *j, const struct posted *p, struct fail *why)
{
	struct fact_content c;
	struct fact f = { FACT_LEDGER_JOURNAL, .ref_a = p->id, .made_ms = j->now_ms };
	fact_content(&c, fact_row_of(FACT_LEDGER_JOURNAL));
	const int64_t before[] = { p->fact, p->id, j->cause, j->subject, j->step }, after[] = { p->day, j->now_ms, j->count };
	for (int i = 0; i < 5; i++)
		fact_int(&c, before[i]);
	if (j->corrects == 0)
		fact_no_int(&c);
	else
		fact_int(&c, j->corrects);
	for (int i = 0; i < 3; i++)
		fact_int(&c, after[i]);
	fact_bytes(&c, (struct str){ (const char *)p->digest, sizeof(p->digest) });
	return fact_add(tx, p->fact, &f, &c, why);
}

bool ledger_post(struct tx *tx, const struct ledger_journal *j, int64_t *id, bool *is_new, struct fail *why)
{
	struct posted p;
	assert(j->count >= 2 && j->count <= LEDGER_POSTINGS_MAX && sums_to_zero(j) && "money neither comes from nothing nor goes there");
	assert((j->corrects != 0) == (j->cause == LEDGER_FOR_CORRECTION));
	*is_new = false;
	if (!posted_before(tx, j, id, why))
		return false;
	if (*id != 0)
		return true;
	if (!day_for(tx, j->now_ms, &p.day, why) || !tx_next_id(tx, "ledger_journal", &p.id, why) || !fact_next(tx, &p.fact, why))
		return false;
	digest_of(tx, j, p.id, p.day, p.digest);
	if (!postings_insert(tx, j, &p, why) || !journal_insert(tx, j, &p, why) || !journal_fact(tx, j, &p, why))
		return false;
	*id = p.id;
	return *is_new = true;
}

/* ---- balances ---- */

bool ledger_balance(struct tx *tx, int64_t account, int64_t *fen, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT CAST(COALESCE((SELECT balance_fen FROM ledger_balance WHERE account = $1 ORDER BY day DESC LIMIT 1), 0)"
		" + COALESCE((SELECT SUM(amount_fen) FROM ledger_posting WHERE account = $1"
		" AND day > COALESCE((SELECT MAX(day) FROM ledger_balance WHERE account = $1), -1)), 0) AS BIGINT)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, account);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "no balance of account %" PRId64, account);
	*fen = stmt_int(q, 0);
	return true;
}
