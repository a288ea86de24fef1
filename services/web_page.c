/* services/web_page.c - why this exists: whoever is shown a receipt has a browser and no app of ours; and what a page is put together from must not be able to say more than a text. */
#include "services/web_page.h"

#include "services/handlers.h"
#include <assert.h>
#include <stdio.h>

enum { PAGE_FIRST_BYTES = 8192, FILE_NAME_MAX = 48 };

static const struct { const char *name; struct str text; } files[] = {
#define EMBED(name, text) { name, { text, sizeof(text) - 1 } },
#include "web_files.inc"
#undef EMBED
};

struct str web_file(const char *name)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(files[i].name, name) == 0)
			return files[i].text;
	assert(false && "a page that is not there");
	return STR_NONE;
}

/* ---- filling ---- */

static void escaped(struct buf *to, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		switch (text.at[i]) {
		case '&':  buf_str(to, STR("&amp;")); break;
		case '<':  buf_str(to, STR("&lt;")); break;
		case '>':  buf_str(to, STR("&gt;")); break;
		case '"':  buf_str(to, STR("&quot;")); break;
		case '\'': buf_str(to, STR("&#39;")); break;
		default:   buf_char(to, text.at[i]);
		}
}

/* At the first `mark`. false: there is none, before = s. */
static bool cut(struct str s, struct str mark, struct str *before, struct str *after)
{
	const char *at = s.len == 0 ? NULL : memmem(s.at, s.len, mark.at, mark.len);
	*before = at == NULL ? s : (struct str){ s.at, (size_t)(at - s.at) };
	*after = at == NULL ? STR("") : (struct str){ at + mark.len, s.len - (size_t)(at - s.at) - mark.len };
	return at != NULL;
}

static struct str value_of(struct str name, const struct web_value *values, int count)
{
	for (int i = 0; i < count; i++)
		if (str_eq(name, str_c(values[i].name)))
			return values[i].text;
	assert(false && "a value that nobody gives");
	return STR_NONE;
}

static bool section_cut(struct str text, struct str name, struct str *inside, struct str *after)
{
	char mark[FILE_NAME_MAX + 8];
	int n = snprintf(mark, sizeof(mark), "{{/%.*s}}", STR_ARG(name));
	assert(n > 0 && n < (int)sizeof(mark));
	return cut(text, str_c(mark), inside, after);
}

void web_fill(struct buf *to, struct str template, const struct web_value *values, int count)
{
	struct str before, name, rest = template;
	while (cut(rest, STR("{{"), &before, &rest)) {
		bool is_closed = cut(rest, STR("}}"), &name, &rest);
		assert(is_closed && name.len > 0);
		buf_str(to, before);
		if (name.at[0] != '#') {
			escaped(to, value_of(name, values, count));
			continue;
		}
		struct str inside;
		name = (struct str){ name.at + 1, name.len - 1 };
		bool has_end = section_cut(rest, name, &inside, &rest);
		assert(has_end);
		if (value_of(name, values, count).at != NULL)
			web_fill(to, inside, values, count);
	}
	buf_str(to, before);
}

/* ---- answers ---- */

/* Nothing but our own stylesheet is loaded, nothing is run, no frame holds the page, and no other site learns whence its reader came. */
static bool write(struct request *r, const char *name, const struct web_value *values, int count)
{
	char file[FILE_NAME_MAX];
	snprintf(file, sizeof(file), "%s.%s.html", name, r->lang == LANG_EN ? "en" : "zh");
	r->reply.content_type = "text/html; charset=utf-8";
	buf_init(&r->reply.body, &r->arena, PAGE_FIRST_BYTES);
	web_fill(&r->reply.body, web_file(file), values, count);
	reply_header(r, "content-security-policy", STR("default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"));
	reply_header(r, "referrer-policy", STR("no-referrer"));
	return buf_ok(&r->reply.body);
}

bool web_page(struct request *r, int status, const char *name, const struct web_value *values, int count, struct fail *why)
{
	r->reply.status = status;
	return write(r, name, values, count) || FAILS(why, MEMORY, "a page");
}

bool web_problem(struct request *r, const struct fail_row *row, int64_t retry_after_s)
{
	char digits[21];
	const struct web_value values[] = { { "title", str_c(r->lang == LANG_EN ? row->title_en : row->title_zh) }, { "advice", str_c(r->lang == LANG_EN ? row->advice_en : row->advice_zh) },
		{ "seconds", retry_after_s > 0 ? (struct str){ digits, i64_text(retry_after_s, digits) } : STR_NONE }, { "request_id", str_c(r->id) } };
	return write(r, "problem", values, sizeof(values) / sizeof(values[0]));
}

/* ---- GET /web/style.css ---- */

static bool style_render(struct request *r, struct fail *why)
{
	struct str text = web_file("style.css");
	r->reply.status = 200;
	r->reply.content_type = "text/css; charset=utf-8";
	buf_init(&r->reply.body, &r->arena, text.len);
	buf_str(&r->reply.body, text);
	return buf_ok(&r->reply.body) || FAILS(why, MEMORY, "a stylesheet");
}

const struct handler web_style = { .render = style_render };
