/* Goal: whatever fails while a terminal begins a visit or takes a login over, while two people decide, while a guide is written or published, or a department tells of a
 * case, nothing of it stays, and trying again does the whole thing. Method: tests/write_faults.h, a row for each handler. */
#include "tests/write_faults.h"

#include "auth/staff.h"
#include "auth/terminal.h"
#include "base/certificate.h"

#define PREFECTURE 621200

/* ---- a terminal ---- */

static struct certificate certificate;
static struct certified shown;
static char terminal[ID_TEXT_BYTES], hand_over[TEXT], code[TEXT];
static struct tokens citizen;
static struct principal visit;

static bool added(struct tx *tx, void *ctx, struct fail *why)
{
	static const uint8_t random[10] = { 1 };
	struct terminal_new t = { STR("自助机"), STR("政务大厅"), 621202, &certificate };
	struct world *w = ctx;
	int64_t id;
	struct id key;
	return terminal_add(tx, &t, w->now_ms, random, &id, &key, why) && id_text(key, "tm", terminal) > 0;
}

static void certified(struct world *w, const char *target, const char *param)
{
	world_ask(w, METHOD_POST, target, param, NULL);
	w->r.certified = &shown;
}

static void a_terminal(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	certificate = (struct certificate){ .fingerprint = { 7 }, .from_ms = w->now_ms - DAY, .until_ms = w->now_ms + 300 * DAY };
	shown = (struct certified){ .host = STR("terminal.test"), .is_shown = true, .fingerprint = { 7 }, .until_ms = certificate.until_ms };
	world_import_small(w);
	world_must(store_write(w->store, added, w, &why), &why);
}

static void ask_visit(struct world *w) { certified(w, "/v1/terminal/visits", NULL); }

static void visited(struct world *w)
{
	char access[TEXT];
	a_terminal(w);
	ask_visit(w);
	world_expect(w, world_write(w, &terminal_visit_open));
	assert_true(member(w, "access_token", access));
	struct tx tx;
	struct fail why;
	fail_clear(&why);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	world_must(token_check(&tx, (struct secret){ str_c(access) }, shown.fingerprint, w->now_ms, true, &visit, &why), &why);
	reader_end(w->reader);
}

static void code_shown(struct world *w)
{
	visited(w);
	citizen = login(w, PHONE, DEVICE);
	certified(w, "/v1/terminal/hand-overs", NULL);
	w->r.who = visit;
	world_expect(w, terminal_hand_over.parse(&w->r, &w->r.why) && world_recall(w, &terminal_hand_over) && terminal_hand_over.render(&w->r, &w->r.why));
	assert_true(member(w, "code", code) && member(w, "id", hand_over));
}

static void ask_yes(struct world *w)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"terminal\":\"%s\"}", terminal);
	as(w, METHOD_POST, "/v1/me/hand-overs/x/approve", code, body, citizen.access);
}

static void said_yes(struct world *w)
{
	code_shown(w);
	ask_yes(w);
	world_expect(w, world_write(w, &me_hand_over_approve));
}

static void ask_take(struct world *w)
{
	certified(w, "/v1/terminal/hand-overs/x/take", hand_over);
	w->r.who = visit;
}

static void ask_revoke(struct world *w)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"terminal\":\"%s\"}", terminal);
	world_ask(w, METHOD_POST, "/control/terminals/revoke", NULL, body)->who.kind = WHO_OPERATOR;
}

/* ---- two people, and guides ---- */

enum { CLERK, CHECKER };
static int64_t staff[2];
static char draft[ID_TEXT_BYTES], proposal[ID_TEXT_BYTES];

static bool hired(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	uint8_t random[32] = { 1 };
	struct staff_new clerk = { .account = STR("clerk"), .name = STR("王小明"), .region = PREFECTURE, .roles = 1 << ROLE_DEPARTMENT },
			 checker = { .account = STR("checker"), .name = STR("李建国"), .region = PREFECTURE, .roles = 1 << ROLE_SYSTEM };
	if (!staff_invite(tx, &clerk, NOW_MS, random, &staff[CLERK], why))
		return false;
	random[0] = 2;
	return staff_invite(tx, &checker, NOW_MS, random, &staff[CHECKER], why);
}

static void asked(struct world *w, int who, const char *param, const char *body)
{
	static const enum role roles[] = { ROLE_DEPARTMENT, ROLE_SYSTEM };
	world_ask(w, METHOD_POST, "/v1/staff/x", param, body);
	w->r.who = (struct principal){ .kind = WHO_STAFF, .id = staff[who], .session = 10 + who, .region = PREFECTURE, .rights = role_row(roles[who])->rights };
}

static void people_and_hall(struct world *w)
{
	struct fail why;
	fail_clear(&why);
	world_import_small(w);
	world_import(w, "halls", "code,name,region,address,hours,transport,phone\nH1,陇南市政务服务中心,621200,武都区,全天,步行,0939-0000000\n");
	world_must(store_write(w->store, hired, NULL, &why), &why);
}

static void ask_write(struct world *w)
{
	json_error_t e;
	json_t *g = json_load_file(SIBAN_SOURCE_DIR "/tests/unit/data/guide.json", 0, &e);
	assert_non_null(g);
	json_object_set_new(g, "department", json_string(DEPARTMENT_A));
	json_object_set_new(g, "code", json_string("N1"));
	char *text = json_dumps(g, JSON_COMPACT);
	asked(w, CLERK, NULL, text);
	free(text);
	json_decref(g);
}

static void keep(struct world *w, char out[ID_TEXT_BYTES]) { snprintf(out, ID_TEXT_BYTES, "%.*s", ID_TEXT_BYTES - 1, w->r.outcome.text); }

static void drafted(struct world *w)
{
	people_and_hall(w);
	ask_write(w);
	world_expect(w, world_write(w, &staff_guide_write));
	keep(w, draft);
}

static void ask_propose(struct world *w)
{
	char body[BODY];
	snprintf(body, sizeof(body), "{\"kind\":\"guide_publish\",\"region\":\"621200\",\"payload\":{},\"subject\":\"%s\"}", draft);
	asked(w, CLERK, NULL, body);
}

static void proposed(struct world *w)
{
	drafted(w);
	ask_propose(w);
	world_expect(w, world_write(w, &staff_proposal_make));
	keep(w, proposal);
}

static void ask_throw(struct world *w) { asked(w, CLERK, draft, NULL); }
static void ask_approve(struct world *w) { asked(w, CHECKER, proposal, NULL); }
static void ask_refuse(struct world *w) { asked(w, CHECKER, proposal, "{\"note\":\"请补充依据\"}"); }
static void ask_withdraw(struct world *w) { asked(w, CLERK, proposal, NULL); }

/* ---- a department ---- */

#define EVENT(id, seq, name, more)                                                                                             \
	"{\"event_id\":\"" id "\",\"case_ref\":\"F\",\"seq\":" seq ",\"event\":\"" name "\",\"occurred_at\":\"2026-11-23T15:00:00+08:00\"" more "}"
#define OPENING ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}"

/* Two wait for the opening, and a third will be refused: the post has the most to do. */
static void held(struct world *w)
{
	world_import_small(w);
	world_expect(w, world_post(w, 1, EVENT("f2", "2", "received", "")));
	world_expect(w, world_post(w, 1, EVENT("f3", "3", "accepted", ",\"note\":\"已受理\"")));
	world_expect(w, world_post(w, 1, EVENT("f4", "4", "done", "")));
}

static void ask_event(struct world *w)
{
	world_ask(w, METHOD_POST, "/v1/department/events", NULL, EVENT("f1", "1", "submitted", OPENING));
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = 1, .test_key = true };
}

static const struct write_case cases[] = {
	{ "a visit",             &terminal_visit_open,     a_terminal,      ask_visit,    NULL, 5 },
	{ "another visit",       &terminal_visit_open,     visited,         ask_visit,    NULL, 6 },
	{ "a yes to a terminal", &me_hand_over_approve,    code_shown,      ask_yes,      NULL, 4 },
	{ "taken over",          &terminal_hand_over_take, said_yes,        ask_take,     NULL, 8 },
	{ "a terminal revoked",  &control_terminal_revoke, said_yes,        ask_revoke,   NULL, 4 },
	{ "a guide written",     &staff_guide_write,       people_and_hall, ask_write,    NULL, 5 },
	{ "a draft thrown away", &staff_guide_throw,       drafted,         ask_throw,    NULL, 3 },
	{ "a proposal",          &staff_proposal_make,     drafted,         ask_propose,  NULL, 5 },
	{ "published",           &staff_proposal_approve,  proposed,        ask_approve,  NULL, 15 },
	{ "a proposal refused",  &staff_proposal_refuse,   proposed,        ask_refuse,   NULL, 4 },
	{ "a proposal withdrawn", &staff_proposal_withdraw, proposed,       ask_withdraw, NULL, 4 },
	{ "a case opened, its gap closed", &department_event_post, held,    ask_event,    NULL, 15 },
};

int main(void)
{
	return WRITE_FAULTS_RUN(cases);
}
