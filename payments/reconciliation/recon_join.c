/* payments/reconciliation/recon_join.c - why a table of our own: a million lines are asked for one by one, and the database would be asked a million times. */
#include "payments/reconciliation/recon_join.h"

#include "base/hash.h"
#include "base/ids.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK = 2 << 20, FIRST_CHUNKS = 16, FIRST_SLOTS = 2048, UNIT = 8, LATE = 16 };

/* One after the other in the chunks, each begun at a multiple of UNIT and whole in its chunk; where no other fitted, len is 0. They never move. */
struct record {
	struct recon_ours_row row;
	uint8_t len;
	bool is_twice;    /* its number stood there before: nobody finds it */
	char number[];
};

/* With half of its hash, from which its place follows too: a stranger costs no look at the record, and a larger table none at any. */
struct slot {
	uint32_t unit;    /* + 1; 0: free */
	uint32_t tag;
};

struct recon_join {
	uint8_t key[16];  /* numbers are outsiders' */
	struct slot *slots;
	char **chunks;
	size_t len;       /* as if the chunks were one */
	uint32_t chunk_count, chunk_room, slot_count, used;
	struct slot late[LATE]; /* records that have no slot yet: the memory of theirs is on its way */
	uint32_t late_first, late_count;
};

struct recon_join *recon_join_begin(struct fail *why)
{
	struct recon_join *j = calloc(1, sizeof *j);
	if (j == NULL)
		FAILS(why, MEMORY, "a day's records");
	else
		random_bytes(j->key, sizeof j->key);
	return j;
}

void recon_join_drop(struct recon_join *j)
{
	if (j == NULL)
		return;
	for (uint32_t i = 0; i < j->chunk_count; i++)
		free(j->chunks[i]);
	free(j->chunks);
	free(j->slots);
	free(j);
}

static struct record *record_at(const struct recon_join *j, size_t at)
{
	return (struct record *)(void *)(j->chunks[at / CHUNK] + at % CHUNK);
}

static struct record *record_of(const struct recon_join *j, struct slot s)
{
	return record_at(j, (size_t)(s.unit - 1) * UNIT);
}

static size_t record_bytes(size_t len)
{
	return (offsetof(struct record, number) + len + UNIT - 1) / UNIT * UNIT;
}

static uint32_t tag_of(const struct recon_join *j, uint8_t side, struct str number)
{
	return (uint32_t)((siphash(j->key, number.at, number.len) + side * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/* The slot that has it, or the free one where it would go. */
static struct slot *slot_find(const struct recon_join *j, uint32_t tag, uint8_t side, struct str number)
{
	uint32_t n = tag & (j->slot_count - 1);
	for (; j->slots[n].unit != 0; n = (n + 1) & (j->slot_count - 1)) {
		if (j->slots[n].tag != tag)
			continue;
		const struct record *r = record_of(j, j->slots[n]);
		if (r->row.side == side && r->len == number.len && memcmp(r->number, number.at, number.len) == 0)
			break;
	}
	return &j->slots[n];
}

/* ---- putting ---- */

/* What is looked into here and there, and is large, lies in large pages where the kernel has them: else each look waits for the page's own look-up. */
static void *room_for(size_t bytes)
{
	if (bytes < CHUNK)
		return malloc(bytes);
	void *at = aligned_alloc(CHUNK, bytes); /* a power of two, as all rooms here */
	if (at != NULL)
		(void)madvise(at, bytes, MADV_HUGEPAGE); /* a wish */
	return at;
}

static void oldest_settle(struct recon_join *j)
{
	struct slot s = j->late[j->late_first];
	struct record *r = record_of(j, s);
	struct slot *to = slot_find(j, s.tag, r->row.side, (struct str){ r->number, r->len });
	j->late_first = (j->late_first + 1) % LATE;
	j->late_count--;
	r->is_twice = to->unit != 0;
	if (r->is_twice)
		return;
	*to = s;
	j->used++;
}

static void settle(struct recon_join *j)
{
	while (j->late_count > 0)
		oldest_settle(j);
}

/* All that the smaller table holds are different: nothing is compared. */
static void slots_move(const struct slot *from, uint32_t from_count, struct slot *to, uint32_t to_count)
{
	for (uint32_t i = 0; i < from_count; i++) {
		if (from[i].unit == 0)
			continue;
		uint32_t n = from[i].tag & (to_count - 1);
		while (to[n].unit != 0)
			n = (n + 1) & (to_count - 1);
		to[n] = from[i];
	}
}

static bool has_slots(struct recon_join *j, struct fail *why)
{
	if (2 * (j->used + LATE) < j->slot_count)
		return true;
	uint32_t count = j->slot_count > 0 ? 2 * j->slot_count : FIRST_SLOTS;
	struct slot *slots = count <= UINT32_MAX / 4 ? room_for(count * sizeof *slots) : NULL;
	if (slots == NULL)
		return FAILS(why, MEMORY, "%u records of a day", j->used);
	memset(slots, 0, count * sizeof *slots);
	slots_move(j->slots, j->slot_count, slots, count);
	free(j->slots);
	j->slots = slots;
	j->slot_count = count;
	return true;
}

static bool chunk_add(struct recon_join *j, struct fail *why)
{
	if (j->chunk_count == j->chunk_room) {
		uint32_t room = j->chunk_room > 0 ? 2 * j->chunk_room : FIRST_CHUNKS;
		char **more = room <= UINT32_MAX / (CHUNK / UNIT) ? realloc(j->chunks, room * sizeof *more) : NULL;
		if (more == NULL)
			return FAILS(why, MEMORY, "%u chunks of a day's records", room);
		j->chunks = more;
		j->chunk_room = room;
	}
	char *chunk = room_for(CHUNK);
	if (chunk == NULL)
		return FAILS(why, MEMORY, "%u chunks of a day's records", j->chunk_count);
	j->chunks[j->chunk_count++] = chunk;
	return true;
}

/* At j->len. */
static bool has_room(struct recon_join *j, size_t bytes, struct fail *why)
{
	size_t in_chunk = j->len % CHUNK;
	if (j->len < (size_t)j->chunk_count * CHUNK && in_chunk + bytes <= CHUNK)
		return true;
	if (!chunk_add(j, why))
		return false;
	if (in_chunk == 0)
		return true;
	if (in_chunk + sizeof(struct record) <= CHUNK)
		record_at(j, j->len)->len = 0;
	j->len += CHUNK - in_chunk;
	return true;
}

bool recon_join_put(struct recon_join *j, const struct recon_ours_row *row, struct str number, struct fail *why)
{
	assert(number.len > 0 && number.len <= RECON_JOIN_NUMBER_MAX);
	if (!has_slots(j, why) || !has_room(j, record_bytes(number.len), why))
		return false;
	if (j->late_count == LATE)
		oldest_settle(j);
	struct record *r = record_at(j, j->len);
	*r = (struct record){ .row = *row, .len = (uint8_t)number.len };
	memcpy(r->number, number.at, number.len);
	struct slot s = { (uint32_t)(j->len / UNIT) + 1, tag_of(j, row->side, number) };
	__builtin_prefetch(&j->slots[s.tag & (j->slot_count - 1)], 1);
	j->late[(j->late_first + j->late_count++) % LATE] = s;
	j->len += record_bytes(number.len);
	return true;
}

/* ---- finding ---- */

uint32_t recon_join_tag(const struct recon_join *j, enum recon_side side, struct str number)
{
	uint32_t tag = tag_of(j, (uint8_t)side, number);
	if (j->slot_count > 0)
		__builtin_prefetch(&j->slots[tag & (j->slot_count - 1)]);
	return tag;
}

void recon_join_near(const struct recon_join *j, uint32_t tag)
{
	if (j->slot_count == 0)
		return;
	uint32_t n = tag & (j->slot_count - 1);
	while (j->slots[n].unit != 0 && j->slots[n].tag != tag)
		n = (n + 1) & (j->slot_count - 1);
	if (j->slots[n].unit == 0)
		return;
	const char *at = (const char *)record_of(j, j->slots[n]);
	__builtin_prefetch(at, 1);
	__builtin_prefetch(at + 64);
}

struct recon_ours_row *recon_join_find_tag(struct recon_join *j, uint32_t tag, enum recon_side side, struct str number)
{
	settle(j);
	if (j->used == 0 || number.len == 0)
		return NULL;
	struct slot s = *slot_find(j, tag, (uint8_t)side, number);
	return s.unit != 0 ? &record_of(j, s)->row : NULL;
}

struct recon_ours_row *recon_join_find(struct recon_join *j, enum recon_side side, struct str number)
{
	return recon_join_find_tag(j, tag_of(j, (uint8_t)side, number), side, number);
}

int64_t recon_join_count(struct recon_join *j)
{
	settle(j);
	return j->used;
}

struct recon_ours_row *recon_join_next(struct recon_join *j, size_t *at, struct str *number)
{
	settle(j);
	while (*at < j->len) {
		struct record *r = *at % CHUNK + sizeof *r <= CHUNK ? record_at(j, *at) : NULL;
		if (r == NULL || r->len == 0) {
			*at += CHUNK - *at % CHUNK;
			continue;
		}
		*at += record_bytes(r->len);
		*number = (struct str){ r->number, r->len };
		if (!r->is_twice)
			return &r->row;
	}
	return NULL;
}
