/* services/me_mandate_decide.c - yes, no, and no longer: what either side says to a mandate. */
#include "services/handlers.h"
#include "services/mandate_view.h"

static bool decide_parse(struct request *r, struct fail *why)
{
	struct id *key = request_state(r, sizeof(*key), why);
	return key != NULL && mandate_question(r, key, why);
}

typedef bool (*deed)(struct tx *tx, const struct request *r, struct mandate *m, struct fail *why);

static bool decide(struct tx *tx, struct request *r, deed done, struct fail *why)
{
	struct mandate m;
	const struct id *key = r->state;
	if (!mandate_find(tx, r, *key, &m, why) || !done(tx, r, &m, why))
		return false;
	mandate_decided(r, &m);
	return true;
}

static bool refuse_apply(struct tx *tx, struct request *r, struct fail *why)
{
	return decide(tx, r, mandate_refuse, why);
}

static bool revoke_apply(struct tx *tx, struct request *r, struct fail *why)
{
	return decide(tx, r, mandate_revoke, why);
}

const struct handler me_mandate_refuse = { .parse = decide_parse, .apply = refuse_apply, .render = mandate_decided_render };
const struct handler me_mandate_revoke = { .parse = decide_parse, .apply = revoke_apply, .render = mandate_decided_render };

/* ---- accept: in the giver's own session ---- */

static bool accept_in_session(struct tx *tx, const struct request *r, struct mandate *m, struct fail *why)
{
	return mandate_accept(tx, r, m, BY_SESSION, why);
}

static bool accept_apply(struct tx *tx, struct request *r, struct fail *why)
{
	return decide(tx, r, accept_in_session, why);
}

const struct handler me_mandate_accept = { .parse = decide_parse, .apply = accept_apply, .render = mandate_decided_render };
