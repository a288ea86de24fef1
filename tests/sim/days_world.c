/* tests/sim/days_world.c - the store under the days, and how a deed is asked. */
#include "days.h"

#include "auth/keyring.h"
#include "auth/person.h"
#include "auth/right.h"
#include "auth/role.h"
#include "auth/staff.h"
#include "base/log.h"
#include "notify/message.h"
#include "services/booking/booking.h"
#include "services/booking/booking_day.h"
#include "services/booking/booking_wait.h"
#include "services/booking/slot_make.h"
#include "services/handlers.h"
#include "services/voices/rating_invitation.h"
#include "services/voices/voice.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum { ARENA_BYTES = 4 << 20, BODY_MAX = 65536 };
static int64_t staff[D_STAFF];

/* ---- saying ---- */

void days_note(struct days *d, const char *format, ...)
{
	va_list args;
	if (d->print == NULL)
		return;
	va_start(args, format);
	fprintf(d->print, "%6lld  ", (long long)d->steps);
	vfprintf(d->print, format, args);
	fputc('\n', d->print);
	va_end(args);
}

void days_wrong(struct days *d, const char *format, ...)
{
	va_list args;
	if (d->wrong[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(d->wrong, sizeof(d->wrong), format, args);
	va_end(args);
	days_note(d, "WRONG: %s", d->wrong);
}

void days_judge(struct days *d, const char *what, const struct reasons *must, const char *said)
{
	char all[160] = "";
	size_t len = 0;
	for (int i = 0; i < must->count; i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i > 0 ? " or " : "", must->slugs[i]);
	*(said == NULL ? &d->taken : &d->refused) += 1;
	days_note(d, "%s: %s", what, said != NULL ? said : "taken");
	if (said == NULL ? must->count > 0 : !reasons_have(must, said))
		days_wrong(d, "%s: siban says %s, it must be %s", what, said != NULL ? said : "yes", must->count > 0 ? all : "yes");
}

/* ---- asking ---- */

struct request *days_ask(struct days *d, const char *target, const char *param, const char *body)
{
	struct request *r = &d->r;
	struct str path, query;
	if (r->arena.cap != 0)
		arena_free(&r->arena);
	memset(r, 0, sizeof(*r));
	arena_init(&r->arena, ARENA_BYTES);
	r->method = METHOD_POST;
	r->target = str_copy(&r->arena, str_c(target));
	str_cut(r->target, '?', &path, &query);
	r->path = path;
	r->query = query;
	if (param != NULL)
		r->params[0] = str_copy(&r->arena, str_c(param));
	if (body != NULL)
		r->body = str_copy(&r->arena, str_c(body));
	r->now_ms = d->now;
	rng_fill(&d->rng, r->random, sizeof(r->random));
	rng_fill(&d->rng, r->seed, sizeof(r->seed));
	snprintf(r->id, sizeof(r->id), "rq_DAYS");
	return r;
}

void days_as_citizen(struct days *d, int person)
{
	d->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = person + 1, .level = LEVEL_L3, .level3_until_ms = INT64_MAX };
}

void days_as_department(struct days *d, int department)
{
	d->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = department, .token = 1, .test_key = true, .rights = rights_all(WHO_DEPARTMENT) };
}

void days_as_staff(struct days *d, int which)
{
	static const enum role roles[] = { [D_CLERK] = ROLE_WINDOW, [D_HOTLINE] = ROLE_HOTLINE, [D_SUPERVISOR] = ROLE_SUPERVISOR };
	d->r.who = (struct principal){ .kind = WHO_STAFF, .id = staff[which], .session = 10 + which, .region = 621200, .rights = role_row(roles[which])->rights };
}

struct applying {
	const struct handler *h;
	struct request *r;
};

static bool apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct applying *a = ctx;
	return a->h->apply(tx, a->r, why);
}

/* What the runtime does of it (gateway/requests/runtime.c), without a queue: another's row is answered like none. */
static bool is_his(const struct request *r, const struct handler *h)
{
	if (h->look == NULL || r->owner == 0)
		return h->look == NULL;
	return r->who.kind == WHO_STAFF || r->owner == r->who.id;
}

static bool looked(struct days *d, const struct handler *h)
{
	struct tx tx;
	if (h->look == NULL)
		return true;
	bool ok = reader_begin(d->eye, &tx, &d->r.why) && h->look(&tx, &d->r, &d->r.why);
	return ok && (is_his(&d->r, h) || FAILS(&d->r.why, NOT_FOUND, "another's"));
}

const char *days_do(struct days *d, const struct handler *h)
{
	struct request *r = &d->r;
	struct applying a = { h, r };
	bool is_whole = h->sink == NULL || (h->sink->take(r, r->body, &r->why) && h->sink->end(r, &r->why));
	if (is_whole && (h->parse == NULL || h->parse(r, &r->why)) && looked(d, h) && (h->work == NULL || h->work(r, &r->why)) && store_write(d->store, apply, &a, &r->why) && h->render(r, &r->why))
		return NULL;
	if (h->sink != NULL)
		h->sink->drop(r);
	return fail_row(r->why.code)->slug;
}

/* ---- jobs ---- */

static bool close_voices(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	return voices_close(tx, now_ms, 7, rows_max, rows, why);
}

/* In the order in which the model does them. */
static const struct {
	const char *name;
	bool (*run)(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
	int64_t bite;
} jobs[] = {
	{ "make_slots", slots_make, 1 }, { "expire_holds", bookings_expire, 50 }, { "miss_bookings", bookings_miss, DAY_BITE_MAX }, { "remind_bookings", bookings_remind, DAY_BITE_MAX },
	{ "offer_seats", waits_offer, OFFERS_BITE }, { "close_voices", close_voices, 50 }, { "invite_ratings", invitations_send, 20 },
};
enum { JOB_EXPIRE = 1, JOBS = sizeof(jobs) / sizeof(jobs[0]) };

struct job_span {
	int64_t now;
	int first, last; /* of jobs */
};

/* Each until there is nothing left to do. One transaction: who races whom is no question here, and on a server every other one is five more round trips. */
static bool jobs_apply(struct tx *tx, void *ctx, struct fail *why)
{
	const struct job_span *s = ctx;
	for (int i = s->first; i <= s->last; i++)
		for (int64_t rows = jobs[i].bite; rows >= jobs[i].bite;)
			if (!jobs[i].run(tx, s->now, jobs[i].bite, &rows, why))
				return false;
	return true;
}

static void jobs_run(struct days *d, int first, int last)
{
	struct job_span s = { d->now, first, last };
	struct fail why;
	fail_clear(&why);
	if (!store_write(d->store, jobs_apply, &s, &why))
		days_wrong(d, "jobs %s to %s: %s: %s", jobs[first].name, jobs[last].name, fail_row(why.code)->slug, why.log);
}

void days_expire(struct days *d)
{
	jobs_run(d, JOB_EXPIRE, JOB_EXPIRE);
}

void days_jobs(struct days *d)
{
	jobs_run(d, 0, JOBS - 1);
	d->made_for_day = (int)((d->now + 8 * D_HOUR) / D_DAY);
}

/* ---- reading ---- */

int64_t days_number(struct days *d, const char *sql, int64_t a, int64_t b)
{
	struct tx tx;
	struct fail why;
	int64_t n = -1;
	fail_clear(&why);
	if (!reader_begin(d->eye, &tx, &why))
		return -1;
	{
		DROP(stmt) struct stmt *q = tx_query(&tx, sql, &why);
		if (q != NULL) {
			stmt_bind_int(q, 1, a);
			stmt_bind_int(q, 2, b);
			n = stmt_row(q, &why) ? stmt_int(q, 0) : -1;
		}
	}
	if (why.code != FAIL_NONE)
		days_wrong(d, "%s: %s", sql, why.log);
	return n;
}

int64_t days_row_of(struct days *d, const char *sql, const char *text)
{
	struct tx tx;
	struct fail why;
	int64_t n = -1;
	fail_clear(&why);
	if (!reader_begin(d->eye, &tx, &why))
		return -1;
	{
		DROP(stmt) struct stmt *q = tx_query(&tx, sql, &why);
		if (q != NULL) {
			stmt_bind_text(q, 1, str_c(text));
			n = stmt_row(q, &why) ? stmt_int(q, 0) : -1;
		}
	}
	return n;
}

/* ---- founding ---- */

static bool people(struct tx *tx, void *ctx, struct fail *why)
{
	struct days *d = ctx;
	static const uint8_t salt[16] = "sixteen bytes...";
	for (int i = 0; i < D_PERSONS; i++) {
		char number[32];
		int64_t id;
		struct person_facts facts = { .name = STR("王小明"), .phone = STR("13900000000") };
		snprintf(number, sizeof(number), "62129919900615%04d", 1000 + i);
		if (!person_find_or_make(tx, IDENTITY_RESIDENT, str_c(number), d->now, &id, why) || !person_facts_merge(tx, id, &facts, salt, why))
			return false;
		if (id != i + 1)
			return FAILS(why, STORE, "person %d is %lld", i, (long long)id);
	}
	for (int i = 0; i < D_STAFF; i++) {
		static const enum role roles[] = { [D_CLERK] = ROLE_WINDOW, [D_HOTLINE] = ROLE_HOTLINE, [D_SUPERVISOR] = ROLE_SUPERVISOR };
		char account[24];
		uint8_t random[32] = { (uint8_t)(1 + i) };
		snprintf(account, sizeof(account), "staff.%d", i);
		struct staff_new s = { .account = str_c(account), .name = STR("李建国"), .region = 621200, .roles = 1 << roles[i] };
		if (!staff_invite(tx, &s, d->now, random, &staff[i], why))
			return false;
	}
	return true;
}

static bool import(struct days *d, const char *kind, const char *text)
{
	days_ask(d, kind[0] == 'g' ? "/control/imports/x?line=1" : "/control/imports/x", kind, text);
	d->r.who.kind = WHO_OPERATOR;
	const char *said = days_do(d, &control_import);
	if (said != NULL)
		days_wrong(d, "import of %s: %s %s", kind, said, d->r.why.log);
	return said == NULL;
}

#define DEPARTMENT_1 "11621299000000000G"
#define DEPARTMENT_2 "12621299TE5T000167"

static bool guide(struct days *d)
{
	json_error_t e;
	json_t *g = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/data/guide.json", 0, &e);
	if (g == NULL)
		return false;
	json_object_set_new(g, "department", json_string(DEPARTMENT_1));
	json_object_set_new(g, "places", json_array());
	json_object_set_new(json_array_get(json_object_get(g, "materials"), 0), "from_form", json_true());
	json_object_del(json_array_get(json_object_get(g, "materials"), 1), "waived_by"); /* which leaves that it may follow */
	json_object_set_new(g, "form", json_loads("[{\"key\":\"owner\",\"label\":\"姓名\",\"type\":\"text\",\"required\":true}]", 0, NULL));
	char *text = json_dumps(g, JSON_COMPACT);
	bool ok = import(d, "guides", text);
	free(text);
	json_decref(g);
	return ok;
}

static bool place(struct days *d)
{
	static const char *const tables[][2] = {
		{ "regions", "code,name,level,parent\n620000,甘肃省,1,\n621200,陇南市,2,620000\n621202,武都区,3,621200\n" },
		{ "departments", "code,name,region\n" DEPARTMENT_1 ",市场监督管理局,621200\n" DEPARTMENT_2 ",自然资源局,621200\n" },
		{ "matters", "code,name,department,region,type,legal_days,promised_days,trips,online\nM1,企业设立登记," DEPARTMENT_1 ",621200,commitment,15,3,0,1\n"
			     "M2,营业执照遗失补领," DEPARTMENT_1 ",621200,commitment,15,3,1,1\nM3,不动产登记," DEPARTMENT_2 ",621200,commitment,30,5,1,0\n" },
		{ "calendar", "date,kind,name,source,region\n2026-01-01,off,元旦,测试,\n2027-01-01,off,元旦,测试,\n2028-01-01,off,元旦,测试,\n2029-01-01,off,元旦,测试,\n" },
		{ "halls", "code,name,region,address,hours,transport,phone\nH1,政务服务中心,621202,路,早,车,0939\n" },
		{ "windows", "hall,kind,name\nH1,commerce,商事\nH1,real_estate,不动产\n" },
		{ "booking_rules", "hall,window,sessions,slot_minutes,capacity,walk_in_percent,horizon_days,notice_minutes,letter\nH1,commerce,1-5 09:00-12:00,60,2,0,5,0,B\n"
				   "H1,real_estate,1-5 09:00-12:00,60,4,25,5,120,C\n" },
		{ "window_matters", "hall,window,matter,state\nH1,commerce,M1,on\nH1,commerce,M2,on\nH1,real_estate,M3,on\n" },
	};
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (!import(d, tables[i][0], tables[i][1]))
			return false;
	return guide(d);
}

bool days_open(struct days *d, const char *url)
{
	static struct config config;
	struct fail why;
	fail_clear(&why);
	config_defaults(&config);
	d->config = &config;
	d->now = D_BEGIN_MS;
	log_level_set(LOG_ERROR);
	snprintf(d->folder, sizeof(d->folder), "%s/siban-days-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(d->folder) == NULL)
		return false;
	snprintf(config.state_dir, sizeof(config.state_dir), "%s", d->folder);
	config.development = true;
	if (url != NULL)
		snprintf(config.store_url, sizeof(config.store_url), "%s", url);
	bool ok = keyring_open(&config, true, &why) && (d->store = store_open(&config, STORE_MIGRATE, &why)) != NULL && services_start(d->store, &config, true, &why) &&
		  (d->eye = store_reader(d->store, 0, &why)) != NULL && place(d) && store_write(d->store, people, d, &why);
	if (!ok)
		days_wrong(d, "the days do not begin: %s", why.log);
	return ok;
}

void days_close(struct days *d)
{
	char command[128];
	if (d->r.arena.cap != 0)
		arena_free(&d->r.arena);
	reader_end(d->eye);
	connection_close(d->eye);
	store_close(d->store);
	keyring_close();
	snprintf(command, sizeof(command), "rm -rf '%s'", d->folder);
	if (system(command) != 0)
		fprintf(stderr, "%s stays\n", d->folder);
}
