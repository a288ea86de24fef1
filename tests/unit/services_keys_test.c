/* Goal: after an exchange of the index key, what came before is still recognised: persons, events, callbacks. And `siban keys` asks once, whatever
 * the store does. Method: the handlers themselves; every apply twice, rows compared. */
#include "tests/unit/services_world.h"
#include "auth/rotation.h"
#include "services/services.h"

#define EVENT "{\"event_id\":\"k1\",\"case_ref\":\"K\",\"seq\":1,\"event\":\"received\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"," \
	"\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\",\"phone\":\"13900000000\"}}"

static int begin(void **state)
{
	world_make(state);
	world_import_small(*state);
	return 0;
}

static bool match(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	return keyring_match(tx, why);
}

static bool command(struct world *w, const char *target, const struct handler *h)
{
	world_ask(w, METHOD_POST, target, NULL, NULL);
	w->r.who.kind = WHO_OPERATOR;
	if (!store_write(w->store, match, NULL, &w->r.why)) /* what the look of these handlers does */
		return false;
	return world_write(w, h);
}

static void exchange(struct world *w)
{
	world_expect(w, command(w, "/control/keys/add?kind=index", &control_key_add));
	assert_true(body_has(w, "\"kind\":\"index\"") && body_has(w, "\"state\":\"next\""));
	do {
		world_expect(w, command(w, "/control/keys/rotate", &control_key_rotate));
	} while (body_has(w, "\"end\":false"));
}

/* The handler's own parse knows its callers by a secret address; here it is what it does with a body that counts. */
static bool taken(struct world *w, const char *body)
{
	world_ask(w, METHOD_POST, "/callbacks/sms/aliyun/x", NULL, body);
	struct handler h = { .work = sms_aliyun_receipts.work, .apply = sms_aliyun_receipts.apply, .render = sms_aliyun_receipts.render };
	return world_write(w, &h);
}

static bool count(struct tx *tx, void *ctx, struct fail *why)
{
	int64_t *n = ctx;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT (SELECT COUNT(*) FROM raw_callback), (SELECT COUNT(*) FROM person), (SELECT COUNT(*) FROM case_event)", why);
	assert_true(q != NULL && stmt_row(q, why));
	for (int i = 0; i < 3; i++)
		n[i] = stmt_int(q, i);
	return true;
}

static void repeats_of_former_days(void **state)
{
	struct world *w = *state;
	int64_t n[3];
	world_expect(w, world_post(w, 1, EVENT));
	world_expect(w, taken(w, "[]"));
	for (int round = 0; round < 2; round++) {
		exchange(w);
		world_expect(w, world_post(w, 1, EVENT));
		assert_true(body_has(w, "\"repeated\""));
		world_expect(w, taken(w, "[]"));
		world_must(store_write(w->store, count, n, &w->r.why), &w->r.why);
		assert_true(n[0] == 1 && n[1] == 1 && n[2] == 1);
	}
}

static void commands(void **state)
{
	struct world *w = *state;
	world_expect(w, command(w, "/control/keys/add?kind=cipher&algorithm=sm4-cbc-hmac-sm3", &control_key_add));
	assert_true(body_has(w, "{\"id\":3,\"kind\":\"cipher\",\"algorithm\":\"sm4-cbc-hmac-sm3\",\"fingerprint\":\"") && body_has(w, "\"state\":\"current\"}"));
	expect_code(w, command(w, "/control/keys/add?kind=house", &control_key_add), FAIL_QUERY, "kind");
	expect_code(w, command(w, "/control/keys/add?kind=index&algorithm=aes-256-gcm", &control_key_add), FAIL_QUERY, "algorithm");
	expect_code(w, command(w, "/control/keys/retire?id=3", &control_key_retire), FAIL_KEY_IN_USE, "");
	expect_code(w, command(w, "/control/keys/retire?id=2", &control_key_retire), FAIL_KEY_IN_USE, "");
	expect_code(w, command(w, "/control/keys/retire?id=99", &control_key_retire), FAIL_NOT_FOUND, "");
	world_expect(w, command(w, "/control/keys/retire?id=1", &control_key_retire));
	assert_true(body_has(w, "{\"id\":1}"));
	expect_code(w, command(w, "/control/keys/retire?id=1", &control_key_retire), FAIL_NOT_FOUND, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(repeats_of_former_days, begin, world_end),
		cmocka_unit_test_setup_teardown(commands, begin, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
