/* services/cases/demand.c - what an event's demand may say, and in which one form it is kept. */
#include "services/cases/demand.h"

#include "services/services.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(name) (1u << CASE_EVENT_##name)

static const uint32_t asks = BIT(PRE_RETURNED) | BIT(CORRECT_PRE_ASKED) | BIT(CORRECT_ASKED), refuses = BIT(NOT_ACCEPTED) | BIT(RETURNED) | BIT(DECIDED_NO),
		      accepts = BIT(ACCEPTED);

enum demand_kind demand_kind_of(enum case_event e)
{
	return asks >> e & 1 ? DEMAND_ASKED : refuses >> e & 1 ? DEMAND_REFUSED : accepts >> e & 1 ? DEMAND_FOLLOWS : DEMAND_NONE;
}

bool demand_is_owed(enum case_event e)
{
	return ((asks | refuses) >> e & 1) != 0;
}

struct str demand_kind_name(int64_t kind)
{
	static const struct str names[DEMAND_KINDS] = { [DEMAND_ASKED] = STR("asked"), [DEMAND_FOLLOWS] = STR("follows"), [DEMAND_REFUSED] = STR("refused") };
	return names[kind];
}

struct str demand_what_name(int64_t what)
{
	static const struct str names[DEMAND_WHATS] = { [DEMAND_MATERIAL] = STR("material"), [DEMAND_FIELD] = STR("field"), [DEMAND_CONDITION] = STR("condition"),
							[DEMAND_BASIS] = STR("basis"), [DEMAND_NAMED] = STR("name") };
	return names[what];
}

/* ---- in ---- */

struct said {
	int64_t days, material, condition, basis;
	struct str field, name, reason;
};

static const struct json_field head_fields[] = {
	{ "days", JSON_F_INT, false, 1, DEMAND_DAYS_MAX, offsetof(struct said, days), NULL },
};

static const struct json_field item_fields[] = {
	{ "material", JSON_F_INT, false, 1, 999, offsetof(struct said, material), NULL },
	{ "condition", JSON_F_INT, false, 1, 999, offsetof(struct said, condition), NULL },
	{ "basis", JSON_F_INT, false, 1, 999, offsetof(struct said, basis), NULL },
	{ "field", JSON_F_TEXT, false, 1, 32, offsetof(struct said, field), check_visible_ascii },
	{ "name", JSON_F_TEXT, false, 2, DEMAND_NAME_MAX, offsetof(struct said, name), check_public_text },
	{ "reason", JSON_F_TEXT, true, 2, DEMAND_REASON_MAX, offsetof(struct said, reason), check_public_text },
};

static bool item_of(const struct said *s, const char *at, struct demand_item *to, struct fail *why)
{
	int named = (s->material != 0) + (s->condition != 0) + (s->basis != 0) + (s->field.at != NULL) + (s->name.at != NULL);
	if (named != 1) {
		FAILS_FIELD(why, FIELD, at, "%d things in one item", named);
		fail_fact_text(why, "reason", "not_one_thing");
		return false;
	}
	*to = (struct demand_item){ .field = s->field, .name = s->name, .reason = s->reason, .number = s->material + s->condition + s->basis };
	to->what = s->material != 0 ? DEMAND_MATERIAL : s->condition != 0 ? DEMAND_CONDITION : s->basis != 0 ? DEMAND_BASIS : s->field.at != NULL ? DEMAND_FIELD : DEMAND_NAMED;
	return true;
}

static bool items_take(const json_t *items, enum json_unknown unknown, struct demand *out, struct arena *a, struct fail *why)
{
	size_t i;
	json_t *item;
	if (items == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/demand/items", "a demand without items");
	if (!json_is_array(items) || json_array_size(items) < 1 || json_array_size(items) > DEMAND_ITEMS_MAX) {
		FAILS_FIELD(why, FIELD, "/demand/items", "no list of 1 to %d", DEMAND_ITEMS_MAX);
		fail_fact_number(why, "most", DEMAND_ITEMS_MAX);
		return false;
	}
	json_array_foreach(items, i, item) {
		char at[40];
		struct said s = { 0 };
		snprintf(at, sizeof at, "/demand/items/%zu", i);
		if (!json_take(item, item_fields, COUNT(item_fields), unknown, at, &s, a, why) || !item_of(&s, at, &out->items[i], why))
			return false;
	}
	out->count = (int)json_array_size(items);
	return true;
}

bool demand_take(const json_t *object, enum case_event event, enum json_unknown unknown, struct demand *out, struct arena *a, struct fail *why)
{
	enum demand_kind kind = demand_kind_of(event);
	struct said head = { 0 };
	*out = (struct demand){ .count = 0 };
	if (kind == DEMAND_NONE)
		return FAILS_FIELD(why, FIELD, "/demand", "this event wants nothing");
	DROP(json) json_t *rest = json_copy((json_t *)object);
	if (rest == NULL)
		return FAILS(why, MEMORY, "a demand");
	json_object_del(rest, "items");
	if (!items_take(json_object_get(object, "items"), unknown, out, a, why) || !json_take(rest, head_fields, COUNT(head_fields), unknown, "/demand", &head, a, why))
		return false;
	if (kind == DEMAND_REFUSED && head.days != 0)
		return FAILS_FIELD(why, FIELD, "/demand/days", "nothing is waited for");
	if (kind != DEMAND_REFUSED && head.days == 0)
		return FAILS_FIELD(why, FIELD_MISSING, "/demand/days", "until when");
	out->days = head.days;
	return true;
}

/* ---- and in again ---- */

bool demand_text(const struct demand *d, struct arena *a, struct str *out, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, 512);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	if (d->days != 0)
		json_add_number(&j, "days", d->days);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int i = 0; i < d->count; i++) {
		const struct demand_item *item = &d->items[i];
		json_put_object(&j);
		if (item->number != 0)
			json_add_number(&j, demand_what_name(item->what).at, item->number);
		else
			json_add_text(&j, demand_what_name(item->what).at, item->what == DEMAND_FIELD ? item->field : item->name);
		json_add_text(&j, "reason", item->reason);
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_object_end(&j);
	*out = buf_text(&b);
	return json_end(&j) || FAILS(why, MEMORY, "a demand");
}
