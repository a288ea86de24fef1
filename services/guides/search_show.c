/* services/guides/search_show.c - GET /v1/search?q=: matters by what a citizen types, best first (services/guides/search.h). */
#include "base/shelf.h"
#include "services/guides/guide_words.h"
#include "services/guides/matter_row.h"
#include "services/guides/search.h"
#include "services/handlers.h"
#include "services/services.h"

enum { LIMIT_USUAL = 10, LIMIT_MAX = 50, QUERY_BYTES_MAX = 4 * SEARCH_QUERY_MAX };

struct searching {
	struct search_question question;
	int count;
	struct matter found[LIMIT_MAX];
};

static bool search_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "q", "region", "topic", "limit", NULL };
	struct str region, topic;
	int64_t limit;
	struct searching *s = request_state(r, sizeof(*s), why);
	if (s == NULL || !request_query_only(r, names, why) || !request_query(r, "q", &s->question.words, why) ||
	    !request_query(r, "region", &region, why) || !request_query(r, "topic", &topic, why) ||
	    !query_number(r, "limit", 1, LIMIT_MAX, LIMIT_USUAL, &limit, why))
		return false;
	if (s->question.words.at == NULL || s->question.words.len > QUERY_BYTES_MAX)
		return FAILS_FIELD(why, QUERY, "q", "what is searched, %d bytes at most", QUERY_BYTES_MAX);
	if (region.at != NULL && !region_code_from(region, &s->question.region))
		return FAILS_FIELD(why, QUERY, "region", "not a region code");
	const struct guide_topic *t = topic.at != NULL ? guide_topic_from(topic) : NULL;
	if (topic.at != NULL && t == NULL)
		return FAILS_FIELD(why, QUERY, "topic", "not a topic");
	s->question.topics = t != NULL ? t->bit : 0;
	s->question.limit = (int)limit;
	return true;
}

/* A hit that is gone since the index was made is passed over. */
static bool hit_read(struct tx *tx, struct request *r, struct searching *s, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, MATTER_COLUMNS " AND m.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	return matter_of_row(r, q, &s->found[s->count++], why);
}

static bool search_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct searching *s = r->state;
	struct search_hit hits[SEARCH_HITS_MAX];
	int count;
	DROP(shelved) struct shelved *held = NULL;
	const struct search_index *index = shelf_take(SHELF_SEARCH, &held);
	if (index == NULL)
		return FAILS(why, BUSY, "there is no search index");
	if (!search_ask(index, &s->question, &r->arena, hits, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (!hit_read(tx, r, s, hits[i].id, why))
			return false;
	return true;
}

static bool search_render(struct request *r, struct fail *why)
{
	const struct searching *s = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int i = 0; i < s->count; i++) {
		json_put_object(&j);
		matter_members(&j, &s->found[i]);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler search_show = { .parse = search_parse, .look = search_look, .render = search_render };
