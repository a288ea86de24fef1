/* services/guides/guide_words.c - small tables, walked. */
#include "services/guides/guide_words.h"

#include <assert.h>

#define TEXT(literal) { literal, sizeof(literal) - 1 }

static const struct { enum guide_list list; struct guide_word word; } words[] = {
#define WORD(list, number, text, zh, en) { GUIDE_##list, { number, TEXT(text), TEXT(zh), TEXT(en) } },
#define TOPIC(...)
#include "services/guides/guide_words.def"
#undef WORD
#undef TOPIC
};

static const struct guide_topic topics[] = {
#define WORD(...)
#define TOPIC(bit, text, zh, en, side) { UINT64_C(1) << bit, TEXT(text), TEXT(zh), TEXT(en), TOPIC_##side },
#include "services/guides/guide_words.def"
#undef WORD
#undef TOPIC
};

const struct guide_word *guide_word_from(enum guide_list list, struct str text)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (words[i].list == list && str_eq(words[i].word.text, text))
			return &words[i].word;
	return NULL;
}

const struct guide_word *guide_word(enum guide_list list, int64_t number)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (words[i].list == list && words[i].word.number == number)
			return &words[i].word;
	assert(!"a word that is in no list");
	return NULL;
}

const struct guide_topic *guide_topics(size_t *count)
{
	*count = sizeof topics / sizeof topics[0];
	return topics;
}

const struct guide_topic *guide_topic_from(struct str text)
{
	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
		if (str_eq(topics[i].text, text))
			return &topics[i];
	return NULL;
}

static bool is_of(enum guide_list list, struct str s, struct fail *why)
{
	return guide_word_from(list, s) != NULL || FAILS(why, FIELD, "%.*s is not a word of this list", STR_ARG(s));
}

bool check_online(struct str s, struct fail *why) { return is_of(GUIDE_ONLINE, s, why); }
bool check_power(struct str s, struct fail *why) { return is_of(GUIDE_POWER, s, why); }
bool check_subject(struct str s, struct fail *why) { return is_of(GUIDE_SUBJECT, s, why); }
bool check_form(struct str s, struct fail *why) { return is_of(GUIDE_FORM, s, why); }
bool check_source(struct str s, struct fail *why) { return is_of(GUIDE_SOURCE, s, why); }
bool check_delivery(struct str s, struct fail *why) { return is_of(GUIDE_DELIVERY, s, why); }
bool check_window(struct str s, struct fail *why) { return is_of(GUIDE_WINDOW, s, why); }

bool check_topic(struct str s, struct fail *why)
{
	return guide_topic_from(s) != NULL || FAILS(why, FIELD, "%.*s is not a topic", STR_ARG(s));
}
