/* Goal: a backup holds the bytes of every blob its rows speak of, with digests that any tool can check; nobody clears one away meanwhile; what is altered or
 * missing is named; what is not ours is neither read nor removed.
 * Method: a database with three rows and their files; the backup looked into, spoilt in one way each, and brought back; a second file system for the copy. */
#include "store_fixture.h"

#include "auth/blob.h"
#include "base/clock.h"
#include "gateway/beside/backup.h"
#include <fcntl.h>
#include <sys/stat.h>

enum { BLOBS = 3, PATH = 512 };
#define OLD_MS INT64_C(1000)

struct world {
	struct fixture f;
	struct blobs *blobs;
	struct id names[BLOBS];
	char backup[PATH], to[PATH];
	struct backup_manifest m;
	struct backup_progress p;
};

static void blob_of(struct world *w, int i)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "sealed bytes of blob %d", i);
	w->names[i] = id_new(OLD_MS + i);
	fail_clear(&w->f.why);
	struct blob_writer *b = blob_create(w->blobs, w->names[i], &w->f.why);
	assert_true(b != NULL && blob_write(b, (struct str){ text, (size_t)len }, &w->f.why));
	FIXTURE_OK(&w->f, blob_finish(b, &w->f.why));
}

static void row_of(struct world *w, int i)
{
	char hex[2 * ID_BYTES + 1], sql[256];
	hex_text(w->names[i].bytes, ID_BYTES, hex);
	snprintf(sql, sizeof(sql), "INSERT INTO blob (id, person, name, content_hash, bytes, media, made_ms, head) VALUES (%d, 1, x'%s', x'%02d', 1, 'a/b', 1, x'00')", i + 1, hex, i);
	fixture_raw(&w->f, sql);
}

static void make(struct world *w)
{
	memset(w, 0, sizeof(*w));
	fixture_make(&w->f, NULL);
	w->blobs = blobs_open(w->f.store, BLOB_FOLDER, &w->f.why);
	for (int i = 0; i < BLOBS; i++)
		blob_of(w, i);
	blobs_close(w->blobs);
	fixture_close(&w->f);
	for (int i = 0; i < BLOBS; i++)
		row_of(w, i);
	FIXTURE_OK(&w->f, fixture_open(&w->f, STORE_SERVE));
	w->blobs = blobs_open(w->f.store, BLOB_FOLDER, &w->f.why);
	snprintf(w->backup, sizeof(w->backup), "%s/backup", w->f.folder);
	snprintf(w->to, sizeof(w->to), "%s/to", w->f.folder);
	assert_int_equal(mkdir(w->to, 0700), 0);
}

static void drop(struct world *w)
{
	blobs_close(w->blobs);
	fixture_drop(&w->f);
}

static void blob_path(const char *folder, struct id name, char out[PATH])
{
	char place[BLOB_PLACE_BYTES];
	blob_place_text(name, place);
	snprintf(out, PATH, "%s/blobs/%s", folder, place);
}

static void back_up(struct world *w)
{
	FIXTURE_OK(&w->f, backup_write(w->f.store, w->backup, &w->p, &w->m, &w->f.why));
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* ---- what it is ---- */

static void all_of_them(void **state)
{
	(void)state;
	static struct world w;
	static struct backup_manifest read;
	char command[2 * PATH], path[PATH];
	struct stat st;
	make(&w);
	back_up(&w);
	assert_true(w.p.total_blobs == BLOBS && w.p.done_blobs == BLOBS);
	FIXTURE_OK(&w.f, backup_read(w.backup, &read, &w.f.why));
	assert_true(read.has_blobs && read.blobs.count == BLOBS && read.blobs.missing == 0 && read.blobs.bytes == 3 * 22);
	assert_string_equal(read.blobs.list_sha256, w.m.blobs.list_sha256);
	snprintf(command, sizeof(command), "cd %s && sha256sum --check --strict --quiet blobs.sha256", w.backup);
	assert_int_equal(system(command), 0);
	blob_path(w.backup, w.names[0], path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_nlink, 2); /* one disk: no second copy of what never changes */
	FIXTURE_OK(&w.f, blob_remove(w.blobs, w.names[0], &w.f.why));
	FIXTURE_OK(&w.f, backup_blobs_restore(w.backup, &read.blobs, w.to, &w.p, &w.f.why));
	blob_path(w.to, w.names[0], path);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_nlink == 1 && st.st_size == 22 && (st.st_mode & 0777) == 0600); /* a spoilt backup spoils no state folder */
	drop(&w);
}

static void another_disk(void **state)
{
	(void)state;
	static struct world w;
	struct stat here, there;
	char path[PATH], folder[] = "/dev/shm/siban-backup-XXXXXX";
	if (mkdtemp(folder) == NULL)
		skip();
	make(&w);
	assert_true(stat(folder, &there) == 0 && stat(w.f.folder, &here) == 0);
	snprintf(w.backup, sizeof(w.backup), "%s/backup", folder);
	back_up(&w);
	blob_path(w.backup, w.names[1], path);
	assert_int_equal(stat(path, &there), 0);
	assert_int_equal(there.st_nlink, here.st_dev == there.st_dev ? 2 : 1);
	FIXTURE_OK(&w.f, backup_blobs_restore(w.backup, &w.m.blobs, w.to, &w.p, &w.f.why));
	assert_true(backup_remove(w.backup));
	assert_int_equal(rmdir(folder), 0);
	drop(&w);
}

/* ---- what goes meanwhile ---- */

static bool forget(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM blob", why);
	return q != NULL && stmt_run(q, why);
}

static bool clear_all(struct world *w, struct connection *reader, int64_t *removed)
{
	static const struct blob_place beginning;
	struct blob_place at = beginning;
	*removed = 0;
	do
		if (!blob_clear(w->blobs, reader, &at, clock_wall_ms(), removed, &w->f.why))
			return false;
	while (memcmp(&at, &beginning, sizeof(at)) != 0);
	return true;
}

/* Between a backup's snapshot and its copying the rows go, and the clearer comes by. */
static void nothing_is_cleared_meanwhile(void **state)
{
	(void)state;
	static struct world w;
	struct blobs_claim first, second, turn;
	struct backup_names n = { 0 };
	struct backup_blobs out;
	struct tx tx;
	int64_t removed;
	make(&w);
	struct connection *reader = store_reader(w.f.store, 0, &w.f.why);
	assert_non_null(reader);
	FIXTURE_OK(&w.f, blobs_hold(w.blobs, &first, &w.f.why) && blobs_hold(w.blobs, &second, &w.f.why));
	FIXTURE_OK(&w.f, reader_begin(reader, &tx, &w.f.why) && backup_names_read(&tx, &n, &w.f.why));
	reader_end(reader);
	assert_int_equal(n.count, BLOBS);
	FIXTURE_OK(&w.f, store_write(w.f.store, forget, NULL, &w.f.why));
	blobs_let_go(&first);
	fail_clear(&w.f.why);
	assert_false(clear_all(&w, reader, &removed));
	assert_int_equal(w.f.why.code, FAIL_CONFLICT);
	assert_int_equal(mkdir(w.backup, 0700), 0);
	FIXTURE_OK(&w.f, backup_blobs_write(w.blobs, &n, w.backup, &w.p, &out, &w.f.why));
	assert_true(out.count == BLOBS && out.missing == 0);
	blobs_let_go(&second);
	FIXTURE_OK(&w.f, blobs_turn(w.blobs, &turn, &w.f.why));
	blobs_let_go(&turn);
	FIXTURE_OK(&w.f, clear_all(&w, reader, &removed));
	assert_int_equal(removed, BLOBS);
	backup_names_drop(&n);
	connection_close(reader);
	drop(&w);
}

static void lost_before(void **state)
{
	(void)state;
	static struct world w;
	struct tx tx;
	make(&w);
	FIXTURE_OK(&w.f, blob_remove(w.blobs, w.names[1], &w.f.why));
	back_up(&w);
	assert_true(w.m.blobs.count == BLOBS - 1 && w.m.blobs.missing == 1);
	FIXTURE_OK(&w.f, backup_blobs_restore(w.backup, &w.m.blobs, w.to, &w.p, &w.f.why));
	struct connection *reader = store_reader(w.f.store, 0, &w.f.why);
	assert_true(reader != NULL && reader_begin(reader, &tx, &w.f.why));
	FIXTURE_OK(&w.f, backup_blobs_fit(&tx, w.to, &w.m.blobs, &w.f.why));
	w.m.blobs.missing = 0;
	assert_false(backup_blobs_fit(&tx, w.to, &w.m.blobs, &w.f.why)); /* one more than the manifest knows of */
	assert_int_equal(w.f.why.code, FAIL_STORE);
	connection_close(reader);
	drop(&w);
}

static void given_up(void **state)
{
	(void)state;
	static struct world w;
	char partial[PATH + 16];
	make(&w);
	w.p.stop = true;
	fail_clear(&w.f.why);
	assert_false(backup_write(w.f.store, w.backup, &w.p, &w.m, &w.f.why));
	assert_int_equal(w.f.why.code, FAIL_STOPPING);
	snprintf(partial, sizeof(partial), "%s.partial", w.backup);
	assert_true(access(w.backup, F_OK) != 0 && access(partial, F_OK) != 0);
	w.p.stop = false;
	back_up(&w);
	drop(&w);
}

/* ---- spoilt ---- */

enum spoil { ALTERED, MISSING, A_LINE_LESS, A_WAY_OUT };
static const struct { const char *name, *words; enum spoil how; bool signs; } spoilt[] = {
	{ "a blob is altered",          "was altered: blobs/",                    ALTERED,     false },
	{ "a blob is missing",          "is missing",                             MISSING,     false },
	{ "the list is shorter",        "altered: blobs.sha256 has",              A_LINE_LESS, false },
	{ "the list is short, signed",  "is not whole: 2 blobs",                  A_LINE_LESS, true },
	{ "a line leads out of blobs/", "was altered: line 1 of blobs.sha256",    A_WAY_OUT,   true },
};

static void rewrite_list(const char *path, bool leads_out)
{
	char text[1024] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	if (leads_out)
		memcpy(strstr(text, "blobs/") + 6, "../..", 5);
	put(path, leads_out ? text : strchr(text, '\n') + 1);
}

static void spoil(struct world *w, int i)
{
	char path[PATH], list[2 * PATH];
	uint8_t digest[SHA256_BYTES];
	blob_path(w->backup, w->names[2], path);
	snprintf(list, sizeof(list), "%s/blobs.sha256", w->backup);
	if (spoilt[i].how == MISSING || spoilt[i].how == ALTERED)
		assert_int_equal(unlink(path), 0);
	if (spoilt[i].how == ALTERED)
		put(path, "sealed bytes of blob !");
	if (spoilt[i].how == A_LINE_LESS || spoilt[i].how == A_WAY_OUT)
		rewrite_list(list, spoilt[i].how == A_WAY_OUT);
	if (!spoilt[i].signs)
		return;
	char text[1024];
	int fd = open(list, O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, text, sizeof(text));
	assert_true(fd >= 0 && len > 0);
	close(fd);
	sha256((struct str){ text, (size_t)len }, digest);
	hex_text(digest, sizeof(digest), w->m.blobs.list_sha256);
}

static void what_is_spoilt_is_named(void **state)
{
	(void)state;
	for (int i = 0; i < (int)(sizeof(spoilt) / sizeof(spoilt[0])); i++) {
		static struct world w;
		char place[BLOB_PLACE_BYTES];
		make(&w);
		back_up(&w);
		spoil(&w, i);
		fail_clear(&w.f.why);
		if (backup_blobs_restore(w.backup, &w.m.blobs, w.to, &w.p, &w.f.why) || w.f.why.code != FAIL_STORE || strstr(w.f.why.log, spoilt[i].words) == NULL)
			fail_msg("%s: \"%s\"", spoilt[i].name, w.f.why.log);
		blob_place_text(w.names[2], place);
		if (spoilt[i].how == ALTERED || spoilt[i].how == MISSING)
			assert_non_null(strstr(w.f.why.log, place));
		drop(&w);
	}
}

static void what_is_not_ours_stays(void **state)
{
	(void)state;
	static struct world w;
	char path[2 * PATH];
	make(&w);
	back_up(&w);
	snprintf(path, sizeof(path), "%s/blobs/note.txt", w.backup);
	put(path, "mine");
	assert_false(backup_remove(w.backup));
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
	assert_true(backup_remove(w.backup));
	assert_int_not_equal(access(w.backup, F_OK), 0);
	drop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_them), cmocka_unit_test(another_disk), cmocka_unit_test(nothing_is_cleared_meanwhile), cmocka_unit_test(lost_before),
		cmocka_unit_test(given_up), cmocka_unit_test(what_is_spoilt_is_named), cmocka_unit_test(what_is_not_ours_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
