/* gateway/requests/admit.c - who may come in: head (host, token, right, rate, length) before a body is taken, body (media type,
 * Idempotency-Key) after. Every question here is answered from the route's row. What only a database that is a server's can answer comes after both, in a lane. */
#include "auth/keyring.h"
#include "auth/token.h"
#include "base/client_hosts.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "gateway/door/headers.h"
#include "gateway/door/upgrade.h"
#include "gateway/gateway.h"
#include "gateway/requests/acting.h"
#include "gateway/requests/presence.h"
#include "gateway/requests/task.h"
#include <assert.h>
#include <stdlib.h>

/* Not the loop's own: a lane may ask. */
static const struct config *config_of(const struct task *t)
{
	return atomic_load_explicit(&t->loop->gateway->config, memory_order_acquire);
}

/* ---- host ---- */

static struct str name_in(struct str authority)
{
	struct str name, port;
	if (authority.len > 0 && authority.at[0] == '[') /* an IPv6 literal keeps its colons */
		return authority;
	str_cut(authority, ':', &name, &port);
	return name;
}

static bool host_is_ours(const struct config *c, struct str name)
{
	struct str list = str_c(c->public_hosts);
	if (list.len == 0)
		return true;
	while (list.len > 0) {
		struct str one, rest;
		str_cut(list, ',', &one, &rest);
		if (str_eq_nocase(str_trim(one), name))
			return true;
		list = rest;
	}
	return false;
}

/* A connection by the name of a client host serves that host alone, and no other serves it: otherwise a certificate would not have been asked for where it
 * must be, or would be taken for another host's (RFC 9110 15.5.20). */
static bool admit_host(struct task *t, struct fail *why)
{
	const struct request *r = &t->r;
	const struct config *c = config_of(t);
	const struct certified *certified = r->certified;
	if (t->face != FACE_PUBLIC)
		return true;
	struct str name = name_in(r->authority);
	bool asks = client_hosts_has(str_c(c->tls_client_hosts), name);
	if (certified != NULL ? !str_eq(certified->host, name) : asks)
		return FAILS(why, MISDIRECTED, "host is not the name the connection came by");
	if (!asks && !host_is_ours(c, name))
		return FAILS(why, MISDIRECTED, "host is not in listen.hosts");
	if (!r->route->handler->wants_certificate)
		return true;
	if (certified == NULL)
		return FAILS(why, MISDIRECTED, "no certificate is asked for by this name");
	return request_certificate(r) != NULL || FAILS(why, CERTIFICATE, "none is shown, or it has expired");
}

/* ---- rate ---- */

static struct rate_rule rule_of(const struct config *c, enum rate_class rate_class, bool by_who)
{
	switch (rate_class) {
	case RATE_READ:       return (struct rate_rule){ c->rate_read, 60 };
	case RATE_WRITE:      return (struct rate_rule){ c->rate_write, 60 };
	case RATE_DEPARTMENT: return (struct rate_rule){ c->rate_department, 60 };
	case RATE_PUBLIC:     return (struct rate_rule){ c->rate_public, 60 };
	case RATE_LOOKUP:     return (struct rate_rule){ by_who ? c->rate_lookup_address : c->rate_lookup_case, 3600 };
	case RATE_MISS:       return (struct rate_rule){ by_who ? c->rate_miss_person : c->rate_miss_address, 600 };
	case RATE_NONE:
	case RATE_COUNT:      break;
	}
	return (struct rate_rule){ 0, 0 };
}

/* Always false. */
static bool refuse_rate(enum rate_class rate_class, const struct rate_verdict *v, struct fail *why)
{
	metric_add(M_rate_limited, (int)rate_class, 1);
	FAILS(why, RATE, "class %d, quota %lld", (int)rate_class, (long long)v->quota);
	why->retry_after_s = (int)v->retry_s;
	return false;
}

bool admit_rate(struct task *t, enum rate_class rate_class, uint64_t key, bool by_who, struct fail *why)
{
	struct rate_rule rule = rule_of(config_of(t), rate_class, by_who);
	struct rate_verdict v;
	ratelimit_charge(t->loop->gateway->ratelimit, (int)rate_class * 2 + by_who, key, &rule, t->began_ns / 1000000, &v);
	if (v.quota > 0 && (t->rate.quota == 0 || v.refused || v.remaining < t->rate.remaining))
		t->rate = v;
	return !v.refused || refuse_rate(rate_class, &v, why);
}

/* ---- who ---- */

/* A token nobody knows costs a look into the database: whoever brings many is slowed down by its address. Always false. */
static bool admit_guess(struct task *t, struct fail *why)
{
	struct fail rate;
	fail_clear(&rate);
	if (why->code == FAIL_TOKEN && !admit_rate(t, RATE_PUBLIC, ratelimit_key(t->loop->gateway->ratelimit, t->r.peer), true, &rate))
		*why = rate;
	return false;
}

static bool admit_level(const struct request *r, struct fail *why)
{
	if (level_suffices(&r->who, (int)r->route->level, r->now_ms))
		return true;
	FAILS(why, LEVEL, "level %d, needed %d", r->who.level, (int)r->route->level);
	fail_fact_number(why, "needed_level", (int)r->route->level);
	fail_fact_text(why, "step", level_row((int)r->route->level)->step);
	return false;
}

static bool admit_right(const struct request *r, struct fail *why)
{
	if (right_is_held(&r->who, r->route->right))
		return true;
	FAILS(why, FORBIDDEN, "the right %s is not held", right_row(r->route->right)->text);
	fail_fact_text(why, "right", right_row(r->route->right)->text);
	return false;
}

/* What two people of the staff must do, no file right does: there the operator's command brings a clerk's own token. */
static bool is_operators(const struct task *t)
{
	return t->face == FACE_CONTROL && (t->r.route->who & WHO_OPERATOR) != 0;
}

static bool admit_who(struct task *t, struct connection *reader, struct fail *why)
{
	struct request *r = &t->r;
	const struct route *row = r->route;
	r->who = (struct principal){ .kind = WHO_ANYONE };
	if (is_operators(t)) {
		r->who.kind = WHO_OPERATOR; /* the socket's file mode is the proof */
		return true;
	}
	if (row->handler->is_oauth)
		return true; /* who comes for a token has none that counts; what else he brings is his grant's to read */
	struct secret bearer;
	if (!header_bearer(r->known[HEADER_AUTHORIZATION], &bearer))
		return FAILS(why, TOKEN, "authorization is not a bearer token");
	if (r->wants_tunnel) {
		struct secret offered;
		if (!upgrade_bearer(r, &offered) || (offered.secret.at != NULL && bearer.secret.at != NULL))
			return FAILS(why, BAD_REQUEST, "more than one token");
		if (offered.secret.at != NULL)
			bearer = offered;
	}
	if (bearer.secret.at != NULL) {
		struct tx tx;
		if (!reader_begin(reader, &tx, why))
			return false;
		if (!token_check(&tx, bearer, request_certificate(r), r->now_ms, config_of(t)->development, &r->who, why))
			return admit_guess(t, why);
		presence_note(t->loop->gateway->committer, &r->who, r->now_ms);
	}
	if (row->who & WHO_ANYONE)
		return true;
	if (r->who.kind == WHO_ANYONE)
		return FAILS(why, LOGIN, "no token");
	if (!(row->who & (int)r->who.kind))
		return FAILS(why, FORBIDDEN, "the token is of another kind");
	if (row->handler->own_device && r->who.terminal != 0)
		return FAILS(why, AT_TERMINAL, "the session is at terminal %lld", (long long)r->who.terminal);
	return r->who.kind == WHO_CITIZEN ? admit_level(r, why) : admit_right(r, why);
}

static bool is_anonymous(const struct request *r)
{
	return r->who.kind == WHO_ANYONE || r->route->rate == RATE_LOOKUP;
}

static uint64_t asker_key(const struct task *t)
{
	const struct request *r = &t->r;
	return is_anonymous(r) ? ratelimit_key(t->loop->gateway->ratelimit, r->peer) : (uint64_t)r->who.id << WHO_BITS | (uint64_t)r->who.kind;
}

/* Whoever has missed too often is told so before a hit and a miss can be told apart. Counted as a miss until it is known for none: those who ask at once are not let in past each other. */
static bool admit_guesser(struct task *t, struct fail *why)
{
	bool by_who = !is_anonymous(&t->r);
	struct rate_rule rule = rule_of(config_of(t), RATE_MISS, by_who);
	struct rate_verdict v;
	ratelimit_charge(t->loop->gateway->ratelimit, RATE_MISS * 2 + by_who, asker_key(t), &rule, t->began_ns / 1000000, &v);
	if (!v.refused) {
		t->guess = rule;
		return true;
	}
	t->rate = v;
	return refuse_rate(RATE_MISS, &v, why);
}

void admit_was_no_miss(struct task *t)
{
	if (t->guess.quota == 0)
		return;
	bool by_who = !is_anonymous(&t->r), is_miss = t->failed && t->r.why.code == t->r.route->handler->miss;
	if (!is_miss)
		ratelimit_give_back(t->loop->gateway->ratelimit, RATE_MISS * 2 + by_who, asker_key(t), &t->guess);
	t->guess.quota = 0;
}

static bool admit_asker(struct task *t, struct fail *why)
{
	const struct route *row = t->r.route;
	if (row->rate != RATE_NONE && !admit_rate(t, row->rate, asker_key(t), true, why))
		return false;
	return row->handler->miss == FAIL_NONE || admit_guesser(t, why);
}

/* ---- head ---- */

static bool admit_caller(struct task *t, struct connection *reader, struct fail *why)
{
	return admit_who(t, reader, why) && admit_asker(t, why) && admit_acting(t, reader, why);
}

static bool brings_token(const struct task *t)
{
	const struct request *r = &t->r;
	return !is_operators(t) && !r->route->handler->is_oauth && (r->known[HEADER_AUTHORIZATION].at != NULL || r->wants_tunnel);
}

bool admit_head(struct task *t, struct fail *why)
{
	const struct route *row = t->r.route;
	if (!admit_host(t, why))
		return false;
	t->admit_later = t->loop->reader == NULL && brings_token(t);
	if (!t->admit_later && !admit_caller(t, t->loop->reader, why))
		return false;
	if (t->length > (int64_t)row->body_max)
		return FAILS(why, BODY_TOO_LARGE, "%lld bytes announced, %zu allowed", (long long)t->length, row->body_max);
	return true;
}

/* ---- Idempotency-Keys in flight: a second request with the same key is told so instead of waiting ---- */

enum { KEY_SHARDS = 64 };

static struct {
	pthread_mutex_t lock;
	struct task *held;
} in_flight[KEY_SHARDS] = { [0 ... KEY_SHARDS - 1] = { PTHREAD_MUTEX_INITIALIZER, NULL } };

static bool same_key(const struct outcome_key *a, const struct outcome_key *b)
{
	return a->who_kind == b->who_kind && a->who_id == b->who_id && a->route == b->route && memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

static bool key_hold(struct task *t)
{
	int shard = t->key.key[0] % KEY_SHARDS;
	bool free_now = true;
	pthread_mutex_lock(&in_flight[shard].lock);
	for (struct task *o = in_flight[shard].held; o != NULL && free_now; o = o->next)
		free_now = !same_key(&o->key, &t->key);
	if (free_now) {
		t->next = in_flight[shard].held;
		in_flight[shard].held = t;
		t->key_held = true;
	}
	pthread_mutex_unlock(&in_flight[shard].lock);
	return free_now;
}

void key_release(struct task *t)
{
	if (!t->key_held)
		return;
	int shard = t->key.key[0] % KEY_SHARDS;
	pthread_mutex_lock(&in_flight[shard].lock);
	struct task **at = &in_flight[shard].held;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	pthread_mutex_unlock(&in_flight[shard].lock);
	t->next = NULL;
	t->key_held = false;
}

/* Keyed: a body holds numbers that could be tried out. */
static bool digest_body(struct task *t, struct fail *why)
{
	struct request *r = &t->r;
	struct str parts[] = { r->target, r->body };
	uint8_t(*digests)[SHA256_BYTES] = arena_alloc(&r->arena, KEYRING_INDEX_MAX * sizeof(*digests));
	if (digests == NULL)
		return FAILS(why, MEMORY, "digest of %zu bytes", r->body.len);
	t->key.older_count = keyring_index_all("outcome", parts, sizeof(parts) / sizeof(parts[0]), digests) - 1;
	memcpy(t->key.body, digests[0], sizeof(t->key.body));
	t->key.older = (const uint8_t(*)[SHA256_BYTES])(digests + 1);
	return true;
}

static bool admit_key(struct task *t, struct fail *why)
{
	struct request *r = &t->r;
	struct str key, value = r->known[HEADER_IDEMPOTENCY_KEY];
	if (value.at == NULL)
		return FAILS(why, KEY_MISSING, "no key");
	if (!header_idempotency_key(value, &key))
		return FAILS(why, KEY_INVALID, "%zu characters", value.len);
	t->key = (struct outcome_key){ .who_kind = (int32_t)r->who.kind, .who_id = r->who.id, .route = r->route->number };
	struct str parts[] = { key, { (const char *)&r->who.acting_for, sizeof(r->who.acting_for) } };
	hash_parts(HASH_SHA256, parts, r->who.acting_for != 0 ? 2 : 1, t->key.key); /* for another it is another key */
	if (!digest_body(t, why))
		return false;
	t->has_key = true;
	if (!key_hold(t)) {
		why->retry_after_s = 1;
		return FAILS(why, KEY_IN_FLIGHT, "the first is still on its way");
	}
	return true;
}

static bool media_type_fits(const struct request *r)
{
	struct str type = header_media_type(r->known[HEADER_CONTENT_TYPE]);
	if (r->route->handler->is_oauth || r->route->handler->is_page)
		return str_eq_nocase(type, STR("application/x-www-form-urlencoded"));
	if (r->route->handler->takes_table)
		return str_eq_nocase(type, STR("text/csv"));
	if (r->route->faces == FACE_FRAMES)
		return true;
	if (r->route->faces == FACE_CONTROL && (str_eq_nocase(type, STR("text/csv")) || str_eq_nocase(type, STR("application/x-ndjson"))))
		return true;
	return r->route->handler->sink != NULL || str_eq_nocase(type, STR("application/json")); /* of a sink: judged before it came (intake.c) */
}

bool admit_body(struct task *t, struct fail *why)
{
	struct request *r = &t->r;
	if (r->route->body_max > 0 && r->body.len > 0 && !media_type_fits(r))
		return FAILS(why, MEDIA_TYPE, "content-type");
	return t->admit_later || !r->route->idempotent || admit_key(t, why);
}

/* ---- in a lane ---- */

bool admit_early(struct task *t, struct connection *reader, struct fail *why)
{
	return admit_caller(t, reader, why);
}

static bool repeat_matters(const struct task *t)
{
	const struct handler *h = t->r.route->handler;
	return t->r.route->idempotent && (h->recall != NULL || h->ask != NULL);
}

bool admit_wants_lane(const struct task *t)
{
	return t->loop->reader == NULL && (t->admit_later || repeat_matters(t));
}

bool admit_in_lane(struct task *t, struct connection *reader, struct fail *why)
{
	if (t->admit_later && !(admit_caller(t, reader, why) && (!t->r.route->idempotent || admit_key(t, why))))
		return false;
	return !repeat_matters(t) || task_look_for_repeat(t, reader, why);
}
