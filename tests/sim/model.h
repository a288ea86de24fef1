/* tests/sim/model.h - what departments and citizens were promised about cases, once more and in other words.
 *
 * Written from the meaning of the states and from the contract, not from the code: it calls none of it. It is given the same deeds in the same
 * order and says what each must be answered; where it and siban differ, one of the two is wrong.
 * Thread: none. Owns: its rows; deeds are the caller's and stay. */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H
#include "timing.h"

/* One matter is handled by two departments: case MODEL_WHOLE of department 0 is the whole, case MODEL_WHOLE of department 1 its part "land", and case MODEL_PLAN of
 * department 0 its part "plan", which comes after that. */
enum { MODEL_WHOLE = 4, MODEL_PLAN = 3 };
enum { MODEL_DEPARTMENTS = 2, MODEL_PERSONS = 3, MODEL_REFS = 5, MODEL_SEQS = 40, MODEL_DEEDS = 600, MODEL_TEXT = 32, MODEL_CASE_NO = 26,
       MODEL_ENDING_EVENTS = 16 /* from this one on, events mostly end a case */ };

/* What a department says happened. */
struct deed {
	int department, ref;          /* whose, and which of its cases */
	int id;                       /* of the event: two deeds with one id and other content are a mistake to be refused */
	int seq, event;               /* model_event_name */
	int note;                     /* 0: none */
	int64_t occurred_ms;
	int person;                   /* who applied; of an opening deed (seq 1) */
	bool foreign_matter;          /* an opening that names another department's matter */
	bool whole_is_named;          /* the opening of a part, by a department that has heard the number of the whole */
};

struct happened {
	const struct deed *deed;
	const char *state;            /* after it */
	int64_t received_ms;
	int order;                    /* among all that happened */
};

struct waiting {
	const struct deed *deed;
	const char *refused_in;       /* NULL: it waits for its turn */
	int64_t received_ms;
};

struct known_case {
	const char *state;            /* "nothing": not opened */
	int person;
	int64_t opened_ms, updated_ms;
	int count;                    /* seqs 1 .. count have happened */
	struct happened happened[MODEL_SEQS + 1]; /* by seq */
	int waiting_count;
	struct waiting waiting[MODEL_DEEDS / 4];
	char case_no[MODEL_CASE_NO];  /* "": nobody has been told yet */
	struct timing timing;
};

/* What the department must be told. */
struct ruling {
	int status;
	const char *code;             /* of the problem; NULL: it was taken */
	const char *result;           /* applied, repeated, held */
	const char *state;
	int seq, next_seq, released_from, released_to, refused_id; /* refused_id -1: none */
	int department, ref;
};

struct kept {
	int department, key;
	const struct deed *deed;
	struct ruling ruling;
	int64_t made_ms;
};

struct model {
	struct known_case cases[MODEL_DEPARTMENTS][MODEL_REFS];
	struct kept kept[MODEL_DEEDS];
	int kept_count, order;
	int64_t keep_hours;
	struct almanac almanac;
};

void model_clear(struct model *m, int64_t keep_hours);
/* A deed comes under a key. After the promised time siban may have forgotten the key or not: `key_is_known` is what it says about that. */
struct ruling model_post(struct model *m, int key, const struct deed *d, int64_t now_ms, bool key_is_known);
/* Would it be taken, and its answer be kept? *is_sure false: only if the key was forgotten. */
bool model_would_keep(const struct model *m, int key, const struct deed *d, int64_t now_ms, bool *is_sure);
const struct kept *model_kept(const struct model *m, int department, int key); /* the last */
int model_kept_times(const struct model *m, int department, int key);

bool model_is_whole(int department, int ref);
const char *model_part(int department, int ref); /* what the guide calls this part; NULL: it is none */
int model_extension(const struct deed *d);       /* by how many days; 0: it extends nothing */

int model_event_count(void);
const char *model_event_name(int event);
int model_event_leading_on(const char *state, unsigned chance); /* some event that is allowed there; -1: it is the end */
const char *model_status(const char *state);                    /* what the public is shown */
#endif
