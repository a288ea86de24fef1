/* services/control/control_seal.c - `siban seal` asks: where does the chain end, and is it still whole? Piece by piece, so that no reader is held up. */
#include "services/handlers.h"
#include "services/services.h"
#include "store/seal_check.h"

enum { CHAIN_HEX = 2 * HASH_BYTES };

static void add_chain(struct json_out *j, const uint8_t chain[HASH_BYTES])
{
	char hex[CHAIN_HEX + 1];
	hex_text(chain, HASH_BYTES, hex);
	json_add_text(j, "chain", str_c(hex));
}

static void add_time_or_nothing(struct json_out *j, const char *name, int64_t ms)
{
	if (ms == 0)
		json_add_nothing(j, name);
	else
		json_add_time(j, name, ms);
}

/* ---- control_seal_head ---- */

struct head {
	struct seal seal;
	enum hash_kind hash;
	int64_t waiting, oldest_ms;
};

static bool head_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { NULL };
	return request_state(r, sizeof(struct head), why) != NULL && request_query_only(r, names, why);
}

static bool head_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct head *h = r->state;
	h->hash = seal_hash(tx);
	return seal_head(tx, &h->seal, why) && seal_waiting(tx, &h->seal, &h->waiting, &h->oldest_ms, why);
}

static bool head_render(struct request *r, struct fail *why)
{
	const struct head *h = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "seq", h->seal.seq);
	add_chain(&j, h->seal.chain);
	json_add_text(&j, "hash", hash_name(h->hash));
	add_time_or_nothing(&j, "sealed_at", h->seal.sealed_ms);
	json_add_number(&j, "unsealed", h->waiting);
	add_time_or_nothing(&j, "oldest_unsealed_at", h->oldest_ms);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_seal_head = { .parse = head_parse, .look = head_look, .render = head_render };

/* ---- what is wrong, in both checks ---- */

static void wrong_out(struct json_out *j, enum seal_wrong wrong, int64_t seq, int64_t kind, int64_t ref_a, int64_t ref_b)
{
	const struct fact_row *row = fact_row_of(kind);
	if (wrong == SEAL_FINE) {
		json_add_nothing(j, "wrong");
		return;
	}
	json_put_name(j, "wrong");
	json_put_object(j);
	json_add_text(j, "what", str_c(seal_wrong_word(wrong)));
	json_add_text(j, "text", str_c(seal_wrong_prose(wrong)));
	if (seq > 0)
		json_add_number(j, "seq", seq);
	if (row != NULL) {
		json_add_text(j, "kind", str_c(row->name));
		json_add_number(j, "ref_a", ref_a);
		json_add_number(j, "ref_b", ref_b);
	}
	json_put_object_end(j);
}

static bool limit_parse(struct request *r, int64_t *limit, struct fail *why)
{
	return query_number(r, "limit", 1, SEAL_CHECK_ROWS_MAX, SEAL_CHECK_ROWS_MAX, limit, why);
}

/* ---- control_seal_verify: along the chain ---- */

struct verify {
	struct seal_walk walk;
	int64_t limit;
};

static bool chain_parse(struct request *r, uint8_t chain[HASH_BYTES], struct fail *why)
{
	struct str text;
	if (!request_query(r, "chain", &text, why))
		return false;
	if (text.at == NULL)
		return FAILS_FIELD(why, QUERY, "chain", "with seq the chain there is needed");
	return (text.len == CHAIN_HEX && str_hex(text, chain, HASH_BYTES) == HASH_BYTES) || FAILS_FIELD(why, QUERY, "chain", "not 64 hex digits");
}

static bool verify_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "seq", "chain", "limit", NULL };
	struct verify *v = request_state(r, sizeof(*v), why);
	if (v == NULL || !request_query_only(r, names, why) || !limit_parse(r, &v->limit, why) ||
	    !query_number(r, "seq", 0, INT64_MAX - 1, 0, &v->walk.at.seq, why))
		return false;
	return v->walk.at.seq == 0 || chain_parse(r, v->walk.at.chain, why);
}

static bool verify_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct verify *v = r->state;
	return seal_walk(tx, &v->walk, v->limit, why);
}

static bool verify_render(struct request *r, struct fail *why)
{
	const struct seal_walk *w = &((struct verify *)r->state)->walk;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "seq", w->at.seq);
	add_chain(&j, w->at.chain);
	json_add_number(&j, "rows", w->rows);
	json_add_boolean(&j, "end", w->is_end);
	wrong_out(&j, w->wrong, w->wrong_seq, w->kind, w->ref_a, w->ref_b);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_seal_verify = { .parse = verify_parse, .look = verify_look, .render = verify_render };

/* ---- control_seal_rows: over the records of a kind ---- */

struct rows {
	struct seal_rows walk;
	int64_t limit;
};

static bool rows_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "ref_a", "ref_b", "limit", NULL };
	struct rows *s = request_state(r, sizeof(*s), why);
	if (s == NULL || !request_query_only(r, names, why) || !limit_parse(r, &s->limit, why))
		return false;
	s->walk.kind = fact_row_named(r->params[0]);
	if (s->walk.kind == NULL)
		return FAILS(why, NOT_FOUND, "no such kind of record");
	return query_number(r, "ref_a", INT64_MIN, INT64_MAX, INT64_MIN, &s->walk.ref_a, why) &&
	       query_number(r, "ref_b", INT64_MIN, INT64_MAX, INT64_MIN, &s->walk.ref_b, why);
}

static bool rows_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct rows *s = r->state;
	return seal_rows(tx, &s->walk, s->limit, why);
}

static bool rows_render(struct request *r, struct fail *why)
{
	const struct seal_rows *w = &((struct rows *)r->state)->walk;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "ref_a", w->ref_a);
	json_add_number(&j, "ref_b", w->ref_b);
	json_add_number(&j, "rows", w->rows);
	json_add_boolean(&j, "end", w->is_end);
	wrong_out(&j, w->wrong, 0, w->kind->kind, w->ref_a, w->ref_b);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_seal_rows = { .parse = rows_parse, .look = rows_look, .render = rows_render };
