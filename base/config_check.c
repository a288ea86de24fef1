/* base/config_check.c - what no single row of config.def can see: names that go together, addresses, what a feature needs to be whole. */
#include "base/client_hosts.h"
#include "base/config_inside.h"

#include <arpa/inet.h>

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
		config_say(wrongs, 0, STR("listen.address"), "not an IPv4 or IPv6 address");
	if (!address(c->admin_address, &a))
		config_say(wrongs, 0, STR("admin.address"), "not an IPv4 or IPv6 address");
	else if (!is_loopback(&a))
		config_say(wrongs, 0, STR("admin.address"), "not a loopback address; the admin port is for this machine only");
	if (c->admin_port == c->listen_port)
		config_say(wrongs, 0, STR("admin.port"), "the same as listen.port");
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
	config_say(wrongs, 0, name, "\"%.*s\" is not a host name", (int)(host.len < 80 ? host.len : 80), host.len > 0 ? host.at : "");
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
			config_say(wrongs, 0, str_c(rows[i].name), "not https://");
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
			config_say(wrongs, 0, str_c(rows[i].name), "missing; wechat.url, wechat.mini.appid and wechat.mini.secret_file belong together");
	if (c->wechat_url[0] != '\0' && !str_starts(str_c(c->wechat_url), STR("https://")) && !(c->development && str_starts(str_c(c->wechat_url), STR("http://"))))
		config_say(wrongs, 0, STR("wechat.url"), "not https://; http:// is for development");
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
			config_say(wrongs, 0, str_c(rows[i].name), "missing; wechat.url and all of wechat.official belong together");
	if (any && !c->development && !str_starts(str_c(c->wechat_official_authorize_url), STR("https://")))
		config_say(wrongs, 0, STR("wechat.official.authorize_url"), "not https://; http:// is for development");
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
			config_say(wrongs, 0, str_c(rows[i].name), "missing; wechat.pay.url needs it");
	if ((c->wechat_pay_public_key_id[0] == '\0') != (c->wechat_pay_public_key_file[0] == '\0'))
		config_say(wrongs, 0, STR("wechat.pay.public_key_file"), "wechat.pay.public_key_id and wechat.pay.public_key_file go together");
	if (!c->development && (!str_starts(str_c(c->wechat_pay_url), STR("https://")) || !str_starts(str_c(c->wechat_pay_notify_url), STR("https://"))))
		config_say(wrongs, 0, STR("wechat.pay.url"), "not https://, or wechat.pay.notify_url is not; http:// is for development");
}

/* As many as a day can have files of one source (payments/reconciliation/recon_file.h). */
static void check_merchants(const struct config *c, struct config_wrongs *wrongs)
{
	enum { MERCHANTS_MAX = 16, MERCHANT_MAX = 32 };
	struct str one, rest = str_c(c->wechat_nontax_mch_ids);
	int count = 0;
	bool is_right = true;
	while (rest.len > 0) {
		str_cut(rest, ',', &one, &rest);
		one = str_trim(one);
		is_right = is_right && one.len > 0 && one.len <= MERCHANT_MAX && str_is_visible_ascii(one);
		count++;
	}
	if (!is_right || count > MERCHANTS_MAX)
		config_say(wrongs, 0, STR("wechat.nontax.mch_ids"), "up to 16 merchant numbers, each of 1 to 32 characters, comma separated");
}

static void check_codes(struct str name, const char *codes, struct config_wrongs *wrongs)
{
	struct str one, rest = str_c(codes);
	for (bool more = rest.len > 0; more;) {
		int64_t n;
		more = str_cut(rest, ',', &one, &rest);
		if (!str_to_i64(str_trim(one), INT64_MIN, INT64_MAX, &n) || n == 0)
			config_say(wrongs, 0, name, "\"%.*s\" is not an errcode", (int)(one.len < 40 ? one.len : 40), one.len > 0 ? one.at : "");
	}
}

static void check_barcodes(const struct config *c, struct config_wrongs *wrongs)
{
	check_codes(STR("wechat.nontax.barcode_paying"), c->wechat_nontax_barcode_paying, wrongs);
	check_codes(STR("wechat.nontax.barcode_busy"), c->wechat_nontax_barcode_busy, wrongs);
	check_codes(STR("wechat.nontax.barcode_refused"), c->wechat_nontax_barcode_refused, wrongs);
	if (c->wechat_nontax_barcodes && c->wechat_nontax_appid[0] == '\0')
		config_say(wrongs, 0, STR("wechat.nontax.barcodes"), "nobody pays there without wechat.nontax.appid");
}

/* Nobody but the sandbox seals as the sandbox does. */
static void check_wechat_nontax(const struct config *c, struct config_wrongs *wrongs)
{
	const struct { const char *value, *name; } rows[] = { { c->wechat_url, "wechat.url" }, { c->wechat_nontax_secret_file, "wechat.nontax.secret_file" },
		{ c->wechat_nontax_return_url, "wechat.nontax.return_url" } };
	check_merchants(c, wrongs);
	if (c->wechat_nontax_appid[0] == '\0')
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].value[0] == '\0')
			config_say(wrongs, 0, str_c(rows[i].name), "missing; wechat.nontax.appid needs it");
	if (c->development && c->wechat_nontax_bank_id[0] == '\0')
		config_say(wrongs, 0, STR("wechat.nontax.bank_id"), "missing; without it it is the real bank that is asked, and this is development");
	if (c->wechat_nontax_calls != 0 && !c->development)
		config_say(wrongs, 0, STR("wechat.nontax.calls"), "only development = true is called as the sandbox calls");
	if (c->wechat_nontax_calls != 0 && c->wechat_nontax_calls_key_file[0] == '\0')
		config_say(wrongs, 0, STR("wechat.nontax.calls_key_file"), "missing; wechat.nontax.calls needs it");
}

static void check_client_hosts(const struct config *c, struct config_wrongs *wrongs)
{
	struct str left = str_c(c->tls_client_hosts), host, file;
	const struct str name = STR("tls.client_hosts");
	while (client_hosts_next(&left, &host, &file)) {
		if (!is_host_name(host))
			say_no_host(wrongs, name, host);
		else if (file.len == 0 || file.at[0] != '/')
			config_say(wrongs, 0, name, "%.*s needs the path of a file: NAME=/PATH", STR_ARG(host));
		else if (client_hosts_has(left, host))
			config_say(wrongs, 0, name, "%.*s stands there twice", STR_ARG(host));
	}
}

/* The sources of payments/statements/bill_formats.def, which lies floors above; unit.base_config_test holds the two together. */
static void check_close_needs(const struct config *c, struct config_wrongs *wrongs)
{
	static const char *const words[] = { "wechat_trade", "wechat_fund", "wechat_nontax", "unionpay", "bank", "finance", "receipts" };
	struct str rest = str_c(c->recon_close_needs), one;
	while (rest.len > 0) {
		bool is_known = false;
		str_cut(rest, ',', &one, &rest);
		one = str_trim(one);
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			is_known = is_known || str_eq(one, str_c(words[i]));
		if (!is_known)
			config_say(wrongs, 0, STR("payments.close_needs"), "\"%.*s\" is no source", (int)(one.len < 80 ? one.len : 80), one.len > 0 ? one.at : "");
	}
}

bool config_consistent(const struct config *c, struct config_wrongs *wrongs)
{
	int before = wrongs->count;
	bool certificate = c->tls_certificate[0] != '\0', key = c->tls_key[0] != '\0';
	if (certificate && !key)
		config_say(wrongs, 0, STR("tls.key"), "missing; tls.certificate is given");
	if (key && !certificate)
		config_say(wrongs, 0, STR("tls.certificate"), "missing; tls.key is given");
	if (!c->development && !certificate && !key)
		config_say(wrongs, 0, STR("tls.certificate"), "missing; only development = true makes its own certificate");
	check_wechat(c, wrongs);
	check_wechat_official(c, wrongs);
	check_wechat_pay(c, wrongs);
	check_wechat_nontax(c, wrongs);
	check_barcodes(c, wrongs);
	check_close_needs(c, wrongs);
	if ((c->expiring_certificate[0] == '\0') != (c->expiring_key[0] == '\0'))
		config_say(wrongs, 0, STR("expiring.key"), "expiring.certificate and expiring.key go together");
	if (c->state_dir[0] != '/')
		config_say(wrongs, 0, STR("state.dir"), "not an absolute path");
	if (c->backup_folder[0] != '\0' && c->backup_folder[0] != '/')
		config_say(wrongs, 0, STR("backup.folder"), "not an absolute path");
	if (c->backup_folder[0] != '\0' && c->store_url[0] != '\0')
		config_say(wrongs, 0, STR("backup.folder"), "PostgreSQL keeps the database: back it up with its own tools");
	if (c->web_base[0] != '\0' && (!str_starts(str_c(c->web_base), STR("https://")) || str_ends(str_c(c->web_base), STR("/")) || !str_is_visible_ascii(str_c(c->web_base))))
		config_say(wrongs, 0, STR("web.base"), "want https://NAME without a slash at its end");
	check_addresses(c, wrongs);
	check_hosts(c, wrongs);
	check_provincial(c, wrongs);
	check_client_hosts(c, wrongs);
	return wrongs->count == before;
}
