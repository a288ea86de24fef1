/* gateway/beside/relay.c - a message is the sender and one word per piece of news: "5e0c… d0 e12 e13"; "e0": more is over than can be listed. */
#include "gateway/beside/relay.h"

#include "base/ids.h"
#include "gateway/expiring/forgetting.h"
#include "store/expiring.h"
#include <stdio.h>

enum { WHO_HEX = 16, WORD_MAX = 24, HEARD_MAX = EXPIRING_VALUE_MAX / 2 };

/* How a kind is said; 0: not at all. */
static const char letters[NEWS_KINDS] = { [NEWS_EFFECT_DUE] = 'd', [NEWS_EFFECT_ENDED] = 'e' };

/* ---- gathered ---- */

static void gather(struct relay *r, const struct news *news)
{
	if (news->kind == NEWS_EFFECT_DUE)
		r->due = true; /* whoever hears it reads the whole schedule */
	else if (letters[news->kind] != 0 && r->count == RELAY_NEWS)
		r->all = true;
	else if (letters[news->kind] != 0)
		r->at[r->count++] = *news;
}

void relay_news(void *gateway, const struct news *news, size_t count, bool all)
{
	struct gateway *g = gateway;
	struct relay *r = &g->relay;
	hub_news(&g->hub, news, count, all);
	struct loop *way = atomic_load(&r->way);
	if (way == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	bool was_empty = r->count == 0 && !r->due && !r->all;
	r->all = r->all || all;
	r->due = r->due || all;
	for (size_t i = 0; i < count && !all; i++)
		gather(r, &news[i]);
	bool ring = was_empty && (r->count > 0 || r->due || r->all);
	pthread_mutex_unlock(&r->lock);
	if (ring)
		loop_ring(way);
}

/* ---- told ---- */

struct message {
	char text[EXPIRING_VALUE_MAX];
	size_t len;
};

static void begin(struct message *m, const struct relay *r)
{
	m->len = (size_t)snprintf(m->text, sizeof(m->text), "%016llx", (unsigned long long)r->who);
}

static void send(struct message *m, struct loop *l)
{
	if (m->len > WHO_HEX)
		expiring_publish(l->expiring, CHANNEL_NEWS, (struct str){ m->text, m->len });
	begin(m, &l->gateway->relay);
}

static void say(struct message *m, struct loop *l, const struct news *news)
{
	if (sizeof(m->text) - m->len <= WORD_MAX)
		send(m, l);
	m->len += (size_t)snprintf(m->text + m->len, sizeof(m->text) - m->len, " %c%lld", letters[news->kind], (long long)news->key);
}

void relay_tell(struct loop *l)
{
	struct relay *r = &l->gateway->relay;
	static struct news taken[RELAY_NEWS]; /* one first loop per process */
	struct message m;
	if (l->index != 0 || atomic_load(&r->way) != l)
		return;
	pthread_mutex_lock(&r->lock);
	size_t count = r->all ? 0 : r->count;
	bool due = r->due, all = r->all;
	memcpy(taken, r->at, count * sizeof(taken[0]));
	r->count = 0;
	r->due = r->all = false;
	pthread_mutex_unlock(&r->lock);
	begin(&m, r);
	if (due)
		say(&m, l, &(struct news){ NEWS_EFFECT_DUE, 0 });
	if (all)
		say(&m, l, &(struct news){ NEWS_EFFECT_ENDED, 0 });
	for (size_t i = 0; i < count; i++)
		say(&m, l, &taken[i]);
	send(&m, l);
}

/* ---- heard ---- */

static bool read_word(struct str word, struct news *out)
{
	for (int kind = 0; kind < NEWS_KINDS; kind++)
		if (letters[kind] != 0 && word.len > 1 && word.at[0] == letters[kind]) {
			out->kind = (enum news_kind)kind;
			return str_to_i64((struct str){ word.at + 1, word.len - 1 }, 0, INT64_MAX, &out->key);
		}
	return false;
}

/* A word that nobody here knows is a newer version's: to look at everything is never wrong. */
static void heard(void *ctx, struct str text)
{
	struct gateway *g = ctx;
	struct news news[HEARD_MAX + 2];
	struct str who, rest, word;
	char ours[WHO_HEX + 1];
	size_t count = 0;
	bool strange = false;
	snprintf(ours, sizeof(ours), "%016llx", (unsigned long long)g->relay.who);
	bool is_list = str_cut(text, ' ', &who, &rest); /* or EXPIRING_ALL */
	if (is_list && str_eq(who, str_c(ours)))
		return;
	strange = !is_list;
	for (bool more = is_list; more && count < HEARD_MAX;) {
		more = str_cut(rest, ' ', &word, &rest);
		if (read_word(word, &news[count]))
			count++;
		else
			strange = true;
	}
	if (strange) {
		news[count++] = (struct news){ NEWS_EFFECT_DUE, 0 };
		news[count++] = (struct news){ NEWS_EFFECT_ENDED, 0 };
	}
	hub_news(&g->hub, news, count, false);
}

/* ---- opened ---- */

void relay_open(struct gateway *g)
{
	struct relay *r = &g->relay;
	pthread_mutex_init(&r->lock, NULL);
	random_bytes(&r->who, sizeof(r->who));
	store_listen(g->store, relay_news, g);
}

/* Two databases that are files may share a Redis, and know nothing of each other. */
void relay_hear(struct gateway *g)
{
	if (!store_is_embedded(g->store))
		expiring_hear(g->memory, CHANNEL_NEWS, heard, g);
}

void relay_join(struct loop *l)
{
	if (!store_is_embedded(l->gateway->store))
		atomic_store(&l->gateway->relay.way, l);
}

void relay_leave(struct loop *l)
{
	struct loop *way = l;
	atomic_compare_exchange_strong(&l->gateway->relay.way, &way, NULL);
}
