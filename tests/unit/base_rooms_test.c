/* Goal: the walls of the house stand. An upper floor includes a lower one and never the reverse; each library has its one room; what
 * people come for (services, payments, auth, channels, notify) has no thread, socket or clock; a file includes its own header first,
 * so that every header stands alone; and no file names somebody's machine or says that it is unfinished.
 * Method: reads every source file of the repository and holds its #include lines and calls against the tables below. */
#include "base/str.h"
#include <dirent.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

enum { PATH_BYTES = 512, FILE_BYTES_MAX = 4 << 20, DEPTH_MAX = 8 };

static const struct { const char *name; int floor; } rooms[] = {
	{ "base", 0 }, { "store", 1 }, { "channels", 2 }, { "auth", 2 }, { "notify", 3 }, { "payments", 4 }, { "services", 5 }, { "gateway", 6 },
};

/* A library and the only files that may include it. */
static const struct { const char *header, *files; } libraries[] = {
	{ "nghttp2/*",       "gateway/door/h2*.[ch]" },
	{ "openssl/ssl.h",   "gateway/door/tls*.[ch]|gateway/outside/tls_client.[ch]|gateway/door/conn.c|gateway/door/conn.h" },
	{ "openssl/*",       "base/*|auth/*|gateway/door/tls*.[ch]|gateway/outside/tls_client.[ch]|gateway/door/conn.c|gateway/door/conn.h|channels/*" },
	{ "sodium.h",        "auth/password.c" },
	{ "sqlite3.h",       "store/sqlite.h" },
	{ "uv.h",            "gateway/*" },
	{ "jansson.h",       "base/json*" },
	{ "curl/*",          "notify/http_multi.c|notify/http_slot.[ch]|notify/http_frame.[ch]|gateway/commands/control_client.c" },
	{ "hiredis/*",       "store/redis.c" },
	{ "libpq-fe.h",      "store/pg*.[ch]" },
	{ "xlsxwriter.h",    "gateway/commands/sheet.c" },
	{ "libwebsockets.h", "gateway/door/ws.c" },
	{ "zlib.h",          "payments/statements/bill_gunzip.c" },
	{ "iconv.h",         "channels/nontax_xml.c|payments/statements/bill.c|services/money/office_sheet.c" },
	{ "expat.h",         "channels/nontax_xml.c" },
	{ "pthread.h",       "base/*|store/*|gateway/*|auth/password.c|auth/keyring_follow.c" },
	{ "sys/socket.h",    "gateway/*|notify/http_slot.c|notify/http_frame.c|notify/http_cork.c|notify/reach.c" },
	{ "sys/un.h",        "gateway/*" },
	{ "netinet/*",       "gateway/*|notify/http_slot.c|notify/http_frame.c|notify/http_cork.c|notify/reach.c" },
	{ "arpa/inet.h",     "gateway/*|base/config_check.c|auth/network.c" },
	{ "netdb.h",         "gateway/*" },
	{ "poll.h",          "gateway/*|base/log.c|store/pg*.c" },
	{ "sys/epoll.h",     "gateway/*" },
	{ "time.h",          "base/clock.c|base/mailbox.c|base/fault.c|base/log.c|store/*|gateway/*" },
	{ "sys/time.h",      "base/clock.c" },
};

/* What a handler may not call: time is the request's now_ms, and nothing there waits. */
static const char *const banned_calls[] = {
	"clock_wall_ms", "clock_mono_ns", "clock_mono_ms", "clock_gettime", "gettimeofday", "time", "localtime", "gmtime", "strftime", "sleep",
	"usleep", "nanosleep", "socket", "connect", "pthread_create",
};
static const char *const product_rooms[] = { "services", "payments", "auth", "channels", "notify" };
static const char *const machines_there[] = { "notify/http_multi.c", "notify/http_slot.c", "notify/http_frame.c" }; /* a transport: its work is sockets and time */

static int wrongs;

#define WRONG(...) (wrongs++, print_error(__VA_ARGS__))

/* ---- reading ---- */

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return NULL;
	char *text = malloc(FILE_BYTES_MAX + 1);
	assert_non_null(text);
	*len = fread(text, 1, FILE_BYTES_MAX, f);
	text[*len] = '\0';
	fclose(f);
	return text;
}

typedef void (*visit_fn)(const char *name, char *text, size_t len);

/* Calls visit for each file under `folder`, with its name as seen from the top of the repository. */
static void walk(const char *folder, int depth, visit_fn visit)
{
	static const char *const passed_over[] = { "build", "build-*", "node_modules", "corpus", "vectors", "data", ".git", ".state", ".cache" };
	char path[PATH_BYTES], name[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/%s", SIBAN_SOURCE_DIR, folder);
	DIR *d = opendir(path);
	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		bool over = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
		for (size_t i = 0; i < sizeof(passed_over) / sizeof(passed_over[0]); i++)
			over = over || fnmatch(passed_over[i], e->d_name, 0) == 0;
		if (over)
			continue;
		int n = snprintf(name, sizeof(name), "%s%s%s", folder, *folder != '\0' ? "/" : "", e->d_name);
		int m = snprintf(path, sizeof(path), "%s/%s", SIBAN_SOURCE_DIR, name);
		assert_true(n < PATH_BYTES && m < PATH_BYTES);
		struct stat st;
		if (lstat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			walk(name, depth + 1, visit);
		} else if (S_ISREG(st.st_mode)) {
			size_t len;
			char *text = slurp(path, &len);
			if (text != NULL)
				visit(name, text, len);
			free(text);
		}
	}
	closedir(d);
}

/* Blanks comments and the insides of literals, so that words in prose are not taken for calls. Include lines are kept whole. */
static void blank_prose(char *s)
{
	enum { CODE, LINE, BLOCK, TEXT, LETTER } in = CODE;
	bool include = false;
	for (; *s != '\0'; s++) {
		if (*s == '\n') {
			include = false;
			if (in == LINE)
				in = CODE;
		} else if (in == CODE && *s == '#') {
			include = strncmp(s, "#include", 8) == 0;
		} else if (include) {
			continue;
		} else if (in == CODE && s[0] == '/' && (s[1] == '/' || s[1] == '*')) {
			in = s[1] == '/' ? LINE : BLOCK;
			*s = ' ';
		} else if (in == CODE && (*s == '"' || *s == '\'')) {
			in = *s == '"' ? TEXT : LETTER;
		} else if (in == BLOCK && s[0] == '*' && s[1] == '/') {
			s[0] = s[1] = ' ';
			s++;
			in = CODE;
		} else if ((in == TEXT && *s == '"') || (in == LETTER && *s == '\'')) {
			in = CODE;
		} else if (in != CODE) {
			if (*s == '\\' && s[1] != '\0' && s[1] != '\n')
				*s++ = ' ';
			*s = ' ';
		}
	}
}

/* ---- rules ---- */

static int floor_of(const char *name)
{
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		size_t len = strlen(rooms[i].name);
		if (strncmp(name, rooms[i].name, len) == 0 && name[len] == '/')
			return rooms[i].floor;
	}
	return -1;
}

static bool same_room(const char *a, const char *b)
{
	size_t n = strcspn(a, "/");
	return n == strcspn(b, "/") && memcmp(a, b, n) == 0;
}

static bool one_matches(const char *patterns, const char *name)
{
	char copy[256], *save = NULL;
	snprintf(copy, sizeof(copy), "%s", patterns);
	for (char *p = strtok_r(copy, "|", &save); p != NULL; p = strtok_r(NULL, "|", &save))
		if (fnmatch(p, name, 0) == 0)
			return true;
	return false;
}

static void judge_include(const char *file, const char *header, bool quoted)
{
	int own = floor_of(file), other = floor_of(header);
	if (quoted && other >= 0 && !same_room(file, header) && other >= own)
		WRONG("%s (floor %d) includes %s (floor %d)\n", file, own, header, other);
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		if (fnmatch(libraries[i].header, header, 0) == 0) {
			if (!one_matches(libraries[i].files, file))
				WRONG("%s includes %s, which is for %s\n", file, header, libraries[i].files);
			return;
		}
}

static bool is_word_char(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void judge_calls(const char *file, const char *text)
{
	bool product = false;
	for (size_t i = 0; i < sizeof(product_rooms) / sizeof(product_rooms[0]); i++)
		product = product || (strncmp(file, product_rooms[i], strlen(product_rooms[i])) == 0 && file[strlen(product_rooms[i])] == '/');
	for (size_t i = 0; i < sizeof(machines_there) / sizeof(machines_there[0]); i++)
		product = product && strcmp(file, machines_there[i]) != 0;
	if (!product)
		return;
	for (size_t i = 0; i < sizeof(banned_calls) / sizeof(banned_calls[0]); i++) {
		size_t len = strlen(banned_calls[i]);
		for (const char *at = strstr(text, banned_calls[i]); at != NULL; at = strstr(at + 1, banned_calls[i])) {
			bool whole = (at == text || (!is_word_char(at[-1]) && at[-1] != '.' && at[-1] != '>')) && at[len] == '(';
			if (whole)
				WRONG("%s calls %s()\n", file, banned_calls[i]);
		}
	}
}

static void judge_first_include(const char *file, const char *first)
{
	char header[PATH_BYTES], path[PATH_BYTES * 2];
	struct stat st;
	snprintf(header, sizeof(header), "%.*s.h", (int)(strlen(file) - 2), file);
	snprintf(path, sizeof(path), "%s/%s", SIBAN_SOURCE_DIR, header);
	if (stat(path, &st) == 0 && strcmp(first, header) != 0)
		WRONG("%s should include \"%s\" first, so that it is shown to stand alone\n", file, header);
}

static void judge_source(const char *file, char *text, size_t len)
{
	(void)len;
	bool is_c = fnmatch("*.c", file, 0) == 0;
	if (!is_c && fnmatch("*.h", file, 0) != 0)
		return;
	blank_prose(text);
	char first[PATH_BYTES] = "";
	for (char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		char header[PATH_BYTES], open;
		if (sscanf(line, "#include %c%511[^\">\n]", &open, header) != 2 || (open != '"' && open != '<'))
			continue;
		if (first[0] == '\0')
			memcpy(first, header, sizeof(first));
		judge_include(file, header, open == '"');
	}
	if (is_c)
		judge_first_include(file, first);
	judge_calls(file, text);
}

static void floors_and_libraries(void **state)
{
	(void)state;
	wrongs = 0;
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
		walk(rooms[i].name, 0, judge_source);
	assert_int_equal(wrongs, 0);
}

/* ---- words ---- */

static void judge_words(const char *file, char *text, size_t len)
{
	/* Written in two halves, so that this file passes its own test. */
	static const char *const words[] = { "/wo" "rk/", "TO" "DO", "FIX" "ME", "XX" "X ", "not imple" "mented", "for n" "ow," };
	if (memchr(text, '\0', len) != NULL || one_matches("LICENSE|*package-lock.json", file))
		return; /* not text, or not ours */
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *at = strstr(text, words[i]);
		if (at == NULL)
			continue;
		int line = 1;
		for (const char *c = text; c < at; c++)
			line += *c == '\n';
		WRONG("%s:%d says \"%s\"\n", file, line, words[i]);
	}
}

static void words(void **state)
{
	(void)state;
	wrongs = 0;
	walk("", 0, judge_words);
	assert_int_equal(wrongs, 0);
}

/* The judge itself: what it must see and must not see. */
static void the_judge_sees(void **state)
{
	(void)state;
	static const struct { const char *file, *text; int want; } cases[] = {
		{ "store/x.c", "#include \"gateway/loops/loop.h\"\n", 1 },
		{ "auth/x.c", "#include \"channels/x.h\"\n", 1 },
		{ "auth/x.c", "#include \"store/store.h\"\n#include <string.h>\n", 0 },
		{ "services/x.c", "#include <sqlite3.h>\n", 1 },
		{ "services/x.c", "#include <pthread.h>\n", 1 },
		{ "gateway/x.c", "#include <uv.h>\n#include <nghttp2/nghttp2.h>\n", 1 },
		{ "services/x.c", "int64_t n = time(NULL);\n", 1 },
		{ "services/x.c", "/* time(NULL) */ char *s = \"time(x)\"; // time(\nint uptime(void); r->time(1);\n", 0 },
		{ "gateway/x.c", "int64_t n = time(NULL);\n", 0 },
		{ "notify/http_multi.c", "#include \"notify/http_multi.h\"\nint64_t n = clock_mono_ms();\n", 0 },
		{ "notify/x.c", "int64_t n = clock_mono_ms();\n", 1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char copy[256];
		snprintf(copy, sizeof(copy), "%s", cases[i].text);
		wrongs = 0;
		judge_source(cases[i].file, copy, strlen(copy));
		assert_int_equal(wrongs, cases[i].want);
	}
	wrongs = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_judge_sees),
		cmocka_unit_test(floors_and_libraries),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
