/* tests/sim/world.c - a life: steps, crashes and returns. */
#include "actors.h"

#include "gateway/requests/task.h"
#include "providers.h"
#include "store/checkpointer.h"
#include "store/committer.h"
#include "store/sqlite.h"
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

enum { TURNS_TO_REST = 400, STARTS_MAX = 6, MINUTE_MS = 60000 };
#define HOUR_MS INT64_C(3600000)

/* ---- the trace ---- */

static void trace_mix(struct world *w, const void *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		w->trace ^= ((const uint8_t *)at)[i];
		w->trace *= UINT64_C(0x100000001b3); /* FNV-1a */
	}
}

void world_note(struct world *w, const char *format, ...)
{
	char line[1024];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	trace_mix(w, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
	if (w->print != NULL)
		fprintf(w->print, "%5lld  %s\n", (long long)w->counts.steps, line);
}

void world_wrong(struct world *w, const char *format, ...)
{
	if (w->wrong[0] != '\0')
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(w->wrong, sizeof w->wrong, format, args);
	va_end(args);
	world_note(w, "WRONG: %s", w->wrong);
}

/* ---- the committer ---- */

static bool is_excuse(enum fail_code code)
{
	return code == FAIL_STORE || code == FAIL_STORE_FULL || code == FAIL_DEADLINE || code == FAIL_BUSY;
}

static bool is_late(const struct world *w, const struct post *p)
{
	return w->machine.mono_ns / 1000000 - p->asked_mono_ms >= w->machine.config.request_ms;
}

/* The committer has ended this post: what must its department be told? */
static void settle(struct world *w, struct post *p, enum fail_code code, bool is_replayed)
{
	p->is_settled = true;
	p->is_replayed = is_replayed;
	if (is_excuse(code)) {
		if (!(w->fault_is_armed || (code == FAIL_DEADLINE && is_late(w, p))))
			world_wrong(w, "key %d was refused with %s, and nothing was broken", p->key, fail_row(code)->slug);
		p->ruling = (struct ruling){ .status = fail_row(code)->http, .code = fail_row(code)->slug, .refused_id = -1 };
		return;
	}
	p->ruling = model_post(&w->model, p->key, p->deed, p->now_ms, is_replayed || code == FAIL_KEY_REUSED);
	const char *said = code == FAIL_NONE ? NULL : fail_row(code)->slug;
	if ((said == NULL) != (p->ruling.code == NULL) || (said != NULL && strcmp(said, p->ruling.code) != 0))
		world_wrong(w, "key %d: siban says %s, it must be %s", p->key, said != NULL ? said : "yes", p->ruling.code != NULL ? p->ruling.code : "yes");
	if (p->ruling.code == NULL)
		w->last_taken = p->deed;
	w->counts.applied += p->ruling.code == NULL && !is_replayed;
	w->counts.replays += is_replayed;
}

static void nobody_knows(struct world *w, struct post *p)
{
	p->was_late = is_late(w, p);
	w->unknown[w->unknown_count++] = p;
}

static void step_committer(struct world *w)
{
	size_t n = committer_step(w->machine.gateway.committer);
	if (n == 0)
		return;
	world_note(w, "committer ends %zu", n);
	bool is_dead = ram_vfs_is_dead();
	const struct deed *last = NULL;
	for (size_t i = 0; i < n && door_first_began(); i++) { /* the notifier's come behind them */
		bool is_replayed;
		struct asked *a = door_first_write();
		struct post *p = actors_post_of(a);
		enum fail_code code = door_write_ended(a, &is_replayed);
		if (is_dead) /* what it says is heard by nobody: the next process will see what is so */
			nobody_knows(w, p);
		else
			settle(w, p, code, is_replayed);
		last = p->deed;
	}
	if (!is_dead && !w->machine.must_stop) {
		w->commits++;
		if (!w->fault_is_armed && last != NULL)
			checks_case(w, last->department, last->ref);
	}
}

/* ---- the end of a process, and the next ---- */

/* Of those that were under way, a beginning may have been committed, and nothing but a beginning. */
static void find_out(struct world *w)
{
	const struct post *lost = NULL;
	for (int i = 0; i < w->unknown_count; i++) {
		struct post *p = w->unknown[i];
		bool is_sure;
		if (!model_would_keep(&w->model, p->key, p->deed, p->now_ms, &is_sure))
			continue; /* it leaves no trace, or has left it before */
		if (checks_outcomes(w, p->deed->department, p->key) == model_kept_times(&w->model, p->deed->department, p->key)) {
			if (lost == NULL && is_sure && !p->was_late && !w->fault_is_armed)
				lost = p;
			continue;
		}
		if (lost != NULL)
			world_wrong(w, "key %d was lost and key %d, which came later, was not", lost->key, p->key);
		world_note(w, "key %d had been committed", p->key);
		(void)model_post(&w->model, p->key, p->deed, p->now_ms, false);
	}
	w->unknown_count = 0;
}

static void start_again(struct world *w)
{
	struct fail why;
	for (int tries = 0;; tries++) {
		assert(tries < STARTS_MAX);
		bool may_fail = tries < 2 && rng_percent(&w->rng, 15);
		if (may_fail)
			ram_vfs_die(1 + rng_below(&w->rng, 30)); /* in the middle of the recovery */
		fail_clear(&why);
		if (machine_start(&w->machine, &why) && !ram_vfs_is_dead())
			break;
		world_note(w, "start failed: %s", fail_row(why.code)->name);
		if (!may_fail) {
			world_wrong(w, "does not start any more: %s", why.log);
			return;
		}
		ram_vfs_crash(rng_percent(&w->rng, 50) ? RAM_POWER_LOST : RAM_KILLED);
		machine_stop(&w->machine);
	}
	ram_vfs_die(0);
	office_find_out(w);
	find_out(w);
	w->fault_is_armed = false;
	checks_all(w);
	if (rng_percent(&w->rng, 20))
		checks_whole(w);
}

static void crash(struct world *w, enum ram_end how)
{
	world_note(w, "%s", how == RAM_KILLED ? "killed" : "power lost");
	w->counts.crashes++;
	for (struct asked *a = door_first_write(); a != NULL; a = door_next_write(a))
		nobody_knows(w, actors_post_of(a));
	ram_vfs_crash(how);
	providers_lose_caller(&w->rng);
	machine_stop(&w->machine);
	hearing_forget(w);
	if (rng_percent(&w->rng, 30))
		machine_pass(&w->machine, rng_below(&w->rng, 3600) * INT64_C(1000000000));
	start_again(w);
}

/* Everybody who came is served. */
static void come_to_rest(struct world *w)
{
	for (int turn = 0; turn < TURNS_TO_REST && w->wrong[0] == '\0' && !ram_vfs_is_dead() && !w->machine.must_stop; turn++) {
		step_committer(w);
		while (lanes_step(w->machine.gateway.lanes, LANE_READ) || lanes_step(w->machine.gateway.lanes, LANE_CPU))
			;
		for (int i = 0; i < MACHINE_LOOPS; i++) {
			door_turn(&w->machine.loops[i]);
			loop_turn_end(&w->machine.loops[i]);
			actors_loop_turned(w, i);
		}
		hearing_all(w);
		if (w->asked_count == 0)
			return;
	}
	if (w->wrong[0] == '\0' && !ram_vfs_is_dead() && !w->machine.must_stop)
		world_wrong(w, "%d questions are never answered", w->asked_count);
}

static void restart(struct world *w)
{
	world_note(w, "restart");
	w->counts.restarts++;
	come_to_rest(w);
	if (w->wrong[0] != '\0' || ram_vfs_is_dead() || w->machine.must_stop)
		return;
	providers_lose_caller(&w->rng);
	machine_stop(&w->machine);
	hearing_forget(w);
	ram_vfs_crash(RAM_KILLED); /* it may have died on its last steps; either way it is gone, and so is what was broken */
	start_again(w);
}

/* ---- what else may happen ---- */

static void pass_time(struct world *w)
{
	static const int64_t ms[] = { 1, 40, 700, 5000, 11000, MINUTE_MS, HOUR_MS, 20 * HOUR_MS, 50 * HOUR_MS };
	int64_t wanted = ms[rng_below(&w->rng, rng_percent(&w->rng, 90) ? 6 : 9)];
	world_note(w, "%lld ms go by", (long long)wanted);
	machine_pass(&w->machine, wanted * 1000000);
	if (rng_percent(&w->rng, 5))
		w->machine.wall_ms -= rng_below(&w->rng, 3) * MINUTE_MS; /* the clock is set right */
	for (int i = 0; i < MACHINE_LOOPS && wanted >= MINUTE_MS; i++)
		loop_turn_end(&w->machine.loops[i]); /* no turn is so long */
}

static void arm_fault(struct world *w)
{
	static const struct { enum ram_op op; int rc; const char *words; } faults[] = {
		{ RAM_WRITE, SQLITE_IOERR_WRITE, "a write fails" },
		{ RAM_WRITE, SQLITE_FULL, "the disk is full" },
		{ RAM_SYNC, SQLITE_IOERR_FSYNC, "a sync fails" },
		{ RAM_READ, SQLITE_IOERR_READ, "a read fails" },
	};
	int which = rng_below(&w->rng, sizeof faults / sizeof faults[0]), nth = 1 + rng_below(&w->rng, 12);
	world_note(w, "soon %s (%d)", faults[which].words, nth);
	w->counts.faults++;
	w->fault_is_armed = true;
	ram_vfs_fail(faults[which].op, nth, faults[which].rc, 1 + rng_below(&w->rng, 3));
}

static void mend(struct world *w)
{
	if (!w->fault_is_armed)
		return;
	world_note(w, "mended");
	for (int op = 0; op < RAM_OPS; op++)
		ram_vfs_fail((enum ram_op)op, 1, 0, 0);
	come_to_rest(w); /* those refused meanwhile have their excuse */
	w->fault_is_armed = false;
}

static void step_loop(struct world *w)
{
	int i = rng_below(&w->rng, MACHINE_LOOPS);
	door_turn(&w->machine.loops[i]);
	actors_loop_turned(w, i);
}

static void end_turn(struct world *w)
{
	loop_turn_end(&w->machine.loops[rng_below(&w->rng, MACHINE_LOOPS)]);
}

static void step_lanes(struct world *w)
{
	lanes_step(w->machine.gateway.lanes, rng_percent(&w->rng, 80) ? LANE_READ : LANE_CPU);
}

static void step_checkpointer(struct world *w)
{
	if (checkpointer_step(w->machine.gateway.checkpointer))
		world_note(w, "checkpoint");
}

static void soon_dies(struct world *w)
{
	int nth = 1 + rng_below(&w->rng, 25);
	world_note(w, "dies at write %d", nth);
	w->counts.deaths++;
	ram_vfs_die(nth);
}

static void kill_it(struct world *w)
{
	crash(w, RAM_KILLED);
}

static void lose_power(struct world *w)
{
	crash(w, RAM_POWER_LOST);
}

/* What may come next, and how often of a thousand. */
static const struct {
	int share;
	void (*step)(struct world *w);
} shares[] = {
	{ 210, actors_post }, { 88, actors_ask }, { 30, actors_repeat_unheard }, { 30, actors_hang_up }, { 174, step_committer }, { 90, step_lanes },
	{ 138, step_loop }, { 40, end_turn }, { 15, step_checkpointer }, { 10, sealing_step }, { 16, errands_make },
	{ 78, errands_step }, { 16, office_night }, { 16, office_jobs }, { 4, office_declare }, { 25, pass_time }, { 3, kill_it }, { 3, lose_power }, { 4, soon_dies }, { 4, arm_fault }, { 4, mend }, { 2, restart },
};

static void step(struct world *w)
{
	int which = 0;
	for (int at = rng_below(&w->rng, 1000); at >= shares[which].share; which++)
		at -= shares[which].share;
	shares[which].step(w);
	machine_pass(&w->machine, (1 + rng_below(&w->rng, 3000)) * INT64_C(1000));
	if (w->wrong[0] == '\0' && (ram_vfs_is_dead() || w->machine.must_stop))
		crash(w, rng_percent(&w->rng, 60) ? RAM_KILLED : RAM_POWER_LOST);
	if (w->wrong[0] == '\0')
		hearing_all(w);
}

/* ---- a life ---- */

static void pass(void *machine, int64_t ns)
{
	machine_pass(machine, ns);
}

static void begin_life(struct world *w, uint64_t seed)
{
	ram_vfs_reset(seed);
	ram_vfs_load(w->founded);
	ram_vfs_lie(w->disk_lies);
	machine_clock(&w->machine, WORLD_BEGIN_MS + MINUTE_MS);
	w->rng.state = seed;
	if (rng_percent(&w->rng, 30))
		ram_vfs_slow((1 + rng_below(&w->rng, 40)) * INT64_C(1000000), pass, &w->machine); /* a tired disk */
	w->trace = UINT64_C(0xcbf29ce484222325);
	w->wrong[0] = '\0';
	w->deed_count = w->post_count = w->key_count = w->unknown_count = 0;
	w->commits = 0;
	w->last_taken = NULL;
	w->fault_is_armed = w->almanac_is_unsure = false;
	w->telling_day = 0;
	w->noted = (struct seal){ 0 };
	errands_begin_life(w);
	w->counts = (struct world_counts){ 0 };
	model_clear(&w->model, w->machine.config.outcome_hours);
	world_must_start(w);
}

static void end_in_peace(struct world *w)
{
	mend(w);
	come_to_rest(w);
}

static void end_life(struct world *w)
{
	while (w->wrong[0] == '\0' && (ram_vfs_is_dead() || w->machine.must_stop || w->asked_count > 0)) {
		if (ram_vfs_is_dead() || w->machine.must_stop)
			crash(w, RAM_KILLED);
		else
			end_in_peace(w);
	}
	if (w->wrong[0] == '\0') {
		ram_vfs_die(0); /* from now on all is well */
		mend(w);
		errands_end(w);
	}
	if (w->wrong[0] == '\0') {
		checks_all(w);
		checks_whole(w);
	}
	providers_lose_caller(&w->rng);
	ram_vfs_crash(RAM_KILLED);
	machine_stop(&w->machine);
	hearing_forget(w);
	for (int i = 0; i < MODEL_DEEDS; i++) {
		free(w->told[i]);
		w->told[i] = NULL;
	}
}

bool world_live(struct world *w, uint64_t seed, int steps)
{
	begin_life(w, seed);
	for (w->counts.steps = 1; w->counts.steps <= steps && w->wrong[0] == '\0'; w->counts.steps++)
		step(w);
	if (w->wrong[0] == '\0')
		actors_repeat_unheard(w);
	end_life(w);
	office_count(w);
	return w->wrong[0] == '\0';
}
