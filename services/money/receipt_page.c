/* services/money/receipt_page.c - GET /receipts/verify: the page on which anybody checks an e-receipt, filled in as far as the link says; POST /receipts/verify: what was found (services/money/receipt_check.h).
 *
 * What is not on the paper is not asked for, a form that is not whole is no question, and parameters of others are ignored: whoever hands a link on, WeChat above all, adds his own. The check
 * code is never in a link, nor shown again. */
#include "base/day.h"
#include "base/form.h"
#include "channels/nontax_answer.h"
#include "payments/fen.h"
#include "payments/notices/notice.h"
#include "services/handlers.h"
#include "services/money/receipt_check.h"
#include "services/web_page.h"

enum { AMOUNT_MAX = 16, LINK_FIRST_BYTES = 96 };

struct page {
	bool is_large, is_asked;        /* is_asked: the form came, and was whole */
	struct str code, number, check_code, amount; /* as they came, without blanks around */
	struct receipt_question question;
	struct receipt_found found;
};

/* ---- what came ---- */

static bool has_value(struct request *r, const char *name, struct str wanted, bool *has, struct fail *why)
{
	struct str text;
	if (!request_query(r, name, &text, why))
		return false;
	*has = text.at != NULL && str_eq(text, wanted);
	return true;
}

/* Chinese or English by the link, where it says so, and otherwise as the browser wishes. */
static bool looks_parse(struct request *r, struct page *p, struct fail *why)
{
	bool is_english, is_chinese;
	if (!has_value(r, "size", STR("large"), &p->is_large, why) || !has_value(r, "lang", STR("en"), &is_english, why) || !has_value(r, "lang", STR("zh"), &is_chinese, why))
		return false;
	r->lang = is_english ? LANG_EN : is_chinese ? LANG_ZH : r->lang;
	return true;
}

static struct str short_or_none(struct str s)
{
	struct str text = str_trim(s);
	return text.len <= NONTAX_RECEIPT_MAX && str_is_visible_ascii(text) ? text : STR_NONE;
}

static bool show_parse(struct request *r, struct fail *why)
{
	struct page *p = request_state(r, sizeof(*p), why);
	if (p == NULL || !looks_parse(r, p, why) || !request_query(r, "code", &p->code, why) || !request_query(r, "number", &p->number, why))
		return false;
	p->code = short_or_none(p->code);
	p->number = short_or_none(p->number);
	return true;
}

static bool ask_parse(struct request *r, struct fail *why)
{
	static const struct form_field fields[] = {
		{ "code", false, 2 * NONTAX_RECEIPT_MAX, offsetof(struct page, code) }, { "number", false, 2 * NONTAX_RECEIPT_MAX, offsetof(struct page, number) },
		{ "check_code", false, 2 * NONTAX_RECEIPT_MAX, offsetof(struct page, check_code) }, { "amount", false, 2 * AMOUNT_MAX, offsetof(struct page, amount) },
	};
	int64_t fen = 0;
	struct page *p = request_state(r, sizeof(*p), why);
	if (p == NULL || !looks_parse(r, p, why) || !form_take(r->body, fields, sizeof(fields) / sizeof(fields[0]), p, &r->arena, why))
		return false;
	p->amount = str_trim(p->amount);
	p->question = (struct receipt_question){ p->code = short_or_none(p->code), p->number = short_or_none(p->number), short_or_none(p->check_code), 0 };
	p->is_asked = p->code.at != NULL && p->number.at != NULL && p->question.check_code.at != NULL && fen_from_yuan(p->amount, &fen) && fen > 0 && fen <= NOTICE_FEN_MAX;
	p->question.amount_fen = fen;
	if (p->is_asked)
		r->rate_key = receipt_rate_key(p->code, p->number);
	return true;
}

static bool ask_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *p = r->state;
	return !p->is_asked || receipt_check(tx, &p->question, &p->found, &r->arena, why);
}

/* ---- what is shown ---- */

static void parameter(struct buf *b, char mark, const char *name, struct str text)
{
	buf_char(b, mark);
	buf_str(b, str_c(name));
	buf_char(b, '=');
	buf_percent(b, text);
}

static struct str link_to(const struct page *p, enum lang lang, bool is_large, bool with_numbers, struct arena *a)
{
	struct buf b;
	buf_init(&b, a, LINK_FIRST_BYTES);
	buf_str(&b, STR("/receipts/verify"));
	parameter(&b, '?', "lang", lang == LANG_EN ? STR("en") : STR("zh"));
	if (is_large)
		parameter(&b, '&', "size", STR("large"));
	if (with_numbers && p->code.at != NULL)
		parameter(&b, '&', "code", p->code);
	if (with_numbers && p->number.at != NULL)
		parameter(&b, '&', "number", p->number);
	return buf_text(&b);
}

static struct str only(bool yes)
{
	return yes ? STR("yes") : STR_NONE;
}

static struct str day_or_none(int64_t ms, char text[DAY_TEXT_BYTES])
{
	if (ms == 0)
		return STR_NONE;
	day_text(day_of(ms), text);
	return str_c(text);
}

static bool page_render(struct request *r, const struct page *p, bool is_answer, struct fail *why)
{
	char issued[DAY_TEXT_BYTES], reversed[DAY_TEXT_BYTES];
	const struct receipt_found *f = &p->found;
	bool is_good = f->result == RECEIPT_GOOD, is_called_back = f->result == RECEIPT_CALLED_BACK;
	enum lang other = r->lang == LANG_EN ? LANG_ZH : LANG_EN;
	const struct web_value values[] = {
		{ "large", only(p->is_large) }, { "small", only(!p->is_large) },
		{ "size_link", link_to(p, r->lang, !p->is_large, true, &r->arena) }, { "lang_link", link_to(p, other, p->is_large, true, &r->arena) },
		{ "action", link_to(p, r->lang, p->is_large, false, &r->arena) },
		{ "valid", only(is_good) }, { "reversed", only(is_called_back) }, { "no", only(p->is_asked && !is_good && !is_called_back) }, { "missing", only(is_answer && !p->is_asked) },
		{ "found", only(is_good || is_called_back) }, { "unit_name", f->unit_name }, { "payer", f->payer },
		{ "issued_on", day_or_none(f->issued_ms, issued) }, { "reversed_on", day_or_none(f->reversed_ms, reversed) },
		{ "code", p->code }, { "number", p->number }, { "amount", p->amount },
	};
	return web_page(r, 200, "receipt", values, sizeof(values) / sizeof(values[0]), why);
}

static bool show_render(struct request *r, struct fail *why)
{
	return page_render(r, r->state, false, why);
}

static bool ask_render(struct request *r, struct fail *why)
{
	return page_render(r, r->state, true, why);
}

const struct handler receipt_page = { .parse = show_parse, .render = show_render, .is_page = true };
const struct handler receipt_page_ask = { .parse = ask_parse, .look = ask_look, .render = ask_render, .is_page = true };
