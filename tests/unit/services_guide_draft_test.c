/* Goal: a draft is published by two people or not at all, never over a version its writer has not seen; and what a load brought counts when it is seen.
 * Method: two members of staff in a store of their own, every write applied twice; loads left open, flipped and given up around the deed. */
#include "tests/unit/services_world.h"
#include "auth/proposal.h"
#include "auth/staff.h"
#include "services/guides/guide_draft.h"

#define PREFECTURE 621200

static struct str text_of(const char *code, int64_t trips)
{
	static char text[8192];
	json_error_t e;
	json_t *g = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/data/guide.json", 0, &e);
	assert_non_null(g);
	json_object_set_new(g, "department", json_string(DEPARTMENT_A));
	json_object_set_new(g, "code", json_string(code));
	json_object_set_new(g, "trips", json_integer(trips));
	size_t len = json_dumpb(g, text, sizeof(text) - 1, JSON_COMPACT);
	assert_true(len < sizeof(text) - 1);
	text[len] = '\0';
	json_decref(g);
	return (struct str){ text, len };
}

static bool load(struct world *w, const char *target, const char *kind, const char *text)
{
	world_ask(w, METHOD_POST, target, kind, text);
	w->r.who.kind = WHO_OPERATOR;
	return world_write(w, &control_import);
}

static bool hired(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t *ids = ctx;
	uint8_t random[32] = { 1 };
	struct staff_new clerk = { .account = STR("clerk"), .name = STR("王小明"), .region = PREFECTURE, .roles = 1 << ROLE_DEPARTMENT },
			 checker = { .account = STR("checker"), .name = STR("李建国"), .region = PREFECTURE, .roles = 1 << ROLE_SYSTEM };
	if (!staff_invite(tx, &clerk, NOW_MS, random, &ids[0], why))
		return false;
	random[0] = 2;
	return staff_invite(tx, &checker, NOW_MS, random, &ids[1], why);
}

static int64_t staff[2];
enum { CLERK, CHECKER };

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
	world_expect(w, load(w, "/control/imports/x", "halls", "code,name,region,address,hours,transport,phone\nH1,陇南市政务服务中心,621200,武都区,全天,步行,0939-0000000\n"));
	fail_clear(&why);
	world_must(store_write(w->store, hired, staff, &why), &why);
	return 0;
}

static void outcome_keep(struct world *w, char out[ID_TEXT_BYTES])
{
	snprintf(out, ID_TEXT_BYTES, "%.*s", ID_TEXT_BYTES - 1, w->r.outcome.text);
}

static void written(struct world *w, const char *code, int64_t trips, char draft[ID_TEXT_BYTES])
{
	asked(w, CLERK, NULL, text_of(code, trips).at);
	world_expect(w, world_write(w, &staff_guide_write));
	outcome_keep(w, draft);
}

static bool propose(struct world *w, const char *draft, char proposal[ID_TEXT_BYTES])
{
	char body[256];
	snprintf(body, sizeof(body), "{\"kind\":\"guide_publish\",\"region\":\"621200\",\"payload\":{},\"subject\":\"%s\"}", draft);
	asked(w, CLERK, NULL, body);
	if (!world_write(w, &staff_proposal_make))
		return false;
	outcome_keep(w, proposal);
	return true;
}

static bool approve(struct world *w, const char *proposal)
{
	asked(w, CHECKER, proposal, NULL);
	return world_write(w, &staff_proposal_approve);
}

static void current_is(struct world *w, const char *code, int64_t version, const char *has)
{
	world_ask(w, METHOD_GET, "/v1/matters/x/guide", code, NULL);
	world_expect(w, world_read(w, &guide_show));
	char want[32];
	snprintf(want, sizeof(want), "\"version\":%d", (int)version);
	const char *body = world_body(w);
	if (strstr(body, want) == NULL || strstr(body, has) == NULL)
		fail_msg("not %s and %s: %s", want, has, body);
}

static void two_people(void **state)
{
	struct world *w = *state;
	char draft[ID_TEXT_BYTES], proposal[ID_TEXT_BYTES];
	written(w, "N1", 2, draft);
	world_ask(w, METHOD_GET, "/v1/matters/x", "N1", NULL);
	expect_code(w, world_read(w, &matter_show), FAIL_NOT_FOUND, "");
	world_expect(w, propose(w, draft, proposal));
	asked(w, CLERK, proposal, NULL);
	expect_code(w, world_write(w, &staff_proposal_approve), FAIL_FORBIDDEN, "");
	world_expect(w, approve(w, proposal));
	current_is(w, "N1", 1, "\"trips\":2");
	expect_code(w, approve(w, proposal), FAIL_CONFLICT, "");
}

/* What the hall's row is gone from, or the department, is not published. */
static bool hall_gone(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM hall WHERE code = 'H1'", why);
	return q != NULL && stmt_run(q, why);
}

static void judged_once_more(void **state)
{
	struct world *w = *state;
	char draft[ID_TEXT_BYTES], proposal[ID_TEXT_BYTES];
	struct fail why;
	written(w, "N1", 2, draft);
	world_expect(w, propose(w, draft, proposal));
	fail_clear(&why);
	world_must(store_write(w->store, hall_gone, NULL, &why), &why);
	expect_code(w, approve(w, proposal), FAIL_FIELD, "/places/0/hall");
	assert_int_equal(world_rows(w, WORLD_GUIDES).len, 0);
}

static void loads_around_it(void **state)
{
	struct world *w = *state;
	char draft[ID_TEXT_BYTES], late[ID_TEXT_BYTES], proposal[ID_TEXT_BYTES];
	world_expect(w, load(w, "/control/imports/x?line=1", "guides", text_of("N1", 1).at));
	current_is(w, "N1", 1, "\"trips\":1");
	written(w, "N1", 2, draft);
	/* the same text stands in a load that nobody sees: it is published all the same */
	world_expect(w, load(w, "/control/imports/x?line=1&last=0", "guides", text_of("N1", 2).at));
	world_expect(w, propose(w, draft, proposal));
	world_expect(w, approve(w, proposal));
	current_is(w, "N1", 3, "\"trips\":2");
	/* and stays when that load is seen */
	world_expect(w, load(w, "/control/imports/x?line=2&last=1", "guides", text_of("N2", 0).at));
	current_is(w, "N1", 3, "\"trips\":2");
	/* a draft hides nothing from a file */
	written(w, "N1", 5, late);
	world_expect(w, load(w, "/control/imports/x?line=1", "guides", text_of("N1", 2).at));
	assert_string_equal(world_body(w), "{\"rows\":1,\"changed\":0}");
	/* a load that is flipped while a proposal waits */
	world_expect(w, propose(w, late, proposal));
	world_expect(w, load(w, "/control/imports/x?line=1", "guides", text_of("N1", 6).at));
	expect_code(w, approve(w, proposal), FAIL_GUIDE_OUTDATED, "");
	current_is(w, "N1", 4, "\"trips\":6");
	expect_code(w, propose(w, late, proposal), FAIL_GUIDE_OUTDATED, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(two_people, begin, world_end), cmocka_unit_test_setup_teardown(judged_once_more, begin, world_end),
		cmocka_unit_test_setup_teardown(loads_around_it, begin, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
