/* channels/nontax_xml.c - why this exists: the bureau's systems are older than UTF-8, and XML by hand is how one learns about entities. expat's and iconv's room. */
#include "channels/nontax_xml.h"

#include <expat.h>
#include <iconv.h>

/* ---- letters ---- */

static bool convert(const char *to, const char *from, struct str in, size_t factor, struct arena *a, struct str *out)
{
	size_t left_in = in.len, left_out = in.len * factor + 4;
	char *text = arena_alloc(a, left_out), *at_out = text, *at_in = (char *)(uintptr_t)in.at; /* iconv's face is older than const */
	if (text == NULL)
		return false;
	iconv_t cd = iconv_open(to, from);
	if (cd == (iconv_t)-1)
		return false;
	bool ok = in.len == 0 || (iconv(cd, &at_in, &left_in, &at_out, &left_out) == 0 && left_in == 0);
	iconv_close(cd);
	*out = (struct str){ text, (size_t)(at_out - text) };
	return ok;
}

bool nontax_gbk(struct str utf8, struct arena *a, struct str *out)
{
	return convert("GBK", "UTF-8", utf8, 1, a, out);
}

bool nontax_utf8(struct str gbk, struct arena *a, struct str *out)
{
	return convert("UTF-8", "GBK", gbk, 3, a, out);
}

void nontax_xml_text(struct buf *to, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		switch (text.at[i]) {
		case '&': buf_str(to, STR("&amp;")); break;
		case '<': buf_str(to, STR("&lt;")); break;
		case '>': buf_str(to, STR("&gt;")); break;
		default:  buf_char(to, text.at[i]);
		}
}

/* ---- reading ---- */

struct reading {
	XML_Parser parser;
	struct nontax_fields *out;
	struct arena *arena;
	struct buf text;          /* of the element that was opened last */
	int depth;
	bool is_leaf, failed;
};

static void stop(struct reading *r)
{
	r->failed = true;
	XML_StopParser(r->parser, XML_FALSE);
}

static void on_doctype(void *ctx, const XML_Char *name, const XML_Char *system, const XML_Char *public, int has_internal)
{
	(void)name, (void)system, (void)public, (void)has_internal;
	stop(ctx);
}

static void on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = ctx;
	(void)name, (void)attributes;
	if (++r->depth > NONTAX_DEPTH_MAX)
		stop(r);
	r->is_leaf = true;
	buf_init(&r->text, r->arena, 64);
}

static void on_text(void *ctx, const XML_Char *text, int len)
{
	struct reading *r = ctx;
	if (r->is_leaf)
		buf_add(&r->text, text, (size_t)len);
}

static struct str trimmed(struct str s)
{
	while (s.len > 0 && strchr(" \t\r\n", s.at[0]) != NULL)
		s = (struct str){ s.at + 1, s.len - 1 };
	while (s.len > 0 && strchr(" \t\r\n", s.at[s.len - 1]) != NULL)
		s.len--;
	return s;
}

static void on_end(void *ctx, const XML_Char *name)
{
	struct reading *r = ctx;
	struct str own = str_c(name);
	r->depth--;
	if (!r->is_leaf)
		return;
	r->is_leaf = false;
	if (r->out->count == NONTAX_FIELDS_MAX || own.len > NONTAX_FIELD_NAME_MAX || nontax_field(r->out, name).at != NULL || !buf_ok(&r->text)) {
		stop(r);
		return;
	}
	struct str kept = str_copy(r->arena, own), text = trimmed(buf_text(&r->text));
	if (kept.at == NULL) {
		stop(r);
		return;
	}
	r->out->at[r->out->count].name = kept;
	r->out->at[r->out->count++].text = text.len > 0 ? text : STR("");
}

bool nontax_xml_read(struct str gbk, struct nontax_fields *out, struct arena *a)
{
	struct str utf8;
	struct reading r = { .out = out, .arena = a };
	out->count = 0;
	if (gbk.len > INT32_MAX / 4 || !nontax_utf8(gbk, a, &utf8) || (r.parser = XML_ParserCreate("UTF-8")) == NULL) /* whatever its first line says: it was converted */
		return false;
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	bool ok = XML_Parse(r.parser, utf8.at, (int)utf8.len, 1) == XML_STATUS_OK && !r.failed;
	XML_ParserFree(r.parser);
	return ok;
}

struct str nontax_field(const struct nontax_fields *f, const char *name)
{
	for (int i = 0; i < f->count; i++)
		if (str_eq(f->at[i].name, str_c(name)))
			return f->at[i].text;
	return STR_NONE;
}
