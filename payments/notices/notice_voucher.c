/* payments/notices/notice_voucher.c - why this exists: what the bureau writes in yuan, bars and GBK becomes the same object that departments bring, so that one judge sees them all. */
#include "payments/notices/notice_voucher.h"

#include "payments/fen.h"

#include <stdio.h>

enum { OBJECT_FIRST_BYTES = 1024, ITEM_PARTS = 7, DAY_DIGITS = 8 };

struct item {
	struct str code, name;
	int64_t fen;
};

struct dues {
	int count;
	struct item items[NOTICE_ITEMS_MAX];
	int64_t late_fen, total_fen;
};

/* ---- amounts ---- */

static bool yuan(const struct nontax_fields *v, const char *name, int64_t *fen, struct fail *why)
{
	struct str text = nontax_field(v, name);
	return fen_from_yuan(text, fen) || FAILS_FIELD(why, FIELD, name, "not an amount in yuan");
}

static bool item_read(struct str text, struct item *out)
{
	struct str parts[ITEM_PARTS], rest = text;
	for (int i = 0; i < ITEM_PARTS - 1; i++)
		if (!str_cut(rest, '|', &parts[i], &rest))
			return false;
	*out = (struct item){ .code = str_trim(parts[0]), .name = str_trim(parts[1]) };
	return memchr(rest.at, '|', rest.len) == NULL && fen_from_yuan(str_trim(parts[2]), &out->fen);
}

static bool items_read(struct str text, struct dues *d, int64_t *sum, struct fail *why)
{
	struct str one, rest = text;
	for (*sum = 0; rest.len > 0; *sum += d->items[d->count++].fen)
		if (d->count == NOTICE_ITEMS_MAX || !str_cut(rest, '#', &one, &rest) || !item_read(one, &d->items[d->count]))
			return FAILS_FIELD(why, FIELD, "PayInfo", "not 1 to %d items of %d parts, each ended by #", NOTICE_ITEMS_MAX, ITEM_PARTS);
	return d->count > 0 || FAILS_FIELD(why, FIELD_MISSING, "PayInfo", "what is to be paid for");
}

static bool dues_read(const struct nontax_fields *v, struct dues *d, struct fail *why)
{
	int64_t sum, amount;
	*d = (struct dues){ .count = 0 };
	if (!items_read(nontax_field(v, "PayInfo"), d, &sum, why) || !yuan(v, "OriAmt", &amount, why) || !yuan(v, "DelayAmt", &d->late_fen, why) || !yuan(v, "Amt", &d->total_fen, why))
		return false;
	return sum == amount || FAILS_FIELD(why, FIELD, "OriAmt", "not what the items make together");
}

/* ---- the object that departments bring ---- */

static bool is_penalty(const struct dues *d, struct str prefixes)
{
	struct str one, rest = prefixes;
	for (bool more = prefixes.len > 0; more;) {
		more = str_cut(rest, ',', &one, &rest);
		one = str_trim(one);
		for (int i = 0; one.len > 0 && i < d->count; i++)
			if (str_starts(d->items[i].code, one))
				return true;
	}
	return false;
}

static void items_put(struct json_out *j, const struct dues *d)
{
	json_put_name(j, "items");
	json_put_array(j);
	for (int i = 0; i < d->count; i++) {
		json_put_object(j);
		json_add_text(j, "item", d->items[i].code);
		json_add_text(j, "name", d->items[i].name);
		json_add_number(j, "amount_fen", d->items[i].fen);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static void payer_put(struct json_out *j, struct str name, struct str uscc)
{
	json_put_name(j, "payer");
	json_put_object(j);
	json_add_text(j, "name", name);
	if (uscc.len > 0) {
		json_add_text(j, "id_type", STR("uscc"));
		json_add_text(j, "id_number", uscc);
	}
	json_put_object_end(j);
}

static void late_put(struct json_out *j, const struct dues *d, struct str day)
{
	char text[16];
	json_add_number(j, "late_fen", d->late_fen);
	if (d->late_fen == 0 || day.len != DAY_DIGITS)
		return; /* notice_take misses it where it must be */
	snprintf(text, sizeof(text), "%.4s-%.2s-%.2s", day.at, day.at + 4, day.at + 6);
	json_add_text(j, "late_on", str_c(text));
}

static struct str object_of(const struct nontax_fields *v, const struct dues *d, struct str day, const struct voucher_rules *rules, struct arena *a)
{
	struct buf b;
	struct str check_code = nontax_field(v, "CrcCode");
	buf_init(&b, a, OBJECT_FIRST_BYTES);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "payment_code", nontax_field(v, "PayCode"));
	if (check_code.len > 0)
		json_add_text(&j, "check_code", check_code);
	json_add_text(&j, "kind", notice_kind_text(is_penalty(d, rules->penalty_items) ? NOTICE_PENALTY : NOTICE_ORDINARY));
	json_add_text(&j, "division", nontax_field(v, "AdmDivCode"));
	json_add_text(&j, "unit", nontax_field(v, "ChgAgenCode"));
	json_add_text(&j, "unit_name", nontax_field(v, "ChgAgenName"));
	payer_put(&j, nontax_field(v, "PayerName"), nontax_field(v, "PayerCreditCode"));
	items_put(&j, d);
	late_put(&j, d, day);
	json_add_number(&j, "total_fen", d->total_fen);
	json_put_object_end(&j);
	return json_end(&j) ? buf_text(&b) : STR_NONE;
}

bool notice_from_voucher(const struct nontax_fields *v, struct str day, const struct voucher_rules *rules, struct notice *n, struct arena *a, struct fail *why)
{
	struct dues d;
	if (!dues_read(v, &d, why))
		return false;
	struct str text = object_of(v, &d, day, rules, a);
	if (text.at == NULL)
		return FAILS(why, MEMORY, "a voucher's notice");
	DROP(json) json_t *object = json_read(text, why);
	return object != NULL && notice_take(object, rules->profile, JSON_REFUSE_UNKNOWN, n, a, why);
}
