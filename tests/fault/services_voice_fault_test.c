/* Goal: whatever fails while somebody rates, speaks, is answered or says what he thinks of the answer, nothing of it stays, and trying again does the whole thing. Method:
 * tests/write_faults.h, a row for each handler. */
#include "tests/write_faults.h"

#include "auth/role.h"
#include "auth/staff.h"
#include "services/cases/case_number.h"
#include "services/voices/voice.h"

enum { CLERK, HOTLINE };
static int64_t staff[2];
static char case_no[CASE_NUMBER_BYTES], number[VOICE_NUMBER_BYTES];

static bool hired(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	uint8_t random[32] = { 1 };
	struct staff_new clerk = { .account = STR("clerk"), .name = STR("王小明"), .region = 621200, .roles = 1 << ROLE_WINDOW },
			 hotline = { .account = STR("hotline"), .name = STR("李建国"), .region = 621200, .roles = 1 << ROLE_HOTLINE };
	if (!staff_invite(tx, &clerk, NOW_MS, random, &staff[CLERK], why))
		return false;
	random[0] = 2;
	return staff_invite(tx, &hotline, NOW_MS, random, &staff[HOTLINE], why);
}

static void post(struct world *w, int seq, const char *name, const char *more)
{
	char body[640];
	snprintf(body, sizeof(body), "{\"event_id\":\"v-%d\",\"case_ref\":\"V\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"2026-11-23T10:00:00+08:00\"%s}", seq, seq, name, more);
	world_expect(w, world_post(w, 1, body));
	snprintf(case_no, sizeof(case_no), "%.25s", strstr(world_body(w), "\"case_no\":\"") + 11);
}

static void over(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	world_import_small(w);
	world_must(store_write(w->store, hired, NULL, &why), &why);
	post(w, 1, "submitted", ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}");
	post(w, 2, "not_accepted", "");
}

static void as_citizen(struct world *w, const char *param, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/x", param, body);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1, .level = 2 };
}

static void as_clerk(struct world *w, int who, const char *param, const char *body)
{
	static const enum role roles[] = { ROLE_WINDOW, ROLE_HOTLINE };
	world_ask(w, METHOD_POST, "/v1/x", param, body);
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = staff[who], .session = 10 + who, .region = 621200, .rights = role_row(roles[who])->rights };
}

static void as_department(struct world *w, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/x", number, body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .rights = rights_all(WHO_DEPARTMENT) };
}

static void ask_rate(struct world *w) { as_citizen(w, case_no, "{\"level\":2,\"tags\":\"slow\",\"text\":\"等了很久\"}"); }
static void ask_counter(struct world *w)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"case_no\":\"%s\",\"id_last4\":\"0131\",\"level\":1}", case_no);
	as_clerk(w, CLERK, NULL, body);
}
static void ask_say(struct world *w) { as_citizen(w, NULL, "{\"kind\":\"complain\",\"text\":\"窗口没有人\",\"region\":\"621202\"}"); }
static void ask_take(struct world *w) { as_clerk(w, HOTLINE, NULL, "{\"kind\":\"report\",\"text\":\"收取好处费\",\"region\":\"621202\",\"name\":\"李大爷\",\"phone\":\"13900001111\"}"); }
static void ask_contact(struct world *w) { as_clerk(w, HOTLINE, number, "{\"reason\":\"回访核实\"}"); }
static void ask_accept(struct world *w) { as_department(w, "{\"event\":\"accepted\"}"); }
static void ask_answer(struct world *w) { as_department(w, "{\"event\":\"answered\",\"text\":\"已整改\"}"); }
static void ask_again(struct world *w) { as_citizen(w, number, "{\"satisfied\":false,\"text\":\"没有解决\"}"); }
static void ask_withdraw(struct world *w) { as_citizen(w, number, NULL); }
static void ask_messages(struct world *w) { as_clerk(w, HOTLINE, number, NULL); }

static void done(struct world *w, const struct handler *h, void (*ask)(struct world *w))
{
	ask(w);
	world_expect(w, world_write(w, h));
	if (w->r.outcome.text[0] == 'R')
		memcpy(number, w->r.outcome.text, sizeof(number));
}

static void ask_call(struct world *w) { as_department(w, "{\"event\":\"called\",\"text\":\"已回访\"}"); }

static void rated(struct world *w)
{
	over(w);
	done(w, &rating_create, ask_rate);
}
static void called(struct world *w)
{
	rated(w);
	done(w, &office_voice_move, ask_accept);
	done(w, &office_voice_move, ask_call);
}
static void answered(struct world *w)
{
	called(w);
	done(w, &office_voice_move, ask_answer);
}
static void said(struct world *w)
{
	over(w);
	done(w, &voice_create, ask_say);
}

static const struct write_case cases[] = {
	{ "a poor rating",         &rating_create,         over,     ask_rate,     NULL, 20 },
	{ "one at a counter",      &hall_rating,           over,     ask_counter,  NULL, 18 },
	{ "a ticket",              &voice_create,          over,     ask_say,      NULL, 14 },
	{ "a ticket by telephone", &office_voice_take,     over,     ask_take,     NULL, 10 },
	{ "accepted",              &office_voice_move,     rated,    ask_accept,   NULL, 12 },
	{ "answered",              &office_voice_move,     called,   ask_answer,   NULL, 14 },
	{ "opened once more",      &voice_feedback,        answered, ask_again,    NULL, 10 },
	{ "taken back",            &voice_withdraw,        said,     ask_withdraw, NULL, 8 },
	{ "whom to call",          &staff_voice_contact,   said,     ask_contact,  NULL, 4 },
	{ "what was sent",         &staff_voice_messages,  said,     ask_messages, NULL, 4 },
};

int main(void)
{
	return WRITE_FAULTS_RUN(cases);
}
