/* services/people/mandate_view.h - how a mandate is shown, to each side what it may know: the giver who acts for him, the holder what he wrote himself.
 * Thread: whoever holds the transaction. */
#ifndef SERVICES_MANDATE_VIEW_H
#define SERVICES_MANDATE_VIEW_H
#include "auth/document.h"
#include "auth/mandate.h"
#include "base/json.h"

struct mandate_view {
	struct mandate m;
	bool is_held;                  /* by who asks; else given by him */
	char name[PERSON_NAME_BYTES + 1], number[4 * IDENTITY_NUMBER_MAX]; /* of the other side; the number masked, "" to the giver */
	struct str *matters;           /* codes, m.matters of them, in the arena */
};
/* r->who is one of the sides. */
MUST_USE bool mandate_view_look(struct tx *tx, struct request *r, const struct mandate *m, struct mandate_view *to, struct fail *why);
void mandate_members(struct json_out *j, const struct mandate_view *v); /* into the open object */
/* "This mandate, please", of the path. Fails: NOT_FOUND, as for one that is not there. */
MUST_USE bool mandate_question(struct request *r, struct id *key, struct fail *why);
/* Whom it is about, as written. Fails: FIELD; FIELD_MISSING. */
MUST_USE bool mandate_giver_from(const struct request *r, const struct document_said *said, struct identity *out, struct fail *why);
/* What a decision leaves: which one, and what it is now. */
void mandate_decided(struct request *r, const struct mandate *m);
MUST_USE bool mandate_decided_render(struct request *r, struct fail *why);
#endif
