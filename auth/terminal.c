/* auth/terminal.c - terminals and hand-overs as rows. */
#include "auth/terminal.h"
#include "auth/session.h"
#include "store/store.h"
#include <assert.h>

enum { CODE_RANDOM = 16, ENDED_AT_ONCE = 64 };

/* ---- terminals ---- */

static bool region_is_there(struct tx *tx, int64_t code, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, code);
	return stmt_row(q, why) || (why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/region", "no such region"));
}

bool terminal_add(struct tx *tx, const struct terminal_new *t, int64_t now_ms, const uint8_t random10[10], int64_t *id, struct id *key, struct fail *why)
{
	*key = id_make(now_ms, random10);
	if (t->certificate->until_ms <= now_ms)
		return FAILS_FIELD(why, FIELD, "/certificate", "it has expired");
	if (!region_is_there(tx, t->region, why) || !tx_next_id(tx, "terminal", id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO terminal (id, key, name, place, region, certificate, until_ms, made_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	stmt_bind_blob(q, 2, key->bytes, sizeof(key->bytes));
	stmt_bind_text(q, 3, t->name);
	stmt_bind_text(q, 4, t->place);
	stmt_bind_int(q, 5, t->region);
	stmt_bind_blob(q, 6, t->certificate->fingerprint, SHA256_BYTES);
	stmt_bind_int(q, 7, t->certificate->until_ms);
	stmt_bind_int(q, 8, now_ms);
	return stmt_run(q, why);
}

static void text_copy(char to[TERMINAL_TEXT_BYTES + 1], struct str s)
{
	assert(s.len <= TERMINAL_TEXT_BYTES);
	memcpy(to, s.at, s.len);
	to[s.len] = '\0';
}

static void row_take(struct stmt *q, struct terminal_row *t)
{
	struct str key = stmt_blob(q, 1);
	assert(key.len == sizeof(t->key.bytes));
	memcpy(t->key.bytes, key.at, key.len);
	t->id = stmt_int(q, 0);
	text_copy(t->name, stmt_text(q, 2));
	text_copy(t->place, stmt_text(q, 3));
	t->region = stmt_int(q, 4);
	t->until_ms = stmt_int(q, 5);
	t->is_revoked = !stmt_is_null(q, 6);
}

/* The one row of a query that is bound. */
static bool row_read(struct stmt *q, struct terminal_row *out, bool *found, struct fail *why)
{
	*found = stmt_row(q, why);
	if (*found)
		row_take(q, out);
	*found = *found && !out->is_revoked;
	return why->code == FAIL_NONE;
}

bool terminal_by_id(struct tx *tx, int64_t id, struct terminal_row *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, key, name, place, region, until_ms, revoked_ms FROM terminal WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return row_read(q, out, found, why);
}

bool terminal_by_key(struct tx *tx, struct id key, struct terminal_row *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, key, name, place, region, until_ms, revoked_ms FROM terminal WHERE key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, sizeof(key.bytes));
	return row_read(q, out, found, why);
}

bool terminal_by_certificate(struct tx *tx, const uint8_t fingerprint[SHA256_BYTES], struct terminal_row *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, key, name, place, region, until_ms, revoked_ms FROM terminal WHERE certificate = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, fingerprint, SHA256_BYTES);
	return row_read(q, out, found, why);
}

bool terminal_list(struct tx *tx, int64_t after, struct terminal_row *out, int most, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, key, name, place, region, until_ms, revoked_ms FROM terminal WHERE id > $1 ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, after);
	stmt_bind_int(q, 2, most);
	for (*count = 0; stmt_row(q, why); ++*count)
		row_take(q, &out[*count]);
	return why->code == FAIL_NONE;
}

/* ---- sessions there ---- */

static bool open_there(struct tx *tx, int64_t terminal, int64_t ids[ENDED_AT_ONCE], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM session WHERE terminal = $1 AND ended_ms IS NULL ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, terminal);
	stmt_bind_int(q, 2, ENDED_AT_ONCE);
	for (*count = 0; stmt_row(q, why); ++*count)
		ids[*count] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool end_there(struct tx *tx, int64_t terminal, enum session_end reason, int64_t now_ms, int64_t *ended, struct fail *why)
{
	int64_t ids[ENDED_AT_ONCE];
	int count;
	*ended = 0;
	do {
		if (!open_there(tx, terminal, ids, &count, why))
			return false;
		for (int i = 0; i < count; i++, ++*ended)
			if (!session_end(tx, ids[i], reason, now_ms, why))
				return false;
	} while (count == ENDED_AT_ONCE);
	return true;
}

/* From here on nobody else begins or ends anything at it; and it is still a terminal. */
static bool hold(struct tx *tx, int64_t id, struct fail *why)
{
	struct terminal_row t;
	bool found;
	if (!tx_lock_row(tx, "terminal", id, why) || !terminal_by_id(tx, id, &t, &found, why))
		return false;
	return found || FAILS(why, CERTIFICATE, "terminal %lld was revoked", (long long)id);
}

bool terminal_revoke(struct tx *tx, int64_t id, int64_t now_ms, int64_t *ended, struct fail *why)
{
	if (!tx_lock_row(tx, "terminal", id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE terminal SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why) && end_there(tx, id, SESSION_ENDED_BY_OPERATOR, now_ms, ended, why);
}

bool terminal_visit(struct tx *tx, const struct terminal_row *t, const uint8_t *certificate, int64_t now_ms, const uint8_t random[32], int64_t *session, struct fail *why)
{
	int64_t ended;
	struct session_new s = { .kind = WHO_TERMINAL, .principal = t->id, .name = str_c(t->name), .region = t->region, .life_ms = TERMINAL_IDLE_MS,
		.certificate = certificate, .terminal = t->id };
	return hold(tx, t->id, why) && end_there(tx, t->id, SESSION_ENDED_BY_VISITOR, now_ms, &ended, why) && session_open(tx, &s, now_ms, random, session, why);
}

/* ---- hand-overs ---- */

void hand_over_code(const uint8_t random[32], char out[HAND_OVER_CODE_BYTES])
{
	size_t len = base64url_text(random, CODE_RANDOM, out);
	assert(len + 1 == HAND_OVER_CODE_BYTES);
}

struct id hand_over_key(struct str code)
{
	struct id key;
	uint8_t digest[SHA256_BYTES];
	struct str parts[] = { STR("siban hand-over\n"), code };
	hash_parts(HASH_SHA256, parts, 2, digest);
	memcpy(key.bytes, digest, sizeof(key.bytes));
	return key;
}

bool hand_over_approve(struct tx *tx, struct id key, const struct hand_over *h, int64_t now_ms, struct fail *why)
{
	int64_t id;
	if (!tx_next_id(tx, "hand_over", &id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO hand_over (id, key, terminal, visit, person, approved_by, level, until_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
		" ON CONFLICT (key) DO NOTHING", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, key.bytes, sizeof(key.bytes));
	stmt_bind_int(q, 3, h->terminal);
	stmt_bind_int(q, 4, h->visit);
	stmt_bind_int(q, 5, h->person);
	stmt_bind_int(q, 6, h->approved_by);
	stmt_bind_int(q, 7, h->level);
	stmt_bind_int(q, 8, now_ms + HAND_OVER_MS);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, NOT_FOUND, "that code had its yes"));
}

bool hand_over_find(struct tx *tx, struct id key, struct hand_over *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, terminal, visit, person, approved_by, level, until_ms, opened FROM hand_over WHERE key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, sizeof(key.bytes));
	*found = stmt_row(q, why);
	if (*found)
		*out = (struct hand_over){ .id = stmt_int(q, 0), .terminal = stmt_int(q, 1), .visit = stmt_int(q, 2), .person = stmt_int(q, 3), .approved_by = stmt_int(q, 4),
			.level = (int)stmt_int(q, 5), .until_ms = stmt_int(q, 6), .opened = stmt_int(q, 7) }; /* NULL reads as 0 */
	return why->code == FAIL_NONE;
}

/* The way in of the session that said yes, if that still stands; 0: it is over. */
static bool still_logged_in(struct tx *tx, int64_t session, int64_t now_ms, int64_t *login, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT login FROM session WHERE id = $1 AND ended_ms IS NULL AND expires_ms > $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, session);
	stmt_bind_int(q, 2, now_ms);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "the session that said yes is over");
	*login = stmt_int(q, 0);
	return true;
}

/* 0: none. A citizen is at one terminal at a time, so there is one at most. */
static bool elsewhere(struct tx *tx, int64_t person, int64_t *session, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM session WHERE principal_id = $1 AND kind = 2 AND ended_ms IS NULL AND terminal IS NOT NULL ORDER BY id LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	*session = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

static bool taken(struct tx *tx, int64_t id, int64_t session, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE hand_over SET opened = $1 WHERE id = $2 AND opened IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, session);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, NOT_FOUND, "it was taken"));
}

bool hand_over_take(struct tx *tx, const struct hand_over *h, const struct terminal_row *t, const uint8_t *certificate, int64_t now_ms, const uint8_t random[32],
		    int64_t *session, struct fail *why)
{
	int64_t former;
	struct session_new s = { .kind = WHO_CITIZEN, .principal = h->person, .name = str_c(t->place), .level = h->level, .life_ms = TERMINAL_IDLE_MS,
		.certificate = certificate, .terminal = t->id };
	if (h->opened != 0 || h->until_ms <= now_ms)
		return FAILS(why, NOT_FOUND, "it was taken, or its minute is over");
	if (!hold(tx, t->id, why) || !tx_lock_row(tx, "person.sessions", h->person, why) || !still_logged_in(tx, h->approved_by, now_ms, &s.login, why) ||
	    !elsewhere(tx, h->person, &former, why))
		return false;
	if (former != 0 && !session_end(tx, former, SESSION_ENDED_BY_NEWER, now_ms, why))
		return false;
	return session_open(tx, &s, now_ms, random, session, why) && taken(tx, h->id, *session, why);
}
