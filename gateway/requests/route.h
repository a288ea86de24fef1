/* gateway/requests/route.h - routes.def as a table: which path, who may, where it runs, what it may cost.
 *
 * A path is literal segments and ":names". The literal wins over the name. Matching is a walk down a small tree built at start.
 * Thread: read only after route_table_build. */
#ifndef GATEWAY_REQUESTS_ROUTE_H
#define GATEWAY_REQUESTS_ROUTE_H
#include "auth/mandate.h"
#include "auth/right.h"
#include "base/request.h"
#include "store/committer.h"

enum lane { LANE_INLINE, LANE_READ, LANE_WRITE, LANE_CPU, LANE_BLOB, LANE_COUNT }; /* of look or apply; work always runs on CPU, what goes to a sink on BLOB */
enum face { FACE_PUBLIC = 1, FACE_ADMIN = 2, FACE_CONTROL = 4, FACE_FRAMES = 8 };        /* which listener serves it; bits */
/* Whose rows. NONE is for what belongs to nobody. CALLER: the handler's statements are bound to the caller (his id, his region), nothing of another can be named.
 * The others are compared by the runtime after look: request.owner must be his id, or for REGION lie in his. */
enum owner { OWNER_NONE, OWNER_CALLER, OWNER_PERSON, OWNER_DEPARTMENT, OWNER_REGION };
enum rate_class { RATE_NONE, RATE_READ, RATE_WRITE, RATE_DEPARTMENT, RATE_PUBLIC, RATE_LOOKUP, RATE_MISS /* no route's: of handlers whose answers are guessed at */, RATE_COUNT };

struct route {
	const char *name;      /* the OpenAPI operationId; its hash is the route's number in outcomes */
	enum method method;    /* GET also serves HEAD */
	const char *path;
	int faces;
	enum lane lane;
	int who;               /* bits of enum who */
	enum owner owner;
	enum level level;      /* the least a citizen must have */
	enum right right;      /* what everybody else must hold */
	size_t body_max;       /* 0: takes no body */
	bool idempotent;       /* Idempotency-Key is mandatory and answered from the stored outcome */
	enum rate_class rate;
	const struct handler *handler;
	enum mandate_scope scope; /* what a mandate must allow, for a citizen who acts for another; 0: nobody does this for another */
	enum isolation isolation; /* of apply, on PostgreSQL; 0: READ COMMITTED */
	int32_t number;        /* stable over releases: from the name */
	uint16_t stages;       /* route_stages */
};

extern struct route routes[];
extern const int route_count;

uint16_t route_stages(const struct route *row); /* what a request of this row goes through: bits of enum stage */
void route_table_build(void); /* once, at start; asserts that no two rows collide */
/* Finds the row for path and method on a face. Fills r->params. NULL: `why` is NO_ROUTE, or METHOD with *allow a comma list.
 * OPTIONS on a known path gives NULL with FAIL_NONE and *allow. */
const struct route *route_find(struct request *r, int face, const char **allow, struct fail *why);
struct str method_name(enum method m); /* "GET"; "OTHER" for what we do not know */
int route_index(const struct route *route); /* 0.. for metric labels */
#endif
