/* tests/sim/world.h - a life of siban from a seed: departments, citizens, crashes, and what must be so after every step.
 *
 * The same seed and number of steps is the same life to the last byte of every answer; its trace is a hash over all of them.
 * Thread: one; one world per process. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H
#include "door.h"
#include "machine.h"
#include "model.h"
#include "notify/effect.h"
#include "store/seal_check.h"
#include <stdio.h>

#define WORLD_BEGIN_MS INT64_C(1795420800000) /* 2026-11-23T16:00:00+08:00 */
enum { WORLD_ASKED_MAX = 64, WORLD_POSTS_MAX = MODEL_DEEDS, WORLD_WRONG_BYTES = 512, WORLD_TOKEN_BYTES = 64, WORLD_MADE_MAX = 60, WORLD_SUBJECT = 16 };

/* A department's attempt to tell of a deed. */
struct post {
	const struct deed *deed;
	int key, loop;
	int64_t now_ms;               /* stamped on it */
	int64_t asked_mono_ms;
	bool is_second;               /* another with its key was under way when it was sent */
	bool is_home;                 /* siban is done with it */
	bool is_settled;              /* the committer has said how it ends; `ruling` is what must be answered */
	bool is_replayed, is_heard;
	struct ruling ruling;
	bool was_late;                /* its deadline had gone by when the process ended */
};

/* A deed outside, as siban was told to do it. */
struct made {
	int64_t id;
	struct id key;
	char text[EFFECT_KEY_BYTES], subject[WORLD_SUBJECT];
	uint8_t random[16];
	int wish;
	bool is_unsure;               /* the process ended in its COMMIT */
	bool is_gone;
};

struct world {
	struct machine machine;
	struct rng rng;
	struct model model;
	struct deed deeds[MODEL_DEEDS];
	int deed_count;
	struct post posts[WORLD_POSTS_MAX];
	int post_count, key_count;
	char *told[MODEL_DEEDS];      /* the first answer, by kept key */
	struct asked *asked[WORLD_ASKED_MAX];
	int asked_count;
	struct post *unknown[WORLD_POSTS_MAX]; /* under way when the process ended, in the committer's order */
	int unknown_count;
	const struct deed *last_taken;
	int64_t commits;              /* steps of the committer that ended something */
	bool disk_lies;               /* for the test of the tests: a sync is no sync */
	bool fault_is_armed;          /* siban may say that it cannot */
	struct almanac almanac_attempted; /* what was being ordered when the process ended; */
	bool almanac_is_unsure;       /* whether it was */
	int telling_day;              /* lights of this day were being told; 0: none are */
	struct made made[WORLD_MADE_MAX];
	int made_count;
	struct seal noted;            /* the last head the sealer said was kept */
	char department_token[MODEL_DEPARTMENTS][WORLD_TOKEN_BYTES], person_token[MODEL_PERSONS][WORLD_TOKEN_BYTES];
	struct ram_image *founded;    /* the database with which every life begins */

	uint64_t trace;
	FILE *print;                  /* NULL: say nothing */
	char wrong[WORLD_WRONG_BYTES]; /* the first thing that was not as it must be; "": none */
	struct world_counts {
		int64_t steps, posts, applied, replays, reads, crashes, deaths, faults, restarts, calls, lights, kept, broken;
	} counts;
};

void world_begin(struct world *w);    /* founding.c */
void world_end(struct world *w);
void world_must_start(struct world *w);
/* One life. true: all was as it must be. */
bool world_live(struct world *w, uint64_t seed, int steps);

/* Into the trace, and onto the page when there is one. */
void world_note(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_wrong(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* errands.c */
void errands_begin_life(struct world *w);
void errands_make(struct world *w);
void errands_step(struct world *w);
void errands_end(struct world *w);    /* all is well from now on: everything ends, or is shown */
void errands_check(struct world *w, struct tx *tx);

/* inbox.c */
void inbox_check_case(struct world *w, struct tx *tx, const struct known_case *c, int64_t id);
void inbox_check(struct world *w, struct tx *tx);

/* sealing.c */
void sealing_step(struct world *w);
void sealing_check(struct world *w, struct tx *tx); /* the chain is whole, goes on from what was noted, and every record has its fact */

/* office.c */
void office_night(struct world *w);
void office_jobs(struct world *w);    /* limits made anew, lights told, and every clock held against the model */
void office_declare(struct world *w); /* an outage, a day on which the place is closed, next year's notice */
void office_find_out(struct world *w); /* by the next process */
void office_check_case(struct world *w, struct tx *tx, struct known_case *c, int64_t id);
void office_check(struct world *w, struct tx *tx); /* the scoreboard */
void office_count(struct world *w);   /* into the counts of this life: what was told of its limits */

/* checks.c: what is written */
void checks_case(struct world *w, int department, int ref); /* after a commit that was about it */
void checks_all(struct world *w);     /* every row */
void checks_whole(struct world *w);   /* integrity, foreign keys */
int checks_outcomes(struct world *w, int department, int key); /* how many the database keeps under this key */
#endif
