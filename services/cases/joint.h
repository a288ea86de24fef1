/* services/cases/joint.h - one application, handled by several departments (联合办理).
 *
 * The guide of such a matter names parts (环节): which department, how many working days, and which parts must be decided before. Its cases are wholes: the lead
 * department (牵头部门), whose matter it is, opens one and sends its events. Each part is a case of its own department, with its own case_ref, seq and clocks,
 * and bears the number of the whole.
 *
 *   a part begins        while the whole is accepted and not decided, and when all that it needs are decided (串联; one that needs none: 并联)
 *   the whole is decided when every part is; a part that was refused or ended is decided, and what follows from it the lead decides
 *   the whole ends early then no part's clock runs on, and its department can only end it too
 *
 * A part's clocks are its own: what the lead pauses stops no part, and what a part pauses does not stop the whole.
 * Whatever is asked or changed of one joint case waits for its lock (joint_join), so what is read here holds until the transaction ends.
 * Thread: whoever holds the transaction; the write lane for what changes something.
 * Source: 行政许可法 26 and 42 (统一办理、联合办理、集中办理); design notes C2. */
#ifndef SERVICES_JOINT_H
#define SERVICES_JOINT_H
#include "base/request.h"
#include "services/cases/case_clock.h"
#include "services/cases/case_journal.h"

enum { PARTS_MAX = 16, PART_CODE_MAX = 32, PART_NAME_MAX = 60 };

/* A part as it stands. Texts are in the arena it was read into. */
struct part {
	int64_t n;
	uint32_t needs;            /* bit n: part n */
	struct str code, name, department;
	int64_t case_id;           /* 0: it has not begun */
	enum case_state state;     /* CASE_NONE likewise */
	int64_t department_id, last_seq, updated_ms;
	enum clock_kind clock;     /* that is shown of it */
	bool has_due;
	int32_t due, yellow;
};
struct parts {
	int count;
	struct part at[PARTS_MAX];
};

bool part_is_decided(enum case_state s); /* one way or the other */
enum light part_light(const struct part *p, int32_t today);
/* Of a whole. */
MUST_USE bool joint_parts(struct tx *tx, int64_t whole, struct parts *out, struct arena *a, struct fail *why);
/* Codes of those of `among` (bit n: part n) that are not decided, comma separated, as many as fit; and how many there are. */
enum { PARTS_OPEN_TEXT = sizeof(((struct fail *)NULL)->facts[0].text) };
MUST_USE bool joint_open(struct tx *tx, int64_t whole, uint32_t among, char text[PARTS_OPEN_TEXT], int *count, struct fail *why);
/* The member "parts" of an open object. */
void joint_parts_out(struct json_out *j, const struct parts *all, int32_t today, enum lang lang);

/* In apply, once it is known whose turn it is: fills c->whole and waits for whoever else is at this joint case. Of an ordinary case nothing. */
MUST_USE bool joint_join(struct tx *tx, struct case_file *c, struct fail *why);
/* The parts of a case that was just opened. */
MUST_USE bool joint_make(struct tx *tx, int64_t whole, int64_t guide, struct fail *why);
/* May this case of a joint one move so? Fails: ILLEGAL_MOVE with facts state, open_parts, open_count or whole_state. */
MUST_USE bool joint_allows(struct tx *tx, const struct case_file *c, enum case_event e, enum case_state to, struct fail *why);
/* The whole has moved: when it is over, the clocks of what is open stop with it. */
MUST_USE bool joint_moved(struct tx *tx, const struct case_file *c, int32_t day, struct fail *why);

/* Until when its department must begin a part that may begin: all it needs is decided, the whole is under way. */
struct part_wait {
	bool has_due;              /* false: the calendar of a year is missing */
	int32_t due, yellow;
};
MUST_USE bool joint_wait(struct tx *tx, int64_t whole, uint32_t needs, int64_t region, struct part_wait *out, struct fail *why);

struct part_wish {
	struct str whole, code;    /* the whole's number, and which of its parts */
	int64_t department;        /* whose it must be */
};
/* What a part takes from its whole. */
struct part_place {
	int64_t whole, n, person, matter, region, type, names, guide;
	char case_no[CASE_NUMBER_BYTES];
};
/* Fails: FIELD when there is no such part of that department, the same whether the case is there or not; PART_BEGUN it has begun already, with fact case_ref;
 *        ILLEGAL_MOVE it may not begin yet. */
MUST_USE bool joint_find(struct tx *tx, const struct part_wish *wish, struct part_place *out, struct fail *why);
/* Its row has been written. */
MUST_USE bool joint_begun(struct tx *tx, const struct part_place *p, int64_t part, struct fail *why);
#endif
