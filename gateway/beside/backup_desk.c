/* gateway/beside/backup_desk.c - why this exists: copying a large database takes minutes, and no loop, lane or client may wait for it. */
#include "gateway/beside/backup_desk.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "gateway/beside/backup_rota.h"
#include "gateway/machine.h"
#include <assert.h>
#include <pthread.h>
#include <stdio.h>

static struct {
	pthread_mutex_t lock;
	pthread_t thread;
	bool has_thread;
	struct store *store;
	char folder[BACKUP_PATH_BYTES], kept_in[BACKUP_PATH_BYTES]; /* "": nobody else's go */
	int keep;
	struct backup_progress progress;
	struct backup_status status;
} desk = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *work(void *ctx)
{
	struct backup_manifest m;
	struct fail why;
	(void)ctx;
	fail_clear(&why);
	if (desk.kept_in[0] != '\0')
		backup_rota_prepare(desk.kept_in);
	bool ok = backup_write(desk.store, desk.folder, &desk.progress, &m, &why);
	int gone = ok && desk.kept_in[0] != '\0' ? backup_rota_keep(desk.kept_in, desk.keep) : 0;
	metric_add(M_backups, ok ? 0 : 1, 1);
	if (ok)
		metric_set(M_backup_last_seconds, 0, clock_wall_ms() / 1000);
	pthread_mutex_lock(&desk.lock);
	desk.status.state = ok ? BACKUP_DONE : BACKUP_FAILED;
	desk.status.manifest = m;
	desk.status.why = why;
	pthread_mutex_unlock(&desk.lock);
	if (ok)
		LOG_EVENT(backup_made, STR_NONE, L_C(desk.folder), L_INT(m.bytes), L_INT(m.blobs.count), L_INT(m.blobs.bytes), L_INT(m.schema), L_INT(gone));
	else
		LOG_EVENT(backup_failed, STR_NONE, L_C(desk.folder), L_C(why.log)); /* whoever asked for it looks, and is told */
	log_flush();
	return NULL;
}

void backup_desk_open(struct store *s)
{
	metric_label(M_backups, 0, "made");
	metric_label(M_backups, 1, "failed");
	desk.store = s;
	desk.status.state = BACKUP_NONE;
}

static void join(void)
{
	if (desk.has_thread)
		pthread_join(desk.thread, NULL);
	desk.has_thread = false;
}

void backup_desk_close(void)
{
	atomic_store(&desk.progress.stop, true);
	join();
	desk.store = NULL;
}

/* With the lock. */
static bool start(const char *folder, const char *kept_in, int keep, struct fail *why)
{
	if (desk.status.state == BACKUP_RUNNING)
		return FAILS(why, CONFLICT, "a backup is under way, into %s", desk.folder);
	join(); /* the one before has said its last word */
	snprintf(desk.folder, sizeof(desk.folder), "%s", folder);
	snprintf(desk.kept_in, sizeof(desk.kept_in), "%s", kept_in);
	desk.keep = keep;
	atomic_store(&desk.progress.stop, false);
	atomic_store(&desk.progress.done_pages, 0);
	atomic_store(&desk.progress.total_pages, 0);
	atomic_store(&desk.progress.done_blobs, 0);
	atomic_store(&desk.progress.total_blobs, 0);
	if (pthread_create(&desk.thread, NULL, work, NULL) != 0)
		return FAILS(why, SYSTEM, "no thread for a backup");
	desk.has_thread = true;
	desk.status.state = BACKUP_RUNNING;
	return true;
}

bool backup_desk_start_kept(const char *folder, const char *in, int keep, struct fail *why)
{
	assert(desk.store != NULL);
	pthread_mutex_lock(&desk.lock);
	bool ok = start(folder, in, keep, why);
	pthread_mutex_unlock(&desk.lock);
	return ok;
}

bool backup_desk_start(const char *folder, struct fail *why)
{
	return backup_desk_start_kept(folder, "", 0, why);
}

void backup_desk_look(struct backup_status *out)
{
	pthread_mutex_lock(&desk.lock);
	*out = desk.status;
	pthread_mutex_unlock(&desk.lock);
	out->done_pages = atomic_load(&desk.progress.done_pages);
	out->total_pages = atomic_load(&desk.progress.total_pages);
	out->done_blobs = atomic_load(&desk.progress.done_blobs);
	out->total_blobs = atomic_load(&desk.progress.total_blobs);
}

/* ---- asked over the control socket ---- */

struct wish {
	struct str folder;
};

static bool start_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ .name = "folder", .kind = JSON_F_TEXT, .required = true, .min = 2, .max = BACKUP_PATH_BYTES / 4, .offset = offsetof(struct wish, folder) },
	};
	struct wish *w = request_state(r, sizeof(*w), why);
	if (w == NULL || !request_json(r, fields, 1, w, why))
		return false;
	return w->folder.at[0] == '/' || FAILS_FIELD(why, FIELD, "/folder", "the daemon stands in another folder: it needs a whole path");
}

static void status_out(struct json_out *j, const struct backup_status *s)
{
	static const char *const words[] = { "none", "running", "done", "failed" };
	json_put_object(j);
	json_add_text(j, "state", str_c(words[s->state]));
	json_add_number(j, "done_pages", s->done_pages);
	json_add_number(j, "total_pages", s->total_pages);
	json_add_number(j, "done_blobs", s->done_blobs);
	json_add_number(j, "total_blobs", s->total_blobs);
	if (s->state == BACKUP_DONE) {
		json_add_number(j, "schema", s->manifest.schema);
		json_add_number(j, "bytes", s->manifest.bytes);
		json_add_text(j, "sha256", str_c(s->manifest.sha256));
		json_add_number(j, "blobs", s->manifest.blobs.count);
		json_add_number(j, "blob_bytes", s->manifest.blobs.bytes);
		json_add_number(j, "blobs_missing", s->manifest.blobs.missing);
		json_add_text(j, "keys", str_c(s->manifest.keys));
	} else if (s->state == BACKUP_FAILED) {
		json_add_text(j, "code", str_c(fail_row(s->why.code)->slug));
		json_add_text(j, "why", str_c(s->why.log));
	}
	json_put_object_end(j);
}

static bool status_render(struct request *r, int http, struct fail *why)
{
	struct backup_status s;
	backup_desk_look(&s);
	struct json_out j = reply_json(r, http);
	status_out(&j, &s);
	return reply_json_end(r, &j, why);
}

static bool start_render(struct request *r, struct fail *why)
{
	char folder[BACKUP_PATH_BYTES];
	const struct wish *w = r->state;
	snprintf(folder, sizeof(folder), "%.*s", STR_ARG(w->folder));
	return backup_desk_start(folder, why) && status_render(r, 202, why);
}

static bool look_render(struct request *r, struct fail *why)
{
	return status_render(r, 200, why);
}

const struct handler control_backup_start = { .parse = start_parse, .render = start_render };
const struct handler control_backup_look = { .render = look_render };
