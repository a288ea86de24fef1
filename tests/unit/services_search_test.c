/* Goal: what a citizen types finds what she means: several words, a wrong, missing or exchanged character, fillers around it, full-width letters; and what is
 * found is in a sensible order. Method: a small catalogue with questions and their expected best, then 20,000 made-up matters for bounds. */
#include "services/guides/search.h"
#include "base/clock.h"
#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { TOPIC_LIFE = 1, TOPIC_BUSINESS = 2 };

static const struct { int64_t id, region; uint64_t topics; const char *name, *aliases, *department, *text; } catalogue[] = {
	{ 1, 621200, TOPIC_BUSINESS, "企业设立登记", "办营业执照 注册公司 开公司", "陇南市市场监督管理局", "设立有限责任公司、股份有限公司等企业法人。" },
	{ 2, 621202, TOPIC_BUSINESS, "个体工商户设立登记", "个体户执照 开店", "陇南市市场监督管理局", "个体经营者领取营业执照。" },
	{ 3, 621202, TOPIC_BUSINESS, "食品经营许可", "食品经营许可证 开饭店 餐饮", "陇南市市场监督管理局", "从事食品销售和餐饮服务。" },
	{ 4, 621200, TOPIC_BUSINESS, "营业执照遗失补领", "执照丢了", "陇南市市场监督管理局", "营业执照遗失或者毁坏后补领。" },
	{ 5, 621200, TOPIC_LIFE, "不动产登记", "房产证 房本 过户", "陇南市自然资源局", "房屋所有权转移登记。" },
	{ 6, 621200, TOPIC_LIFE, "不动产登记资料查询", "查房 有房没房证明", "陇南市自然资源局", "查询不动产登记资料。" },
	{ 7, 621200, TOPIC_LIFE, "住房公积金提取", "取公积金", "陇南市住房和城乡建设局", "购房、租房、退休提取。" },
	{ 8, 621202, TOPIC_LIFE, "社会保障卡申领", "社保卡 医保卡", "陇南市人力资源和社会保障局", "首次申领第三代社会保障卡。" },
	{ 9, 621202, TOPIC_LIFE, "灵活就业人员参保登记", "自己交社保", "陇南市人力资源和社会保障局", "灵活就业人员参加养老保险。" },
	{ 10, 621202, TOPIC_LIFE, "居住证申领", "暂住证", "陇南市公安局", "公民离开常住户口所在地。" },
	{ 11, 621221, TOPIC_LIFE, "户口迁移审批", "迁户口 落户", "陇南市公安局", "户口迁入迁出。" },
	{ 12, 621202, TOPIC_LIFE, "生育服务登记", "准生证 生孩子", "陇南市卫生健康委员会", "夫妻登记生育。" },
	{ 13, 621200, TOPIC_LIFE, "教师资格认定", "教师证", "陇南市教育局", "认定高级中学教师资格。" },
	{ 14, 621200, TOPIC_BUSINESS, "机动车ETC发行", "高速ETC", "陇南市交通运输局", "安装车载电子标签。" },
};
enum { MATTERS = sizeof catalogue / sizeof catalogue[0] };

static struct search_index *small_made(struct fail *why)
{
	struct search_making *m = search_begin(why);
	if (m == NULL)
		return NULL;
	for (size_t i = 0; i < MATTERS; i++) {
		struct search_matter matter = { catalogue[i].id, catalogue[i].region, catalogue[i].topics, str_c(catalogue[i].name), str_c(catalogue[i].aliases),
			STR_NONE, str_c(catalogue[i].department), str_c(catalogue[i].text) };
		if (!search_add(m, &matter, why)) {
			search_drop(m);
			return NULL;
		}
	}
	return search_end(m, why);
}

static struct search_index *small(void)
{
	struct fail why;
	fail_clear(&why);
	struct search_index *x = small_made(&why);
	assert_non_null(x);
	return x;
}

static int ask(const struct search_index *x, struct search_question q, struct search_hit *out)
{
	struct arena a;
	struct fail why;
	int count;
	fail_clear(&why);
	arena_init(&a, 1 << 20);
	q.limit = q.limit == 0 ? 10 : q.limit;
	assert_true(search_ask(x, &q, &a, out, &count, &why));
	arena_free(&a);
	return count;
}

static void questions(void **state)
{
	(void)state;
	static const struct { const char *words; int64_t best; } rows[] = {
		{ "企业设立登记", 1 }, { "注册公司", 1 }, { "怎么办营业执照", 1 }, { "执照丢了怎么办", 4 }, { "营业执照 补领", 4 }, { "补领营业执照", 4 },
		{ "个体户", 2 }, { "个体工商户", 2 }, { "开饭店需要什么材料", 3 }, { "食品经营许可证", 3 }, { "不动产登记", 5 }, { "不动产登记 查询", 6 },
		{ "房产证过户", 5 }, { "公积金怎么取", 7 }, { "公积金提取", 7 }, { "社保卡", 8 }, { "社会保障卡在哪里办", 8 }, { "居住证", 10 }, { "户口", 11 }, { "迁户口", 11 },
		{ "准生证", 12 }, { "教师资格证", 13 }, { "ＥＴＣ", 14 }, { "etc", 14 }, { "高速Etc", 14 },
		/* one character wrong, missing, too many, or two exchanged */
		{ "营业执招遗失", 4 }, { "食品经营许刻", 3 }, { "公鸡金提取", 7 }, { "居住正", 10 }, { "灵活就业人缘", 9 }, { "社会保障咔", 8 }, { "教师资各认定", 13 },
		{ "公金提取", 7 }, { "住房公积金金提取", 7 }, { "生育务服", 12 }, { "户囗", 11 },
	};
	struct search_index *x = small();
	struct search_hit hits[SEARCH_HITS_MAX];
	int wrong = 0;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int count = ask(x, (struct search_question){ .words = str_c(rows[i].words) }, hits);
		if (count == 0 || hits[0].id != rows[i].best) {
			print_error("%s: %lld at %d, wanted %lld\n", rows[i].words, count > 0 ? (long long)hits[0].id : 0, count > 0 ? hits[0].score : 0, (long long)rows[i].best);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
	search_index_drop(x);
}

static void nothing_to_find(void **state)
{
	(void)state;
	static const char *const rows[] = { "", " ", "！？", "怎么办", "请问需要什么材料？", "\xff\xfe", "zzzz", "火星移民" };
	struct search_index *x = small();
	struct search_hit hits[SEARCH_HITS_MAX];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (ask(x, (struct search_question){ .words = str_c(rows[i]) }, hits) != 0)
			fail_msg("%s found %lld", rows[i], (long long)hits[0].id);
	search_index_drop(x);
}

static void by_region_and_topic(void **state)
{
	(void)state;
	struct search_index *x = small();
	struct search_hit hits[SEARCH_HITS_MAX];
	int count = ask(x, (struct search_question){ .words = STR("登记"), .region = 621202100 }, hits);
	assert_true(count >= 5);
	for (int i = 0; i < count; i++)
		assert_int_not_equal(hits[i].id, 11);
	assert_int_equal(ask(x, (struct search_question){ .words = STR("户口"), .region = 621202 }, hits) > 0 ? hits[0].id : 10, 10);
	assert_int_equal(ask(x, (struct search_question){ .words = STR("户口"), .region = 621221 }, hits), 1);
	count = ask(x, (struct search_question){ .words = STR("登记"), .topics = TOPIC_BUSINESS }, hits);
	for (int i = 0; i < count; i++)
		assert_true(hits[i].id <= 4 || hits[i].id == 14);
	assert_int_equal(ask(x, (struct search_question){ .words = STR("登记"), .limit = 2 }, hits), 2);
	assert_true(hits[0].score >= hits[1].score);
	search_index_drop(x);
}

static void an_exact_name_is_best(void **state)
{
	(void)state;
	struct search_index *x = small();
	struct search_hit hits[SEARCH_HITS_MAX];
	for (size_t i = 0; i < MATTERS; i++) {
		assert_true(ask(x, (struct search_question){ .words = str_c(catalogue[i].name), .region = catalogue[i].region }, hits) > 0);
		assert_int_equal(hits[0].id, catalogue[i].id);
		assert_in_range(hits[0].score, 950, 1000);
	}
	search_index_drop(x);
}

static void empty(void **state)
{
	(void)state;
	struct fail why;
	struct search_hit hits[SEARCH_HITS_MAX];
	fail_clear(&why);
	struct search_index *x = search_end(search_begin(&why), &why);
	assert_non_null(x);
	assert_int_equal(ask(x, (struct search_question){ .words = STR("登记") }, hits), 0);
	assert_int_equal(search_size(x), 0);
	search_index_drop(x);
	search_index_drop(NULL);
}

/* Each allocation fails once: no index, the reason said, nothing left behind (AddressSanitizer looks). */
static void no_memory(void **state)
{
	(void)state;
	int failures = 0;
	for (int n = 1;; n++) {
		struct fail why;
		fail_clear(&why);
		char wanted[32];
		snprintf(wanted, sizeof wanted, "search=%d", n);
		assert_true(fault_set(str_c(wanted)));
		struct search_index *x = small_made(&why);
		fault_clear_all();
		search_index_drop(x);
		if (x != NULL)
			break;
		assert_int_equal(why.code, FAIL_MEMORY);
		failures++;
	}
	assert_true(failures >= 4);
}

/* ---- 20,000 matters ---- */

static uint64_t seed = 20261126;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % below);
}

static size_t made_up(char *out, int characters)
{
	size_t len = 0;
	for (int i = 0; i < characters; i++) {
		uint32_t c = 0x4E00 + any(any(3) == 0 ? 3000 : 300); /* some characters are in every other name */
		out[len++] = (char)(0xE0 | c >> 12);
		out[len++] = (char)(0x80 | (c >> 6 & 0x3f));
		out[len++] = (char)(0x80 | (c & 0x3f));
	}
	return len;
}

/* The promise is 5 ms; what is asserted is the processor's time of this thread, with room for the sanitizers. tests/bench has the figure. */
static void many(void **state)
{
	(void)state;
	enum { MANY = 20000, ASKED = 200 };
	struct fail why;
	struct search_hit hits[SEARCH_HITS_MAX];
	char (*names)[64] = calloc(MANY, sizeof *names), text[300];
	fail_clear(&why);
	struct search_making *m = search_begin(&why);
	for (int i = 0; i < MANY; i++) {
		size_t name = made_up(names[i], 6 + (int)any(10));
		struct search_matter matter = { i + 1, 621202, 0, { names[i], name }, STR_NONE, STR_NONE, STR("陇南市测试局"), { text, made_up(text, 80) } };
		assert_true(search_add(m, &matter, &why));
	}
	struct search_index *x = search_end(m, &why);
	assert_non_null(x);
	assert_int_equal(search_size(x), MANY);
	int64_t worst = 0, began;
	for (int i = 0; i < ASKED; i++) {
		uint32_t n = any(MANY);
		began = clock_thread_cpu_ns();
		assert_true(ask(x, (struct search_question){ .words = str_c(names[n]) }, hits) > 0);
		int64_t took = clock_thread_cpu_ns() - began;
		worst = took > worst ? took : worst;
		assert_int_equal(hits[0].id, n + 1);
	}
	print_message("worst of %d questions over %d matters: %lld us\n", ASKED, MANY, (long long)worst / 1000);
	assert_true(worst < INT64_C(100) * 1000 * 1000);
	search_index_drop(x);
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions), cmocka_unit_test(nothing_to_find), cmocka_unit_test(by_region_and_topic), cmocka_unit_test(an_exact_name_is_best),
		cmocka_unit_test(empty), cmocka_unit_test(no_memory), cmocka_unit_test(many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
