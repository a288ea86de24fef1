/* services/guides/guide_words.h - the rows of guide_words.def.
 * Thread: any. */
#ifndef SERVICES_GUIDE_WORDS_H
#define SERVICES_GUIDE_WORDS_H
#include "base/fail.h"
#include "base/str.h"

enum guide_list { GUIDE_ONLINE, GUIDE_POWER, GUIDE_SUBJECT, GUIDE_FORM, GUIDE_SOURCE, GUIDE_DELIVERY, GUIDE_WINDOW, GUIDE_LISTS };
enum { ONLINE_NONE = 1, ONLINE_APPLY = 3 };
enum topic_side { TOPIC_PERSON = 1, TOPIC_ENTERPRISE = 2 };

struct guide_word {
	int number;
	struct str text, zh, en;
};
struct guide_topic {
	uint64_t bit;
	struct str text, zh, en;
	enum topic_side side;
};

const struct guide_word *guide_word_from(enum guide_list list, struct str text); /* NULL: not a word of it */
const struct guide_word *guide_word(enum guide_list list, int64_t number);       /* one that is in the database */
const struct guide_topic *guide_topic_from(struct str text);
const struct guide_topic *guide_topics(size_t *count);
/* As checks of a json_field. */
bool check_online(struct str s, struct fail *why);
bool check_power(struct str s, struct fail *why);
bool check_subject(struct str s, struct fail *why);
bool check_form(struct str s, struct fail *why);
bool check_source(struct str s, struct fail *why);
bool check_delivery(struct str s, struct fail *why);
bool check_window(struct str s, struct fail *why);
bool check_topic(struct str s, struct fail *why);
#endif
