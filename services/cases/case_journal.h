/* services/cases/case_journal.h - a case's timeline as it is written: in order, each seq once, each event id once, nothing lost.
 *
 * An event whose turn has not come waits in held_event; the event that closes the gap takes all that follow with it, in the same
 * transaction. One whose turn comes in a state that does not allow it stays there, refused, and the department sends another.
 * Thread: the write lane. */
#ifndef SERVICES_CASE_JOURNAL_H
#define SERVICES_CASE_JOURNAL_H
#include "base/hash.h"
#include "services/cases/case_number.h"
#include "services/cases/case_state.h"

struct tx;

enum { CASE_EXTEND_MAX = 365, CASE_DOCUMENT_MAX = 60 /* characters */ };
enum { CASE_SEQ_MAX = 100000, CASE_HELD_MAX = 50, CASE_HELD_DEPARTMENT_MAX = 10000 /* of all its cases */, CASE_TEXT_MAX = 64 /* event_id and case_ref */, CASE_NOTE_MAX = 200 };

struct journal_entry {
	struct str event_id, note; /* note.at NULL: none */
	int64_t extend_days;       /* of EXTENDED only, with its document */
	struct str document;
	bool in_person;            /* the applicant came (services/supervision/case_tally.h) */
	struct str demand;         /* what it wants of the applicant, as demand_text wrote it (services/cases/demand.h); at NULL: nothing */
	struct str provincial_no, project_code; /* at NULL: the event does not say */
	const uint8_t (*digests)[SHA256_BYTES]; /* keyed, of the content: under the current key, and under those of former days */
	int digest_count;
	int64_t seq, occurred_ms, received_ms;
	enum case_event event;
	bool by_applicant;         /* he is told that it was taken, and not what he is told of departments' */
	bool of_ours;              /* it did not come from its department, which is told (services/applying/application_tell.h) */
};

/* With what its applicant is told: a request's time and randomness. */
struct case_pen {
	int64_t now_ms;
	const uint8_t *random; /* of the request, 32 bytes */
	struct arena *arena;
};

/* The case an event is about, as the write lane sees it. */
struct case_file {
	struct case_pen *pen; /* NULL: nobody is told */
	int64_t person, names;
	int64_t id;          /* 0: not opened yet */
	int64_t department;
	struct str case_ref;
	int64_t now_ms;      /* of the request that changes it: when its facts are made, which for an event that waited is later than received_ms */
	int64_t region;
	int64_t last_seq;    /* next is one more */
	int64_t stored_seq;  /* last_seq in its row */
	enum case_state state;
	int64_t parts;       /* of its row: 0 a case of one department; above: a whole of so many parts; below: part -parts of another (services/cases/joint.h) */
	int64_t whole;       /* of a joint case, once joint_join is through: the whole's id */
	char case_no[CASE_NUMBER_BYTES];
};

/* Other events of the case by department and case_ref wait: what comes early must be seen by whoever closes the gap. */
MUST_USE bool journal_lock(struct tx *tx, const struct case_file *c, struct fail *why);
/* Fills the rest from department and case_ref; now_ms is the caller's. */
MUST_USE bool journal_case(struct tx *tx, struct case_file *c, struct fail *why);

enum journal_seen { JOURNAL_NEW, JOURNAL_APPLIED, JOURNAL_WAITING, JOURNAL_REFUSED, JOURNAL_OTHER_CONTENT, JOURNAL_FAILED /* why is noted */ };
/* Have we had this event id of this department? For REFUSED, *refused_in is the state that did not allow it. */
enum journal_seen journal_seen(struct tx *tx, int64_t department, const struct journal_entry *e, enum case_state *refused_in, struct fail *why);

/* The entry whose turn it is, and the fact that proves it. Fails: ILLEGAL_MOVE, by the table of moves or for the other parts of a joint case. */
MUST_USE bool journal_append(struct tx *tx, struct case_file *c, const struct journal_entry *e, struct fail *why);
/* An entry before its turn. Fails: SEQ_TAKEN, HELD_FULL. */
MUST_USE bool journal_hold(struct tx *tx, const struct case_file *c, const struct journal_entry *e, struct fail *why);

struct journal_released {
	int64_t from, to;                      /* seqs released; 0: none */
	char refused_id[CASE_TEXT_MAX + 1];    /* the event that stopped it (its seq is c->last_seq + 1); "": none */
};
MUST_USE bool journal_release(struct tx *tx, struct case_file *c, struct journal_released *out, struct fail *why);
/* Writes state, last_seq and the clock that is shown back to the case's row, and tells the row cache. */
MUST_USE bool journal_save(struct tx *tx, struct case_file *c, struct fail *why);
#endif
