/* Goal: a backup of an older siban, made before an upgrade, is brought to this version by its restore; and a restore that was cut off is begun anew.
 * Method: a database that stops one schema file short; the copy of it; leavings in the folder of the work. */
#include "store_fixture.h"

#include "auth/keyring.h"
#include "gateway/beside/backup.h"
#define control control_of_commands /* store/sqlite.h has an enum of this name, and no file but a test sees both */
#include "gateway/commands/command.h"
#undef control
#include <sys/stat.h>

struct older {
	struct fixture f;      /* a current database, whose store also opens the older one */
	char folder[96];       /* of the older */
	struct config config;
	int schema;            /* of the older */
};

static void make_older(struct older *o)
{
	const struct migration *list;
	size_t count = migrations_built_in(&list);
	int rc, version = 0;
	fixture_make(&o->f, NULL);
	snprintf(o->folder, sizeof o->folder, "%s/older", o->f.folder);
	assert_int_equal(mkdir(o->folder, 0700), 0);
	o->config = o->f.config;
	snprintf(o->config.state_dir, sizeof o->config.state_dir, "%s", o->folder);
	snprintf(o->f.store->path, sizeof o->f.store->path, "%s/siban.db", o->folder);
	fclose(fopen(o->f.store->path, "w"));
	struct connection *c = connection_open(o->f.store, CONNECTION_WRITE, &rc, &o->f.why);
	assert_non_null(c);
	FIXTURE_OK(&o->f, connection_wal(c, &o->f.why) && schema_migrate(c, list, count - 1, &version, &o->f.why));
	connection_close(c);
	o->schema = version;
}

static void backup_older(struct older *o, char folder[128], struct backup_manifest *m)
{
	struct backup_progress p = { 0 };
	snprintf(folder, 128, "%s/backup", o->f.folder);
	fail_clear(&o->f.why);
	struct store *s = store_open(&o->config, STORE_INSPECT, &o->f.why);
	assert_non_null(s);
	FIXTURE_OK(&o->f, backup_write(s, folder, &p, m, &o->f.why));
	store_close(s);
}

static int restore(struct older *o, char *folder, const char *to)
{
	static struct command_line l;
	char *words[] = { folder, NULL };
	l = (struct command_line){ .words = words, .word_count = 1, .to = to, .config = o->f.config };
	return command_restore(&l);
}

static void target(struct older *o, struct config *c)
{
	*c = o->f.config;
	snprintf(c->state_dir, sizeof c->state_dir, "%s/target", o->f.folder);
	assert_int_equal(mkdir(c->state_dir, 0700), 0);
	FIXTURE_OK(&o->f, keyring_open(c, true, &o->f.why));
	keyring_close();
}

static void an_older_one(void **state)
{
	(void)state;
	static struct older o;
	static struct config c;
	static struct backup_manifest m;
	char folder[128];
	make_older(&o);
	backup_older(&o, folder, &m);
	assert_int_equal(m.schema, o.schema);
	target(&o, &c);
	assert_int_equal(restore(&o, folder, c.state_dir), 0);
	struct store *s = store_open(&c, STORE_SERVE, &o.f.why);
	if (s == NULL)
		fail_msg("%s", o.f.why.log);
	assert_true(store_schema_version(s) > o.schema);
	store_close(s);
	fixture_drop(&o.f);
}

static void cut_off_before(void **state)
{
	(void)state;
	static struct older o;
	static struct config c;
	static struct backup_manifest m;
	char folder[128], path[1200];
	make_older(&o);
	backup_older(&o, folder, &m);
	target(&o, &c);
	snprintf(path, sizeof path, "%s/restoring", c.state_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	static const char *const leavings[] = { "restoring/siban.db", "restoring/siban.db-wal", "siban.db-wal" }; /* the last: between the two names it had */
	for (size_t i = 0; i < sizeof leavings / sizeof leavings[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", c.state_dir, leavings[i]);
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fputs("half of something", f);
		fclose(f);
	}
	assert_int_equal(restore(&o, folder, c.state_dir), 0);
	snprintf(path, sizeof path, "%s/restoring", c.state_dir);
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof path, "%s/siban.db-wal", c.state_dir);
	assert_int_not_equal(access(path, F_OK), 0);
	fixture_drop(&o.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(an_older_one), cmocka_unit_test(cut_off_before) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
