/* gateway/redis_settings.c - "redis://user@host:port/database", "rediss://…" over TLS, "unix:/path?database". */
#include "gateway/redis_link.h"

enum { REDIS_PORT = 6379, PATH_MAX_BYTES = 107, HOST_MAX_BYTES = 253, DATABASE_MAX = 255 };

static bool database_from(struct str text, int64_t *out)
{
	return text.len == 0 || str_to_i64(text, 0, DATABASE_MAX, out);
}

static bool port_from(struct str text, int *out)
{
	int64_t port = REDIS_PORT;
	if (text.len > 0 && !str_to_i64(text, 1, 65535, &port))
		return false;
	*out = (int)port;
	return true;
}

/* host, host:port, [address]:port */
static bool place_from(struct str text, struct redis_settings *out)
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
	return out->host.len > 0 && out->host.len <= HOST_MAX_BYTES && port_from(port, &out->port);
}

const char *redis_settings_from(struct str url, struct redis_settings *out)
{
	static const struct { struct str text; bool is_tls; } schemes[] = { { { "redis://", 8 }, false }, { { "rediss://", 9 }, true } };
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
		str_cut(rest, '/', &rest, &database);
		return place_from(rest, out) && database_from(database, &out->database) ? NULL : "redis[s]://[user@]host[:port][/database]";
	}
	return "begins with redis://, rediss:// or unix:/";
}
