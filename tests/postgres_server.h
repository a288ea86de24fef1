/* tests/postgres_server.h - a real PostgreSQL on a socket of its own, and a fresh database of it for whoever asks.
 *
 * It refuses to run as root, so a root's test starts it as somebody without rights. What connects is the role "siban", which owns its databases and
 * nothing else, as it should be outside of tests; "postgres" is the superuser. A killed test takes the server along. */
#ifndef TESTS_POSTGRES_SERVER_H
#define TESTS_POSTGRES_SERVER_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	char folder[64], data[80], programs[128];
	pid_t pid;
	bool durable; /* set before the start: a COMMIT waits for the disk, as outside of tests */
	int databases;
} postgres_server;

/* ---- programs, and as whom they run ---- */

/* Debian keeps them beside the path, one folder per version. */
static inline void postgres_find(void)
{
	glob_t found;
	postgres_server.programs[0] = '\0';
	if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0) {
		snprintf(postgres_server.programs, sizeof postgres_server.programs, "%s/", found.gl_pathv[found.gl_pathc - 1]);
		globfree(&found);
	}
}

static inline struct passwd *postgres_user(void)
{
	struct passwd *user = getpwnam("postgres");
	return user != NULL ? user : getpwnam("nobody");
}

static inline void postgres_become(void)
{
	struct passwd *user = postgres_user();
	if (geteuid() == 0 && (user == NULL || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGQUIT); /* an immediate shutdown, which leaves no shared memory behind; after setuid, which clears it */
}

static inline pid_t postgres_spawn(const char *const words[])
{
	char program[192];
	snprintf(program, sizeof program, "%s%s", postgres_server.programs, words[0]);
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	postgres_become();
	char log[96];
	snprintf(log, sizeof log, "%s/postgres.log", postgres_server.folder);
	if (freopen("/dev/null", "r", stdin) == NULL || freopen(log, "a", stdout) == NULL || dup2(STDOUT_FILENO, STDERR_FILENO) < 0 || chdir("/") != 0)
		_exit(126);
	execvp(program, (char *const *)(uintptr_t)words);
	_exit(127);
}

static inline void postgres_show_log(const char *what)
{
	char command[128];
	snprintf(command, sizeof command, "tail -n 20 '%s/postgres.log' >&2", postgres_server.folder);
	if (system(command) != 0)
		perror(command);
	fail_msg("%s (the packages are in deploy/packages, group test)", what);
}

/* ---- connections ---- */

/* How `role` reaches `database`, as libpq reads it. */
static inline const char *postgres_url_as(const char *role, const char *database, char out[256])
{
	snprintf(out, 256, "postgresql:///%s?host=%s&user=%s", database, postgres_server.folder, role);
	return out;
}

static inline void postgres_notice(void *ctx, const PGresult *r)
{
	(void)ctx, (void)r; /* what a DROP … CASCADE took along */
}

static inline PGconn *postgres_connect(const char *role, const char *database)
{
	char url[256];
	PGconn *c = PQconnectdb(postgres_url_as(role, database, url));
	if (PQstatus(c) != CONNECTION_OK)
		fail_msg("%s: %s", url, PQerrorMessage(c));
	PQsetNoticeReceiver(c, postgres_notice, NULL);
	return c;
}

/* Runs SQL that must succeed. */
static inline void postgres_do(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	PQclear(r);
}

/* The same as superuser, in `database`, past the store. */
static inline void postgres_raw(const char *database, const char *sql)
{
	PGconn *c = postgres_connect("postgres", database);
	postgres_do(c, sql);
	PQfinish(c);
}

static inline int64_t postgres_number(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);
	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) < 1)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	int64_t n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	return n;
}

/* ---- a server's life ---- */

static inline void postgres_run(void)
{
	char host[96], durable[32];
	snprintf(host, sizeof host, "unix_socket_directories=%s", postgres_server.folder);
	snprintf(durable, sizeof durable, "fsync=%s", postgres_server.durable ? "on" : "off");
	const char *const words[] = { "postgres", "-D", postgres_server.data, "-c", "listen_addresses=", "-c", host, "-c", durable, "-c",
	                  postgres_server.durable ? "full_page_writes=on" : "full_page_writes=off", "-c", "max_connections=100", "-c", "recovery_init_sync_method=syncfs", "-c", "shared_buffers=32MB", "-c", "jit=off",
	                  NULL };
	postgres_server.pid = postgres_spawn(words);
	char url[256];
	postgres_url_as("postgres", "postgres", url);
	while (PQping(url) != PQPING_OK) { /* until it listens, or is gone */
		if (waitpid(postgres_server.pid, NULL, WNOHANG) != 0)
			postgres_show_log("postgres did not start");
		poll(NULL, 0, 5);
	}
}

/* Memory, when there is plenty of it: a cluster is a thousand files and more. One that waits for the disk has a disk. */
static inline const char *postgres_under(void)
{
	struct statvfs memory;
	bool plenty = statvfs("/dev/shm", &memory) == 0 && (uint64_t)memory.f_bavail * memory.f_frsize >= UINT64_C(1) << 30;
	return plenty && !postgres_server.durable ? "/dev/shm" : "/tmp";
}

static inline int postgres_server_start(void **state)
{
	(void)state;
	postgres_find();
	snprintf(postgres_server.folder, sizeof postgres_server.folder, "%s/siban-pg-XXXXXX", postgres_under());
	assert_non_null(mkdtemp(postgres_server.folder));
	struct passwd *user = postgres_user();
	if (geteuid() == 0)
		assert_true(user != NULL && chown(postgres_server.folder, user->pw_uid, user->pw_gid) == 0);
	snprintf(postgres_server.data, sizeof postgres_server.data, "%s/data", postgres_server.folder);
	const char *const words[] = { "initdb", "-D", postgres_server.data, "-k", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", NULL };
	int status;
	pid_t pid = postgres_spawn(words);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		postgres_show_log("initdb did not succeed");
	postgres_run();
	postgres_raw("postgres", "CREATE ROLE siban LOGIN");
	return 0;
}

/* SIGQUIT: at once, as after a crash. SIGINT: without waiting for those who are connected. */
static inline void postgres_server_end(int signal)
{
	kill(postgres_server.pid, signal);
	waitpid(postgres_server.pid, NULL, 0);
}

static inline void postgres_server_restart(int signal)
{
	postgres_server_end(signal);
	postgres_run();
}

/* Every process of it stands still, or goes on. */
static inline void postgres_server_freeze(bool still)
{
	char command[160];
	snprintf(command, sizeof command, "kill -%s %d $(cat /proc/%d/task/*/children)", still ? "STOP" : "CONT", (int)postgres_server.pid, (int)postgres_server.pid);
	assert_int_equal(system(command), 0);
}

static inline int postgres_server_stop(void **state)
{
	(void)state;
	char command[128];
	postgres_server_end(SIGQUIT);
	snprintf(command, sizeof command, "rm -rf '%s'", postgres_server.folder);
	return system(command);
}

/* A new database of siban's; template NULL: an empty one. Nobody may be connected to the template. */
static inline void postgres_database(const char *template, char name[32])
{
	char sql[256];
	snprintf(name, 32, "t%d", ++postgres_server.databases);
	snprintf(sql, sizeof sql, "CREATE DATABASE %s OWNER siban TEMPLATE %s", name, template != NULL ? template : "template0");
	postgres_raw("postgres", sql);
}
#endif
