/* services/voices/rating.h - how somebody was served (好差评): once per case, five levels, and a poor one asks for an answer.
 *
 * Levels 1 and 2 are poor (差评): each opens a work order of the case's department (services/voices/voice.h) in the same transaction. What was rated is a fact and never goes, whatever
 * becomes of its work order. The department reads levels, tags and words; whose they are it reads nowhere but in a work order, which has to be called back about.
 * Thread: whoever holds the transaction; the write lane for rating_add.
 * Source: GB/T 39735-2020, GB/T 39734-2020, 国办发〔2019〕51号; design notes C6. */
#ifndef SERVICES_RATING_H
#define SERVICES_RATING_H
#include "base/json.h"
#include "base/request.h"
#include "services/cases/case_state.h"
#include "services/voices/voice.h"

enum { RATING_WORST = 1, RATING_POOR = 2, RATING_BEST = 5, RATING_TEXT_MAX = 500 /* characters */, RATING_TAGS_MAX = 200 /* bytes of their names */ };
enum rating_channel { RATED_ONLINE = 1, RATED_AT_TERMINAL = 2, RATED_AT_COUNTER = 3 };

/* Is a case that stands so to be rated? One that is over, but for what the applicant took back himself. */
bool rating_is_due(enum case_state s);
/* "slow,unfriendly" into bits. Fails: FIELD /tags, also when a tag does not fit the level. */
MUST_USE bool rating_tags_from(struct str text, int64_t level, int64_t *tags, struct fail *why);
void rating_tags_out(struct json_out *j, int64_t tags); /* the member "tags" */
struct str rating_level_text(int64_t level, enum lang lang);
struct str rating_channel_text(int64_t channel);

/* What somebody says of a case. */
struct rating_said {
	int64_t level, tags;
	enum rating_channel channel;
	struct str tags_text, text;
};
/* Of the body's open members level, tags and text: a json_field table for a struct that begins its rating_said `prefix` bytes in. */
#define RATING_FIELDS(prefix)                                                                                     \
	{ "level", JSON_F_INT, true, RATING_WORST, RATING_BEST, (prefix) + offsetof(struct rating_said, level), NULL }, \
	{ "tags", JSON_F_TEXT, false, 1, RATING_TAGS_MAX, (prefix) + offsetof(struct rating_said, tags_text), NULL },   \
	{ "text", JSON_F_TEXT, false, 1, RATING_TEXT_MAX, (prefix) + offsetof(struct rating_said, text), check_plain_text }

/* The case as a rating needs it. */
struct rated_case {
	int64_t id, person, department, region, matter;
	enum case_state state;
};
/* order->id 0: it is not poor. Fails: RATE_EARLY, RATED. */
MUST_USE bool rating_add(struct tx *tx, struct request *r, const struct rated_case *c, const struct rating_said *s, int64_t *id, struct voice *order, struct fail *why);

struct rating {
	int64_t id, level, tags, channel, day, department, region;
	struct str text; /* in the arena; empty: none */
};
/* out->id 0: the case has none. */
MUST_USE bool rating_of_case(struct tx *tx, int64_t case_id, struct arena *a, struct rating *out, struct fail *why);
/* Columns in the order rating_row reads them; joined with rating_text t. */
#define RATING_COLUMNS "g.id, g.level, g.tags, g.channel, g.day, g.department, g.region, t.text"
MUST_USE bool rating_row(struct stmt *q, struct arena *a, struct rating *out, struct fail *why);
void rating_members(struct json_out *j, const struct rating *g, enum lang lang); /* into the open object; nobody's name */
#endif
