/* store/blob.c - the face: asks whose it is, and calls on. */
#include "store/blob.h"

#include "base/fault.h"
#include "store/blob_inside.h"
#include "store/inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static bool claim(struct blobs *b, bool is_turn, struct blobs_claim *out, struct fail *why)
{
	out->fd = -1;
	return b->kind->claim == NULL || b->kind->claim(b, is_turn, out, why);
}

bool blobs_hold(struct blobs *b, struct blobs_claim *out, struct fail *why)
{
	return claim(b, false, out, why);
}

bool blobs_turn(struct blobs *b, struct blobs_claim *out, struct fail *why)
{
	return claim(b, true, out, why);
}

void blobs_let_go(struct blobs_claim *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void blob_place_text(struct id name, char out[BLOB_PLACE_BYTES])
{
	char hex[2 * ID_BYTES + 1];
	hex_text(name.bytes, sizeof name.bytes, hex);
	snprintf(out, BLOB_PLACE_BYTES, "%.2s/%.2s/%s", hex + 2 * (ID_BYTES - 2), hex + 2 * (ID_BYTES - 1), hex);
}

bool blob_place_read(struct str text, struct id *name)
{
	char again[BLOB_PLACE_BYTES];
	if (text.len != BLOB_PLACE_BYTES - 1 || str_hex((struct str){ text.at + 6, 2 * ID_BYTES }, name->bytes, sizeof name->bytes) != ID_BYTES)
		return false;
	blob_place_text(*name, again);
	return memcmp(text.at, again, text.len) == 0;
}

const char *blobs_folder(const struct blobs *b)
{
	return b->folder;
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
