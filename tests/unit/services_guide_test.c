/* Goal: a guide is taken whole or refused at its member; a load is seen as a whole or not at all; versions stay, and a case is pinned to the one of its opening.
 * Method: one good guide and many that differ from it in one place; imports as the command line makes them. */
#include "tests/unit/services_world.h"
#include "services/guides/guide_rows.h"
#include "services/guides/guide_words.h"

#include <stdio.h>

static json_t *sample(void)
{
	json_error_t e;
	json_t *g = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/data/guide.json", 0, &e);
	assert_non_null(g);
	json_object_set_new(g, "department", json_string(DEPARTMENT_A));
	return g;
}

static bool taken(json_t *object, struct guide *g, struct fail *why)
{
	static struct arena a;
	arena_free(&a);
	arena_init(&a, 1 << 20);
	fail_clear(why);
	return guide_take(object, g, &a, why);
}

static void good(void **state)
{
	(void)state;
	struct guide g, again;
	struct fail why;
	json_t *object = sample();
	assert_true(taken(object, &g, &why));
	assert_int_equal(g.region, 621200);
	assert_int_equal(g.online, 4);
	assert_int_equal(g.topics, UINT64_C(1) << 20);
	assert_int_equal(g.hall_count, 1);
	assert_true(str_eq(g.aliases, STR("办营业执照 注册公司 ")));
	assert_true(str_eq(g.topic_words, STR("设立变更 ")));
	assert_true(g.text.at[0] == '{' && g.text.at[g.text.len - 1] == '}');
	uint8_t digest[SHA256_BYTES];
	memcpy(digest, g.digest, sizeof digest);
	/* the same in another order and with other spaces */
	json_t *other = json_object();
	const char *name;
	json_t *value;
	json_object_foreach(object, name, value)
		if (strcmp(name, "code") != 0)
			json_object_set(other, name, value);
	json_object_set(other, "code", json_object_get(object, "code"));
	assert_true(taken(other, &again, &why));
	assert_memory_equal(again.digest, digest, sizeof digest);
	json_decref(other);
	json_decref(object);
}

/* In one place, written as JSON; NULL: the member is missing. */
static const struct { const char *pointer, *json; const char *wrong; } rows[] = {
	{ "/code", NULL, "/code" },                   { "/code", "\"a/b\"", "/code" },               { "/name", "\"\"", "/name" },
	{ "/name", "7", "/name" },                    { "/department", "\"x\"", "/department" },     { "/region", "\"6212\"", "/region" },
	{ "/region", "\"62120x\"", "/region" },       { "/type", "\"slow\"", "/type" },              { "/power", "\"magic\"", "/power" },
	{ "/legal_days", "-1", "/legal_days" },       { "/promised_days", "16", "/promised_days" },  { "/trips", "10", "/trips" },
	{ "/online", "\"maybe\"", "/online" },        { "/online", "\"none\"", "/offline_reason" },  { "/offline_reason", "\"需要现场核验\"", "/offline_reason" },
	{ "/batch", "0", "/batch" },                  { "/published_on", "\"2026-02-30\"", "/published_on" },
	{ "/aliases", "\"x\"", "/aliases" },          { "/aliases", "[\"\"]", "/aliases/0" },        { "/aliases", "[\"a\", 7]", "/aliases/1" },
	{ "/topics", "[]", "/topics" },               { "/topics", "[\"magic\"]", "/topics/0" },     { "/subjects", "[\"cat\"]", "/subjects/0" },
	{ "/conditions", "[]", "/conditions" },       { "/conditions", "[\"a\\u0001b\"]", "/conditions/0" },
	{ "/basis", NULL, "/basis" },                 { "/basis", "[{}]", "/basis/0/title" },        { "/materials", "[7]", "/materials/0" },
	{ "/materials/1/form", "\"stone\"", "/materials/1/form" },                                  { "/materials/0/originals", "10", "/materials/0/originals" },
	{ "/materials/0/colour", "\"red\"", "/materials/0/colour" },                                { "/materials/1/may_follow", "1", "/materials/1/may_follow" },
	{ "/steps", "[]", "/steps" },                 { "/fees", "[{\"item\": \"登记费\"}]", "/fees/0/basis" },
	{ "/results", "[]", "/results" },             { "/delivery", "[\"pigeon\"]", "/delivery/0" },
	{ "/places", "[{\"hall\": \"H1\", \"window\": \"w\"}]", "/places/0/window" },               { "/contact", NULL, "/contact" },
	{ "/contact/advice", NULL, "/contact/advice" },                                             { "/faq", NULL, "/faq" },
	{ "/form", "{}", "/form" },                   { "/form", "[{\"key\": \"x\"}]", "/form/0/label" },
	{ "/form", "[{\"key\": \"x\", \"label\": \"甲\", \"type\": \"date\", \"required\": true}]", NULL }, { "/materials/0/from_form", "true", NULL },
	{ "/extra", "1", "/extra" },                  { "/trips", "1", NULL },                       { "/places", "[]", NULL },
	{ "/parts", "7", "/parts" },
	{ "/parts", "[]", "/parts" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}]", "/parts" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, 7]", "/parts/1" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}]", NULL },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}]", "/parts/1/code" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"b,c\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}]", "/parts/1/code" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"b\", \"name\": \"环节\", \"days\": 1}]", "/parts/1/department" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 0}]", "/parts/1/days" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 4}]", "/parts/1/days" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 3}]", NULL },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 2}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 2, \"after\": [\"a\"]}]", "/parts/1/days" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 2}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1, \"after\": [\"a\"]}]", NULL },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1, \"after\": [\"c\"]}]", "/parts/1/after/0" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1, \"after\": [\"b\"]}]", "/parts/1/after/0" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1, \"after\": [7]}]", "/parts/1/after/0" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1, \"after\": \"a\"}]", "/parts/1/after" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1, \"after\": [\"b\"]}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1, \"after\": [\"a\"]}]", "/parts/0/after" },
	{ "/parts", "[{\"code\": \"a\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1}, {\"code\": \"b\", \"name\": \"环节\", \"department\": \"" DEPARTMENT_B "\", \"days\": 1, \"x\": 1}]", "/parts/1/x" },
};

static json_t *holder_of(json_t *root, const char *pointer, const char **last)
{
	char part[32];
	const char *slash = strchr(pointer + 1, '/');
	if (slash == NULL) {
		*last = pointer + 1;
		return root;
	}
	snprintf(part, sizeof part, "%.*s", (int)(slash - pointer - 1), pointer + 1);
	json_t *next = json_is_array(root) ? json_array_get(root, (size_t)atoi(part)) : json_object_get(root, part);
	assert_non_null(next);
	return holder_of(next, slash, last);
}

static void wrong_members(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct guide g;
		struct fail why;
		const char *last;
		json_t *object = sample(), *holder = holder_of(object, rows[i].pointer, &last);
		if (rows[i].json == NULL)
			json_object_del(holder, last);
		else
			json_object_set_new(holder, last, json_loads(rows[i].json, JSON_DECODE_ANY, NULL));
		bool ok = taken(object, &g, &why);
		if (ok != (rows[i].wrong == NULL) || (!ok && strcmp(why.pointer, rows[i].wrong) != 0))
			fail_msg("%s %s: %s at %s", rows[i].pointer, rows[i].json, ok ? "taken" : why.log, why.pointer);
		json_decref(object);
	}
	struct guide g;
	struct fail why;
	json_t *object = sample();
	json_object_set_new(object, "places", json_array());
	json_object_set_new(object, "trips", json_integer(1));
	assert_false(taken(object, &g, &why));
	assert_string_equal(why.pointer, "/places"); /* whoever must come must know where */
	json_decref(object);
}

/* ---- imports ---- */

static bool import(struct world *w, const char *target, const char *kind, const char *text)
{
	world_ask(w, METHOD_POST, target, kind, text);
	w->r.who.kind = WHO_OPERATOR;
	return world_write(w, &control_import);
}

static char *line(const char *code, const char *name, char *out, size_t size)
{
	json_t *g = sample();
	json_object_set_new(g, "code", json_string(code));
	json_object_set_new(g, "name", json_string(name));
	char *text = json_dumps(g, JSON_COMPACT);
	snprintf(out, size, "%s\n", text);
	free(text);
	json_decref(g);
	return out;
}

static void halls(struct world *w)
{
	world_import_small(w);
	world_expect(w, import(w, "/control/imports/x", "halls",
		"code,name,region,address,hours,transport,phone\nH1,陇南市政务服务中心,621200,武都区,周一至周五 8:30-12:00,1 路公交,0939-0000000\n"));
	world_expect(w, import(w, "/control/imports/x", "windows", "hall,kind,name\nH1,commerce,商事登记窗口\n"));
	assert_string_equal(world_body(w), "{\"rows\":1,\"changed\":1}");
}

/* 0: there is none */
static int64_t version_of(struct world *w, const char *code, const char *target)
{
	world_ask(w, METHOD_GET, target, code, NULL);
	if (!world_read(w, &guide_show)) {
		assert_int_equal(w->r.why.code, FAIL_NOT_FOUND);
		return 0;
	}
	json_t *j = json_loads(world_body(w), 0, NULL);
	int64_t version = json_integer_value(json_object_get(j, "version"));
	assert_string_equal(json_string_value(json_object_get(json_object_get(j, "guide"), "code")), code);
	json_decref(j);
	return version;
}

#define CURRENT(w, code) version_of(w, code, "/v1/matters/x/guide")

static void seen_as_a_whole(void **state)
{
	struct world *w = *state;
	static char a[4096], b[4096], both[8192];
	halls(w);
	line("N1", "新的一件", a, sizeof a);
	line("N2", "新的二件", b, sizeof b);
	snprintf(both, sizeof both, "%s\n%s", a, b); /* an empty line between them is no line */
	world_expect(w, import(w, "/control/imports/x?line=1&dry=1", "guides", both));
	assert_int_equal(CURRENT(w, "N1"), 0);
	/* the first chunk of two */
	world_expect(w, import(w, "/control/imports/x?line=1&last=0", "guides", a));
	assert_int_equal(CURRENT(w, "N1"), 0);
	world_ask(w, METHOD_GET, "/v1/matters/x", "N1", NULL);
	expect_code(w, world_read(w, &matter_show), FAIL_NOT_FOUND, "");
	/* it breaks off; another import gives it up and is seen with its last chunk */
	world_expect(w, import(w, "/control/imports/x?line=1&last=0", "guides", b));
	world_expect(w, import(w, "/control/imports/x?line=2&last=1", "guides", a));
	assert_true(CURRENT(w, "N1") > 0);
	assert_int_equal(CURRENT(w, "N2"), 1);
	world_ask(w, METHOD_GET, "/v1/matters/x", "N1", NULL);
	world_expect(w, world_read(w, &matter_show));
	/* a chunk of an import that was given up meanwhile */
	expect_code(w, import(w, "/control/imports/x?line=9&last=1", "guides", a), FAIL_IMPORT, "");
	/* again: nothing new */
	world_expect(w, import(w, "/control/imports/x?line=1", "guides", both));
	assert_string_equal(world_body(w), "{\"rows\":2,\"changed\":0}");
	assert_int_equal(CURRENT(w, "N2"), 1);
}

static bool forget(struct tx *tx, void *ctx, struct fail *why)
{
	return load_forget(tx, 100, ctx, why);
}

static bool is_shown(struct world *w, const char *code)
{
	world_ask(w, METHOD_GET, "/v1/matters/x", code, NULL);
	bool shown = world_read(w, &matter_show);
	assert_true(shown || w->r.why.code == FAIL_NOT_FOUND);
	return shown;
}

#define ONE_MATTER "code,name,department,region,type,legal_days,promised_days,trips,online\nN1,放弃的一件," DEPARTMENT_A ",621200,commitment,9,9,0,1\n"

/* A matter that was there before the load stays in sight; one that only the load brought stays out of it, also when it is given up. */
static void a_load_hides_and_shows_nothing(void **state)
{
	struct world *w = *state;
	static char text[4096];
	struct fail why;
	int64_t forgotten;
	fail_clear(&why);
	halls(w);
	assert_true(is_shown(w, "M1"));
	world_expect(w, import(w, "/control/imports/x?line=1&last=0", "guides", line("M1", "旧的一件", text, sizeof text)));
	assert_true(is_shown(w, "M1"));
	assert_int_equal(CURRENT(w, "M1"), 0);
	world_expect(w, import(w, "/control/imports/x?line=1&last=0", "guides", line("N1", "放弃的一件", text, sizeof text)));
	world_expect(w, import(w, "/control/imports/x?line=1", "guides", line("N2", "新的一件", text, sizeof text)));
	assert_true(store_write(w->store, forget, &forgotten, &why));
	assert_int_equal(forgotten, 2);
	assert_true(is_shown(w, "M1") && is_shown(w, "N2"));
	assert_false(is_shown(w, "N1"));
	/* until it comes by itself; again: nothing new */
	world_expect(w, import(w, "/control/imports/x", "matters", ONE_MATTER));
	assert_true(is_shown(w, "N1"));
	world_expect(w, import(w, "/control/imports/x", "matters", ONE_MATTER));
	assert_string_equal(world_body(w), "{\"rows\":1,\"changed\":0}");
}

static void versions_stay(void **state)
{
	struct world *w = *state;
	static char text[4096];
	halls(w);
	world_expect(w, import(w, "/control/imports/x?line=1", "guides", line("M1", "旧的名字", text, sizeof text)));
	world_expect(w, import(w, "/control/imports/x?line=1", "guides", line("M1", "新的名字", text, sizeof text)));
	assert_int_equal(CURRENT(w, "M1"), 2);
	assert_int_equal(version_of(w, "M1", "/v1/matters/x/guide?version=1"), 1);
	assert_int_equal(version_of(w, "M1", "/v1/matters/x/guide?version=3"), 0);
	world_ask(w, METHOD_GET, "/v1/matters/x/guides?limit=1", "M1", NULL);
	world_expect(w, world_read(w, &guide_version_list));
	assert_non_null(strstr(world_body(w), "\"version\":2"));
	world_ask(w, METHOD_GET, "/v1/matters/x", "M1", NULL);
	world_expect(w, world_read(w, &matter_show));
	assert_non_null(strstr(world_body(w), "新的名字"));
	assert_non_null(strstr(world_body(w), "\"guide_version\":2"));
}

static void wrong_lines(void **state)
{
	struct world *w = *state;
	static char good_line[4096], bad[4096], text[12288];
	halls(w);
	line("N1", "好的一件", good_line, sizeof good_line);
	static const struct { const char *instead, *of, *column, *reason; } wrongs[] = {
		{ "\"trips\":x", "\"trips\":0", "/", "bad_json" },
		{ "\"trips\":99", "\"trips\":0", "/trips", "invalid_field" },
		{ "\"hall\":\"H9\"", "\"hall\":\"H1\"", "/places/0/hall", "unknown_hall" },
		{ "\"region\":\"621299\"", "\"region\":\"621200\"", "/region", "unknown_region" },
	};
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		const char *at = strstr(good_line, wrongs[i].of);
		assert_non_null(at);
		snprintf(bad, sizeof bad, "%.*s%s%s", (int)(at - good_line), good_line, wrongs[i].instead, at + strlen(wrongs[i].of));
		snprintf(text, sizeof text, "%s\r\n%s", good_line, bad);
		assert_false(import(w, "/control/imports/x?line=1", "guides", text));
		if (w->r.why.code != FAIL_IMPORT || w->r.why.facts[0].number != 3 || strcmp(w->r.why.facts[1].text, wrongs[i].column) != 0)
			fail_msg("%s: %s", wrongs[i].instead, w->r.why.log);
		if (strcmp(w->r.why.facts[2].text, wrongs[i].reason) != 0)
			fail_msg("%s: %s", wrongs[i].instead, w->r.why.facts[2].text);
		assert_int_equal(CURRENT(w, "N1"), 0);
	}
}

static bool pinned(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t *to = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT g.version FROM cases c JOIN guide g ON g.id = c.guide ORDER BY c.id", why);
	assert_non_null(q);
	while (stmt_row(q, why))
		*to++ = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool opened(struct world *w, const char *event, const char *ref)
{
	char body[512];
	snprintf(body, sizeof body, "{\"event_id\":\"%s\",\"case_ref\":\"%s\",\"seq\":1,\"event\":\"submitted\",\"occurred_at\":\"2026-11-20T08:00:00+08:00\","
		"\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"621202190001010017\"}}", event, ref);
	return world_post(w, 1, body);
}

static void a_case_is_pinned(void **state)
{
	struct world *w = *state;
	static char text[4096];
	int64_t versions[3] = { 0 };
	struct fail why;
	fail_clear(&why);
	halls(w);
	world_expect(w, import(w, "/control/imports/x?line=1", "guides", line("M1", "旧的名字", text, sizeof text)));
	world_expect(w, opened(w, "e1", "c1"));
	world_expect(w, import(w, "/control/imports/x?line=1", "guides", line("M1", "新的名字", text, sizeof text)));
	world_expect(w, opened(w, "e2", "c2"));
	assert_true(store_write(w->store, pinned, versions, &why));
	assert_int_equal(versions[0], 1);
	assert_int_equal(versions[1], 2);
}

static void what_was_given_up_is_forgotten(void **state)
{
	struct world *w = *state;
	static char text[4096];
	int64_t forgotten;
	struct fail why;
	fail_clear(&why);
	halls(w);
	world_expect(w, import(w, "/control/imports/x?line=1&last=0", "guides", line("N1", "放弃的一件", text, sizeof text)));
	world_expect(w, import(w, "/control/imports/x?line=1", "guides", line("N2", "新的一件", text, sizeof text)));
	assert_true(store_write(w->store, forget, &forgotten, &why));
	assert_int_equal(forgotten, 1);
	assert_int_equal(CURRENT(w, "N2"), 1);
	assert_true(store_write(w->store, forget, &forgotten, &why));
	assert_int_equal(forgotten, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(wrong_members), cmocka_unit_test_setup_teardown(seen_as_a_whole, world_make, world_end),
		cmocka_unit_test_setup_teardown(versions_stay, world_make, world_end), cmocka_unit_test_setup_teardown(wrong_lines, world_make, world_end),
		cmocka_unit_test_setup_teardown(a_case_is_pinned, world_make, world_end),
		cmocka_unit_test_setup_teardown(a_load_hides_and_shows_nothing, world_make, world_end),
		cmocka_unit_test_setup_teardown(what_was_given_up_is_forgotten, world_make, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
