/* auth/token.c - who is this? Asked by every request that is not a stranger's, so it costs one hash and one cached row. */
#include "auth/token.h"
#include "auth/right.h"
#include "auth/session.h"
#include "base/hash.h"
#include <assert.h>

enum { PURGE_AFTER_MS = 24 * 3600 * 1000, TOKEN_RANDOM_BYTES = 32, TOKEN_PREFIX_LENGTH = 4, TOKEN_LENGTH = TOKEN_TEXT_BYTES - 1, SEEN_TOKENS = 2048 };

/* What the row cache keeps, by the first eight bytes of the hash. */
struct token_row {
	uint8_t hash[SHA256_BYTES];
	int64_t id, principal, session;
	int64_t expires_ms;
	int32_t kind;
	bool is_development, is_test_key, is_revoked;
};

/* The hashes of tokens seen lately by this thread. A hash never changes, so nothing here can be stale: whether the token is still good
 * is the row's to say. Measured: a digest through libcrypto is a twentieth of a whole status query. */
static _Thread_local struct {
	char text[TOKEN_LENGTH];
	uint8_t hash[SHA256_BYTES];
} seen[SEEN_TOKENS];

static void token_hash(struct str token, uint8_t hash[SHA256_BYTES])
{
	uint32_t mark; /* of the random part, which nobody chooses */
	memcpy(&mark, token.at + TOKEN_PREFIX_LENGTH, sizeof(mark));
	mark = (mark ^ mark >> 11) % SEEN_TOKENS;
	if (!str_same_secret((struct str){ seen[mark].text, TOKEN_LENGTH }, token)) {
		sha256(token, seen[mark].hash);
		memcpy(seen[mark].text, token.at, TOKEN_LENGTH);
	}
	memcpy(hash, seen[mark].hash, SHA256_BYTES);
}

static uint64_t cache_key(const uint8_t hash[SHA256_BYTES])
{
	uint64_t key;
	memcpy(&key, hash, sizeof(key));
	return key;
}

static const struct prefix {
	enum who kind;
	struct str text;
} prefixes[] = {
	{ WHO_CITIZEN, { "sbc_", TOKEN_PREFIX_LENGTH } }, { WHO_DEPARTMENT, { "sbd_", TOKEN_PREFIX_LENGTH } }, { WHO_STAFF, { "sbs_", TOKEN_PREFIX_LENGTH } },
	{ WHO_PARTNER, { "sbp_", TOKEN_PREFIX_LENGTH } }, { WHO_TERMINAL, { "sbt_", TOKEN_PREFIX_LENGTH } },
};
enum { PREFIXES = sizeof(prefixes) / sizeof(prefixes[0]) };

/* The row of the kind, or the row that the text begins with; NULL: none. */
static const struct prefix *prefix_of(enum who kind, struct str text)
{
	for (int i = 0; i < PREFIXES; i++)
		if (prefixes[i].kind == kind || str_starts(text, prefixes[i].text))
			return &prefixes[i];
	return NULL;
}

void token_text(enum who kind, const uint8_t random[32], char text[TOKEN_TEXT_BYTES])
{
	const struct prefix *prefix = prefix_of(kind, STR_NONE);
	assert(prefix != NULL);
	memcpy(text, prefix->text.at, TOKEN_PREFIX_LENGTH);
	size_t len = base64url_text(random, TOKEN_RANDOM_BYTES, text + TOKEN_PREFIX_LENGTH);
	assert(len + TOKEN_PREFIX_LENGTH == TOKEN_LENGTH);
}

bool token_make(struct tx *tx, const struct token_spec *spec, int64_t now_ms, char text[TOKEN_TEXT_BYTES], struct fail *why)
{
	uint8_t hash[SHA256_BYTES];
	int64_t id;
	token_text(spec->kind, spec->random, text);
	sha256((struct str){ text, TOKEN_LENGTH }, hash);
	if (!tx_next_id(tx, "token", &id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO token (id, hash, kind, principal_id, expires_ms, development, test_key, made_ms, session)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, hash, sizeof(hash));
	stmt_bind_int(q, 3, spec->kind);
	stmt_bind_int(q, 4, spec->principal);
	stmt_bind_int(q, 5, spec->expires_ms);
	stmt_bind_int(q, 6, spec->development);
	stmt_bind_int(q, 7, spec->test_key);
	stmt_bind_int(q, 8, now_ms);
	if (spec->session != 0)
		stmt_bind_int(q, 9, spec->session);
	else
		stmt_bind_null(q, 9);
	return stmt_run(q, why);
}

static bool row_read(struct tx *tx, const uint8_t hash[SHA256_BYTES], struct token_row *row, struct fail *why)
{
	const struct token_row *kept = tx_cached(tx, ROW_TOKEN, cache_key(hash));
	if (kept != NULL &&
	    str_same_secret((struct str){ (const char *)kept->hash, SHA256_BYTES }, (struct str){ (const char *)hash, SHA256_BYTES })) {
		*row = *kept;
		return true;
	}
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT id, kind, principal_id, expires_ms, development, test_key, revoked_ms, session FROM token WHERE hash = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, hash, SHA256_BYTES);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, TOKEN, "no such token");
	memcpy(row->hash, hash, SHA256_BYTES);
	row->id = stmt_int(q, 0);
	row->kind = (int32_t)stmt_int(q, 1);
	row->principal = stmt_int(q, 2);
	row->expires_ms = stmt_int(q, 3);
	row->is_development = stmt_int(q, 4) != 0;
	row->is_test_key = stmt_int(q, 5) != 0;
	row->is_revoked = !stmt_is_null(q, 6);
	row->session = stmt_int(q, 7); /* NULL reads as 0 */
	struct token_row *keep = tx_cache(tx, ROW_TOKEN, cache_key(hash), sizeof(*row));
	if (keep != NULL)
		*keep = *row;
	return true;
}

/* Of a session it is the session's row that says who, and how much: it may have been raised since the token was made. */
static bool by_session(struct tx *tx, int64_t id, const uint8_t *certificate, int64_t now_ms, struct principal *who, struct fail *why)
{
	struct session_row s;
	if (!session_read(tx, id, &s, why))
		return false;
	if (s.is_ended || s.expires_ms <= now_ms)
		return FAILS(why, TOKEN, "session %lld is over", (long long)id);
	if (s.is_bound && (certificate == NULL || memcmp(s.certificate, certificate, sizeof(s.certificate)) != 0))
		return FAILS(why, TOKEN, "session %lld is bound to a certificate that is not shown", (long long)id);
	who->id = s.principal;
	who->session = s.id;
	who->level = s.level4_until_ms > now_ms ? LEVEL_L4 : s.level;
	who->level3_until_ms = s.level3_until_ms;
	who->level4_until_ms = s.level4_until_ms;
	who->rights = s.rights;
	who->region = s.region;
	who->session_until_ms = s.expires_ms;
	who->terminal = s.terminal;
	return true;
}

/* The operator knew whom he meant. */
static bool by_hand(struct principal *who)
{
	who->level = who->kind == WHO_CITIZEN ? LEVEL_L2 : LEVEL_L0;
	who->rights = rights_all(who->kind);
	return true;
}

bool token_check(struct tx *tx, struct secret bearer, const uint8_t *certificate, int64_t now_ms, bool development, struct principal *who, struct fail *why)
{
	struct token_row row;
	uint8_t hash[SHA256_BYTES];
	/* the length is public; a foreign string of another length costs no read */
	const struct prefix *prefix = bearer.secret.len == TOKEN_LENGTH ? prefix_of(0, bearer.secret) : NULL;
	if (prefix == NULL)
		return FAILS(why, TOKEN, "not one of our tokens");
	token_hash(bearer.secret, hash);
	if (!row_read(tx, hash, &row, why))
		return false;
	assert(row.kind == (int32_t)prefix->kind); /* the prefix was hashed with the rest */
	if (row.is_revoked)
		return FAILS(why, TOKEN, "token %lld is revoked", (long long)row.id);
	if (row.expires_ms <= now_ms)
		return FAILS(why, TOKEN, "token %lld has expired", (long long)row.id);
	if (row.is_development && !development)
		return FAILS(why, TOKEN, "token %lld is a development token", (long long)row.id);
	*who = (struct principal){ .kind = prefix->kind, .id = row.principal, .token = row.id, .test_key = row.is_test_key };
	return row.session != 0 ? by_session(tx, row.session, certificate, now_ms, who, why) : by_hand(who);
}

bool token_is_good(struct tx *tx, int64_t token, int64_t principal, int64_t now_ms, struct fail *why)
{
	struct session_row s = { .expires_ms = INT64_MAX };
	int64_t session;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT expires_ms, revoked_ms, principal_id, session FROM token WHERE id = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, token);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE && FAILS(why, TOKEN, "token %lld is gone", (long long)token);
		if (!stmt_is_null(q, 1) || stmt_int(q, 0) <= now_ms)
			return FAILS(why, TOKEN, "token %lld is over", (long long)token);
		s.principal = stmt_int(q, 2);
		session = stmt_int(q, 3);
	}
	if (session != 0 && !session_read(tx, session, &s, why))
		return false;
	if (s.is_ended || s.expires_ms <= now_ms || s.principal != principal)
		return FAILS(why, TOKEN, "session %lld is over, or another's", (long long)session);
	return true;
}

bool token_revoke(struct tx *tx, int64_t token, int64_t now_ms, struct fail *why)
{
	uint8_t hash[SHA256_BYTES];
	{
		DROP(stmt) struct stmt *find = tx_query(tx, "SELECT hash, kind, principal_id FROM token WHERE id = $1", why);
		if (find == NULL)
			return false;
		stmt_bind_int(find, 1, token);
		if (!stmt_row(find, why))
			return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "token %lld", (long long)token);
		struct str stored = stmt_blob(find, 0);
		assert(stored.len == SHA256_BYTES);
		memcpy(hash, stored.at, SHA256_BYTES);
		if (stmt_int(find, 1) == WHO_CITIZEN)
			tx_tell(tx, NEWS_PERSON, stmt_int(find, 2));
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE token SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, token);
	tx_touch(tx, ROW_TOKEN, cache_key(hash));
	return stmt_run(q, why);
}

bool token_find(struct tx *tx, struct str text, int64_t *token, int64_t *session, struct fail *why)
{
	uint8_t hash[SHA256_BYTES];
	*token = *session = 0;
	sha256(text, hash);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, session FROM token WHERE hash = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, hash, sizeof(hash));
	if (stmt_row(q, why)) {
		*token = stmt_int(q, 0);
		*session = stmt_int(q, 1);
	}
	return why->code == FAIL_NONE;
}

bool token_purge(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM token WHERE id IN (SELECT id FROM token WHERE expires_ms < $1 ORDER BY expires_ms LIMIT $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms - PURGE_AFTER_MS);
	stmt_bind_int(q, 2, rows_max);
	if (!stmt_run(q, why))
		return false;
	*rows = tx_changes(tx);
	return true;
}
