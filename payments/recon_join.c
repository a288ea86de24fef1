/* payments/recon_join.c - why a table of our own: a million lines are asked for one by one, and the database would be asked a million times. */
#include "payments/recon_join.h"

#include "base/hash.h"
#include "base/ids.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 1024, FIRST_BYTES = 32 << 10 };

/* A record, and where its number is: beside each other, because whoever finds one reads the other. */
struct kept {
	struct recon_ours_row row;
	uint32_t at;      /* in `bytes` */
	uint32_t len;
};

/* With half of its hash, from which its place follows too: a stranger costs no look at the row, and a larger table none at any. */
struct slot {
	uint32_t row;     /* + 1; 0: free */
	uint32_t tag;
};

struct recon_join {
	uint8_t key[16];  /* numbers are outsiders' */
	struct kept *rows;
	struct slot *slots;
	char *bytes;
	uint32_t count, room, slot_count;
	size_t bytes_len, bytes_room;
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
	free(j->rows);
	free(j->slots);
	free(j->bytes);
	free(j);
}

static uint32_t tag_of(const struct recon_join *j, uint8_t side, struct str number)
{
	return (uint32_t)((siphash(j->key, number.at, number.len) + side * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static bool is_it(const struct recon_join *j, uint32_t row, uint8_t side, struct str number)
{
	const struct kept *k = &j->rows[row];
	return k->row.side == side && k->len == number.len && memcmp(j->bytes + k->at, number.at, number.len) == 0;
}

/* The slot that has it, or the free one where it would go, with its tag. */
static struct slot *slot_find(const struct recon_join *j, uint8_t side, struct str number)
{
	uint32_t tag = tag_of(j, side, number), n = tag & (j->slot_count - 1);
	while (j->slots[n].row != 0 && (j->slots[n].tag != tag || !is_it(j, j->slots[n].row - 1, side, number)))
		n = (n + 1) & (j->slot_count - 1);
	if (j->slots[n].row == 0)
		j->slots[n].tag = tag;
	return &j->slots[n];
}

/* All that the smaller table holds are different: nothing is compared. */
static void slots_move(const struct slot *from, uint32_t from_count, struct slot *to, uint32_t to_count)
{
	for (uint32_t i = 0; i < from_count; i++) {
		if (from[i].row == 0)
			continue;
		uint32_t n = from[i].tag & (to_count - 1);
		while (to[n].row != 0)
			n = (n + 1) & (to_count - 1);
		to[n] = from[i];
	}
}

static bool grow(struct recon_join *j, struct fail *why)
{
	uint32_t room = j->room > 0 ? 2 * j->room : FIRST_ROWS;
	struct kept *rows = realloc(j->rows, room * sizeof *rows);
	j->rows = rows != NULL ? rows : j->rows;
	struct slot *slots = calloc(2 * (size_t)room, sizeof *slots);
	if (rows == NULL || slots == NULL || room > UINT32_MAX / 4) {
		free(slots);
		return FAILS(why, MEMORY, "%u records of a day", room);
	}
	slots_move(j->slots, j->slot_count, slots, 2 * room);
	free(j->slots);
	j->slots = slots;
	j->slot_count = 2 * room;
	j->room = room;
	return true;
}

static bool keep_number(struct recon_join *j, struct str number, struct fail *why)
{
	if (j->bytes_len + number.len > j->bytes_room) {
		size_t room = j->bytes_room > 0 ? 2 * j->bytes_room : FIRST_BYTES;
		char *more = room < UINT32_MAX ? realloc(j->bytes, room) : NULL;
		if (more == NULL)
			return FAILS(why, MEMORY, "%zu bytes of numbers", room);
		j->bytes = more;
		j->bytes_room = room;
	}
	memcpy(j->bytes + j->bytes_len, number.at, number.len);
	j->rows[j->count].at = (uint32_t)j->bytes_len;
	j->rows[j->count].len = (uint32_t)number.len;
	j->bytes_len += number.len;
	return true;
}

bool recon_join_put(struct recon_join *j, const struct recon_ours_row *row, struct str number, struct fail *why)
{
	assert(number.len > 0 && number.len < FIRST_BYTES);
	if (j->count == j->room && !grow(j, why))
		return false;
	struct slot *slot = slot_find(j, row->side, number);
	if (slot->row != 0)
		return true;
	if (!keep_number(j, number, why))
		return false;
	j->rows[j->count].row = *row;
	slot->row = ++j->count;
	return true;
}

struct recon_ours_row *recon_join_find(struct recon_join *j, enum recon_side side, struct str number)
{
	if (j->count == 0 || number.len == 0)
		return NULL;
	uint32_t row = slot_find(j, (uint8_t)side, number)->row;
	return row != 0 ? &j->rows[row - 1].row : NULL;
}

int64_t recon_join_count(const struct recon_join *j)
{
	return j->count;
}

struct recon_ours_row *recon_join_at(struct recon_join *j, int64_t n, struct str *number)
{
	assert(n >= 0 && n < (int64_t)j->count);
	*number = (struct str){ j->bytes + j->rows[n].at, j->rows[n].len };
	return &j->rows[n].row;
}
