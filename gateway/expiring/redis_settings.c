/* gateway/expiring/redis_settings.c - "redis://user@host:port/database", "rediss://…" over TLS, "unix:/path?database", and "sentinel[s]://user@host:port,host/master/database". */
#include "gateway/expiring/redis_link.h"

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379, MASTER_MAX_BYTES = 64, PATH_MAX_BYTES = 107, HOST_MAX_BYTES = 253, DATABASE_MAX = 255 };

static bool database_from(struct str text, int64_t *out)
{
	return text.len == 0 || str_to_i64(text, 0, DATABASE_MAX, out);
}

static bool port_from(struct str text, int usual, int *out)
{
	int64_t port = usual;
	if (text.len > 0 && !str_to_i64(text, 1, 65535, &port))
		return false;
	*out = (int)port;
	return true;
}

/* host, host:port, [address]:port */
static bool place_from(struct str text, int usual, struct redis_settings *out)
{
	struct str port = STR_NONE;
	if (text.len > 0 && text.at[0] == '[') {
		str_cut((struct str){ text.at + 1, text.len - 1 }, ']', &out->host, &port);
		if (port.len > 0 && port.at[0] != ':')
			return false;
		if (port.len > 0)
			port = (struct str){ port.at + 1, port.len - 1 };
	} else {
		str_cut(text, ':', &out->host, &port);
	}
	return out->host.len > 0 && out->host.len <= HOST_MAX_BYTES && port_from(port, usual, &out->port);
}

/* host[:port],…/master[/database] */
static bool sentinels_from(struct str text, struct redis_settings *out)
{
	struct str database;
	struct redis_settings unused;
	str_cut(text, '/', &out->sentinels, &text);
	str_cut(text, '/', &out->master, &database);
	for (struct str rest = out->sentinels, one; rest.len > 0;) {
		str_cut(rest, ',', &one, &rest);
		if (!place_from(one, SENTINEL_PORT, &unused))
			return false;
	}
	bool ends_well = out->sentinels.len > 0 && out->sentinels.at[out->sentinels.len - 1] != ',';
	return ends_well && out->master.len > 0 && out->master.len <= MASTER_MAX_BYTES && database_from(database, &out->database);
}

void redis_settings_sentinel(const struct redis_settings *s, size_t *at, struct redis_settings *out)
{
	struct str one, rest;
	if (*at >= s->sentinels.len)
		*at = 0;
	str_cut((struct str){ s->sentinels.at + *at, s->sentinels.len - *at }, ',', &one, &rest);
	*at += one.len + 1;
	(void)place_from(one, SENTINEL_PORT, out); /* it was looked at before */
}

const char *redis_settings_from(struct str url, struct redis_settings *out)
{
	static const struct { struct str text; bool is_tls, asks; } schemes[] = {
		{ { "redis://", 8 }, false, false }, { { "rediss://", 9 }, true, false }, { { "sentinel://", 11 }, false, true }, { { "sentinels://", 12 }, true, true },
	};
	struct str rest, user, database;
	if (str_starts(url, STR("unix:/"))) {
		str_cut((struct str){ url.at + 5, url.len - 5 }, '?', &out->path, &database);
		return out->path.len <= PATH_MAX_BYTES && database_from(database, &out->database) ? NULL : "unix:/path[?database], the path of 107 bytes at most";
	}
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!str_starts(url, schemes[i].text))
			continue;
		out->is_tls = schemes[i].is_tls;
		rest = (struct str){ url.at + schemes[i].text.len, url.len - schemes[i].text.len };
		if (str_cut(rest, '@', &user, &database)) {
			out->user = user;
			rest = database;
		}
		if (out->user.len > 0 && memchr(out->user.at, ':', out->user.len) != NULL)
			return "the password has a file of its own, expiring.password_file";
		if (schemes[i].asks)
			return sentinels_from(rest, out) ? NULL : "sentinel[s]://[user@]host[:port],host[:port],…/master[/database]";
		str_cut(rest, '/', &rest, &database);
		return place_from(rest, REDIS_PORT, out) && database_from(database, &out->database) ? NULL : "redis[s]://[user@]host[:port][/database]";
	}
	return "begins with redis://, rediss://, sentinel://, sentinels:// or unix:/";
}
