/* channels/nontax_json.c - why this exists: the bureau's newer systems speak JSON, and say no more in it than their frames do. */
#include "channels/nontax_json.h"

#include "channels/signed_question.h"

enum { ANSWER_MAX = 16 << 10, BODY_FIRST_BYTES = 512, ANSWER_ARENA_MAX = 64 << 10 };

static void add_if_there(struct json_out *j, const char *name, struct str s)
{
	if (s.at != NULL)
		json_add_text(j, name, s);
}

static struct str body_of(const struct order *o, const struct nontax_deed *d, struct arena *a)
{
	struct buf b;
	buf_init(&b, a, BODY_FIRST_BYTES);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(o->key));
	json_add_text(&j, "payment_code", d->payment_code);
	json_add_text(&j, "trace_no", d->trace_no);
	json_add_text(&j, "amount", d->amount);
	json_add_time(&j, "paid_at", d->paid_ms);
	add_if_there(&j, "pay_mode", d->channel);
	add_if_there(&j, "reference", d->reference);
	add_if_there(&j, "receipt_code", d->receipt_code);
	add_if_there(&j, "receipt_number", d->receipt_number);
	json_put_object_end(&j);
	return json_end(&j) ? buf_text(&b) : STR_NONE;
}

bool nontax_json_build(enum nontax_deed_kind kind, const struct order *o, const struct nontax_deed *d, struct arena *a, struct http_call *out, struct fail *why)
{
	const struct signed_question q = { .base = str_c(o->config->finance_url), .path = nontax_deed_row(kind)->path, .id = str_copy(a, str_c(o->key)), .body = body_of(o, d, a), .key = o->secret,
		.key_name = "finance.key_file", .now_ms = o->now_ms, .answer_max = ANSWER_MAX };
	return signed_question_build(&q, a, out, why);
}

/* ---- what came back ---- */

struct said {
	struct str id, result, state, finance_no, code, number, check_code, link;
};

static bool put(struct str from, char *to, size_t size)
{
	if (from.len >= size || (from.len > 0 && !str_is_visible_ascii(from)))
		return false;
	memcpy(to, from.len > 0 ? from.at : "", from.len);
	to[from.len] = '\0';
	return true;
}

static bool take(struct str key, const struct said *s, struct nontax_answer *out)
{
	*out = (struct nontax_answer){ .is_taken_only = str_eq(s->state, STR("accepted")) };
	if ((key.at != NULL && !str_eq(s->id, key)) || (s->state.at != NULL && !out->is_taken_only && !str_eq(s->state, STR("booked"))))
		return false; /* an answer to another message, or a word nobody agreed upon */
	return nontax_is_result(s->result) && put(s->result, out->result, sizeof(out->result)) && put(s->finance_no, out->finance_no, sizeof(out->finance_no)) &&
	       put(s->code, out->code, sizeof(out->code)) && put(s->number, out->number, sizeof(out->number)) && put(s->check_code, out->check_code, sizeof(out->check_code)) &&
	       put(s->link, out->link, sizeof(out->link));
}

static inline void arena_dropper(struct arena *a) { arena_free(a); }

bool nontax_json_read(struct str key, struct str body, struct nontax_answer *out)
{
#define TEXT(name, needed) { #name, JSON_F_TEXT, needed, 0, 0, offsetof(struct said, name), NULL }
	static const struct json_field fields[] = { TEXT(id, true), TEXT(result, true), TEXT(state, false), TEXT(finance_no, false), TEXT(code, false), TEXT(number, false),
		TEXT(check_code, false), TEXT(link, false) };
#undef TEXT
	DROP(arena) struct arena a;
	struct said s = { .id = STR_NONE };
	struct fail why;
	fail_clear(&why);
	arena_init(&a, ANSWER_ARENA_MAX);
	DROP(json) json_t *j = json_read(body, &why);
	return j != NULL && json_take(j, fields, sizeof(fields) / sizeof(fields[0]), JSON_IGNORE_UNKNOWN, "", &s, &a, &why) && take(key, &s, out);
}
