/* services/cases/case_texts.c - the members of every state, in every language. */
#include "services/cases/case_texts.h"
#include "base/arena.h"
#include "base/json.h"
#include <assert.h>

enum { FIRST_BYTES = 256, ALL_BYTES_MAX = 64 << 10 };

static struct arena words; /* as long as the process lives */
static struct case_texts texts[CASE_STATE_COUNT][LANG_COUNT];

static void state_members(struct json_out *j, const struct case_state_row *row, enum lang lang)
{
	const struct case_status_row *status = case_status_row(row->status);
	json_add_plain(j, "status", status->name);
	json_add_plain(j, "status_text", status->text[lang]);
	json_add_plain(j, "state", row->name);
	json_add_plain(j, "state_text", row->text[lang]);
}

static void next_member(struct json_out *j, const struct case_state_row *row, enum lang lang)
{
	json_put_name(j, "next");
	json_put_object(j);
	json_add_plain(j, "action", case_next_name(row->next));
	json_add_plain(j, "text", row->advice[lang]);
	json_put_object_end(j);
}

static bool write(void (*members)(struct json_out *, const struct case_state_row *, enum lang), enum case_state s, enum lang lang, struct str *to,
	struct fail *why)
{
	struct buf b;
	buf_init(&b, &words, FIRST_BYTES);
	struct json_out j = json_begin(&b);
	members(&j, case_state_row(s), lang);
	if (!buf_ok(&b))
		return FAILS(why, MEMORY, "the texts of states");
	*to = buf_text(&b);
	return true;
}

bool case_texts_compose(struct fail *why)
{
	if (texts[CASE_SUBMITTED][0].next.at != NULL)
		return true;
	arena_init(&words, ALL_BYTES_MAX);
	for (int s = CASE_NONE + 1; s < CASE_STATE_COUNT; s++)
		for (int lang = 0; lang < LANG_COUNT; lang++) {
			struct case_texts *to = &texts[s][lang];
			if (!write(state_members, (enum case_state)s, (enum lang)lang, &to->state, why) ||
			    !write(next_member, (enum case_state)s, (enum lang)lang, &to->next, why))
				return false;
		}
	return true;
}

const struct case_texts *case_texts(enum case_state s, enum lang lang)
{
	assert((int)s > CASE_NONE && s < CASE_STATE_COUNT && texts[s][lang].next.at != NULL);
	return &texts[s][lang];
}
