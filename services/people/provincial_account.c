/* services/people/provincial_account.c - one site, read once. */
#include "base/config.h"
#include "base/secret_file.h"
#include "services/people/provincial.h"

static struct oidc_site site;
static struct str redirect_uris;

bool provincial_open(const struct config *c, struct fail *why)
{
	site = (struct oidc_site){ .authorize_url = str_c(c->provincial_authorize_url), .token_url = str_c(c->provincial_token_url),
		.userinfo_url = str_c(c->provincial_userinfo_url), .client_id = str_c(c->provincial_client_id), .scope = str_c(c->provincial_scope),
		.issuer = str_c(c->provincial_issuer), .secret_in_form = c->provincial_client_auth == 1,
		.claim = { .subject = str_c(c->provincial_claim_subject), .name = str_c(c->provincial_claim_name), .number = str_c(c->provincial_claim_number),
			.phone = str_c(c->provincial_claim_phone), .level = str_c(c->provincial_claim_level) } };
	redirect_uris = str_c(c->provincial_redirect_uris);
	if (site.authorize_url.len == 0)
		return true;
	if (!secret_read(c->provincial_secret_file, &site.client_secret, why))
		return false;
	return (oidc_site_is_whole(&site) && redirect_uris.len > 0) ||
	       FAILS(why, CONFIG, "provincial.authorize_url, token_url, userinfo_url, client_id, secret_file, claim_subject and redirect_uris belong together");
}

void provincial_close(void)
{
	secret_drop(&site.client_secret);
	site = (struct oidc_site){ .authorize_url = STR_NONE };
}

bool provincial_site(const struct oidc_site **out, struct fail *why)
{
	*out = &site;
	return site.authorize_url.len > 0 || FAILS(why, PEER_AWAY, "provincial.authorize_url is not configured");
}

bool provincial_returns_to(struct str redirect_uri)
{
	struct str one, rest = redirect_uris;
	for (bool more = redirect_uris.len > 0; more;) {
		more = str_cut(rest, ',', &one, &rest);
		if (str_eq(str_trim(one), redirect_uri))
			return true;
	}
	return false;
}
