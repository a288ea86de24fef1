/* tests/sim/machine.h - one siban process on one thread: what gateway.c starts with threads and sockets is made and stepped here.
 *
 * The database lies on the memory file system; the folder is a real one, for the keys and the lock. A machine that died is taken apart by the
 * ordinary way down, on a disk that is no longer its own: so nothing it still does is seen by anybody.
 * Time: a clock of its own, which only machine_pass moves.
 * Thread: one machine per process. */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H
#include "gateway/gateway.h"
#include "ram_vfs.h"

enum { MACHINE_LOOPS = 2 };

struct machine {
	struct config config;
	struct gateway gateway;
	struct loop loops[MACHINE_LOOPS];
	struct notifier *notifier;
	struct transport *transport; /* the world outside; before the first start */
	struct connection *eye;      /* for whoever checks what is written */
	bool is_up;
	bool must_stop;              /* store_stop_hook was called: the process would have ended itself */
	char folder[64];
	int64_t wall_ms, mono_ns;
};

/* Once: folder, keys, clock. */
void machine_begin(struct machine *m);
void machine_end(struct machine *m);
void machine_clock(struct machine *m, int64_t wall_ms);
void machine_pass(struct machine *m, int64_t ns);

MUST_USE bool machine_migrate(struct machine *m, struct fail *why); /* a new database on the memory file system */
MUST_USE bool machine_start(struct machine *m, struct fail *why);
void machine_stop(struct machine *m);                               /* nobody is served any more; an orderly end, or what is left after ram_vfs_crash */
#endif
