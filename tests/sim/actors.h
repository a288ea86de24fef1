/* tests/sim/actors.h - what people do (actors.c), and what they think of the answers (hearing.c). */
#ifndef SIM_ACTORS_H
#define SIM_ACTORS_H
#include "world.h"

enum asked_kind { ASK_POST, ASK_SHOW, ASK_EVENTS, ASK_LIST, ASK_LOOKUP, ASK_DEPARTMENT, ASK_STRANGER, ASK_FORGER };

struct inquiry { /* what asked_own points at */
	enum asked_kind kind;
	struct post *post;       /* ASK_POST */
	int person, department, ref;
	int count_then;          /* events of the case that had happened when it was asked */
	int parts_then;          /* and of its parts */
	int64_t commits_then;
	bool case_was_known;     /* by its number */
};

void actors_post(struct world *w);
void actors_ask(struct world *w);
void actors_repeat_unheard(struct world *w);
void actors_hang_up(struct world *w);
struct post *actors_post_of(const struct asked *a); /* NULL: it asks */
void actors_loop_turned(struct world *w, int loop);

void hearing_all(struct world *w);    /* judges every answer that has come, and forgets the question */
void hearing_forget(struct world *w); /* the questions of a process that has ended */
#endif
