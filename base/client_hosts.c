/* base/client_hosts.c - one reader for the three who want to know: the check of the configuration, TLS, and admission. */
#include "base/client_hosts.h"

bool client_hosts_next(struct str *list, struct str *host, struct str *file)
{
	struct str pair;
	if (list->len == 0)
		return false;
	str_cut(*list, ',', &pair, list);
	str_cut(pair, '=', host, file);
	*host = str_trim(*host);
	*file = str_trim(*file);
	return true;
}

bool client_hosts_has(struct str list, struct str host)
{
	struct str one, file;
	while (client_hosts_next(&list, &one, &file))
		if (host.len > 0 && str_eq_nocase(one, host))
			return true;
	return false;
}
