/* Goal: five wrong pairs lock that pair and nothing else; a number that changed hands opens nothing of its old owner's, and leads to its new one once he has
 * shown who he is; the old owner gets back what is his; a merge is undone; nothing of a name or number lies in the open.
 * Method: logins on a clock of the test's, and what follows a verdict of the authority, applied twice. */
#include "login_world.h"

#include "auth/mandate.h"
#include "auth/real_name.h"

#define X_NUMBER "621299199006150131"
#define Y_NUMBER "62129919850101006X"

struct step {
	struct request *r;
	struct real_name name;
	const char *key;
	struct str what;
	bool twice;
};

static bool confirm(struct tx *tx, void *ctx, struct fail *why)
{
	struct step *s = ctx;
	return real_name_confirm(tx, s->r, &s->name, why) && (!s->twice || FAILS(why, CONFLICT, "rolled back by the test"));
}

static void confirmed(struct world *w, const char *access, const char *number, const char *name)
{
	struct principal who = who_is(w, access);
	world_ask(w, METHOD_POST, "/v1/me/identity", NULL, NULL)->who = who;
	struct step s = { .r = &w->r, .name = { .kind = IDENTITY_RESIDENT, .number = str_c(number), .name = str_c(name), .by = CONFIRMED_BY_AUTHORITY }, .twice = true };
	assert_false(store_write(w->store, confirm, &s, &w->r.why));
	assert_int_equal(w->r.why.code, FAIL_CONFLICT);
	fail_clear(&w->r.why);
	s.twice = false;
	world_must(store_write(w->store, confirm, &s, &w->r.why), &w->r.why);
	w->commits++;
}

static const char *name_of(struct world *w, const char *access)
{
	static char name[TEXT];
	as(w, METHOD_GET, "/v1/me", NULL, NULL, access);
	world_expect(w, world_read(w, &me_show));
	if (!member(w, "name", name))
		name[0] = '\0';
	return name;
}

/* ---- failures ---- */

static bool fail_once(struct tx *tx, void *ctx, struct fail *why)
{
	struct step *s = ctx;
	return identity_failed(tx, s->r->who.id, s->what, s->r->now_ms, why);
}

static bool may(struct world *w, int64_t person, const char *what)
{
	struct tx tx;
	struct fail why;
	fail_clear(&why);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	bool ok = identity_may_try(&tx, person, str_c(what), w->now_ms, &why);
	reader_end(w->reader);
	assert_true(ok || (why.code == FAIL_IDENTITY_LOCKED && why.retry_after_s > 0));
	return ok;
}

static void a_pair_is_locked(void **state)
{
	struct world *w = *state;
	struct tokens mine = login(w, PHONE, DEVICE), other = login(w, OTHER_PHONE, STRANGER);
	struct principal who = who_is(w, mine.access);
	for (int i = 0; i < IDENTITY_FAILURES_MAX; i++) {
		assert_true(may(w, who.id, X_NUMBER));
		world_ask(w, METHOD_POST, "/v1/me/identity", NULL, NULL)->who = who;
		struct step s = { .r = &w->r, .what = STR(X_NUMBER) };
		world_must(store_write(w->store, fail_once, &s, &w->r.why), &w->r.why);
	}
	assert_false(may(w, who.id, X_NUMBER));
	assert_true(may(w, who.id, Y_NUMBER));                       /* another number */
	assert_true(may(w, who_is(w, other.access).id, X_NUMBER));   /* another account: no stranger locks a citizen out */
	who_is(w, mine.access);                                      /* and the session goes on */
	w->now_ms += DAY - 1;
	assert_false(may(w, who.id, X_NUMBER));
	w->now_ms += 1;
	assert_true(may(w, who.id, X_NUMBER));
}

/* ---- phones that change hands ---- */

static void a_recycled_phone(void **state)
{
	struct world *w = *state;
	struct tokens t = login(w, PHONE, DEVICE);
	int64_t x = who_is(w, t.access).id;
	confirmed(w, t.access, X_NUMBER, "张三");
	assert_string_equal(name_of(w, t.access), "张*");
	w->now_ms += 91 * DAY;
	struct tokens n = login(w, PHONE, STRANGER);
	assert_string_equal(name_of(w, n.access), "");
	assert_int_equal(who_is(w, n.access).level, LEVEL_L1);
	confirmed(w, n.access, Y_NUMBER, "李小明");
	assert_string_equal(name_of(w, n.access), "李*明");
	int64_t y = who_is(w, n.access).id;
	assert_int_not_equal(y, x);
	w->now_ms += MINUTE;
	n = login(w, PHONE, DEVICE "2"); /* the phone is its new owner's from now on */
	assert_int_equal(who_is(w, n.access).id, y);
	w->now_ms += MINUTE;
	n = login(w, PHONE, DEVICE);     /* even on the old owner's device: his way in has ended */
	assert_int_equal(who_is(w, n.access).id, y);
}

static void the_owner_after_a_long_silence(void **state)
{
	struct world *w = *state;
	struct tokens t = login(w, PHONE, DEVICE);
	int64_t x = who_is(w, t.access).id;
	confirmed(w, t.access, X_NUMBER, "张三");
	w->now_ms += 91 * DAY;
	t = login(w, PHONE, DEVICE "2");
	assert_int_not_equal(who_is(w, t.access).id, x);
	confirmed(w, t.access, X_NUMBER, "张三");
	assert_int_equal(who_is(w, t.access).id, x);
	assert_int_equal(who_is(w, t.access).level, LEVEL_L2);
	w->now_ms += MINUTE;
	t = login(w, PHONE, DEVICE "3"); /* one confirmed person again, and not two */
	assert_int_equal(who_is(w, t.access).id, x);
}

/* ---- merge and undo ---- */

static bool undo(struct tx *tx, void *ctx, struct fail *why)
{
	struct step *s = ctx;
	return real_name_undo(tx, s->r, str_c(s->key), why);
}

static void merged_and_undone(void **state)
{
	struct world *w = *state;
	struct tokens a = login(w, PHONE, DEVICE), b = login(w, OTHER_PHONE, STRANGER);
	struct principal who;
	char key[TEXT];
	confirmed(w, a.access, X_NUMBER, "张三");
	int64_t x = who_is(w, a.access).id, first = who_is(w, b.access).id;
	w->now_ms += MINUTE;
	struct tokens elsewhere = login(w, OTHER_PHONE, STRANGER "2");
	confirmed(w, b.access, X_NUMBER, "张三");
	assert_int_equal(who_is(w, b.access).id, x);
	assert_false(is_good(w, elsewhere.access, &who)); /* its device has shown no name */
	as(w, METHOD_GET, "/v1/me/merges", NULL, NULL, a.access);
	world_expect(w, world_read(w, &me_merge_list));
	assert_true(member(w, "id", key));
	world_ask(w, METHOD_DELETE, "/v1/me/merges/x", key, NULL)->who = (struct principal){ .kind = WHO_CITIZEN, .id = first };
	struct step s = { .r = &w->r, .key = key };
	assert_false(store_write(w->store, undo, &s, &w->r.why)); /* somebody else's */
	assert_int_equal(w->r.why.code, FAIL_NOT_FOUND);
	as(w, METHOD_DELETE, "/v1/me/merges/x", key, NULL, a.access);
	world_must(store_write(w->store, undo, &s, &w->r.why), &w->r.why);
	assert_false(is_good(w, a.access, &who) || is_good(w, b.access, &who));
	w->now_ms += MINUTE;
	b = login(w, OTHER_PHONE, STRANGER);
	assert_int_equal(who_is(w, b.access).id, first);
	assert_string_equal(name_of(w, b.access), "");
	w->now_ms += MINUTE;
	a = login(w, PHONE, DEVICE);
	assert_int_equal(who_is(w, a.access).id, x);
}

/* ---- mandates of who was merged ---- */

struct yes {
	struct world *w;
	enum mandate_kind kind;
	int64_t holder, giver;
	const char *number, *name;
	bool accepted;
	struct id key;
};

static bool mandated(struct tx *tx, void *ctx, struct fail *why)
{
	static const uint8_t salt[16] = "sixteen bytes...";
	struct yes *y = ctx;
	struct request holder = { .who = { .kind = WHO_CITIZEN, .id = y->holder, .level = LEVEL_L2 }, .now_ms = y->w->now_ms }, giver = holder;
	uint8_t random[10] = { (uint8_t)y->kind, (uint8_t)y->holder };
	struct mandate_new n = { .kind = y->kind, .giver = { .kind = IDENTITY_RESIDENT }, .giver_name = str_c(y->name), .scopes = UINT64_C(1) << MANDATE_TO_SEE_CASES,
				 .until_ms = y->w->now_ms + 1000 * MINUTE, .key = id_make(y->w->now_ms, random), .salt = salt };
	struct mandate m;
	snprintf(n.giver.number, sizeof(n.giver.number), "%s", y->number);
	giver.who.id = y->giver;
	y->key = n.key;
	return mandate_offer(tx, &holder, &n, &m, why) && (!y->accepted || mandate_accept(tx, &giver, &m, BY_SESSION, why));
}

static bool state_of(struct tx *tx, void *ctx, struct fail *why)
{
	struct yes *y = ctx;
	struct request r = { .who = { .kind = WHO_CITIZEN, .id = y->holder }, .now_ms = y->w->now_ms };
	struct mandate m;
	bool ok = mandate_find(tx, &r, y->key, &m, why);
	y->accepted = ok && m.state == MANDATE_ACTIVE;
	return ok;
}

static bool in_force(struct yes *y)
{
	world_must(store_write(y->w->store, state_of, y, &y->w->r.why), &y->w->r.why);
	return y->accepted;
}

static void an_undo_ends_what_was_agreed_since(void **state)
{
	struct world *w = *state;
	struct tokens a = login(w, PHONE, DEVICE), b = login(w, OTHER_PHONE, STRANGER), c = login(w, "13900000077", DEVICE "3");
	char key[TEXT];
	confirmed(w, a.access, X_NUMBER, "张三");
	confirmed(w, c.access, Y_NUMBER, "李小明");
	int64_t x = who_is(w, a.access).id, y = who_is(w, c.access).id;
	struct yes before = { w, MANDATE_AGENT, y, x, X_NUMBER, "张三", true, { { 0 } } }, given = before, held = { w, MANDATE_AGENT, x, y, Y_NUMBER, "李小明", true, { { 0 } } };
	given.kind = MANDATE_HELPER;
	world_must(store_write(w->store, mandated, &before, &w->r.why), &w->r.why);
	w->now_ms += MINUTE;
	confirmed(w, b.access, X_NUMBER, "张三");
	assert_int_equal(who_is(w, b.access).id, x);
	assert_true(in_force(&before)); /* a merge moves none, and ends none */
	w->now_ms += MINUTE;
	world_must(store_write(w->store, mandated, &given, &w->r.why), &w->r.why);
	world_must(store_write(w->store, mandated, &held, &w->r.why), &w->r.why);
	assert_true(in_force(&given) && in_force(&held));
	as(w, METHOD_GET, "/v1/me/merges", NULL, NULL, a.access);
	world_expect(w, world_read(w, &me_merge_list));
	assert_true(member(w, "id", key));
	as(w, METHOD_DELETE, "/v1/me/merges/x", key, NULL, a.access);
	struct step s = { .r = &w->r, .key = key };
	world_must(store_write(w->store, undo, &s, &w->r.why), &w->r.why);
	assert_true(in_force(&before));
	assert_false(in_force(&given) || in_force(&held)); /* whose yes it was is not known */
}

/* A face that one person of a family has shown is not the next one's. */
static bool shown(struct tx *tx, void *ctx, struct fail *why)
{
	struct step *s = ctx;
	return session_raise(tx, s->r->who.session, s->r->who.id, LEVEL_L2, s->r->now_ms + MINUTE, why);
}

static void no_face_is_handed_on(void **state)
{
	struct world *w = *state;
	struct tokens t = login(w, PHONE, DEVICE);
	confirmed(w, t.access, X_NUMBER, "张三");
	struct principal who = who_is(w, t.access);
	world_ask(w, METHOD_POST, "/v1/me/step-up", NULL, NULL)->who = who;
	struct step s = { .r = &w->r };
	world_must(store_write(w->store, shown, &s, &w->r.why), &w->r.why);
	assert_true(level_suffices(&(struct principal){ .level = who_is(w, t.access).level, .level3_until_ms = who_is(w, t.access).level3_until_ms }, LEVEL_L3, w->now_ms));
	confirmed(w, t.access, Y_NUMBER, "李小明");
	who = who_is(w, t.access);
	assert_false(level_suffices(&who, LEVEL_L3, w->now_ms));
	assert_int_equal(who.level, LEVEL_L2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOGIN_CASE(a_pair_is_locked), LOGIN_CASE(a_recycled_phone), LOGIN_CASE(the_owner_after_a_long_silence), LOGIN_CASE(merged_and_undone),
		LOGIN_CASE(an_undo_ends_what_was_agreed_since), LOGIN_CASE(no_face_is_handed_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
