/* services/booking/booking_papers.c - what one takes along: the visit for a calendar (RFC 5545) and its ticket for the door; and the keys a window needs to believe it. */
#include "base/clock.h"
#include "base/day.h"
#include "services/booking/booking_view.h"
#include "services/booking/ticket.h"
#include "services/handlers.h"
#include "services/services.h"
#include <stdio.h>

enum { MS_A_MINUTE = 60000, MS_AN_HOUR = 3600000, LINE_BYTES = 75 /* RFC 5545 3.1: octets, without the line's end */, UTC_BYTES = 20, ZONE_MS = 8 * MS_AN_HOUR };

struct paper {
	struct id key;
	struct booking_view view;
	char ticket[TICKET_TEXT_MAX];
};

static bool paper_parse(struct request *r, struct fail *why)
{
	struct paper *p = request_state(r, sizeof(*p), why);
	return p != NULL && booking_question(r, &p->key, why);
}

static bool paper_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct paper *p = r->state;
	struct booking b;
	bool is_his;
	if (!booking_by_key(tx, p->key, r->now_ms, &b, why) || !booking_is_his(tx, &r->who, &b, &is_his, why))
		return false;
	r->owner = is_his ? b.person : 0;
	if (!is_his)
		return true;
	if (b.state != BOOKING_BOOKED) {
		FAILS(why, BOOKING_STATE, "it is %s", booking_state_text(b.state));
		fail_fact_text(why, "state", booking_state_text(b.state));
		return false;
	}
	return booking_view_look(tx, &r->arena, &b, &p->view, why) && booking_view_bring(tx, &r->arena, &p->view, why);
}

/* ---- for a calendar ---- */

/* A content line: its text escaped (3.3.11), folded at 75 octets between two characters. */
static void ics_line(struct buf *b, const char *name, struct str text, bool is_text)
{
	size_t in_line = strlen(name) + 1;
	buf_str(b, str_c(name));
	buf_char(b, ':');
	for (size_t n; text.len > 0 && (n = str_utf8_char(text.at, text.len)) > 0; text.at += n, text.len -= n) {
		bool escaped = is_text && n == 1 && strchr("\\;,", text.at[0]) != NULL, is_break = is_text && text.at[0] == '\n';
		size_t wants = n + escaped + is_break;
		if (in_line + wants > LINE_BYTES) {
			buf_str(b, STR("\r\n "));
			in_line = 1;
		}
		if (escaped || is_break)
			buf_char(b, '\\');
		buf_str(b, is_break ? STR("n") : (struct str){ text.at, n });
		in_line += wants;
	}
	buf_str(b, STR("\r\n"));
}

static void ics_time(struct buf *b, const char *name, int64_t ms)
{
	char text[UTC_BYTES + 8];
	int year, month, in_month;
	int32_t day = day_of(ms - ZONE_MS); /* the day and the time of UTC, in the words of our own calendar */
	int64_t minute = (ms - ZONE_MS - day_begins_ms(day)) / MS_A_MINUTE;
	day_civil(day, &year, &month, &in_month);
	snprintf(text, sizeof(text), "%04d%02d%02dT%02d%02d00Z", year % 10000, month % 100, in_month % 100, (int)(minute / 60 % 24), (int)(minute % 60));
	ics_line(b, name, str_c(text), false);
}

static void ics_words(struct request *r, const struct booking_view *v, struct buf *what, struct buf *about)
{
	buf_str(what, STR("办事预约："));
	for (int i = 0; i < v->stop_count; i++) {
		if (i > 0)
			buf_str(what, STR("、"));
		buf_str(what, v->stops[i].matter_name);
	}
	buf_str(about, STR("请携带：有效证件"));
	for (int i = 0; i < v->item_count; i++) {
		buf_str(about, STR("；"));
		buf_str(about, v->items[i].name);
	}
	buf_str(about, STR("\n预约编号："));
	char id[ID_TEXT_BYTES];
	buf_str(about, (struct str){ id, id_text(v->b.key, "bk", id) });
	(void)r;
}

static bool ics_render(struct request *r, struct fail *why)
{
	const struct paper *p = r->state;
	const struct booking_view *v = &p->view;
	struct buf *b = &r->reply.body, what, about, place;
	char uid[ID_TEXT_BYTES + 8], moves[21];
	buf_init(b, &r->arena, 2048);
	buf_init(&what, &r->arena, 256);
	buf_init(&about, &r->arena, 512);
	buf_init(&place, &r->arena, 256);
	ics_words(r, v, &what, &about);
	buf_str(&place, v->hall_name);
	buf_str(&place, STR("，"));
	buf_str(&place, v->hall_address);
	size_t len = id_text(v->b.key, "bk", uid);
	memcpy(uid + len, "@siban", sizeof("@siban"));
	buf_str(b, STR("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//siban//booking//ZH\r\nMETHOD:PUBLISH\r\nBEGIN:VEVENT\r\n"));
	ics_line(b, "UID", str_c(uid), false);
	ics_line(b, "SEQUENCE", (struct str){ moves, i64_text(v->b.moves, moves) }, false);
	ics_time(b, "DTSTAMP", r->now_ms);
	ics_time(b, "DTSTART", v->b.starts_ms);
	ics_time(b, "DTEND", v->b.ends_ms);
	ics_line(b, "SUMMARY", buf_text(&what), true);
	ics_line(b, "LOCATION", buf_text(&place), true);
	ics_line(b, "DESCRIPTION", buf_text(&about), true);
	buf_str(b, STR("BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT1H\r\n"));
	ics_line(b, "DESCRIPTION", buf_text(&what), true);
	buf_str(b, STR("END:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"));
	r->reply.status = 200;
	r->reply.content_type = "text/calendar; charset=utf-8";
	return (buf_ok(b) && buf_ok(&what) && buf_ok(&about) && buf_ok(&place)) || FAILS(why, MEMORY, "a calendar's entry");
}

const struct handler booking_calendar = { .parse = paper_parse, .look = paper_look, .render = ics_render };

/* ---- for the door ---- */

static bool ticket_work(struct request *r, struct fail *why)
{
	struct paper *p = r->state;
	const struct booking *b = &p->view.b;
	struct ticket t = { .booking = b->key, .starts_ms = b->starts_ms, .minutes = (b->ends_ms - b->starts_ms) / MS_A_MINUTE, .people = b->people, .moves = b->moves };
	if (r->owner == 0)
		return true; /* the runtime answers before render */
	if (p->view.hall.len > TICKET_HALL_MAX)
		return FAILS(why, INTERNAL, "a hall's code of %zu bytes", p->view.hall.len);
	memcpy(t.hall, p->view.hall.at, p->view.hall.len);
	return ticket_write(&t, p->ticket, why);
}

static bool ticket_look(struct tx *tx, struct request *r, struct fail *why)
{
	return paper_look(tx, r, why) && ticket_work(r, why);
}

static bool ticket_render(struct request *r, struct fail *why)
{
	const struct paper *p = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "ticket", str_c(p->ticket));
	json_add_time(&j, "starts_at", p->view.b.starts_ms);
	json_add_text(&j, "hall", p->view.hall);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler booking_ticket = { .parse = paper_parse, .look = ticket_look, .render = ticket_render };

/* ---- the keys ---- */

static bool keys_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	return request_query_only(r, no_query, why);
}

static bool keys_render(struct request *r, struct fail *why)
{
	struct ticket_key keys[KEYRING_INDEX_MAX];
	char id[2 * TICKET_KEY_ID_BYTES + 1], text[2 * TICKET_KEY_BYTES + 1];
	int count;
	if (!ticket_keys(keys, &count, why))
		return false;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_put_name(&j, "items");
	json_put_array(&j);
	for (int i = 0; i < count; i++) {
		hex_text(keys[i].id, TICKET_KEY_ID_BYTES, id);
		hex_text(keys[i].public_half, TICKET_KEY_BYTES, text);
		json_put_object(&j);
		json_add_text(&j, "id", str_c(id));
		json_add_plain(&j, "algorithm", STR("ed25519"));
		json_add_text(&j, "public_key", str_c(text));
		json_put_object_end(&j);
	}
	json_put_array_end(&j);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler ticket_key_list = { .parse = keys_parse, .render = keys_render };
