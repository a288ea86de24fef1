/* services/guides/guide_change.h - what differs between two guides, member by member.
 *
 * An object in a list is known by its name (a material, a step), its title, its item, its hall and window or its question, a text by itself: so a material that
 * came in between is one difference, and not one of every material behind it. Each difference is {"pointer", "before", "after"}: what was added has before null,
 * what was taken out has after null and a pointer into the guide before, every other pointer is into the one after. That what both have stands in another
 * order is a difference of the list itself, told as both orders.
 * Thread: any; pure. */
#ifndef SERVICES_GUIDE_CHANGE_H
#define SERVICES_GUIDE_CHANGE_H
#include "base/arena.h"
#include "base/json.h"

enum { GUIDE_CHANGES_MAX = 500, GUIDE_CHANGES_BYTES = 64 * 1024 };

struct guide_changes {
	struct buf items;   /* elements of an array, as json_out writes them */
	int count;
	bool is_cut;        /* there are more than fit the two limits */
};

/* Both are what guide_take took. Fails: MEMORY. */
MUST_USE bool guide_compare(const json_t *before, const json_t *after, struct guide_changes *out, struct arena *a, struct fail *why);
/* "changes": [ … ], "more": … into the open object. */
void guide_changes_members(struct json_out *j, const struct guide_changes *c);
#endif
