/* Bytes as a query string: parameters, limits and cursors. What is accepted as a cursor must be one that reply_page made. */
#include "base/request.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct request *r, struct str query)
{
	memset(r, 0, sizeof(*r));
	arena_init(&r->arena, 256 << 10);
	r->target = r->path = STR("/v1/cases");
	r->query = query;
	r->who = (struct principal){ .kind = WHO_CITIZEN, .id = 1 };
}

/* Any place must survive the way out and back. */
static void round_trip(const uint8_t *data, size_t size)
{
	struct request r;
	struct fail why;
	struct cursor place = { 0, 0 }, back;
	bool has;
	int limit;
	memcpy(&place, data, size < sizeof(place) ? size : sizeof(place));
	fail_clear(&why);
	ask(&r, STR_NONE);
	struct json_out j = reply_json(&r, 200);
	json_put_object(&j);
	reply_page(&r, &j, &place);
	json_put_object_end(&j);
	assert(json_end(&j));
	json_t *body = json_loadb(r.reply.body.at, r.reply.body.len, 0, NULL);
	char query[64];
	int len = snprintf(query, sizeof(query), "cursor=%s", json_string_value(json_object_get(body, "next_cursor")));
	r.query = (struct str){ query, (size_t)len };
	assert(request_page(&r, &back, &has, &limit, &why) && has && back.at == place.at && back.id == place.id);
	json_decref(body);
	arena_free(&r.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const known[] = { "cursor", "limit", "region", NULL };
	struct request r;
	struct fail why;
	struct cursor from;
	struct str region;
	bool has;
	int limit;
	static const uint8_t keys[][16] = { "the fuzzer's key", "its older one" };
	request_cursor_keys(keys, 2);
	fail_clear(&why);
	ask(&r, (struct str){ (const char *)data, size });
	if (request_query_only(&r, known, &why) && request_query(&r, "region", &region, &why) && request_page(&r, &from, &has, &limit, &why))
		assert(limit >= 1 && limit <= 100);
	else
		assert(why.code != FAIL_NONE);
	arena_free(&r.arena);
	round_trip(data, size);
	return 0;
}
