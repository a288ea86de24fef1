/* gateway/door/target.c - the request target is kept verbatim for signatures and read once, strictly, for routing.
 *
 * What two parsers could read differently is refused rather than repaired: dot segments (plain or encoded), encoded slashes and
 * NULs, a fragment. So nothing behind us can see another path than the one that was admitted. */
#include "gateway/requests/task.h"
#include "gateway/door/http_rules.h"

static bool is_dot_segment(struct str s)
{
	/* ".", "..", and every spelling with %2e */
	size_t dots = 0;
	while (s.len > 0) {
		if (s.at[0] == '.') {
			s = (struct str){ s.at + 1, s.len - 1 };
		} else if (s.len >= 3 && s.at[0] == '%' && s.at[1] == '2' && (s.at[2] == 'e' || s.at[2] == 'E')) {
			s = (struct str){ s.at + 3, s.len - 3 };
		} else {
			return false;
		}
		dots++;
	}
	return dots == 1 || dots == 2;
}

static bool has_encoded_separator(struct str path)
{
	for (size_t i = 0; i + 2 < path.len; i++)
		if (path.at[i] == '%') {
			char high = path.at[i + 1], low = (char)(path.at[i + 2] | 0x20);
			if ((high == '2' && low == 'f') || (high == '5' && low == 'c') || (high == '0' && (low | 0x20) == ('0' | 0x20)))
				return true;
		}
	return false;
}

bool target_split(struct request *r, struct fail *why)
{
	str_cut(r->target, '?', &r->path, &r->query);
	if (r->method == METHOD_OPTIONS && str_eq(r->target, STR("*")))
		return true;
	if (r->path.len == 0 || r->path.at[0] != '/')
		return FAILS(why, BAD_REQUEST, "the target is not in origin form");
	if (!http_target_is_valid(r->target) || memchr(r->target.at, '\\', r->target.len) != NULL)
		return FAILS(why, BAD_REQUEST, "a byte that no target has");
	bool plain = memchr(r->path.at, '%', r->path.len) == NULL;
	if (!plain && has_encoded_separator(r->path))
		return FAILS(why, BAD_REQUEST, "an encoded slash or NUL in the path");
	if (plain && memchr(r->path.at, '.', r->path.len) == NULL)
		return true; /* no dot, however written: no dot segment */
	struct str rest = r->path, segment;
	while (rest.len > 0) {
		rest = (struct str){ rest.at + 1, rest.len - 1 };
		const char *slash = memchr(rest.at, '/', rest.len);
		segment = (struct str){ rest.at, slash == NULL ? rest.len : (size_t)(slash - rest.at) };
		if (segment.len > 0 && (segment.at[0] == '.' || segment.at[0] == '%') && is_dot_segment(segment))
			return FAILS(why, BAD_REQUEST, "a dot segment in the path");
		rest = (struct str){ rest.at + segment.len, rest.len - segment.len };
	}
	return true;
}
