/* services/guides/guide.c - tables of what a guide consists of, and the walk over them. */
#include "services/guides/guide.h"

#include "auth/right.h"
#include "base/day.h"
#include "services/applying/fields.h"
#include "services/guides/guide_words.h"
#include "services/guides/matter.h"
#include "services/services.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- what a guide consists of ---- */

/* What submitting asks for, by the matter's risk (实名, 实人). Where the guide says nothing, applications.level does. */
static const struct { const char *text; int level; } levels[] = { { "real_name", LEVEL_L2 }, { "real_person", LEVEL_L3 } };

static bool check_level(struct str s, struct fail *why)
{
	for (size_t i = 0; i < COUNT(levels); i++)
		if (str_eq(s, str_c(levels[i].text)))
			return true;
	return FAILS(why, FIELD, "%.*s is no level to apply at", STR_ARG(s));
}

int guide_level(const json_t *object)
{
	const char *text = json_string_value(json_object_get(object, "level"));
	for (size_t i = 0; text != NULL && i < COUNT(levels); i++)
		if (strcmp(text, levels[i].text) == 0)
			return levels[i].level;
	return (int)services_config()->applications_level;
}

static const struct json_field root_fields[] = {
	{ "code", JSON_F_TEXT, true, 1, GUIDE_CODE_MAX, offsetof(struct guide, code), check_path_segment },
	{ "name", JSON_F_TEXT, true, 2, GUIDE_NAME_MAX, offsetof(struct guide, name), check_plain_text },
	{ "department", JSON_F_TEXT, true, 18, 18, offsetof(struct guide, department), check_visible_ascii },
	{ "region", JSON_F_TEXT, true, 6, 9, offsetof(struct guide, region_text), check_visible_ascii },
	{ "type", JSON_F_TEXT, true, 1, 16, offsetof(struct guide, type_text), NULL },
	{ "power", JSON_F_TEXT, true, 1, 32, offsetof(struct guide, power), check_power },
	{ "legal_days", JSON_F_INT, true, 0, GUIDE_DAYS_MAX, offsetof(struct guide, legal_days), NULL },
	{ "promised_days", JSON_F_INT, true, 0, GUIDE_DAYS_MAX, offsetof(struct guide, promised_days), NULL },
	{ "trips", JSON_F_INT, true, 0, 9, offsetof(struct guide, trips), NULL },
	{ "online", JSON_F_TEXT, true, 1, 16, offsetof(struct guide, online_text), check_online },
	{ "offline_reason", JSON_F_TEXT, false, 4, 300, offsetof(struct guide, offline_reason), check_plain_text },
	{ "level", JSON_F_TEXT, false, 1, 16, offsetof(struct guide, level_text), check_level },
	{ "batch", JSON_F_INT, true, 1, 99, offsetof(struct guide, batch), NULL },
	{ "published_on", JSON_F_TEXT, true, 10, 10, offsetof(struct guide, published_text), NULL },
};

/* Sinks: what is only judged. */
struct judged {
	struct str text[8];
	int64_t number[4];
	bool flag[4];
};
#define T(n) offsetof(struct judged, text[n])
#define N(n) offsetof(struct judged, number[n])
#define B(n) offsetof(struct judged, flag[n])

static const struct json_field basis_fields[] = {
	{ "title", JSON_F_TEXT, true, 2, 100, T(0), check_plain_text }, { "article", JSON_F_TEXT, false, 1, 200, T(1), check_plain_text },
};
static const struct json_field material_fields[] = {
	{ "name", JSON_F_TEXT, true, 2, 100, T(0), check_plain_text },     { "originals", JSON_F_INT, true, 0, 9, N(0), NULL },
	{ "copies", JSON_F_INT, true, 0, 9, N(1), NULL },                  { "form", JSON_F_TEXT, true, 1, 16, T(1), check_form },
	{ "source", JSON_F_TEXT, true, 1, 16, T(2), check_source },        { "may_follow", JSON_F_BOOL, true, 0, 0, B(0), NULL }, /* 容缺 */
	{ "waived_by", JSON_F_TEXT, false, 2, 60, T(3), check_plain_text }, { "sample", JSON_F_TEXT, false, 2, 300, T(4), check_plain_text },
	{ "note", JSON_F_TEXT, false, 2, 300, T(5), check_plain_text },      { "from_form", JSON_F_BOOL, false, 0, 0, B(1), NULL }, /* the answers are it */
	{ "certificate_type", JSON_F_TEXT, false, 1, 40, T(6), check_visible_ascii }, /* of the catalogue of electronic certificates: one may stand for it */
};
static const struct json_field step_fields[] = {
	{ "name", JSON_F_TEXT, true, 2, 60, T(0), check_plain_text },      { "days", JSON_F_INT, true, 0, GUIDE_DAYS_MAX, N(0), NULL },
	{ "note", JSON_F_TEXT, false, 2, 300, T(1), check_plain_text },
};
static const struct json_field special_fields[] = { /* 特别程序: not counted */
	{ "name", JSON_F_TEXT, true, 2, 60, T(0), check_plain_text }, { "note", JSON_F_TEXT, false, 2, 300, T(1), check_plain_text },
};
static const struct json_field fee_fields[] = {
	{ "item", JSON_F_TEXT, true, 2, 60, T(0), check_plain_text },      { "basis", JSON_F_TEXT, true, 2, 200, T(1), check_plain_text },
	{ "standard", JSON_F_TEXT, true, 2, 200, T(2), check_plain_text }, { "online", JSON_F_BOOL, true, 0, 0, B(0), NULL },
};
static const struct json_field result_fields[] = {
	{ "name", JSON_F_TEXT, true, 2, 100, T(0), check_plain_text }, { "form", JSON_F_TEXT, true, 1, 16, T(1), check_form },
	{ "validity", JSON_F_TEXT, false, 2, 100, T(2), check_plain_text },
};
static const struct json_field place_fields[] = {
	{ "hall", JSON_F_TEXT, true, 1, 32, T(0), check_path_segment }, { "window", JSON_F_TEXT, true, 1, 32, T(1), check_window },
	{ "note", JSON_F_TEXT, false, 2, 200, T(2), check_plain_text },
};
static const struct json_field contact_fields[] = {
	{ "advice", JSON_F_TEXT, true, 5, 40, T(0), check_plain_text }, { "complaint", JSON_F_TEXT, true, 5, 40, T(1), check_plain_text },
};
static const struct json_field question_fields[] = {
	{ "question", JSON_F_TEXT, true, 4, 200, T(0), check_plain_text }, { "answer", JSON_F_TEXT, true, 2, 1000, T(1), check_plain_text },
};

/* A list of texts has `check`, one of objects has `fields`. */
struct list {
	const char *name;
	size_t min, max;
	const struct json_field *fields;
	size_t field_count;
	bool (*check)(struct str s, struct fail *why);
	int64_t text_max;
};
enum { LIST_ALIASES, LIST_TOPICS, LIST_SUBJECTS, LIST_CONDITIONS, LIST_BASIS, LIST_MATERIALS, LIST_STEPS, LIST_SPECIAL, LIST_FEES, LIST_RESULTS,
	LIST_DELIVERY, LIST_PLACES, LIST_QUESTIONS, LISTS };

static const struct list lists[LISTS] = {
	[LIST_ALIASES] =    { "aliases", 0, 20, NULL, 0, check_plain_text, 40 },
	[LIST_TOPICS] =     { "topics", 1, 8, NULL, 0, check_topic, 32 },
	[LIST_SUBJECTS] =   { "subjects", 1, 7, NULL, 0, check_subject, 32 },
	[LIST_CONDITIONS] = { "conditions", 1, 20, NULL, 0, check_plain_text, 500 },
	[LIST_BASIS] =      { "basis", 1, 20, basis_fields, COUNT(basis_fields), NULL, 0 },
	[LIST_MATERIALS] =  { "materials", 0, 40, material_fields, COUNT(material_fields), NULL, 0 },
	[LIST_STEPS] =      { "steps", 1, 20, step_fields, COUNT(step_fields), NULL, 0 },
	[LIST_SPECIAL] =    { "special", 0, 10, special_fields, COUNT(special_fields), NULL, 0 },
	[LIST_FEES] =       { "fees", 0, 20, fee_fields, COUNT(fee_fields), NULL, 0 },
	[LIST_RESULTS] =    { "results", 1, 10, result_fields, COUNT(result_fields), NULL, 0 },
	[LIST_DELIVERY] =   { "delivery", 1, 4, NULL, 0, check_delivery, 32 },
	[LIST_PLACES] =     { "places", 0, GUIDE_PLACES_MAX, place_fields, COUNT(place_fields), NULL, 0 },
	[LIST_QUESTIONS] =  { "faq", 0, 30, question_fields, COUNT(question_fields), NULL, 0 },
};

/* ---- the walk ---- */

static bool wrong_at(struct fail *why, const char *pointer, const char *reason)
{
	FAILS_FIELD(why, FIELD, pointer, "guide: %s", reason);
	fail_fact_text(why, "reason", reason);
	return false;
}

static bool text_take(const struct list *l, const json_t *item, const char *at, struct fail *why)
{
	struct str s = { json_string_value(item), json_is_string(item) ? json_string_length(item) : 0 };
	if (s.len == 0 || (int64_t)str_utf8_length(s) > l->text_max)
		return wrong_at(why, at, "not_a_text_in_bounds");
	if (l->check(s, why))
		return true;
	return why->code == FAIL_NONE ? wrong_at(why, at, "not_accepted") : (fail_point(why, at), false);
}

static bool list_take(const struct list *l, const json_t *items, struct arena *a, struct fail *why)
{
	char at[64];
	snprintf(at, sizeof at, "/%s", l->name);
	if (items == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, at, "guide: %s", l->name);
	if (!json_is_array(items) || json_array_size(items) < l->min || json_array_size(items) > l->max)
		return wrong_at(why, at, "not_a_list_in_bounds");
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		struct judged sink = { 0 };
		snprintf(at, sizeof at, "/%s/%zu", l->name, i);
		if (l->fields == NULL ? !text_take(l, item, at, why) : !json_take(item, l->fields, l->field_count, JSON_REFUSE_UNKNOWN, at, &sink, a, why))
			return false;
	}
	return true;
}

/* Lists are taken off the object, so that what is left is judged by root_fields, unknown names included. */
static bool lists_take(json_t *root, json_t *parts, struct arena *a, struct fail *why)
{
	for (int i = 0; i < LISTS; i++) {
		json_t *items = json_object_get(root, lists[i].name);
		if (!list_take(&lists[i], items, a, why))
			return false;
		if (json_object_set(parts, lists[i].name, items) != 0)
			return FAILS(why, MEMORY, "a guide's parts");
		json_object_del(root, lists[i].name);
	}
	struct fields form;
	if (!fields_take(json_object_get(root, "form"), &form, a, why))
		return false;
	json_object_del(root, "form");
	struct judged sink = { 0 };
	json_t *contact = json_object_get(root, "contact");
	if (contact == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/contact", "guide: contact");
	if (!json_take(contact, contact_fields, COUNT(contact_fields), JSON_REFUSE_UNKNOWN, "/contact", &sink, a, why))
		return false;
	json_object_del(root, "contact");
	return true;
}

/* ---- what it must say of itself ---- */

static bool numbers_make(struct guide *g, struct fail *why)
{
	if (!region_code_from(g->region_text, &g->region))
		return wrong_at(why, "/region", "not_a_region_code");
	if (!day_from_text(g->published_text, &g->published_on))
		return wrong_at(why, "/published_on", "not_a_date");
	for (g->type = MATTER_IMMEDIATE; g->type <= MATTER_COMMITMENT; g->type++)
		if (str_eq(g->type_text, matter_type_name(g->type)))
			break;
	if (g->type > MATTER_COMMITMENT)
		return wrong_at(why, "/type", "neither_immediate_nor_commitment");
	g->online = guide_word_from(GUIDE_ONLINE, g->online_text)->number;
	return true;
}

/* What the plan demands: nothing takes longer than the law allows, and what is not online says why. */
static bool agrees(const struct guide *g, const json_t *parts, struct fail *why)
{
	bool has_place = json_array_size(json_object_get(parts, lists[LIST_PLACES].name)) > 0;
	if (g->promised_days > g->legal_days)
		return wrong_at(why, "/promised_days", "longer_than_legal_days");
	if (g->type == MATTER_IMMEDIATE && g->promised_days != 0)
		return wrong_at(why, "/promised_days", "immediate_is_done_on_the_day");
	if (g->online == ONLINE_NONE && g->offline_reason.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/offline_reason", "what is not online says why");
	if (g->online != ONLINE_NONE && g->offline_reason.at != NULL)
		return wrong_at(why, "/offline_reason", "only_when_not_online");
	return g->trips == 0 || has_place || wrong_at(why, "/places", "a_trip_needs_a_place");
}

static void texts_join(struct buf *to, const json_t *items, const char *member)
{
	size_t i;
	json_t *item;
	json_array_foreach(items, i, item) {
		const json_t *text = member == NULL ? item : json_object_get(item, member);
		buf_str(to, (struct str){ json_string_value(text), json_string_length(text) });
		buf_char(to, ' ');
	}
}

static bool words_make(struct guide *g, const json_t *parts, struct arena *a, struct fail *why)
{
	struct buf aliases, topic_words, summary;
	size_t i;
	json_t *item;
	buf_init(&aliases, a, 128);
	buf_init(&topic_words, a, 64);
	buf_init(&summary, a, 1024);
	texts_join(&aliases, json_object_get(parts, lists[LIST_ALIASES].name), NULL);
	texts_join(&summary, json_object_get(parts, lists[LIST_CONDITIONS].name), NULL);
	texts_join(&summary, json_object_get(parts, lists[LIST_MATERIALS].name), "name");
	texts_join(&summary, json_object_get(parts, lists[LIST_RESULTS].name), "name");
	texts_join(&summary, json_object_get(parts, lists[LIST_QUESTIONS].name), "question");
	json_array_foreach(json_object_get(parts, lists[LIST_TOPICS].name), i, item) {
		const struct guide_topic *topic = guide_topic_from(str_c(json_string_value(item)));
		g->topics |= topic->bit;
		buf_str(&topic_words, topic->zh);
		buf_char(&topic_words, ' ');
	}
	json_array_foreach(json_object_get(parts, lists[LIST_PLACES].name), i, item) {
		g->halls[g->hall_count] = str_copy(a, str_c(json_string_value(json_object_get(item, "hall"))));
		if (g->halls[g->hall_count++].at == NULL)
			return FAILS(why, MEMORY, "a guide's places");
	}
	g->aliases = buf_text(&aliases);
	g->topic_words = buf_text(&topic_words);
	g->summary = buf_text(&summary);
	return (buf_ok(&aliases) && buf_ok(&topic_words) && buf_ok(&summary)) || FAILS(why, MEMORY, "a guide's words");
}

static bool text_make(const json_t *object, struct guide *g, struct arena *a, struct fail *why)
{
	size_t len = json_dumpb(object, NULL, 0, JSON_COMPACT | JSON_SORT_KEYS);
	if (len == 0 || len > GUIDE_BYTES_MAX)
		return wrong_at(why, "", "too_long");
	char *text = arena_alloc(a, len);
	if (text == NULL)
		return FAILS(why, MEMORY, "a guide's text");
	size_t again = json_dumpb(object, text, len, JSON_COMPACT | JSON_SORT_KEYS);
	assert(again == len);
	g->text = (struct str){ text, len };
	sha256(g->text, g->digest);
	return true;
}

bool guide_take(json_t *object, struct guide *out, struct arena *a, struct fail *why)
{
	*out = (struct guide){ .code = STR_NONE };
	if (!json_is_object(object))
		return FAILS(why, BAD_REQUEST, "a guide is a JSON object");
	if (!text_make(object, out, a, why))
		return false;
	DROP(json) json_t *root = json_copy(object);
	DROP(json) json_t *parts = json_object();
	if (root == NULL || parts == NULL)
		return FAILS(why, MEMORY, "a guide");
	json_object_del(root, "parts");
	return lists_take(root, parts, a, why) && json_take(root, root_fields, COUNT(root_fields), JSON_REFUSE_UNKNOWN, "", out, a, why) &&
	       guide_parts_take(json_object_get(object, "parts"), out, a, why) && numbers_make(out, why) && agrees(out, parts, why) && words_make(out, parts, a, why);
}
