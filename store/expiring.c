/* store/expiring.c - the face: the table of keys, what is ours to get wrong, and then the body. */
#include "store/expiring.h"

#include <assert.h>

#define MIN INT64_C(60000)
#define HOUR (60 * MIN)

static const struct key_row rows[KEY_CLASSES] = {
#define KEY(name, life, most, away, prose) [KEY_##name] = { #name, life, most, KEY_AWAY_##away },
#include "store/keys.def"
#undef KEY
};

const struct key_row *key_row(enum key_class c)
{
	assert(c < KEY_CLASSES);
	return &rows[c];
}

bool expiring_run(struct expiring *x, struct expiring_batch *b)
{
	assert(b->count >= 1 && b->count <= EXPIRING_OPS_MAX);
	for (int i = 0; i < b->count; i++) {
		struct expiring_op *o = &b->op[i];
		assert(o->verb < EXPIRING_VERBS && o->key.len >= 1 && o->key.len <= EXPIRING_KEY_MAX && o->value.len <= EXPIRING_VALUE_MAX);
		assert(o->ttl_ms >= 0 && o->ttl_ms <= key_row(o->class)->life_ms && o->limit >= 0);
		assert(!(b->all_or_nothing && o->verb == EXPIRING_TRY));
		o->end = EXPIRING_AWAY;
		o->number = o->left_ms = 0;
		o->out_len = 0;
		if (o->ttl_ms == 0)
			o->ttl_ms = key_row(o->class)->life_ms;
	}
	return x->run(x, b);
}

void expiring_publish(struct expiring *x, const char *channel, struct str text)
{
	assert(text.len <= EXPIRING_VALUE_MAX);
	x->publish(x, channel, text);
}

void expiring_hear(struct expiring *x, const char *channel, expiring_heard_fn heard, void *ctx)
{
	x->hear(x, channel, heard, ctx);
}

void expiring_close(struct expiring *x)
{
	if (x != NULL)
		x->close(x);
}
