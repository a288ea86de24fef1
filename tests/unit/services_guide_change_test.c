/* Goal: two guides differ by what a reader would say that differs, not by where it stands.
 * Method: one guide, altered in one way a row; what is told, literally. And a pair that differs in more than is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/guides/guide_change.h"
#include <stdlib.h>
#include <string.h>

#define BEFORE                                                                                                                          \
	"{\"name\":\"旧\",\"trips\":1,\"contact\":{\"advice\":\"1\",\"complaint\":\"2\"},\"conditions\":[\"甲\",\"乙\",\"丙\"],"           \
	"\"materials\":[{\"name\":\"申请书\",\"copies\":1},{\"name\":\"身份证\",\"copies\":2}],"                                            \
	"\"places\":[{\"hall\":\"H1\",\"window\":\"a\"},{\"hall\":\"H1\",\"window\":\"b\"}],\"basis\":[{\"title\":\"法\",\"article\":\"一\"},{\"title\":\"法\"}],"    \
	"\"form\":[{\"key\":\"k\",\"choices\":[{\"value\":\"a\"}]}]}"

static const struct { const char *of, *instead, *told; } rows[] = {
	{ "\"trips\":1", "\"trips\":1", "" },
	{ "\"trips\":1", "\"trips\":2", "{\"pointer\":\"/trips\",\"before\":1,\"after\":2}" },
	{ "\"trips\":1", "\"trips\":1,\"note\":\"x\"", "{\"pointer\":\"/note\",\"before\":null,\"after\":\"x\"}" },
	{ "\"trips\":1,", "", "{\"pointer\":\"/trips\",\"before\":1,\"after\":null}" },
	{ "\"advice\":\"1\"", "\"advice\":\"3\"", "{\"pointer\":\"/contact/advice\",\"before\":\"1\",\"after\":\"3\"}" },
	/* what came in between is one difference */
	{ "[{\"name\":\"申请书\"", "[{\"name\":\"照片\",\"copies\":1},{\"name\":\"申请书\"", "{\"pointer\":\"/materials/0\",\"before\":null,\"after\":{\"copies\":1,\"name\":\"照片\"}}" },
	{ "{\"name\":\"申请书\",\"copies\":1},", "", "{\"pointer\":\"/materials/0\",\"before\":{\"copies\":1,\"name\":\"申请书\"},\"after\":null}" },
	{ "\"copies\":2", "\"copies\":3", "{\"pointer\":\"/materials/1/copies\",\"before\":2,\"after\":3}" },
	{ "\"甲\",", "", "{\"pointer\":\"/conditions/0\",\"before\":\"甲\",\"after\":null}" },
	{ "\"甲\",\"乙\"", "\"乙\",\"甲\"", "{\"pointer\":\"/conditions\",\"before\":[\"甲\",\"乙\",\"丙\"],\"after\":[\"乙\",\"甲\",\"丙\"]}" },
	{ "{\"name\":\"申请书\",\"copies\":1},{\"name\":\"身份证\",\"copies\":2}", "{\"name\":\"身份证\",\"copies\":2},{\"name\":\"申请书\",\"copies\":1}",
	  "{\"pointer\":\"/materials\",\"before\":[\"申请书\",\"身份证\"],\"after\":[\"身份证\",\"申请书\"]}" },
	/* two of one hall, and two of one title, are two */
	{ "\"window\":\"b\"", "\"window\":\"b\",\"note\":\"二楼\"", "{\"pointer\":\"/places/1/note\",\"before\":null,\"after\":\"二楼\"}" },
	/* a list below one is told as a whole */
	{ "[{\"value\":\"a\"}]", "[{\"value\":\"b\"}]", "{\"pointer\":\"/form/0/choices\",\"before\":[{\"value\":\"a\"}],\"after\":[{\"value\":\"b\"}]}" },
	{ ",{\"title\":\"法\"}", "", "{\"pointer\":\"/basis/1\",\"before\":{\"title\":\"法\"},\"after\":null}" },
};

static char *altered(const char *of, const char *instead)
{
	const char *at = strstr(BEFORE, of);
	assert_non_null(at);
	size_t size = sizeof(BEFORE) + strlen(instead);
	char *text = malloc(size);
	snprintf(text, size, "%.*s%s%s", (int)(at - BEFORE), BEFORE, instead, at + strlen(of));
	return text;
}

static void differences(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a;
		struct fail why;
		struct guide_changes c;
		char *text = altered(rows[i].of, rows[i].instead);
		json_t *before = json_loads(BEFORE, 0, NULL), *after = json_loads(text, 0, NULL);
		assert_non_null(after);
		arena_init(&a, 1 << 20);
		fail_clear(&why);
		assert_true(guide_compare(before, after, &c, &a, &why));
		if (!str_eq(buf_text(&c.items), str_c(rows[i].told)))
			fail_msg("%s -> %s: %.*s", rows[i].of, rows[i].instead, (int)c.items.len, c.items.at);
		assert_int_equal(c.count, rows[i].told[0] != '\0');
		assert_false(c.is_cut);
		arena_free(&a);
		json_decref(before);
		json_decref(after);
		free(text);
	}
}

static json_t *long_one(char letter)
{
	json_t *g = json_object(), *materials = json_array();
	char note[3000];
	memset(note, letter, sizeof(note) - 1);
	note[sizeof(note) - 1] = '\0';
	for (int i = 0; i < 40; i++) {
		char name[16];
		snprintf(name, sizeof(name), "m%d", i);
		json_array_append_new(materials, json_pack("{s:s, s:s}", "name", name, "note", note));
	}
	json_object_set_new(g, "materials", materials);
	return g;
}

static void bounded(void **state)
{
	(void)state;
	struct arena a;
	struct fail why;
	struct guide_changes c;
	struct buf b;
	json_t *before = long_one('a'), *after = long_one('b');
	arena_init(&a, 4 << 20);
	fail_clear(&why);
	assert_true(guide_compare(before, after, &c, &a, &why));
	assert_true(c.is_cut && c.count > 5 && c.items.len <= GUIDE_CHANGES_BYTES);
	/* what is told is whole */
	buf_init(&b, &a, 128 << 10);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	guide_changes_members(&j, &c);
	json_put_object_end(&j);
	assert_true(json_end(&j));
	json_t *told = json_loadb(b.at, b.len, 0, NULL);
	assert_non_null(told);
	assert_int_equal(json_array_size(json_object_get(told, "changes")), c.count);
	assert_true(json_is_true(json_object_get(told, "more")));
	/* and without memory nothing is told */
	arena_free(&a);
	arena_init(&a, 8192);
	assert_false(guide_compare(before, after, &c, &a, &why));
	assert_int_equal(why.code, FAIL_MEMORY);
	arena_free(&a);
	json_decref(told);
	json_decref(before);
	json_decref(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(differences), cmocka_unit_test(bounded) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
