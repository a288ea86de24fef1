/* Goal: the catalogue that is shipped keeps what the plan of 2018 promised and what a citizen may expect of it: whole guides, no two with the same words, halls
 * with the seven windows and one, and a search that finds what people type. Method: the files of data/, read as an import reads them. */
#include "services/guides/guide.h"
#include "services/guides/guide_words.h"
#include "services/guides/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { GUIDES_MAX = 400, GUIDES_PROMISED = 80, JOINT_PROMISED = 3, ONLINE_PERCENT = 80, FORMS_PROMISED = 10, HALLS = 10, WINDOWS = 8, QUERIES_PROMISED = 100, TOP = 3, LONG_TEXT = 12, TEXTS_MAX = 8192 };

static struct guide guides[GUIDES_MAX];
static json_t *objects[GUIDES_MAX];
static int count;
static struct arena arena;

static FILE *opened(const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", SIBAN_SOURCE_DIR, name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	return f;
}

static int load(void **state)
{
	static char line[GUIDE_BYTES_MAX];
	(void)state;
	FILE *f = opened("data/guides.jsonl");
	arena_init(&arena, 64 << 20);
	while (fgets(line, sizeof line, f) != NULL) {
		struct fail why;
		fail_clear(&why);
		assert_true(count < GUIDES_MAX);
		objects[count] = json_read(str_trim((struct str){ line, strcspn(line, "\n") }), &why);
		if (objects[count] == NULL || !guide_take(objects[count], &guides[count], &arena, &why))
			fail_msg("line %d: %s at %s", count + 1, why.log, why.pointer);
		count++;
	}
	fclose(f);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	while (count > 0)
		json_decref(objects[--count]);
	arena_free(&arena);
	return 0;
}

static const struct guide *of(const char *code)
{
	for (int i = 0; i < count; i++)
		if (str_eq(guides[i].code, str_c(code)))
			return &guides[i];
	fail_msg("no matter %s", code);
	return NULL;
}

static void what_the_plan_promises(void **state)
{
	(void)state;
	int online = 0;
	assert_true(count >= GUIDES_PROMISED);
	for (int i = 0; i < count; i++) {
		online += guides[i].online >= ONLINE_APPLY;
		for (int other = 0; other < i; other++)
			assert_false(str_eq(guides[i].code, guides[other].code) || str_eq(guides[i].name, guides[other].name));
	}
	assert_true(online * 100 >= count * ONLINE_PERCENT);
	int forms = 0;
	for (int i = 0; i < count; i++) {
		bool has_form = json_array_size(json_object_get(objects[i], "form")) > 0;
		forms += has_form;
		assert_true(!has_form || guides[i].online >= ONLINE_APPLY);
	}
	assert_true(forms >= FORMS_PROMISED);
	/* "3550" */
	assert_int_equal(of("620131001000")->promised_days, 3);
	assert_int_equal(of("620111001000")->promised_days, 5);
	assert_int_equal(of("620117001000")->promised_days, 50);
	/* several departments, one application */
	int joint = 0;
	for (int i = 0; i < count; i++)
		joint += guides[i].part_count > 0;
	assert_true(joint >= JOINT_PROMISED);
}

/* ---- no two sharing texts ---- */

static struct { const char *text; int guide; } texts[TEXTS_MAX];
static int text_count;

/* Titles of laws are everybody's, and so are the words of the closed lists. */
static bool is_common(const char *s)
{
	return strncmp(s, "《", 3) == 0 || strstr(s, "号") != NULL || strspn(s, "abcdefghijklmnopqrstuvwxyz_0123456789-") == strlen(s);
}

static void gather(json_t *v, int guide)
{
	size_t i;
	const char *name;
	json_t *item;
	if (json_is_object(v))
		json_object_foreach(v, name, item)
			gather(item, guide);
	json_array_foreach(v, i, item)
		gather(item, guide);
	if (!json_is_string(v) || is_common(json_string_value(v)) || str_utf8_length(str_c(json_string_value(v))) < LONG_TEXT)
		return;
	assert_true(text_count < TEXTS_MAX);
	texts[text_count].text = json_string_value(v);
	texts[text_count++].guide = guide;
}

static int by_text(const void *a, const void *b)
{
	const char *const *l = a, *const *r = b;
	return strcmp(*l, *r);
}

static void no_two_share_texts(void **state)
{
	(void)state;
	int wrong = 0;
	for (int i = 0; i < count; i++) {
		json_t *without = json_copy(objects[i]);
		json_object_del(without, "contact"); /* one hotline for all */
		json_object_del(without, "department");
		json_t *parts = json_deep_copy(json_object_get(without, "parts"));
		size_t n;
		json_t *part;
		json_array_foreach(parts, n, part)
			json_object_del(part, "department");
		if (parts != NULL)
			json_object_set_new(without, "parts", parts);
		gather(without, i);
		json_decref(without);
	}
	assert_true(text_count > count * 5);
	qsort(texts, (size_t)text_count, sizeof texts[0], by_text);
	for (int i = 1; i < text_count; i++)
		if (texts[i].guide != texts[i - 1].guide && strcmp(texts[i].text, texts[i - 1].text) == 0) {
			print_error("%.*s and %.*s: %s\n", STR_ARG(guides[texts[i].guide].code), STR_ARG(guides[texts[i - 1].guide].code), texts[i].text);
			wrong++;
		}
	assert_int_equal(wrong, 0);
}

static void each_has_its_questions_and_halls_are_there(void **state)
{
	(void)state;
	char row[512], halls[HALLS][16], code[16], kind[32];
	int hall_count = 0, windows = 0;
	FILE *f = opened("data/halls.csv");
	assert_non_null(fgets(row, sizeof row, f));
	while (fgets(row, sizeof row, f) != NULL) {
		assert_true(hall_count < HALLS);
		assert_int_equal(sscanf(row, "%15[^,]", halls[hall_count++]), 1);
	}
	fclose(f);
	assert_int_equal(hall_count, HALLS); /* the prefecture's and nine counties' */
	f = opened("data/windows.csv");
	assert_non_null(fgets(row, sizeof row, f));
	while (fgets(row, sizeof row, f) != NULL) {
		assert_int_equal(sscanf(row, "%15[^,],%31[^,]", code, kind), 2);
		assert_non_null(guide_word_from(GUIDE_WINDOW, str_c(kind)));
		windows++;
	}
	fclose(f);
	assert_int_equal(windows, HALLS * WINDOWS);
	for (int i = 0; i < count; i++) {
		assert_true(json_array_size(json_object_get(objects[i], "faq")) > 0);
		assert_true(json_array_size(json_object_get(objects[i], "materials")) > 0);
		assert_true(json_array_size(json_object_get(objects[i], "aliases")) > 0);
		for (int h = 0; h < guides[i].hall_count; h++) {
			bool known = false;
			for (int n = 0; n < hall_count; n++)
				known |= str_eq(guides[i].halls[h], str_c(halls[n]));
			if (!known)
				fail_msg("%.*s leads to a hall that is not there", STR_ARG(guides[i].code));
		}
	}
}

/* tests/unit/data/queries.csv: what people type, and the matter that must be among the first three. */
static void what_people_type(void **state)
{
	(void)state;
	struct fail why;
	char row[256];
	int asked = 0, wrong = 0;
	fail_clear(&why);
	struct search_making *m = search_begin(&why);
	assert_non_null(m);
	for (int i = 0; i < count; i++) {
		struct search_matter matter = { i + 1, guides[i].region, guides[i].topics, guides[i].name, guides[i].aliases, guides[i].topic_words, STR_NONE, guides[i].summary };
		assert_true(search_add(m, &matter, &why));
	}
	struct search_index *x = search_end(m, &why);
	assert_non_null(x);
	FILE *f = opened("tests/unit/data/queries.csv");
	assert_non_null(fgets(row, sizeof row, f));
	for (; fgets(row, sizeof row, f) != NULL; asked++) {
		struct str query, code;
		struct search_hit hits[SEARCH_HITS_MAX];
		int found;
		bool is_there = false;
		struct arena a;
		arena_init(&a, 1 << 20);
		str_cut((struct str){ row, strcspn(row, "\n") }, ',', &query, &code);
		assert_true(search_ask(x, &(struct search_question){ .words = query, .limit = TOP }, &a, hits, &found, &why));
		for (int i = 0; i < found; i++)
			is_there |= str_eq(guides[hits[i].id - 1].code, code);
		if (!is_there) {
			print_error("%.*s: wanted %.*s, first is %.*s\n", STR_ARG(query), STR_ARG(code), found > 0 ? (int)guides[hits[0].id - 1].name.len : 0,
				    found > 0 ? guides[hits[0].id - 1].name.at : "");
			wrong++;
		}
		arena_free(&a);
	}
	fclose(f);
	search_index_drop(x);
	assert_true(asked >= QUERIES_PROMISED);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_plan_promises), cmocka_unit_test(no_two_share_texts), cmocka_unit_test(each_has_its_questions_and_halls_are_there),
		cmocka_unit_test(what_people_type),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
