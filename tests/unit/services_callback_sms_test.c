/* Goal: receipts are kept as they came, once, sealed; each is told to its effect, whatever came first; nobody else's address leads there.
 * Method: the handler applied by hand, twice each time (services_world.h), over effects that were written by hand. */
#include "tests/unit/services_world.h"
#include "notify/effect_move.h"
#include <sys/stat.h>

#define SECRET "nobody-guesses-this"

static int begin(void **state)
{
	world_make(state);
	struct world *w = *state;
	struct fail why;
	fail_clear(&why);
	struct config *c = &w->config;
	snprintf(c->sms_aliyun_url, sizeof(c->sms_aliyun_url), "http://127.0.0.1:1/");
	snprintf(c->sms_aliyun_callback_secret_file, sizeof(c->sms_aliyun_callback_secret_file), "%.200s/callback", w->dir);
	FILE *f = fopen(c->sms_aliyun_callback_secret_file, "w");
	assert_non_null(f);
	fputs(SECRET "\n", f);
	fclose(f);
	assert_int_equal(chmod(c->sms_aliyun_callback_secret_file, 0600), 0);
	world_must(accounts_open(c, &why), &why);
	return 0;
}

static int end(void **state)
{
	accounts_close();
	return world_end(state);
}

struct adding {
	int64_t id;
	char key[EFFECT_KEY_BYTES];
};

static bool add(struct tx *tx, void *ctx, struct fail *why)
{
	struct adding *a = ctx;
	static int serial;
	uint8_t seed[32] = { 1 }, random[16];
	struct effect_new e = { .kind = KIND_sms_aliyun, .payload = STR("{}") };
	struct effect_view v;
	bool found;
	effect_random(seed, serial++, random);
	if (!effect_add(tx, &e, NOW_MS, random, &a->id, why) || !effect_get(tx, a->id, &v, &found, why))
		return false;
	effect_key_text(v.key, a->key);
	return true;
}

static struct adding effect_of(struct world *w)
{
	struct adding a;
	struct fail why;
	fail_clear(&why);
	world_must(store_write(w->store, add, &a, &why), &why);
	w->commits++;
	return a;
}

static bool push(struct world *w, const char *secret, const char *body)
{
	world_ask(w, METHOD_POST, "/callbacks/sms/aliyun/x", secret, body);
	return world_write(w, &sms_aliyun_receipts);
}

static struct effect_view view(struct world *w, int64_t id)
{
	struct effect_view e = { .id = id };
	struct tx tx;
	struct fail why;
	bool found = false;
	fail_clear(&why);
	world_must(reader_begin(w->reader, &tx, &why) && effect_get(&tx, id, &e, &found, &why), &why);
	reader_end(w->reader);
	assert_true(found);
	return e;
}

static int64_t number(struct world *w, const char *sql)
{
	struct tx tx;
	struct fail why;
	fail_clear(&why);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	struct stmt *q = tx_query(&tx, sql, &why);
	world_must(q != NULL && stmt_row(q, &why), &why);
	int64_t n = stmt_int(q, 0);
	stmt_drop(q);
	reader_end(w->reader);
	return n;
}

static void matched(void **state)
{
	struct world *w = *state;
	struct adding one = effect_of(w), two = effect_of(w);
	char body[512];
	snprintf(body, sizeof(body), "[{\"success\":true,\"err_code\":\"DELIVERED\",\"out_id\":\"%s\",\"phone_number\":\"13800138000\"},"
		 "{\"success\":false,\"err_code\":\"MK:0001\",\"out_id\":\"%s\"},{\"success\":true,\"out_id\":\"another's\"}]", one.key, two.key);
	world_expect(w, push(w, SECRET, body));
	assert_string_equal(world_body(w), "{\"code\":0,\"msg\":\"接收成功\"}");
	assert_int_equal(view(w, one.id).receipt, RECEIPT_ARRIVED);
	assert_int_equal(view(w, one.id).state, EFFECT_DUE); /* it may come before the answer: the outcome is not its to write */
	assert_int_equal(view(w, two.id).receipt, RECEIPT_LOST);
	assert_string_equal(view(w, two.id).code, "MK:0001");
	assert_int_equal(number(w, "SELECT unmatched FROM raw_callback WHERE id = 1"), 1);
	world_expect(w, push(w, SECRET, body)); /* the platform repeats itself */
	assert_int_equal(number(w, "SELECT count(*) FROM raw_callback"), 1);
	snprintf(body, sizeof(body), "[{\"success\":true,\"err_code\":\"DELIVERED\",\"out_id\":\"%s\"}]", two.key);
	world_expect(w, push(w, SECRET, body)); /* and contradicts itself: the first final word counts */
	assert_int_equal(view(w, two.id).receipt, RECEIPT_LOST);
	assert_int_equal(number(w, "SELECT count(*) FROM raw_callback"), 2);
}

/* ---- more than one transaction may take ---- */

enum { MANY = 2 * RECEIPTS_BITE + 50 };

static char keys[MANY][EFFECT_KEY_BYTES];

static bool add_many(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	for (int i = 0; i < MANY; i++) {
		struct adding a;
		if (!add(tx, &a, why))
			return false;
		memcpy(keys[i], a.key, sizeof(keys[i]));
	}
	return true;
}

static bool take(struct tx *tx, void *ctx, struct fail *why)
{
	return callback_take(tx, NOW_MS + 1000, RECEIPTS_BITE, ctx, why);
}

static void many(void **state)
{
	struct world *w = *state;
	static char body[MANY * 96];
	struct fail why;
	size_t at = 0;
	fail_clear(&why);
	world_must(store_write(w->store, add_many, NULL, &why), &why);
	w->commits++;
	for (int i = 0; i < MANY; i++)
		at += (size_t)snprintf(body + at, sizeof(body) - at, "%c{\"success\":%s,\"out_id\":\"%s\"}", i == 0 ? '[' : ',', i % 2 == 0 ? "true" : "false",
				       i == MANY - 1 ? "another's" : keys[i]);
	snprintf(body + at, sizeof(body) - at, "]");
	world_expect(w, push(w, SECRET, body));
	static const int64_t rows[] = { RECEIPTS_BITE, 50, 0 };
	int64_t told = RECEIPTS_BITE;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct receipts_taken t;
		assert_int_equal(number(w, "SELECT count(*) FROM effect WHERE receipt > 0"), told - (told == MANY));
		assert_int_equal(number(w, "SELECT taken FROM raw_callback"), told);
		world_must(store_write(w->store, take, &t, &why), &why);
		w->commits++;
		assert_int_equal(t.rows, rows[i]);
		assert_int_equal(t.counts[0] + t.counts[1] + t.counts[2] + t.counts[3], rows[i]);
		told += rows[i];
	}
	assert_int_equal(number(w, "SELECT count(*) FROM effect WHERE receipt = 1"), MANY / 2);
	assert_int_equal(number(w, "SELECT count(*) FROM effect WHERE receipt = 2"), MANY / 2 - 1);
	assert_int_equal(number(w, "SELECT unmatched FROM raw_callback"), 1);
	world_expect(w, push(w, SECRET, body));
	assert_int_equal(number(w, "SELECT count(*) FROM raw_callback"), 1);
}

static void unreadable(void **state)
{
	struct world *w = *state;
	world_expect(w, push(w, SECRET, "[{\"success\":"));
	assert_string_equal(world_body(w), "{\"code\":0,\"msg\":\"接收成功\"}");
	assert_int_equal(number(w, "SELECT count(*) FROM raw_callback WHERE unmatched = 1"), 1);
}

static void guessed(void **state)
{
	struct world *w = *state;
	static const char *const guesses[] = { "", "x", "nobody-guesses-thi", "nobody-guesses-thiS", SECRET "x" };
	for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++) {
		assert_false(push(w, guesses[i], "[]"));
		assert_int_equal(w->r.why.code, FAIL_NO_ROUTE);
	}
	accounts_close(); /* where none is configured, nothing is right */
	assert_false(push(w, "", "[]"));
	assert_false(push(w, SECRET, "[]"));
}

struct purging {
	int64_t days, deleted;
};

static bool purge(struct tx *tx, void *ctx, struct fail *why)
{
	struct purging *p = ctx;
	return callback_purge(tx, NOW_MS + INT64_C(10) * 86400000, p->days, 100, &p->deleted, why);
}

static void forgotten(void **state)
{
	struct world *w = *state;
	struct fail why;
	struct purging p = { .days = 11 };
	fail_clear(&why);
	world_expect(w, push(w, SECRET, "[]"));
	world_must(store_write(w->store, purge, &p, &why), &why);
	assert_int_equal(p.deleted, 0);
	p.days = 9;
	world_must(store_write(w->store, purge, &p, &why), &why);
	assert_int_equal(p.deleted, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(matched, begin, end), cmocka_unit_test_setup_teardown(many, begin, end), cmocka_unit_test_setup_teardown(unreadable, begin, end),
		cmocka_unit_test_setup_teardown(guessed, begin, end), cmocka_unit_test_setup_teardown(forgotten, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
