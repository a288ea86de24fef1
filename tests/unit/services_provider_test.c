/* Goal: an account elsewhere comes to lead to somebody only by a phone shown on the same device, opens what the phone opened, is listed, and is gone when unlinked;
 * nobody links his account to another's person.
 * Method: the account shows itself by a direct call, as a grant's settle does it; the rest is logins by code, on a clock of the test's, applied twice. */
#include "login_world.h"

#include "auth/provider.h"

static const struct provider_account openid = { LOGIN_WECHAT, { "o-openid-1", 10 }, { "u-unionid-1", 11 } };

/* ---- what the grant of an account does ---- */

static void shows_itself(struct world *w, const struct provider_account *a, const char *device)
{
	static struct provider_pending p;
	static struct expiring_batch b;
	uint8_t hash[DEVICE_HASH_BYTES];
	struct fail why;
	fail_clear(&why);
	device_hash(str_c(device), hash);
	if (w->expiring == NULL)
		w->expiring = expiring_memory(&why);
	b.count = 1;
	b.all_or_nothing = false;
	world_ask(w, METHOD_POST, "/oauth2/token", NULL, NULL);
	assert_true(provider_pending_put(&p, &w->r, a, hash, &b.op[0], &why));
	assert_true(expiring_run(w->expiring, &b));
	assert_true(b.op[0].end == EXPIRING_OK && memmem(p.value, sizeof(p.value), a->subject.at, a->subject.len) == NULL);
}

struct finding {
	uint8_t device[DEVICE_HASH_BYTES];
	int64_t now_ms;
	struct login_found found;
};

static bool find(struct tx *tx, void *ctx, struct fail *why)
{
	struct finding *f = ctx;
	return provider_find(tx, &openid, f->device, f->now_ms, &f->found, why);
}

static int64_t leads_to(struct world *w, const char *device)
{
	struct finding f = { .now_ms = w->now_ms };
	struct fail why;
	fail_clear(&why);
	device_hash(str_c(device), f.device);
	world_must(store_write(w->store, find, &f, &why), &why);
	return f.found.login == 0 ? 0 : f.found.person;
}

static bool try_link(struct world *w, const char *phone, const char *device, const char *provider)
{
	char body[BODY];
	struct code c = code_for(w, phone, device);
	snprintf(body, sizeof(body), "grant_type=urn:siban:params:oauth:grant-type:otp&phone=%s&challenge=%s&code=%s&device_id=%s&link=%s", phone, c.challenge, c.digits,
		 device, provider);
	world_ask(w, METHOD_POST, "/oauth2/token", NULL, body);
	return world_write(w, &oauth_token);
}

static struct tokens linked(struct world *w, const char *phone, const char *device)
{
	shows_itself(w, &openid, device);
	world_expect(w, try_link(w, phone, device, "wechat_mini"));
	assert_true(body_has(w, "\"linked\":true"));
	return taken(w);
}

/* ---- linking ---- */

static void by_a_code_on_the_same_device(void **state)
{
	struct world *w = *state;
	login(w, OTHER_PHONE, STRANGER);
	assert_int_equal(leads_to(w, DEVICE), 0);
	struct tokens t = linked(w, PHONE, DEVICE);
	int64_t mine = who_is(w, t.access).id;
	assert_int_equal(leads_to(w, DEVICE), mine);
	assert_int_equal(leads_to(w, STRANGER "9"), mine);            /* from then on the account alone is enough, on a new device too */
	w->now_ms += MINUTE;
	linked(w, PHONE, DEVICE);                                     /* again: the same link */
	as(w, METHOD_GET, "/v1/me/identities", NULL, NULL, t.access);
	world_expect(w, world_read(w, &me_identities));
	assert_true(body_has(w, "\"provider\":\"wechat_mini\"") && !body_has(w, "openid"));
	assert_int_equal(count_rows(w, WORLD_LOGINS), 3);
	struct str rows = world_rows(w, WORLD_LOGINS);
	assert_true(memmem(rows.at, rows.len, "openid", 6) == NULL && memmem(rows.at, rows.len, "unionid", 7) == NULL);
	assert_true(rows.len > 3 && memcmp(rows.at + rows.len - 3, "|-\n", 3) != 0); /* the second name is there */
}

static void not_by_anything_else(void **state)
{
	struct world *w = *state;
	login(w, PHONE, DEVICE);                                      /* somebody whose account it would be */
	shows_itself(w, &openid, STRANGER);
	w->now_ms += MINUTE;
	world_expect(w, try_link(w, PHONE, DEVICE, "wechat_mini"));   /* it waits on another device */
	assert_true(body_has(w, "\"linked\":false"));
	w->now_ms += MINUTE;
	world_expect(w, try_link(w, PHONE, STRANGER, "provincial"));  /* another's account was meant */
	assert_true(body_has(w, "\"linked\":false"));
	w->now_ms += MINUTE;
	login(w, PHONE, STRANGER);                                    /* nobody asked for it */
	assert_true(!body_has(w, "linked"));
	w->now_ms += 10 * MINUTE;
	world_expect(w, try_link(w, PHONE, STRANGER, "wechat_mini")); /* too late */
	assert_true(body_has(w, "\"linked\":false"));
	refused(w, try_link(w, OTHER_PHONE, STRANGER, "facebook"), FAIL_FIELD);
	assert_string_equal(w->r.why.pointer, "/link");
	assert_int_equal(leads_to(w, STRANGER), 0);
}

static void not_to_two(void **state)
{
	struct world *w = *state;
	struct tokens t = linked(w, PHONE, DEVICE);
	int64_t mine = who_is(w, t.access).id, sessions = count_rows(w, WORLD_SESSIONS), audits = count_rows(w, WORLD_AUDIT);
	shows_itself(w, &openid, STRANGER);
	refused(w, try_link(w, OTHER_PHONE, STRANGER, "wechat_mini"), FAIL_LINKED_ELSEWHERE);
	assert_int_equal(count_rows(w, WORLD_SESSIONS), sessions);
	assert_int_equal(count_rows(w, WORLD_AUDIT), audits + 1);
	assert_int_equal(leads_to(w, STRANGER), mine);
}

/* ---- time ---- */

static void a_long_silence(void **state)
{
	struct world *w = *state;
	struct tokens t = linked(w, PHONE, DEVICE);
	int64_t mine = who_is(w, t.access).id;
	w->now_ms += 91 * DAY;
	assert_int_equal(leads_to(w, DEVICE), mine);                  /* his device */
	assert_int_equal(leads_to(w, STRANGER), 0);                   /* elsewhere he shows his phone again */
	t = linked(w, PHONE, STRANGER);
	assert_int_not_equal(who_is(w, t.access).id, mine);           /* which may be another's by now, and shows nothing of his */
	assert_int_equal(t.level, LEVEL_L1);
	assert_int_equal(leads_to(w, DEVICE), mine);
}

/* ---- unlinking ---- */

static void first_link(struct world *w, const char *access, char key[TEXT])
{
	as(w, METHOD_GET, "/v1/me/identities", NULL, NULL, access);
	world_expect(w, world_read(w, &me_identities));
	assert_true(member(w, "id", key));
}

static bool unlink_it(struct world *w, const char *key, const char *access)
{
	as(w, METHOD_DELETE, "/v1/me/identities/x", key, NULL, access);
	return world_write(w, &me_identity_unlink);
}

/* A session that came by the account, as the account's own grant opens it. */
static bool by_account(struct tx *tx, void *ctx, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE session SET login = (SELECT MAX(id) FROM login WHERE key IS NOT NULL) WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *(const int64_t *)ctx);
	return stmt_run(q, why);
}

static void unlinked(void **state)
{
	struct world *w = *state;
	char key[TEXT];
	struct tokens t = linked(w, PHONE, DEVICE), other = login(w, OTHER_PHONE, STRANGER), second, third;
	w->now_ms += MINUTE;
	second = login(w, PHONE, DEVICE "2");
	w->now_ms += MINUTE;
	third = login(w, PHONE, DEVICE "3");
	int64_t session = who_is(w, second.access).session;
	struct principal who;
	world_must(store_write(w->store, by_account, &session, &w->r.why), &w->r.why);
	first_link(w, t.access, key);
	refused(w, unlink_it(w, key, other.access), FAIL_NOT_FOUND);
	refused(w, unlink_it(w, "pi_00000000000000000000000000", t.access), FAIL_NOT_FOUND);
	refused(w, unlink_it(w, "pi_x", t.access), FAIL_NOT_FOUND);
	world_expect(w, unlink_it(w, key, t.access));
	assert_int_equal(leads_to(w, DEVICE), 0);
	assert_false(is_good(w, second.access, &who));                /* it came by that account */
	assert_true(is_good(w, t.access, &who) && is_good(w, third.access, &who));
	refused(w, unlink_it(w, key, t.access), FAIL_NOT_FOUND);
	as(w, METHOD_GET, "/v1/me/identities", NULL, NULL, t.access);
	world_expect(w, world_read(w, &me_identities));
	assert_true(body_has(w, "\"items\":[]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOGIN_CASE(by_a_code_on_the_same_device), LOGIN_CASE(not_by_anything_else), LOGIN_CASE(not_to_two), LOGIN_CASE(a_long_silence), LOGIN_CASE(unlinked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
