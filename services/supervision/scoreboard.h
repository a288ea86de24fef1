/* services/supervision/scoreboard.h - what departments and counties are measured by (效能排名、晒成绩单): for a span of days, how many of each clock were stopped and how many of those in time; how
 * often papers were asked for, and what beside the guide; trips to the hall beside what was promised; how people were served; what became of tickets and of poor ratings.
 *
 * Counted from clock_event, case_tally, rating and voice_event alone: all are facts, so whoever has the feeds counts the same. A page is some departments by their row ids, read by an
 * index. All pages of one look count up to the same fact, the look's generation: what happens meanwhile is in none of them.
 * Thread: whoever holds the transaction. */
#ifndef SERVICES_SCOREBOARD_H
#define SERVICES_SCOREBOARD_H
#include "base/json.h"
#include "base/request.h"
#include "services/cases/case_clock.h"

enum { BOARD_DEPARTMENTS = 8 /* a page at most */, BOARD_LINES_MAX = 220 };

struct board_kept {
	int64_t in_time, late, days_taken;
};
/* One department in one place. */
struct board_line {
	int64_t department, region;
	struct str name, code;
	struct board_kept clocks[CLOCK_KINDS];   /* by enum clock_kind */
	int64_t tallies[8];                      /* how often, by enum tally_what */
	int64_t ended_within, trips_of_ended;
	int64_t levels[6];                       /* ratings, by level */
	struct board_kept answers;               /* tickets and work orders that were answered, and when that was due */
	int64_t received, urged, satisfied, dissatisfied, marked_wrong;
};

struct board_look {
	int32_t from, to;
	int64_t root;            /* whose region; 0 everywhere */
	int64_t after;           /* department */
	int64_t generation;      /* 0: the newest, which is filled in */
	int64_t least;           /* of a ranking: whoever has fewer is not in it */
};
struct board {
	int count;
	bool more;
	int64_t last;            /* department: where the next page goes on */
	struct board_line lines[BOARD_LINES_MAX];
};
/* Fails: CURSOR a generation that is not yet. */
MUST_USE bool board_read(struct tx *tx, struct board_look *l, struct arena *a, struct board *out, struct fail *why);

/* Each department once, wherever it works. */
void board_by_department(struct board *b);

enum board_measure { BOARD_BY_NOTHING, BOARD_BY_SATISFACTION, BOARD_BY_IN_TIME };
enum board_measure board_measure_from(struct str text);

struct board_rank {
	int64_t department, count, good, share; /* hundredths of a percent */
	struct str name, code;
};
/* Best first, behind (share, department); share -1: from the top. */
MUST_USE bool board_ranking(struct tx *tx, struct board_look *l, enum board_measure by, int64_t share, struct arena *a, struct board_rank *out, int most, int *count, struct fail *why);
#endif
