/* services/guides/import_guides.c - a file of guides comes in as a load: chunk by chunk, seen by nobody, and flipped with its last chunk.
 *
 * The first chunk (line 1) begins the load and gives up one that was left open; so an import that broke off leaves nothing that anybody sees, and is simply
 * run again. A guide that says what its newest version says makes no new version. A file with nothing new is flipped too: it costs one row. */
#include "services/guides/guide_rows.h"
#include "services/control/import_inside.h"

enum { FIRST_LINE = 1 };

static bool load_of(struct tx *tx, const struct import *i, int64_t *load, struct fail *why)
{
	if (i->line == FIRST_LINE && i->rows == 1)
		return load_begin(tx, i->now_ms, load, why);
	if (!load_open(tx, load, why))
		return false;
	return *load != 0 || FAILS(why, CONFLICT, "this load was given up: another import has begun");
}

static void *guide_judge(json_t *object, struct arena *a, struct fail *why)
{
	struct guide *g = arena_alloc(a, sizeof(*g));
	if (g == NULL)
		(void)FAILS(why, MEMORY, "a guide");
	return g != NULL && guide_take(object, g, a, why) ? g : NULL;
}

static bool guide_line(struct tx *tx, struct import *i, void *judged, bool *changed, struct fail *why)
{
	struct guide_new n = { .guide = judged, .state = GUIDE_PUBLISHED, .now_ms = i->now_ms };
	int64_t id;
	if (i->is_dry)
		return guide_refers(tx, judged, &n.department, why);
	return load_of(tx, i, &n.load, why) && guide_matter(tx, &n, why) && guide_put(tx, &n, &id, changed, why);
}

static bool guides_end(struct tx *tx, struct import *i, struct fail *why)
{
	int64_t load;
	if (!i->is_last || (i->line == FIRST_LINE && i->rows == 0))
		return true;
	return load_open(tx, &load, why) && (load == 0 || load_flip(tx, load, why));
}

const struct import_kind import_guides = { .name = { "guides", 6 }, .judge = guide_judge, .take = guide_line, .end = guides_end };
