/* gateway/requests/answers.c - keys are digests, so a bucket is chosen by their first bytes; a ring remembers who came first. */
#include "gateway/requests/answers.h"

#include "gateway/loops/link.h"
#include <stdlib.h>

struct kept {
	struct link link;    /* first; in order of coming */
	struct kept *next;   /* of its bucket */
	uint8_t key[ANSWER_KEY_BYTES];
	int64_t until_ms;
	int status;
	size_t bytes, body_len, type_len;
	char text[];         /* body, content type */
};

struct answers {
	struct link ring;
	size_t count, count_max, bytes, bytes_max, buckets;
	struct kept *bucket[]; /* a power of two */
};

struct answers *answers_make(size_t count_max, size_t bytes_max)
{
	size_t buckets = 1;
	while (buckets < count_max)
		buckets *= 2;
	struct answers *m = calloc(1, sizeof(*m) + buckets * sizeof(m->bucket[0]));
	if (m == NULL)
		return NULL;
	link_init(&m->ring);
	m->count_max = count_max;
	m->bytes_max = bytes_max;
	m->buckets = buckets;
	return m;
}

static struct kept **place_of(struct answers *m, const uint8_t *key)
{
	uint32_t hash;
	memcpy(&hash, key, sizeof(hash));
	struct kept **at = &m->bucket[hash & (m->buckets - 1)];
	while (*at != NULL && memcmp((*at)->key, key, ANSWER_KEY_BYTES) != 0)
		at = &(*at)->next;
	return at;
}

static void forget(struct answers *m, struct kept *k)
{
	*place_of(m, k->key) = k->next;
	link_take(&k->link);
	m->count--;
	m->bytes -= k->bytes;
	free(k);
}

void answers_drop(struct answers *m)
{
	if (m == NULL)
		return;
	while (!link_is_alone(&m->ring))
		forget(m, (struct kept *)m->ring.next);
	free(m);
}

bool answers_find(struct answers *m, const uint8_t key[ANSWER_KEY_BYTES], int64_t now_ms, struct http_answer *out)
{
	struct kept *k = *place_of(m, key);
	if (k == NULL || k->until_ms <= now_ms)
		return false;
	*out = (struct http_answer){ .end = HTTP_ANSWERED, .status = k->status, .body = { k->text, k->body_len } };
	if (k->type_len > 0)
		out->content_type = (struct str){ k->text + k->body_len, k->type_len };
	return true;
}

void answers_keep(struct answers *m, const uint8_t key[ANSWER_KEY_BYTES], const struct http_answer *a, int64_t until_ms)
{
	size_t bytes = sizeof(struct kept) + a->body.len + a->content_type.len;
	struct kept *old = *place_of(m, key);
	if (old != NULL)
		forget(m, old);
	if (bytes > m->bytes_max)
		return;
	while (m->count >= m->count_max || m->bytes + bytes > m->bytes_max)
		forget(m, (struct kept *)m->ring.next);
	struct kept *k = malloc(bytes);
	if (k == NULL)
		return; /* it is asked again */
	*k = (struct kept){ .until_ms = until_ms, .status = a->status, .bytes = bytes, .body_len = a->body.len, .type_len = a->content_type.len };
	memcpy(k->key, key, ANSWER_KEY_BYTES);
	if (a->body.len > 0)
		memcpy(k->text, a->body.at, a->body.len);
	if (a->content_type.len > 0)
		memcpy(k->text + a->body.len, a->content_type.at, a->content_type.len);
	link_init(&k->link);
	link_put(&m->ring, &k->link);
	struct kept **at = place_of(m, key);
	*at = k;
	m->count++;
	m->bytes += bytes;
}

void answers_sweep(struct answers *m, int64_t now_ms)
{
	for (struct link *at = m->ring.next, *next; at != &m->ring; at = next) {
		next = at->next;
		if (((struct kept *)at)->until_ms <= now_ms)
			forget(m, (struct kept *)at);
	}
}

size_t answers_count(const struct answers *m)
{
	return m->count;
}
