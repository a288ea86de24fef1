/* auth/tenancy.h - whose it is by place: prefecture → county → township. Who is rooted in one sees it and what lies in it, nothing beside or above.
 * Thread: any; pure.
 * Source: GB/T 2260 (621200 a prefecture, 621202 a county), GB/T 10114 (621202001 a township). */
#ifndef AUTH_TENANCY_H
#define AUTH_TENANCY_H
#include <stdbool.h>
#include <stdint.h>

/* root 0: everything. A code that is none lies nowhere. */
bool region_is_within(int64_t root, int64_t code);
/* The same as two ranges, for a statement; an empty one has last < first. */
struct region_bounds {
	int64_t six_first, six_last, nine_first, nine_last;
};
struct region_bounds region_bounds(int64_t root);
#endif
