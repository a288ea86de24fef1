/* services/guides/catalogue_summary.c - one walk over the matters, told three ways. The matters that are not online: offline_list.c. */
#include "services/guides/catalogue_summary.h"

#include "base/shelf.h"
#include "services/guides/guide_words.h"
#include "services/guides/matter_row.h"
#include "services/handlers.h"
#include "services/services.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTHS = 5 /* numbers of guide_words.def, ONLINE, from 1 */, SUMMARY_ARENA_BYTES = 64 << 20 };

/* So many matters of a place, a department and a depth. */
struct group {
	int64_t region, depth, count;
	struct str region_name, department, department_name;
};

struct groups {
	struct group *items;
	int count, room;
};

static bool group_add(struct groups *all, struct stmt *q, struct arena *a, struct fail *why)
{
	if (all->count == all->room) {
		int room = all->room == 0 ? 64 : 2 * all->room;
		struct group *more = arena_alloc(a, (size_t)room * sizeof(*more));
		if (more == NULL)
			return FAILS(why, MEMORY, "%d groups of matters", room);
		if (all->count > 0)
			memcpy(more, all->items, (size_t)all->count * sizeof(*more));
		all->items = more;
		all->room = room;
	}
	struct group *g = &all->items[all->count++];
	*g = (struct group){ stmt_int(q, 0), stmt_int(q, 4), stmt_int(q, 5), str_copy(a, stmt_text(q, 1)), str_copy(a, stmt_text(q, 2)), str_copy(a, stmt_text(q, 3)) };
	return (g->region_name.at != NULL && g->department.at != NULL && g->department_name.at != NULL) || FAILS(why, MEMORY, "a group of matters");
}

static bool groups_read(struct tx *tx, struct groups *all, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT g.code, g.name, d.code, d.name, COALESCE(u.online, 1 + 2 * m.online), COUNT(*) FROM matter m" GUIDE_CURRENT_JOIN
		" JOIN department d ON d.id = COALESCE(u.department, m.department) JOIN region g ON g.code = COALESCE(u.region, m.region) WHERE " MATTER_IS_SHOWN
		" GROUP BY g.code, g.name, d.code, d.name, COALESCE(u.online, 1 + 2 * m.online)", why);
	if (q == NULL)
		return false;
	while (stmt_row(q, why))
		if (!group_add(all, q, a, why))
			return false;
	return why->code == FAIL_NONE;
}

/* ---- told ---- */

static int by_region(const void *x, const void *y)
{
	const struct group *a = x, *b = y;
	return (a->region > b->region) - (a->region < b->region);
}

static int by_department(const void *x, const void *y)
{
	struct str a = ((const struct group *)x)->department, b = ((const struct group *)y)->department;
	int differs = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
	return differs != 0 ? differs : (a.len > b.len) - (a.len < b.len);
}

static void share_out(struct json_out *j, int64_t matters, int64_t online)
{
	json_add_number(j, "matters", matters);
	json_add_number(j, "online", online);
	json_add_number(j, "online_percent", matters == 0 ? 0 : online * 100 / matters); /* rounded down: 80 is 80 */
}

static void one_out(struct json_out *j, const struct group *g, bool is_region, int64_t matters, int64_t online)
{
	json_put_object(j);
	if (is_region)
		json_add_region_code(j, "code", g->region);
	else
		json_add_text(j, "code", g->department);
	json_add_text(j, "name", is_region ? g->region_name : g->department_name);
	share_out(j, matters, online);
	json_put_object_end(j);
}

static void groups_out(struct json_out *j, const char *name, struct groups *all, int (*order)(const void *x, const void *y))
{
	json_put_name(j, name);
	json_put_array(j);
	if (all->count > 0)
		qsort(all->items, (size_t)all->count, sizeof(all->items[0]), order);
	for (int i = 0, next; i < all->count; i = next) {
		int64_t matters = 0, online = 0;
		for (next = i; next < all->count && order(&all->items[i], &all->items[next]) == 0; next++) {
			matters += all->items[next].count;
			online += all->items[next].depth >= ONLINE_APPLY ? all->items[next].count : 0;
		}
		one_out(j, &all->items[i], order == by_region, matters, online);
	}
	json_put_array_end(j);
}

static void depths_out(struct json_out *j, const struct groups *all)
{
	int64_t counts[DEPTHS] = { 0 };
	for (int i = 0; i < all->count; i++)
		counts[all->items[i].depth] += all->items[i].count;
	json_put_name(j, "depths");
	json_put_array(j);
	for (int depth = ONLINE_NONE; depth < DEPTHS; depth++) {
		json_put_object(j);
		json_add_text(j, "depth", guide_word(GUIDE_ONLINE, depth)->text);
		json_add_number(j, "matters", counts[depth]);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static struct catalogue_summary *told(struct groups *all, struct arena *a, struct fail *why)
{
	struct catalogue_summary *s;
	struct buf b;
	int64_t matters = 0, online = 0;
	for (int i = 0; i < all->count; i++) {
		matters += all->items[i].count;
		online += all->items[i].depth >= ONLINE_APPLY ? all->items[i].count : 0;
	}
	buf_init(&b, a, 4096);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	share_out(&j, matters, online);
	depths_out(&j, all);
	groups_out(&j, "regions", all, by_region);
	groups_out(&j, "departments", all, by_department);
	json_put_object_end(&j);
	if (!json_end(&j) || (s = malloc(sizeof(*s) + b.len)) == NULL) {
		FAILS(why, MEMORY, "the catalogue's summary");
		return NULL;
	}
	*s = (struct catalogue_summary){ .matters = matters, .online = online, .len = b.len };
	memcpy(s->json, b.at, b.len);
	return s;
}

struct catalogue_summary *summary_make(struct tx *tx, struct fail *why)
{
	struct groups all = { NULL, 0, 0 };
	struct arena a;
	arena_init(&a, SUMMARY_ARENA_BYTES);
	struct catalogue_summary *s = groups_read(tx, &all, &a, why) ? told(&all, &a, why) : NULL;
	arena_free(&a);
	return s;
}

/* ---- catalogue_summary ---- */

struct summary_view {
	struct str json;
};

static bool summary_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	return request_state(r, sizeof(struct summary_view), why) != NULL && request_query_only(r, no_query, why);
}

static bool summary_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct summary_view *v = r->state;
	(void)tx;
	DROP(shelved) struct shelved *held = NULL;
	const struct catalogue_summary *s = shelf_take(SHELF_SUMMARY, &held);
	if (s == NULL)
		return FAILS(why, BUSY, "there is no summary yet");
	v->json = str_copy(&r->arena, (struct str){ s->json, s->len });
	r->version = version_mix(0, s->json, s->len);
	return v->json.at != NULL || FAILS(why, MEMORY, "the catalogue's summary");
}

static bool summary_render(struct request *r, struct fail *why)
{
	const struct summary_view *v = r->state;
	(void)why;
	reply_json_text(r, 200, v->json);
	return true;
}

const struct handler catalogue_summary = { .parse = summary_parse, .look = summary_look, .render = summary_render };
