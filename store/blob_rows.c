/* store/blob_rows.c - blobs as rows of 64 KiB, for a database that is a server's.
 *
 * Each row is a transaction of its own, so that a large blob neither holds one open for minutes nor fills memory; the last one says that it is whole. Until
 * then nobody can open it. */
#include "store/blob_inside.h"

#include "base/fault.h"
#include "base/mailbox.h"

#include <assert.h>
#include <stdlib.h>

enum { ROW_BYTES = 64 << 10, SCAN_ROWS = 64, REMOVE_ROWS = 64 };

struct row_writer {
	struct blob_writer face;
	int64_t id, n, bytes; /* n: the next row's number */
	size_t held;
	uint8_t row[ROW_BYTES];
};

struct row_reader {
	struct blob_reader face;
	struct connection *connection;
	int64_t id;
};

static void bind_name(struct stmt *q, int n, const struct id *name)
{
	stmt_bind_blob(q, n, name->bytes, sizeof name->bytes);
}

/* ---- writing ---- */

static bool make_body(struct tx *tx, void *ctx, struct fail *why)
{
	struct row_writer *w = ctx;
	if (!tx_next_id(tx, "blob_body", &w->id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO blob_body (id, name, is_whole, bytes) VALUES ($1, $2, 0, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->id);
	bind_name(q, 2, &w->face.name);
	return stmt_run(q, why);
}

static struct blob_writer *create(struct blobs *b, struct id name, struct fail *why)
{
	struct row_writer *w = malloc(sizeof *w);
	if (w == NULL) {
		FAILS(why, MEMORY, "a writer of a blob");
		return NULL;
	}
	w->face = (struct blob_writer){ b, name };
	w->id = w->n = w->bytes = 0;
	w->held = 0;
	if (store_write(b->store, make_body, w, why))
		return &w->face;
	free(w);
	return NULL;
}

static bool put_row(struct tx *tx, void *ctx, struct fail *why)
{
	struct row_writer *w = ctx;
	if (fault_hit(FAULT_blob_write))
		return FAILS(why, STORE_FULL, "a row of a blob");
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO blob_row (body, n, bytes) VALUES ($1, $2, $3)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->id);
	stmt_bind_int(q, 2, w->n);
	stmt_bind_blob(q, 3, w->row, w->held);
	return stmt_run(q, why);
}

static bool flush(struct row_writer *w, struct fail *why)
{
	if (!store_write(w->face.blobs->store, put_row, w, why))
		return false;
	w->n++;
	w->bytes += (int64_t)w->held;
	w->held = 0;
	return true;
}

static bool write_piece(struct blob_writer *face, struct str piece, struct fail *why)
{
	struct row_writer *w = CONTAINER(face, struct row_writer, face);
	while (piece.len > 0) {
		size_t n = piece.len < ROW_BYTES - w->held ? piece.len : ROW_BYTES - w->held;
		memcpy(w->row + w->held, piece.at, n);
		w->held += n;
		piece = (struct str){ piece.at + n, piece.len - n };
		if (w->held == ROW_BYTES && !flush(w, why))
			return false;
	}
	return true;
}

static bool mark_whole(struct tx *tx, void *ctx, struct fail *why)
{
	struct row_writer *w = ctx;
	if (fault_hit(FAULT_blob_sync))
		return FAILS(why, STORE, "a blob's last row");
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE blob_body SET is_whole = 1, bytes = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, w->bytes);
	stmt_bind_int(q, 2, w->id);
	if (!stmt_run(q, why))
		return false;
	return tx_changes(tx) == 1 || FAILS(why, STORE, "somebody took a blob away while it was written");
}

static void give_up(struct blob_writer *face);

static bool finish(struct blob_writer *face, struct fail *why)
{
	struct row_writer *w = CONTAINER(face, struct row_writer, face);
	if ((w->held > 0 && !flush(w, why)) || !store_write(face->blobs->store, mark_whole, w, why)) {
		give_up(face);
		return false;
	}
	free(w);
	return true;
}

/* ---- removing ---- */

struct removal {
	struct id name;
	int64_t rows;
};

static bool remove_rows(struct tx *tx, const struct id *name, int64_t *rows, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM blob_row WHERE (body, n) IN (SELECT r.body, r.n FROM blob_row r JOIN blob_body b ON b.id = r.body"
		" WHERE b.name = $1 ORDER BY r.n LIMIT $2)", why);
	if (q == NULL)
		return false;
	bind_name(q, 1, name);
	stmt_bind_int(q, 2, REMOVE_ROWS);
	if (!stmt_run(q, why))
		return false;
	*rows = tx_changes(tx);
	return true;
}

/* From the first bite on it is not whole: nobody opens half of it. */
static bool remove_some(struct tx *tx, void *ctx, struct fail *why)
{
	struct removal *r = ctx;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE blob_body SET is_whole = 0 WHERE name = $1", why);
		if (q == NULL)
			return false;
		bind_name(q, 1, &r->name);
		if (!stmt_run(q, why))
			return false;
	}
	if (!remove_rows(tx, &r->name, &r->rows, why) || r->rows == REMOVE_ROWS)
		return why->code == FAIL_NONE;
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM blob_body WHERE name = $1", why);
	if (q == NULL)
		return false;
	bind_name(q, 1, &r->name);
	return stmt_run(q, why);
}

static bool remove_all(struct blobs *b, struct id name, struct fail *why)
{
	struct removal r = { .name = name };
	do {
		if (!store_write(b->store, remove_some, &r, why))
			return false;
	} while (r.rows == REMOVE_ROWS);
	return true;
}

/* What cannot be taken away now is found by a scan. */
static void give_up(struct blob_writer *face)
{
	struct fail unheard;
	fail_clear(&unheard);
	(void)!remove_all(face->blobs, face->name, &unheard);
	free(CONTAINER(face, struct row_writer, face));
}

/* ---- reading ---- */

static bool find(struct row_reader *r, struct fail *why)
{
	struct tx tx = { 0 };
	if (!reader_begin(r->connection, &tx, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(&tx, "SELECT id, bytes FROM blob_body WHERE name = $1 AND is_whole = 1", why);
	if (q == NULL)
		return false;
	bind_name(q, 1, &r->face.name);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && blob_is_missing(r->face.name, why);
	r->id = stmt_int(q, 0);
	r->face.bytes = stmt_int(q, 1);
	return true;
}

static void close_reader(struct blob_reader *face)
{
	struct row_reader *r = CONTAINER(face, struct row_reader, face);
	if (r->connection != NULL)
		connection_close(r->connection);
	free(r);
}

static struct blob_reader *open_whole(struct blobs *b, struct id name, struct fail *why)
{
	struct row_reader *r = calloc(1, sizeof *r);
	if (r == NULL) {
		FAILS(why, MEMORY, "a reader of a blob");
		return NULL;
	}
	r->face = (struct blob_reader){ b, name, 0 };
	r->connection = store_reader(b->store, 0, why);
	bool found = r->connection != NULL && find(r, why);
	if (r->connection != NULL)
		reader_end(r->connection); /* it never changes: no snapshot is held between two ranges */
	if (found)
		return &r->face;
	close_reader(&r->face);
	return NULL;
}

/* Rows before the last are full: a place leads to its row. */
static bool copy_rows(struct tx *tx, const struct row_reader *r, int64_t at, uint8_t *to, size_t len, struct fail *why)
{
	int64_t first = at / ROW_BYTES, last = (at + (int64_t)len - 1) / ROW_BYTES, n = first;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT bytes FROM blob_row WHERE body = $1 AND n >= $2 AND n <= $3 ORDER BY n", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->id);
	stmt_bind_int(q, 2, first);
	stmt_bind_int(q, 3, last);
	for (; len > 0 && stmt_row(q, why); n++) {
		struct str row = stmt_blob(q, 0);
		size_t from = n == first ? (size_t)(at % ROW_BYTES) : 0;
		if (row.len <= from)
			break;
		size_t take = row.len - from < len ? row.len - from : len;
		memcpy(to, row.at + from, take);
		to += take;
		len -= take;
		if (len > 0 && row.len != ROW_BYTES)
			break;
	}
	return why->code == FAIL_NONE && (len == 0 || FAILS(why, SEALED, "rows of a blob are missing"));
}

static bool read_range(struct blob_reader *face, int64_t at, void *to, size_t len, struct fail *why)
{
	struct row_reader *r = CONTAINER(face, struct row_reader, face);
	struct tx tx = { 0 };
	bool ok = reader_begin(r->connection, &tx, why) && copy_rows(&tx, r, at, to, len, why);
	reader_end(r->connection);
	return ok;
}

/* ---- walking ---- */

struct shown {
	struct id names[SCAN_ROWS];
	bool is_whole[SCAN_ROWS];
	int count;
};

static bool list(struct tx *tx, const struct blob_place *place, struct shown *s, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name, is_whole FROM blob_body WHERE name > $1 ORDER BY name LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, place->at, sizeof place->at);
	stmt_bind_int(q, 2, SCAN_ROWS);
	for (s->count = 0; s->count < SCAN_ROWS && stmt_row(q, why); s->count++) {
		struct str name = stmt_blob(q, 0);
		assert(name.len == ID_BYTES);
		memcpy(s->names[s->count].bytes, name.at, ID_BYTES);
		s->is_whole[s->count] = stmt_int(q, 1) != 0;
	}
	return why->code == FAIL_NONE;
}

static bool scan(struct blobs *b, struct blob_place *place, blob_visit visit, void *ctx, struct fail *why)
{
	struct shown s = { .count = 0 };
	struct tx tx = { 0 };
	struct connection *c = store_reader(b->store, 0, why);
	bool ok = c != NULL && reader_begin(c, &tx, why) && list(&tx, place, &s, why);
	if (c != NULL)
		connection_close(c);
	for (int i = 0; ok && i < s.count; i++)
		ok = visit(ctx, s.names[i], s.is_whole[i], why);
	if (s.count == SCAN_ROWS)
		memcpy(place->at, s.names[s.count - 1].bytes, ID_BYTES);
	else
		memset(place->at, 0, sizeof place->at);
	return ok;
}

const struct blob_kind blob_rows = {
	.create = create, .write = write_piece, .finish = finish, .abort = give_up, .open = open_whole,
	.read = read_range, .close = close_reader, .remove = remove_all, .scan = scan,
};
