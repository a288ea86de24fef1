/* services/import_guides.c - a file of guides comes in as a load: chunk by chunk, seen by nobody, and flipped with its last chunk.
 *
 * The first chunk (line 1) begins the load and gives up one that was left open; so an import that broke off leaves nothing that anybody sees, and is simply
 * run again. A guide that says what its newest version says makes no new version. A file with nothing new is flipped too: it costs one row. */
#include "services/guide_rows.h"
#include "services/import_inside.h"

enum { FIRST_LINE = 1 };

static bool load_of(struct tx *tx, const struct import *i, int64_t *load, struct fail *why)
{
	if (i->line == FIRST_LINE && i->rows == 1)
		return load_begin(tx, i->now_ms, load, why);
	if (!load_open(tx, load, why))
		return false;
	return *load != 0 || FAILS(why, CONFLICT, "this load was given up: another import has begun");
}

static bool guide_object(struct tx *tx, struct import *i, json_t *object, bool *changed, struct arena *a, struct fail *why)
{
	struct guide g;
	struct guide_new n = { .guide = &g, .state = GUIDE_PUBLISHED, .now_ms = i->now_ms };
	int64_t id;
	if (!guide_take(object, &g, a, why))
		return false;
	if (tx == NULL)
		return true;
	if (i->is_dry)
		return guide_refers(tx, &g, &n.department, why);
	return load_of(tx, i, &n.load, why) && guide_matter(tx, &n, why) && guide_put(tx, &n, &id, changed, why);
}

static bool guides_end(struct tx *tx, struct import *i, struct fail *why)
{
	int64_t load;
	if (!i->is_last || (i->line == FIRST_LINE && i->rows == 0))
		return true;
	return load_open(tx, &load, why) && (load == 0 || load_flip(tx, load, why));
}

const struct import_kind import_guides = { .name = { "guides", 6 }, .object = guide_object, .end = guides_end };
