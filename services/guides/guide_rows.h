/* services/guides/guide_rows.h - guides in the database: which one is current, and how a new one takes its place.
 *
 *   published → withdrawn                  one by one, by proposal (services/guides/guide_draft.h)
 *   published                              of a load: nobody sees it until the load is flipped
 *
 * Current is a matter's newest published version of a load that is flipped; a matter whose newest is withdrawn has none.
 * Versions are never changed and never deleted (those of a load that was given up are, nobody has seen them): cases are pinned to them.
 * Thread: whoever holds the transaction. */
#ifndef SERVICES_GUIDE_ROWS_H
#define SERVICES_GUIDE_ROWS_H
#include "services/guides/guide.h"
#include "store/store.h"

enum guide_state { GUIDE_PUBLISHED = 2, GUIDE_WITHDRAWN = 3 };
enum load_state { LOAD_OPEN = 1, LOAD_FLIPPED = 2, LOAD_GIVEN_UP = 3 };
enum { LOAD_ONE_BY_ONE = 0 };

/* For a query over `m`, a row of matter: joins its current guide as `u`, if there is one. What the guide says goes before what the
 * matter's own row says. A matter is not shown when its newest seen version is withdrawn, or when a load brought it that nobody has seen. */
#define GUIDE_CURRENT_JOIN                                                                                                        \
	" LEFT JOIN guide u ON u.id = (SELECT x.id FROM guide x JOIN catalogue_load l ON l.id = x.load AND l.state = 2"           \
	" WHERE x.matter = m.id ORDER BY x.version DESC LIMIT 1) AND u.state = 2"
#define MATTER_IS_SHOWN                                                                                                           \
	"(u.id IS NOT NULL OR (m.load IS NULL AND NOT EXISTS"                                                                       \
	" (SELECT 1 FROM guide y JOIN catalogue_load k ON k.id = y.load AND k.state = 2 WHERE y.matter = m.id)))"

/* A matter as those who write its guide must know it. */
struct guide_head {
	int64_t matter;              /* 0: there is none of that code */
	int64_t newest, version;     /* its newest version that was ever seen; 0: none */
	enum guide_state state;      /* of that */
	int64_t department, region;  /* as it says, or the matter's own */
};
MUST_USE bool guide_head(struct tx *tx, struct str code, struct guide_head *out, struct fail *why);
/* The whole of a version. NULL: why is noted. Caller drops. */
json_t *guide_body(struct tx *tx, int64_t id, struct fail *why);

/* Are department, region and halls there? Fails: FIELD with pointer. */
MUST_USE bool guide_refers(struct tx *tx, const struct guide *g, int64_t *department, struct fail *why);

struct guide_new {
	const struct guide *guide;
	int64_t load, now_ms;
	enum guide_state state;
	int64_t matter, department; /* guide_matter */
};
/* The row of the matter the guide speaks of, made when it is not there; nobody sees one that a load brought before that is flipped. Fails as guide_refers. */
MUST_USE bool guide_matter(struct tx *tx, struct guide_new *n, struct fail *why);
/* The next version. *changed false: the newest one that is seen, or is of this load, says the same, byte for byte, and is in the same state. */
MUST_USE bool guide_put(struct tx *tx, const struct guide_new *n, int64_t *id, bool *changed, struct fail *why);
MUST_USE bool guide_move(struct tx *tx, int64_t id, enum guide_state to, int64_t now_ms, struct fail *why);

/* A new load; one that is still open is given up. */
MUST_USE bool load_begin(struct tx *tx, int64_t now_ms, int64_t *load, struct fail *why);
/* *load 0: none is open. */
MUST_USE bool load_open(struct tx *tx, int64_t *load, struct fail *why);
MUST_USE bool load_flip(struct tx *tx, int64_t load, struct fail *why);
/* Forgets guides of loads that were given up, `most` at most; for the job. */
MUST_USE bool load_forget(struct tx *tx, int64_t most, int64_t *forgotten, struct fail *why);

MUST_USE bool catalogue_changed(struct tx *tx, struct fail *why);   /* a new generation */
MUST_USE bool catalogue_generation(struct tx *tx, int64_t *out, struct fail *why);
#endif
