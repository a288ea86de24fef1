/* payments/notices/notice_take.c - why this exists: departments, files and the finance system bring notices in one shape, and it is judged in one place. */
#include "payments/notices/notice.h"

#include "auth/person.h"
#include "base/day.h"

#include <stdio.h>

struct taken {
	struct str code, check_code, notice_no, kind, division, unit, unit_name, late_on, last_on, replaces;
	int64_t late_fen, total_fen;
	json_t *payer; /* borrowed */
	struct str name, id_type, id_number;
};

struct taken_item {
	struct str item, name;
	int64_t fen;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool check_plain(struct str s, struct fail *why)
{
	(void)why;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7f)
			return false;
	return str_trim(s).len == s.len;
}

static bool check_code(struct str s, struct fail *why)
{
	(void)why;
	return str_is_visible_ascii(s);
}

#define AT(member) offsetof(struct taken, member)
static const struct json_field fields[] = {
	{ "payment_code", JSON_F_TEXT, true, PAYMENT_CODE_DIGITS, 40, AT(code), NULL },
	{ "check_code", JSON_F_TEXT, false, 1, 4, AT(check_code), check_code },
	{ "notice_no", JSON_F_TEXT, false, 1, NOTICE_NO_MAX, AT(notice_no), check_code },
	{ "kind", JSON_F_TEXT, true, 1, 16, AT(kind), NULL },
	{ "division", JSON_F_TEXT, true, 6, 6, AT(division), NULL },
	{ "unit", JSON_F_TEXT, true, 1, NOTICE_UNIT_MAX, AT(unit), check_code },
	{ "unit_name", JSON_F_TEXT, true, 1, NOTICE_NAME_MAX, AT(unit_name), check_plain },
	{ "payer", JSON_F_OBJECT, true, 0, 0, AT(payer), NULL },
	{ "late_fen", JSON_F_INT, false, 0, NOTICE_FEN_MAX, AT(late_fen), NULL },
	{ "late_on", JSON_F_TEXT, false, 10, 10, AT(late_on), NULL },
	{ "total_fen", JSON_F_INT, true, 0, NOTICE_FEN_MAX, AT(total_fen), NULL },
	{ "last_on", JSON_F_TEXT, false, 10, 10, AT(last_on), NULL },
	{ "replaces", JSON_F_TEXT, false, PAYMENT_CODE_DIGITS, PAYMENT_CODE_DIGITS, AT(replaces), check_code },
};

static const struct json_field payer_fields[] = {
	{ "name", JSON_F_TEXT, true, 1, PERSON_NAME_MAX, AT(name), check_plain },
	{ "id_type", JSON_F_TEXT, false, 1, 16, AT(id_type), NULL },
	{ "id_number", JSON_F_TEXT, false, 1, 32, AT(id_number), NULL },
};

static const struct json_field item_fields[] = {
	{ "item", JSON_F_TEXT, true, 1, NOTICE_UNIT_MAX, offsetof(struct taken_item, item), check_code },
	{ "name", JSON_F_TEXT, true, 1, NOTICE_NAME_MAX, offsetof(struct taken_item, name), check_plain },
	{ "amount_fen", JSON_F_INT, true, 0, NOTICE_FEN_MAX, offsetof(struct taken_item, fen), NULL },
};

struct str notice_kind_text(enum notice_kind k)
{
	return k == NOTICE_PENALTY ? STR("penalty") : STR("ordinary");
}

static bool kind_take(struct str text, struct notice *n, struct fail *why)
{
	n->kind = str_eq(text, STR("ordinary")) ? NOTICE_ORDINARY : NOTICE_PENALTY;
	return str_eq(text, notice_kind_text(n->kind)) || FAILS_FIELD(why, FIELD, "/kind", "neither ordinary nor penalty");
}

static bool day_take(struct str text, const char *pointer, bool *has, int64_t *day, struct fail *why)
{
	int32_t d;
	*has = text.at != NULL;
	if (!*has)
		return true;
	if (!day_from_text(text, &d))
		return FAILS_FIELD(why, FIELD, pointer, "not a date");
	*day = d;
	return true;
}

/* Without a number anybody of that name may be meant: then it is nobody's whom we know. */
static bool payer_take(const struct taken *t, struct notice *n, struct fail *why)
{
	enum identity_wrong wrong;
	n->payer = t->name;
	if (t->id_number.at == NULL)
		return t->id_type.at == NULL || FAILS_FIELD(why, FIELD_MISSING, "/payer/id_number", "id_type says nothing without a number");
	if (t->id_type.at == NULL || str_eq(t->id_type, STR("resident")))
		wrong = identity_person(t->id_number, IDENTITY_LATEST_DAY, &n->payer_identity);
	else if (str_eq(t->id_type, STR("uscc")))
		wrong = identity_organisation(t->id_number, &n->payer_identity);
	else
		return FAILS_FIELD(why, FIELD, "/payer/id_type", "neither resident nor uscc");
	n->payer_kind = n->payer_identity.kind;
	if (wrong == IDENTITY_FINE)
		return true;
	FAILS_FIELD(why, FIELD, "/payer/id_number", "identity number: %s", identity_wrong_text(wrong).at);
	fail_fact_text(why, "reason", identity_wrong_text(wrong).at);
	return false;
}

static bool items_take(json_t *items, enum json_unknown unknown, struct notice *n, struct arena *a, struct fail *why)
{
	size_t i;
	json_t *row;
	if (items == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/items", "what is to be paid for");
	if (!json_is_array(items) || json_array_size(items) == 0 || json_array_size(items) > NOTICE_ITEMS_MAX)
		return FAILS_FIELD(why, FIELD, "/items", "not 1 to %d items", NOTICE_ITEMS_MAX);
	json_array_foreach(items, i, row) {
		struct taken_item t = { .fen = 0 };
		char at[24];
		snprintf(at, sizeof(at), "/items/%d", (int)i);
		if (!json_take(row, item_fields, COUNT(item_fields), unknown, at, &t, a, why))
			return false;
		n->items[n->count++] = (struct notice_item){ t.item, t.name, t.fen };
		n->amount_fen += t.fen;
	}
	return true;
}

/* Amt = OriAmt + DelayAmt, and late money has its day (government.md A4, A5). */
static bool sums_fit(const struct taken *t, struct notice *n, struct fail *why)
{
	n->late_fen = t->late_fen;
	n->total_fen = t->total_fen;
	if (n->late_fen > 0 && !n->has_late_on)
		return FAILS_FIELD(why, FIELD_MISSING, "/late_on", "late money is counted to a day");
	return n->total_fen == n->amount_fen + n->late_fen || FAILS_FIELD(why, FIELD, "/total_fen", "not the items and the late money together");
}

static bool division_take(struct str text, struct notice *n, struct fail *why)
{
	return (text.at[0] != '-' && str_to_i64(text, 100000, 999999, &n->division)) || FAILS_FIELD(why, FIELD, "/division", "not six digits");
}

static bool all_take(const struct taken *t, json_t *items, enum payment_code_profile profile, enum json_unknown unknown, struct notice *n, struct arena *a, struct fail *why)
{
	if (payment_code_read(profile, t->code, n->code, &n->code_division) != PAYMENT_CODE_FINE)
		return FAILS_FIELD(why, FIELD, "/payment_code", "not a payment code");
	n->check_code = t->check_code;
	n->notice_no = t->notice_no;
	n->unit = t->unit;
	n->unit_name = t->unit_name;
	n->replaces = t->replaces;
	return kind_take(t->kind, n, why) && division_take(t->division, n, why) && payer_take(t, n, why) && items_take(items, unknown, n, a, why) &&
	       day_take(t->late_on, "/late_on", &n->has_late_on, &n->late_on, why) && day_take(t->last_on, "/last_on", &n->has_last_on, &n->last_on, why) &&
	       sums_fit(t, n, why);
}

bool notice_take(json_t *object, enum payment_code_profile profile, enum json_unknown unknown, struct notice *n, struct arena *a, struct fail *why)
{
	struct taken t = { .late_fen = 0 };
	*n = (struct notice){ .state = NOTICE_UNPAID };
	DROP(json) json_t *items = json_incref(json_object_get(object, "items"));
	if (json_is_object(object))
		json_object_del(object, "items"); /* an array is no member the table of fields knows */
	return json_take(object, fields, COUNT(fields), unknown, "", &t, a, why) &&
	       json_take(t.payer, payer_fields, COUNT(payer_fields), unknown, "/payer", &t, a, why) && all_take(&t, items, profile, unknown, n, a, why);
}
