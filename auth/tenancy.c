/* auth/tenancy.c - codes nest by their digits. */
#include "auth/tenancy.h"

enum { TOWNSHIP_FIRST = 100000000, TOWNSHIP_LAST = 999999999, COUNTY_FIRST = 100000, COUNTY_LAST = 999999 };

static bool is_township(int64_t code)
{
	return code >= TOWNSHIP_FIRST && code <= TOWNSHIP_LAST;
}

static bool is_six(int64_t code)
{
	return code >= COUNTY_FIRST && code <= COUNTY_LAST;
}

struct region_bounds region_bounds(int64_t root)
{
	if (root == 0)
		return (struct region_bounds){ COUNTY_FIRST, COUNTY_LAST, TOWNSHIP_FIRST, TOWNSHIP_LAST };
	if (is_township(root)) /* holds only itself */
		return (struct region_bounds){ 1, 0, root, root };
	if (!is_six(root))
		return (struct region_bounds){ 1, 0, 1, 0 };
	int64_t last = root + (root % 10000 == 0 ? 9999 : root % 100 == 0 ? 99 : 0);
	return (struct region_bounds){ root, last, root * 1000, last * 1000 + 999 };
}

bool region_is_within(int64_t root, int64_t code)
{
	struct region_bounds b = region_bounds(root);
	if (!is_township(code) && !is_six(code))
		return false;
	return (code >= b.six_first && code <= b.six_last) || (code >= b.nine_first && code <= b.nine_last);
}
