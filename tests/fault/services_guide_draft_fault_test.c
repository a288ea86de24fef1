/* Goal: whatever fails while a draft is written, thrown away or published, nothing of it stays, the reason is one that may be tried again, and the repetition
 * does the whole thing.
 * Method: fail the n-th statement step, n = 1, 2, … until it passes; after each failure all rows are as before. */
#include "every_statement.h"
#include "auth/proposal.h"
#include "auth/staff.h"
#include "services/guides/guide_draft.h"

#define PREFECTURE 621200
enum { CLERK, CHECKER };
static int64_t staff[2];

static bool hired(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	uint8_t random[32] = { 1 };
	struct staff_new clerk = { .account = STR("clerk"), .name = STR("王小明"), .region = PREFECTURE, .roles = 1 << ROLE_DEPARTMENT },
			 checker = { .account = STR("checker"), .name = STR("李建国"), .region = PREFECTURE, .roles = 1 << ROLE_SYSTEM };
	if (!staff_invite(tx, &clerk, NOW_MS, random, &staff[CLERK], why))
		return false;
	random[0] = 2;
	return staff_invite(tx, &checker, NOW_MS, random, &staff[CHECKER], why);
}

static void asked(struct world *w, int who, const char *param, const char *body)
{
	static const enum role roles[] = { ROLE_DEPARTMENT, ROLE_SYSTEM };
	world_ask(w, METHOD_POST, "/v1/staff/x", param, body);
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = staff[who], .session = 10 + who, .region = PREFECTURE, .rights = role_row(roles[who])->rights };
}

static int begin(void **state)
{
	struct fail why;
	world_make(state);
	struct world *w = *state;
	world_import_small(w);
	world_ask(w, METHOD_POST, "/control/imports/x", "halls", "code,name,region,address,hours,transport,phone\nH1,陇南市政务服务中心,621200,武都区,全天,步行,0939-0000000\n");
	w->r.who.kind = WHO_OPERATOR;
	world_expect(w, world_write(w, &control_import));
	fail_clear(&why);
	world_must(store_write(w->store, hired, NULL, &why), &why);
	return 0;
}

static const char *guide_text(void)
{
	static char text[8192];
	json_error_t e;
	json_t *g = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/data/guide.json", 0, &e);
	assert_non_null(g);
	json_object_set_new(g, "department", json_string(DEPARTMENT_A));
	json_object_set_new(g, "code", json_string("N1"));
	size_t len = json_dumpb(g, text, sizeof(text) - 1, JSON_COMPACT);
	assert_true(len < sizeof(text) - 1);
	text[len] = '\0';
	json_decref(g);
	return text;
}

static void outcome_keep(struct world *w, char out[ID_TEXT_BYTES])
{
	snprintf(out, ID_TEXT_BYTES, "%.*s", ID_TEXT_BYTES - 1, w->r.outcome.text);
}

static void ask(struct world *w, const struct deed *d)
{
	asked(w, d->who, d->param[0] != '\0' ? d->param : NULL, d->body);
}

static void written(struct world *w, char draft[ID_TEXT_BYTES])
{
	asked(w, CLERK, NULL, guide_text());
	world_expect(w, world_write(w, &staff_guide_write));
	outcome_keep(w, draft);
}

static void writing(void **state)
{
	struct deed d = { .ask = ask, .handler = &staff_guide_write, .who = CLERK, .least = 6, .body = guide_text() };
	every_statement(*state, &d);
	assert_non_null(strstr(world_rows(*state, WORLD_DRAFTS).at, "|N1|"));
}

static void throwing_away(void **state)
{
	struct deed d = { .ask = ask, .handler = &staff_guide_throw, .who = CHECKER, .least = 5 };
	written(*state, d.param);
	every_statement(*state, &d);
	assert_non_null(strstr(world_rows(*state, WORLD_DRAFTS).at, "|{}"));
	asked(*state, CLERK, d.param, NULL);
	expect_code(*state, world_write(*state, &staff_guide_throw), FAIL_NOT_FOUND, "");
}

static void proposing(struct world *w, const char *draft, struct deed *d)
{
	static char body[256];
	snprintf(body, sizeof(body), "{\"kind\":\"guide_publish\",\"region\":\"621200\",\"payload\":{},\"subject\":\"%s\"}", draft);
	*d = (struct deed){ .ask = ask, .handler = &staff_proposal_make, .who = CLERK, .least = 6, .body = body };
	every_statement(w, d);
}

static void publishing(void **state)
{
	struct world *w = *state;
	char draft[ID_TEXT_BYTES];
	struct deed d;
	written(w, draft);
	proposing(w, draft, &d);
	d = (struct deed){ .ask = ask, .handler = &staff_proposal_approve, .who = CHECKER, .least = 15 };
	outcome_keep(w, d.param);
	/* while it is looked at nobody throws it away */
	asked(w, CLERK, draft, NULL);
	expect_code(w, world_write(w, &staff_guide_throw), FAIL_CONFLICT, "");
	every_statement(w, &d);
	assert_int_not_equal(world_rows(w, WORLD_GUIDES).len, 0);
	asked(w, CLERK, draft, NULL);
	expect_code(w, world_write(w, &staff_guide_throw), FAIL_CONFLICT, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writing, begin, world_end), cmocka_unit_test_setup_teardown(throwing_away, begin, world_end),
		cmocka_unit_test_setup_teardown(publishing, begin, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
