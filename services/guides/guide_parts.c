/* services/guides/guide_parts.c - who does what for a joint matter, and in which order. */
#include "services/guides/guide.h"

#include "services/services.h"

#include <assert.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
enum { PART_NAME_MAX = 60, AT_MAX = 64 };

static const struct json_field part_fields[] = {
	{ "code", JSON_F_TEXT, true, 1, GUIDE_PART_CODE_MAX, offsetof(struct guide_part, code), check_path_segment },
	{ "name", JSON_F_TEXT, true, 2, PART_NAME_MAX, offsetof(struct guide_part, name), check_plain_text },
	{ "department", JSON_F_TEXT, true, 18, 18, offsetof(struct guide_part, department), check_visible_ascii },
	{ "days", JSON_F_INT, true, 1, GUIDE_DAYS_MAX, offsetof(struct guide_part, days), NULL },
};

static bool wrong_at(struct fail *why, const char *pointer, const char *reason)
{
	FAILS_FIELD(why, FIELD, pointer, "guide: %s", reason);
	fail_fact_text(why, "reason", reason);
	return false;
}

/* 0: none has this code */
static int part_with(const struct guide *g, struct str code)
{
	for (int i = 0; i < g->part_count; i++)
		if (str_eq(g->parts[i].code, code))
			return i + 1;
	return 0;
}

static bool part_take(json_t *item, struct guide *g, const char *at, struct arena *a, struct fail *why)
{
	struct guide_part p = { .needs = 0 };
	char code_at[AT_MAX + 8];
	if (!json_is_object(item))
		return wrong_at(why, at, "not_an_object");
	DROP(json) json_t *plain = json_copy(item);
	if (plain == NULL)
		return FAILS(why, MEMORY, "a part");
	json_object_del(plain, "after");
	if (!json_take(plain, part_fields, COUNT(part_fields), JSON_REFUSE_UNKNOWN, at, &p, a, why))
		return false;
	snprintf(code_at, sizeof code_at, "%s/code", at);
	if (memchr(p.code.at, ',', p.code.len) != NULL)
		return wrong_at(why, code_at, "a_comma_in_a_code");
	if (part_with(g, p.code) != 0)
		return wrong_at(why, code_at, "code_twice");
	g->parts[g->part_count++] = p;
	return true;
}

static bool needs_take(const json_t *after, struct guide *g, int n, struct fail *why)
{
	char at[AT_MAX];
	snprintf(at, sizeof at, "/parts/%d/after", n - 1);
	if (after == NULL)
		return true;
	if (!json_is_array(after) || json_array_size(after) >= GUIDE_PARTS_MAX)
		return wrong_at(why, at, "not_a_list_in_bounds");
	for (size_t i = 0; i < json_array_size(after); i++) {
		const json_t *code = json_array_get(after, i);
		snprintf(at, sizeof at, "/parts/%d/after/%zu", n - 1, i);
		int needed = json_is_string(code) ? part_with(g, (struct str){ json_string_value(code), json_string_length(code) }) : 0;
		if (needed == 0)
			return wrong_at(why, at, "no_such_part");
		if (needed == n)
			return wrong_at(why, at, "needs_itself");
		g->parts[n - 1].needs |= 1u << needed;
	}
	return true;
}

/* Days until the n-th part is decided when none loses any, by its number; false: they wait for each other in a circle. */
static bool days_until(const struct guide *g, int64_t ends[GUIDE_PARTS_MAX + 1], uint32_t *stuck)
{
	uint32_t known = 0, all = 0;
	for (int n = 1; n <= g->part_count; n++)
		all |= 1u << n;
	for (int round = 0; round < g->part_count; round++)
		for (int n = 1; n <= g->part_count; n++) {
			const struct guide_part *p = &g->parts[n - 1];
			if ((known >> n & 1) != 0 || (p->needs & ~known) != 0)
				continue;
			ends[n] = p->days;
			for (int before = 1; before <= g->part_count; before++)
				if ((p->needs >> before & 1) != 0 && ends[before] + p->days > ends[n])
					ends[n] = ends[before] + p->days;
			known |= 1u << n;
		}
	*stuck = all & ~known;
	return *stuck == 0;
}

static bool order_is_possible(const struct guide *g, struct fail *why)
{
	int64_t ends[GUIDE_PARTS_MAX + 1] = { 0 };
	uint32_t stuck;
	char at[AT_MAX];
	bool ok = days_until(g, ends, &stuck);
	for (int n = 1; n <= g->part_count; n++) {
		snprintf(at, sizeof at, "/parts/%d/%s", n - 1, ok ? "days" : "after");
		if ((stuck >> n & 1) != 0)
			return wrong_at(why, at, "parts_wait_for_each_other");
		if (ok && ends[n] > g->promised_days)
			return wrong_at(why, at, "longer_than_promised_days");
	}
	return ok;
}

bool guide_parts_take(const json_t *items, struct guide *out, struct arena *a, struct fail *why)
{
	char at[AT_MAX];
	if (items == NULL)
		return true;
	if (!json_is_array(items) || json_array_size(items) < 2 || json_array_size(items) > GUIDE_PARTS_MAX)
		return wrong_at(why, "/parts", "not_a_list_in_bounds");
	for (size_t i = 0; i < json_array_size(items); i++) {
		snprintf(at, sizeof at, "/parts/%zu", i);
		if (!part_take(json_array_get(items, i), out, at, a, why))
			return false;
	}
	for (int n = 1; n <= out->part_count; n++)
		if (!needs_take(json_object_get(json_array_get(items, (size_t)n - 1), "after"), out, n, why))
			return false;
	return order_is_possible(out, why);
}
