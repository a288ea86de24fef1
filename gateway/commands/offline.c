/* gateway/commands/offline.c - runs a control route's handler on the opened store, without loops or lanes, when no daemon holds the folder. */
#include "auth/keyring.h"
#include "base/clock.h"
#include "base/ids.h"
#include "gateway/beside/office_book.h"
#include "gateway/commands/command.h"
#include "gateway/requests/route.h"
#include "gateway/requests/task.h"
#include "notify/account.h"
#include "services/handlers.h"
#include "store/store.h"
#include <stdlib.h>

enum { PIECE_BYTES = 256 << 10 };

struct offline {
	struct store *store;
	struct connection *reader;
};

static bool is_readable(const struct store *s, struct fail *why)
{
	return store_is_current(s) || FAILS(why, SCHEMA, "schema %d is not this siban's; look at it with the siban it came from", store_schema_version(s));
}

struct offline *offline_open(const struct config *c, bool only_looks, struct fail *why)
{
	struct offline *o = calloc(1, sizeof(*o));
	if (o == NULL) {
		FAILS(why, MEMORY, "offline");
		return NULL;
	}
	route_table_build();
	office_book_compose();
	bool ok = (o->store = store_open(c, only_looks ? STORE_INSPECT : STORE_SERVE, why)) != NULL;
	/* Who only looks needs no keys: a copy of siban.db alone can be verified, elsewhere and by somebody else. */
	ok = ok && (only_looks ? is_readable(o->store, why) : keyring_open(c, false, why) && services_start(o->store, c, false, why));
	ok = ok && (o->reader = store_reader(o->store, 0, why)) != NULL;
	if (ok)
		return o;
	offline_close(o);
	return NULL;
}

void offline_close(struct offline *o)
{
	if (o == NULL)
		return;
	if (o->reader != NULL)
		connection_close(o->reader);
	if (o->store != NULL)
		store_close(o->store);
	accounts_close();
	keyring_close();
	free(o);
}

static bool apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct request *r = ctx;
	memset(&r->outcome, 0, sizeof(r->outcome));
	return r->route->handler->apply(tx, r, why);
}

/* A body that goes to a sink, as it would come over a socket. */
static bool sink(const struct control_talk *t, struct request *r, struct fail *why)
{
	const struct body_sink *to = r->route->handler->sink;
	struct str left = r->body;
	while (left.len > 0) {
		struct str piece = { left.at, left.len < PIECE_BYTES ? left.len : PIECE_BYTES };
		if (!to->take(r, piece, why))
			return false;
		left = (struct str){ left.at + piece.len, left.len - piece.len };
		if (t->sent != NULL)
			t->sent(t->ctx, (int64_t)(r->body.len - left.len), (int64_t)r->body.len);
	}
	return r->body.len == 0 || to->end(r, why);
}

/* A body that is made while it is sent. */
static bool pour(struct offline *o, const struct control_talk *t, struct request *r, struct fail *why)
{
	struct tx tx;
	struct body_source *s = r->route->handler->source(r, why);
	bool ok = s != NULL;
	while (ok && !s->is_over) {
		ok = reader_begin(o->reader, &tx, why) && s->more(s, &tx, why);
		reader_end(o->reader);
		ok = ok && (t->take(t->ctx, s->piece) || FAILS(why, SYSTEM, "what was asked for is not taken"));
	}
	if (s != NULL)
		s->drop(s);
	return ok;
}

static bool run_stages(struct offline *o, const struct control_talk *t, struct request *r, struct fail *why)
{
	const struct handler *h = r->route->handler;
	struct tx tx;
	if (h->sink != NULL && !sink(t, r, why)) {
		h->sink->drop(r);
		return false;
	}
	if (h->parse != NULL && !h->parse(r, why))
		return false;
	if (h->look != NULL) {
		bool ok = reader_begin(o->reader, &tx, why) && h->look(&tx, r, why);
		reader_end(o->reader);
		if (!ok)
			return false;
	}
	if (h->work != NULL && !h->work(r, why))
		return false;
	if (h->ask != NULL)
		return FAILS(why, STOPPING, "only a running gateway speaks to the outside");
	if (h->apply != NULL && !store_write(o->store, apply, r, why))
		return false;
	return h->render(r, why) && (r->reply.goes_on != REPLY_MADE || pour(o, t, r, why));
}

static bool is_operators(const struct route *route, struct fail *why)
{
	return (route->who & WHO_OPERATOR) != 0 || FAILS(why, STOPPING, "only a running gateway lets staff in");
}

int offline_ask(struct offline *o, const struct control_talk *talk, char **answer, struct fail *why)
{
	static struct task t; /* only its request and its problem are used */
	struct header headers[] = { { STR("content-type"), str_c(talk->content_type) } };
	const char *allow;
	memset(&t, 0, sizeof(t));
	struct request *r = &t.r;
	arena_init(&r->arena, 64u << 20);
	r->method = METHOD_POST;
	r->target = str_c(talk->target);
	r->headers = headers;
	r->header_count = 1;
	r->body = talk->body;
	r->who.kind = WHO_OPERATOR;
	r->lang = LANG_EN;
	r->now_ms = clock_wall_ms();
	random_bytes(r->random, sizeof(r->random));
	id_text(id_new(r->now_ms), "rq", r->id);
	bool ok = target_split(r, &r->why) && (r->route = route_find(r, FACE_CONTROL, &allow, &r->why)) != NULL && is_operators(r->route, &r->why) && run_stages(o, talk, r, &r->why);
	if (!ok)
		problem_render(&t);
	int status = r->reply.status;
	*answer = malloc(r->reply.body.len + 1);
	if (*answer == NULL) {
		FAILS(why, MEMORY, "an answer of %zu bytes", r->reply.body.len);
		status = 0;
	} else {
		if (r->reply.body.len > 0) /* a 204 has none */
			memcpy(*answer, r->reply.body.at, r->reply.body.len);
		(*answer)[r->reply.body.len] = '\0';
	}
	arena_free(&r->arena);
	return status;
}
