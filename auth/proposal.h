/* auth/proposal.h - four eyes: one person proposes, another decides, and what was decided is carried out in the same transaction.
 *
 *   open → approved | refused | withdrawn | expired
 *
 * Another person, in another session: a second click of the same one is no second pair of eyes, and neither is his second account's device. The database
 * holds both rules too. One open proposal per kind and subject. Each step is audited.
 * Thread: the write lane, but for reading. */
#ifndef AUTH_PROPOSAL_H
#define AUTH_PROPOSAL_H
#include "auth/right.h"
#include "base/ids.h"
#include "store/store.h"

enum proposal_kind {
#define PROPOSAL(name, number, ...) PROPOSAL_##name = number,
#include "auth/proposals.def"
#undef PROPOSAL
};
enum { PROPOSAL_KINDS_MAX = 64, PROPOSAL_PAYLOAD_MAX = 4096, PROPOSAL_NOTE_MAX = 200 /* characters */ };

enum proposal_state { PROPOSAL_OPEN = 1, PROPOSAL_APPROVED = 2, PROPOSAL_REFUSED = 3, PROPOSAL_WITHDRAWN = 4, PROPOSAL_EXPIRED = 5 };

struct proposal_row {
	const char *text, *zh;
	enum right makes, checks;
	int64_t life_ms;
};
const struct proposal_row *proposal_row(int kind); /* NULL: no such kind */

struct proposal {
	int64_t id, subject, region, maker, maker_session, checker, made_ms, expires_ms, decided_ms;
	int kind;
	enum proposal_state state;
	struct id key;
	struct str payload; /* opened into the request's arena by proposal_open; at NULL otherwise */
};

struct proposal_new {
	enum proposal_kind kind;
	int64_t subject;    /* row id; 0: what it is about does not exist yet */
	int64_t region;     /* whom it concerns: maker and checker must see it */
	struct str payload; /* JSON in clear, sealed here */
};

/* Carries out what was approved, in its transaction. What it refuses (the thing changed meanwhile) leaves the proposal open. */
typedef bool (*proposal_fn)(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why);

enum { PROPOSAL_SUBJECT_MAX = 72 /* bytes, with the NUL */, PROPOSAL_SECRET_TEXT = 64 };
struct proposal_deed {
	/* Before it is proposed: is the payload one of this kind? Fails with the field's pointer in it. */
	bool (*check)(enum proposal_kind kind, struct str payload, struct arena *a, struct fail *why);
	/* What it is about, by its name outside, and whether the rest of the wish (its subject is not known yet) fits it; NULL: it does not exist yet.
	 * Fails: FIELD /subject, also for what lies beyond the region or is not r->who's; what the kind says. */
	bool (*find)(struct tx *tx, struct request *r, struct str name, const struct proposal_new *wish, int64_t *subject, struct fail *why);
	bool (*name)(struct tx *tx, int64_t subject, char out[PROPOSAL_SUBJECT_MAX], struct fail *why);
	proposal_fn carry_out;
	/* What he who approves is told once, made of the request's random bytes; NULL: nothing. */
	void (*secret)(const struct request *r, char out[PROPOSAL_SECRET_TEXT]);
};
void proposal_compose(int kind, const struct proposal_deed *deed); /* at start, once a kind */
const struct proposal_deed *proposal_deed(int kind);
bool proposal_is_composed(void);                 /* has every kind its deed? */
const char *proposal_state_text(enum proposal_state state);
enum proposal_state proposal_state_from(struct str text); /* 0: no such state */
int proposal_kind_from(struct str text);                  /* 0: no such kind */
/* May this principal make or check this kind? To others its proposals are not there. */
bool proposal_is_seen(const struct principal *who, int kind);

/* Before anything is looked up for him. Fails as proposal_make. */
MUST_USE bool proposal_may_make(const struct request *r, const struct proposal_new *n, struct fail *why);
/* r->who is the maker. `random`: 32 bytes of its own. Fails: FORBIDDEN; NOT_FOUND a region beyond him; CONFLICT one is open already. */
MUST_USE bool proposal_make(struct tx *tx, struct request *r, const struct proposal_new *n, const uint8_t random[32], struct proposal *out, struct fail *why);
/* By its key outside. Fails: NOT_FOUND, also when this principal does not see its region. */
MUST_USE bool proposal_find(struct tx *tx, const struct request *r, struct id key, struct proposal *out, struct fail *why);
/* Newest first, of what this principal sees: of his region and kinds; state 0: any. *count of at most `most`, beginning below row id `below`. */
MUST_USE bool proposal_list(struct tx *tx, const struct request *r, enum proposal_state state, int64_t below, struct proposal *out, int most, int *count, struct fail *why);
/* Why it was refused, opened into the arena; at NULL: there is none. */
MUST_USE bool proposal_note(struct tx *tx, struct request *r, const struct proposal *p, struct str *note, struct fail *why);
MUST_USE bool proposal_open(struct tx *tx, struct request *r, struct proposal *p, struct fail *why);
/* r->who is the checker. Fails: FORBIDDEN; FOUR_EYES his own, or the same session; CONFLICT decided already; GONE expired; what the deed itself says. */
MUST_USE bool proposal_approve(struct tx *tx, struct request *r, struct proposal *p, struct fail *why);
MUST_USE bool proposal_refuse(struct tx *tx, struct request *r, struct proposal *p, struct str note, struct fail *why);
MUST_USE bool proposal_withdraw(struct tx *tx, struct request *r, struct proposal *p, struct fail *why); /* its maker alone */
/* Marks those whose time is over; a job's bite. */
MUST_USE bool proposal_expire(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
