/* services/people/mandate_tell.c - why this exists: whoever is acted for must be able to notice it, also when it was not he who said yes. */
#include "services/people/mandate_tell.h"
#include "base/hash.h"
#include <assert.h>

enum { ARENA_BYTES = 64 << 10 };

bool mandate_tell(struct tx *tx, const struct mandate *m, enum message_template what, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	struct mandate_news n = { .person = m->giver, .mandate = m->id, .template = what };
	assert(m->giver != 0);
	bool ok = person_facts_get(tx, m->holder, text, &facts, why);
	if (ok) {
		n.holder_name = facts.name.at != NULL ? facts.name : STR("代办人");
		ok = message_mandate(tx, &n, now_ms, random, a, why);
	}
	wipe(text, sizeof(text));
	return ok;
}

bool mandate_used(struct tx *tx, struct request *r, struct fail *why)
{
	struct mandate m;
	bool is_noted, is_first;
	return mandate_use(tx, r, &m, &is_noted, &is_first, why) &&
	       (!is_first || mandate_tell(tx, &m, TEMPLATE_mandate_used, r->now_ms, r->random, &r->arena, why));
}

/* A job has no random bytes; the mandate's key has ten of its own, and it ends once. */
static bool tell_end(struct tx *tx, const struct mandate *m, int64_t now_ms, struct arena *a, struct fail *why)
{
	uint8_t random[SHA256_BYTES];
	struct str parts[] = { STR("mandate ended"), { (const char *)m->key.bytes, ID_BYTES } };
	hash_parts(HASH_SHA256, parts, 2, random);
	return mandate_tell(tx, m, TEMPLATE_mandate_ended, now_ms, random, a, why);
}

bool mandates_expire(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	struct mandate ended[MANDATES_EXPIRE_MAX];
	struct arena arena;
	int count;
	assert(rows_max <= MANDATES_EXPIRE_MAX);
	if (!mandate_expire(tx, now_ms, ended, (int)rows_max, &count, why))
		return false;
	arena_init(&arena, ARENA_BYTES);
	bool ok = true;
	for (int i = 0; i < count && ok; i++) {
		ok = ended[i].state != MANDATE_ACTIVE || tell_end(tx, &ended[i], now_ms, &arena, why);
		arena_reset(&arena);
	}
	arena_free(&arena);
	*rows = count;
	return ok;
}
