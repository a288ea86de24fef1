/* gateway/requests/route.c - the table of routes, and the walk that finds a row in it. */
#include "gateway/requests/route.h"
#include "gateway/beside/backup_desk.h"
#include "gateway/machine.h"
#include "gateway/requests/task.h"
#include "gateway/door/upgrade.h"
#include "services/handlers.h"
#include <assert.h>
#include <stdlib.h>

#define KIB(n) ((size_t)(n) << 10)
#define KEY true
#define NO_KEY false

enum { ADMIN = FACE_ADMIN, CONTROL = FACE_CONTROL, PUBLIC = FACE_PUBLIC, FRAMES = FACE_FRAMES };
enum { ANYONE = WHO_ANYONE, CITIZEN = WHO_CITIZEN, DEPARTMENT = WHO_DEPARTMENT, OPERATOR = WHO_OPERATOR, STAFF = WHO_STAFF, PARTNER = WHO_PARTNER,
       TERMINAL = WHO_TERMINAL };

struct route routes[] = {
#define BY(scope_) .scope = MANDATE_TO_##scope_
#define ISOLATED(level_) .isolation = ISOLATION_##level_
#define ROUTE(name_, method_, path_, face_, lane_, who_, owner_, level_, right_, body_, idem_, rate_, handler_, ...) \
	{ .name = #name_, .method = METHOD_##method_, .path = path_, .faces = face_, .lane = LANE_##lane_, .who = who_, \
	  .owner = OWNER_##owner_, .level = LEVEL_##level_, .right = RIGHT_##right_, .body_max = body_, .idempotent = idem_, .rate = RATE_##rate_, .handler = &handler_, \
	  __VA_ARGS__ },
#include "gateway/routes.def"
#undef ROUTE
#undef BY
#undef ISOLATED
};

/* Whoever answers with somebody's rows says whose: a row that leaves it open does not compile. */
#define ROUTE(name_, method_, path_, face_, lane_, who_, owner_, ...) \
	_Static_assert(OWNER_##owner_ != OWNER_NONE || ((who_) & ANYONE) || (who_) == OPERATOR, #name_ ": whose rows?");
#include "gateway/routes.def"
#undef ROUTE

const int route_count = sizeof(routes) / sizeof(routes[0]);

/* One segment of a path. Literal children are few: a list is quicker than a hash. */
struct node {
	struct str segment;
	struct node *child, *sibling, *any; /* any: the ":name" child */
	const struct route *by_method[METHOD_COUNT];
	int faces;
	char allow[64];
};

static struct node root;

static bool next_segment(struct str *rest, struct str *segment)
{
	if (rest->len == 0 || rest->at[0] != '/')
		return false;
	struct str tail = { rest->at + 1, rest->len - 1 };
	const char *slash = memchr(tail.at, '/', tail.len);
	segment->at = tail.at;
	segment->len = slash == NULL ? tail.len : (size_t)(slash - tail.at);
	*rest = (struct str){ tail.at + segment->len, tail.len - segment->len };
	return true;
}

static struct node *child_for(struct node *parent, struct str segment)
{
	if (segment.at[0] == ':') {
		if (parent->any == NULL)
			parent->any = calloc(1, sizeof(struct node));
		assert(parent->any != NULL);
		return parent->any;
	}
	for (struct node *n = parent->child; n != NULL; n = n->sibling)
		if (str_eq(n->segment, segment))
			return n;
	struct node *n = calloc(1, sizeof(*n));
	assert(n != NULL);
	n->segment = segment;
	n->sibling = parent->child;
	parent->child = n;
	return n;
}

struct str method_name(enum method m)
{
	static const struct str names[METHOD_COUNT] = {
		[METHOD_GET] = { "GET", 3 }, [METHOD_HEAD] = { "HEAD", 4 }, [METHOD_POST] = { "POST", 4 }, [METHOD_PUT] = { "PUT", 3 },
		[METHOD_DELETE] = { "DELETE", 6 }, [METHOD_OPTIONS] = { "OPTIONS", 7 }, [METHOD_OTHER] = { "OTHER", 5 },
	};
	return names[m];
}

static void allow_text(struct node *n)
{
	n->allow[0] = '\0';
	for (int m = 0; m < METHOD_COUNT; m++)
		if (n->by_method[m] != NULL) {
			strcat(n->allow, method_name((enum method)m).at);
			strcat(n->allow, m == METHOD_GET ? ", HEAD, " : ", ");
		}
	strcat(n->allow, "OPTIONS");
}

/* FNV-1a: any stable hash of the name will do, it is compared only with itself. */
/* The look is judged even where there is none: a version may be known without one. */
uint16_t route_stages(const struct route *row)
{
	const struct handler *h = row->handler;
	const struct { enum stage stage; bool is_there; } list[] = {
		{ STAGE_ADMIT, true }, { STAGE_PARSE, true }, { STAGE_RECALL, h->recall != NULL }, { STAGE_LOOK, h->look != NULL || row->method == METHOD_GET },
		{ STAGE_WORK, h->work != NULL }, { STAGE_ASK, h->ask != NULL }, { STAGE_APPLY, h->apply != NULL }, { STAGE_SETTLE, h->settle != NULL },
		{ STAGE_PARK, h->park != NULL }, { STAGE_RENDER, true },
	};
	uint16_t stages = 0;
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
		stages = (uint16_t)(stages | (unsigned)list[i].is_there << list[i].stage);
	return stages;
}

static int32_t number_of(const char *name)
{
	uint32_t h = 2166136261u;
	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return (int32_t)(h & 0x7fffffff);
}

void route_table_build(void)
{
	if (root.child != NULL)
		return;
	for (int i = 0; i < route_count; i++) {
		struct route *row = &routes[i];
		struct node *n = &root;
		struct str rest = str_c(row->path), segment;
		while (next_segment(&rest, &segment))
			n = child_for(n, segment);
		assert(rest.len == 0 && n->by_method[row->method] == NULL);
		assert(!row->idempotent || (row->lane == LANE_WRITE && row->handler->apply != NULL));
		assert(row->owner == OWNER_NONE || row->owner == OWNER_CALLER || row->handler->look != NULL);
		assert(row->level == LEVEL_L0 || (row->who & WHO_CITIZEN));
		/* a right that nobody who is let in can hold, or that some of those cannot, is a wrong row */
		assert(row->right == RIGHT_NONE || (row->who & ~WHO_CITIZEN) == (row->who & right_row(row->right)->holders));
		/* who acts for another is let in as a citizen and asks for rows with an owner */
		assert(row->scope == 0 || ((row->who & WHO_CITIZEN) && (row->owner == OWNER_CALLER || row->owner == OWNER_PERSON)));
		row->number = number_of(row->name);
		row->stages = route_stages(row);
		for (int other = 0; other < i; other++)
			assert(routes[other].number != row->number);
		n->by_method[row->method] = row;
		n->faces |= row->faces;
		allow_text(n);
	}
}

static const struct node *walk(const struct node *n, struct str rest, struct request *r, int param)
{
	struct str segment;
	if (!next_segment(&rest, &segment))
		return rest.len == 0 && n != &root ? n : NULL;
	for (const struct node *c = n->child; c != NULL; c = c->sibling)
		if (str_eq(c->segment, segment)) {
			const struct node *found = walk(c, rest, r, param);
			if (found != NULL)
				return found;
		}
	if (n->any == NULL || segment.len == 0 || param >= REQUEST_PARAMS)
		return NULL;
	r->params[param] = segment;
	return walk(n->any, rest, r, param + 1);
}

static bool decode_params(struct request *r)
{
	for (int i = 0; i < REQUEST_PARAMS && r->params[i].at != NULL; i++)
		if (memchr(r->params[i].at, '%', r->params[i].len) != NULL) {
			r->params[i] = percent_decoded(&r->arena, r->params[i], false);
			if (r->params[i].at == NULL)
				return false;
		}
	return true;
}

const struct route *route_find(struct request *r, int face, const char **allow, struct fail *why)
{
	*allow = NULL;
	const struct node *n = walk(&root, r->path, r, 0);
	if (n == NULL || !(n->faces & face)) {
		FAILS(why, NO_ROUTE, "no route for this path");
		return NULL;
	}
	*allow = n->allow;
	if (r->method == METHOD_OPTIONS)
		return NULL;
	const struct route *row = n->by_method[r->method == METHOD_HEAD ? METHOD_GET : r->method];
	if (row == NULL || !(row->faces & face)) {
		FAILS(why, METHOD, "allowed: %s", n->allow);
		return NULL;
	}
	if (!decode_params(r)) {
		FAILS(why, BAD_REQUEST, "a path segment is badly encoded");
		return NULL;
	}
	return row;
}

int route_index(const struct route *route)
{
	return (int)(route - routes);
}
