/* services/supervision/alert_words.c - a few lines to begin with, a number, and where the rest can be read. */
#include "services/supervision/alert_words.h"

#include "base/hash.h"
#include "base/json.h"
#include "channels/sms_aliyun.h"
#include "notify/effect.h"
#include "services/services.h"
#include "services/voices/voice_clock.h"

#include <stdio.h>

enum { BODY_BYTES = 12 * 1024, SMS_BYTES = 512, PLACE_BYTES = 80 };

static void items_out(struct json_out *j, const struct alert *al)
{
	json_put_name(j, "items");
	json_put_array(j);
	for (int i = 0; i < al->item_count; i++) {
		const struct alert_item *item = &al->items[i];
		char day[DAY_TEXT_BYTES];
		day_text(item->due, day);
		bool of_ticket = item->ticket.at != NULL;
		json_put_object(j);
		if (of_ticket) {
			json_add_text(j, "ticket", item->ticket);
		} else {
			json_add_text(j, "case_ref", item->case_ref);
			json_add_text(j, "case_no", item->case_no);
		}
		json_add_text(j, "kind", of_ticket ? voice_clock_name((enum voice_clock)item->kind) : clock_kind_row((enum clock_kind)item->kind)->name);
		if (al->what == ALERT_LIGHTS)
			json_add_text(j, "light", clock_what_name(item->what));
		json_add_text(j, "due_on", str_c(day));
		json_put_object_end(j);
	}
	json_put_array_end(j);
	json_add_boolean(j, "more", al->more);
}

static void counts_out(struct json_out *j, const int64_t counts[CLOCK_TOLD_RED + 1])
{
	for (int what = CLOCK_TOLD_YELLOW; what <= CLOCK_TOLD_RED; what++)
		json_add_number(j, clock_what_name(what).at, counts[what]);
}

static void lights_out(struct json_out *j, const struct alert *al)
{
	char place[PLACE_BYTES];
	snprintf(place, sizeof(place), "/v1/department/deadlines/feed?after=%lld", (long long)al->after);
	counts_out(j, al->counts[ALERT_CASES]);
	json_add_text(j, "feed", str_c(place));
	json_put_name(j, "tickets");
	json_put_object(j);
	counts_out(j, al->counts[ALERT_TICKETS]);
	json_add_plain(j, "feed", STR("/v1/department/tickets/feed"));
	json_put_object_end(j);
}

static void list_out(struct json_out *j, const struct alert *al)
{
	char place[PLACE_BYTES], day[DAY_TEXT_BYTES];
	day_text(al->until, day);
	snprintf(place, sizeof(place), "/v1/department/deadlines?until=%s", day);
	json_add_number(j, "count", al->listed[ALERT_CASES]);
	json_add_text(j, "until", str_c(day));
	json_add_text(j, "list", str_c(place));
	json_put_name(j, "tickets");
	json_put_object(j);
	json_add_number(j, "count", al->listed[ALERT_TICKETS]);
	json_add_plain(j, "list", STR("/v1/department/tickets"));
	json_put_object_end(j);
}

bool alert_body(const struct alert *al, struct str code, struct str name, int64_t now_ms, struct arena *a, struct str *body, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, BODY_BYTES);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "type", al->what == ALERT_LIGHTS ? STR("deadlines.changed") : STR("deadlines.ending"));
	json_add_time(&j, "timestamp", now_ms);
	json_put_name(&j, "data");
	json_put_object(&j);
	json_put_name(&j, "department");
	json_put_object(&j);
	json_add_text(&j, "code", code);
	json_add_text(&j, "name", name);
	json_put_object_end(&j);
	if (al->what == ALERT_LIGHTS)
		lights_out(&j, al);
	else
		list_out(&j, al);
	items_out(&j, al);
	json_put_object_end(&j);
	json_put_object_end(&j);
	*body = buf_text(&b);
	return json_end(&j) || FAILS(why, MEMORY, "an alert");
}

/* ---- SMS ---- */

static struct str template_of(const struct alert *al)
{
	return al->what == ALERT_LIGHTS ? STR("deadline") : STR("deadline_list");
}

bool alert_has_sms(const struct alert *al)
{
	return account_is_configured(ACCOUNT_sms_aliyun) && sms_aliyun_has_template(services_config(), template_of(al));
}

static void number_out(struct json_out *j, const char *name, int64_t n)
{
	char text[21];
	json_add_text(j, name, (struct str){ text, i64_text(n, text) });
}

static int64_t lit(const struct alert *al, enum clock_what what)
{
	return al->counts[ALERT_CASES][what] + al->counts[ALERT_TICKETS][what];
}

static void params_out(struct json_out *j, const struct alert *al)
{
	char day[DAY_TEXT_BYTES];
	if (al->what == ALERT_LIGHTS) {
		number_out(j, "soon", lit(al, CLOCK_TOLD_YELLOW) + lit(al, CLOCK_TOLD_ORANGE));
		number_out(j, "late", lit(al, CLOCK_TOLD_RED));
		return;
	}
	day_text(al->until, day);
	number_out(j, "count", al->listed[ALERT_CASES] + al->listed[ALERT_TICKETS]);
	json_add_text(j, "day", str_c(day));
}

bool alert_sms(struct tx *tx, const struct alert *al, const char *phone, const uint8_t random[16], int64_t now_ms, struct fail *why)
{
	char text[SMS_BYTES];
	struct buf b = { .at = text, .cap = sizeof(text) };
	int64_t id;
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "phone", str_c(phone));
	json_add_text(&j, "template", template_of(al));
	json_put_name(&j, "params");
	json_put_object(&j);
	params_out(&j, al);
	json_put_object_end(&j);
	json_put_object_end(&j);
	if (!json_end(&j))
		return FAILS(why, INTERNAL, "an SMS of more than %d bytes", SMS_BYTES);
	struct effect_new e = { .kind = KIND_sms_aliyun, .payload = buf_text(&b) };
	bool ok = effect_add(tx, &e, now_ms, random, &id, why);
	wipe(text, sizeof(text));
	return ok;
}
