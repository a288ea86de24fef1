/* services/voices/case_rating.c - POST and GET /v1/cases/{no}/rating, on a phone or at a hall's terminal; POST /v1/hall/ratings, at a counter.
 *
 * At a counter the person types level and words on the counter's own screen, and the last four of the number that the clerk has no business to type for him: a rating that
 * anybody at a counter could give would be the clerk's own. */
#include "auth/audit.h"
#include "auth/keyring.h"
#include "auth/person.h"
#include "auth/tenancy.h"
#include "services/cases/case_row.h"
#include "services/handlers.h"
#include "services/services.h"
#include "services/voices/rating.h"
#include "services/voices/voice_view.h"
#include <assert.h>

enum { N_LEVEL, N_RATING };
enum { RATED = 1, LAST4 = 4 };

/* ---- one's own ---- */

struct rating_request {
	struct case_question question;
	struct rating_said said;
	struct rated_case c;
};

static bool said_parse(struct rating_said *s, struct fail *why)
{
	return rating_tags_from(s->tags_text, s->level, &s->tags, why);
}

static bool create_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = { RATING_FIELDS(offsetof(struct rating_request, said)) };
	struct rating_request *c = request_state(r, sizeof(*c), why);
	return c != NULL && request_query_only(r, no_query, why) && case_question_parse(r->params[0], &c->question, why) &&
	       request_json(r, fields, sizeof(fields) / sizeof(fields[0]), c, why) && said_parse(&c->said, why);
}

/* *sealed: the person's facts, valid until the statement's next step: they are copied. */
static bool case_read(struct tx *tx, const struct case_question *question, struct rated_case *c, struct arena *a, struct str *sealed, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT c.case_no, c.person, c.department, c.region, c.matter, c.state, p.facts FROM cases c JOIN person p ON p.id = c.person WHERE c.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, question->id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such case");
	*c = (struct rated_case){ .id = question->id, .person = stmt_int(q, 1), .department = stmt_int(q, 2), .region = stmt_int(q, 3), .matter = stmt_int(q, 4),
				  .state = (enum case_state)stmt_int(q, 5) };
	if (sealed != NULL && (*sealed = str_copy(a, stmt_blob(q, 6))).at == NULL)
		return FAILS(why, MEMORY, "facts");
	return case_question_answers(question, stmt_text(q, 0).at, why);
}

static bool create_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct rating_request *c = r->state;
	return case_read(tx, &c->question, &c->c, &r->arena, NULL, why) && case_owner(tx, r, c->c.person, c->c.matter, why);
}

static bool rated(struct tx *tx, struct request *r, const struct rated_case *c, const struct rating_said *said, enum audit_act act, struct fail *why)
{
	struct voice order;
	int64_t id;
	struct audit a = { act, AUDIT_OF_CASE, c->id, .result = 201, .department = c->department, .region = c->region };
	if (!rating_add(tx, r, c, said, &id, &order, why))
		return false;
	r->outcome = (struct outcome){ .code = RATED, .status = 201, .n = { [N_LEVEL] = said->level, [N_RATING] = id } };
	memcpy(r->outcome.text, order.number, sizeof(order.number));
	return audit_add(tx, r, &a, why);
}

/* Its state is read again: it may have moved since it was looked at. */
static bool create_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct rating_request *c = r->state;
	c->said.channel = r->who.terminal != 0 ? RATED_AT_TERMINAL : RATED_ONLINE;
	return case_read(tx, &c->question, &c->c, &r->arena, NULL, why) && rated(tx, r, &c->c, &c->said, AUDIT_RATED, why);
}

static bool create_render(struct request *r, struct fail *why)
{
	const struct outcome *o = &r->outcome;
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_number(&j, "level", o->n[N_LEVEL]);
	json_add_text(&j, "level_text", rating_level_text(o->n[N_LEVEL], r->lang));
	if (o->text[0] != '\0')
		json_add_text(&j, "work_order", str_c(o->text));
	else
		json_add_nothing(&j, "work_order");
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler rating_create = { .parse = create_parse, .look = create_look, .apply = create_apply, .render = create_render };

/* ---- what was said of it ---- */

struct showing {
	struct case_question question;
	struct rated_case c;
	struct rating rating;
	struct voice_view order;
};

static bool show_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct showing *s = request_state(r, sizeof(*s), why);
	return s != NULL && request_query_only(r, no_query, why) && case_question_parse(r->params[0], &s->question, why);
}

static bool order_read(struct tx *tx, struct request *r, struct showing *s, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, VOICE_VIEW_SELECT " WHERE v.rating = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, s->rating.id);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE;
		if (!voice_view_of(q, &r->arena, &s->order, why))
			return false;
	}
	return voice_view_all(tx, &r->arena, &s->order, VOICE_SEEN_BY_PERSON, why);
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct showing *s = r->state;
	return case_read(tx, &s->question, &s->c, &r->arena, NULL, why) && case_owner(tx, r, s->c.person, s->c.matter, why) &&
	       rating_of_case(tx, s->c.id, &r->arena, &s->rating, why) && (s->rating.id == 0 || order_read(tx, r, s, why));
}

static bool show_render(struct request *r, struct fail *why)
{
	const struct showing *s = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_boolean(&j, "may_rate", s->rating.id == 0 && rating_is_due(s->c.state));
	if (s->rating.id != 0) {
		json_put_name(&j, "rating");
		json_put_object(&j);
		rating_members(&j, &s->rating, r->lang);
		json_put_object_end(&j);
	} else {
		json_add_nothing(&j, "rating");
	}
	if (s->order.v.id != 0) {
		json_put_name(&j, "work_order");
		json_put_object(&j);
		voice_head_members(&j, &s->order, day_of(r->now_ms), r->lang);
		voice_all_members(&j, &s->order, VOICE_SEEN_BY_PERSON);
		json_put_object_end(&j);
	} else {
		json_add_nothing(&j, "work_order");
	}
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler rating_show = { .parse = show_parse, .look = show_look, .render = show_render };

/* ---- at a counter ---- */

struct at_counter {
	struct str case_no, last4;
	struct case_question question;
	struct rating_said said;
	struct rated_case c;
};

static bool counter_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = {
		{ "case_no", JSON_F_TEXT, true, 1, 32, offsetof(struct at_counter, case_no), check_visible_ascii },
		{ "id_last4", JSON_F_TEXT, true, LAST4, LAST4, offsetof(struct at_counter, last4), check_visible_ascii },
		RATING_FIELDS(offsetof(struct at_counter, said)),
	};
	struct at_counter *c = request_state(r, sizeof(*c), why);
	uint8_t digest[SHA256_BYTES];
	if (c == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), c, why) || !said_parse(&c->said, why))
		return false;
	if (!case_question_parse(c->case_no, &c->question, why)) {
		fail_clear(why);
		return FAILS(why, LOOKUP, "not a case number");
	}
	keyring_index("rate", &c->case_no, 1, digest);
	memcpy(&r->rate_key, digest, sizeof(r->rate_key));
	return true;
}

/* The same answer whether the number, the place or the four do not fit. */
static bool counter_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct at_counter *c = r->state;
	struct str sealed;
	char stored[LAST4] = { 0 }, typed[LAST4];
	if (!case_read(tx, &c->question, &c->c, &r->arena, &sealed, why)) {
		bool is_none = why->code == FAIL_NOT_FOUND;
		if (is_none)
			fail_clear(why);
		return is_none && FAILS(why, LOOKUP, "no such case");
	}
	if (!person_last4(c->c.person, sealed, stored, why))
		return false;
	for (int i = 0; i < LAST4; i++)
		typed[i] = c->last4.at[i] == 'x' ? 'X' : c->last4.at[i];
	bool fits = str_same_secret((struct str){ typed, LAST4 }, (struct str){ stored, LAST4 });
	if (!fits || !region_is_within(r->who.region, c->c.region))
		return FAILS(why, LOOKUP, "another's, or elsewhere");
	c->said.channel = RATED_AT_COUNTER;
	return rated(tx, r, &c->c, &c->said, AUDIT_RATED_AT_COUNTER, why);
}

const struct handler hall_rating = { .parse = counter_parse, .apply = counter_apply, .render = create_render };
