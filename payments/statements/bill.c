/* payments/statements/bill.c - why nothing is guessed: a statement that is read a little wrong explains money that is not there. */
#include "payments/statements/bill.h"

#include "base/day.h"
#include "payments/statements/bill_gunzip.h"
#include "payments/statements/bill_inside.h"

#include <iconv.h>
#include <stdlib.h>
#include <string.h>

enum { LETTERS_MAX = 2 * BILL_LINE_MAX /* of GB18030 in UTF-8: three bytes for two */, FEE_SLACK_MILLI = 1000 /* the sum of fees is told rounded */ };

static const struct bill_format formats[] = {
#define BILL(name, number, text, zh, layout, letters, early, late, proves) \
	{ BILL_##name, { text, sizeof(text) - 1 }, { zh, sizeof(zh) - 1 }, BILL_##layout, BILL_##letters, early, late, proves },
#include "payments/statements/bill_formats.def"
#undef BILL
};
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

static const struct bill_format *format_of(int64_t source)
{
	for (int i = 0; i < FORMATS; i++)
		if ((int64_t)formats[i].source == source)
			return &formats[i];
	return NULL;
}

struct str bill_source_text(int64_t source)
{
	const struct bill_format *f = format_of(source);
	return f != NULL ? f->text : STR_NONE;
}

struct str bill_source_zh(int64_t source)
{
	const struct bill_format *f = format_of(source);
	return f != NULL ? f->zh : STR_NONE;
}

enum bill_source bill_source_from(struct str text)
{
	for (int i = 0; i < FORMATS; i++)
		if (str_eq(formats[i].text, text))
			return formats[i].source;
	return BILL_NONE;
}

bool bill_is_proved(enum bill_source source)
{
	return format_of(source)->proves;
}

struct str bill_business_text(int64_t business)
{
	static const char *const texts[BILL_BUSINESSES] = { "none", "trade", "fee", "refund", "fee_back", "withdrawn", "other" };
	return business >= 0 && business < BILL_BUSINESSES ? str_c(texts[business]) : STR_NONE;
}

/* Where in its file a statement is. */
enum bill_place { PLACE_HEAD, PLACE_BODY, PLACE_SUMS, PLACE_OVER };

struct bill {
	struct bill_want want;
	const struct bill_format *format;
	bill_take take;
	void *ctx;
	struct gunzip *gunzip;       /* NULL: it came as it is */
	struct sha256_run *sha1, *sha256;
	iconv_t gb;                  /* (iconv_t)-1: not opened */
	enum bill_layout layout;
	enum bill_place place;
	bool has_begun, has_text, is_gb, is_utf8;
	bool needs_reference;        /* it has a column for the channel's number: then each line has one */
	struct bill_map map, sums;
	struct bill_totals found, told;
	int64_t line;
	size_t held_len;
	char held[BILL_LINE_MAX], letters[LETTERS_MAX];
};

struct bill *bill_begin(const struct bill_want *want, bill_take take, void *ctx, struct fail *why)
{
	struct bill *b = calloc(1, sizeof *b);
	if (b == NULL) {
		FAILS(why, MEMORY, "a statement");
		return NULL;
	}
	b->want = *want;
	b->format = format_of(want->source);
	b->layout = b->format->layout;
	for (int i = 0; i < bill_column_count; i++)
		b->needs_reference |= bill_columns[i].source == want->source && bill_columns[i].need == BILL_NEEDED && bill_columns[i].at == offsetof(struct bill_line, reference);
	b->take = take;
	b->ctx = ctx;
	b->gb = (iconv_t)-1;
	b->sha1 = want->is_proved ? sha1_begin() : NULL;
	b->sha256 = !want->is_known ? sha256_begin() : NULL;
	return b;
}

void bill_drop(struct bill *b)
{
	if (b == NULL)
		return;
	gunzip_drop(b->gunzip);
	if (b->sha1 != NULL)
		sha1_end(b->sha1, NULL);
	if (b->sha256 != NULL)
		sha256_end(b->sha256, NULL);
	if (b->gb != (iconv_t)-1)
		iconv_close(b->gb);
	free(b);
}

static bool refuse(const struct bill *b, const char *column, const char *reason, struct fail *why)
{
	return bill_refuse(b->line, column, reason, why);
}

/* ---- what a line says ---- */

static bool add(struct bill *b, int64_t *sum, int64_t fen, struct fail *why)
{
	return !__builtin_add_overflow(*sum, fen, sum) || refuse(b, NULL, "too_much", why);
}

static bool sum_up(struct bill *b, const struct bill_line *l, struct fail *why)
{
	struct bill_totals *t = &b->found;
	t->payments += l->what == BILL_PAYMENT;
	t->refunds += l->what == BILL_REFUND;
	t->in_lines += l->what == BILL_IN;
	t->out_lines += l->what == BILL_OUT;
	if (l->what == BILL_IN || l->what == BILL_OUT)
		return add(b, l->what == BILL_IN ? &t->in_fen : &t->out_fen, l->fen, why);
	return add(b, &t->payment_fen, l->fen, why) && add(b, &t->settled_fen, l->settled_fen, why) && add(b, &t->refund_fen, l->refund_fen, why) &&
	       add(b, &t->refund_settled_fen, l->refund_settled_fen, why) && add(b, &t->refund_coupon_fen, l->refund_coupon_fen, why) && add(b, &t->fee_milli, l->fee_milli, why);
}

/* One merchant's, and one day's. */
static bool is_ours(struct bill *b, const struct bill_line *l, struct fail *why)
{
	int32_t on = day_of(l->at_ms);
	if (on < b->want.day - b->format->early || on > b->want.day + b->format->late)
		return refuse(b, NULL, "other_day", why);
	if (l->merchant.len == 0)
		return true;
	if (b->found.merchant[0] == '\0')
		memcpy(b->found.merchant, l->merchant.at, l->merchant.len);
	bool wanted = b->want.merchant.at == NULL || str_eq(b->want.merchant, l->merchant);
	return (wanted && str_eq(str_c(b->found.merchant), l->merchant)) || refuse(b, NULL, "other_merchant", why);
}

/* What has a sign instead of a word is a refund when it is below zero. */
static bool fill_in(struct bill *b, struct bill_line *l, struct fail *why)
{
	if (l->what == 0)
		l->what = l->fen < 0 ? BILL_REFUND : BILL_PAYMENT;
	if (l->state == 0)
		l->state = BILL_DONE;
	if (l->fen < 0) {
		l->refund_fen = -l->fen;
		l->fen = 0;
		l->refund_no = l->order_no;
		l->refund_reference = l->reference;
	}
	if (l->reference.len == 0 && (b->needs_reference || l->code.len == 0))
		return refuse(b, NULL, "no_number", why);
	return l->what != BILL_REFUND || l->refund_no.len > 0 || l->refund_reference.len > 0 || refuse(b, NULL, "no_refund_number", why);
}

static bool line_give(struct bill *b, struct bill_line *l, struct fail *why)
{
	b->found.lines++;
	return fill_in(b, l, why) && is_ours(b, l, why) && sum_up(b, l, why) && b->take(b->ctx, l, why);
}

/* ---- layouts ---- */

static bool line_from(struct bill *b, const struct bill_cells *cells, struct fail *why)
{
	struct bill_line l = { .line = b->line };
	return bill_cells_take(&b->map, cells, b->want.day, &l, why) && line_give(b, &l, why);
}

static bool header(struct bill *b, const struct bill_cells *cells, struct fail *why)
{
	b->place = PLACE_BODY;
	return bill_map_make(b->format, bill_columns, bill_column_count, b->want.names, cells, b->line, &b->map, why);
}

static bool told_take(struct bill *b, const struct bill_cells *cells, struct fail *why)
{
	b->place = PLACE_OVER;
	if (cells->count != b->sums.count)
		return refuse(b, NULL, "cells_missing", why);
	for (int i = 0; i < b->sums.count; i++) {
		const struct bill_column *c = b->sums.at[i];
		if (c == NULL)
			continue;
		if (!bill_cell_take(c, cells->at[i], b->want.day, b->line, &b->told, why))
			return false;
		int64_t told = *(const int64_t *)((const char *)&b->told + c->at), found = *(const int64_t *)((const char *)&b->found + c->at);
		int64_t slack = c->kind == BILL_KIND_FEE ? FEE_SLACK_MILLI : 0;
		if (told - found > slack || found - told > slack)
			return refuse(b, c->header.at, "sum_differs", why);
	}
	return true;
}

static bool ticked(struct bill *b, char *text, size_t len, struct fail *why)
{
	struct bill_cells cells;
	bool has_tick = text[0] == '`';
	if (!bill_split(BILL_TICKED, text, len, b->line, &cells, why))
		return false;
	switch (b->place) {
	case PLACE_HEAD:
		return has_tick ? refuse(b, NULL, "no_header", why) : header(b, &cells, why);
	case PLACE_BODY:
		if (has_tick)
			return line_from(b, &cells, why);
		b->place = PLACE_SUMS;
		return bill_map_make(b->format, bill_sums, bill_sum_count, STR_NONE, &cells, b->line, &b->sums, why);
	case PLACE_SUMS:
		return has_tick ? told_take(b, &cells, why) : refuse(b, NULL, "no_sums", why);
	case PLACE_OVER:
		break;
	}
	return refuse(b, NULL, "behind_the_end", why);
}

/* "#YYYYMMDD|amount|count" */
static bool pipes_head(struct bill *b, const struct bill_cells *cells, struct fail *why)
{
	static const struct bill_column on = { BILL_UNIONPAY, { "day", 3 }, BILL_KIND_TIME, offsetof(struct bill_line, at_ms), BILL_NEEDED };
	static const struct bill_column sum = { BILL_UNIONPAY, { "amount", 6 }, BILL_KIND_FEN12, offsetof(struct bill_line, fen), BILL_NEEDED };
	struct bill_line l = { .line = b->line };
	struct str day = cells->at[0];
	b->place = PLACE_BODY;
	if (cells->count != 3 || !str_starts(day, STR("#")))
		return refuse(b, NULL, "no_header", why);
	if (!bill_cell_take(&on, (struct str){ day.at + 1, day.len - 1 }, b->want.day, b->line, &l, why) || !bill_cell_take(&sum, cells->at[1], b->want.day, b->line, &l, why))
		return false;
	if (day_of(l.at_ms) != b->want.day)
		return refuse(b, NULL, "other_day", why);
	b->told.payment_fen = l.fen;
	return str_to_i64(cells->at[2], 0, INT64_C(1) << 40, &b->told.lines) || refuse(b, "count", "not_a_number", why);
}

/* What stands where is not said in the file: offline rows have the time of MMDDhhmmss fourth, those from online the whole of it fifth. */
static void pipes_map(struct bill *b, const struct bill_cells *first)
{
	static const char *const offline[] = { "商户号", "", "", "交易时间", "", "终端号", "检索参考号", "金额" };
	static const char *const online[] = { "商户号", "", "检索参考号", "", "交易时间", "金额", "", "" };
	const char *const *names = first->count == 8 && first->at[4].len == 19 ? online : offline;
	b->map.count = 8;
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < bill_column_count; j++)
			if (bill_columns[j].source == BILL_UNIONPAY && str_eq(bill_columns[j].header, str_c(names[i])))
				b->map.at[i] = &bill_columns[j];
}

static bool piped(struct bill *b, char *text, size_t len, struct fail *why)
{
	struct bill_cells cells;
	if (!bill_split(BILL_PIPES, text, len, b->line, &cells, why))
		return false;
	if (b->place == PLACE_HEAD)
		return pipes_head(b, &cells, why);
	if (b->map.count == 0)
		pipes_map(b, &cells);
	return line_from(b, &cells, why);
}

/* "合计": the last row of a table for people. It has the amounts' sum where each of them has its own, what went back taken off. */
static bool table_sum(struct bill *b, const struct bill_cells *cells, struct fail *why)
{
	bool has_sum = false;
	b->place = PLACE_OVER;
	if (cells->count != b->map.count)
		return refuse(b, NULL, "cells_missing", why);
	for (int i = 0; i < b->map.count; i++) {
		struct bill_line l = { .line = b->line };
		const struct bill_column *c = b->map.at[i];
		if (c == NULL || c->at != offsetof(struct bill_line, fen))
			continue;
		if (!bill_cell_take(c, cells->at[i], b->want.day, b->line, &l, why))
			return false;
		has_sum = true;
		if (l.fen != b->found.payment_fen - b->found.refund_fen)
			return refuse(b, c->header.at, "sum_differs", why);
	}
	return has_sum || refuse(b, NULL, "no_sums", why);
}

static bool table(struct bill *b, char *text, size_t len, struct fail *why)
{
	struct bill_cells cells;
	if (!bill_split(BILL_TABLE, text, len, b->line, &cells, why))
		return false;
	if (b->place == PLACE_HEAD)
		return header(b, &cells, why);
	if (b->place == PLACE_OVER)
		return refuse(b, NULL, "behind_the_end", why);
	return str_eq(cells.at[0], STR("合计")) ? table_sum(b, &cells, why) : line_from(b, &cells, why);
}

static bool record(struct bill *b, char *text, size_t len, struct fail *why)
{
	struct bill_line l = { .line = b->line };
	DROP(json) json_t *object = NULL;
	b->place = PLACE_BODY;
	return bill_record_take(b->format, (struct str){ text, len }, b->want.day, &l, &object, why) && line_give(b, &l, why);
}

/* ---- letters ---- */

static bool from_gb(struct bill *b, char **text, size_t *len, struct fail *why)
{
	char *in = *text, *out = b->letters;
	size_t in_left = *len, out_left = sizeof b->letters;
	if (b->gb == (iconv_t)-1 && (b->gb = iconv_open("UTF-8", "GB18030")) == (iconv_t)-1)
		return refuse(b, NULL, "no_gb18030_here", why);
	iconv(b->gb, NULL, NULL, NULL, NULL);
	if (iconv(b->gb, &in, &in_left, &out, &out_left) == (size_t)-1 || in_left > 0)
		return refuse(b, NULL, "not_gb18030", why);
	*text = b->letters;
	*len = sizeof b->letters - out_left;
	return true;
}

static bool letters(struct bill *b, char **text, size_t *len, struct fail *why)
{
	unsigned high = 0, control = 0;
	for (size_t i = 0; i < *len; i++) { /* without a branch: most of the time goes here */
		unsigned char c = (unsigned char)(*text)[i];
		high |= c;
		control |= (unsigned)(c < ' ') & (unsigned)(c != '\t');
	}
	if (control != 0)
		return refuse(b, NULL, memchr(*text, '\0', *len) != NULL ? "nul" : "control_character", why);
	bool is_ascii = high < 0x80;
	if (is_ascii || b->is_gb)
		return is_ascii || from_gb(b, text, len, why);
	if (str_is_utf8((struct str){ *text, *len })) {
		b->is_utf8 = true;
		return true;
	}
	b->is_gb = b->format->letters == BILL_EITHER && !b->is_utf8;
	return b->is_gb ? from_gb(b, text, len, why) : refuse(b, NULL, "not_utf8", why);
}

static bool line(struct bill *b, char *text, size_t len, struct fail *why)
{
	b->line++;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (len == 0) /* at the end some have one more, elsewhere it is no row */
		return b->place == PLACE_OVER || b->place == PLACE_BODY || refuse(b, NULL, "empty_line", why);
	bool is_judged = b->want.is_known && b->format->letters == BILL_UTF8;
	if (!is_judged && !letters(b, &text, &len, why))
		return false;
	if (b->layout == BILL_RECORDS && b->place == PLACE_HEAD && text[0] != '{')
		b->layout = BILL_TABLE;
	switch (b->layout) {
	case BILL_TICKED: return ticked(b, text, len, why);
	case BILL_PIPES: return piped(b, text, len, why);
	case BILL_TABLE: return table(b, text, len, why);
	case BILL_RECORDS: break;
	}
	return record(b, text, len, why);
}

/* ---- bytes ---- */

static bool hold(struct bill *b, const char *at, size_t len, struct fail *why)
{
	if (b->held_len + len > sizeof b->held) {
		b->line++;
		return refuse(b, NULL, "line_too_long", why);
	}
	memcpy(b->held + b->held_len, at, len);
	b->held_len += len;
	return true;
}

/* The first bytes, when there are enough of them to see what they are. */
static bool begin_text(struct bill *b, struct fail *why)
{
	b->has_text = true;
	if (b->held_len >= 2 && (memcmp(b->held, "\xff\xfe", 2) == 0 || memcmp(b->held, "\xfe\xff", 2) == 0))
		return bill_refuse(1, NULL, "utf16", why);
	if (b->held_len >= 3 && memcmp(b->held, "\xef\xbb\xbf", 3) == 0) {
		b->held_len -= 3;
		memmove(b->held, b->held + 3, b->held_len);
	}
	return true;
}

static bool text_take(void *ctx, struct str piece, struct fail *why)
{
	struct bill *b = ctx;
	b->found.bytes += (int64_t)piece.len;
	if (b->found.bytes > BILL_BYTES_MAX)
		return bill_refuse(0, NULL, "too_large", why);
	if (b->sha256 != NULL)
		sha256_more(b->sha256, piece);
	if (b->sha1 != NULL)
		sha256_more(b->sha1, piece);
	while (piece.len > 0) {
		const char *end = memchr(piece.at, '\n', piece.len);
		size_t len = end != NULL ? (size_t)(end - piece.at) : piece.len;
		if (!hold(b, piece.at, len, why))
			return false;
		if (!b->has_text && (end != NULL || b->held_len >= 3) && !begin_text(b, why))
			return false;
		if (end != NULL && !line(b, b->held, b->held_len, why))
			return false;
		b->held_len = end != NULL ? 0 : b->held_len;
		len += end != NULL;
		piece = (struct str){ piece.at + len, piece.len - len };
	}
	return true;
}

static bool begin(struct bill *b, struct str piece, struct fail *why)
{
	b->has_begun = true;
	if ((unsigned char)piece.at[0] != 0x1f)
		return true;
	b->gunzip = gunzip_begin(text_take, b, why);
	return b->gunzip != NULL;
}

bool bill_feed(struct bill *b, struct str piece, struct fail *why)
{
	if (piece.len == 0)
		return true;
	if (!b->has_begun && !begin(b, piece, why))
		return false;
	return b->gunzip != NULL ? gunzip_feed(b->gunzip, piece, why) : text_take(b, piece, why);
}

/* ---- the end ---- */

static bool is_whole(struct bill *b, struct fail *why)
{
	if (b->gunzip != NULL && !gunzip_is_whole(b->gunzip))
		return bill_refuse(b->line, NULL, "cut_off", why);
	if (b->held_len > 0 && !line(b, b->held, b->held_len, why))
		return false;
	if (b->place == PLACE_HEAD)
		return bill_refuse(0, NULL, "empty_file", why);
	if (b->layout == BILL_TICKED && b->place != PLACE_OVER)
		return bill_refuse(b->line, NULL, "cut_off", why);
	if (b->layout != BILL_PIPES)
		return true;
	if (b->told.lines != b->found.lines)
		return bill_refuse(1, "count", "sum_differs", why);
	return b->told.payment_fen == b->found.payment_fen - b->found.refund_fen || bill_refuse(1, "amount", "sum_differs", why);
}

bool bill_end(struct bill *b, struct bill_totals *out, struct fail *why)
{
	bool ok = is_whole(b, why);
	if (ok) {
		if (b->sha1 != NULL)
			sha1_end(b->sha1, b->found.sha1);
		if (b->sha256 != NULL)
			sha256_end(b->sha256, b->found.sha256);
		b->sha1 = b->sha256 = NULL;
		*out = b->found;
	}
	bill_drop(b);
	return ok;
}
