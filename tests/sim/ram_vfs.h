/* tests/sim/ram_vfs.h - a file system for SQLite that lives in memory, keeps only what was synced, and fails on command.
 *
 * A file is what the disk holds for sure, and the writes since the last sync. A killed process loses nothing of that: the system still has its
 * writes. A power failure keeps any of them, sector by sector, in any order, or none. After a sync that failed nobody knows which of the writes
 * reached the disk; the system shows them all and never writes them again, as Linux does.
 * Shared memory (for the write-ahead log) is heap, as all connections are in this process; it goes with the crash.
 *
 * Thread: one. One file system per process. */
#ifndef SIM_RAM_VFS_H
#define SIM_RAM_VFS_H
#include <stdbool.h>
#include <stdint.h>

enum ram_op { RAM_OPEN, RAM_READ, RAM_WRITE, RAM_SYNC, RAM_OPS }; /* a truncation and a deletion count as writes */
enum ram_end { RAM_KILLED, RAM_POWER_LOST };

struct ram_image; /* the files of a moment, all synced; ram_image_drop of ram_disk.h */

void ram_vfs_install(void);             /* the default of SQLite from now on */
void ram_vfs_reset(uint64_t seed);      /* no files, no faults; no handle may be open */
/* The n-th operation of that kind from now on (1: the next) fails with this code, and `times` in all. A write that fails with SQLITE_FULL writes
 * nothing; a read with SQLITE_IOERR_SHORT_READ ends half way. 0 times: never mind. */
void ram_vfs_fail(enum ram_op op, int64_t nth, int rc, int64_t times);
/* The process dies at the n-th write or sync from now on: perhaps in the middle of it. From then on nothing that it does reaches a file. */
void ram_vfs_die(int64_t nth);
void ram_vfs_kill(void);                /* now */
bool ram_vfs_is_dead(void);
/* What is left for the next process. Handles of the one before stay valid and get errors only; faults are forgotten. */
void ram_vfs_crash(enum ram_end how);
void ram_vfs_lie(bool lies);            /* the disk says "synced" and does not: so that a test can show that it would notice */
void ram_vfs_slow(int64_t ns, void (*pass)(void *ctx, int64_t ns), void *ctx); /* each sync takes so long: `pass` lets that time go by */
int64_t ram_vfs_count(enum ram_op op);  /* operations since reset */

struct ram_image *ram_vfs_save(void);
void ram_vfs_load(const struct ram_image *image);
#endif
