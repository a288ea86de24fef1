/* services/guides/matter.c - the catalogue: what one can come for, where, and how long it takes. */
#include "services/guides/matter.h"
#include "services/guides/guide_words.h"
#include "services/guides/matter_row.h"
#include "services/handlers.h"
#include "services/page.h"
#include "services/services.h"
#include "store/store.h"
#include <assert.h>

enum wish_online { ONLINE_ANY, ONLINE_ONLY, OFFLINE_ONLY };
enum { MATTER_CODE_MAX = 64, USCC_LENGTH = 18 };

struct str matter_type_name(int64_t type)
{
	assert(type == MATTER_IMMEDIATE || type == MATTER_COMMITMENT);
	return type == MATTER_IMMEDIATE ? STR("immediate") : STR("commitment");
}

bool matter_of_row(struct request *r, struct stmt *q, struct matter *to, struct fail *why)
{
	*to = (struct matter){
		.id = stmt_int(q, 0), .type = stmt_int(q, 3), .legal_days = stmt_int(q, 4), .promised_days = stmt_int(q, 5),
		.trips = stmt_int(q, 6), .online = stmt_int(q, 7), .region = stmt_int(q, 10), .topics = stmt_int(q, 12), .guide = stmt_int(q, 13),
		.code = str_copy(&r->arena, stmt_text(q, 1)), .name = str_copy(&r->arena, stmt_text(q, 2)),
		.department_code = str_copy(&r->arena, stmt_text(q, 8)), .department_name = str_copy(&r->arena, stmt_text(q, 9)),
		.region_name = str_copy(&r->arena, stmt_text(q, 11)),
	};
	bool kept = to->code.at != NULL && to->name.at != NULL && to->department_code.at != NULL && to->department_name.at != NULL &&
		    to->region_name.at != NULL;
	return kept || FAILS(why, MEMORY, "a matter");
}

static void topics_out(struct json_out *j, uint64_t bits)
{
	size_t count;
	const struct guide_topic *topics = guide_topics(&count);
	json_put_name(j, "topics");
	json_put_array(j);
	for (size_t i = 0; i < count; i++)
		if ((bits & topics[i].bit) != 0)
			json_put_text(j, topics[i].text);
	json_put_array_end(j);
}

void matter_members(struct json_out *j, const struct matter *m)
{
	json_add_text(j, "code", m->code);
	json_add_text(j, "name", m->name);
	json_add_text(j, "type", matter_type_name(m->type));
	json_put_name(j, "department");
	json_put_object(j);
	json_add_text(j, "code", m->department_code);
	json_add_text(j, "name", m->department_name);
	json_put_object_end(j);
	json_put_name(j, "region");
	json_put_object(j);
	json_add_region_code(j, "code", m->region);
	json_add_text(j, "name", m->region_name);
	json_put_object_end(j);
	json_add_number(j, "legal_days", m->legal_days);
	json_add_number(j, "promised_days", m->promised_days);
	json_add_number(j, "trips", m->trips);
	json_add_boolean(j, "online", m->online >= ONLINE_APPLY);
	json_add_text(j, "online_depth", guide_word(GUIDE_ONLINE, m->online)->text);
	topics_out(j, (uint64_t)m->topics);
	if (m->guide == 0)
		json_add_nothing(j, "guide_version");
	else
		json_add_number(j, "guide_version", m->guide);
}

/* ---- matter_list ---- */

struct matter_page {
	struct page page;
	int64_t region;        /* 0: any */
	struct str department; /* empty: any */
	int64_t topic;         /* its bit; 0: any */
	int64_t online;        /* enum wish_online */
	struct matter items[];
};

static bool topic_parse(struct request *r, int64_t *bit, struct fail *why)
{
	struct str text;
	if (!request_query(r, "topic", &text, why))
		return false;
	const struct guide_topic *topic = text.at != NULL ? guide_topic_from(text) : NULL;
	*bit = topic != NULL ? (int64_t)topic->bit : 0;
	return text.at == NULL || topic != NULL || FAILS_FIELD(why, QUERY, "topic", "not a topic");
}

static bool online_parse(struct request *r, int64_t *online, struct fail *why)
{
	struct str text;
	if (!request_query(r, "online", &text, why))
		return false;
	*online = text.at == NULL ? ONLINE_ANY : str_eq(text, STR("true")) ? ONLINE_ONLY : OFFLINE_ONLY;
	return *online != OFFLINE_ONLY || str_eq(text, STR("false")) || FAILS_FIELD(why, QUERY, "online", "neither true nor false");
}

static bool matter_list_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "region", "department", "topic", "online", "cursor", "limit", NULL };
	int64_t region = 0, topic = 0, online = ONLINE_ANY;
	struct str region_text, department;
	if (!request_query_only(r, names, why) || !request_query(r, "region", &region_text, why) ||
	    !request_query(r, "department", &department, why))
		return false;
	if (region_text.at != NULL && !region_code_from(region_text, &region))
		return FAILS_FIELD(why, QUERY, "region", "not a region code");
	if (department.at != NULL && department.len != USCC_LENGTH)
		return FAILS_FIELD(why, QUERY, "department", "not a department code");
	if (!topic_parse(r, &topic, why) || !online_parse(r, &online, why))
		return false;
	struct matter_page *list = page_state(r, (struct cursor){ 0, 0 }, sizeof(*list), sizeof(list->items[0]), why);
	if (list == NULL)
		return false;
	list->region = region;
	list->topic = topic;
	list->online = online;
	list->department = department.at != NULL ? department : STR("");
	return true;
}

static bool matter_list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct matter_page *list = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx,
		MATTER_COLUMNS " AND m.id > $1 AND (g.code = $2 OR $2 = 0) AND (d.code = $3 OR $3 = '') AND ((COALESCE(u.topics, 0) & $4) <> 0 OR $4 = 0)"
		" AND (CASE WHEN COALESCE(u.online, 1 + 2 * m.online) >= 3 THEN 1 ELSE 2 END = $5 OR $5 = 0) ORDER BY m.id LIMIT $6", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, list->page.from.id);
	stmt_bind_int(q, 2, list->region);
	stmt_bind_text(q, 3, list->department);
	stmt_bind_int(q, 4, list->topic);
	stmt_bind_int(q, 5, list->online);
	stmt_bind_int(q, 6, list->page.limit + 1);
	while (page_next(&list->page, q, why))
		if (!matter_of_row(r, q, &list->items[list->page.count - 1], why))
			return false;
	return why->code == FAIL_NONE;
}

static bool matter_list_render(struct request *r, struct fail *why)
{
	const struct matter_page *list = r->state;
	struct json_out j = reply_list(r);
	for (int i = 0; i < list->page.count; i++) {
		json_put_object(&j);
		matter_members(&j, &list->items[i]);
		json_put_object_end(&j);
	}
	return page_end(r, &j, &list->page, list->page.is_more ? list->items[list->page.count - 1].id : 0, why);
}

const struct handler matter_list = { .parse = matter_list_parse, .look = matter_list_look, .render = matter_list_render };

/* ---- matter_show ---- */

static bool matter_show_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { NULL };
	struct matter *m = request_state(r, sizeof(*m), why);
	if (m == NULL || !request_query_only(r, names, why))
		return false;
	m->code = r->params[0];
	return m->code.len <= MATTER_CODE_MAX || FAILS(why, NOT_FOUND, "not a matter code");
}

static uint64_t matter_version(const struct matter *m)
{
	const int64_t numbers[] = { m->type, m->legal_days, m->promised_days, m->trips, m->online, m->region, m->topics, m->guide };
	const struct str texts[] = { m->code, m->name, m->department_code, m->department_name, m->region_name };
	uint64_t v = version_mix(0, numbers, sizeof(numbers));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		v = version_mix(v, texts[i].at, texts[i].len);
	return v;
}

static bool matter_show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct matter *m = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, MATTER_COLUMNS " AND m.code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, m->code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such matter");
	if (!matter_of_row(r, q, m, why))
		return false;
	r->version = matter_version(m);
	return true;
}

static bool matter_show_render(struct request *r, struct fail *why)
{
	const struct matter *m = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	matter_members(&j, m);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler matter_show = { .parse = matter_show_parse, .look = matter_show_look, .render = matter_show_render };
