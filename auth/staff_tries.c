/* auth/staff_tries.c - three counts and the addresses one of them does not hold for. */
#include "auth/staff_tries.h"
#include "auth/keyring.h"

enum { AT_PAIR, AT_STRANGE, AT_ADDRESS };
enum { OP_ADDRESS, OP_PAIR, OP_STRANGE };

static struct str bytes(const uint8_t at[SHA256_BYTES])
{
	return (struct str){ (const char *)at, SHA256_BYTES };
}

/* Hashed, so that what somebody typed by mistake into the account's field lies nowhere. */
static void keys_make(struct staff_tries *t)
{
	struct str address[] = { STR("staff address\n"), t->peer }, strange[] = { STR("staff strange\n"), t->account },
		   pair[] = { STR("staff pair\n"), t->account, STR("\n"), t->peer };
	hash_parts(HASH_SHA256, address, 2, t->at[AT_ADDRESS]);
	hash_parts(HASH_SHA256, strange, 2, t->at[AT_STRANGE]);
	hash_parts(HASH_SHA256, pair, 4, t->at[AT_PAIR]);
}

/* All or nothing: whoever waits already fills no other count. */
void staff_try(struct staff_tries *t, struct expiring_batch *b)
{
	keys_make(t);
	b->all_or_nothing = true;
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_LOGIN_ADDRESS, .key = bytes(t->at[AT_ADDRESS]), .limit = t->per_address };
	if (t->account.at == NULL)
		return;
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_LOGIN_TRIES, .key = bytes(t->at[AT_PAIR]), .limit = STAFF_TRIES };
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_GET, .class = KEY_LOGIN_STRANGE, .key = bytes(t->at[AT_STRANGE]) };
}

static bool held(struct fail *why, int64_t wait_ms)
{
	FAILS(why, LOGIN_HELD, "too many tries; %lld ms left", (long long)wait_ms);
	why->retry_after_s = (int)((wait_ms + 999) / 1000);
	return false;
}

bool staff_tried(struct staff_tries *t, const struct expiring_batch *b, struct fail *why)
{
	for (int i = 0; i < b->count; i++)
		if (b->op[i].end == EXPIRING_NO)
			return held(why, b->op[i].left_ms);
	if (t->account.at != NULL && b->op[OP_STRANGE].end == EXPIRING_OK) {
		t->strangers_wait = b->op[OP_STRANGE].number >= STAFF_STRANGE_TRIES;
		t->wait_ms = b->op[OP_STRANGE].left_ms;
	}
	return true;
}

void staff_try_was_right(const struct staff_tries *t, struct expiring_batch *b)
{
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_DROP, .class = KEY_LOGIN_TRIES, .key = bytes(t->at[AT_PAIR]) };
}

void staff_try_was_wrong(const struct staff_tries *t, bool is_known_place, struct expiring_batch *b)
{
	if (!is_known_place)
		b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_LOGIN_STRANGE, .key = bytes(t->at[AT_STRANGE]), .limit = STAFF_STRANGE_TRIES };
}

/* ---- places ---- */

static void place_hash(struct str peer, uint8_t hash[SHA256_BYTES])
{
	keyring_index("staff.place", &peer, 1, hash);
}

bool staff_place_is_known(struct tx *tx, int64_t staff, struct str peer, int64_t now_ms, bool *known, struct fail *why)
{
	uint8_t hash[SHA256_BYTES];
	place_hash(peer, hash);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT seen_ms FROM staff_place WHERE staff = $1 AND address_hash = $2 AND seen_ms > $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, staff);
	stmt_bind_blob(q, 2, hash, sizeof(hash));
	stmt_bind_int(q, 3, now_ms - STAFF_PLACE_LIFE_MS);
	*known = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

static bool forget_old(struct tx *tx, int64_t staff, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM staff_place WHERE staff = $1 AND seen_ms <= $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, staff);
	stmt_bind_int(q, 2, now_ms - STAFF_PLACE_LIFE_MS);
	return stmt_run(q, why);
}

bool staff_place_seen(struct tx *tx, int64_t staff, struct str peer, int64_t now_ms, struct fail *why)
{
	uint8_t hash[SHA256_BYTES];
	place_hash(peer, hash);
	if (!forget_old(tx, staff, now_ms, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO staff_place (staff, address_hash, seen_ms) VALUES ($1, $2, $3)"
		" ON CONFLICT (staff, address_hash) DO UPDATE SET seen_ms = excluded.seen_ms", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, staff);
	stmt_bind_blob(q, 2, hash, sizeof(hash));
	stmt_bind_int(q, 3, now_ms);
	return stmt_run(q, why);
}

bool staff_place_may_try(const struct staff_tries *t, bool is_known_place, struct fail *why)
{
	return is_known_place || !t->strangers_wait || held(why, t->wait_ms);
}
