/* Goal: a form is taken whole or refused at its member; answers are judged all at once, each with its place and reason; what nobody asked is not taken.
 * Method: one form with every type; rows that differ from it, and from good answers, in one place. */
#include "services/applying/fields.h"
#include "services/guides/guide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static const char form_text[] =
	"[{\"key\":\"owner\",\"label\":\"姓名\",\"type\":\"text\",\"required\":true,\"min\":2,\"max\":30,\"pattern\":\"han_name\"},"
	"{\"key\":\"owner_id\",\"label\":\"证件号码\",\"type\":\"id_number\",\"required\":true},"
	"{\"key\":\"place\",\"label\":\"场所\",\"type\":\"choice\",\"required\":true,\"choices\":[{\"value\":\"shop\",\"label\":\"店铺\"},{\"value\":\"net\",\"label\":\"网络\"}]},"
	"{\"key\":\"url\",\"label\":\"网址\",\"type\":\"text\",\"required\":true,\"depends_on\":{\"field\":\"place\",\"is\":\"net\"}},"
	"{\"key\":\"agent\",\"label\":\"委托\",\"type\":\"yes_no\",\"required\":false},"
	"{\"key\":\"agent_phone\",\"label\":\"电话\",\"type\":\"phone\",\"required\":true,\"depends_on\":{\"field\":\"agent\",\"is\":\"yes\"}},"
	"{\"key\":\"people\",\"label\":\"人数\",\"type\":\"number\",\"required\":false,\"min\":1,\"max\":50},"
	"{\"key\":\"capital\",\"label\":\"资金\",\"type\":\"money\",\"required\":false},"
	"{\"key\":\"since\",\"label\":\"日期\",\"type\":\"date\",\"required\":false},"
	"{\"key\":\"code\",\"label\":\"代码\",\"type\":\"uscc\",\"required\":false},"
	"{\"key\":\"card\",\"label\":\"卡号\",\"type\":\"text\",\"required\":false,\"pattern\":\"bank_card\"},"
	"{\"key\":\"mail\",\"label\":\"邮箱\",\"type\":\"text\",\"required\":false,\"pattern\":\"email\"},"
	"{\"key\":\"where\",\"label\":\"地区\",\"type\":\"region\",\"required\":false}]";

static const char good[] = "{\"owner\":\"王小明\",\"owner_id\":\"621299199006150131\",\"place\":\"shop\"}";

static struct request r;
static struct wrong_field wrong[FIELD_WRONG_MAX];

static json_t *json_of(const char *text)
{
	json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(j);
	return j;
}

static int fresh(void **state)
{
	(void)state;
	memset(&r, 0, sizeof r);
	arena_init(&r.arena, 4 << 20);
	return 0;
}

static int done(void **state)
{
	(void)state;
	arena_free(&r.arena);
	return 0;
}

static json_t *the_form(struct fields *f)
{
	struct fail why;
	fail_clear(&why);
	json_t *items = json_of(form_text);
	if (!fields_take(items, f, &r.arena, &why))
		fail_msg("%s at %s", why.log, why.pointer);
	return items;
}

/* ---- forms ---- */

static const struct { const char *field, *wrong; } forms[] = {
	{ "7", "/form/13" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\"}", "/form/13/required" },
	{ "{\"key\":\"X\",\"label\":\"甲\",\"type\":\"text\",\"required\":true}", "/form/13/key" },
	{ "{\"key\":\"_x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true}", "/form/13/key" },
	{ "{\"key\":\"owner\",\"label\":\"甲\",\"type\":\"text\",\"required\":true}", "/form/13/key" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"magic\",\"required\":true}", "/form/13/type" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true,\"pattern\":\"(a+)+\"}", "/form/13/pattern" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"date\",\"required\":true,\"pattern\":\"digits\"}", "/form/13/pattern" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"date\",\"required\":true,\"max\":3}", "/form/13/max" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true,\"min\":9,\"max\":3}", "/form/13/max" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true,\"max\":2001}", "/form/13/max" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true,\"min\":-1,\"max\":3}", "/form/13/max" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true,\"choices\":[]}", "/form/13/choices" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"choice\",\"required\":true}", "/form/13/choices" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"choice\",\"required\":true,\"choices\":[{\"value\":\"a\",\"label\":\"甲\"},{\"value\":\"a\",\"label\":\"乙\"}]}", "/form/13/choices/1/value" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true,\"depends_on\":{\"field\":\"x\",\"is\":\"yes\"}}", "/form/13/depends_on/field" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true,\"depends_on\":{\"field\":\"owner\",\"is\":\"yes\"}}", "/form/13/depends_on/field" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true,\"depends_on\":{\"field\":\"agent\",\"is\":\"maybe\"}}", "/form/13/depends_on/is" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true,\"depends_on\":{\"field\":\"place\",\"is\":\"moon\"}}", "/form/13/depends_on/is" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true,\"colour\":\"red\"}", "/form/13/colour" },
	{ "{\"key\":\"x\",\"label\":\"甲\",\"type\":\"text\",\"required\":true,\"depends_on\":{\"field\":\"place\",\"is\":\"net\"}}", NULL },
};

static void forms_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct fields f;
		struct fail why;
		fail_clear(&why);
		json_t *items = json_of(form_text);
		json_array_append_new(items, json_of(forms[i].field));
		bool ok = fields_take(items, &f, &r.arena, &why);
		if (ok != (forms[i].wrong == NULL) || (!ok && strcmp(why.pointer, forms[i].wrong) != 0))
			fail_msg("%s: %s at %s", forms[i].field, ok ? "taken" : why.log, why.pointer);
		json_decref(items);
	}
	struct fields f;
	struct fail why;
	fail_clear(&why);
	assert_true(fields_take(NULL, &f, &r.arena, &why));
	assert_int_equal(f.count, 0);
}

/* ---- answers ---- */

/* One member put into the good answers (JSON null: taken away), and what is said of it. */
static const struct { const char *key, *json, *reason; } answers[] = {
	{ "owner", "null", "missing" },             { "owner", "\"王\"", "out_of_bounds" },      { "owner", "\"John Smith\"", "not_of_its_pattern" },
	{ "owner", "\"古丽·买买提\"", NULL },         { "owner", "\"·王\"", "not_of_its_pattern" }, { "owner", "7", "not_a_text" },
	{ "owner_id", "\"621299199006150132\"", "not_a_id_number" }, { "place", "\"moon\"", "not_a_choice" }, { "place", "\"net\"", "missing" },
	{ "url", "\"x.example\"", "not_asked" },    { "agent", "true", "missing" },             { "agent", "false", NULL }, { "agent", "\"yes\"", "not_a_yes_no" },
	{ "agent_phone", "\"13900000000\"", "not_asked" }, { "people", "0", "out_of_bounds" },  { "people", "50", NULL }, { "people", "51", "out_of_bounds" },
	{ "people", "1.5", "not_a_number" },        { "capital", "-1", "not_a_money" },         { "capital", "0", NULL }, { "capital", "9223372036854775807", "out_of_bounds" },
	{ "since", "\"2026-02-29\"", "not_a_date" }, { "since", "\"1949-10-01\"", NULL },       { "since", "\"1949-13-01\"", "not_a_date" }, { "since", "\"1949-2-001\"", "not_a_date" },
	{ "code", "\"91621299MA0000015U\"", NULL }, { "code", "\"91621299MA0000015X\"", "not_a_uscc" },
	{ "card", "\"6222020000000000006\"", "not_of_its_pattern" }, { "card", "\"4111111111111111\"", NULL },
	{ "mail", "\"a@b.example\"", NULL },        { "mail", "\"a@b@c.example\"", "not_of_its_pattern" }, { "mail", "\"a@b.\"", "not_of_its_pattern" },
	{ "mail", "\"a\\u0001b@c.example\"", "not_a_text" }, { "where", "\"621202\"", NULL },   { "where", "\"6212\"", "not_a_region" },
	{ "salary", "1", "unknown" },
};

static void answers_are_judged(void **state)
{
	(void)state;
	struct fields f;
	json_t *items = the_form(&f);
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct fail why;
		int count;
		fail_clear(&why);
		json_t *object = json_of(good);
		json_object_set_new(object, answers[i].key, json_of(answers[i].json));
		bool ok = fields_judge(&f, object, FIELDS_WHOLE, &r, wrong, &count, &why);
		if (ok != (answers[i].reason == NULL) || (!ok && strcmp(wrong[0].reason, answers[i].reason) != 0))
			fail_msg("%s %s: %s", answers[i].key, answers[i].json, ok ? "taken" : wrong[0].reason);
		assert_true(ok || why.code == FAIL_FORM);
		json_decref(object);
	}
	json_decref(items);
}

static void all_at_once(void **state)
{
	(void)state;
	struct fields f;
	struct fail why;
	int count;
	fail_clear(&why);
	json_t *items = the_form(&f), *object = json_of("{\"owner\":\"x\",\"place\":\"net\",\"agent\":true}");
	assert_false(fields_judge(&f, object, FIELDS_WHOLE, &r, wrong, &count, &why));
	assert_int_equal(count, 4);
	static const char *const places[] = { "/answers/owner", "/answers/owner_id", "/answers/url", "/answers/agent_phone" };
	for (int i = 0; i < 4; i++)
		assert_true(str_eq(wrong[i].pointer, str_c(places[i])));
	assert_ptr_equal(r.wrong, wrong);
	assert_string_equal(why.pointer, "/answers/owner");
	/* the same as a draft is kept, and says what is still open */
	fail_clear(&why);
	assert_true(fields_judge(&f, object, FIELDS_DRAFT, &r, wrong, &count, &why));
	assert_int_equal(count, 4);
	json_decref(object);
	/* what could not be kept is refused of a draft too */
	object = json_of("{\"a~b/c\":1,\"people\":\"x\"}");
	assert_false(fields_judge(&f, object, FIELDS_DRAFT, &r, wrong, &count, &why));
	assert_int_equal(count, 2);
	assert_true(str_eq(wrong[0].pointer, STR("/answers/a~0b~1c")));
	json_decref(object);
	fail_clear(&why);
	object = json_of("[]");
	assert_false(fields_judge(&f, object, FIELDS_DRAFT, &r, wrong, &count, &why));
	assert_string_equal(why.pointer, "/answers");
	json_decref(object);
	json_decref(items);
}

/* To a newer form go the answers it still asks for, of the type it asks for. */
static void carried(void **state)
{
	(void)state;
	struct fields f;
	struct fail why;
	fail_clear(&why);
	json_t *items = json_of("[{\"key\":\"owner\",\"label\":\"姓名\",\"type\":\"text\",\"required\":true},{\"key\":\"place\",\"label\":\"数\",\"type\":\"number\",\"required\":true}]");
	json_t *object = json_of(good);
	assert_true(fields_take(items, &f, &r.arena, &why));
	json_t *kept = fields_carry(&f, object), *want = json_of("{\"owner\":\"王小明\"}");
	assert_true(json_equal(kept, want));
	json_decref(want);
	json_decref(kept);
	json_decref(object);
	json_decref(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(forms_are_judged, fresh, done), cmocka_unit_test_setup_teardown(answers_are_judged, fresh, done),
		cmocka_unit_test_setup_teardown(all_at_once, fresh, done), cmocka_unit_test_setup_teardown(carried, fresh, done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
