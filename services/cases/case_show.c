/* services/cases/case_show.c - "where is my case?": the question this gateway exists for, and its most frequent. */
#include "base/day.h"
#include "services/cases/case_journal.h"
#include "services/cases/case_row.h"
#include "services/cases/case_texts.h"
#include "services/cases/joint.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/store.h"
#include <stddef.h>

/* Part of the ETag: raise it when a text of case_state.def changes, or clients keep the old one. */
enum { TEXTS_EDITION = 3 };

enum { BODY_BYTES_MAX = 712 /* measured: 512 to 525; about 620 with the longest names of data/. A longer one is read and written each time */ };

/* A finished answer as the row cache keeps it, and what must be known to give it out. */
struct shown {
	int64_t person, matter;
	uint64_t version;
	int32_t today;         /* lights change by themselves: good for this day only */
	char case_no[CASE_NUMBER_LENGTH];
	uint16_t len;
	char body[BODY_BYTES_MAX];
};
_Static_assert(sizeof(struct shown) <= ROW_CASE_BYTES_MAX, "an answer fits its kind");

struct show {
	struct case_question question;
	struct str body;
};

static bool case_show_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct show *s = request_state(r, sizeof(*s), why);
	return s != NULL && request_query_only(r, no_query, why) && case_question_parse(r->params[0], &s->question, why);
}

/* parts NULL: it is a case of one department. */
static bool write_body(struct request *r, const struct case_row *row, const struct parts *parts, struct str *body, struct fail *why)
{
	struct buf b;
	buf_init(&b, &r->arena, BODY_BYTES_MAX);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	case_row_members(&j, row, day_of(r->now_ms), r->lang);
	json_put_members(&j, case_texts((enum case_state)row->state, r->lang)->next);
	if (parts != NULL)
		joint_parts_out(&j, parts, day_of(r->now_ms), r->lang);
	json_put_object_end(&j);
	*body = buf_text(&b);
	return reply_json_end(r, &j, why);
}

static void keep(struct tx *tx, const struct request *r, const struct case_row *row, const struct show *s)
{
	if (s->body.len > BODY_BYTES_MAX)
		return;
	struct shown *to = tx_cache(tx, ROW_CASE, case_shown_key(s->question.id, r->lang), offsetof(struct shown, body) + s->body.len);
	if (to == NULL)
		return;
	to->person = row->person;
	to->matter = row->matter;
	to->version = r->version;
	to->today = day_of(r->now_ms);
	memcpy(to->case_no, row->case_no, CASE_NUMBER_LENGTH);
	to->len = (uint16_t)s->body.len;
	memcpy(to->body, s->body.at, s->body.len);
}

/* Not kept: it changes with rows that are not its own. */
static bool whole_body(struct tx *tx, struct request *r, const struct case_row *row, struct show *s, struct fail *why)
{
	struct parts *parts = arena_alloc(&r->arena, sizeof(*parts));
	if (parts == NULL)
		return FAILS(why, MEMORY, "parts");
	if (!joint_parts(tx, s->question.id, parts, &r->arena, why))
		return false;
	for (int i = 0; i < parts->count; i++) {
		const struct part *p = &parts->at[i];
		const int64_t said[] = { p->case_id, p->last_seq, p->updated_ms, p->clock, p->has_due ? p->due : 0, p->case_id == 0 ? 0 : (int64_t)part_light(p, day_of(r->now_ms)) };
		r->version = version_mix(r->version, said, sizeof said);
	}
	return write_body(r, row, parts, &s->body, why);
}

static bool from_table(struct tx *tx, struct request *r, struct show *s, struct fail *why)
{
	struct case_row row;
	if (!case_row_read(tx, &r->arena, s->question.id, &row, why) || !case_question_answers(&s->question, row.case_no, why))
		return false;
	if (!case_owner(tx, r, row.person, row.matter, why))
		return false;
	if (r->owner != principal_whose(&r->who))
		return true; /* a stranger's question must not take longer than one about nothing */
	/* A case changes by its events, each has a seq, and by its limit; the time tells apart what two databases call the same case. */
	_Static_assert(CASE_SEQ_MAX < 1 << 17, "seq fits below the edition");
	r->version = (uint64_t)row.updated_ms << 22 | (uint64_t)TEXTS_EDITION << 17 | (uint64_t)row.last_seq;
	uint64_t limit = (uint64_t)(uint32_t)row.due << 32 | (uint64_t)row.clock << 8 | (uint64_t)case_row_light(&row, day_of(r->now_ms));
	r->version = version_mix_number(r->version, limit);
	if (row.is_whole)
		return whole_body(tx, r, &row, s, why);
	if (!write_body(r, &row, NULL, &s->body, why))
		return false;
	keep(tx, r, &row, s);
	return true;
}

static bool from_cache(struct tx *tx, struct request *r, struct show *s, const struct shown *kept, struct fail *why)
{
	if (!case_question_answers(&s->question, kept->case_no, why))
		return false;
	if (!case_owner(tx, r, kept->person, kept->matter, why))
		return false;
	if (r->owner != principal_whose(&r->who))
		return true;
	r->version = kept->version;
	s->body = str_copy(&r->arena, (struct str){ kept->body, kept->len });
	return s->body.at != NULL || FAILS(why, MEMORY, "an answer of %d bytes", (int)kept->len);
}

/* The answer is written here rather than by render, because the cache keeps it and must hear of it while the snapshot lasts. */
static bool case_show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct show *s = r->state;
	const struct shown *kept = tx_cached(tx, ROW_CASE, case_shown_key(s->question.id, r->lang));
	return kept != NULL && kept->today == day_of(r->now_ms) ? from_cache(tx, r, s, kept, why) : from_table(tx, r, s, why);
}

static bool case_show_render(struct request *r, struct fail *why)
{
	(void)why;
	reply_json_text(r, 200, ((const struct show *)r->state)->body);
	return true;
}

const struct handler case_show = { .parse = case_show_parse, .look = case_show_look, .render = case_show_render };
