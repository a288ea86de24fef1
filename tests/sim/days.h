/* tests/sim/days.h - a hall's days from a seed: visits, queues, cases, drafts, ratings and tickets by the real handlers, and a model that says in words what each deed must be answered.
 *
 * The model is written from the promises, not from the code: it calls none of it and shares no table with it. It says whether a deed is taken; when it is not, each reason that holds
 * is a right answer. After each deed what it touched is compared, and now and then everything.
 * One thread, one deed at a time (who races whom is tests/flow/booking_race.test.mjs); on SQLite in memory, or on a PostgreSQL of the test's.
 * Thread: one. Owns: its store and its folder. */
#ifndef SIM_DAYS_H
#define SIM_DAYS_H
#include "base/ids.h"
#include "base/request.h"
#include "rng.h"
#include "store/store.h"
#include <stdio.h>

enum { D_PERSONS = 8, D_GROUPS = 2, D_MATTERS = 3, D_SLOTS_A_DAY = 3, D_PEOPLE_MAX = 3, D_SEATS_MAX = 8, D_MANY = 60000, D_TEXT = 40, D_WRONG = 400, D_HORIZON = 5, D_DEPARTMENTS = 2 };
#define D_BEGIN_MS INT64_C(1795388400000) /* 2026-11-23T07:00:00+08:00, a Monday */
#define D_HOUR INT64_C(3600000)
#define D_DAY (24 * D_HOUR)

/* ---- what the model remembers ---- */

struct d_seat {
	int group, day, slot;         /* day since 1970, slot of the day */
};
struct d_visit {
	char id[D_TEXT];
	int person, group, people, moves, matter_count, matters[2], seat_count;
	struct d_seat seats[D_SEATS_MAX];
	int64_t starts, ends, held_until, row; /* row: of the database */
	const char *state;            /* held, booked, cancelled, attended, missed; expired is held whose time is over */
	bool is_excused;              /* missed, and a clerk knows why */
};
struct d_wait {
	char id[D_TEXT];
	int person, matter, people, visit; /* visit -1: none offered */
	int64_t from, to;
	const char *state;            /* waiting, offered, taken, left, over */
};
struct d_number {
	char id[D_TEXT];
	int group, day, rank, calls, skips, visit; /* visit -1: came without; rank: 1 priority, 2 booked, 3 walk-in, 4 came back */
	const char *state;            /* waiting, called, done, skipped */
};
struct d_case {
	char ref[D_TEXT], number[D_TEXT];
	int person, department, seq, level; /* level 0: not rated */
	bool applied;                 /* here */
	bool has_file;                /* handed in with it: what may follow is there */
	bool file_awaited;            /* it was accepted without, or for another */
	int64_t over_at;              /* when it was over first; 0: it is not */
	bool is_settled, is_invited;  /* a day later: he was asked to rate it, or had */
	const char *state;
};
struct d_draft {
	char id[D_TEXT];
	int person, edition, answer, case_index; /* answer 0: none yet; case_index -1: a draft */
	bool is_gone, has_file, has_new_file; /* new: since it was last handed in */
};
struct d_voice {
	char number[D_TEXT];
	int person, department, calls, answered_on, case_index; /* department 0: nobody's */
	const char *kind, *state;
	bool is_complex, reopened;
};

struct days {
	struct store *store;
	struct connection *eye;
	struct config *config;
	char folder[80];
	struct rng rng;
	int64_t now;
	int made_for_day;             /* slots are made */
	struct request r;

	struct d_visit visits[D_MANY];
	int visit_count, visits_from; /* those before are of days gone by, and nothing happens to them any more */
	struct d_wait waits[D_MANY];
	int wait_count, waits_from;
	struct d_number numbers[D_MANY];
	int number_count, numbers_from;
	struct d_case cases[D_MANY];
	int case_count;
	struct d_draft drafts[D_MANY];
	int draft_count;
	struct d_voice voices[D_MANY];
	int voice_count;

	int64_t steps, taken, refused;
	FILE *print;                  /* NULL: say nothing */
	char wrong[D_WRONG];          /* the first thing that was not as it must be */
};

/* ---- the model: pure ---- */

/* Reasons that hold against a deed; taken is none. */
struct reasons {
	int count;
	const char *slugs[16];
};
void reason(struct reasons *r, const char *slug);
bool reasons_have(const struct reasons *r, const char *slug);

bool d_is_workday(int day);
int d_last_day(int today);            /* that may be booked */
int64_t d_slot_starts(int day, int slot);
int d_group_of(int matter);
int d_department_of(int matter);
int64_t d_notice(int group);
bool d_is_live_hold(const struct d_visit *v, int64_t now);
int d_free(const struct days *d, const struct d_seat *s, const struct d_visit *without); /* seats that nobody has */
/* Fills seats, group, starts and ends of v (people and matters are there). false: it cannot be then. */
bool d_plan(const struct days *d, struct d_visit *v, int64_t starts, const struct d_visit *without);
struct reasons d_may_hold(const struct days *d, struct d_visit *v, int64_t starts);
struct reasons d_may_move(const struct days *d, const struct d_visit *v, int64_t starts, struct d_visit *moved);
const char *d_case_after(const char *state, const char *event); /* NULL: it may not */
const char *d_case_event(int n);      /* NULL: there are no more */
bool d_case_is_over(const char *state);
bool d_voice_allows(const char *state, const char *event);
const char *d_voice_after(const struct d_voice *v, const char *event);

/* ---- asking ---- */

MUST_USE bool days_open(struct days *d, const char *url); /* NULL: SQLite; false: d->wrong says why */
void days_close(struct days *d);
struct request *days_ask(struct days *d, const char *target, const char *param, const char *body);
void days_as_citizen(struct days *d, int person);
void days_as_department(struct days *d, int department);
void days_as_staff(struct days *d, int which);
enum { D_CLERK, D_HOTLINE, D_SUPERVISOR, D_STAFF };
/* Through all its stages. NULL: it was taken; else the problem's slug. */
const char *days_do(struct days *d, const struct handler *h);
void days_jobs(struct days *d);
void days_expire(struct days *d);     /* the one of them that gives overdue holds back */
int64_t days_number(struct days *d, const char *sql, int64_t a, int64_t b); /* $1 and $2; -1: no row */
int64_t days_row_of(struct days *d, const char *sql, const char *text);

void days_note(struct days *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void days_wrong(struct days *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void days_judge(struct days *d, const char *what, const struct reasons *must, const char *said);

/* ---- living ---- */

bool days_live(struct days *d, uint64_t seed, int64_t steps); /* true: all was as it must be */
void days_check_all(struct days *d);
void days_check_visit(struct days *d, const struct d_visit *v);
void days_check_voice(struct days *d, const struct d_voice *v);
#endif
