/* services/guides/guide_change.c - two walks over a pair of lists, and one over a pair of objects. */
#include "services/guides/guide_change.h"

#include <assert.h>
#include <stdio.h>

enum { POINTER_MAX = 96, MEMBERS_MAX = 64 /* of one list: services/guides/guide.c allows 40 */ };

struct comparing {
	struct guide_changes *to;
	struct arena *arena;
	bool has_memory;
};

/* By what a member of each list is known; a list without a row is one of texts. */
static const struct {
	const char *list, *name, *second;
} keys[] = {
	{ "basis", "title", "article" }, { "materials", "name", NULL }, { "steps", "name", NULL },    { "special", "name", NULL },
	{ "fees", "item", NULL },        { "results", "name", NULL },   { "places", "hall", "window" }, { "faq", "question", NULL },
	{ "form", "key", NULL },         { "parts", "code", NULL },
};

/* ---- writing one ---- */

static void value_put(struct buf *b, struct comparing *c, const json_t *value)
{
	if (value == NULL) {
		buf_str(b, STR("null"));
		return;
	}
	size_t len = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	char *text = arena_alloc(c->arena, len);
	c->has_memory &= text != NULL;
	if (text != NULL)
		buf_add(b, text, json_dumpb(value, text, len, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY));
}

/* Names are ours (guide.c), so a pointer needs no escaping. */
static void tell(struct comparing *c, const char *pointer, const json_t *before, const json_t *after)
{
	struct guide_changes *to = c->to;
	struct buf *b = &to->items;
	size_t was = b->len;
	if (to->is_cut)
		return;
	buf_printf(b, "%s{\"pointer\":\"%s\",\"before\":", to->count == 0 ? "" : ",", pointer);
	value_put(b, c, before);
	buf_str(b, STR(",\"after\":"));
	value_put(b, c, after);
	buf_char(b, '}');
	c->has_memory &= buf_ok(b);
	to->is_cut = c->has_memory && (to->count == GUIDE_CHANGES_MAX || b->len > GUIDE_CHANGES_BYTES);
	if (to->is_cut)
		b->len = was;
	else
		to->count++;
}

/* ---- lists ---- */

struct pairing {
	size_t before_count, after_count;
	int key;                     /* a row of keys; -1 */
	int before_of[MEMBERS_MAX]; /* of a member after: its place before, -1 */
	bool is_paired[MEMBERS_MAX]; /* of a member before */
};

static int key_of(const char *list)
{
	for (int i = 0; i < (int)(sizeof(keys) / sizeof(keys[0])); i++)
		if (strcmp(keys[i].list, list) == 0)
			return i;
	return -1;
}

static bool is_same_text(const json_t *x, const json_t *y)
{
	return x == y || json_equal(x, y); /* both absent is the same too */
}

static bool is_same_member(int key, const json_t *x, const json_t *y)
{
	if (key < 0)
		return json_equal(x, y);
	return is_same_text(json_object_get(x, keys[key].name), json_object_get(y, keys[key].name)) &&
	       (keys[key].second == NULL || is_same_text(json_object_get(x, keys[key].second), json_object_get(y, keys[key].second)));
}

static void pair(struct pairing *p, const char *list, const json_t *before, const json_t *after)
{
	*p = (struct pairing){ .before_count = json_array_size(before), .after_count = json_array_size(after), .key = key_of(list) };
	assert(p->before_count <= MEMBERS_MAX && p->after_count <= MEMBERS_MAX);
	for (size_t i = 0; i < p->after_count; i++) {
		p->before_of[i] = -1;
		for (size_t k = 0; k < p->before_count && p->before_of[i] < 0; k++)
			if (!p->is_paired[k] && is_same_member(p->key, json_array_get(before, k), json_array_get(after, i))) {
				p->before_of[i] = (int)k;
				p->is_paired[k] = true;
			}
	}
}

static void objects_compare(struct comparing *c, const char *at, const json_t *before, const json_t *after);

static json_t *names_of(struct comparing *c, int key, const json_t *list)
{
	json_t *names = json_array(), *member;
	size_t i;
	c->has_memory &= names != NULL;
	json_array_foreach(list, i, member)
		c->has_memory &= json_array_append(names, key < 0 ? member : json_object_get(member, keys[key].name)) == 0;
	return names;
}

static void order_tell(struct comparing *c, const struct pairing *p, const char *at, const json_t *before, const json_t *after)
{
	int last = -1;
	bool is_in_order = true;
	for (size_t i = 0; i < p->after_count; i++) {
		if (p->before_of[i] < 0)
			continue;
		is_in_order &= p->before_of[i] > last;
		last = p->before_of[i];
	}
	if (is_in_order)
		return;
	DROP(json) json_t *names_before = names_of(c, p->key, before), *names_after = names_of(c, p->key, after);
	tell(c, at, names_before, names_after);
}

/* Lists stand at the root of a guide; one below (the choices of a form's field, what a part comes after) is told as a whole. */
static void lists_compare(struct comparing *c, const char *list, const json_t *before, const json_t *after)
{
	struct pairing p;
	char at[POINTER_MAX];
	pair(&p, list, before, after);
	for (size_t i = 0; i < p.after_count; i++) {
		const json_t *member = json_array_get(after, i);
		snprintf(at, sizeof(at), "/%s/%zu", list, i);
		if (p.before_of[i] < 0)
			tell(c, at, NULL, member);
		else if (json_is_object(member))
			objects_compare(c, at, json_array_get(before, (size_t)p.before_of[i]), member);
	}
	for (size_t k = 0; k < p.before_count; k++) {
		snprintf(at, sizeof(at), "/%s/%zu", list, k);
		if (!p.is_paired[k])
			tell(c, at, json_array_get(before, k), NULL);
	}
	snprintf(at, sizeof(at), "/%s", list);
	order_tell(c, &p, at, before, after);
}

/* ---- objects ---- */

static void members_compare(struct comparing *c, const char *at, const char *name, const json_t *before, const json_t *after)
{
	char below[POINTER_MAX];
	snprintf(below, sizeof(below), "%s/%s", at, name);
	if (at[0] == '\0' && json_is_array(before) && json_is_array(after))
		lists_compare(c, name, before, after);
	else if (json_is_object(before) && json_is_object(after))
		objects_compare(c, below, before, after);
	else if (before == NULL || after == NULL || !json_equal(before, after))
		tell(c, below, before, after);
}

static void objects_compare(struct comparing *c, const char *at, const json_t *before, const json_t *after)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)after, name, value)
		members_compare(c, at, name, json_object_get(before, name), value);
	json_object_foreach((json_t *)before, name, value)
		if (json_object_get(after, name) == NULL)
			members_compare(c, at, name, value, NULL);
}

bool guide_compare(const json_t *before, const json_t *after, struct guide_changes *out, struct arena *a, struct fail *why)
{
	struct comparing c = { .to = out, .arena = a, .has_memory = true };
	*out = (struct guide_changes){ .count = 0 };
	buf_init(&out->items, a, 1024);
	objects_compare(&c, "", before, after);
	return c.has_memory || FAILS(why, MEMORY, "what differs between two guides");
}

void guide_changes_members(struct json_out *j, const struct guide_changes *c)
{
	json_put_name(j, "changes");
	json_put_array(j);
	json_put_members(j, buf_text(&c->items));
	json_put_array_end(j);
	json_add_boolean(j, "more", c->is_cut);
}
