/* channels/nontax_frame.c - why this exists: whoever reads what comes until it looks whole is at the mercy of whoever sends it; here the first eight bytes say how much it is. */
#include "channels/nontax_frame.h"

#include "base/clock.h"
#include "base/hash.h"

#include <stdio.h>

enum { LENGTH_BYTES = 8, MAGIC_AT = 8, MESSAGE_AT = 19, XML_FIRST_BYTES = 1024, ANSWER_ARENA_MAX = 8 << 20 };
static const struct str magic = { "CNNONTAX1.0", 11 };

/* ---- a frame ---- */

static int64_t announced(struct str eight)
{
	int64_t n = 0;
	size_t i = 0;
	for (; i < eight.len && eight.at[i] >= '0' && eight.at[i] <= '9'; i++)
		n = n * 10 + (eight.at[i] - '0');
	bool is_well = i > 0 && eight.at[0] != '0';
	for (; i < eight.len; i++)
		is_well = is_well && eight.at[i] == ' ';
	if (!is_well)
		return -1;
	return eight.len < LENGTH_BYTES ? 0 : n >= NONTAX_FRAME_MIN && n <= NONTAX_FRAME_MAX ? n : -1;
}

int64_t nontax_frame_length(struct str so_far)
{
	if (so_far.len == 0)
		return 0;
	int64_t n = announced((struct str){ so_far.at, so_far.len < LENGTH_BYTES ? so_far.len : LENGTH_BYTES });
	if (n <= 0)
		return n;
	size_t seen = so_far.len - MAGIC_AT < magic.len ? so_far.len - MAGIC_AT : magic.len;
	return seen == 0 || memcmp(so_far.at + MAGIC_AT, magic.at, seen) == 0 ? n : -1;
}

static void digest_of(struct secret token, struct str xml, char out[NONTAX_FRAME_DIGEST + 1])
{
	uint8_t digest[SHA256_BYTES];
	struct sha256_run *run = sha256_begin();
	sha256_more(run, token.secret);
	sha256_more(run, xml);
	sha256_end(run, digest);
	hex_text(digest, sizeof(digest), out);
}

bool nontax_frame_close(struct str message, struct str xml, struct secret token, struct arena *a, struct str *frame)
{
	char head[LENGTH_BYTES + 1], digest[NONTAX_FRAME_DIGEST + 1];
	struct buf b;
	size_t len = xml.len + NONTAX_FRAME_MIN;
	if (message.len != NONTAX_MESSAGE_DIGITS || len > NONTAX_FRAME_MAX)
		return false;
	buf_init(&b, a, len);
	snprintf(head, sizeof(head), "%-8u", (unsigned)len % 100000000u);
	digest_of(token, xml, digest);
	buf_add(&b, head, LENGTH_BYTES);
	buf_str(&b, magic);
	buf_str(&b, message);
	buf_str(&b, xml);
	buf_add(&b, digest, NONTAX_FRAME_DIGEST);
	*frame = buf_text(&b);
	return buf_ok(&b);
}

bool nontax_frame_open(struct str frame, struct secret token, struct str *message, struct str *xml)
{
	char digest[NONTAX_FRAME_DIGEST + 1], said[NONTAX_FRAME_DIGEST];
	if (nontax_frame_length(frame) != (int64_t)frame.len || frame.len < NONTAX_FRAME_MIN)
		return false;
	*message = (struct str){ frame.at + MESSAGE_AT, NONTAX_MESSAGE_DIGITS };
	*xml = (struct str){ frame.at + NONTAX_FRAME_HEAD, frame.len - NONTAX_FRAME_MIN };
	for (int i = 0; i < NONTAX_MESSAGE_DIGITS; i++)
		if (message->at[i] < '0' || message->at[i] > '9')
			return false;
	if (token.secret.at == NULL)
		return true;
	digest_of(token, *xml, digest);
	for (int i = 0; i < NONTAX_FRAME_DIGEST; i++) {
		char c = frame.at[frame.len - NONTAX_FRAME_DIGEST + (size_t)i];
		said[i] = c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c;
	}
	return str_same_secret((struct str){ digest, NONTAX_FRAME_DIGEST }, (struct str){ said, NONTAX_FRAME_DIGEST });
}

/* ---- a message ---- */

static void element(struct buf *b, const char *name, struct str text)
{
	buf_char(b, '<');
	buf_str(b, str_c(name));
	buf_char(b, '>');
	nontax_xml_text(b, text);
	buf_str(b, STR("</"));
	buf_str(b, str_c(name));
	buf_char(b, '>');
}

/* Base64 of GBK, inside what is GBK itself. */
static bool voucher_write(const struct nontax_told *told, int count, struct arena *a, struct str *out, struct fail *why)
{
	struct buf b;
	struct str gbk;
	buf_init(&b, a, XML_FIRST_BYTES);
	buf_str(&b, STR("<Voucher>"));
	for (int i = 0; i < count; i++)
		if (told[i].text.at != NULL)
			element(&b, told[i].name, told[i].text);
	buf_str(&b, STR("</Voucher>"));
	if (!buf_ok(&b))
		return FAILS(why, MEMORY, "a voucher");
	if (!nontax_gbk(buf_text(&b), a, &gbk))
		return FAILS(why, FIELD, "a voucher has a character that GBK has not");
	char *text = arena_alloc(a, 4 * ((gbk.len + 2) / 3) + 1);
	if (text == NULL)
		return FAILS(why, MEMORY, "a voucher");
	*out = (struct str){ text, base64_text((const uint8_t *)gbk.at, gbk.len, text) };
	return true;
}

static void head_write(struct buf *b, const struct nontax_head *h)
{
	char day[16];
	snprintf(day, sizeof(day), "%08d", time_yyyymmdd(h->now_ms));
	buf_str(b, STR("<HEAD>"));
	element(b, "APP", STR("CNNONTAX"));
	element(b, "VER", STR("1.0"));
	element(b, "SRC", h->from);
	element(b, "DES", h->to);
	element(b, "MsgNo", h->message);
	element(b, "MsgID", h->id);
	element(b, "MsgRef", h->ref.at != NULL ? h->ref : STR(""));
	element(b, "WorkDate", str_c(day));
	element(b, "Reserve", STR(""));
	buf_str(b, STR("</HEAD>"));
}

bool nontax_message_write(const struct nontax_head *h, const struct nontax_told *told, int count, struct secret token, struct arena *a, struct str *frame, struct fail *why)
{
	struct buf b;
	struct str voucher, gbk;
	if (!voucher_write(told, count, a, &voucher, why))
		return false;
	buf_init(&b, a, XML_FIRST_BYTES + voucher.len);
	buf_str(&b, STR("<?xml version=\"1.0\" encoding=\"GBK\"?><CFX>"));
	head_write(&b, h);
	buf_str(&b, STR("<MSG><MOF><VoucherCount>1</VoucherCount><VoucherBody AdmDivCode=\""));
	buf_int(&b, h->division);
	buf_str(&b, STR("\">"));
	element(&b, "Voucher", voucher);
	buf_str(&b, STR("</VoucherBody></MOF></MSG></CFX>"));
	if (!buf_ok(&b) || !nontax_gbk(buf_text(&b), a, &gbk) || !nontax_frame_close(h->message, gbk, token, a, frame))
		return FAILS(why, MEMORY, "a frame");
	return true;
}

/* Some encoders break their lines. */
static bool without_breaks(struct str s, struct arena *a, struct str *out)
{
	char *text = arena_alloc(a, s.len + 1);
	size_t len = 0;
	for (size_t i = 0; text != NULL && i < s.len; i++)
		if (s.at[i] != '\r' && s.at[i] != '\n')
			text[len++] = s.at[i];
	*out = (struct str){ text, len };
	return text != NULL;
}

static bool voucher_read(struct str said, struct nontax_fields *out, struct arena *a)
{
	struct str base64;
	if (!without_breaks(said, a, &base64))
		return false;
	uint8_t *bytes = arena_alloc(a, base64.len / 4 * 3 + 4);
	int64_t len = bytes == NULL ? -1 : base64_bytes(base64, bytes, base64.len / 4 * 3 + 3);
	return len > 0 && nontax_xml_read((struct str){ (const char *)bytes, (size_t)len }, out, a);
}

bool nontax_message_read(struct str frame, struct secret token, struct nontax_message *out, struct arena *a)
{
	struct nontax_fields outer;
	struct str xml;
	if (!nontax_frame_open(frame, token, &out->message, &xml) || !nontax_xml_read(xml, &outer, a))
		return false;
	struct str voucher = nontax_field(&outer, "Voucher"), number = nontax_field(&outer, "MsgNo");
	out->id = nontax_field(&outer, "MsgID");
	out->ref = nontax_field(&outer, "MsgRef");
	out->day = nontax_field(&outer, "WorkDate");
	if (out->ref.len == 0)
		out->ref = STR_NONE;
	bool is_named = out->id.len <= NONTAX_ID_MAX && str_is_visible_ascii(out->id) && (out->ref.at == NULL || (out->ref.len <= NONTAX_ID_MAX && str_is_visible_ascii(out->ref)));
	return is_named && str_eq(number, out->message) && voucher.len > 0 && voucher_read(voucher, &out->voucher, a);
}

/* ---- an answer ---- */

/* A text we have no use for, such as one in Chinese where a link is expected, is as none. false: longer than it may be. */
static bool put(struct str from, char *to, size_t size)
{
	if (from.len >= size)
		return false;
	if (from.len > 0 && str_is_visible_ascii(from))
		memcpy(to, from.at, from.len);
	else
		from.len = 0;
	to[from.len] = '\0';
	return true;
}

static bool answer_take(const struct nontax_fields *f, struct nontax_answer *out)
{
	struct str result = nontax_field(f, "Result"), information = nontax_field(f, "Information");
	*out = (struct nontax_answer){ .is_taken_only = false };
	if (!nontax_is_result(result) || !put(result, out->result, sizeof(out->result)) || !put(nontax_field(f, "BusinessNo"), out->finance_no, sizeof(out->finance_no)))
		return false;
	if (information.len <= NONTAX_LINK_MAX)
		(void)put(information, out->link, sizeof(out->link));
	return put(nontax_field(f, "EInvoiceCode"), out->code, sizeof(out->code)) && put(nontax_field(f, "EInvoiceNumber"), out->number, sizeof(out->number)) &&
	       put(nontax_field(f, "RandomNumber"), out->check_code, sizeof(out->check_code));
}

static inline void arena_dropper(struct arena *a) { arena_free(a); }

bool nontax_frame_answer(struct str frame, struct secret token, struct str key, struct str wanted, struct nontax_answer *out)
{
	DROP(arena) struct arena a;
	struct nontax_message m;
	arena_init(&a, ANSWER_ARENA_MAX);
	if (!nontax_message_read(frame, token, &m, &a) || (key.at != NULL && !str_eq(m.ref, key)) || (wanted.at != NULL && !str_eq(m.message, wanted)))
		return false;
	return answer_take(&m.voucher, out);
}
