/* services/guides/search_rows.c - what a matter is searched by: its guide's words where it has one, its name where it has none. */
#include "services/guides/search_rows.h"

#include "services/guides/guide_rows.h"
#include "services/guides/guide_words.h"

static struct str topic_words(uint64_t topics, char *to, size_t size)
{
	size_t count, len = 0;
	const struct guide_topic *all = guide_topics(&count);
	for (size_t i = 0; i < count; i++)
		if ((topics & all[i].bit) != 0 && len + all[i].zh.len + 1 < size) {
			memcpy(to + len, all[i].zh.at, all[i].zh.len);
			len += all[i].zh.len;
			to[len++] = ' ';
		}
	return (struct str){ to, len };
}

bool search_page(struct tx *tx, struct search_making *m, int64_t *after, bool *more, struct fail *why)
{
	char topics[1024];
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT m.id, COALESCE(u.region, m.region), COALESCE(u.topics, 0), COALESCE(u.name, m.name), COALESCE(u.aliases, ''), d.name, COALESCE(u.words, '')"
		" FROM matter m" GUIDE_CURRENT_JOIN " JOIN department d ON d.id = COALESCE(u.department, m.department)"
		" WHERE " MATTER_IS_SHOWN " AND m.id > $1 ORDER BY m.id LIMIT $2", why);
	int rows = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *after);
	stmt_bind_int(q, 2, SEARCH_PAGE_ROWS);
	for (; stmt_row(q, why); rows++) {
		struct search_matter matter = { .id = stmt_int(q, 0), .region = stmt_int(q, 1), .topics = (uint64_t)stmt_int(q, 2), .name = stmt_text(q, 3),
			.aliases = stmt_text(q, 4), .department = stmt_text(q, 5), .text = stmt_text(q, 6) };
		matter.topic_words = topic_words(matter.topics, topics, sizeof topics);
		if (!search_add(m, &matter, why))
			return false;
		*after = matter.id;
	}
	*more = rows == SEARCH_PAGE_ROWS;
	return why->code == FAIL_NONE;
}
