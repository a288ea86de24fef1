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

/* Carries out what was approved, in its transaction. What it refuses (the thing changed meanwhile) leaves the proposal open. */
typedef bool (*proposal_fn)(struct tx *tx, struct request *r, const struct proposal *p, struct fail *why);
void proposal_compose(int kind, proposal_fn fn); /* at start, once a kind */
bool proposal_is_composed(void);                 /* has every kind its function? */

struct proposal_new {
	enum proposal_kind kind;
	int64_t subject;    /* row id; 0: what it is about does not exist yet */
	int64_t region;     /* whom it concerns: maker and checker must see it */
	struct str payload; /* JSON in clear, sealed here */
};
/* r->who is the maker. `random`: 32 bytes of its own. Fails: FORBIDDEN; NOT_FOUND a region beyond him; CONFLICT one is open already. */
MUST_USE bool proposal_make(struct tx *tx, struct request *r, const struct proposal_new *n, const uint8_t random[32], struct proposal *out, struct fail *why);
/* By its key outside. Fails: NOT_FOUND, also when this principal does not see its region. */
MUST_USE bool proposal_find(struct tx *tx, const struct request *r, struct id key, struct proposal *out, struct fail *why);
MUST_USE bool proposal_open(struct tx *tx, struct request *r, struct proposal *p, struct fail *why);
/* r->who is the checker. Fails: FORBIDDEN; FOUR_EYES his own, or the same session; CONFLICT decided already; GONE expired; what the deed itself says. */
MUST_USE bool proposal_approve(struct tx *tx, struct request *r, struct proposal *p, struct fail *why);
MUST_USE bool proposal_refuse(struct tx *tx, struct request *r, struct proposal *p, struct str note, struct fail *why);
MUST_USE bool proposal_withdraw(struct tx *tx, struct request *r, struct proposal *p, struct fail *why); /* its maker alone */
/* Marks those whose time is over; a job's bite. */
MUST_USE bool proposal_expire(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
