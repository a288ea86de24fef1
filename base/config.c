/* base/config.c - why this exists: an operator who made three mistakes shall be told all three, with line numbers, before
 * anything starts. */
#include "base/config.h"

#include "base/client_hosts.h"
#include "base/config_rows.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

static void say(struct config_wrongs *wrongs, int line, struct str name, const char *format, ...) __attribute__((format(printf, 4, 5)));

static void say(struct config_wrongs *wrongs, int line, struct str name, const char *format, ...)
{
	int index = wrongs->count++;
	if (index >= CONFIG_WRONGS_MAX)
		return;
	struct config_wrong *w = &wrongs->at[index];
	w->line = line;
	snprintf(w->name, sizeof w->name, "%.*s", (int)(name.len < sizeof w->name ? name.len : sizeof w->name - 1), name.len > 0 ? name.at : "");
	va_list args;
	va_start(args, format);
	vsnprintf(w->why, sizeof w->why, format, args);
	va_end(args);
}

void config_wrong_add(struct config_wrongs *wrongs, const char *name, const char *why)
{
	say(wrongs, 0, str_c(name), "%s", why);
}

void config_defaults(struct config *c)
{
	memset(c, 0, sizeof *c);
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		char *to = (char *)c + row->offset;
		switch (row->kind) {
		case CONFIG_KIND_INT:
			*(int64_t *)(void *)to = row->fallback;
			break;
		case CONFIG_KIND_BOOL:
			*(bool *)to = row->fallback != 0;
			break;
		case CONFIG_KIND_WORD:
			*(int *)(void *)to = (int)row->fallback;
			break;
		case CONFIG_KIND_TEXT:
			assert(strlen(row->text) <= (size_t)row->max);
			memcpy(to, row->text, strlen(row->text) + 1);
			break;
		}
	}
}

/* -- one value */

struct place {
	int line;
	struct str name;
	struct config_wrongs *wrongs;
};

static const char *hint(struct str value)
{
	return value.len > 0 && memchr(value.at, '#', value.len) != NULL ? "; a comment needs a line of its own" : "";
}

static bool put_int(const struct config_row *row, struct str value, void *to, const struct place *p)
{
	int64_t v;
	if (!str_to_i64(value, INT64_MIN, INT64_MAX, &v))
		say(p->wrongs, p->line, p->name, "not a whole number%s", hint(value));
	else if (v < row->min || v > row->max)
		say(p->wrongs, p->line, p->name, "out of range: %" PRId64 " to %" PRId64 "%s%s", row->min, row->max, row->unit[0] != '\0' ? " " : "", row->unit);
	else
		return *(int64_t *)to = v, true;
	return false;
}

static bool put_bool(struct str value, void *to, const struct place *p)
{
	bool yes = str_eq(value, STR("true"));
	if (yes || str_eq(value, STR("false")))
		return *(bool *)to = yes, true;
	say(p->wrongs, p->line, p->name, "not \"true\" or \"false\"%s", hint(value));
	return false;
}

static bool put_word(const struct config_row *row, struct str value, void *to, const struct place *p)
{
	for (int i = 0; config_word(row, i).len > 0; i++)
		if (str_eq(value, config_word(row, i)))
			return *(int *)to = i, true;
	say(p->wrongs, p->line, p->name, "not one of %s%s", row->text, hint(value));
	return false;
}

static bool put_text(const struct config_row *row, struct str value, char *to, const struct place *p)
{
	if (value.len > (size_t)row->max) {
		say(p->wrongs, p->line, p->name, "longer than %" PRId64 " bytes", row->max);
		return false;
	}
	for (size_t i = 0; i < value.len; i++) {
		if ((unsigned char)value.at[i] >= 0x20 && value.at[i] != 0x7f)
			continue;
		say(p->wrongs, p->line, p->name, "holds a control character");
		return false;
	}
	if (value.len > 0)
		memcpy(to, value.at, value.len);
	to[value.len] = '\0';
	return true;
}

static bool put_value(struct config *c, const struct config_row *row, struct str value, const struct place *p)
{
	char *to = (char *)c + row->offset;
	switch (row->kind) {
	case CONFIG_KIND_INT:
		return put_int(row, value, to, p);
	case CONFIG_KIND_BOOL:
		return put_bool(value, to, p);
	case CONFIG_KIND_WORD:
		return put_word(row, value, to, p);
	case CONFIG_KIND_TEXT:
		return put_text(row, value, to, p);
	}
	return false;
}

/* -- names */

/* Letters to insert, remove or change (Levenshtein); names are short, longer ones are simply far. */
static size_t distance(struct str a, struct str b)
{
	enum { LONGEST = 48 };
	if (a.len > LONGEST || b.len > LONGEST)
		return LONGEST;
	size_t row[LONGEST + 1];
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t change = corner + (a.at[i - 1] != b.at[j - 1]);
			corner = row[j];
			size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = change < step ? change : step;
		}
	}
	return row[b.len];
}

static const struct config_row *nearest(struct str name)
{
	const struct config_row *best = NULL;
	size_t least = name.len / 3 + 2;
	for (size_t i = 0; i < config_row_count; i++) {
		size_t far = distance(name, str_c(config_rows[i].name));
		if (far >= least)
			continue;
		least = far;
		best = &config_rows[i];
	}
	return best;
}

static const struct config_row *find(struct str name)
{
	for (size_t i = 0; i < config_row_count; i++)
		if (str_eq(name, str_c(config_rows[i].name)))
			return &config_rows[i];
	return NULL;
}

static const struct config_row *find_or_say(const struct place *p)
{
	const struct config_row *row = find(p->name), *near = row == NULL ? nearest(p->name) : NULL;
	if (near != NULL)
		say(p->wrongs, p->line, p->name, "no such name; is \"%s\" meant?", near->name);
	else if (row == NULL)
		say(p->wrongs, p->line, p->name, "no such name");
	return row;
}

/* -- a file */

enum { ROWS_MAX = 256 };

static void read_line(struct config *c, struct str line, int number, int *seen, struct config_wrongs *wrongs)
{
	struct str name, value;
	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	line = str_trim(line);
	if (line.len == 0 || line.at[0] == '#')
		return;
	bool cut = str_cut(line, '=', &name, &value);
	struct place p = { number, str_trim(name), wrongs };
	if (memchr(line.at, '\0', line.len) != NULL || !str_is_utf8(line)) {
		say(wrongs, number, STR_NONE, "not UTF-8 text");
		return;
	}
	if (!cut || p.name.len == 0) {
		say(wrongs, number, p.name, line.at[0] == '[' ? "sections are not used; names are whole, as in \"listen.port\"" : "not \"name = value\"");
		return;
	}
	const struct config_row *row = find_or_say(&p);
	if (row == NULL)
		return;
	int *first = &seen[row - config_rows];
	if (*first != 0) {
		say(wrongs, number, p.name, "given before, in line %d", *first);
		return;
	}
	*first = number;
	(void)put_value(c, row, str_trim(value), &p);
}

bool config_read(struct config *c, const char *path, struct config_wrongs *wrongs)
{
	if (path == NULL)
		return true;
	assert(config_row_count <= ROWS_MAX);
	int before = wrongs->count, number = 0, seen[ROWS_MAX] = { 0 };
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		say(wrongs, 0, str_c(path), "cannot be opened: %s", strerror(errno));
		return false;
	}
	char *text = NULL;
	size_t room = 0;
	ssize_t len;
	while ((len = getline(&text, &room, file)) >= 0) {
		struct str line = { text, (size_t)len };
		if (line.len > 0 && line.at[line.len - 1] == '\n')
			line.len--;
		if (number++ == 0 && str_starts(line, STR("\xef\xbb\xbf"))) { /* some editors begin a file so */
			line.at += 3;
			line.len -= 3;
		}
		read_line(c, line, number, seen, wrongs);
	}
	if (!feof(file))
		say(wrongs, number, str_c(path), "cannot be read: %s", strerror(errno));
	free(text);
	fclose(file);
	return wrongs->count == before;
}

bool config_override(struct config *c, const char *name_is_value, struct config_wrongs *wrongs)
{
	struct str name, value;
	bool cut = str_cut(str_c(name_is_value), '=', &name, &value);
	struct place p = { 0, str_trim(name), wrongs };
	if (!cut || p.name.len == 0) {
		say(wrongs, 0, p.name, "not name=value");
		return false;
	}
	const struct config_row *row = find_or_say(&p);
	return row != NULL && put_value(c, row, str_trim(value), &p);
}

/* -- what no single row can see */

static bool address(const char *text, struct in6_addr *out)
{
	struct in_addr four;
	if (inet_pton(AF_INET, text, &four) == 1) {
		memset(out, 0, sizeof *out); /* as ::ffff:a.b.c.d */
		out->s6_addr[10] = out->s6_addr[11] = 0xff;
		memcpy(out->s6_addr + 12, &four, 4);
		return true;
	}
	return inet_pton(AF_INET6, text, out) == 1;
}

static bool is_loopback(const struct in6_addr *a)
{
	return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

static void check_addresses(const struct config *c, struct config_wrongs *wrongs)
{
	struct in6_addr a;
	if (!address(c->listen_address, &a))
		say(wrongs, 0, STR("listen.address"), "not an IPv4 or IPv6 address");
	if (!address(c->admin_address, &a))
		say(wrongs, 0, STR("admin.address"), "not an IPv4 or IPv6 address");
	else if (!is_loopback(&a))
		say(wrongs, 0, STR("admin.address"), "not a loopback address; the admin port is for this machine only");
	if (c->admin_port == c->listen_port)
		say(wrongs, 0, STR("admin.port"), "the same as listen.port");
}

static bool is_host_name(struct str host)
{
	bool good = host.len > 0 && host.len <= 253;
	for (size_t i = 0; good && i < host.len; i++) {
		char h = host.at[i];
		good = (h >= 'a' && h <= 'z') || (h >= 'A' && h <= 'Z') || (h >= '0' && h <= '9') || h == '-' || h == '.';
	}
	return good;
}

static void say_no_host(struct config_wrongs *wrongs, struct str name, struct str host)
{
	say(wrongs, 0, name, "\"%.*s\" is not a host name", (int)(host.len < 80 ? host.len : 80), host.len > 0 ? host.at : "");
}

static void check_hosts(const struct config *c, struct config_wrongs *wrongs)
{
	struct str left = str_c(c->public_hosts), host;
	while (left.len > 0) {
		bool more = str_cut(left, ',', &host, &left);
		host = str_trim(host);
		if (is_host_name(host) && (!more || left.len > 0))
			continue;
		say_no_host(wrongs, STR("listen.hosts"), host);
		return;
	}
}

/* The id_token's signature is not looked at because TLS vouches for who says it (channels/oidc.h). */
static void check_provincial(const struct config *c, struct config_wrongs *wrongs)
{
	const struct { const char *name, *url; } rows[] = { { "provincial.authorize_url", c->provincial_authorize_url }, { "provincial.token_url", c->provincial_token_url },
		{ "provincial.userinfo_url", c->provincial_userinfo_url } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].url[0] != '\0' && !c->development && !str_starts(str_c(rows[i].url), STR("https://")))
			say(wrongs, 0, str_c(rows[i].name), "not https://");
}

/* All of a mini-program or nothing of it; codes and secrets stand in the query there, so only development may do without TLS. */
static void check_wechat(const struct config *c, struct config_wrongs *wrongs)
{
	const struct { const char *value, *name; } rows[] = { { c->wechat_url, "wechat.url" }, { c->wechat_mini_appid, "wechat.mini.appid" },
		{ c->wechat_mini_secret_file, "wechat.mini.secret_file" } };
	bool is_alone = c->wechat_nontax_appid[0] == '\0' && c->wechat_official_appid[0] == '\0';
	bool any = c->wechat_mini_appid[0] != '\0' || c->wechat_mini_secret_file[0] != '\0' || (c->wechat_url[0] != '\0' && is_alone);
	for (size_t i = 0; any && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].value[0] == '\0')
			say(wrongs, 0, str_c(rows[i].name), "missing; wechat.url, wechat.mini.appid and wechat.mini.secret_file belong together");
	if (c->wechat_url[0] != '\0' && !str_starts(str_c(c->wechat_url), STR("https://")) && !(c->development && str_starts(str_c(c->wechat_url), STR("http://"))))
		say(wrongs, 0, STR("wechat.url"), "not https://; http:// is for development");
}

/* The same of an official account. */
static void check_wechat_official(const struct config *c, struct config_wrongs *wrongs)
{
	const struct { const char *value, *name; } rows[] = { { c->wechat_url, "wechat.url" }, { c->wechat_official_appid, "wechat.official.appid" },
		{ c->wechat_official_secret_file, "wechat.official.secret_file" }, { c->wechat_official_authorize_url, "wechat.official.authorize_url" },
		{ c->wechat_official_redirect_uris, "wechat.official.redirect_uris" } };
	bool any = c->wechat_official_appid[0] != '\0' || c->wechat_official_secret_file[0] != '\0' || c->wechat_official_redirect_uris[0] != '\0';
	for (size_t i = 0; any && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].value[0] == '\0')
			say(wrongs, 0, str_c(rows[i].name), "missing; wechat.url and all of wechat.official belong together");
	if (any && !c->development && !str_starts(str_c(c->wechat_official_authorize_url), STR("https://")))
		say(wrongs, 0, STR("wechat.official.authorize_url"), "not https://; http:// is for development");
}

/* All of it or none. */
static void check_wechat_pay(const struct config *c, struct config_wrongs *wrongs)
{
	const struct { const char *value, *name; } rows[] = { { c->wechat_pay_mchid, "wechat.pay.mchid" }, { c->wechat_pay_serial, "wechat.pay.serial" },
		{ c->wechat_pay_key_file, "wechat.pay.key_file" }, { c->wechat_pay_api_key_file, "wechat.pay.api_key_file" }, { c->wechat_pay_notify_url, "wechat.pay.notify_url" },
		{ c->wechat_mini_appid, "wechat.mini.appid" } };
	if (c->wechat_pay_url[0] == '\0')
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].value[0] == '\0')
			say(wrongs, 0, str_c(rows[i].name), "missing; wechat.pay.url needs it");
	if ((c->wechat_pay_public_key_id[0] == '\0') != (c->wechat_pay_public_key_file[0] == '\0'))
		say(wrongs, 0, STR("wechat.pay.public_key_file"), "wechat.pay.public_key_id and wechat.pay.public_key_file go together");
	if (!c->development && (!str_starts(str_c(c->wechat_pay_url), STR("https://")) || !str_starts(str_c(c->wechat_pay_notify_url), STR("https://"))))
		say(wrongs, 0, STR("wechat.pay.url"), "not https://, or wechat.pay.notify_url is not; http:// is for development");
}

/* Nobody but the sandbox seals as the sandbox does. */
static void check_wechat_nontax(const struct config *c, struct config_wrongs *wrongs)
{
	const struct { const char *value, *name; } rows[] = { { c->wechat_url, "wechat.url" }, { c->wechat_nontax_secret_file, "wechat.nontax.secret_file" },
		{ c->wechat_nontax_return_url, "wechat.nontax.return_url" } };
	if (c->wechat_nontax_appid[0] == '\0')
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].value[0] == '\0')
			say(wrongs, 0, str_c(rows[i].name), "missing; wechat.nontax.appid needs it");
	if (c->development && c->wechat_nontax_bank_id[0] == '\0')
		say(wrongs, 0, STR("wechat.nontax.bank_id"), "missing; without it it is the real bank that is asked, and this is development");
	if (c->wechat_nontax_calls != 0 && !c->development)
		say(wrongs, 0, STR("wechat.nontax.calls"), "only development = true is called as the sandbox calls");
	if (c->wechat_nontax_calls != 0 && c->wechat_nontax_calls_key_file[0] == '\0')
		say(wrongs, 0, STR("wechat.nontax.calls_key_file"), "missing; wechat.nontax.calls needs it");
}

static void check_client_hosts(const struct config *c, struct config_wrongs *wrongs)
{
	struct str left = str_c(c->tls_client_hosts), host, file;
	const struct str name = STR("tls.client_hosts");
	while (client_hosts_next(&left, &host, &file)) {
		if (!is_host_name(host))
			say_no_host(wrongs, name, host);
		else if (file.len == 0 || file.at[0] != '/')
			say(wrongs, 0, name, "%.*s needs the path of a file: NAME=/PATH", STR_ARG(host));
		else if (client_hosts_has(left, host))
			say(wrongs, 0, name, "%.*s stands there twice", STR_ARG(host));
	}
}

bool config_consistent(const struct config *c, struct config_wrongs *wrongs)
{
	int before = wrongs->count;
	bool certificate = c->tls_certificate[0] != '\0', key = c->tls_key[0] != '\0';
	if (certificate && !key)
		say(wrongs, 0, STR("tls.key"), "missing; tls.certificate is given");
	if (key && !certificate)
		say(wrongs, 0, STR("tls.certificate"), "missing; tls.key is given");
	if (!c->development && !certificate && !key)
		say(wrongs, 0, STR("tls.certificate"), "missing; only development = true makes its own certificate");
	check_wechat(c, wrongs);
	check_wechat_official(c, wrongs);
	check_wechat_pay(c, wrongs);
	check_wechat_nontax(c, wrongs);
	if ((c->expiring_certificate[0] == '\0') != (c->expiring_key[0] == '\0'))
		say(wrongs, 0, STR("expiring.key"), "expiring.certificate and expiring.key go together");
	if (c->state_dir[0] != '/')
		say(wrongs, 0, STR("state.dir"), "not an absolute path");
	if (c->backup_folder[0] != '\0' && c->backup_folder[0] != '/')
		say(wrongs, 0, STR("backup.folder"), "not an absolute path");
	if (c->backup_folder[0] != '\0' && c->store_url[0] != '\0')
		say(wrongs, 0, STR("backup.folder"), "PostgreSQL keeps the database: back it up with its own tools");
	if (c->web_base[0] != '\0' && (!str_starts(str_c(c->web_base), STR("https://")) || str_ends(str_c(c->web_base), STR("/")) || !str_is_visible_ascii(str_c(c->web_base))))
		say(wrongs, 0, STR("web.base"), "want https://NAME without a slash at its end");
	check_addresses(c, wrongs);
	check_hosts(c, wrongs);
	check_provincial(c, wrongs);
	check_client_hosts(c, wrongs);
	return wrongs->count == before;
}

/* -- reload */

static bool same(const struct config_row *row, const struct config *a, const struct config *b)
{
	const char *one = (const char *)a + row->offset, *two = (const char *)b + row->offset;
	switch (row->kind) {
	case CONFIG_KIND_INT:
		return memcmp(one, two, sizeof(int64_t)) == 0;
	case CONFIG_KIND_BOOL:
		return memcmp(one, two, sizeof(bool)) == 0;
	case CONFIG_KIND_WORD:
		return memcmp(one, two, sizeof(int)) == 0;
	case CONFIG_KIND_TEXT:
		return strcmp(one, two) == 0;
	}
	return false;
}

static size_t size_of(const struct config_row *row)
{
	switch (row->kind) {
	case CONFIG_KIND_INT:
		return sizeof(int64_t);
	case CONFIG_KIND_BOOL:
		return sizeof(bool);
	case CONFIG_KIND_WORD:
		return sizeof(int);
	case CONFIG_KIND_TEXT:
		return (size_t)row->max + 1;
	}
	return 0;
}

/* Appends whole names only; a list that is full ends with "…". */
static void list(char *to, size_t max, const char *name)
{
	static const char more[] = ",\xe2\x80\xa6";
	size_t len = strlen(to), need = strlen(name) + (len > 0);
	if (len + need + sizeof more <= max)
		snprintf(to + len, max - len, "%s%s", len > 0 ? "," : "", name);
	else if (len + sizeof more <= max && !str_ends(str_c(to), str_c(more)))
		memcpy(to + len, more, sizeof more);
}

void config_reload(struct config *now, const struct config *next, char *changed, size_t changed_max, char *refused, size_t refused_max)
{
	assert(changed_max > 0 && refused_max > 0);
	changed[0] = refused[0] = '\0';
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		if (same(row, now, next))
			continue;
		if (!row->reload) {
			list(refused, refused_max, row->name);
			continue;
		}
		memcpy((char *)now + row->offset, (const char *)next + row->offset, size_of(row));
		list(changed, changed_max, row->name);
	}
}
