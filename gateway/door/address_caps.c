/* gateway/door/address_caps.c - a stranger chooses the addresses, so the table is keyed by SipHash under a key of this process; the hash
 * stands for the address (64 bits: a collision merely shares a count). */
#include "gateway/door/address_caps.h"
#include "base/hash.h"
#include "base/ids.h"
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 1024 };

struct slot {
	uint64_t key;
	uint32_t count; /* 0: empty */
};

static struct {
	pthread_mutex_t lock;
	struct slot *slots; /* linear probing, a power of two */
	size_t size, used;
	int64_t all;
	bool keyed;
	uint8_t key[16];
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const struct in6_addr *mapped(const struct sockaddr_storage *from)
{
	return &((const struct sockaddr_in6 *)from)->sin6_addr;
}

static uint64_t key_of(const struct sockaddr_storage *from)
{
	uint8_t bytes[9] = { 0 };
	if (from->ss_family == AF_INET) {
		memcpy(bytes + 1, &((const struct sockaddr_in *)from)->sin_addr, 4);
	} else if (IN6_IS_ADDR_V4MAPPED(mapped(from))) {
		memcpy(bytes + 1, mapped(from)->s6_addr + 12, 4);
	} else {
		bytes[0] = 6;
		memcpy(bytes + 1, mapped(from)->s6_addr, 8);
	}
	return siphash(table.key, bytes, sizeof(bytes));
}

static size_t place_of(const struct slot *slots, size_t size, uint64_t key)
{
	size_t i = key & (size - 1);
	while (slots[i].count != 0 && slots[i].key != key)
		i = (i + 1) & (size - 1);
	return i;
}

static bool make_room(void)
{
	if (table.size > 0 && table.used * 2 < table.size)
		return true;
	size_t size = table.size == 0 ? SLOTS_FIRST : table.size * 2;
	struct slot *slots = calloc(size, sizeof(*slots));
	if (slots == NULL)
		return table.used + 1 < table.size;
	for (size_t i = 0; i < table.size; i++)
		if (table.slots[i].count != 0)
			slots[place_of(slots, size, table.slots[i].key)] = table.slots[i];
	free(table.slots);
	table.slots = slots;
	table.size = size;
	return true;
}

static enum address_verdict enter(const struct sockaddr_storage *from, int64_t all_max, int64_t each_max, uint64_t *key)
{
	if (!table.keyed) {
		random_bytes(table.key, sizeof(table.key));
		table.keyed = true;
	}
	if (table.all >= all_max)
		return ADDRESS_FULL;
	if (!make_room())
		return ADDRESS_TOO_MANY;
	*key = key_of(from);
	struct slot *s = &table.slots[place_of(table.slots, table.size, *key)];
	if (s->count >= each_max)
		return ADDRESS_TOO_MANY;
	if (s->count == 0)
		table.used++;
	s->key = *key;
	s->count++;
	table.all++;
	return ADDRESS_WELCOME;
}

enum address_verdict address_enter(const struct sockaddr_storage *from, int64_t all_max, int64_t each_max, uint64_t *key)
{
	pthread_mutex_lock(&table.lock);
	enum address_verdict v = enter(from, all_max, each_max, key);
	pthread_mutex_unlock(&table.lock);
	return v;
}

/* Empties slot i and moves back what had to step over it. */
static void vacate(size_t i)
{
	size_t mask = table.size - 1;
	table.slots[i].count = 0;
	table.used--;
	for (size_t j = (i + 1) & mask; table.slots[j].count != 0; j = (j + 1) & mask) {
		size_t home = table.slots[j].key & mask;
		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		table.slots[i] = table.slots[j];
		table.slots[j].count = 0;
		i = j;
	}
}

void address_leave(uint64_t key)
{
	pthread_mutex_lock(&table.lock);
	size_t i = place_of(table.slots, table.size, key);
	assert(table.slots[i].count > 0);
	if (--table.slots[i].count == 0)
		vacate(i);
	if (--table.all == 0) {
		free(table.slots);
		table.slots = NULL;
		table.size = 0;
	}
	pthread_mutex_unlock(&table.lock);
}

int address_text(const struct sockaddr_storage *from, char out[ADDRESS_TEXT_BYTES])
{
	out[0] = '\0';
	if (from->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, out, ADDRESS_TEXT_BYTES);
	else if (from->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(mapped(from)))
		inet_ntop(AF_INET, mapped(from)->s6_addr + 12, out, ADDRESS_TEXT_BYTES);
	else if (from->ss_family == AF_INET6) {
		struct in6_addr network = *mapped(from);
		memset(network.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &network, out, ADDRESS_TEXT_BYTES);
	}
	return (int)strlen(out);
}
