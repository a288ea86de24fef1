/* auth/login_index.c - a change of the index key reaches the ways in person by person (auth/rotation.c). */
#include "auth/login_inside.h"
#include <openssl/crypto.h>

static bool next_of(struct tx *tx, int64_t person, int64_t *id, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM login WHERE person = $1 AND id > $2 ORDER BY id LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, *id);
	*found = stmt_row(q, why);
	if (*found)
		*id = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool hash_put(struct tx *tx, int slot, int64_t id, const struct index_hashes *h, struct fail *why)
{
	DROP(stmt) struct stmt *q = slot == SLOT_A ? tx_query(tx, "UPDATE login SET hash_a = $1 WHERE id = $2", why)
		: tx_query(tx, "UPDATE login SET hash_b = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	if (h != NULL)
		stmt_bind_blob(q, 1, h->at[slot], SHA256_BYTES);
	else
		stmt_bind_null(q, 1);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why);
}

bool login_hashes_fill(struct tx *tx, int slot, int64_t person, struct fail *why)
{
	char text[LOGIN_VALUE_MAX + 1];
	struct index_hashes h;
	struct str value;
	enum login_kind kind;
	bool found, ok = true;
	for (int64_t id = 0; ok && (ok = next_of(tx, person, &id, &found, why)) && found;) {
		ok = login_value(tx, id, text, &kind, &value, why);
		if (ok) {
			login_hash(kind, value, &h);
			ok = hash_put(tx, slot, id, &h, why);
		}
	}
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

bool login_hashes_empty(struct tx *tx, int slot, int64_t person, struct fail *why)
{
	bool found, ok = true;
	for (int64_t id = 0; ok && (ok = next_of(tx, person, &id, &found, why)) && found;)
		ok = hash_put(tx, slot, id, NULL, why);
	return ok;
}
