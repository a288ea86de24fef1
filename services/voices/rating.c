/* services/voices/rating.c - a rating is a row that never changes, its words beside it, and a poor one a work order. */
#include "services/voices/rating.h"

#include "auth/vault.h"
#include "base/day.h"
#include "services/services.h"
#include "store/fact.h"

#define WORDS(text) { text, sizeof(text) - 1 }

enum tag_of { PRAISE, BLAME };
static const struct {
	int bit;
	struct str text;
	enum tag_of of;
} tags_known[] = {
#define TAG(bit, text, of, zh, en) { bit, WORDS(text), of },
#include "services/voices/rating_tags.def"
#undef TAG
};
enum { TAGS = sizeof(tags_known) / sizeof(tags_known[0]), MIDDLING = 3, RATING_COLUMNS_OF_FACT = 9 };

bool rating_is_due(enum case_state s)
{
	static const uint32_t due = 1u << CASE_NOT_ACCEPTED | 1u << CASE_DONE | 1u << CASE_RETURNED | 1u << CASE_ABORTED | 1u << CASE_DELIVERED;
	return (due >> s & 1) != 0;
}

struct str rating_level_text(int64_t level, enum lang lang)
{
	static const struct str names[][LANG_COUNT] = { [1] = { WORDS("非常不满意"), WORDS("Very dissatisfied") }, [2] = { WORDS("不满意"), WORDS("Dissatisfied") },
		[3] = { WORDS("基本满意"), WORDS("Fairly satisfied") }, [4] = { WORDS("满意"), WORDS("Satisfied") }, [5] = { WORDS("非常满意"), WORDS("Very satisfied") } };
	return names[level][lang];
}

struct str rating_channel_text(int64_t channel)
{
	static const struct str names[] = { [RATED_ONLINE] = WORDS("online"), [RATED_AT_TERMINAL] = WORDS("terminal"), [RATED_AT_COUNTER] = WORDS("counter") };
	return names[channel];
}

/* ---- tags ---- */

static bool tag_from(struct str name, int64_t level, int64_t *tags, struct fail *why)
{
	for (int i = 0; i < TAGS; i++) {
		if (!str_eq(tags_known[i].text, name))
			continue;
		bool fits = tags_known[i].of == PRAISE ? level >= MIDDLING : level <= MIDDLING;
		*tags |= (int64_t)1 << tags_known[i].bit;
		return fits || FAILS_FIELD(why, FIELD, "/tags", "%.*s with level %lld", STR_ARG(name), (long long)level);
	}
	return FAILS_FIELD(why, FIELD, "/tags", "no such tag");
}

bool rating_tags_from(struct str text, int64_t level, int64_t *tags, struct fail *why)
{
	*tags = 0;
	for (struct str name, rest = text; rest.len > 0;) {
		str_cut(rest, ',', &name, &rest);
		if (!tag_from(name, level, tags, why))
			return false;
	}
	return true;
}

void rating_tags_out(struct json_out *j, int64_t tags)
{
	json_put_name(j, "tags");
	json_put_array(j);
	for (int i = 0; i < TAGS; i++)
		if ((tags >> tags_known[i].bit & 1) != 0)
			json_put_text(j, tags_known[i].text);
	json_put_array_end(j);
}

/* ---- writing ---- */

static bool is_rated(struct tx *tx, int64_t case_id, bool *is_so, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM rating WHERE case_id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	*is_so = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

/* In the order of store/facts.def. */
static bool insert(struct tx *tx, const struct rated_case *c, const struct rating_said *s, int64_t now_ms, int64_t *id, struct fail *why)
{
	int64_t fact;
	struct fact_content content;
	if (!tx_next_id(tx, "rating", id, why) || !fact_next(tx, &fact, why))
		return false;
	const int64_t columns[RATING_COLUMNS_OF_FACT] = { fact, *id, c->id, s->level, s->tags, s->channel, day_of(now_ms), c->department, c->region };
	struct fact f = { FACT_RATING, *id, 0, c->department, c->region, now_ms };
	{
		DROP(stmt) struct stmt *q = tx_query(tx,
			"INSERT INTO rating (fact, id, case_id, level, tags, channel, day, department, region) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", why);
		if (q == NULL)
			return false;
		for (int i = 0; i < RATING_COLUMNS_OF_FACT; i++)
			stmt_bind_int(q, i + 1, columns[i]);
		if (!stmt_run(q, why))
			return false;
	}
	fact_content(&content, fact_row_of(FACT_RATING));
	for (int i = 0; i < RATING_COLUMNS_OF_FACT; i++)
		fact_int(&content, columns[i]);
	return fact_add(tx, fact, &f, &content, why);
}

static bool text_keep(struct tx *tx, struct request *r, int64_t id, struct str text, struct fail *why)
{
	uint8_t salt[32];
	struct buf sealed;
	if (text.len == 0)
		return true;
	request_bytes(r, "rating text", salt);
	buf_init(&sealed, &r->arena, text.len + VAULT_OVERHEAD_MAX);
	if (!vault_seal("rating_text.text", id, text, salt, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO rating_text (id, text) VALUES ($1, $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, sealed.at, sealed.len);
	return stmt_run(q, why);
}

static bool order_make(struct tx *tx, struct request *r, const struct rated_case *c, const struct rating_said *s, int64_t rating, struct voice *order, struct fail *why)
{
	struct voice_new n = { .kind = VOICE_RATING, .person = c->person, .case_id = c->id, .rating = rating, .department = c->department, .region = c->region, .text = s->text };
	struct voice_by by = { .r = r, .role = VOICE_BY_PERSON, .now_ms = r->now_ms, .random = r->random, .arena = &r->arena };
	return voice_make(tx, &n, &by, order, why);
}

bool rating_add(struct tx *tx, struct request *r, const struct rated_case *c, const struct rating_said *s, int64_t *id, struct voice *order, struct fail *why)
{
	bool is_so;
	*order = (struct voice){ .id = 0 };
	if (!rating_is_due(c->state))
		return FAILS(why, RATE_EARLY, "case %lld is in state %d", (long long)c->id, (int)c->state);
	if (!tx_lock_row(tx, "case.rating", c->id, why) || !is_rated(tx, c->id, &is_so, why))
		return false;
	if (is_so)
		return FAILS(why, RATED, "case %lld", (long long)c->id);
	return insert(tx, c, s, r->now_ms, id, why) && text_keep(tx, r, *id, s->text, why) && (s->level > RATING_POOR || order_make(tx, r, c, s, *id, order, why));
}

/* ---- reading ---- */

bool rating_row(struct stmt *q, struct arena *a, struct rating *out, struct fail *why)
{
	struct str sealed = stmt_is_null(q, 7) ? STR_NONE : stmt_blob(q, 7);
	struct buf text;
	*out = (struct rating){ .id = stmt_int(q, 0), .level = stmt_int(q, 1), .tags = stmt_int(q, 2), .channel = stmt_int(q, 3), .day = stmt_int(q, 4),
				.department = stmt_int(q, 5), .region = stmt_int(q, 6) };
	if (sealed.len == 0)
		return true;
	buf_init(&text, a, sealed.len);
	if (!vault_open("rating_text.text", out->id, sealed, &text, why))
		return false;
	out->text = buf_text(&text);
	return true;
}

bool rating_of_case(struct tx *tx, int64_t case_id, struct arena *a, struct rating *out, struct fail *why)
{
	*out = (struct rating){ .id = 0 };
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " RATING_COLUMNS " FROM rating g LEFT JOIN rating_text t ON t.id = g.id WHERE g.case_id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	return stmt_row(q, why) ? rating_row(q, a, out, why) : why->code == FAIL_NONE;
}

void rating_members(struct json_out *j, const struct rating *g, enum lang lang)
{
	char day[DAY_TEXT_BYTES];
	day_text((int32_t)g->day, day);
	json_add_number(j, "level", g->level);
	json_add_text(j, "level_text", rating_level_text(g->level, lang));
	rating_tags_out(j, g->tags);
	if (g->text.len > 0)
		json_add_text(j, "text", g->text);
	else
		json_add_nothing(j, "text");
	json_add_plain(j, "channel", rating_channel_text(g->channel));
	json_add_text(j, "on", str_c(day));
}
