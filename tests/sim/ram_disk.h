/* tests/sim/ram_disk.h - files of a machine whose memory is fast and whose disk may fail: what the disk has for sure, and what was written since.
 *
 * Thread: one. */
#ifndef SIM_RAM_DISK_H
#define SIM_RAM_DISK_H
#include "rng.h"

enum { RAM_NAME_BYTES = 1200 };

struct ram_bytes {
	uint8_t *at;
	size_t len, cap;
};

struct ram_change;

struct ram_file {
	struct ram_file *next;
	char name[RAM_NAME_BYTES];
	bool is_there, name_is_synced;
	bool was_deleted_unsynced;          /* may be back after a power failure */
	struct ram_bytes now, disk;
	struct ram_change *changes;         /* since the last sync, in order */
	size_t change_count, change_cap;
	int handles;
	void *locks;                        /* ram_vfs.c's */
};

struct ram_disk {
	struct ram_file *files;
	struct rng rng;
};

struct ram_file *disk_find(struct ram_disk *d, const char *name); /* NULL: never made */
struct ram_file *disk_make(struct ram_disk *d, const char *name);
void disk_drop(struct ram_disk *d);

void file_begin(struct ram_file *f);    /* is there, and empty */
void file_write(struct ram_file *f, size_t at, const void *bytes, size_t len);
void file_cut(struct ram_file *f, size_t len);
/* What was written since the last sync reaches the disk, or each sector of it with this chance only; it is no longer waited for either way. */
void file_settle(struct ram_disk *d, struct ram_file *f, int percent);
/* This file's name is on the disk, and with it every deletion before: a journalling file system keeps their order. */
void disk_sync_names(struct ram_disk *d, struct ram_file *f);
void file_lose(struct ram_disk *d, struct ram_file *f, int percent); /* the machine stops: memory is gone */

struct ram_image; /* the files of a moment, all synced */
struct ram_image *disk_save(const struct ram_disk *d);
void disk_load(struct ram_disk *d, const struct ram_image *image);
void ram_image_drop(struct ram_image *image);
#endif
