/* store/blob.c - the face: asks whose it is, and calls on. */
#include "store/blob.h"

#include "base/fault.h"
#include "store/blob_inside.h"
#include "store/inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const struct blob_kind *const kinds[BLOB_BODIES] = { [BLOB_FOLDER] = &blob_folder, [BLOB_ROWS] = &blob_rows };

enum blob_body blob_body_of(const struct store *s)
{
	return store_is_embedded(s) ? BLOB_FOLDER : BLOB_ROWS;
}

struct blobs *blobs_open(struct store *s, enum blob_body body, struct fail *why)
{
	struct blobs *b = calloc(1, sizeof *b);
	if (b == NULL) {
		FAILS(why, MEMORY, "blobs");
		return NULL;
	}
	b->kind = kinds[body];
	b->store = s;
	snprintf(b->folder, sizeof b->folder, "%s/blobs", s->folder);
	return b;
}

void blobs_close(struct blobs *b)
{
	free(b);
}

struct blob_writer *blob_create(struct blobs *b, struct id name, struct fail *why)
{
	return b->kind->create(b, name, why);
}

bool blob_write(struct blob_writer *w, struct str piece, struct fail *why)
{
	return piece.len == 0 || w->blobs->kind->write(w, piece, why);
}

bool blob_finish(struct blob_writer *w, struct fail *why)
{
	if (!w->blobs->kind->finish(w, why))
		return false;
	fault_die(FAULT_blob_whole);
	return true;
}

void blob_abort(struct blob_writer *w)
{
	if (w != NULL)
		w->blobs->kind->abort(w);
}

struct blob_reader *blob_open(struct blobs *b, struct id name, struct fail *why)
{
	return b->kind->open(b, name, why);
}

int64_t blob_bytes(const struct blob_reader *r)
{
	return r->bytes;
}

bool blob_read(struct blob_reader *r, int64_t at, void *to, size_t len, struct fail *why)
{
	assert(at >= 0);
	if (at > r->bytes || (int64_t)len > r->bytes - at)
		return FAILS(why, SEALED, "a blob of %lld bytes is asked for %zu at %lld", (long long)r->bytes, len, (long long)at);
	return len == 0 || r->blobs->kind->read(r, at, to, len, why);
}

void blob_close(struct blob_reader *r)
{
	if (r != NULL)
		r->blobs->kind->close(r);
}

bool blob_remove(struct blobs *b, struct id name, struct fail *why)
{
	return b->kind->remove(b, name, why);
}

bool blob_scan(struct blobs *b, struct blob_place *place, blob_visit visit, void *ctx, struct fail *why)
{
	return b->kind->scan(b, place, visit, ctx, why);
}

int64_t blob_made_ms(struct id name)
{
	int64_t ms = 0;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | name.bytes[i];
	return ms;
}

bool blob_is_missing(struct id name, struct fail *why)
{
	char hex[2 * ID_BYTES + 1];
	hex_text(name.bytes, sizeof name.bytes, hex);
	return FAILS(why, SEALED, "blob %s is not there", hex);
}
