/* store/blob_inside.h - what a body of blobs is, for blob.c and the bodies. */
#ifndef STORE_BLOB_INSIDE_H
#define STORE_BLOB_INSIDE_H
#include "store/blob.h"

struct blob_kind {
	struct blob_writer *(*create)(struct blobs *b, struct id name, struct fail *why);
	bool (*write)(struct blob_writer *w, struct str piece, struct fail *why);
	bool (*finish)(struct blob_writer *w, struct fail *why);
	void (*abort)(struct blob_writer *w);
	struct blob_reader *(*open)(struct blobs *b, struct id name, struct fail *why);
	bool (*read)(struct blob_reader *r, int64_t at, void *to, size_t len, struct fail *why);
	void (*close)(struct blob_reader *r);
	bool (*remove)(struct blobs *b, struct id name, struct fail *why);
	bool (*scan)(struct blobs *b, struct blob_place *place, blob_visit visit, void *ctx, struct fail *why);
	bool (*claim)(struct blobs *b, bool is_turn, struct blobs_claim *out, struct fail *why); /* NULL: it needs none */
};
extern const struct blob_kind blob_folder, blob_rows;

struct blobs {
	const struct blob_kind *kind;
	struct store *store;
	char folder[1100]; /* FOLDER's */
};

/* A body's own stands behind these. */
struct blob_writer {
	struct blobs *blobs;
	struct id name;
};

struct blob_reader {
	struct blobs *blobs;
	struct id name;
	int64_t bytes;
};

bool blob_is_missing(struct id name, struct fail *why); /* notes it; false */
#endif
