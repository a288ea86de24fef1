/* store/fact.c - why this exists: writer and verifier must mean the same bytes by "this row", and both get them from here. */
#include "store/fact.h"

#include "store/inside.h"

#include <assert.h>
#include <endian.h>

const struct fact_row fact_rows[] = {
#define FACT(name, number, text, feed, columns, row, after) { FACT_##name, text, FACT_FEED_##feed, columns, row, after },
#include "store/facts.def"
#undef FACT
};
const int fact_row_count = sizeof fact_rows / sizeof fact_rows[0];

const struct fact_row *fact_row_of(int64_t kind)
{
	for (int i = 0; i < fact_row_count; i++)
		if (fact_rows[i].kind == kind)
			return &fact_rows[i];
	return NULL;
}

const struct fact_row *fact_row_named(struct str name)
{
	for (int i = 0; i < fact_row_count; i++)
		if (str_eq(str_c(fact_rows[i].name), name))
			return &fact_rows[i];
	return NULL;
}

/* -- content */

static void head(struct fact_content *c, int n, char type, uint64_t v)
{
	uint64_t big = htobe64(v);
	c->heads[n][0] = type;
	memcpy(&c->heads[n][1], &big, sizeof big);
	c->parts[c->parts_count++] = (struct str){ c->heads[n], FACT_HEAD_BYTES };
}

void fact_content(struct fact_content *c, const struct fact_row *row)
{
	assert(strlen(row->columns) <= FACT_COLUMNS_MAX);
	c->row = row;
	c->columns = 0;
	c->parts_count = 0;
	head(c, 0, 'f', (uint64_t)row->kind);
}

static void column(struct fact_content *c, char type, bool is_null, uint64_t v)
{
	char want = c->row->columns[c->columns];
	assert((want == type || (want ^ 0x20) == type) && "facts.def says another type, or no more columns");
	assert((!is_null || want != type) && "facts.def says never NULL");
	(void)want;
	head(c, ++c->columns, is_null ? 'n' : type, v);
}

void fact_int(struct fact_content *c, int64_t v)
{
	column(c, 'i', false, (uint64_t)v);
}

void fact_no_int(struct fact_content *c)
{
	column(c, 'i', true, 0);
}

static void bytes(struct fact_content *c, char type, struct str s)
{
	column(c, type, s.at == NULL, s.len);
	c->parts[c->parts_count++] = s;
}

void fact_text(struct fact_content *c, struct str s)
{
	bytes(c, 't', s);
}

void fact_bytes(struct fact_content *c, struct str s)
{
	bytes(c, 'b', s);
}

static void digest_of(struct tx *tx, const struct fact_content *c, uint8_t digest[HASH_BYTES])
{
	assert(c->row->columns[c->columns] == '\0' && "a column is missing");
	hash_parts(tx->connection->store->seal_hash, c->parts, c->parts_count, digest);
}

/* -- writing */

bool fact_next(struct tx *tx, int64_t *id, struct fail *why)
{
	return tx_next_id(tx, "fact", id, why);
}

bool fact_add(struct tx *tx, int64_t id, const struct fact *f, const struct fact_content *c, struct fail *why)
{
	uint8_t digest[HASH_BYTES];
	assert(c->row->kind == f->kind);
	digest_of(tx, c, digest);
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO fact (id, kind, ref_a, ref_b, department, region, made_ms, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, f->kind);
	stmt_bind_int(q, 3, f->ref_a);
	stmt_bind_int(q, 4, f->ref_b);
	stmt_bind_int(q, 5, f->department);
	stmt_bind_int(q, 6, f->region);
	stmt_bind_int(q, 7, f->made_ms);
	stmt_bind_blob(q, 8, digest, sizeof digest);
	return stmt_run(q, why);
}

/* -- reading back */

bool fact_digest_now(struct tx *tx, const struct fact_row *row, int64_t ref_a, int64_t ref_b, bool *found, uint8_t digest[HASH_BYTES],
		     struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, row->row, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, ref_a);
	stmt_bind_int(q, 2, ref_b);
	*found = stmt_row(q, why);
	if (!*found)
		return why->code == FAIL_NONE;
	struct fact_content c;
	fact_content(&c, row);
	for (int i = 0; row->columns[i] != '\0'; i++) {
		char type = row->columns[i] | 0x20;
		if (stmt_is_null(q, i)) /* not asserted as a writer's is: whoever altered the table need not keep to it */
			head(&c, ++c.columns, 'n', 0);
		else if (type == 'i')
			fact_int(&c, stmt_int(q, i));
		else
			bytes(&c, type, stmt_blob(q, i));
	}
	digest_of(tx, &c, digest);
	return true;
}
