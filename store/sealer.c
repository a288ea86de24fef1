/* store/sealer.c - why this exists: what must be provable needs one order, and no transaction that a person waits for may pay for it. */
#include "store/sealer.h"

#include "store/fact.h"
#include "store/meta.h"
#include "store/inside.h"

#include <assert.h>
#include <endian.h>

static const char domain[] = "siban seal 1"; /* hashed with its NUL */

enum hash_kind seal_hash(struct tx *tx)
{
	return tx->connection->store->seal_hash;
}

void seal_chain(enum hash_kind hash, const uint8_t before[HASH_BYTES], struct seal *s, const struct sealed_fact *f)
{
	uint64_t numbers[] = { (uint64_t)s->seq, (uint64_t)s->sealed_ms, (uint64_t)s->department, (uint64_t)f->id, (uint64_t)f->kind, (uint64_t)f->ref_a,
			       (uint64_t)f->ref_b, (uint64_t)f->department, (uint64_t)f->region, (uint64_t)f->made_ms };
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		numbers[i] = htobe64(numbers[i]);
	struct str parts[] = { { domain, sizeof domain }, { (const char *)before, HASH_BYTES }, { (const char *)numbers, sizeof numbers }, f->digest };
	hash_parts(hash, parts, sizeof parts / sizeof parts[0], s->chain);
}

bool seal_head(struct tx *tx, struct seal *out, struct fail *why)
{
	memset(out, 0, sizeof *out);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT seq, fact, department, sealed_ms, chain FROM seal ORDER BY seq DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	struct str chain = stmt_blob(q, 4);
	*out = (struct seal){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), stmt_int(q, 3), { 0 } };
	/* Of another length it was altered from outside. Verification says so, at its number; departments' feeds do not stop for it. */
	memcpy(out->chain, chain.at, chain.len < HASH_BYTES ? chain.len : HASH_BYTES);
	return true;
}

static bool newest_fact(struct tx *tx, int64_t *fact, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT coalesce(max(id), 0) FROM fact", why);
	if (q == NULL || !stmt_row(q, why))
		return false;
	*fact = stmt_int(q, 0);
	return true;
}

bool seal_waiting(struct tx *tx, const struct seal *head, int64_t *count, int64_t *oldest_ms, struct fail *why)
{
	int64_t newest;
	*oldest_ms = 0;
	if (!newest_fact(tx, &newest, why))
		return false;
	*count = newest - head->fact; /* counting a million rows would take its time; on PostgreSQL gaps are counted, too */
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT made_ms FROM fact WHERE id > $1 ORDER BY id LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, head->fact);
	if (stmt_row(q, why))
		*oldest_ms = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

/* -- sealing */

static bool seal_insert(struct tx *tx, const struct seal *s, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO seal (seq, fact, department, sealed_ms, chain) VALUES ($1, $2, $3, $4, $5)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, s->seq);
	stmt_bind_int(q, 2, s->fact);
	stmt_bind_int(q, 3, s->department);
	stmt_bind_int(q, 4, s->sealed_ms);
	stmt_bind_blob(q, 5, s->chain, HASH_BYTES);
	return stmt_run(q, why);
}

static bool place_insert(struct tx *tx, const struct sealed_fact *f, int64_t place, int64_t seq, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO seal_place (kind, place, seq, ref) VALUES ($1, $2, $3, $4)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, f->kind);
	stmt_bind_int(q, 2, place);
	stmt_bind_int(q, 3, seq);
	stmt_bind_int(q, 4, f->ref_a);
	return stmt_run(q, why);
}

/* A row for each reader, so that each has a page of his own in order: its department, its region, and what that lies in (GB/T 2260, GB/T 10114). */
static bool places_insert(struct tx *tx, const struct sealed_fact *f, int64_t seq, struct fail *why)
{
	int64_t county = f->region > 999999 ? f->region / 1000 : f->region, last = 0;
	const int64_t places[] = { 0 - f->department, f->region, county, county / 100 * 100, county / 10000 * 10000 };
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (places[i] != 0 && places[i] != last && !place_insert(tx, f, places[i], seq, why))
			return false;
		last = places[i];
	}
	return true;
}

/* The next in order after `last`, which becomes it. */
static bool seal_one(struct tx *tx, struct seal *last, const struct sealed_fact *f, int64_t now_ms, struct fail *why)
{
	const struct fact_row *row = fact_row_of(f->kind);
	struct seal s = { .seq = last->seq + 1, .fact = f->id, .sealed_ms = now_ms };
	if (row != NULL && row->feed != FACT_FEED_NOBODY)
		s.department = f->department;
	seal_chain(seal_hash(tx), last->chain, &s, f);
	*last = s;
	return seal_insert(tx, &s, why) && (row == NULL || row->feed != FACT_FEED_SUPERVISED || places_insert(tx, f, s.seq, why));
}

/* -- up to where no fact can appear any more (PostgreSQL) */

enum { ALONE_ROWS_MAX = 64 /* sealed while nobody else writes */ };

static bool horizon_get(struct tx *tx, int64_t *fact, struct fail *why)
{
	uint64_t stored = 0;
	int64_t len;
	if (!meta_get(tx, STR("seal.horizon"), &stored, sizeof stored, &len, why))
		return false;
	*fact = (int64_t)be64toh(stored);
	return true;
}

/* Alone, so that whoever had taken a number has committed or rolled back, and what is missing below the newest will always be. */
static bool horizon_put(struct tx *tx, int64_t *fact, struct fail *why)
{
	if (!tx_alone(tx, why) || !newest_fact(tx, fact, why))
		return false;
	uint64_t stored = htobe64((uint64_t)*fact);
	return meta_put(tx, STR("seal.horizon"), &stored, sizeof stored, why);
}

/* Where sealing goes on from, and up to which fact. */
static bool reach(struct tx *tx, struct seal *last, int64_t *until, int64_t *rows_max, struct fail *why)
{
	*until = INT64_MAX;
	if (tx->connection->pg == NULL)
		return seal_head(tx, last, why);
	if (!horizon_get(tx, until, why) || !seal_head(tx, last, why))
		return false;
	if (last->fact < *until)
		return tx_lock(tx, "seal", STR_NONE, why) && seal_head(tx, last, why);
	if (!newest_fact(tx, until, why) || *until <= last->fact) /* nobody is held up for nothing */
		return why->code == FAIL_NONE;
	*rows_max = *rows_max < ALONE_ROWS_MAX ? *rows_max : ALONE_ROWS_MAX;
	return horizon_put(tx, until, why) && seal_head(tx, last, why);
}

bool sealer_apply(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *sealed, struct fail *why)
{
	struct seal last;
	int64_t until;
	*sealed = 0;
	if (!reach(tx, &last, &until, &rows_max, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT id, kind, ref_a, ref_b, department, region, made_ms, digest FROM fact WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, last.fact);
	stmt_bind_int(q, 2, until);
	stmt_bind_int(q, 3, rows_max);
	for (; stmt_row(q, why); ++*sealed) {
		struct sealed_fact f = { stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), stmt_int(q, 3), stmt_int(q, 4), stmt_int(q, 5), stmt_int(q, 6),
					 stmt_blob(q, 7) };
		if (!seal_one(tx, &last, &f, now_ms, why))
			return false;
	}
	return why->code == FAIL_NONE;
}

/* -- a place in time */

static bool sealed_before(struct tx *tx, int64_t seq, int64_t ms, bool *is_before, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT sealed_ms FROM seal WHERE seq = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, seq);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, INTERNAL, "seal %lld is not there", (long long)seq);
	*is_before = stmt_int(q, 0) < ms;
	return true;
}

/* Times only grow along the chain. */
bool seal_before(struct tx *tx, int64_t ms, int64_t *seq, struct fail *why)
{
	struct seal head;
	int64_t low = 0;
	if (!seal_head(tx, &head, why))
		return false;
	for (int64_t high = head.seq; low < high;) {
		int64_t middle = low + (high - low + 1) / 2;
		bool is_before = false;
		if (!sealed_before(tx, middle, ms, &is_before, why))
			return false;
		low = is_before ? middle : low;
		high = is_before ? high : middle - 1;
	}
	*seq = low;
	return true;
}

/* -- the database's hash */

enum { WORD_MAX = 16 };

/* `word` is empty when migrate has not been here. */
static bool noted_hash(struct tx *tx, char bytes[WORD_MAX], struct str *word, struct fail *why)
{
	int64_t len;
	if (!meta_get(tx, STR("seal.hash"), bytes, WORD_MAX, &len, why))
		return false;
	*word = (struct str){ bytes, len < 0 ? 0 : (size_t)len };
	return true;
}

static bool not_noted(struct fail *why)
{
	return FAILS(why, SCHEMA, "the database does not say how it is sealed; run siban migrate");
}

static bool can_do(enum hash_kind hash, struct fail *why)
{
	return hash_is_here(hash) || FAILS(why, CONFIG, "seal.hash: this libcrypto has no %s", hash_name(hash).at);
}

bool seal_hash_match(struct tx *tx, int configured, bool may_write, struct fail *why)
{
	char bytes[WORD_MAX];
	struct str noted, wanted = hash_name((enum hash_kind)configured);
	if (!can_do((enum hash_kind)configured, why) || !noted_hash(tx, bytes, &noted, why))
		return false;
	if (noted.len == 0)
		return may_write ? meta_put(tx, STR("seal.hash"), wanted.at, wanted.len, why) : not_noted(why);
	return str_eq(noted, wanted) ||
	       FAILS(why, CONFIG, "seal.hash is %s, but this database is sealed with %.*s: set it back", wanted.at, STR_ARG(noted));
}

bool seal_hash_read(struct tx *tx, enum hash_kind *out, struct fail *why)
{
	char bytes[WORD_MAX];
	struct str noted;
	if (!noted_hash(tx, bytes, &noted, why))
		return false;
	for (*out = 0; *out < HASH_KINDS; ++*out)
		if (str_eq(noted, hash_name(*out)))
			return can_do(*out, why);
	return noted.len == 0 ? not_noted(why) : FAILS(why, SCHEMA, "sealed with %.*s, which this siban does not know", STR_ARG(noted));
}
