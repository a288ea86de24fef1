/* services/cases/case_number.c - numbers that citizens read over the phone and strangers cannot enumerate. */
#include "services/cases/case_number.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"
#include "store/meta.h"
#include <assert.h>
#include <stdio.h>

enum { KEY_BYTES = 16, ROUNDS = 8, DIGITS = 22, SERIAL_DIGITS = 8, SIDE = 10000 /* squared: CASE_SERIALS */ };

/* A Feistel network over pairs of 0 .. side-1 with addition mod side; side² >= domain, and what falls outside the domain
 * walks on along its cycle. For 10^8 the side is 10^4 and nothing falls outside. All rounds share one secret function, and each enters it at
 * a secret offset of its own (a key-alternating Feistel network): so one table of 20 KB serves all, which stays in a core's first cache. A
 * table per round did not: measured, its misses were a twelfth of a status query. */
struct permutation {
	const uint8_t *key;
	uint32_t side;
	uint32_t offset[ROUNDS];
	const uint16_t *table; /* the function for this key and side; NULL: computed each time */
};

static uint8_t number_key[KEY_BYTES];
static bool is_loaded;
static uint16_t number_table[SIDE];
static struct permutation numbers; /* of number_key: every status query walks through its rounds */

static uint32_t side_of(uint32_t domain)
{
	uint32_t side = 1;
	while ((uint64_t)side * side < domain)
		side++;
	return side;
}

/* round ROUNDS is the function itself; below are the offsets. */
static uint32_t keyed(const uint8_t key[16], uint32_t side, uint32_t round, uint32_t half)
{
	uint32_t in[3] = { side, round, half };
	return (uint32_t)(siphash(key, in, sizeof(in)) % side);
}

static struct permutation permutation_of(const uint8_t key[16], uint32_t domain)
{
	struct permutation p = { .key = key, .side = domain == CASE_SERIALS ? SIDE : side_of(domain) };
	for (uint32_t round = 0; round < ROUNDS; round++)
		p.offset[round] = keyed(key, p.side, round, 0);
	return p;
}

static uint32_t scrambled(const struct permutation *p, uint32_t round, uint32_t half)
{
	uint32_t at = half + p->offset[round]; /* below two sides */
	if (at >= p->side)
		at -= p->side;
	return p->table != NULL ? p->table[at] : keyed(p->key, p->side, ROUNDS, at);
}

static uint32_t forth(const struct permutation *p, uint32_t value)
{
	uint32_t left = value / p->side, right = value % p->side;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t next = left + scrambled(p, i, right); /* below two sides */
		if (next >= p->side)
			next -= p->side;
		left = right;
		right = next;
	}
	return left * p->side + right;
}

static uint32_t back(const struct permutation *p, uint32_t value)
{
	uint32_t left = value / p->side, right = value % p->side;
	for (uint32_t i = ROUNDS; i-- > 0;) {
		uint32_t before = right + p->side - scrambled(p, i, left); /* above 0, below two sides */
		if (before >= p->side)
			before -= p->side;
		right = left;
		left = before;
	}
	return left * p->side + right;
}

static void load(void)
{
	numbers = permutation_of(number_key, CASE_SERIALS);
	for (uint32_t half = 0; half < SIDE; half++)
		number_table[half] = (uint16_t)keyed(number_key, SIDE, ROUNDS, half);
	numbers.table = number_table;
	is_loaded = true;
}

bool case_number_init(struct tx *tx, bool make, struct fail *why)
{
	int64_t len;
	if (!meta_get(tx, STR("case_number_key"), number_key, sizeof(number_key), &len, why))
		return false;
	if (len >= 0 && len != KEY_BYTES)
		return FAILS(why, SCHEMA, "meta case_number_key is damaged");
	if (len < 0 && !make)
		return FAILS(why, SCHEMA, "meta has no case_number_key: run siban migrate");
	if (len < 0) {
		random_bytes(number_key, KEY_BYTES);
		if (!meta_put(tx, STR("case_number_key"), number_key, KEY_BYTES, why))
			return false;
	}
	load();
	return true;
}

static uint32_t permuted(const struct permutation *p, uint32_t domain, uint32_t value, uint32_t (*way)(const struct permutation *, uint32_t))
{
	assert(value < domain && domain <= CASE_SERIALS);
	do
		value = way(p, value);
	while (value >= domain);
	return value;
}

uint32_t case_number_permute(const uint8_t key[16], uint32_t domain, uint32_t value)
{
	struct permutation p = permutation_of(key, domain);
	return permuted(&p, domain, value, forth);
}

uint32_t case_number_unpermute(const uint8_t key[16], uint32_t domain, uint32_t value)
{
	struct permutation p = permutation_of(key, domain);
	return permuted(&p, domain, value, back);
}

/* The step of the standard, (sum == 0 ? 10 : sum) * 2 % 11 with sum = (product + digit) % 10, by product + digit. */
static const uint8_t mod11_10_step[20] = { 9, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 2, 4, 6, 8, 10, 1, 3, 5, 7 };

static char check_of(unsigned product)
{
	return (char)('0' + (11 - product) % 10);
}

char mod11_10(const char *digits, size_t len)
{
	unsigned product = 10;
	for (size_t i = 0; i < len; i++)
		product = mod11_10_step[product + (unsigned)(digits[i] - '0')];
	return check_of(product);
}

/* Digits only; *product goes on as in mod11_10, *value is theirs (as far as it fits). */
static bool take_digits(const char *at, size_t len, unsigned *product, uint32_t *value)
{
	unsigned p = *product;
	uint32_t v = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)at[i] - '0';
		if (digit > 9)
			return false;
		p = mod11_10_step[p + digit];
		v = v * 10 + digit;
	}
	*product = p;
	*value = v;
	return true;
}

bool case_number_format(int64_t id, int32_t region, int64_t opened_ms, char out[CASE_NUMBER_BYTES], struct fail *why)
{
	assert(is_loaded && id > 0 && region >= 100000 && region <= 999999);
	if (id >= CASE_SERIALS)
		return FAILS(why, STORE_FULL, "all serials of case numbers are used");
	uint32_t serial = permuted(&numbers, CASE_SERIALS, (uint32_t)id, forth);
	int n = snprintf(out, CASE_NUMBER_BYTES, "LN%06d%08d%08u", (int)region, (int)time_yyyymmdd(opened_ms), (unsigned)serial);
	assert(n == CASE_NUMBER_LENGTH - 1);
	out[n] = mod11_10(out + 2, DIGITS);
	out[n + 1] = '\0';
	return true;
}

bool case_number_parse(struct str text, int64_t *id, char out[CASE_NUMBER_BYTES])
{
	assert(is_loaded);
	if (text.len != CASE_NUMBER_LENGTH || (text.at[0] | 0x20) != 'l' || (text.at[1] | 0x20) != 'n')
		return false;
	unsigned product = 10;
	uint32_t region_and_day, serial;
	if (!take_digits(text.at + 2, DIGITS - SERIAL_DIGITS, &product, &region_and_day) ||
	    !take_digits(text.at + 2 + DIGITS - SERIAL_DIGITS, SERIAL_DIGITS, &product, &serial) || check_of(product) != text.at[CASE_NUMBER_LENGTH - 1])
		return false;
	*id = permuted(&numbers, CASE_SERIALS, serial, back);
	memcpy(out, "LN", 2);
	memcpy(out + 2, text.at + 2, CASE_NUMBER_LENGTH - 2);
	out[CASE_NUMBER_LENGTH] = '\0';
	return *id > 0;
}
