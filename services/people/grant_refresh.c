/* services/people/grant_refresh.c - the next tokens of a session that lives. What each token presented means: auth/refresh.h. */
#include "auth/audit.h"
#include "auth/login.h"
#include "auth/refresh.h"
#include "auth/right.h"
#include "services/people/grant.h"

static bool refresh_parse(struct request *r, struct token_asking *t, struct fail *why)
{
	(void)r;
	if (t->form.refresh_token.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/refresh_token", "the grant needs it");
	if (!grant_device(t, why))
		return false;
	return refresh_has_shape(t->form.refresh_token) || FAILS(why, GRANT, "not a refresh token of ours");
}

/* Both the thief and the owner come here, and neither can be told from the other: whoever it is logs in again. */
static bool stolen(struct tx *tx, struct request *r, int64_t session, struct fail *why)
{
	struct audit a = { AUDIT_TOKEN_REUSED, AUDIT_OF_SESSION, session, .result = 400 };
	return session_end(tx, session, SESSION_ENDED_BY_THEFT, r->now_ms, why) && audit_add(tx, r, &a, why);
}

static bool go_on(struct tx *tx, struct request *r, int64_t session, int64_t spent, struct granted *out, struct fail *why)
{
	struct session_row s;
	int64_t until_ms = r->now_ms + SESSION_LIFE_MS;
	if (!session_read(tx, session, &s, why) || !session_seen(tx, session, r->now_ms, until_ms, why) || !login_seen(tx, session, r->now_ms, why))
		return false;
	*out = (struct granted){ .kind = WHO_CITIZEN, .principal = s.principal, .session = session, .level = s.level4_until_ms > r->now_ms ? LEVEL_L4 : s.level, .access_ms = ACCESS_LIFE_MS,
		.refresh_until_ms = until_ms, .refresh_parent = spent };
	return true;
}

static bool refresh_apply(struct tx *tx, struct request *r, struct token_asking *t, struct granted *out, struct fail *why)
{
	enum refresh_verdict verdict;
	int64_t id, session;
	if (!refresh_use(tx, (struct secret){ t->form.refresh_token }, t->device, r->now_ms, &verdict, &id, &session, why))
		return false;
	switch (verdict) {
	case REFRESH_GOOD:
	case REFRESH_GOOD_AGAIN:
		return go_on(tx, r, session, id, out, why);
	case REFRESH_STOLEN:
		*out = (struct granted){ .is_refused = true, .session = session };
		return stolen(tx, r, session, why);
	case REFRESH_UNKNOWN:
		break;
	}
	return FAILS(why, GRANT, "no such refresh token, or its session is over");
}

const struct grant grant_refresh = { .parse = refresh_parse, .apply = refresh_apply };
