/* store/committer.h - the WRITE lane: whoever has something to write submits a job, and hears when it counts.
 *
 * On SQLite (sqlite_committer.c) it is one thread, one transaction for all who wait, and it waits for nobody.
 * A batch: BEGIN IMMEDIATE, then for each job SAVEPOINT, apply, RELEASE (or ROLLBACK TO), then COMMIT with fdatasync, then the
 * commit number is published, caches learn what was touched, listeners hear the news, and only then each job's done() is called. A job that fails harms only itself. If
 * a statement sinks the whole batch (sqlite3_get_autocommit says so), every job is run again alone, once: apply is re-runnable. A COMMIT that fails with
 * an I/O error ends the process: after a failed fsync nobody knows what is on the disk, and whoever waits gets no answer rather than a wrong one.
 *
 * On PostgreSQL (pg_writers.c) it is `store.pool` threads, one transaction for each job. When two transactions met (serialization, deadlock) or the connection
 * broke before COMMIT was sent, the job is run again. A COMMIT whose answer was lost is asked about, and answered by that (pg_session.h). Jobs are
 * not in order there: who needs one after the other submits the second when the first is done.
 *
 * Some jobs are low: outcomes of what was done outside, purges. They come after everybody else, but a share of them always comes:
 * they are never starved, and never starve a request. Their queue has a bound of its own.
 * Deadlines are looked at before apply, never by interrupting a write.
 *
 * Thread: submit from any; apply and done run on a thread of the lane; done must only post a letter.
 * Owns:   the job stays the submitter's memory; between submit and done it is the lane's to touch. */
#ifndef STORE_COMMITTER_H
#define STORE_COMMITTER_H
#include "base/mailbox.h"
#include "store/store.h"

struct committer;

/* How a transaction sees those beside it, on PostgreSQL; on SQLite each is alone, whatever it says. What another breaks is run again, as everything is that met.
 *   READ_COMMITTED   each statement sees what was committed before it. What is read first and written by what was read holds by a constraint, an UPDATE of the
 *                    thing's own row, or tx_lock: the default, and cheapest for everybody
 *   REPEATABLE_READ  one moment for all statements; whoever writes a row that changed since is run again. Nothing is lost, but two may each read what
 *                    the other is about to change (write skew)
 *   SERIALIZABLE     as if one after the other, among those that say so: only they are run again, and only they keep the reads that it takes. Those that do
 *                    not say so are neither slowed nor seen: an invariant needs it on every route that writes what another reads for it */
enum isolation { ISOLATION_READ_COMMITTED, ISOLATION_REPEATABLE_READ, ISOLATION_SERIALIZABLE, ISOLATIONS };

struct commit_job {
	struct letter letter;
	bool (*apply)(struct commit_job *job, struct tx *tx, struct fail *why); /* may be called again */
	void (*done)(struct commit_job *job);  /* exactly once; committed says which way */
	int64_t deadline_mono_ms;              /* 0: none */
	enum isolation isolation;              /* 0 is what nearly all want */
	bool low;                              /* nobody waits at a screen for it */
	bool committed;
	struct fail why;                       /* valid when not committed */
	int64_t submitted_ns, began_ns;        /* for the lane's metrics */
};

struct committer *committer_start(struct store *s, const struct config *c, struct fail *why);
bool committer_submit(struct committer *c, struct commit_job *job); /* false: full or stopping; the job was not taken */
size_t committer_waiting(struct committer *c); /* the low ones are not counted */
void committer_stop(struct committer *c); /* drains what was taken, then joins and frees */

/* The body of SQLite's thread, for the simulator and unit tests: one batch of what waits. Returns jobs finished. */
struct committer *committer_make(struct store *s, const struct config *c, struct fail *why); /* without a thread */
size_t committer_step(struct committer *c);

/* Called after a COMMIT or a checkpoint's fsync failed in a way that leaves the disk unknown; the event store_stopped is written and flushed by then.
 * Ends the process with status 70. A test may put its own here; when that returns, the batch's jobs are never answered and the
 * committer takes no more. */
extern void (*store_stop_hook)(void);
#endif
