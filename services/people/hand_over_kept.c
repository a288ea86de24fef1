/* services/people/hand_over_kept.c - "terminal visit" as a value, there and back. */
#include "services/people/hand_over_kept.h"
#include <inttypes.h>
#include <stdio.h>

static struct str key_text(const struct id *key)
{
	return (struct str){ (const char *)key->bytes, sizeof(key->bytes) };
}

void hand_over_keep(struct hand_over_kept *kept, const struct id *key, int64_t terminal, int64_t visit, struct expiring_op *o)
{
	int len = snprintf(kept->text, sizeof(kept->text), "%" PRId64 " %" PRId64, terminal, visit);
	*o = (struct expiring_op){ .verb = EXPIRING_ADD, .class = KEY_HAND_OVER, .key = key_text(key), .value = { kept->text, (size_t)len }, .ttl_ms = HAND_OVER_MS };
}

void hand_over_look(const struct id *key, struct expiring_op *o)
{
	*o = (struct expiring_op){ .verb = EXPIRING_GET, .class = KEY_HAND_OVER, .key = key_text(key) };
}

void hand_over_forget(const struct id *key, struct expiring_op *o)
{
	*o = (struct expiring_op){ .verb = EXPIRING_DROP, .class = KEY_HAND_OVER, .key = key_text(key) };
}

bool hand_over_kept_read(const struct expiring_op *o, struct hand_over *out)
{
	struct str terminal, visit;
	*out = (struct hand_over){ .id = 0 };
	return o->end == EXPIRING_OK && str_cut((struct str){ o->out, o->out_len }, ' ', &terminal, &visit) && str_to_i64(terminal, 1, INT64_MAX, &out->terminal) &&
	       str_to_i64(visit, 1, INT64_MAX, &out->visit);
}
