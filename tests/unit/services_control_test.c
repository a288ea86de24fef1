/* Goal: tables come in whole or are refused with line and column; running an import again changes nothing; the catalogue shows what came in;
 * development tokens are made in development only. Method: the files of data/, small wrong ones, and the handlers that read them back. */
#include "auth/token.h"
#include "services/cases/calendar.h"
#include "services/control/csv.h"
#include "tests/unit/services_world.h"

/* ---- csv ---- */

static const struct {
	const char *name, *text, *want; /* rows as a|b;c, or !reason@line.column */
} tables[] = {
	{ "plain", "a,b\nc,d\n", "a|b;c|d;" },
	{ "no end of line at the end", "a,b\nc,d", "a|b;c|d;" },
	{ "CRLF", "a,b\r\nc,d\r\n", "a|b;c|d;" },
	{ "byte order mark", "\xef\xbb\xbf" "a,b\n", "a|b;" },
	{ "quotes", "\"a,1\",\"b \"\"x\"\"\"\n", "a,1|b \"x\";" },
	{ "a line break inside", "\"a\nb\",c\nd,e\n", "a\nb|c;d|e;" },
	{ "empty fields", ",\n\"\",\n", "|;|;" },
	{ "empty", "", "" },
	{ "stray quote", "a\"b,c\n", "!stray_quote@1.1" },
	{ "text after quote", "a,b\n\"a\"b,c\n", "a|b;!text_after_quote@2.1" },
	{ "not closed", "a,\"b\n", "!quote_not_closed@1.2" },
	{ "lone CR", "a,b\rc,d\n", "!lone_cr@1.2" },
	{ "too many", "a,b,c,d\n", "!too_many_fields@1.4" },
	{ "not UTF-8", "a,\xff\n", "!not_utf8@1.2" },
	{ "line numbers count breaks inside quotes", "\"a\n\",b\nc\"\n", "a\n|b;!stray_quote@3.1" },
};

static void csv_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct arena a;
		struct buf got;
		struct csv csv;
		struct str fields[3];
		struct fail why;
		int count;
		enum csv_got r;
		fail_clear(&why);
		arena_init(&a, 1 << 20);
		buf_init(&got, &a, 64);
		csv_open(&csv, str_c(tables[i].text), 1, &a);
		while ((r = csv_row(&csv, fields, 3, &count, &why)) == CSV_ROW)
			for (int f = 0; f < count; f++) {
				buf_str(&got, fields[f]);
				buf_char(&got, f == count - 1 ? ';' : '|');
			}
		if (r == CSV_WRONG) {
			assert_int_equal(why.code, FAIL_IMPORT);
			buf_printf(&got, "!%s@%d.%d", why.facts[2].text, (int)why.facts[0].number, (int)why.facts[1].number);
		}
		buf_char(&got, '\0');
		if (strcmp(got.at, tables[i].want) != 0)
			fail_msg("%s: %s", tables[i].name, got.at);
		arena_free(&a);
	}
}

/* ---- imports ---- */

static struct workdays calendar_seen;
static int64_t version_seen;

static char *file_text(const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/data/%s", SIBAN_SOURCE_DIR, name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	char *text = calloc(1, 1 << 20);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static bool import(struct world *w, const char *target, const char *kind, const char *csv)
{
	world_ask(w, METHOD_POST, target, kind, csv);
	w->r.who.kind = WHO_OPERATOR;
	return world_write(w, &control_import);
}

static void files_of_data(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *kind, *file;
		int rows;
	} files[] = { { "regions", "regions.csv", 210 }, { "departments", "departments.csv", 20 }, { "matters", "matters.csv", 22 }, { "calendar", "calendar.csv", 39 } };
	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			char want[64], *text = file_text(files[i].file);
			snprintf(want, sizeof(want), "{\"rows\":%d,\"changed\":%d}", files[i].rows, again ? 0 : files[i].rows);
			world_expect(w, import(w, "/control/imports/x?dry=1", files[i].kind, text));
			assert_string_equal(world_body(w), want);
			world_expect(w, import(w, "/control/imports/x", files[i].kind, text));
			assert_string_equal(world_body(w), want);
			free(text);
		}
}

#define R_HEAD "code,name,level,parent\n"
#define D_HEAD "code,name,region\n"
#define C_HEAD "date,kind,name,source,region\n"
#define M_HEAD "code,name,department,region,type,legal_days,promised_days,trips,online\n"

static void wrong_lines(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *kind, *csv;
		int line;
		const char *column, *reason;
	} rows[] = {
		{ "regions", "", 1, "code", "no_header_line" },
		{ "regions", "name,code,level,parent\n", 1, "code", "not_the_expected_header" },
		{ "regions", R_HEAD "621201,x\n", 2, "level", "missing_field" },
		{ "regions", R_HEAD "62120,x,3,621200\n", 2, "code", "not_a_region_code" },
		{ "regions", R_HEAD "621203,,3,621200\n", 2, "name", "empty" },
		{ "regions", R_HEAD "621203, x,3,621200\n", 2, "name", "spaces_around" },
		{ "regions", R_HEAD "621203,a\tb,3,621200\n", 2, "name", "control_character" },
		{ "regions", R_HEAD "621203,x,4,621200\n", 2, "level", "not_the_code's_level" },
		{ "regions", R_HEAD "621203,x,3,621202\n", 2, "parent", "not_the_code's_parent" },
		{ "regions", R_HEAD "621203,x,3,621200\n620300,y,2,620000\n621300,z,2,630000\n", 4, "parent", "not_the_code's_parent" },
		{ "regions", R_HEAD "630000,青海省,1,\n640100,x,2,640000\n", 3, "parent", "unknown_region" },
		{ "departments", D_HEAD "1162129900000000G,x,621200\n", 2, "code", "not_a_uscc" },
		{ "departments", D_HEAD DEPARTMENT_A ",x,621299\n", 2, "region", "unknown_region" },
		{ "matters", M_HEAD "M/9,x," DEPARTMENT_A ",621200,commitment,1,1,0,1\n", 2, "code", "not_a_code" },
		{ "matters", M_HEAD "M 9,x," DEPARTMENT_A ",621200,commitment,1,1,0,1\n", 2, "code", "not_a_code" },
		{ "matters", M_HEAD "M9,x," COMPANY ",621200,commitment,1,1,0,1\n", 2, "department", "unknown_department" },
		{ "matters", M_HEAD "M9,x," DEPARTMENT_A ",621299,commitment,1,1,0,1\n", 2, "region", "unknown_region" },
		{ "matters", M_HEAD "M9,x," DEPARTMENT_A ",621200,slow,1,1,0,1\n", 2, "type", "neither_immediate_nor_commitment" },
		{ "matters", M_HEAD "M9,x," DEPARTMENT_A ",621200,commitment,1,2,0,1\n", 2, "promised_days", "longer_than_legal_days" },
		{ "matters", M_HEAD "M9,x," DEPARTMENT_A ",621200,commitment,-1,0,0,1\n", 2, "legal_days", "not_a_number_in_range" },
		{ "matters", M_HEAD "M9,x," DEPARTMENT_A ",621200,commitment,1,1,0,yes\n", 2, "online", "not_a_number_in_range" },
		{ "calendar", C_HEAD "2026-02-30,off,x,y,\n", 2, "date", "not_a_date" },
		{ "calendar", C_HEAD "2026-01-01,holiday,x,y,\n", 2, "kind", "neither_off_nor_work_nor_plain" },
		{ "calendar", C_HEAD "2026-01-01,off,,y,\n", 2, "name", "empty" },
		{ "calendar", C_HEAD "2026-01-01,off,x,y,6212\n", 2, "region", "not_a_region_code" },
		{ "calendar", C_HEAD "2026-01-01,off,x,y,\n2026-01-02,off,x,y\n", 3, "region", "missing_field" },
		{ "calendar", C_HEAD "2026-05-01,off,x,y,\n2026-05-02,off,x,y,\n", 3, "date", "year_is_a_fragment" },
		{ "calendar", C_HEAD "2026-01-01,off,x,y,\n2028-01-01,off,x,y,\n", 3, "date", "year_is_a_fragment" }, /* 2027 between them */
		{ "calendar", C_HEAD "2026-01-01,off,x,y,\n2027-03-01,off,x,y,621200\n", 3, "date", "year_not_known" },
		{ "calendar", C_HEAD "1999-01-01,off,x,y,\n2026-01-01,off,x,y,\n", 3, "date", "too_many_years" },
	};
	world_import_small(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(import(w, "/control/imports/x", rows[i].kind, rows[i].csv));
		if (w->r.why.code != FAIL_IMPORT || w->r.why.facts[0].number != rows[i].line || strcmp(w->r.why.facts[1].text, rows[i].column) != 0 ||
		    strcmp(w->r.why.facts[2].text, rows[i].reason) != 0)
			fail_msg("%s%s: %s", rows[i].kind, rows[i].csv, w->r.why.log);
	}
	/* a chunk knows where in the file it stands */
	assert_false(import(w, "/control/imports/x?line=101", "regions", R_HEAD "621203,x,3,621200\n621204,x,9,621200\n"));
	assert_int_equal(w->r.why.facts[0].number, 102);
	/* nothing of a refused chunk stays */
	world_ask(w, METHOD_GET, "/v1/regions/621203", "621203", NULL);
	expect_code(w, world_read(w, &region_show), FAIL_NOT_FOUND, "");
	expect_code(w, import(w, "/control/imports/x", "people", "a\n"), FAIL_NOT_FOUND, "");
	expect_code(w, import(w, "/control/imports/x?dry=2", "regions", R_HEAD), FAIL_QUERY, "dry");
	expect_code(w, import(w, "/control/imports/x?line=1", "regions", R_HEAD), FAIL_QUERY, "line");
}

/* ---- the calendar ---- */

static bool load(struct tx *tx, void *ctx, struct fail *why)
{
	const int64_t *region = ctx;
	static struct workdays w;
	int64_t version;
	assert_true(calendar_load(tx, *region, &w, why));
	assert_true(calendar_version(tx, &version, why));
	calendar_seen = w;
	version_seen = version;
	return true;
}

static bool works(struct world *w, int64_t region, const char *date)
{
	int32_t day;
	struct fail why;
	fail_clear(&why);
	assert_true(store_write(w->store, load, &region, &why));
	assert_true(day_from_text(str_c(date), &day));
	return workdays_know(&calendar_seen, day) && workday_is(&calendar_seen, day);
}

/* A county's closure holds for the county and its townships and for nobody else; a correction takes it back; each change can be told by the version. */
static void own_days(void **state)
{
	struct world *w = *state;
	char *text = file_text("calendar.csv");
	world_expect(w, import(w, "/control/imports/x", "calendar", text));
	free(text);
	assert_true(works(w, 0, "2026-03-02"));
	assert_false(works(w, 0, "2027-01-04"));
	int64_t before = version_seen;
	world_expect(w, import(w, "/control/imports/x", "calendar", C_HEAD "2026-03-02,off,暴雨停办,陇政办〔2026〕1号,621202\n"));
	assert_false(works(w, 621202, "2026-03-02"));
	assert_true(version_seen > before);
	assert_false(works(w, 621202100, "2026-03-02"));
	assert_true(works(w, 621221, "2026-03-02"));
	assert_true(works(w, 621200, "2026-03-02"));
	assert_true(works(w, 0, "2026-03-02"));
	world_expect(w, import(w, "/control/imports/x", "calendar", C_HEAD "2026-03-02,plain,更正,陇政办〔2026〕2号,621202\n"));
	assert_true(works(w, 621202, "2026-03-02"));
	before = version_seen;
	world_expect(w, import(w, "/control/imports/x", "calendar", C_HEAD "2026-03-02,plain,更正,陇政办〔2026〕2号,621202\n"));
	assert_string_equal(world_body(w), "{\"rows\":1,\"changed\":0}");
	assert_true(works(w, 621202, "2026-03-02"));
	assert_int_equal(version_seen, before);
	world_expect(w, import(w, "/control/imports/x", "calendar", C_HEAD "2027-01-01,off,元旦,测试,\n"));
	assert_true(works(w, 0, "2027-01-04"));
	assert_false(works(w, 0, "2027-01-01"));
}

static void chunk_size(void **state)
{
	struct world *w = *state;
	char *text = calloc(1, 64 * (IMPORT_ROWS_MAX + 2));
	world_import_small(w);
	size_t len = (size_t)sprintf(text, M_HEAD);
	for (int i = 0; i < IMPORT_ROWS_MAX; i++)
		len += (size_t)sprintf(text + len, "B%d,n%d," DEPARTMENT_A ",621200,commitment,1,1,0,1\n", i, i);
	int64_t began = clock_mono_ns();
	world_expect(w, import(w, "/control/imports/x", "matters", text));
	print_message("%d matters twice and compared: %lld us\n", IMPORT_ROWS_MAX, (long long)(clock_mono_ns() - began) / 1000);
	sprintf(text + len, "C1,n," DEPARTMENT_A ",621200,commitment,1,1,0,1\n");
	assert_false(import(w, "/control/imports/x", "matters", text));
	assert_string_equal(w->r.why.facts[2].text, "too_many_rows_in_one_chunk");
	free(text);
}

/* ---- what came in is shown ---- */

static bool get(struct world *w, const struct handler *h, const char *target, const char *param)
{
	world_ask(w, METHOD_GET, target, param, NULL);
	return world_read(w, h);
}

static void catalogue(void **state)
{
	struct world *w = *state;
	world_import_small(w);
	world_expect(w, get(w, &region_list, "/v1/regions", NULL));
	assert_true(body_has(w, "{\"items\":[{\"code\":\"620000\",\"name\":\"甘肃省\",\"level\":1,\"parent\":null},{\"code\":\"621200\",\"name\":\"陇南市\",\"level\":2,\"parent\":\"620000\"}"));
	assert_true(body_has(w, "{\"code\":\"621202100\",\"name\":\"城关镇\",\"level\":4,\"parent\":\"621202\"}],\"next_cursor\":null}"));
	world_expect(w, get(w, &region_list, "/v1/regions?level=3&limit=1", NULL));
	assert_true(body_has(w, "{\"items\":[{\"code\":\"621202\",\"name\":\"武都区\",\"level\":3,\"parent\":\"621200\"}],\"next_cursor\":\""));
	world_expect(w, get(w, &region_list, "/v1/regions?parent=621202", NULL));
	assert_true(body_has(w, "城关镇") && !body_has(w, "武都区"));
	expect_code(w, get(w, &region_list, "/v1/regions?level=5", NULL), FAIL_QUERY, "level");
	expect_code(w, get(w, &region_list, "/v1/regions?parent=abc", NULL), FAIL_QUERY, "parent");
	expect_code(w, get(w, &region_list, "/v1/regions?colour=red", NULL), FAIL_QUERY, "colour");
	world_expect(w, get(w, &region_show, "/v1/regions/621221", "621221"));
	assert_string_equal(world_body(w), "{\"code\":\"621221\",\"name\":\"成县\",\"level\":3,\"parent\":\"621200\"}");
	uint64_t version = w->r.version;
	world_import(w, "regions", R_HEAD "621221,成县县,3,621200\n");
	world_expect(w, get(w, &region_show, "/v1/regions/621221", "621221"));
	assert_true(version != 0 && w->r.version != version);
	expect_code(w, get(w, &region_show, "/v1/regions/0", "0"), FAIL_NOT_FOUND, "");

	world_expect(w, get(w, &matter_list, "/v1/matters?department=" DEPARTMENT_B, NULL));
	assert_string_equal(world_body(w), "{\"items\":[{\"code\":\"M3\",\"name\":\"不动产登记\",\"type\":\"commitment\",\"department\":{\"code\":\"" DEPARTMENT_B
		"\",\"name\":\"陇南市自然资源局\"},\"region\":{\"code\":\"621200\",\"name\":\"陇南市\"},\"legal_days\":30,\"promised_days\":5,\"trips\":1,\"online\":false,\"online_depth\":\"none\",\"topics\":[],\"guide_version\":null}],\"next_cursor\":null}");
	world_expect(w, get(w, &matter_list, "/v1/matters?region=621200&limit=2", NULL));
	assert_true(body_has(w, "\"M1\"") && body_has(w, "\"M2\"") && !body_has(w, "\"M3\"") && !body_has(w, "\"next_cursor\":null"));
	world_expect(w, get(w, &matter_list, "/v1/matters?region=621202", NULL));
	assert_string_equal(world_body(w), "{\"items\":[],\"next_cursor\":null}");
	expect_code(w, get(w, &matter_list, "/v1/matters?department=x", NULL), FAIL_QUERY, "department");
	world_expect(w, get(w, &matter_show, "/v1/matters/M2", "M2"));
	assert_true(body_has(w, "\"type\":\"immediate\"") && body_has(w, "\"trips\":1,\"online\":true,"));
	version = w->r.version;
	world_import(w, "departments", D_HEAD DEPARTMENT_A ",新名称,621200\n");
	world_expect(w, get(w, &matter_show, "/v1/matters/M2", "M2"));
	assert_true(version != 0 && w->r.version != version);
	expect_code(w, get(w, &matter_show, "/v1/matters/none", "none"), FAIL_NOT_FOUND, "");
}

/* ---- tokens ---- */

static bool token(struct world *w, const char *body)
{
	world_ask(w, METHOD_POST, "/control/tokens", NULL, body);
	w->r.who.kind = WHO_OPERATOR;
	return world_write(w, &control_token);
}

static void expect_principal(struct world *w, enum who kind, int64_t id, bool test_key)
{
	char text[TOKEN_TEXT_BYTES];
	struct principal who;
	struct fail why;
	struct tx tx;
	fail_clear(&why);
	memcpy(text, strstr(world_body(w), "sb"), TOKEN_TEXT_BYTES - 1);
	text[TOKEN_TEXT_BYTES - 1] = '\0';
	world_must(reader_begin(w->reader, &tx, &why), &why);
	world_must(token_check(&tx, (struct secret){ str_c(text) }, NULL, w->now_ms, true, &who, &why), &why);
	reader_end(w->reader);
	assert_int_equal(who.kind, kind);
	assert_int_equal(who.id, id);
	assert_int_equal(who.test_key, test_key);
}

static void tokens(void **state)
{
	struct world *w = *state;
	world_import_small(w);
	world_expect(w, token(w, "{\"kind\":\"citizen\",\"id_number\":\"" RESIDENT "\"}"));
	assert_int_equal(w->r.reply.status, 201);
	assert_true(body_has(w, "\",\"expires_at\":\"2026-11-24T16:00:00.000+08:00\"}"));
	expect_principal(w, WHO_CITIZEN, 1, false);
	world_expect(w, token(w, "{\"kind\":\"citizen\",\"id_number\":\"" RESIDENT "\",\"hours\":1,\"test_key\":true}"));
	expect_principal(w, WHO_CITIZEN, 1, true); /* the same person */
	world_expect(w, token(w, "{\"kind\":\"department\",\"department\":\"" DEPARTMENT_B "\"}"));
	expect_principal(w, WHO_DEPARTMENT, 2, false);
	expect_code(w, token(w, "{\"kind\":\"department\",\"department\":\"" COMPANY "\"}"), FAIL_FIELD, "/department");
	expect_code(w, token(w, "{\"kind\":\"department\"}"), FAIL_FIELD_MISSING, "/department");
	expect_code(w, token(w, "{\"kind\":\"citizen\"}"), FAIL_FIELD_MISSING, "/id_number");
	expect_code(w, token(w, "{\"kind\":\"citizen\",\"id_number\":\"621299199006150130\"}"), FAIL_FIELD, "/id_number");
	expect_code(w, token(w, "{\"kind\":\"king\"}"), FAIL_FIELD, "/kind");
	expect_code(w, token(w, "{\"kind\":\"citizen\",\"id_number\":\"" RESIDENT "\",\"hours\":721}"), FAIL_FIELD, "/hours");
	w->config.development = false;
	expect_code(w, token(w, "{\"kind\":\"citizen\",\"id_number\":\"" RESIDENT "\"}"), FAIL_FORBIDDEN, "");
	w->config.development = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_tables),
		cmocka_unit_test_setup_teardown(files_of_data, world_make, world_end),
		cmocka_unit_test_setup_teardown(wrong_lines, world_make, world_end),
		cmocka_unit_test_setup_teardown(chunk_size, world_make, world_end), cmocka_unit_test_setup_teardown(own_days, world_make, world_end),
		cmocka_unit_test_setup_teardown(catalogue, world_make, world_end),
		cmocka_unit_test_setup_teardown(tokens, world_make, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
