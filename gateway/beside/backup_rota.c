/* gateway/beside/backup_rota.c - why this exists: a backup that somebody has to think of is a backup of last year. */
#include "gateway/beside/backup_rota.h"
#include "base/clock.h"
#include "base/log.h"
#include "gateway/beside/backup_desk.h"
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { NAME_LENGTH = 21 /* siban-20261126-030000 */, NAMES_MAX = 1024, PATH_BYTES = BACKUP_PATH_BYTES + 300 };
#define HOUR_MS INT64_C(3600000)
#define LOOK_MS INT64_C(60000)
#define RETRY_MS INT64_C(600000)
#define WORK_MS INT64_C(1000)

void backup_name(int64_t now_ms, char out[BACKUP_NAME_BYTES])
{
	char t[RFC3339_BYTES];
	time_rfc3339(now_ms, t);
	snprintf(out, BACKUP_NAME_BYTES, "siban-%.4s%.2s%.2s-%.2s%.2s%.2s", t, t + 5, t + 8, t + 11, t + 14, t + 17);
}

/* 0: not such a name. */
static int64_t time_of(const char *name)
{
	char t[RFC3339_BYTES];
	int64_t ms;
	if (strlen(name) != NAME_LENGTH || strncmp(name, "siban-", 6) != 0 || name[14] != '-')
		return 0;
	snprintf(t, sizeof(t), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s+08:00", name + 6, name + 10, name + 12, name + 15, name + 17, name + 19);
	return time_from_rfc3339(str_c(t), &ms) ? ms : 0;
}

/* ---- the folder ---- */

struct names {
	int count;
	char at[NAMES_MAX][NAME_LENGTH + 1];
};

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool is_whole(const char *folder, const char *name)
{
	char path[PATH_BYTES];
	struct backup_manifest m;
	struct fail why;
	fail_clear(&why);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return backup_read(path, &m, &why);
}

/* Whole ones, the oldest first; those beyond NAMES_MAX are not seen. */
static void whole_ones(const char *folder, struct names *n)
{
	n->count = 0;
	DIR *d = opendir(folder);
	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL && n->count < NAMES_MAX;)
		if (time_of(e->d_name) != 0 && is_whole(folder, e->d_name))
			memcpy(n->at[n->count++], e->d_name, NAME_LENGTH + 1);
	closedir(d);
	qsort(n->at, (size_t)n->count, sizeof(n->at[0]), by_name);
}

int64_t backup_newest_ms(const char *folder)
{
	struct names *n = malloc(sizeof(*n));
	int64_t ms = 0;
	if (n == NULL)
		return 0;
	whole_ones(folder, n);
	if (n->count > 0)
		ms = time_of(n->at[n->count - 1]);
	free(n);
	return ms;
}

/* What somebody has put beside a backup's own files stays, and keeps its folder. */
static bool remove_one(const char *folder, const char *name)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return backup_remove(path);
}

void backup_rota_prepare(const char *folder)
{
	DIR *d = opendir(folder);
	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char stem[NAME_LENGTH + 1] = "";
		if (strlen(e->d_name) > NAME_LENGTH)
			memcpy(stem, e->d_name, NAME_LENGTH);
		if (time_of(stem) != 0 && strcmp(e->d_name + NAME_LENGTH, ".partial") == 0)
			(void)remove_one(folder, e->d_name); /* one that cannot go is no harm: the next has another name */
	}
	closedir(d);
}

int backup_rota_keep(const char *folder, int keep)
{
	struct names *n = malloc(sizeof(*n));
	int gone = 0;
	if (n == NULL)
		return 0;
	whole_ones(folder, n);
	for (int i = 0; i < n->count - (keep > 1 ? keep : 1); i++)
		gone += remove_one(folder, n->at[i]);
	free(n);
	return gone;
}

/* ---- the step ---- */

static struct {
	char folder[sizeof(((struct config *)0)->backup_folder)]; /* which due_ms is about */
	int64_t due_ms;
	bool is_out;
} rota;

static void begin(const struct config *c, int64_t now_ms)
{
	char path[PATH_BYTES], name[BACKUP_NAME_BYTES];
	struct fail why;
	fail_clear(&why);
	backup_name(now_ms, name);
	snprintf(path, sizeof(path), "%s/%s", c->backup_folder, name);
	rota.is_out = backup_desk_start_kept(path, c->backup_folder, (int)c->backup_keep, &why);
	if (!rota.is_out && why.code != FAIL_CONFLICT) /* an operator's own is under way: ours can wait */
		LOG_EVENT(backup_failed, STR_NONE, L_C(path), L_C(why.log));
	rota.due_ms = now_ms + RETRY_MS;
}

int64_t backup_rota_step(const struct config *c, int64_t now_ms)
{
	struct backup_status s;
	if (c->backup_folder[0] == '\0')
		return LOOK_MS;
	if (rota.is_out) {
		backup_desk_look(&s);
		if (s.state == BACKUP_RUNNING)
			return WORK_MS;
		rota.is_out = false;
		if (s.state == BACKUP_DONE)
			rota.due_ms = 0;
	}
	if (rota.due_ms == 0 || strcmp(rota.folder, c->backup_folder) != 0) {
		int64_t newest_ms = backup_newest_ms(c->backup_folder);
		snprintf(rota.folder, sizeof(rota.folder), "%s", c->backup_folder);
		rota.due_ms = newest_ms != 0 ? newest_ms + c->backup_every_hours * HOUR_MS : now_ms;
	}
	if (now_ms < rota.due_ms)
		return rota.due_ms - now_ms < LOOK_MS ? rota.due_ms - now_ms : LOOK_MS;
	begin(c, now_ms);
	return WORK_MS;
}

/* ---- turned by libuv ---- */

static uv_timer_t timer;
static const _Atomic(const struct config *) *configuration;

static void on_timer(uv_timer_t *t)
{
	uv_timer_start(t, on_timer, (uint64_t)backup_rota_step(atomic_load(configuration), clock_wall_ms()), 0);
}

void backup_rota_start(const _Atomic(const struct config *) *config, struct uv_loop_s *loop)
{
	configuration = config;
	memset(&rota, 0, sizeof(rota));
	uv_timer_init(loop, &timer);
	uv_timer_start(&timer, on_timer, 0, 0);
	uv_unref((uv_handle_t *)&timer); /* a loop that has nothing else left may end */
}
