/* services/booking/booking_tell.c - the words around a booking, put together once for all who tell of it. */
#include "services/booking/booking_tell.h"
#include "base/clock.h"
#include "base/day.h"
#include "base/hash.h"
#include "services/booking/booking_view.h"
#include <stdio.h>

enum { ABOUT_MAX = 300, BRING_TEXT_MAX = 600, WHEN_BYTES = 20, MS_A_MINUTE = 60000, MINUTES_AN_HOUR = 60 };

/* Whole characters, as many as fit. */
static void add_within(struct buf *b, struct str s, size_t max)
{
	for (size_t n; s.len > 0 && (n = str_utf8_char(s.at, s.len)) > 0 && b->len + n <= max; s.at += n, s.len -= n)
		buf_add(b, s.at, n);
}

static void matters_of(const struct booking_view *v, struct buf *b)
{
	for (int i = 0; i < v->stop_count; i++) {
		bool is_new = true;
		for (int k = 0; k < i && is_new; k++)
			is_new = !str_eq(v->stops[k].matter, v->stops[i].matter);
		if (!is_new)
			continue;
		if (b->len > 0)
			buf_str(b, STR("、"));
		add_within(b, v->stops[i].matter_name, ABOUT_MAX);
	}
}

static void bring_of(const struct booking_view *v, struct buf *b)
{
	buf_str(b, STR("有效证件"));
	for (int i = 0; i < v->item_count; i++) {
		buf_str(b, STR("；"));
		add_within(b, v->items[i].name, BRING_TEXT_MAX);
	}
}

static void when_and_where(const struct booking_view *v, struct buf *b)
{
	char day[DAY_TEXT_BYTES], text[WHEN_BYTES];
	int minute = (int)((v->b.starts_ms - day_begins_ms((int32_t)v->b.day)) / MS_A_MINUTE);
	day_text((int32_t)v->b.day, day);
	snprintf(text, sizeof(text), " %02d:%02d ", minute / MINUTES_AN_HOUR % 24, minute % MINUTES_AN_HOUR);
	buf_str(b, str_c(day));
	buf_str(b, str_c(text));
	buf_str(b, v->hall_name);
}

bool booking_tell(struct tx *tx, const struct booking *b, enum message_template what, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why)
{
	struct booking_view *v = arena_alloc(a, sizeof(*v));
	struct buf about, when, bring;
	if (v == NULL)
		return FAILS(why, MEMORY, "a message about a booking");
	if (!booking_view_look(tx, a, b, v, why) || !booking_view_bring(tx, a, v, why))
		return false;
	buf_init(&about, a, ABOUT_MAX);
	buf_init(&when, a, ABOUT_MAX);
	buf_init(&bring, a, BRING_TEXT_MAX);
	matters_of(v, &about);
	when_and_where(v, &when);
	bring_of(v, &bring);
	if (!buf_ok(&about) || !buf_ok(&when) || !buf_ok(&bring))
		return FAILS(why, MEMORY, "a message about a booking");
	struct booking_news n = { .person = b->person, .booking = b->id, .template = what, .matters = buf_text(&about), .when = buf_text(&when), .bring = buf_text(&bring) };
	return message_booking(tx, &n, now_ms, random, a, why);
}

void booking_random(const struct booking *b, const char *what, int64_t n, uint8_t out[32])
{
	char number[21];
	struct str parts[] = { STR("booking"), str_c(what), { number, i64_text(n, number) }, { (const char *)b->key.bytes, ID_BYTES } };
	_Static_assert(SHA256_BYTES == 32, "a message's random bytes");
	hash_parts(HASH_SHA256, parts, 4, out);
}
