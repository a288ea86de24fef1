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

bool region_is_within(int64_t root, int64_t code)
{
	if (!is_township(code) && !is_six(code))
		return false;
	if (root == 0 || root == code)
		return true;
	if (!is_six(root))
		return false; /* a township holds only itself */
	int64_t six = is_township(code) ? code / 1000 : code;
	if (root % 10000 == 0)
		return six / 10000 == root / 10000; /* a province */
	return root % 100 == 0 ? six / 100 == root / 100 : six == root;
}
