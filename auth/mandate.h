/* auth/mandate.h - one person acts for another: offered by who wants to act, accepted by whom it concerns, ended by either.
 *
 *   offered → active | refused | revoked | expired          a day, then it expires
 *   active  → revoked | expired                             until the agreed day
 *
 * Who offers names number and name, and learns nothing from it: an offer to somebody unknown is a row like any other, which nobody can accept but a
 * window, by his papers. All that a holder is shown of the other is what he wrote himself.
 * One is active per giver, holder and kind: a newer one that is accepted takes its place.
 * A merge (auth/real_name.h) moves no mandate: who is known by a phone alone neither holds nor gives one. Its undo ends what was offered and accepted on
 * either side since the merge, because the yes may have been another's.
 * A code goes to a phone the giver has logged in with and confirmed, lately: what departments say of phones opens nothing (auth/login.h).
 * A company is acted for as well: its representative holds a mandate of the kind that says so, one at a time, and by it gives, lists and ends the others, for the
 * company and not for himself (X-Acting-For and the scope manage_agents). When another becomes representative the former's own mandate ends in that
 * transaction, and what he gave to agents stays: it is the company's will, which does not change with who speaks for it (Civil Code 61, 173). The new
 * one finds them in his list and ends whom he will.
 * Time ends a mandate by itself; the job that marks it only tidies. Each step is audited, with whom it was done for.
 * Thread: the write lane, but for reading. */
#ifndef AUTH_MANDATE_H
#define AUTH_MANDATE_H
#include "auth/identity_number.h"
#include "auth/person.h"
#include "auth/vault.h"
#include "base/ids.h"
#include "base/request.h"
#include "store/store.h"

enum mandate_kind {
#define KIND(name, number, ...) MANDATE_##name = number,
#include "auth/mandate_kinds.def"
#undef KIND
	MANDATE_KINDS
};
enum mandate_scope {
#define SCOPE(name, bit, ...) MANDATE_TO_##name = bit,
#include "auth/mandate_scopes.def"
#undef SCOPE
	MANDATE_SCOPES
};
/* Numbers are in the database. */
enum mandate_state { MANDATE_OFFERED = 1, MANDATE_ACTIVE = 2, MANDATE_REFUSED = 3, MANDATE_REVOKED = 4, MANDATE_EXPIRED = 5, MANDATE_STATES };
enum mandate_by { BY_NOBODY = 0, BY_CODE = 1, BY_SESSION = 2, BY_AUTHORITY = 3, BY_WINDOW = 4 };

struct mandate_row {
	const char *text, *zh;
	int64_t life_ms;
	int holder_level, giver_level;
	unsigned accepted;     /* 1u << enum mandate_by */
	int most;
	uint64_t scopes;
};
const struct mandate_row *mandate_row(int kind);        /* NULL: no such kind */
const struct mandate_row *mandate_row_named(struct str text, enum mandate_kind *kind);
const char *mandate_scope_text(enum mandate_scope scope);
enum mandate_scope mandate_scope_named(struct str text); /* 0: there is none */
const char *mandate_state_text(enum mandate_state state);

#define MANDATE_OFFER_LIFE_MS (INT64_C(24) * 3600 * 1000)

struct mandate {
	int64_t id, holder, giver /* 0: nobody we know */, made_ms, until_ms, ends_ms;
	uint64_t scopes;
	enum mandate_kind kind;
	enum mandate_state state; /* as of the moment it was read: an offer or an active one whose time is over is expired */
	enum mandate_by accepted_by;
	struct id key;
	int64_t region;        /* at whose windows it may be accepted; 0: at none */
	int64_t matters;       /* how many it is for; 0: for all */
	int64_t used_ms;       /* the first use of the last day it was used on; 0 never */
	int64_t code_sent_ms;  /* 0: no code was sent since one was asked for */
};

/* Which side is he on? Who acts for somebody is on that giver's side alone: what he holds himself is then no business of his. */
static inline bool mandate_is_holder(const struct principal *who, const struct mandate *m) { return who->acting_for == 0 && m->holder == who->id; }
static inline bool mandate_is_giver(const struct principal *who, const struct mandate *m) { return m->giver != 0 && m->giver == principal_whose(who); }

struct mandate_new {
	enum mandate_kind kind;
	struct identity giver;
	struct str giver_name;
	uint64_t scopes;
	int64_t until_ms;
	int64_t region;        /* 0: no window */
	const int64_t *matters; /* row ids; count 0: all matters */
	int matter_count;
	struct id key;
	const uint8_t *salt;   /* 16 bytes of its own */
};
/* r->who is the holder. Fails: LEVEL; FIELD what the kind does not allow, or himself; FIELD_MISSING the region of a kind that only a window accepts;
 * MANDATES too many. */
MUST_USE bool mandate_offer(struct tx *tx, const struct request *r, const struct mandate_new *n, struct mandate *out, struct fail *why);
/* The phone a code may be sent to, in its digits. *found false: there is none. */
MUST_USE bool mandate_phone(struct tx *tx, const struct mandate *m, int64_t now_ms, char phone[PHONE_DIGITS + 1], bool *found, struct fail *why);
MUST_USE bool mandate_by_id(struct tx *tx, int64_t id, int64_t now_ms, struct mandate *out, struct fail *why);
/* By its key outside. Fails: NOT_FOUND, also when r->who is neither side. */
/* For r->who himself; or, when he acts for somebody, for that giver alone. */
MUST_USE bool mandate_find(struct tx *tx, const struct request *r, struct id key, struct mandate *out, struct fail *why);
/* `by` says what showed giver's will; the caller has proved a code or a window. Fails: FORBIDDEN that is not the way for this kind or this asker; LEVEL;
 * MANDATE_STATE. */
MUST_USE bool mandate_accept(struct tx *tx, const struct request *r, struct mandate *m, enum mandate_by by, struct fail *why);
/* The register says that r->who represents this company, by this name, until then: its row, and his mandate, offered and accepted. `salt`: 32 bytes. */
MUST_USE bool mandate_represent(struct tx *tx, const struct request *r, const struct mandate_new *n, struct mandate *out, struct fail *why);
/* At a window, before mandate_accept: what the papers say is what the holder wrote; a giver nobody knew becomes known by them. Fails: MANDATE_PAPERS. */
MUST_USE bool mandate_papers(struct tx *tx, const struct request *r, struct mandate *m, const struct identity *giver, struct str name, const uint8_t salt[16],
			     struct fail *why);
/* By its key outside, for whoever's window lies in its region. Fails: NOT_FOUND. */
MUST_USE bool mandate_at_window(struct tx *tx, const struct request *r, struct id key, struct mandate *out, struct fail *why);
MUST_USE bool mandate_refuse(struct tx *tx, const struct request *r, struct mandate *m, struct fail *why); /* giver's */
MUST_USE bool mandate_revoke(struct tx *tx, const struct request *r, struct mandate *m, struct fail *why); /* either side's */

/* Is this matter's case within the mandate that r->who acts by? Who acts for himself, or for all matters, is not asked. One read by key. */
MUST_USE bool mandate_covers(struct tx *tx, const struct principal *who, int64_t matter, bool *covers, struct fail *why);
enum { MANDATE_MATTERS_MAX = 20 };
/* Its matters' codes, in the arena, in the order of their codes. */
MUST_USE bool mandate_matters(struct tx *tx, int64_t id, struct arena *a, struct str codes[MANDATE_MATTERS_MAX], int *count, struct fail *why);

/* May r->who act for somebody by this, with this scope, now? One read by key. Fails: MANDATE_ENDED over, not begun, another's or unknown; MANDATE_SCOPE. */
MUST_USE bool mandate_allows(struct tx *tx, const struct request *r, struct id key, enum mandate_scope scope, struct mandate *out, struct fail *why);

/* What the holder wrote of the giver. The texts live in `text`; wipe it after use. */
enum { MANDATE_SAID_BYTES = IDENTITY_NUMBER_MAX + PERSON_NAME_BYTES + 4 + VAULT_OVERHEAD_MAX /* opening wants room for the sealed value */ };
struct mandate_said {
	enum identity_kind kind;
	struct str number, name;
};
MUST_USE bool mandate_said(struct tx *tx, int64_t id, char text[MANDATE_SAID_BYTES], struct mandate_said *out, struct fail *why);

/* One side's, newest first, with ids below `below`; up to `max`. */
enum mandate_side { MANDATES_HELD, MANDATES_GIVEN };
MUST_USE bool mandate_list(struct tx *tx, enum mandate_side side, int64_t person, int64_t below, int64_t now_ms, struct mandate *out, int max, int *count,
			   struct fail *why);
/* Marks those whose time is over, up to `max`; `ended` has them as they were, so that those who were active are known. A job's bite. */
MUST_USE bool mandate_expire(struct tx *tx, int64_t now_ms, struct mandate *ended, int max, int *count, struct fail *why);
/* r->who acts by his mandate. Noted once a day and audited then, by its holder for its giver: *is_noted. *is_first: never before. `m` is as it was. */
MUST_USE bool mandate_use(struct tx *tx, const struct request *r, struct mandate *m, bool *is_noted, bool *is_first, struct fail *why);
#define MANDATE_USE_NOTED_MS (INT64_C(24) * 3600 * 1000)
/* Ends what this person offered or accepted, on either side, since then. */
MUST_USE bool mandate_end_since(struct tx *tx, const struct request *r, int64_t person, int64_t since_ms, struct fail *why);
#endif
