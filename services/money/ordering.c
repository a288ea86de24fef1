/* services/money/ordering.c - why this exists: a phone and a counter order in the same way, and differ only in who is there and what follows. */
#include "services/money/ordering.h"

#include "auth/tenancy.h"
#include "base/day.h"
#include "services/money/finance_account.h"
#include "services/money/pay_notice.h"
#include "services/services.h"

#include <stdio.h>

enum { MS_PER_MINUTE = 60000 };

static bool code_take(const json_t *text, struct ordering *o, int i, struct fail *why)
{
	char at[32];
	snprintf(at, sizeof(at), "/payment_codes/%d", i);
	if (!json_is_string(text))
		return FAILS_FIELD(why, FIELD, at, "not text");
	if (!pay_code_read(str_c(json_string_value(text)), o->codes[i], &o->divisions[i], why))
		return false;
	for (int k = 0; k < i; k++)
		if (strcmp(o->codes[k], o->codes[i]) == 0)
			return FAILS_FIELD(why, FIELD, at, "named twice");
	return true;
}

bool ordering_codes(json_t *body, struct ordering *o, struct fail *why)
{
	json_t *codes = json_object_get(body, "payment_codes");
	size_t most = (size_t)services_config()->order_notices;
	if (codes == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/payment_codes", "what is to be paid");
	if (!json_is_array(codes) || json_array_size(codes) == 0 || json_array_size(codes) > most) {
		FAILS_FIELD(why, FIELD, "/payment_codes", "not 1 to %zu codes", most);
		fail_fact_number(why, "max", (int64_t)most);
		return false;
	}
	for (o->count = 0; o->count < (int)json_array_size(codes); o->count++)
		if (!code_take(json_array_get(codes, (size_t)o->count), o, o->count, why))
			return false;
	json_object_del(body, "payment_codes"); /* an array is no member the table of fields knows */
	return true;
}

/* What state a notice is in judges ordering_make: a repeat must come that far, and find what it was told. */
bool ordering_look(struct tx *tx, struct request *r, struct ordering *o, struct fail *why)
{
	int64_t today = day_of(r->now_ms);
	for (int i = 0; i < o->count; i++) {
		struct notice *n = &o->notices[i];
		if (!pay_code_place(tx, o->divisions[i], why) || !notice_find(tx, str_c(o->codes[i]), n, &r->arena, why))
			return false;
		o->asks[i] = pay_notice_asks(n, today);
		if (!o->asks[i] && n->id == 0)
			return FAILS(why, NOTICE_UNKNOWN, "no such code");
	}
	return true;
}

bool ordering_ask(struct request *r, struct ordering *o, struct question *q, struct fail *why)
{
	for (o->asked = 0; o->asked < o->count; o->asked++)
		if (o->asks[o->asked])
			return finance_ask(r, str_c(o->codes[o->asked]), FINANCE_OWN, q, why);
	return true;
}

bool ordering_answered(struct request *r, struct ordering *o, const struct http_answer *answer, struct fail *why)
{
	int i = o->asked;
	struct notice *n = &o->notices[i];
	int64_t id = n->id;
	o->asks[i] = false;
	o->is_told[i] = true;
	if (!finance_answered(r, str_c(o->codes[i]), FINANCE_OWN, answer, n, why))
		return false;
	n->id = id;
	return notice_payable(n, day_of(r->now_ms), why);
}

bool ordering_make(struct tx *tx, struct request *r, struct ordering *o, struct order *out, struct fail *why)
{
	uint8_t random[32];
	struct notice notices[ORDER_NOTICES_MAX]; /* apply may be run again, with what the stages before it left */
	request_bytes(r, "order", random);
	memcpy(notices, o->notices, sizeof(notices[0]) * (size_t)o->count);
	struct order_new n = { .key = id_make(r->now_ms, random), .notices = notices, .count = o->count, .now_ms = r->now_ms,
		.hold_ms = services_config()->order_hold_minutes * MS_PER_MINUTE, .open_max = services_config()->orders_open, .salt = random + 16 };
	if (r->who.kind == WHO_STAFF)
		n.staff = r->who.id;
	else
		n.person = principal_whose(&r->who);
	memcpy(n.is_told, o->is_told, sizeof(n.is_told));
	return order_make(tx, &n, out, why);
}

bool ordering_is_of_this_counter(const struct request *r, const struct ordering *o, struct fail *why)
{
	int64_t place = r->who.region > 999999 ? r->who.region / 1000 : r->who.region; /* a township's counter is its county's */
	for (int i = 0; i < o->count && !services_config()->payments_any_counter; i++)
		if (!region_is_within(place, o->notices[i].division)) {
			FAILS(why, NOTICE_ELSEWHERE, "division %lld at a counter of %lld", (long long)o->notices[i].division, (long long)place);
			fail_fact_number(why, "division", o->notices[i].division);
			return false;
		}
	return true;
}

void order_id_text(const struct order *o, char out[ID_TEXT_BYTES])
{
	id_text(o->key, "or", out);
}
