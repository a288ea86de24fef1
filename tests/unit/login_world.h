/* tests/unit/login_world.h - people who log in: codes asked for and tried, tokens taken and used, on a clock of the test's. */
#ifndef TESTS_LOGIN_WORLD_H
#define TESTS_LOGIN_WORLD_H
#include "services_world.h"

#include "auth/audit.h"
#include "auth/login.h"
#include "auth/otp.h"
#include "auth/refresh.h"
#include "auth/right.h"
#include "auth/session.h"
#include "auth/token.h"

#define PHONE "13900000001"
#define OTHER_PHONE "13900000002"
#define DEVICE "AAAAAAAAAAAAAAAAAAAAAAA1"
#define STRANGER "SSSSSSSSSSSSSSSSSSSSSSS1"
#define MINUTE INT64_C(60000)
#define DAY (24 * 60 * MINUTE)

enum { TEXT = 80, BODY = 512 };

/* ---- a clock for what expires ---- */

static int64_t mono_ms, started_ms;

static inline int64_t wall(void *ctx)
{
	return ((struct world *)ctx)->now_ms;
}

static inline int64_t mono(void *ctx)
{
	return (mono_ms + ((struct world *)ctx)->now_ms - started_ms) * 1000000;
}

static struct clock test_clock = { wall, mono, NULL };

static inline int login_make(void **state)
{
	int rc = world_make(state);
	test_clock.ctx = *state;
	started_ms = ((struct world *)*state)->now_ms;
	mono_ms = 1000000;
	clock_replace(&test_clock);
	return rc;
}

static inline int login_unmake(void **state)
{
	clock_replace(NULL);
	return world_end(state);
}

/* ---- asking ---- */

static inline bool member(struct world *w, const char *name, char out[TEXT])
{
	char mark[TEXT];
	snprintf(mark, sizeof(mark), "\"%s\":\"", name);
	const char *at = strstr(world_body(w), mark);
	if (at == NULL)
		return false;
	at += strlen(mark);
	size_t len = strcspn(at, "\"");
	assert_true(len < TEXT);
	memcpy(out, at, len);
	out[len] = '\0';
	return true;
}

static inline bool send_code(struct world *w, const char *phone, const char *device)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"phone\":\"%s\",\"purpose\":\"login\",\"device_id\":\"%s\"}", phone, device);
	world_ask(w, METHOD_POST, "/v1/otp", NULL, body)->peer = STR("192.0.2.1");
	return world_write(w, &otp_send);
}

struct code {
	char challenge[TEXT], digits[TEXT];
};

static inline struct code code_for(struct world *w, const char *phone, const char *device)
{
	struct code c;
	world_expect(w, send_code(w, phone, device));
	assert_int_equal(w->r.reply.status, 202);
	assert_true(member(w, "challenge", c.challenge) && member(w, "development_code", c.digits));
	return c;
}

static inline bool try_code(struct world *w, const struct code *c, const char *phone, const char *digits, const char *device)
{
	char body[BODY];
	snprintf(body, sizeof(body), "grant_type=urn%%3Asiban%%3Aparams%%3Aoauth%%3Agrant-type%%3Aotp&phone=%s&challenge=%s&code=%s&device_id=%s&device_name=%%E6%%89%%8B%%E6%%9C%%BA",
		 phone, c->challenge, digits, device);
	world_ask(w, METHOD_POST, "/oauth2/token", NULL, body);
	return world_write(w, &oauth_token);
}

static inline const char *wrong_digits(const struct code *c)
{
	return strcmp(c->digits, "000000") == 0 ? "000001" : "000000";
}

struct tokens {
	char access[TEXT], refresh[TEXT];
	int level;
};

static inline struct tokens taken(struct world *w)
{
	struct tokens t;
	assert_int_equal(w->r.reply.status, 200);
	assert_true(member(w, "access_token", t.access) && member(w, "refresh_token", t.refresh));
	t.level = (int)w->r.outcome.n[3];
	return t;
}

static inline struct tokens login(struct world *w, const char *phone, const char *device)
{
	struct code c = code_for(w, phone, device);
	world_expect(w, try_code(w, &c, phone, c.digits, device));
	return taken(w);
}

static inline bool refreshed(struct world *w, const char *refresh, const char *device)
{
	char body[BODY];
	snprintf(body, sizeof(body), "grant_type=refresh_token&refresh_token=%s&device_id=%s", refresh, device);
	world_ask(w, METHOD_POST, "/oauth2/token", NULL, body);
	return world_write(w, &oauth_token);
}

static inline bool is_good(struct world *w, const char *access, struct principal *who)
{
	struct tx tx;
	struct fail why;
	fail_clear(&why);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	bool ok = token_check(&tx, (struct secret){ str_c(access) }, NULL, w->now_ms, true, who, &why);
	reader_end(w->reader);
	assert_true(ok || why.code == FAIL_TOKEN);
	return ok;
}

static inline struct principal who_is(struct world *w, const char *access)
{
	struct principal who;
	assert_true(is_good(w, access, &who));
	return who;
}

static inline void refused(struct world *w, bool ok, enum fail_code code)
{
	assert_false(ok);
	if (w->r.why.code != code)
		fail_msg("%s instead of %s: %s", fail_row(w->r.why.code)->name, fail_row(code)->name, w->r.why.log);
}

static inline int64_t count_rows(struct world *w, int table)
{
	struct str rows = world_rows(w, table);
	int64_t n = 0;
	for (size_t i = 0; i < rows.len; i++)
		n += rows.at[i] == '\n';
	return n;
}

static inline void as(struct world *w, enum method method, const char *target, const char *param, const char *body, const char *access)
{
	struct principal who = who_is(w, access);
	world_ask(w, method, target, param, body)->who = who;
}

#define LOGIN_CASE(f) cmocka_unit_test_setup_teardown(f, login_make, login_unmake)
#endif
