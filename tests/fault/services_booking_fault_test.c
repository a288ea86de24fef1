/* Goal: whatever fails while a visit is held, confirmed, moved, given back, waited for, checked in or taken away, nothing of it stays, and the repetition does the
 * whole thing (tests/write_faults.h).
 * Method: a visit of two people for two matters, so that there is most to do; then what a clerk does in the hall. */
#include "tests/write_faults.h"

#include "auth/person.h"
#include "auth/right.h"
#include "services/booking/slot_make.h"

#define CALENDAR "date,kind,name,source,region\n2026-01-01,off,元旦,测试,\n"
#define HALLS "code,name,region,address,hours,transport,phone\nH1,武都区政务服务中心,621202,路,早,车,0939\n"
#define WINDOWS "hall,kind,name\nH1,commerce,商事\nH1,real_estate,不动产\n"
#define RULES "hall,window,sessions,slot_minutes,capacity,walk_in_percent,horizon_days,notice_minutes,letter\nH1,commerce,1-5 09:00-12:00,30,1,0,3,0,B\nH1,real_estate,1-5 09:00-12:00,30,2,0,3,0,C\n"
#define MATTERS "hall,window,matter,state\nH1,commerce,M1,on\nH1,real_estate,M3,on\n"
#define VISIT "{\"hall\":\"H1\",\"matters\":\"M3,M1\",\"starts_at\":\"2026-11-24T09:00:00+08:00\",\"people\":2}"

static char named[96]; /* what the last deed made */

static bool make_slots(struct tx *tx, void *ctx, struct fail *why)
{
	struct world *w = ctx;
	int64_t days = 1, person;
	while (days > 0)
		if (!slots_make(tx, w->now_ms, 1, &days, why))
			return false;
	return person_find_or_make(tx, IDENTITY_RESIDENT, STR(RESIDENT), w->now_ms, &person, why);
}

static void opened(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	world_import_small(w);
	world_import(w, "calendar", CALENDAR);
	world_import(w, "halls", HALLS);
	world_import(w, "windows", WINDOWS);
	world_import(w, "booking_rules", RULES);
	world_import(w, "window_matters", MATTERS);
	world_must(store_write(w->store, make_slots, w, &why), &why);
}

static void asked_by(struct world *w, enum who kind, const char *param, const char *body)
{
	struct request *r = world_ask(w, METHOD_POST, "/v1/x", param, body);
	r->who = (struct principal){ .kind = kind, .id = 1, .level = LEVEL_L2, .region = kind == WHO_STAFF ? 621202 : 0, .rights = kind == WHO_STAFF ? UINT64_C(1) << RIGHT_HALL_WORK : 0 };
}

static void done(struct world *w, const struct handler *h)
{
	world_expect(w, world_write(w, h)); /* applied twice: the same rows */
	snprintf(named, sizeof(named), "%s", w->r.outcome.text);
}

static void ask_hold(struct world *w) { asked_by(w, WHO_CITIZEN, NULL, VISIT); }
static void ask_confirm(struct world *w) { asked_by(w, WHO_CITIZEN, named, "{\"names\":\"张三,李四\",\"phone\":\"13800138000\"}"); }
static void ask_move(struct world *w) { asked_by(w, WHO_CITIZEN, named, "{\"starts_at\":\"2026-11-25T09:30:00+08:00\"}"); }
static void ask_cancel(struct world *w) { asked_by(w, WHO_CITIZEN, named, "{\"reason\":\"no_time\"}"); }
static void ask_wait(struct world *w) { asked_by(w, WHO_CITIZEN, NULL, "{\"hall\":\"H1\",\"matter\":\"M1\",\"from\":\"2026-11-24\",\"to\":\"2026-11-25\"}"); }
static void ask_leave(struct world *w) { asked_by(w, WHO_CITIZEN, named, NULL); }
static void ask_walk_in(struct world *w) { asked_by(w, WHO_STAFF, NULL, "{\"hall\":\"H1\",\"window\":\"commerce\"}"); }
static void ask_call(struct world *w) { asked_by(w, WHO_STAFF, NULL, "{\"hall\":\"H1\",\"window\":\"commerce\",\"desk\":\"3号\"}"); }
static void ask_number(struct world *w) { asked_by(w, WHO_STAFF, named, NULL); }
static void ask_close(struct world *w) { asked_by(w, WHO_STAFF, NULL, "{\"hall\":\"H1\",\"date\":\"2026-11-24\",\"note\":\"停电\"}"); }
static void ask_merge(struct world *w) { asked_by(w, WHO_STAFF, NULL, "{\"hall\":\"H1\",\"from\":\"commerce\",\"into\":\"real_estate\"}"); }

static void held(struct world *w)
{
	opened(w);
	ask_hold(w);
	done(w, &hold_create);
}

static void booked(struct world *w)
{
	held(w);
	ask_confirm(w);
	done(w, &booking_confirm);
}

/* On the day of the visit, at its time. */
static void on_the_day(struct world *w)
{
	booked(w);
	w->now_ms = NOW_MS + INT64_C(17) * 3600000;
}

static void ask_checkin(struct world *w)
{
	char body[160];
	snprintf(body, sizeof(body), "{\"hall\":\"H1\",\"booking\":\"%s\"}", named);
	asked_by(w, WHO_STAFF, NULL, body);
}

static void waited(struct world *w)
{
	opened(w);
	ask_wait(w);
	done(w, &waitlist_join);
}

static void queued(struct world *w)
{
	opened(w);
	ask_walk_in(w);
	done(w, &hall_checkin);
}

static void called(struct world *w)
{
	on_the_day(w);
	ask_checkin(w);
	done(w, &hall_checkin);
	asked_by(w, WHO_STAFF, NULL, strstr(w->r.outcome.text, "qn_") != NULL ? "{\"hall\":\"H1\",\"window\":\"real_estate\",\"desk\":\"1\"}" : "");
	done(w, &hall_queue_call);
}

static const struct write_case cases[] = {
	{ "held",              &hold_create,        opened,     ask_hold,    NULL, 15 },
	{ "booked",            &booking_confirm,    held,       ask_confirm, NULL, 15 },
	{ "moved",             &booking_reschedule, booked,     ask_move,    NULL, 30 },
	{ "given back",        &booking_cancel,     booked,     ask_cancel,  NULL, 15 },
	{ "in line",           &waitlist_join,      opened,     ask_wait,    NULL, 3 },
	{ "left the line",     &waitlist_leave,     waited,     ask_leave,   NULL, 2 },
	{ "came",              &hall_checkin,       on_the_day, ask_checkin, NULL, 8 },
	{ "came without",      &hall_checkin,       opened,     ask_walk_in, NULL, 5 },
	{ "called",            &hall_queue_call,    queued,     ask_call,    NULL, 3 },
	{ "served, and on to the next window", &hall_queue_done, called, ask_number, NULL, 6 },
	{ "a day taken away",  &hall_close,         booked,     ask_close,   NULL, 10 },
	{ "windows merged",    &hall_merge,         booked,     ask_merge,   NULL, 8 },
};

int main(void)
{
	return WRITE_FAULTS_RUN(cases);
}
