/* notify/template.c - templates.def as data. */
#include "notify/message.h"
#include <assert.h>

#define WORDS(text) { text, sizeof(text) - 1 }

enum bell {
#define BELL(name, ...) BELL_##name,
#define TEMPLATE(...)
#include "notify/templates.def"
#undef BELL
#undef TEMPLATE
	BELLS
};

static const struct bell_row bells[BELLS] = {
#define BELL(name, status_, zh, en) [BELL_##name] = { .status = WORDS(status_), .text = { WORDS(zh), WORDS(en) } },
#define TEMPLATE(...)
#include "notify/templates.def"
#undef BELL
#undef TEMPLATE
};

static const struct template_row rows[TEMPLATE_COUNT] = {
#define BELL(...)
#define TEMPLATE(number_, name_, state_, title_zh, title_en, body_zh, body_en, bell_)                        \
	[number_] = { .name = WORDS(#name_), .state = state_, .title = { WORDS(title_zh), WORDS(title_en) }, \
		      .body = { WORDS(body_zh), WORDS(body_en) }, .bell = &bells[BELL_##bell_] },
#include "notify/templates.def"
#undef TEMPLATE
#undef BELL
};

const struct template_row *template_row(enum message_template t)
{
	assert(t > 0 && t < TEMPLATE_COUNT && rows[t].name.len > 0);
	return &rows[t];
}

enum message_template template_for(int case_state)
{
	for (int t = 1; t < TEMPLATE_COUNT; t++)
		if (rows[t].state == case_state)
			return (enum message_template)t;
	return 0;
}

static struct str word_of(struct str name, const struct template_words *w)
{
	if (str_eq(name, STR("case")) || str_eq(name, STR("when")))
		return w->which;
	if (str_eq(name, STR("bring")) || str_eq(name, STR("list")))
		return w->bring;
	if (str_eq(name, STR("due")))
		return w->due;
	assert(str_eq(name, STR("matter")) || str_eq(name, STR("holder")));
	return w->about;
}

void template_fill(struct buf *out, struct str text, const struct template_words *words)
{
	struct str before, after, name;
	while (str_cut(text, '{', &before, &after)) {
		buf_str(out, before);
		bool closed = str_cut(after, '}', &name, &text);
		assert(closed);
		buf_str(out, word_of(name, words));
	}
	buf_str(out, before);
}
