/* gateway/commands/command_backup.c - `siban backup FOLDER`: the daemon that holds the state folder makes it, or this process when none does. */
#include "base/json.h"
#include "gateway/beside/backup_desk.h"
#include "gateway/commands/command.h"
#include "store/store.h"
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOK_EVERY_US = 100000 };

/* Where the backup is made, and how one asks about it. */
struct maker {
	struct control *daemon; /* NULL: this process */
	struct store *store;
};

/* The daemon stands elsewhere: it is given a whole path. */
static bool whole_path(const char *folder, char out[BACKUP_PATH_BYTES], struct fail *why)
{
	char one[PATH_MAX], two[PATH_MAX], parent[PATH_MAX];
	snprintf(one, sizeof(one), "%s", folder);
	snprintf(two, sizeof(two), "%s", folder);
	if (realpath(dirname(one), parent) == NULL)
		return FAILS(why, CONFIG, "%s: %s; make the folder above it first", folder, strerror(errno));
	int n = snprintf(out, BACKUP_PATH_BYTES, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, basename(two));
	return n < BACKUP_PATH_BYTES || FAILS(why, CONFIG, "the folder's name is too long");
}

/* ---- asking ---- */

static bool ask_daemon(struct control *k, const char *target, struct str body, struct backup_status *s, struct fail *why)
{
	char *answer = NULL;
	int status = control_ask(k, target, "application/json", body, &answer, why);
	if (status == 0)
		return false;
	json_t *j = json_loads(answer, 0, NULL);
	free(answer);
	const char *word = text_in(j, "state");
	*s = (struct backup_status){ .state = strcmp(word, "running") == 0 ? BACKUP_RUNNING : strcmp(word, "done") == 0 ? BACKUP_DONE : BACKUP_FAILED };
	s->done_pages = json_integer_value(json_object_get(j, "done_pages"));
	s->total_pages = json_integer_value(json_object_get(j, "total_pages"));
	s->done_blobs = json_integer_value(json_object_get(j, "done_blobs"));
	s->total_blobs = json_integer_value(json_object_get(j, "total_blobs"));
	s->manifest.blobs.count = json_integer_value(json_object_get(j, "blobs"));
	s->manifest.blobs.bytes = json_integer_value(json_object_get(j, "blob_bytes"));
	s->manifest.blobs.missing = json_integer_value(json_object_get(j, "blobs_missing"));
	s->manifest.schema = json_integer_value(json_object_get(j, "schema"));
	s->manifest.bytes = json_integer_value(json_object_get(j, "bytes"));
	snprintf(s->manifest.sha256, sizeof(s->manifest.sha256), "%s", text_in(j, "sha256"));
	snprintf(s->manifest.keys, sizeof(s->manifest.keys), "%s", text_in(j, "keys"));
	fail_clear(&s->why);
	if (s->state == BACKUP_FAILED)
		FAILS(&s->why, SYSTEM, "%s", status >= 300 ? (status == 409 ? "the gateway is making a backup already" : text_in(j, "detail")) : text_in(j, "why"));
	json_decref(j);
	return true;
}

static bool start(struct maker *m, const char *folder, struct backup_status *s, struct fail *why)
{
	if (m->daemon == NULL) {
		backup_desk_open(m->store);
		if (!backup_desk_start(folder, why))
			return false;
		backup_desk_look(s);
		return true;
	}
	json_t *body = json_pack("{s:s}", "folder", folder);
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	bool ok = text != NULL ? ask_daemon(m->daemon, "/control/backup", str_c(text), s, why) : FAILS(why, CONFIG, "the folder's name is not UTF-8");
	free(text);
	return ok;
}

static bool look(struct maker *m, struct backup_status *s, struct fail *why)
{
	if (m->daemon != NULL)
		return ask_daemon(m->daemon, "/control/backup/look", STR(""), s, why);
	backup_desk_look(s);
	return true;
}

/* ---- telling ---- */

static void tell_keys(const char *keys)
{
	if (keys[0] == '\0')
		return;
	printf("It holds no keys. Keep a copy of keys/vault.keys in another place: without it nothing personal in this backup can ever be read.\n"
	       "A restore will want these keys (number and fingerprint):\n");
	for (struct str rest = str_c(keys), line; rest.len > 0;) {
		str_cut(rest, '\n', &line, &rest);
		printf("  %.*s\n", STR_ARG(line));
	}
}

static void tell_progress(const struct backup_status *s)
{
	if (s->total_blobs > 0)
		fprintf(stderr, "\rcopied %" PRId64 " of %" PRId64 " blobs           ", s->done_blobs, s->total_blobs);
	else if (s->total_pages > 0)
		fprintf(stderr, "\rcopied %" PRId64 " of %" PRId64 " pages", s->done_pages, s->total_pages);
}

static void tell_done(const char *folder, const struct backup_manifest *m)
{
	printf("backup in %s: schema %" PRId64 ", %" PRId64 " bytes, sha256 %s, %" PRId64 " blobs of %" PRId64 " bytes\n", folder, m->schema, m->bytes, m->sha256,
	       m->blobs.count, m->blobs.bytes);
	if (m->blobs.missing > 0)
		printf("%" PRId64 " blobs that the database speaks of are lost: the log names them (backup_blob_missing). Look for them in older backups.\n", m->blobs.missing);
	tell_keys(m->keys);
}

static bool wait_for_it(struct maker *m, struct backup_status *s, struct fail *why)
{
	bool shows = isatty(STDERR_FILENO);
	while (s->state == BACKUP_RUNNING) {
		usleep(LOOK_EVERY_US);
		if (!look(m, s, why))
			return false;
		if (shows)
			tell_progress(s);
	}
	if (shows)
		fputc('\n', stderr);
	if (s->state == BACKUP_FAILED)
		*why = s->why;
	return s->state == BACKUP_DONE;
}

static bool open_maker(struct maker *m, const struct config *c, struct fail *why)
{
	if (store_is_locked(c))
		return (m->daemon = control_open(c, why)) != NULL;
	return (m->store = store_open(c, STORE_INSPECT, why)) != NULL;
}

int command_backup(struct command_line *l)
{
	struct fail why;
	struct maker m = { NULL, NULL };
	struct backup_status s;
	char folder[BACKUP_PATH_BYTES];
	fail_clear(&why);
	if (l->word_count != 1) {
		fputs("siban backup: needs the name of a folder that is not there yet\n", stderr);
		return 2;
	}
	bool ok = whole_path(l->words[0], folder, &why) && open_maker(&m, &l->config, &why) && start(&m, folder, &s, &why) && wait_for_it(&m, &s, &why);
	if (ok)
		tell_done(folder, &s.manifest);
	backup_desk_close();
	control_close(m.daemon);
	store_close(m.store);
	return ok ? 0 : tell_failure("backup", &why);
}
