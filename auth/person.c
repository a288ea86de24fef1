/* auth/person.c - finds people again without knowing who they are. */
#include "auth/person.h"
#include "auth/keyring.h"
#include <assert.h>

bool person_find_or_make(struct tx *tx, enum identity_kind kind, struct str number, int64_t now_ms, int64_t *id, struct fail *why)
{
	assert(kind != IDENTITY_NONE && number.len > 0 && number.len <= IDENTITY_NUMBER_MAX);
	char kind_text = (char)('0' + kind);
	struct str parts[] = { { &kind_text, 1 }, number };
	uint8_t hash[SHA256_BYTES];
	keyring_index("person", parts, 2, hash);
	{
		DROP(stmt) struct stmt *find = tx_query(tx, "SELECT id FROM person WHERE id_hash = $1", why);
		if (find == NULL)
			return false;
		stmt_bind_blob(find, 1, hash, sizeof(hash));
		if (stmt_row(find, why)) {
			*id = stmt_int(find, 0);
			return true;
		}
		if (why->code != FAIL_NONE)
			return false;
	}
	if (!tx_next_id(tx, "person", id, why))
		return false;
	DROP(stmt) struct stmt *make = tx_query(tx, "INSERT INTO person (id, id_hash, kind, made_ms) VALUES ($1, $2, $3, $4)", why);
	if (make == NULL)
		return false;
	stmt_bind_int(make, 1, *id);
	stmt_bind_blob(make, 2, hash, sizeof(hash));
	stmt_bind_int(make, 3, kind);
	stmt_bind_int(make, 4, now_ms);
	return stmt_run(make, why);
}
