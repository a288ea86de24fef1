/* auth/login.c - the table on top of login.h: whom does this lead to? */
#include "auth/login.h"
#include "auth/login_inside.h"
#include "auth/keyring.h"
#include "auth/right.h"
#include "auth/session.h"
#include "auth/vault.h"
#include <assert.h>
#include <openssl/crypto.h>

enum { VALUE_SEALED_BYTES = LOGIN_VALUE_MAX + VAULT_OVERHEAD_MAX + 1 };

void login_hash(enum login_kind kind, struct str value, struct index_hashes *out)
{
	static const char *const names[] = {
		[LOGIN_PHONE] = "phone",
#define PROVIDER(name, number, text, ...) [LOGIN_##name] = text,
#include "auth/providers.def"
#undef PROVIDER
	};
	struct str parts[] = { str_c(names[kind]), value };
	keyring_hashes("login", parts, 2, out);
}

/* ---- reading ---- */

/* The newest first; more than LOGIN_FAMILY_MAX is no family, and the oldest are not asked for. */
static bool ways_in(struct tx *tx, const struct index_hashes *h, int slot, enum login_kind kind, struct login_way ways[LOGIN_FAMILY_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = slot == SLOT_A
		? tx_query(tx, "SELECT id, person, level, seen_ms FROM login WHERE hash_a = $1 AND kind = $2 AND ended_ms IS NULL ORDER BY id DESC LIMIT $3", why)
		: tx_query(tx, "SELECT id, person, level, seen_ms FROM login WHERE hash_b = $1 AND kind = $2 AND ended_ms IS NULL ORDER BY id DESC LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, h->at[slot], SHA256_BYTES);
	stmt_bind_int(q, 2, kind);
	stmt_bind_int(q, 3, LOGIN_FAMILY_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		ways[*count] = (struct login_way){ .id = stmt_int(q, 0), .person = stmt_int(q, 1), .level = (int)stmt_int(q, 2), .seen_ms = stmt_int(q, 3) };
	return why->code == FAIL_NONE;
}

bool login_ways(struct tx *tx, enum login_kind kind, struct str value, struct login_way ways[LOGIN_FAMILY_MAX], int *count, struct fail *why)
{
	struct index_hashes h;
	login_hash(kind, value, &h);
	*count = 0;
	for (int i = 0; i < SLOTS && *count == 0; i++) {
		int slot = i == 0 ? h.current : 1 - h.current;
		if (h.is_there[slot] && !ways_in(tx, &h, slot, kind, ways, count, why))
			return false;
	}
	return true;
}

/* Two who come with the same phone at once must not become two persons. */
bool login_lock(struct tx *tx, enum login_kind kind, struct str value, struct fail *why)
{
	struct index_hashes h;
	login_hash(kind, value, &h);
	return tx_lock(tx, "login", (struct str){ (const char *)h.at[h.current], SHA256_BYTES }, why);
}

bool login_knows_device(struct tx *tx, enum login_kind kind, struct str value, const uint8_t device_hash[32], bool *knows, struct fail *why)
{
	struct login_way ways[LOGIN_FAMILY_MAX];
	int count;
	*knows = false;
	if (!login_ways(tx, kind, value, ways, &count, why))
		return false;
	for (int i = 0; i < count && !*knows; i++)
		if (!device_is_known(tx, ways[i].person, device_hash, knows, why))
			return false;
	return true;
}

bool login_value(struct tx *tx, int64_t login, char text[LOGIN_VALUE_MAX + 1], enum login_kind *kind, struct str *value, struct fail *why)
{
	struct buf b = { .at = text, .cap = LOGIN_VALUE_MAX + 1 };
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind, value FROM login WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, login);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "login %lld", (long long)login);
	*kind = (enum login_kind)stmt_int(q, 0);
	if (!vault_open("login.value", login, stmt_blob(q, 1), &b, why))
		return false;
	*value = buf_text(&b);
	return true;
}

/* ---- writing ---- */

static bool value_seal(int64_t id, struct str value, const uint8_t salt[16], struct buf *out, struct fail *why)
{
	return vault_seal("login.value", id, value, salt, out, why);
}

static void bind_hash(struct stmt *q, int n, const struct index_hashes *h, int slot)
{
	if (h->is_written[slot])
		stmt_bind_blob(q, n, h->at[slot], SHA256_BYTES);
	else
		stmt_bind_null(q, n);
}

/* What the row is called outside: a phone is not, an account elsewhere is. */
static void bind_key(struct stmt *q, int n, enum login_kind kind, int64_t id, int64_t now_ms, const uint8_t salt[16], struct id *key)
{
	char row[21];
	uint8_t digest[SHA256_BYTES];
	struct str parts[] = { { (const char *)salt, 16 }, { row, i64_text(id, row) } };
	keyring_index("login.key", parts, 2, digest);
	*key = id_make(now_ms, digest);
	if (kind == LOGIN_PHONE)
		stmt_bind_null(q, n);
	else
		stmt_bind_blob(q, n, key->bytes, sizeof(key->bytes));
}

bool login_add(struct tx *tx, enum login_kind kind, struct str value, int64_t person, int level, int64_t now_ms, const uint8_t salt[16], int64_t *id,
		struct fail *why)
{
	struct id key;
	char bytes[VALUE_SEALED_BYTES];
	struct buf sealed = { .at = bytes, .cap = sizeof(bytes) };
	struct index_hashes h;
	assert(value.len > 0 && value.len <= LOGIN_VALUE_MAX);
	login_hash(kind, value, &h);
	if (!tx_next_id(tx, "login", id, why) || !value_seal(*id, value, salt, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO login (id, kind, hash_a, hash_b, value, person, level, made_ms, seen_ms, ended_ms, key, more)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, $10, NULL)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	stmt_bind_int(q, 2, kind);
	bind_hash(q, 3, &h, SLOT_A);
	bind_hash(q, 4, &h, SLOT_B);
	stmt_bind_blob(q, 5, sealed.at, sealed.len);
	stmt_bind_int(q, 6, person);
	stmt_bind_int(q, 7, level);
	stmt_bind_int(q, 8, now_ms);
	stmt_bind_int(q, 9, now_ms);
	bind_key(q, 10, kind, *id, now_ms, salt, &key);
	return stmt_run(q, why);
}

bool login_used(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE login SET seen_ms = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why);
}

bool login_seen(struct tx *tx, int64_t session, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE login SET seen_ms = $1 WHERE id = (SELECT login FROM session WHERE id = $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, session);
	return stmt_run(q, why);
}

/* ---- whom it leads to ---- */

static bool by_device(struct tx *tx, const struct login_way *ways, int count, const uint8_t device_hash[32], const struct login_way **out, struct fail *why)
{
	for (int i = 0; i < count; i++) {
		bool known;
		if (!device_is_known(tx, ways[i].person, device_hash, &known, why))
			return false;
		if (known && (*out == NULL || ways[i].seen_ms > (*out)->seen_ms))
			*out = &ways[i];
	}
	return true;
}

static bool is_idle(const struct login_way *w, int64_t now_ms)
{
	return now_ms - w->seen_ms > LOGIN_IDLE_MS;
}

/* On a device nobody knows. NULL: nobody yet. */
static const struct login_way *by_phone_alone(const struct login_way *ways, int count, int64_t now_ms)
{
	const struct login_way *confirmed = NULL, *newest = NULL;
	int confirmed_count = 0;
	for (int i = 0; i < count; i++) {
		if (ways[i].level >= LEVEL_L2) {
			confirmed = &ways[i];
			confirmed_count++;
		} else if (newest == NULL) {
			newest = &ways[i];
		}
	}
	if (confirmed_count == 1 && !is_idle(confirmed, now_ms))
		return confirmed;
	return newest != NULL && !is_idle(newest, now_ms) ? newest : NULL;
}

static bool person_anew(struct tx *tx, enum login_kind kind, struct str value, int64_t now_ms, const uint8_t salt[16], struct login_found *out, struct fail *why)
{
	*out = (struct login_found){ .level = LEVEL_L1 };
	return person_make_by_phone(tx, kind == LOGIN_PHONE ? value : STR_NONE, now_ms, salt, &out->person, why) &&
	       login_add(tx, kind, value, out->person, out->level, now_ms, salt, &out->login, why);
}

bool login_find(struct tx *tx, enum login_kind kind, struct str value, const uint8_t device_hash[32], int64_t now_ms, struct login_found *out, struct fail *why)
{
	struct login_way ways[LOGIN_FAMILY_MAX];
	const struct login_way *found = NULL;
	int count;
	if (!login_lock(tx, kind, value, why) || !login_ways(tx, kind, value, ways, &count, why) || !by_device(tx, ways, count, device_hash, &found, why))
		return false;
	if (found == NULL)
		found = by_phone_alone(ways, count, now_ms);
	*out = found != NULL ? (struct login_found){ .login = found->id, .person = found->person, .level = found->level } : (struct login_found){ .login = 0 };
	return true;
}

bool login_enter(struct tx *tx, enum login_kind kind, struct str value, const uint8_t device_hash[32], int64_t now_ms, const uint8_t salt[16],
		 struct login_found *out, struct fail *why)
{
	if (!login_find(tx, kind, value, device_hash, now_ms, out, why))
		return false;
	return out->login != 0 ? login_used(tx, out->login, now_ms, why) : person_anew(tx, kind, value, now_ms, salt, out, why);
}

bool login_leads(struct tx *tx, enum login_kind kind, struct str value, int64_t person, int64_t *own, bool *others, struct fail *why)
{
	struct login_way ways[LOGIN_FAMILY_MAX];
	int count;
	*own = 0;
	*others = false;
	if (!login_lock(tx, kind, value, why) || !login_ways(tx, kind, value, ways, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (ways[i].person == person)
			*own = ways[i].id;
		else
			*others = true;
	return true;
}

bool login_key(struct tx *tx, int64_t login, struct id *key, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT key FROM login WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, login);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "login %lld", (long long)login);
	assert(stmt_blob(q, 0).len == ID_BYTES);
	memcpy(key->bytes, stmt_blob(q, 0).at, ID_BYTES);
	return true;
}

/* ---- accounts somebody vouches for ---- */

bool login_vouched(struct tx *tx, enum login_kind kind, struct str value, int64_t person, int64_t now_ms, const uint8_t salt[16], int64_t *login, struct fail *why)
{
	struct login_way ways[LOGIN_FAMILY_MAX];
	int count;
	*login = 0;
	if (!login_lock(tx, kind, value, why) || !login_ways(tx, kind, value, ways, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (ways[i].person == person && *login == 0)
			*login = ways[i].id;
		else if (!login_end(tx, ways[i].id, now_ms, why))
			return false;
	if (*login == 0)
		return login_add(tx, kind, value, person, LEVEL_L2, now_ms, salt, login, why);
	return login_raise(tx, *login, LEVEL_L2, why) && login_used(tx, *login, now_ms, why);
}

bool login_linked(struct tx *tx, enum login_kind kind, struct str value, int64_t now_ms, struct login_found *out, struct fail *why)
{
	struct login_way ways[LOGIN_FAMILY_MAX];
	int count;
	*out = (struct login_found){ .login = 0 };
	if (!login_ways(tx, kind, value, ways, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (ways[i].level >= LEVEL_L2) {
			*out = (struct login_found){ .login = ways[i].id, .person = ways[i].person, .level = LEVEL_L2 };
			return login_used(tx, out->login, now_ms, why);
		}
	return true;
}

/* ---- after a confirmation ---- */

bool login_raise(struct tx *tx, int64_t login, int level, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE login SET level = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, level);
	stmt_bind_int(q, 2, login);
	return stmt_run(q, why);
}

bool login_end(struct tx *tx, int64_t login, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE login SET ended_ms = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, login);
	return stmt_run(q, why);
}

bool login_revive(struct tx *tx, int64_t login, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE login SET ended_ms = NULL WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, login);
	return stmt_run(q, why);
}

/* All ways of the same phone, this one too; nobody makes another meanwhile. */
static bool siblings(struct tx *tx, int64_t login, char text[LOGIN_VALUE_MAX + 1], enum login_kind *kind, struct str *value, struct login_way ways[LOGIN_FAMILY_MAX],
		     int *count, struct fail *why)
{
	return login_value(tx, login, text, kind, value, why) && login_lock(tx, *kind, *value, why) && login_ways(tx, *kind, *value, ways, count, why);
}

bool login_lead(struct tx *tx, int64_t login, int64_t person, int64_t now_ms, const uint8_t salt[16], int64_t *out, bool *made, struct fail *why)
{
	char text[LOGIN_VALUE_MAX + 1];
	struct login_way ways[LOGIN_FAMILY_MAX];
	struct str value;
	enum login_kind kind;
	int count;
	bool ok = siblings(tx, login, text, &kind, &value, ways, &count, why);
	*out = 0;
	for (int i = 0; ok && i < count && *out == 0; i++)
		if (ways[i].person == person)
			*out = ways[i].id;
	*made = ok && *out == 0;
	if (*made)
		ok = login_add(tx, kind, value, person, LEVEL_L2, now_ms, salt, out, why);
	OPENSSL_cleanse(text, sizeof(text));
	return ok && login_raise(tx, *out, LEVEL_L2, why) && login_used(tx, *out, now_ms, why);
}

bool login_end_idle(struct tx *tx, int64_t login, int64_t person, int64_t now_ms, struct fail *why)
{
	char text[LOGIN_VALUE_MAX + 1];
	struct login_way ways[LOGIN_FAMILY_MAX];
	struct str value;
	enum login_kind kind;
	int count;
	bool ok = siblings(tx, login, text, &kind, &value, ways, &count, why);
	for (int i = 0; ok && i < count; i++)
		if (ways[i].level >= LEVEL_L2 && ways[i].person != person && is_idle(&ways[i], now_ms))
			ok = login_end(tx, ways[i].id, now_ms, why);
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}
