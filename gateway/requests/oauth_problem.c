/* gateway/requests/oauth_problem.c - a failure of /oauth2/… in the shape its clients know, with our own members beside it.
 *
 * error_description is ASCII by the RFC, so it is English; `detail` is what a person is shown.
 * Source: RFC 6749 5.2; temporarily_unavailable and server_error are of its 4.1.2.1, for want of better words;
 * interaction_required is of OpenID Connect Core 3.1.2.6, and access_denied of RFC 6749 4.1.2.1. */
#include "gateway/requests/task.h"

static const struct { enum fail_code code; const char *error; } errors[] = {
	{ FAIL_GRANT, "invalid_grant" },
	{ FAIL_UNCONFIRMED, "invalid_grant" },
	{ FAIL_PHONE_NEEDED, "interaction_required" },
	{ FAIL_ACCOUNT_AT_RISK, "access_denied" },
	{ FAIL_SNAPSHOT, "access_denied" },
	{ FAIL_GRANT_TYPE, "unsupported_grant_type" },
	{ FAIL_CLIENT, "invalid_client" },
	{ FAIL_SCOPE, "invalid_scope" },
	{ FAIL_LOGIN, "invalid_client" },
	{ FAIL_TOKEN, "invalid_client" },
	{ FAIL_FORBIDDEN, "unauthorized_client" },
};

static const char *error_of(enum fail_code code)
{
	int http = fail_row(code)->http;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == code)
			return errors[i].error;
	if (http == 429 || http == 503)
		return "temporarily_unavailable";
	return http >= 500 ? "server_error" : "invalid_request";
}

int oauth_status(enum fail_code code)
{
	return fail_row(code)->http == 422 ? 400 : fail_row(code)->http; /* a wrong field is 400 there */
}

void oauth_members(const struct task *t, struct json_out *j)
{
	const struct fail_row *row = fail_row(t->r.why.code);
	json_add_text(j, "error", str_c(error_of(t->r.why.code)));
	json_add_text(j, "error_description", str_c(row->title_en));
	json_add_text(j, "detail", str_c(t->r.lang == LANG_EN ? row->advice_en : row->advice_zh));
	json_add_text(j, "code", str_c(row->slug));
}
