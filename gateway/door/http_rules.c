/* gateway/door/http_rules.c - one reading of names, hosts and lengths, so that HTTP/1.1 and HTTP/2 cannot disagree about a request. */
#include "gateway/door/http_rules.h"

#define LETTER(upper, lower) [upper] = lower, [lower] = lower
const uint8_t http_token_bytes[256] = {
	['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['*'] = '*', ['+'] = '+', ['-'] = '-', ['.'] = '.',
	['^'] = '^', ['_'] = '_', ['`'] = '`', ['|'] = '|', ['~'] = '~',
	['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',
	LETTER('A', 'a'), LETTER('B', 'b'), LETTER('C', 'c'), LETTER('D', 'd'), LETTER('E', 'e'), LETTER('F', 'f'), LETTER('G', 'g'),
	LETTER('H', 'h'), LETTER('I', 'i'), LETTER('J', 'j'), LETTER('K', 'k'), LETTER('L', 'l'), LETTER('M', 'm'), LETTER('N', 'n'),
	LETTER('O', 'o'), LETTER('P', 'p'), LETTER('Q', 'q'), LETTER('R', 'r'), LETTER('S', 's'), LETTER('T', 't'), LETTER('U', 'u'),
	LETTER('V', 'v'), LETTER('W', 'w'), LETTER('X', 'x'), LETTER('Y', 'y'), LETTER('Z', 'z'),
};

static const struct {
	struct str name;
	enum method method;
} methods[] = {
	{ { "GET", 3 }, METHOD_GET }, { { "POST", 4 }, METHOD_POST }, { { "HEAD", 4 }, METHOD_HEAD }, { { "PUT", 3 }, METHOD_PUT },
	{ { "DELETE", 6 }, METHOD_DELETE }, { { "OPTIONS", 7 }, METHOD_OPTIONS },
};

enum method http_method(struct str name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (str_eq(methods[i].name, name))
			return methods[i].method;
	return METHOD_OTHER;
}

/* Letters, digits, '-', '.' and '_'. */
const uint8_t http_host_bytes[256] = {
	['-'] = '-', ['.'] = '.', ['_'] = '_',
	['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',
	LETTER('A', 'a'), LETTER('B', 'b'), LETTER('C', 'c'), LETTER('D', 'd'), LETTER('E', 'e'), LETTER('F', 'f'), LETTER('G', 'g'),
	LETTER('H', 'h'), LETTER('I', 'i'), LETTER('J', 'j'), LETTER('K', 'k'), LETTER('L', 'l'), LETTER('M', 'm'), LETTER('N', 'n'),
	LETTER('O', 'o'), LETTER('P', 'p'), LETTER('Q', 'q'), LETTER('R', 'r'), LETTER('S', 's'), LETTER('T', 't'), LETTER('U', 'u'),
	LETTER('V', 'v'), LETTER('W', 'w'), LETTER('X', 'x'), LETTER('Y', 'y'), LETTER('Z', 'z'),
};

static bool port_is_valid(struct str port)
{
	int64_t n;
	return port.len <= 5 && http_length(port, &n) && n <= 65535;
}

bool http_authority_is_valid(struct str a)
{
	size_t i = 0;
	if (a.len == 0 || a.len > 255 + 6)
		return false;
	if (a.at[0] == '[') {
		for (i = 1; i < a.len && a.at[i] != ']'; i++)
			if (a.at[i] != ':' && (http_host_bytes[(uint8_t)a.at[i]] == 0 || a.at[i] == '-' || a.at[i] == '_'))
				return false;
		if (i < 3 || i == a.len)
			return false;
		i++;
	} else {
		while (i < a.len && http_host_bytes[(uint8_t)a.at[i]] != 0)
			i++;
		if (i == 0)
			return false;
	}
	return i == a.len || (a.at[i] == ':' && port_is_valid((struct str){ a.at + i + 1, a.len - i - 1 }));
}

bool http_target_is_valid(struct str t)
{
	return str_is_visible_ascii(t) && memchr(t.at, '#', t.len) == NULL;
}

bool http_length(struct str digits, int64_t *out)
{
	int64_t n = 0;
	if (digits.len == 0 || digits.len > 18)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.at[i] < '0' || digits.at[i] > '9')
			return false;
		n = n * 10 + (digits.at[i] - '0');
	}
	*out = n;
	return true;
}

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" }, { 304, "Not Modified" }, { 400, "Bad Request" },
	{ 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 408, "Request Timeout" },
	{ 409, "Conflict" }, { 410, "Gone" }, { 412, "Precondition Failed" }, { 413, "Content Too Large" }, { 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" }, { 417, "Expectation Failed" }, { 421, "Misdirected Request" }, { 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" },
	{ 503, "Service Unavailable" }, { 507, "Insufficient Storage" },
};

const char *http_reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return ""; /* RFC 9112 4: the phrase may be absent, the space before it not */
}
