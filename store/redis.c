/* store/redis.c - why this exists: several nodes must forget the same things at the same time. hiredis formats and reads, nothing more: its
 * connections have neither deadlines nor TLS in this version. */
#include "store/redis.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARGS_PER_OP = 4, ARGS_MAX = 3 + EXPIRING_OPS_MAX + 1 + EXPIRING_OPS_MAX * ARGS_PER_OP, KEY_BYTES = REDIS_PREFIX_MAX + 32 + EXPIRING_KEY_MAX,
       NUMBER_BYTES = 24, READER_BYTES_MAX = 1 << 20 };

/* KEYS: the batch's, in order. ARGV: all_or_nothing, the fence's key, then verb, ttl, limit, value of each. Answers end, number, left, out of each.
 * The words are enum expiring_verb and enum expiring_end; `ends` is would_end of expiring_memory.c, and `act` its run_op. */
static const char script[] =
	"local OK, ABSENT, NO, UNDONE = 0, 1, 2, 3\n"
	"local GET, PUT, ADD, DROP, TAKE, COUNT, TRY, LOCK = 0, 1, 2, 3, 4, 5, 6, 7\n"
	"local function op(i)\n"
	"  local a = 3 + (i - 1) * 4\n"
	"  return KEYS[i], tonumber(ARGV[a]), tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), ARGV[a + 3]\n"
	"end\n"
	"local function there(key)\n"
	"  local h = redis.call('HMGET', key, 'v', 'n')\n"
	"  if not h[1] then return nil, 0, 0 end\n"
	"  return h[1], tonumber(h[2]), redis.call('PTTL', key)\n"
	"end\n"
	"local function put(key, value, number, ttl)\n"
	"  redis.call('HSET', key, 'v', value, 'n', number)\n"
	"  redis.call('PEXPIRE', key, ttl)\n"
	"end\n"
	"local function ends(i)\n"
	"  local key, verb, ttl, limit, value = op(i)\n"
	"  local v, n, left = there(key)\n"
	"  if verb == ADD and v then return {NO, 0, left, ''} end\n"
	"  if verb == TAKE and not v then return {ABSENT, 0, 0, ''} end\n"
	"  if (verb == TAKE or verb == LOCK) and v and v ~= value then return {NO, 0, left, ''} end\n"
	"  if verb == COUNT and n >= limit then return {NO, n, left, ''} end\n"
	"  return {OK, 0, left, ''}\n"
	"end\n"
	"local function act(i)\n"
	"  local key, verb, ttl, limit, value = op(i)\n"
	"  local v, n, left = there(key)\n"
	"  if verb == GET then\n"
	"    if not v then return {ABSENT, 0, 0, ''} end\n"
	"    return {OK, n, left, v}\n"
	"  elseif verb == PUT then\n"
	"    put(key, value, limit, ttl)\n"
	"    return {OK, 0, left, ''}\n"
	"  elseif verb == DROP then\n"
	"    if redis.call('DEL', key) == 0 then return {ABSENT, 0, 0, ''} end\n"
	"    return {OK, 0, left, ''}\n"
	"  elseif verb == TRY then\n"
	"    if not v then return {ABSENT, 0, 0, ''} end\n"
	"    if v == value then redis.call('DEL', key) return {OK, 0, left, ''} end\n"
	"    n = redis.call('HINCRBY', key, 'n', -1)\n"
	"    if n <= 0 then redis.call('DEL', key) end\n"
	"    return {NO, n, left, ''}\n"
	"  end\n"
	"  local e = ends(i)\n"
	"  if e[1] ~= OK then return e end\n"
	"  if verb == ADD then put(key, value, limit, ttl)\n"
	"  elseif verb == TAKE then redis.call('DEL', key)\n"
	"  elseif verb == COUNT then\n"
	"    if v then e[2] = redis.call('HINCRBY', key, 'n', 1) else put(key, '', 1, ttl) e[2] = 1 e[3] = ttl end\n"
	"  elseif verb == LOCK then\n"
	"    e[2] = redis.call('INCR', ARGV[2])\n"
	"    e[3] = ttl\n"
	"    put(key, value, e[2], ttl)\n"
	"  end\n"
	"  return e\n"
	"end\n"
	"local out, refused = {}, false\n"
	"if ARGV[1] == '1' then\n"
	"  for i = 1, #KEYS do out[i] = ends(i) refused = refused or out[i][1] == NO end\n"
	"  for i = 1, #KEYS do if refused and out[i][1] ~= NO then out[i][1] = UNDONE end end\n"
	"end\n"
	"if not refused then for i = 1, #KEYS do out[i] = act(i) end end\n"
	"return out\n";

_Static_assert(EXPIRING_GET == 0 && EXPIRING_PUT == 1 && EXPIRING_ADD == 2 && EXPIRING_DROP == 3 && EXPIRING_TAKE == 4 && EXPIRING_COUNT == 5 &&
	       EXPIRING_TRY == 6 && EXPIRING_LOCK == 7 && EXPIRING_VERBS == 8, "the script's verbs");
_Static_assert(EXPIRING_OK == 0 && EXPIRING_ABSENT == 1 && EXPIRING_NO == 2 && EXPIRING_UNDONE == 3, "the script's ends");

/* ---- commands ---- */

void redis_bytes_drop(struct redis_bytes *b)
{
	if (b->at != NULL)
		redisFreeCommand(b->at);
	*b = (struct redis_bytes){ NULL, 0 };
}

static bool command(struct redis_bytes *out, const struct str *words, int count, struct fail *why)
{
	const char *at[ARGS_MAX];
	size_t len[ARGS_MAX];
	assert(count <= ARGS_MAX);
	for (int i = 0; i < count; i++) {
		at[i] = words[i].at != NULL ? words[i].at : "";
		len[i] = words[i].len;
	}
	int n = redisFormatCommandArgv(&out->at, count, at, len);
	if (n < 0) {
		out->at = NULL;
		return FAILS(why, MEMORY, "a command for redis");
	}
	out->len = (size_t)n;
	return true;
}

static struct str number_word(int64_t n, char text[NUMBER_BYTES])
{
	return (struct str){ text, i64_text(n, text) };
}

static struct str key_word(const char *prefix, const struct expiring_op *o, char text[KEY_BYTES])
{
	int n = snprintf(text, KEY_BYTES, "%s%s:", prefix, key_row(o->class)->name);
	assert(n > 0 && (size_t)n + o->key.len < KEY_BYTES);
	memcpy(text + n, o->key.at, o->key.len);
	return (struct str){ text, (size_t)n + o->key.len };
}

bool redis_batch(const char *prefix, const struct expiring_batch *b, const char *digest, struct redis_bytes *out, struct fail *why)
{
	char keys[EXPIRING_OPS_MAX][KEY_BYTES], numbers[EXPIRING_OPS_MAX][3][NUMBER_BYTES], count[NUMBER_BYTES], fence[REDIS_PREFIX_MAX + 8];
	struct str words[ARGS_MAX];
	int n = 0;
	words[n++] = digest == NULL ? STR("EVAL") : STR("EVALSHA");
	words[n++] = digest == NULL ? (struct str){ script, sizeof script - 1 } : str_c(digest);
	words[n++] = number_word(b->count, count);
	for (int i = 0; i < b->count; i++)
		words[n++] = key_word(prefix, &b->op[i], keys[i]);
	words[n++] = b->all_or_nothing ? STR("1") : STR("0");
	snprintf(fence, sizeof fence, "%sfence", prefix);
	words[n++] = str_c(fence);
	for (int i = 0; i < b->count; i++) {
		const struct expiring_op *o = &b->op[i];
		words[n++] = number_word(o->verb, numbers[i][0]);
		words[n++] = number_word(o->ttl_ms, numbers[i][1]);
		words[n++] = number_word(o->limit, numbers[i][2]);
		words[n++] = o->value;
	}
	return command(out, words, n, why);
}

bool redis_load(struct redis_bytes *out, struct fail *why)
{
	struct str words[] = { STR("SCRIPT"), STR("LOAD"), { script, sizeof script - 1 } };
	return command(out, words, 3, why);
}

bool redis_auth(struct str user, struct secret password, struct redis_bytes *out, struct fail *why)
{
	struct str words[] = { STR("AUTH"), user, password.secret };
	if (user.len > 0)
		return command(out, words, 3, why);
	words[1] = password.secret;
	return command(out, words, 2, why);
}

bool redis_select(int64_t database, struct redis_bytes *out, struct fail *why)
{
	char text[NUMBER_BYTES];
	struct str words[] = { STR("SELECT"), number_word(database, text) };
	return command(out, words, 2, why);
}

bool redis_master_of(struct str name, struct redis_bytes *out, struct fail *why)
{
	struct str words[] = { STR("SENTINEL"), STR("GET-MASTER-ADDR-BY-NAME"), name };
	return command(out, words, 3, why);
}

bool redis_role(struct redis_bytes *out, struct fail *why)
{
	struct str words[] = { STR("ROLE") };
	return command(out, words, 1, why);
}

bool redis_ping(struct redis_bytes *out, struct fail *why)
{
	struct str words[] = { STR("PING") };
	return command(out, words, 1, why);
}

static struct str channel_word(const char *prefix, const char *channel, char text[KEY_BYTES])
{
	int n = snprintf(text, KEY_BYTES, "%snews:%s", prefix, channel);
	assert(n > 0 && n < KEY_BYTES);
	return (struct str){ text, (size_t)n };
}

bool redis_publish(const char *prefix, const char *channel, struct str text, struct redis_bytes *out, struct fail *why)
{
	char name[KEY_BYTES];
	struct str words[] = { STR("PUBLISH"), channel_word(prefix, channel, name), text };
	return command(out, words, 3, why);
}

bool redis_subscribe(const char *prefix, const char *const *channels, int count, struct redis_bytes *out, struct fail *why)
{
	char names[EXPIRING_OPS_MAX][KEY_BYTES];
	struct str words[EXPIRING_OPS_MAX + 1] = { STR("SUBSCRIBE") };
	assert(count >= 1 && count <= EXPIRING_OPS_MAX);
	for (int i = 0; i < count; i++)
		words[i + 1] = channel_word(prefix, channels[i], names[i]);
	return command(out, words, count + 1, why);
}

/* ---- answers ---- */

struct redis_reader {
	redisReader *reader;
	redisReplyObjectFunctions *library, bounded;
	redisReply *last;
	size_t channel_prefix;      /* bytes before a channel's own name */
};

/* The library believes any count it is told, and takes memory for it. */
static void *array_bounded(const redisReadTask *task, int elements)
{
	const struct redis_reader *r = task->privdata;
	return elements <= EXPIRING_OPS_MAX ? r->library->createArray(task, elements) : NULL;
}

struct redis_reader *redis_reader_make(const char *prefix, struct fail *why)
{
	struct redis_reader *r = calloc(1, sizeof *r);
	if (r == NULL || (r->reader = redisReaderCreate()) == NULL) {
		free(r);
		FAILS(why, MEMORY, "a reader for redis");
		return NULL;
	}
	r->library = r->reader->fn;
	r->bounded = *r->library;
	r->bounded.createArray = array_bounded;
	r->reader->fn = &r->bounded;
	r->reader->privdata = r;
	r->channel_prefix = strlen(prefix) + 5; /* "news:" */
	return r;
}

static void forget_last(struct redis_reader *r)
{
	if (r->last != NULL)
		freeReplyObject(r->last);
	r->last = NULL;
}

void redis_reader_drop(struct redis_reader *r)
{
	if (r == NULL)
		return;
	forget_last(r);
	redisReaderFree(r->reader);
	free(r);
}

bool redis_feed(struct redis_reader *r, const void *bytes, size_t len)
{
	return r->reader->len + len <= READER_BYTES_MAX && redisReaderFeed(r->reader, bytes, len) == REDIS_OK;
}

static struct str text_of(const redisReply *reply)
{
	return (struct str){ reply->str, (size_t)reply->len };
}

static bool is_text(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

static enum redis_kind kind_of_pair(const redisReply *a, struct redis_answer *out)
{
	int64_t port;
	out->host = text_of(a->element[0]);
	if (out->host.len == 0 || !is_text(a->element[1]) || !str_to_i64(text_of(a->element[1]), 1, 65535, &port))
		return REDIS_SAYS_NONSENSE;
	out->port = (int)port;
	return REDIS_SAYS_PLACE;
}

/* ["master", …], ["slave", …], ["sentinel", …] */
static bool is_role(const redisReply *a)
{
	struct str word = text_of(a->element[0]);
	return str_eq(word, STR("master")) || str_eq(word, STR("slave")) || str_eq(word, STR("sentinel"));
}

/* ["message", channel, text], ["subscribe", channel, n], a role, or [host, port]; anything else with lists in it answers a batch. */
static enum redis_kind kind_of_array(struct redis_reader *r, struct redis_answer *out)
{
	const redisReply *a = r->last;
	bool begins_with_text = a->elements > 0 && is_text(a->element[0]);
	if (begins_with_text && a->elements >= 2 && is_role(a)) {
		out->text = text_of(a->element[0]);
		return str_eq(out->text, STR("master")) ? REDIS_SAYS_FINE : REDIS_SAYS_REFUSED;
	}
	if (begins_with_text && a->elements == 2)
		return str_eq(text_of(a->element[0]), STR("pong")) ? REDIS_SAYS_FINE : kind_of_pair(a, out); /* so a subscriber's PING is answered */
	if (begins_with_text && a->elements == 3) {
		if (str_eq(text_of(a->element[0]), STR("subscribe")))
			return REDIS_SAYS_FINE;
		if (!str_eq(text_of(a->element[0]), STR("message")) || !is_text(a->element[1]) || !is_text(a->element[2]))
			return REDIS_SAYS_NONSENSE;
		struct str channel = text_of(a->element[1]);
		if (channel.len < r->channel_prefix)
			return REDIS_SAYS_NONSENSE;
		out->channel = (struct str){ channel.at + r->channel_prefix, channel.len - r->channel_prefix };
		out->text = text_of(a->element[2]);
		return REDIS_SAYS_MESSAGE;
	}
	return REDIS_SAYS_BATCH;
}

void redis_next(struct redis_reader *r, struct redis_answer *out)
{
	void *reply = NULL;
	*out = (struct redis_answer){ .kind = REDIS_SAYS_NOTHING };
	forget_last(r);
	if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
		out->kind = REDIS_SAYS_NONSENSE;
		return;
	}
	if (reply == NULL)
		return;
	r->last = reply;
	switch (r->last->type) {
	case REDIS_REPLY_STATUS:
	case REDIS_REPLY_INTEGER:
		out->kind = REDIS_SAYS_FINE;
		break;
	case REDIS_REPLY_STRING:
		out->text = text_of(r->last);
		out->kind = out->text.len == REDIS_DIGEST_BYTES - 1 ? REDIS_SAYS_LOADED : REDIS_SAYS_NONSENSE;
		break;
	case REDIS_REPLY_ARRAY:
		out->kind = kind_of_array(r, out);
		break;
	case REDIS_REPLY_ERROR:
		out->text = text_of(r->last);
		out->kind = str_starts(out->text, STR("NOSCRIPT")) ? REDIS_SAYS_NOSCRIPT : REDIS_SAYS_REFUSED;
		break;
	case REDIS_REPLY_NIL:
		out->text = STR("nothing");
		out->kind = REDIS_SAYS_REFUSED;
		break;
	default:
		out->kind = REDIS_SAYS_NONSENSE;
	}
}

static bool fill_op(const redisReply *a, struct expiring_op *o)
{
	if (a->type != REDIS_REPLY_ARRAY || a->elements != 4 || a->element[0]->type != REDIS_REPLY_INTEGER || a->element[1]->type != REDIS_REPLY_INTEGER ||
	    a->element[2]->type != REDIS_REPLY_INTEGER || a->element[3]->type != REDIS_REPLY_STRING || (size_t)a->element[3]->len > sizeof o->out ||
	    a->element[0]->integer < EXPIRING_OK || a->element[0]->integer > EXPIRING_UNDONE)
		return false;
	o->end = (enum expiring_end)a->element[0]->integer;
	o->number = a->element[1]->integer;
	o->left_ms = a->element[2]->integer > 0 ? a->element[2]->integer : 0;
	o->out_len = (size_t)a->element[3]->len;
	memcpy(o->out, a->element[3]->str, o->out_len);
	return true;
}

bool redis_fill(struct redis_reader *r, struct expiring_batch *b)
{
	assert(r->last != NULL && r->last->type == REDIS_REPLY_ARRAY);
	if (r->last->elements != (size_t)b->count)
		return false;
	for (int i = 0; i < b->count; i++)
		if (!fill_op(r->last->element[i], &b->op[i])) {
			for (int j = 0; j <= i; j++)
				b->op[j].end = EXPIRING_AWAY; /* not half of an answer */
			return false;
		}
	return true;
}
