/* tests/sim/ram_vfs.c - why this exists: what a database loses in a power failure cannot be tried on a real disk a thousand times a minute. */
#include "ram_vfs.h"

#include "ram_disk.h"
#include "store/sqlite.h"
#include <assert.h>
#include <stdlib.h>

enum { SHM_REGIONS_MAX = 64 };

struct shm { /* belongs to the handles that map it; a crash takes it from the file */
	void *regions[SHM_REGIONS_MAX];
	int region_count, users;
	int shared[SQLITE_SHM_NLOCK];
	const void *exclusive[SQLITE_SHM_NLOCK];
};

struct locks { /* of one file, as SQLite's unix files have them */
	int readers;
	const void *reserved, *exclusive;
	bool pending;
	struct shm *shm;
};

struct handle {
	sqlite3_file base;
	struct ram_file *file;
	struct locks *locks;
	uint64_t life;                      /* of the process that opened it */
	int lock;
	struct shm *shm;
	unsigned shm_shared, shm_exclusive;
};

static struct {
	struct ram_disk disk;
	uint64_t life;
	bool is_dead, lies;
	int64_t die_in;                     /* 0: not */
	struct { int64_t in, times; int rc; } fault[RAM_OPS];
	int64_t count[RAM_OPS];
	int64_t slow_ns;
	void (*pass)(void *ctx, int64_t ns);
	void *pass_ctx;
} ram;

/* ---- faults ---- */

static bool dies(void)
{
	if (ram.die_in > 0 && --ram.die_in == 0)
		ram.is_dead = true;
	return ram.is_dead;
}

static bool is_gone(const struct handle *h)
{
	return ram.is_dead || h->life != ram.life;
}

static int fault(enum ram_op op)
{
	ram.count[op]++;
	if (ram.fault[op].times == 0 || --ram.fault[op].in > 0)
		return SQLITE_OK;
	ram.fault[op].times--;
	ram.fault[op].in = 1;
	return ram.fault[op].rc;
}

/* ---- reading and writing ---- */

static int ram_read(sqlite3_file *base, void *out, int len, sqlite3_int64 at)
{
	struct handle *h = (struct handle *)base;
	if (is_gone(h))
		return SQLITE_IOERR_READ;
	int rc = fault(RAM_READ);
	const struct ram_bytes *now = &h->file->now;
	size_t has = (size_t)at < now->len ? now->len - (size_t)at : 0, take = has < (size_t)len ? has : (size_t)len;
	if (rc == SQLITE_IOERR_SHORT_READ)
		take /= 2;
	else if (rc != SQLITE_OK)
		return rc;
	if (take > 0)
		memcpy(out, now->at + at, take);
	if (take == (size_t)len)
		return SQLITE_OK;
	memset((char *)out + take, 0, (size_t)len - take);
	return SQLITE_IOERR_SHORT_READ;
}

static int ram_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
	struct handle *h = (struct handle *)base;
	size_t n = (size_t)len;
	if (is_gone(h))
		return SQLITE_IOERR_WRITE;
	bool last = dies();
	int rc = fault(RAM_WRITE);
	if (last)
		n = (size_t)rng_below(&ram.disk.rng, len + 1); /* killed half way */
	else if (rc != SQLITE_OK)
		return rc;
	file_write(h->file, (size_t)at, bytes, n);
	return last ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int ram_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct handle *h = (struct handle *)base;
	if (is_gone(h) || dies())
		return SQLITE_IOERR_TRUNCATE;
	int rc = fault(RAM_WRITE);
	if (rc != SQLITE_OK)
		return rc;
	file_cut(h->file, (size_t)size);
	return SQLITE_OK;
}

static int ram_sync(sqlite3_file *base, int flags)
{
	struct handle *h = (struct handle *)base;
	(void)flags;
	if (is_gone(h) || dies())
		return SQLITE_IOERR_FSYNC;
	int rc = fault(RAM_SYNC);
	if (ram.pass != NULL)
		ram.pass(ram.pass_ctx, ram.slow_ns);
	if (rc == SQLITE_OK && ram.lies)
		return SQLITE_OK;
	file_settle(&ram.disk, h->file, rc == SQLITE_OK ? 100 : rng_below(&ram.disk.rng, 101));
	if (rc == SQLITE_OK)
		disk_sync_names(&ram.disk, h->file);
	return rc;
}

static int ram_size(sqlite3_file *base, sqlite3_int64 *size)
{
	struct handle *h = (struct handle *)base;
	if (is_gone(h))
		return SQLITE_IOERR_FSTAT;
	*size = (sqlite3_int64)h->file->now.len;
	return SQLITE_OK;
}

/* ---- file locks ---- */

static int ram_lock(sqlite3_file *base, int want)
{
	struct handle *h = (struct handle *)base;
	struct locks *f = h->locks;
	if (is_gone(h))
		return SQLITE_IOERR_LOCK;
	if (want <= h->lock)
		return SQLITE_OK;
	bool others = (f->reserved != NULL && f->reserved != h) || (f->exclusive != NULL && f->exclusive != h);
	if (want == SQLITE_LOCK_SHARED) {
		if (f->exclusive != NULL || f->pending)
			return SQLITE_BUSY;
		f->readers++;
	} else if (others) {
		return SQLITE_BUSY;
	} else if (want == SQLITE_LOCK_RESERVED) {
		f->reserved = h;
	} else {
		if (f->readers > 1) {
			f->pending = true;
			f->reserved = h;
			h->lock = SQLITE_LOCK_PENDING;
			return SQLITE_BUSY;
		}
		f->exclusive = h;
	}
	h->lock = want;
	return SQLITE_OK;
}

static int ram_unlock(sqlite3_file *base, int to)
{
	struct handle *h = (struct handle *)base;
	struct locks *f = h->locks;
	if (h->life != ram.life || to >= h->lock) /* a crash took the locks already */
		return SQLITE_OK;
	if (f->reserved == h)
		f->reserved = NULL;
	if (f->exclusive == h)
		f->exclusive = NULL;
	if (h->lock >= SQLITE_LOCK_PENDING)
		f->pending = false;
	if (to == SQLITE_LOCK_NONE)
		f->readers--;
	h->lock = to;
	return SQLITE_OK;
}

static int ram_is_reserved(sqlite3_file *base, int *out)
{
	struct handle *h = (struct handle *)base;
	*out = h->locks->reserved != NULL || h->locks->exclusive != NULL;
	return SQLITE_OK;
}

/* ---- shared memory ---- */

static void shm_join(struct handle *h)
{
	if (h->shm != NULL)
		return;
	if (h->locks->shm == NULL)
		h->locks->shm = calloc(1, sizeof(struct shm));
	h->shm = h->locks->shm;
	assert(h->shm != NULL);
	h->shm->users++;
}

static int ram_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
	struct handle *h = (struct handle *)base;
	*out = NULL;
	if (is_gone(h))
		return SQLITE_IOERR_SHMMAP;
	shm_join(h);
	assert(region < SHM_REGIONS_MAX);
	for (; extend && h->shm->region_count <= region; h->shm->region_count++) {
		h->shm->regions[h->shm->region_count] = calloc(1, (size_t)size);
		assert(h->shm->regions[h->shm->region_count] != NULL);
	}
	if (region < h->shm->region_count)
		*out = h->shm->regions[region];
	return SQLITE_OK;
}

static void shm_unlock(struct handle *h, unsigned mask)
{
	for (int i = 0; i < SQLITE_SHM_NLOCK; i++) {
		unsigned bit = 1u << i & mask;
		if (h->shm_shared & bit)
			h->shm->shared[i]--;
		if (h->shm_exclusive & bit)
			h->shm->exclusive[i] = NULL;
	}
	h->shm_shared &= ~mask;
	h->shm_exclusive &= ~mask;
}

static int ram_shm_lock(sqlite3_file *base, int first, int n, int flags)
{
	struct handle *h = (struct handle *)base;
	unsigned mask = ((1u << n) - 1) << first;
	if (flags & SQLITE_SHM_UNLOCK) {
		if (h->shm != NULL)
			shm_unlock(h, mask);
		return SQLITE_OK;
	}
	if (is_gone(h))
		return SQLITE_IOERR_SHMLOCK;
	shm_join(h);
	for (int i = first; i < first + n; i++) {
		int shared = h->shm->shared[i] - (h->shm_shared >> i & 1);
		bool taken = h->shm->exclusive[i] != NULL && h->shm->exclusive[i] != h;
		if (taken || (flags & SQLITE_SHM_EXCLUSIVE && shared > 0))
			return SQLITE_BUSY;
	}
	for (int i = first; i < first + n; i++) {
		if (flags & SQLITE_SHM_EXCLUSIVE)
			h->shm->exclusive[i] = h;
		else if (!(h->shm_shared >> i & 1))
			h->shm->shared[i]++;
	}
	*(flags & SQLITE_SHM_EXCLUSIVE ? &h->shm_exclusive : &h->shm_shared) |= mask;
	return SQLITE_OK;
}

static void ram_shm_barrier(sqlite3_file *base)
{
	(void)base; /* one thread */
}

static void shm_leave(struct locks *f, struct shm *s)
{
	if (--s->users > 0)
		return;
	if (f->shm == s)
		f->shm = NULL;
	for (int i = 0; i < s->region_count; i++)
		free(s->regions[i]);
	free(s);
}

static int ram_shm_unmap(sqlite3_file *base, int delete)
{
	struct handle *h = (struct handle *)base;
	(void)delete; /* the last to leave takes it along either way */
	if (h->shm == NULL)
		return SQLITE_OK;
	shm_unlock(h, ~0u);
	shm_leave(h->locks, h->shm);
	h->shm = NULL;
	return SQLITE_OK;
}

/* ---- opening, deleting ---- */

static int ram_close(sqlite3_file *base)
{
	ram_shm_unmap(base, 0);
	ram_unlock(base, SQLITE_LOCK_NONE);
	((struct handle *)base)->file->handles--;
	return SQLITE_OK;
}

static int ram_control(sqlite3_file *base, int op, void *arg)
{
	(void)base;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int ram_sector(sqlite3_file *base)
{
	(void)base;
	return 4096;
}

static int ram_traits(sqlite3_file *base)
{
	(void)base;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE; /* as SQLite's unix files claim: a write does not harm its neighbours */
}

static const sqlite3_io_methods methods = {
	2, ram_close, ram_read, ram_write, ram_truncate, ram_sync, ram_size, ram_lock, ram_unlock, ram_is_reserved, ram_control, ram_sector, ram_traits,
	ram_shm_map, ram_shm_lock, ram_shm_barrier, ram_shm_unmap, NULL, NULL,
};

static int ram_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *flags_out)
{
	struct handle *h = (struct handle *)base;
	(void)vfs;
	memset(h, 0, sizeof *h); /* methods NULL: nothing to close */
	int rc = ram.is_dead ? SQLITE_CANTOPEN : fault(RAM_OPEN);
	if (rc != SQLITE_OK)
		return rc;
	struct ram_file *f = disk_find(&ram.disk, name);
	/* A database is made by the store, in the real folder, before it is opened here. */
	if ((f == NULL || !f->is_there) && !(flags & (SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB)))
		return SQLITE_CANTOPEN;
	if (f == NULL)
		f = disk_make(&ram.disk, name);
	if (!f->is_there)
		file_begin(f);
	if (f->locks == NULL)
		f->locks = calloc(1, sizeof(struct locks));
	assert(f->locks != NULL);
	f->name_is_synced |= (flags & SQLITE_OPEN_MAIN_DB) != 0;
	f->handles++;
	*h = (struct handle){ .base = { &methods }, .file = f, .locks = f->locks, .life = ram.life };
	if (flags_out != NULL)
		*flags_out = flags;
	return SQLITE_OK;
}

static int ram_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	struct ram_file *f = disk_find(&ram.disk, name);
	if (ram.is_dead || dies())
		return SQLITE_IOERR_DELETE;
	int rc = fault(RAM_WRITE);
	if (rc != SQLITE_OK)
		return SQLITE_IOERR_DELETE;
	if (f == NULL || !f->is_there)
		return SQLITE_IOERR_DELETE_NOENT;
	f->is_there = false;
	f->was_deleted_unsynced = !sync && f->name_is_synced;
	return SQLITE_OK;
}

static int ram_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	(void)vfs;
	struct ram_file *f = disk_find(&ram.disk, name);
	*out = f != NULL && f->is_there && (flags != SQLITE_ACCESS_EXISTS || f->now.len > 0);
	return SQLITE_OK;
}

static int ram_path(sqlite3_vfs *vfs, const char *name, int max, char *out)
{
	(void)vfs;
	sqlite3_snprintf(max, out, "%s", name);
	return SQLITE_OK;
}

static int ram_random(sqlite3_vfs *vfs, int len, char *out)
{
	(void)vfs;
	rng_fill(&ram.disk.rng, out, (size_t)len);
	return len;
}

static int ram_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	if (ram.pass != NULL)
		ram.pass(ram.pass_ctx, us * INT64_C(1000));
	return us;
}

static int ram_time(sqlite3_vfs *vfs, double *days)
{
	(void)vfs;
	*days = 2461000.5; /* siban asks SQLite for no date */
	return SQLITE_OK;
}

void ram_vfs_install(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 1, .szOsFile = sizeof(struct handle), .mxPathname = RAM_NAME_BYTES - 1, .zName = "ram", .xOpen = ram_open, .xDelete = ram_delete,
		.xAccess = ram_access, .xFullPathname = ram_path, .xRandomness = ram_random, .xSleep = ram_sleep, .xCurrentTime = ram_time,
	};
	sqlite_ready();
	int rc = sqlite3_vfs_register(&vfs, 1);
	assert(rc == SQLITE_OK);
	(void)rc;
}

/* ---- commands ---- */

void ram_vfs_reset(uint64_t seed)
{
	disk_drop(&ram.disk);
	uint64_t life = ram.life + 1;
	memset(&ram, 0, sizeof ram);
	ram.disk.rng.state = seed;
	ram.life = life;
	sqlite3_randomness(0, NULL); /* asks us again */
}

void ram_vfs_fail(enum ram_op op, int64_t nth, int rc, int64_t times)
{
	ram.fault[op].in = nth;
	ram.fault[op].rc = rc;
	ram.fault[op].times = times;
}

void ram_vfs_die(int64_t nth)
{
	ram.die_in = nth;
}

void ram_vfs_kill(void)
{
	ram.is_dead = true;
}

bool ram_vfs_is_dead(void)
{
	return ram.is_dead;
}

void ram_vfs_crash(enum ram_end how)
{
	static const int kept[] = { 0, 10, 50, 90, 100 };
	int percent = kept[rng_below(&ram.disk.rng, sizeof kept / sizeof kept[0])];
	for (struct ram_file *f = ram.disk.files; f != NULL; f = f->next) {
		if (f->locks != NULL)
			*(struct locks *)f->locks = (struct locks){ 0 }; /* whoever mapped the shared memory still has it */
		if (how == RAM_POWER_LOST)
			file_lose(&ram.disk, f, percent);
	}
	ram.life++;
	ram.is_dead = false;
	ram.die_in = 0;
	memset(ram.fault, 0, sizeof ram.fault);
	sqlite3_randomness(0, NULL);
}

void ram_vfs_lie(bool lies)
{
	ram.lies = lies;
}

void ram_vfs_slow(int64_t ns, void (*pass)(void *ctx, int64_t ns), void *ctx)
{
	ram.slow_ns = ns;
	ram.pass = pass;
	ram.pass_ctx = ctx;
}

int64_t ram_vfs_count(enum ram_op op)
{
	return ram.count[op];
}

struct ram_image *ram_vfs_save(void) { return disk_save(&ram.disk); }
void ram_vfs_load(const struct ram_image *image) { disk_load(&ram.disk, image); }
