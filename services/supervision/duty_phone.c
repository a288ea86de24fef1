/* services/supervision/duty_phone.c - a number is a person's, also when he is on duty: it opens for the one who sends, and for nobody else. */
#include "services/supervision/duty_phone.h"

#include "auth/mask.h"
#include "auth/vault.h"
#include "base/hash.h"

#include <assert.h>

enum { OPENED = PHONE_DIGITS + VAULT_OVERHEAD_MAX + 1 };

static bool number_open(int64_t id, struct str sealed, char out[PHONE_DIGITS + 1], struct fail *why)
{
	char bytes[OPENED];
	struct buf text = { .at = bytes, .cap = sizeof(bytes) };
	if (!vault_open("duty_phone.phone", id, sealed, &text, why))
		return false;
	assert(text.len == PHONE_DIGITS);
	memcpy(out, bytes, PHONE_DIGITS);
	out[PHONE_DIGITS] = '\0';
	wipe(bytes, sizeof(bytes));
	return true;
}

bool duty_phone_numbers(struct tx *tx, const struct on_duty *of, char out[DUTY_PHONES_MAX][PHONE_DIGITS + 1], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, phone FROM duty_phone WHERE department = $1 AND (region = $2 OR $1 > 0) ORDER BY id LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, of->department);
	stmt_bind_int(q, 2, of->region);
	stmt_bind_int(q, 3, DUTY_PHONES_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		if (!number_open(stmt_int(q, 0), stmt_blob(q, 1), out[*count], why))
			return false;
	return why->code == FAIL_NONE;
}

static bool has_room(struct tx *tx, const struct on_duty *of, const char *phone, struct fail *why)
{
	char numbers[DUTY_PHONES_MAX][PHONE_DIGITS + 1];
	int count;
	bool same = false;
	if (!duty_phone_numbers(tx, of, numbers, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		same = same || strcmp(numbers[i], phone) == 0;
	wipe(numbers, sizeof(numbers));
	if (same)
		return FAILS(why, CONFLICT, "that number is there");
	return count < DUTY_PHONES_MAX || FAILS(why, RECEIVERS_FULL, "%d numbers", DUTY_PHONES_MAX);
}

bool duty_phone_add(struct tx *tx, const struct on_duty *of, const char *phone, struct id key, const uint8_t salt[16], int64_t now_ms, int64_t *id, struct fail *why)
{
	char bytes[OPENED];
	struct buf sealed = { .at = bytes, .cap = sizeof(bytes) };
	if (!tx_lock_row(tx, "duty_phone", of->department != 0 ? 0 - of->department : of->region, why) || !has_room(tx, of, phone, why) ||
	    !tx_next_id(tx, "duty_phone", id, why) || !vault_seal("duty_phone.phone", *id, str_c(phone), salt, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO duty_phone (id, key, department, region, phone, made_ms) VALUES ($1, $2, $3, $4, $5, $6)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	stmt_bind_blob(q, 2, key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, of->department);
	stmt_bind_int(q, 4, of->region);
	stmt_bind_blob(q, 5, sealed.at, sealed.len);
	stmt_bind_int(q, 6, now_ms);
	return stmt_run(q, why);
}

static bool fill(struct stmt *q, struct duty_phone *p, struct fail *why)
{
	char number[PHONE_DIGITS + 1];
	struct buf shown = { .at = p->masked, .cap = sizeof(p->masked) - 1 };
	p->id = stmt_int(q, 0);
	memcpy(p->key.bytes, stmt_blob(q, 1).at, ID_BYTES);
	p->of = (struct on_duty){ stmt_int(q, 2), stmt_int(q, 3) };
	p->made_ms = stmt_int(q, 4);
	if (!number_open(p->id, stmt_blob(q, 5), number, why))
		return false;
	mask_phone(str_c(number), &shown);
	p->masked[shown.len] = '\0';
	wipe(number, sizeof(number));
	return true;
}

bool duty_phone_by_key(struct tx *tx, struct id key, struct duty_phone *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, key, department, region, made_ms, phone FROM duty_phone WHERE key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	*found = stmt_row(q, why);
	return *found ? fill(q, out, why) : why->code == FAIL_NONE;
}

bool duty_phone_list(struct tx *tx, const struct on_duty *of, struct duty_phone out[DUTY_PHONES_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT id, key, department, region, made_ms, phone FROM duty_phone WHERE department = $1 AND (region = $2 OR $1 > 0) ORDER BY id LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, of->department);
	stmt_bind_int(q, 2, of->region);
	stmt_bind_int(q, 3, DUTY_PHONES_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		if (!fill(q, &out[*count], why))
			return false;
	return why->code == FAIL_NONE;
}

bool duty_phone_remove(struct tx *tx, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM duty_phone WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return stmt_run(q, why);
}
