/* services/guides/search_ask.c - one question to the index: each word's coverage of each matter, then the few best in order.
 *
 * A word's pairs are weighed by rarity; a pair that stands nowhere is as rare as can be, so a word of which half is unknown is half found. Single characters
 * are the second chance, each as good as the other: three of four in a name say more than one pair of three. */
#include "services/guides/search.h"
#include "services/guides/search_index.h"
#include "services/guides/search_text.h"

#include <math.h>

enum { WORDS_MAX = 16 };

/* Of a word: what must be there for it to count as found. By pairs, or by characters, of which a name of another matter has some by chance. */
static const float pairs_enough = 0.5f, characters_enough = 0.66f, characters_count = 0.85f;
static const float last_chance = 0.5f;

struct word {
	const uint32_t *at;
	int length;
};

/* What one word makes of each matter; reused from word to word. */
struct scratch {
	float *pairs, *characters;   /* weight found */
	float *total;                /* of all words: coverage by length */
	uint8_t *words;              /* how many words were found */
};

static float rarity(const struct search_index *x, uint32_t count)
{
	return log2f(((float)x->matter_count + 1) / ((float)count + 0.5f));
}

static int words_of(const uint32_t *text, int count, struct word out[WORDS_MAX])
{
	int words = 0;
	for (int i = 0; i < count && words < WORDS_MAX; i++) {
		if (text[i] == 0)
			continue;
		int from = i;
		while (i < count && text[i] != 0)
			i++;
		out[words++] = (struct word){ text + from, i - from };
	}
	return words;
}

/* A place counts more than half by itself: a rare word in a description beats a common one in a name. */
static float of_place(uint32_t weight)
{
	return 0.6f + 0.4f * (float)weight / WEIGHT_NAME;
}

/* Adds each pair's rarity, or 1 for each character, to the matters it stands in; returns what a matter with all of them has. */
static float gather(const struct search_index *x, const struct word *w, int width, uint32_t least_weight, float *to)
{
	float all = 0;
	for (int i = 0; i + width <= w->length; i++) {
		uint32_t count;
		const struct posting *p = postings_of(x, gram_of(w->at[i], width == 2 ? w->at[i + 1] : 0), &count);
		float rare = width == 2 || w->length == 1 ? rarity(x, count) : 1;
		all += rare;
		for (uint32_t n = 0; n < count; n++)
			if (p[n].weight >= least_weight)
				to[p[n].matter] += rare * of_place(p[n].weight);
	}
	return all;
}

static void word_ask(const struct search_index *x, const struct word *w, float enough, struct scratch *s)
{
	memset(s->pairs, 0, x->matter_count * sizeof *s->pairs);
	memset(s->characters, 0, x->matter_count * sizeof *s->characters);
	float pairs = w->length > 1 ? gather(x, w, 2, WEIGHT_TEXT, s->pairs) : 0;
	float characters = gather(x, w, 1, w->length > 1 ? WEIGHT_ALIAS : WEIGHT_TEXT, s->characters);
	float needed = enough > 0 ? enough : w->length > 1 ? characters_enough : 0.1f;
	for (uint32_t i = 0; i < x->matter_count; i++) {
		float by_pairs = pairs > 0 ? s->pairs[i] / pairs : 0, by_characters = characters > 0 ? s->characters[i] / characters : 0;
		float found = by_pairs >= pairs_enough ? by_pairs : 0;
		if (by_characters >= needed && by_characters * characters_count > found)
			found = by_characters * characters_count;
		s->total[i] += found * (float)w->length;
		s->words[i] += found > 0;
	}
}

/* "621202100" lies in 621202, 621200 and 620000. */
static bool lies_around(int64_t region, int64_t asker)
{
	int64_t county = asker > 999999 ? asker / 1000 : asker;
	return region == asker || region == county || region == county / 100 * 100 || region == county / 10000 * 10000;
}

static bool is_wanted(const struct indexed *m, const struct search_question *q)
{
	return (q->region == 0 || lies_around(m->region, q->region)) && (q->topics == 0 || (m->topics & q->topics) != 0);
}

static bool name_holds(const struct search_index *x, const struct indexed *m, const struct word *w)
{
	const uint32_t *name = x->names + m->name_at;
	for (uint32_t i = 0; i + (uint32_t)w->length <= m->name_chars; i++)
		if (memcmp(name + i, w->at, (size_t)w->length * sizeof *name) == 0)
			return true;
	return false;
}

/* How far the name begins as the word does. */
static float beginning(const struct search_index *x, const struct indexed *m, const struct word *w)
{
	uint32_t same = 0;
	while (same < m->name_chars && (int)same < w->length && x->names[m->name_at + same] == w->at[same])
		same++;
	return (float)same / (float)w->length;
}

/* 0 to 1000: coverage first; names that hold the words as they are or begin so, the asker's own region and brevity decide among equals. */
static int32_t score_of(const struct search_index *x, const struct search_question *q, const struct word *words, int count, uint32_t n, float coverage)
{
	const struct indexed *m = &x->matters[n];
	int held = 0, length = 0;
	for (int i = 0; i < count; i++) {
		held += name_holds(x, m, &words[i]);
		length += words[i].length;
	}
	float brevity = m->name_chars > 0 && (uint32_t)length < m->name_chars ? (float)length / (float)m->name_chars : 1;
	float score = 550 * coverage + 50 * beginning(x, m, &words[0]) + 200 * (float)held / (float)count + 150 * brevity * (float)held / (float)count;
	return (int32_t)(score + (q->region == 0 || m->region == q->region ? 50 : 0));
}

static void hit_add(struct search_hit *out, int *count, int limit, struct search_hit hit)
{
	int at = *count;
	while (at > 0 && (out[at - 1].score < hit.score || (out[at - 1].score == hit.score && out[at - 1].id > hit.id)))
		at--;
	if (at >= limit)
		return;
	if (*count < limit)
		++*count;
	memmove(out + at + 1, out + at, (size_t)(*count - 1 - at) * sizeof *out);
	out[at] = hit;
}

/* Matters in which `least` words were found. */
static void choose(const struct search_index *x, const struct search_question *q, const struct word *words, int count, int least,
		   const struct scratch *s, struct search_hit *out, int *hits)
{
	int length = 0;
	for (int i = 0; i < count; i++)
		length += words[i].length;
	for (uint32_t i = 0; i < x->matter_count; i++)
		if (s->words[i] >= least && is_wanted(&x->matters[i], q))
			hit_add(out, hits, q->limit,
				(struct search_hit){ x->matters[i].id, score_of(x, q, words, count, i, s->total[i] / (float)length) });
}

static bool scratch_make(const struct search_index *x, struct arena *a, struct scratch *s, struct fail *why)
{
	size_t each = (x->matter_count + 1) * sizeof(float);
	*s = (struct scratch){ arena_alloc(a, each), arena_alloc(a, each), arena_alloc(a, each), arena_alloc(a, x->matter_count + 1) };
	return (s->pairs != NULL && s->characters != NULL && s->total != NULL && s->words != NULL) || FAILS(why, MEMORY, "no memory to search in");
}

bool search_ask(const struct search_index *x, const struct search_question *q, struct arena *a, struct search_hit out[SEARCH_HITS_MAX], int *count,
		struct fail *why)
{
	uint32_t text[SEARCH_QUERY_MAX];
	struct word words[WORDS_MAX];
	struct scratch s;
	int word_count = words_of(text, search_words(q->words, text, SEARCH_QUERY_MAX), words);
	*count = 0;
	if (word_count == 0 || x->matter_count == 0)
		return true;
	if (!scratch_make(x, a, &s, why))
		return false;
	for (float enough = 0; *count == 0 && enough <= last_chance; enough += last_chance) {
		memset(s.total, 0, x->matter_count * sizeof *s.total);
		memset(s.words, 0, x->matter_count);
		for (int i = 0; i < word_count; i++)
			word_ask(x, &words[i], enough, &s);
		/* all words, or as many as any matter has */
		for (int least = word_count; least > 0 && *count == 0; least--)
			choose(x, q, words, word_count, least, &s, out, count);
	}
	return true;
}
