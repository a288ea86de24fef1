/* Goal: whatever fails while a result is given or corrected, a code made, something handed out, or a certificate named, nothing of it stays (no hand-out without its event, no event without its
 * hand-out), and trying again does the whole thing; and applied twice each leaves the same rows. Method: tests/write_faults.h, a row for each. */
#include "tests/write_faults.h"
#include "auth/person.h"
#include "base/ids.h"
#include "services/applying/certificate_account.h"
#include "services/cases/result.h"

#include <sys/stat.h>

static char case_no[CASE_NUMBER_BYTES], code[PICKUP_DIGITS + 1];

static void event(struct world *w, int seq, const char *name)
{
	char body[512];
	snprintf(body, sizeof body, "{\"event_id\":\"r%d\",\"case_ref\":\"R\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"2026-11-23T10:00:00+08:00\"%s}", seq, seq, name,
		 seq == 1 ? ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}" : "");
	world_expect(w, world_post(w, 1, body));
	memcpy(case_no, w->r.outcome.text, CASE_NUMBER_LENGTH);
}

static bool staff_make(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO staff (id, account, name, region, roles, state, password, password_ms, totp, totp_step, invited_until_ms, made_ms, changed_ms)"
		" VALUES (1, 'clerk', $1, 621200, 0, 2, '', 0, $1, 0, 0, 0, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, "", 0);
	return stmt_run(q, why);
}

static void decided(struct world *w)
{
	static const char *const names[] = { "submitted", "received", "accepted", "decided_ok", "done" };
	struct fail why;
	fail_clear(&why);
	world_import_small(w);
	world_must(store_write(w->store, staff_make, NULL, &why), &why);
	for (int i = 0; i < 5; i++)
		event(w, i + 1, names[i]);
}

static void give(struct world *w, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/department/cases/R/result", "R", body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .token = 1, .test_key = true };
}

static void ask_first(struct world *w) { give(w, "{\"decision\":\"granted\",\"document_no\":\"A-1\",\"ready_for_collection\":true,\"place\":\"一号窗口\"}"); }
static void ask_other(struct world *w) { give(w, "{\"decision\":\"granted\",\"document_no\":\"A-2\",\"ready_for_collection\":true,\"place\":\"二号窗口\"}"); }

static void given(struct world *w)
{
	decided(w);
	ask_first(w);
	world_expect(w, world_write(w, &department_result));
}

static void ask_code(struct world *w)
{
	world_ask(w, METHOD_POST, "/v1/cases/x/pickup-codes", case_no, NULL);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
}

static void coded(struct world *w)
{
	given(w);
	struct fail why;
	fail_clear(&why);
	w->expiring = expiring_memory(&why);
	ask_code(w);
	world_expect(w, world_write(w, &pickup_code_make));
	memcpy(code, strstr(world_body(w), "\"code\":\"") + 8, PICKUP_DIGITS);
}

static void ask_hand_out(struct world *w)
{
	char body[64];
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
	world_ask(w, METHOD_POST, "/v1/hall/cases/x/hand-out", case_no, body);
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = 1, .region = 621200 };
}

/* ---- a certificate in place of a material ---- */

#define SHA "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
static char application[96], answer[512];
static const struct world_answer answers[] = { { 200, answer }, { 0, NULL } };

static bool person(struct tx *tx, void *ctx, struct fail *why)
{
	static const uint8_t salt[16] = "sixteen bytes...";
	struct world *w = ctx;
	struct person_facts facts = { .number = STR(RESIDENT), .name = STR("王小明") };
	int64_t made;
	return person_find_or_make(tx, IDENTITY_RESIDENT, STR(RESIDENT), w->now_ms, &made, why) && person_facts_merge(tx, made, &facts, salt, why);
}

static void platform(struct world *w)
{
	struct fail why;
	char path[512];
	fail_clear(&why);
	snprintf(path, sizeof path, "%s/certificates.key", w->dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("whsec_c2libi1zYW5kYm94LWNlcnRpZmljYXRlcy0wMDAwMDE=", f);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
	snprintf(w->config.certificates_url, sizeof w->config.certificates_url, "https://p.example");
	snprintf(w->config.certificates_key_file, sizeof w->config.certificates_key_file, "%s", path);
	world_must(certificate_account_open(&w->config, &why), &why);
	world_must(store_write(w->store, person, w, &why), &why);
}

static struct request *by_citizen(struct world *w, const char *body)
{
	struct request *r = world_ask(w, METHOD_POST, "/v1/applications", NULL, body);
	r->who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
	return r;
}

static void begun(struct world *w)
{
	json_error_t e;
	world_import_small(w);
	json_t *g = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/data/guide.json", 0, &e);
	assert_non_null(g);
	json_object_set_new(g, "department", json_string(DEPARTMENT_A));
	json_object_set_new(g, "places", json_array());
	json_object_set_new(json_array_get(json_object_get(g, "materials"), 1), "certificate_type", json_string("T1"));
	char *text = json_dumps(g, JSON_COMPACT);
	world_ask(w, METHOD_POST, "/control/imports/x?line=1", "guides", text);
	w->r.who.kind = WHO_OPERATOR;
	world_expect(w, world_write(w, &control_import));
	free(text);
	json_decref(g);
	platform(w);
	by_citizen(w, "{\"matter\":\"M1\",\"region\":\"621202\"}");
	world_expect(w, world_write(w, &application_create));
	snprintf(application, sizeof application, "%s", w->r.outcome.text);
	w->answers = answers;
}

/* The platform answers this very question. */
static void ask_certificate(struct world *w)
{
	uint8_t digest[SHA256_BYTES];
	char id_said[ID_TEXT_BYTES];
	struct id id;
	struct request *r = by_citizen(w, "{\"sha256\":\"" SHA "\"}");
	r->params[0] = str_c(application);
	r->params[1] = STR("2");
	struct str parts[] = { STR("T1"), r->path, { (const char *)r->random, STAMP_RANDOM } };
	keyring_index("certificates.question", parts, 3, digest);
	memcpy(id.bytes, digest, sizeof id.bytes);
	id_text(id, "q", id_said);
	snprintf(answer, sizeof answer, "{\"id\":\"%s\",\"result\":\"found\",\"certificates\":[{\"number\":\"N-0001\",\"name\":\"a\",\"issuer\":\"b\",\"sha256\":\"" SHA "\"}]}", id_said);
}

static const struct write_case cases[] = {
	{ "a certificate", &certificate_take, begun, ask_certificate, NULL, 6 },
	{ "a result", &department_result, decided, ask_first, NULL, 10 },
	{ "corrected", &department_result, given, ask_other, NULL, 10 },
	{ "a code", &pickup_code_make, given, ask_code, NULL, 1 },
	{ "handed out", &hall_hand_out, coded, ask_hand_out, NULL, 15 },
};

int main(void)
{
	return WRITE_FAULTS_RUN(cases);
}
