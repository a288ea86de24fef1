/* Goal: whatever fails while somebody becomes known, links an account, is acted for, changes his phone or is to be forgotten, nothing of it stays, and trying again
 * does the whole thing. Method: tests/write_faults.h, a row for each handler, prepared so that there is most to do. */
#include "tests/write_faults.h"

#include "auth/mandate.h"
#include "auth/real_name.h"
#include "base/hash.h"
#include "notify/account.h"
#include "services/people/authority_asking.h"
#include "services/people/certificate_trust.h"
#include "services/people/wechat_account.h"
#include "tests/personal_ca.h"

#define BOSS "王小明"
#define OTHER "李大娘"
#define COMPANY_NAME "陇南一号有限公司"
#define HOUR (60 * MINUTE)

static struct tokens mine, theirs;

/* ---- people ---- */

struct knowing {
	struct request *r;
	const char *number, *name;
	int64_t face_ms;
};

static bool known_in(struct tx *tx, void *ctx, struct fail *why)
{
	struct knowing *k = ctx;
	struct real_name n = { .kind = IDENTITY_RESIDENT, .number = str_c(k->number), .name = str_c(k->name), .by = CONFIRMED_BY_AUTHORITY, .level3_until_ms = k->face_ms };
	return real_name_confirm(tx, k->r, &n, why);
}

static struct tokens known(struct world *w, const char *phone, const char *device, const char *number, const char *name)
{
	struct tokens t = login(w, phone, device);
	as(w, METHOD_POST, "/v1/me/identity", NULL, NULL, t.access);
	struct knowing k = { &w->r, number, name, w->now_ms + HOUR };
	world_must(store_write(w->store, known_in, &k, &w->r.why), &w->r.why);
	w->commits++;
	return t;
}

static void one(struct world *w) { mine = known(w, PHONE, DEVICE, RESIDENT, BOSS); }

static void two(struct world *w)
{
	one(w);
	theirs = known(w, OTHER_PHONE, STRANGER, OTHER_RESIDENT, OTHER);
}

static void two_in_region(struct world *w)
{
	world_import_small(w);
	two(w);
}

static void says_yes(struct world *w) { ((struct authority_asking *)w->r.state)->verdict = AUTHORITY_MATCH; }
static void says_no(struct world *w) { ((struct authority_asking *)w->r.state)->verdict = AUTHORITY_MISMATCH; }

/* ---- identity ---- */

static void unknown(struct world *w) { mine = login(w, PHONE, DEVICE); }

/* Known elsewhere already: what is under this phone is merged into that person. */
static void merging(struct world *w)
{
	known(w, OTHER_PHONE, STRANGER, RESIDENT, BOSS);
	unknown(w);
}

static void merged(struct world *w)
{
	merging(w);
	as(w, METHOD_POST, "/v1/me/identity", NULL, NULL, mine.access);
	struct knowing k = { &w->r, RESIDENT, BOSS, w->now_ms + HOUR };
	world_must(store_write(w->store, known_in, &k, &w->r.why), &w->r.why);
	w->commits++;
}

static void ask_identity(struct world *w) { as(w, METHOD_POST, "/v1/me/identity", NULL, "{\"id_number\":\"" RESIDENT "\",\"name\":\"" BOSS "\"}", mine.access); }
static void ask_face(struct world *w) { as(w, METHOD_POST, "/v1/me/step-up", NULL, "{\"method\":\"live_face\",\"proof\":\"p\"}", mine.access); }

static void ask_undo(struct world *w)
{
	char key[TEXT];
	as(w, METHOD_GET, "/v1/me/merges", NULL, NULL, mine.access);
	world_expect(w, world_read(w, &me_merge_list));
	assert_true(member(w, "id", key));
	as(w, METHOD_DELETE, "/v1/me/merges/x", key, NULL, mine.access);
}

static char digits[TEXT];

static void at_window(struct world *w)
{
	merging(w);
	as(w, METHOD_POST, "/v1/me/window-code", NULL, NULL, mine.access);
	world_expect(w, me_window_code.parse(&w->r, &w->r.why) && world_recall(w, &me_window_code) && me_window_code.render(&w->r, &w->r.why));
	assert_true(member(w, "code", digits));
}

static void ask_window(struct world *w)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"code\":\"%s\",\"id_number\":\"" RESIDENT "\",\"name\":\"" BOSS "\"}", digits);
	world_ask(w, METHOD_POST, "/v1/hall/identifications", NULL, body)->who = (struct principal){ .kind = WHO_STAFF, .id = 7, .session = 1, .region = 621202 };
}

/* A certificate signs the text of this session; what is under this phone is merged. */
static char signed_body[2 * CA_PEM];

static void with_certificate(struct world *w)
{
	static const char number[] = "\x13\x12" RESIDENT;
	struct test_ca ca;
	struct test_person bearer;
	struct fail why;
	uint8_t signature[128];
	char text[TEXT], base64[256], lines[CA_PEM + 256];
	fail_clear(&why);
	ca_make(&ca, (time_t)(w->now_ms / 1000));
	ca_issue(&ca, &bearer, BOSS, number, sizeof(number) - 1, ca.now - CA_DAY, ca.now + CA_DAY);
	snprintf(w->config.certificate_trust_file, sizeof(w->config.certificate_trust_file), "%s/trust", w->dir);
	snprintf(w->config.certificate_revocation_file, sizeof(w->config.certificate_revocation_file), "%s/lists", w->dir);
	ca_files(&ca, w->config.certificate_trust_file, w->config.certificate_revocation_file);
	world_must(certificate_trust_load(&w->config, &why), &why);
	merging(w);
	as(w, METHOD_POST, "/v1/me/certificate-challenges", NULL, NULL, mine.access);
	world_expect(w, me_certificate_challenge.parse(&w->r, &w->r.why) && world_recall(w, &me_certificate_challenge) && me_certificate_challenge.render(&w->r, &w->r.why));
	assert_true(member(w, "text", text));
	base64[base64_text(signature, person_signs(&bearer, text, signature), base64)] = '\0';
	size_t len = 0;
	for (const char *c = bearer.pem; *c != '\0'; c++)
		len += (size_t)snprintf(lines + len, sizeof(lines) - len, *c == '\n' ? "\\n" : "%c", *c);
	snprintf(signed_body, sizeof(signed_body), "{\"text\":\"%s\",\"certificate\":\"%s\",\"signature\":\"%s\"}", text, lines, base64);
	person_drop(&bearer);
	ca_drop(&ca);
}

static void ask_certificate(struct world *w) { as(w, METHOD_POST, "/v1/me/certificate", NULL, signed_body, mine.access); }

/* ---- links ---- */

static const struct world_answer wechat_says[] = { { 200, "{\"openid\":\"o-1\",\"unionid\":\"u-1\",\"session_key\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}" }, { 0, NULL } };

static void with_wechat(struct world *w)
{
	char file[300];
	struct fail why;
	fail_clear(&why);
	one(w);
	snprintf(file, sizeof(file), "%s/wechat", w->dir);
	FILE *f = fopen(file, "w");
	assert_true(f != NULL && fchmod(fileno(f), 0600) == 0 && fputs("0123456789abcdef0123456789abcdef", f) >= 0 && fclose(f) == 0);
	snprintf(w->config.wechat_url, sizeof(w->config.wechat_url), "https://wechat.invalid");
	snprintf(w->config.wechat_mini_appid, sizeof(w->config.wechat_mini_appid), "wx0123456789abcdef");
	snprintf(w->config.wechat_mini_secret_file, sizeof(w->config.wechat_mini_secret_file), "%s", file);
	world_must(wechat_account_open(&w->config, &why), &why);
	w->answers = wechat_says;
}

static void ask_link(struct world *w) { as(w, METHOD_POST, "/v1/me/identities", NULL, "{\"provider\":\"wechat_mini\",\"js_code\":\"code\"}", mine.access); }

static void linked(struct world *w)
{
	with_wechat(w);
	ask_link(w);
	world_expect(w, world_write(w, &me_identity_link));
}

/* The same in a page of the official account: begun in this session, on this device. */
static char link_body[BODY];

static void with_official(struct world *w)
{
	char state[TEXT];
	with_wechat(w);
	snprintf(w->config.wechat_official_appid, sizeof(w->config.wechat_official_appid), "wxofficial");
	snprintf(w->config.wechat_official_secret_file, sizeof(w->config.wechat_official_secret_file), "%s", w->config.wechat_mini_secret_file);
	snprintf(w->config.wechat_official_redirect_uris, sizeof(w->config.wechat_official_redirect_uris), "https://p/back");
	struct fail why;
	fail_clear(&why);
	wechat_account_close();
	world_must(wechat_account_open(&w->config, &why), &why);
	as(w, METHOD_POST, "/v1/login/wechat", NULL, "{\"device_id\":\"" DEVICE "\",\"redirect_uri\":\"https://p/back\"}", mine.access);
	w->r.peer = STR("192.0.2.1");
	world_expect(w, login_wechat.parse(&w->r, &w->r.why) && world_recall(w, &login_wechat) && login_wechat.render(&w->r, &w->r.why));
	assert_true(member(w, "state", state));
	snprintf(link_body, sizeof(link_body), "{\"provider\":\"wechat_official\",\"device_id\":\"" DEVICE "\",\"state\":\"%s\",\"code\":\"code\"}", state);
}

static void ask_link_official(struct world *w) { as(w, METHOD_POST, "/v1/me/identities", NULL, link_body, mine.access); }

static void linked_elsewhere(struct world *w)
{
	linked(w);
	mine = known(w, OTHER_PHONE, STRANGER, OTHER_RESIDENT, OTHER);
}

static void ask_unlink(struct world *w)
{
	char key[TEXT];
	as(w, METHOD_GET, "/v1/me/identities", NULL, NULL, mine.access);
	world_expect(w, world_read(w, &me_identities));
	assert_true(member(w, "id", key));
	as(w, METHOD_DELETE, "/v1/me/identities/x", key, NULL, mine.access);
}

/* ---- mandates ---- */

static char mandate[96];

static void offer_by(struct world *w, const char *access, const char *kind, const char *whom)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"kind\":\"%s\",%s,\"scopes\":\"see_cases\",\"until\":\"2026-12-01T00:00:00+08:00\",\"region\":\"621202\"}", kind, whom);
	as(w, METHOD_POST, "/v1/me/mandates", NULL, body, access);
}
#define THE_OTHER "\"id_number\":\"" OTHER_RESIDENT "\",\"name\":\"" OTHER "\""
#define THE_COMPANY "\"id_type\":\"uscc\",\"id_number\":\"" COMPANY "\",\"name\":\"" COMPANY_NAME "\""

static void offered(struct world *w, const char *access, const char *kind, const char *whom)
{
	offer_by(w, access, kind, whom);
	world_expect(w, world_write(w, &me_mandate_offer));
	snprintf(mandate, sizeof(mandate), "%s", w->r.outcome.text);
}

static void ask_offer(struct world *w) { offer_by(w, mine.access, "agent", THE_OTHER); }

static void ask_of_mandate(struct world *w, const char *access)
{
	as(w, METHOD_POST, "/v1/me/mandates/x/y", mandate, NULL, access);
}

static void ask_theirs(struct world *w) { ask_of_mandate(w, theirs.access); }
static void ask_mine(struct world *w) { ask_of_mandate(w, mine.access); }

static void an_offer(struct world *w)
{
	two_in_region(w);
	offered(w, mine.access, "agent", THE_OTHER);
}

static void accepted(struct world *w)
{
	an_offer(w);
	ask_theirs(w);
	world_expect(w, world_write(w, &me_mandate_accept));
}

/* An older one gives its place up. */
static void a_newer_offer(struct world *w)
{
	accepted(w);
	offered(w, mine.access, "agent", THE_OTHER);
}

static void a_company_offered(struct world *w)
{
	world_import_small(w);
	one(w);
	offered(w, mine.access, "company", THE_COMPANY);
}

static void ask_papers(struct world *w)
{
	world_ask(w, METHOD_POST, "/v1/staff/mandates/x/accept", mandate, "{" THE_COMPANY "}")->who = (struct principal){ .kind = WHO_STAFF, .id = 7, .session = 1, .region = 621202 };
}

static void ask_represent_by(struct world *w, const char *access)
{
	as(w, METHOD_POST, "/v1/me/organisations", NULL, "{\"id_number\":\"" COMPANY "\",\"name\":\"" COMPANY_NAME "\"}", access);
}

static bool apply_it(struct tx *tx, void *ctx, struct fail *why)
{
	struct world *w = ctx;
	return me_organisation_represent.apply(tx, &w->r, why);
}

/* Another represents it, and has appointed an agent. */
static void represented(struct world *w)
{
	two_in_region(w);
	ask_represent_by(w, theirs.access);
	world_expect(w, me_organisation_represent.parse(&w->r, &w->r.why) && world_look(w, &me_organisation_represent));
	says_yes(w);
	world_must(store_write(w->store, apply_it, w, &w->r.why), &w->r.why);
	w->commits++;
	offered(w, mine.access, "company", THE_COMPANY);
}

static void ask_represent(struct world *w) { ask_represent_by(w, mine.access); }

/* The company's yes to its agent: by whoever represents it, as gateway/requests/acting.c would have it. */
static void ask_appoint(struct world *w)
{
	ask_of_mandate(w, theirs.access);
	w->r.who.acting_for = 3;
	w->r.who.mandate = 1;
	w->r.who.manages = true;
}

/* ---- phone, erasure, consent ---- */

static struct code new_code, old_code;

static struct code code_of(struct world *w, const char *phone, const char *purpose)
{
	char body[BODY];
	struct code c;
	snprintf(body, sizeof(body), "{\"phone\":\"%s\",\"purpose\":\"%s\",\"device_id\":\"" DEVICE "\"}", phone, purpose);
	as(w, METHOD_POST, "/v1/otp", NULL, body, mine.access);
	w->r.peer = STR("192.0.2.1");
	world_expect(w, world_write(w, &otp_send));
	assert_true(member(w, "challenge", c.challenge) && member(w, "development_code", c.digits));
	return c;
}

static void with_codes(struct world *w)
{
	one(w);
	w->now_ms += 2 * MINUTE;
	login(w, PHONE, DEVICE "2"); /* a session that ends */
	w->now_ms += 2 * MINUTE;
	new_code = code_of(w, OTHER_PHONE, "phone");
	old_code = code_of(w, PHONE, "phone_old");
}

static void ask_phone(struct world *w)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"phone\":\"" OTHER_PHONE "\",\"challenge\":\"%s\",\"code\":\"%s\",\"old_phone\":\"" PHONE "\",\"old_challenge\":\"%s\",\"old_code\":\"%s\"}",
		 new_code.challenge, new_code.digits, old_code.challenge, old_code.digits);
	as(w, METHOD_POST, "/v1/me/phone", NULL, body, mine.access);
}

static void ask_erasure(struct world *w) { as(w, METHOD_POST, "/v1/me/erasure", NULL, NULL, mine.access); }

static void erasure_asked(struct world *w)
{
	one(w);
	ask_erasure(w);
	world_expect(w, world_write(w, &me_erasure_ask));
}

static void with_notice(struct world *w)
{
	one(w);
	world_import(w, "notices", "version,from,title,text\nv1,2026-01-01,隐私告知,我们如何使用您的信息\n");
}

static void ask_consent(struct world *w) { as(w, METHOD_POST, "/v1/me/consents", NULL, "{\"notice\":\"v1\"}", mine.access); }

static void consented(struct world *w)
{
	with_notice(w);
	ask_consent(w);
	world_expect(w, world_write(w, &me_consent_give));
}

static void ask_withdraw(struct world *w) { as(w, METHOD_DELETE, "/v1/me/consents/x", "v1", NULL, mine.access); }

static const struct write_case cases[] = {
	{ "known by name",          &me_identity,          unknown,           ask_identity, says_yes, 10 },
	{ "known, and merged",      &me_identity,          merging,           ask_identity, says_yes, 20 },
	{ "refused by the authority", &me_identity,        unknown,           ask_identity, says_no,  3 },
	{ "a face",                 &me_step_up,           one,               ask_face,     says_yes, 3 },
	{ "a merge undone",         &me_merge_undo,        merged,            ask_undo,     NULL,     8 },
	{ "at a window",            &hall_identify,        at_window,         ask_window,   NULL,     20 },
	{ "by a certificate",       &me_certificate,       with_certificate,  ask_certificate, NULL,  20 },
	{ "linked",                 &me_identity_link,     with_wechat,       ask_link,     NULL,     6 },
	{ "linked in a page",       &me_identity_link,     with_official,     ask_link_official, NULL, 6 },
	{ "linked to another",      &me_identity_link,     linked_elsewhere,  ask_link,     NULL,     3 },
	{ "unlinked",               &me_identity_unlink,   linked,            ask_unlink,   NULL,     4 },
	{ "a mandate offered",      &me_mandate_offer,     two_in_region,          ask_offer,    NULL,     6 },
	{ "accepted, an older gives way", &me_mandate_accept, a_newer_offer,  ask_theirs,   NULL,     15 },
	{ "refused",                &me_mandate_refuse,    an_offer,          ask_theirs,   NULL,     4 },
	{ "revoked",                &me_mandate_revoke,    accepted,          ask_mine,     NULL,     8 },
	{ "accepted by papers",     &staff_mandate_accept, a_company_offered, ask_papers,   NULL,     10 },
	{ "a company represented",  &me_organisation_represent, represented,  ask_represent, says_yes, 20 },
	{ "a company's agent",      &me_mandate_accept,    represented,       ask_appoint,  NULL,     8 },
	{ "another phone",          &me_phone,             with_codes,        ask_phone,    NULL,     10 },
	{ "erasure asked for",      &me_erasure_ask,       one,               ask_erasure,  NULL,     4 },
	{ "erasure taken back",     &me_erasure_take_back, erasure_asked,     ask_erasure,  NULL,     4 },
	{ "consent given",          &me_consent_give,      with_notice,       ask_consent,  NULL,     3 },
	{ "consent withdrawn",      &me_consent_withdraw,  consented,         ask_withdraw, NULL,     3 },
};

static int make(void **state)
{
	int rc = login_make(state);
	((struct world *)*state)->config.otp_address = 1000000;
	return rc;
}

static int unmake(void **state)
{
	wechat_account_close();
	certificate_trust_close();
	return login_unmake(state);
}

int main(void)
{
	return write_faults_run(cases, sizeof(cases) / sizeof(cases[0]), make, unmake);
}
