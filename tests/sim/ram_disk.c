/* tests/sim/ram_disk.c - why this exists: a power failure keeps any part of what was not synced, and a test must try all kinds of parts. */
#include "ram_disk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512 };

struct ram_change { /* a truncation has no bytes */
	size_t at, len;
	uint8_t *bytes;
};

/* ---- bytes ---- */

static void bytes_resize(struct ram_bytes *b, size_t len)
{
	if (len > b->cap) {
		b->cap = len * 2;
		b->at = realloc(b->at, b->cap);
		assert(b->at != NULL);
	}
	if (len > b->len)
		memset(b->at + b->len, 0, len - b->len);
	b->len = len;
}

static void bytes_put(struct ram_bytes *b, size_t at, const void *from, size_t len)
{
	if (at + len > b->len)
		bytes_resize(b, at + len);
	memcpy(b->at + at, from, len);
}

static void bytes_copy(struct ram_bytes *to, const struct ram_bytes *from)
{
	bytes_resize(to, from->len);
	if (from->len > 0)
		memcpy(to->at, from->at, from->len);
}

/* ---- what is not on the disk yet ---- */

static void note(struct ram_file *f, size_t at, const void *bytes, size_t len)
{
	if (f->change_count == f->change_cap) {
		f->change_cap = f->change_cap * 2 + 16;
		f->changes = realloc(f->changes, f->change_cap * sizeof *f->changes);
		assert(f->changes != NULL);
	}
	struct ram_change *c = &f->changes[f->change_count++];
	*c = (struct ram_change){ .at = at, .len = len };
	if (bytes != NULL) {
		c->bytes = malloc(len);
		assert(c->bytes != NULL);
		memcpy(c->bytes, bytes, len);
	}
}

static void forget_changes(struct ram_file *f)
{
	for (size_t i = 0; i < f->change_count; i++)
		free(f->changes[i].bytes);
	f->change_count = 0;
}

/* Each sector of each write reaches the disk with this chance: so a later one may, and an earlier one may not. */
void file_settle(struct ram_disk *d, struct ram_file *f, int percent)
{
	for (size_t i = 0; i < f->change_count; i++) {
		const struct ram_change *c = &f->changes[i];
		if (c->bytes == NULL) {
			if (rng_percent(&d->rng, percent))
				bytes_resize(&f->disk, c->at);
			continue;
		}
		for (size_t from = c->at, end = c->at + c->len; from < end;) {
			size_t to = (from / SECTOR + 1) * SECTOR < end ? (from / SECTOR + 1) * SECTOR : end;
			if (rng_percent(&d->rng, percent))
				bytes_put(&f->disk, from, c->bytes + (from - c->at), to - from);
			from = to;
		}
	}
	forget_changes(f);
}

void file_begin(struct ram_file *f)
{
	f->is_there = true;
	f->name_is_synced = f->was_deleted_unsynced = false;
	bytes_resize(&f->now, 0);
	bytes_resize(&f->disk, 0);
	forget_changes(f);
}

void file_write(struct ram_file *f, size_t at, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	bytes_put(&f->now, at, bytes, len);
	note(f, at, bytes, len);
}

void file_cut(struct ram_file *f, size_t len)
{
	bytes_resize(&f->now, len);
	note(f, len, NULL, 0);
}

void disk_sync_names(struct ram_disk *d, struct ram_file *f)
{
	f->name_is_synced = true;
	for (struct ram_file *o = d->files; o != NULL; o = o->next)
		o->was_deleted_unsynced = false;
}

void file_lose(struct ram_disk *d, struct ram_file *f, int percent)
{
	file_settle(d, f, percent);
	bytes_copy(&f->now, &f->disk);
	if ((f->is_there && !f->name_is_synced) || f->was_deleted_unsynced)
		f->is_there = rng_percent(&d->rng, 50);
	f->name_is_synced = f->is_there; /* what is found is on the disk */
	f->was_deleted_unsynced = false;
}

/* ---- the files ---- */

struct ram_file *disk_find(struct ram_disk *d, const char *name)
{
	struct ram_file *f = d->files;
	while (f != NULL && (name == NULL || strcmp(f->name, name) != 0))
		f = f->next;
	return f;
}

struct ram_file *disk_make(struct ram_disk *d, const char *name)
{
	struct ram_file *f = calloc(1, sizeof *f);
	assert(f != NULL);
	snprintf(f->name, sizeof f->name, "%s", name != NULL ? name : "");
	f->next = d->files;
	d->files = f;
	return f;
}

void disk_drop(struct ram_disk *d)
{
	for (struct ram_file *next, *f = d->files; f != NULL; f = next) {
		next = f->next;
		assert(f->handles == 0);
		forget_changes(f);
		free(f->changes);
		free(f->now.at);
		free(f->disk.at);
		free(f->locks);
		free(f);
	}
	d->files = NULL;
}

/* ---- images ---- */

struct ram_image {
	struct ram_image *next;
	char name[RAM_NAME_BYTES];
	struct ram_bytes bytes;
};

struct ram_image *disk_save(const struct ram_disk *d)
{
	struct ram_image *all = NULL;
	for (const struct ram_file *f = d->files; f != NULL; f = f->next) {
		if (!f->is_there)
			continue;
		struct ram_image *i = calloc(1, sizeof *i);
		assert(i != NULL);
		memcpy(i->name, f->name, sizeof i->name);
		bytes_copy(&i->bytes, &f->now);
		i->next = all;
		all = i;
	}
	return all;
}

void disk_load(struct ram_disk *d, const struct ram_image *image)
{
	for (; image != NULL; image = image->next) {
		struct ram_file *f = disk_make(d, image->name);
		f->is_there = f->name_is_synced = true;
		bytes_copy(&f->now, &image->bytes);
		bytes_copy(&f->disk, &image->bytes);
	}
}

void ram_image_drop(struct ram_image *image)
{
	for (struct ram_image *next; image != NULL; image = next) {
		next = image->next;
		free(image->bytes.at);
		free(image);
	}
}
