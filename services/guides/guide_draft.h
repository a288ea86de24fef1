/* services/guides/guide_draft.h - a guide written by a clerk, on its way to being published; and how a published one is withdrawn.
 *
 *   draft → review → published              review: a proposal guide_publish about it is open
 *     ↓
 *   thrown away: as if it had never been there, but for the record
 *
 * A clerk writes for his region and, if he is of a department, for that department only; the matter, where it is there already, must be theirs too. A draft
 * remembers the newest version it was written from: when another was published or loaded meanwhile it is outdated and must be written anew, so nobody undoes
 * what he has not seen. guide_publish {} is about a draft, by its id; guide_withdraw {version, reason} about a matter, by its code, and takes that version only.
 * Thread: the write lane, but for reading. */
#ifndef SERVICES_GUIDE_DRAFT_H
#define SERVICES_GUIDE_DRAFT_H
#include "auth/proposal.h"
#include "services/guides/guide_rows.h"

enum draft_state { DRAFT_WRITTEN = 1, DRAFT_REVIEW = 2, DRAFT_PUBLISHED = 3 };
#define DRAFT_PREFIX "gd"

struct guide_draft {
	int64_t id, department, region, based_on, newest, guide, made_ms, changed_ms;
	int64_t based_on_version, version; /* what it was written from, what came of it; 0: none */
	enum draft_state state;
	struct id key;
	struct str code, name, department_code, department_name; /* in the arena it was read with */
};
static inline bool draft_is_outdated(const struct guide_draft *d) { return d->state != DRAFT_PUBLISHED && d->newest != d->based_on; }

/* May this principal see drafts at all? Whoever may propose or decide about one. */
bool draft_is_seen(const struct principal *who);
/* Written by r->who. Fails: FIELD with pointer: /region beyond him, /department not his, /code somebody else's matter, or what it refers to is not there. */
MUST_USE bool draft_write(struct tx *tx, struct request *r, const struct guide *g, const uint8_t random[32], struct id *key, struct fail *why);
/* *found false: there is none of that key. Region and department are for the caller to judge. */
MUST_USE bool draft_by_key(struct tx *tx, struct id key, struct arena *a, struct guide_draft *out, bool *found, struct fail *why);
/* NULL: why is noted. Caller drops. */
json_t *draft_body(struct tx *tx, int64_t id, struct fail *why);
/* Is this what r->who may see: his region, his department if he is of one? */
MUST_USE bool draft_is_his(struct tx *tx, const struct request *r, int64_t region, int64_t department, bool *is_so, struct fail *why);
/* By its writer, or whoever may decide about publishing it. Fails: FORBIDDEN; CONFLICT in review or published; NOT_FOUND thrown away meanwhile. */
MUST_USE bool draft_throw(struct tx *tx, struct request *r, const struct guide_draft *d, struct fail *why);
/* Newest first, of what r->who may see; state 0: any. */
MUST_USE bool draft_list(struct tx *tx, struct request *r, enum draft_state state, int64_t below, struct guide_draft *out, int most, int *count, struct fail *why);

void guide_deeds_compose(void);
#endif
