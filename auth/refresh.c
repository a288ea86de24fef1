/* auth/refresh.c - the table on top of refresh.h, as reads and updates of one session's few rows. */
#include "auth/refresh.h"
#include "base/hash.h"
#include <assert.h>

enum { PREFIX_LENGTH = 4, TEXT_LENGTH = REFRESH_TEXT_BYTES - 1 };
enum state { UNUSED = 1, SPENT = 2, SUPERSEDED = 3 };

struct row {
	int64_t id, session, spent_ms, expires_ms, session_ended;
	enum state state;
	bool is_same_device;
};

void refresh_text(const uint8_t random[32], char text[REFRESH_TEXT_BYTES])
{
	memcpy(text, "sbr_", PREFIX_LENGTH);
	size_t len = base64url_text(random, 32, text + PREFIX_LENGTH);
	assert(len + PREFIX_LENGTH == TEXT_LENGTH);
}

bool refresh_has_shape(struct str text)
{
	return text.len == TEXT_LENGTH && str_starts(text, STR("sbr_"));
}

bool refresh_make(struct tx *tx, int64_t session, int64_t parent, int64_t expires_ms, const uint8_t random[32], struct fail *why)
{
	char text[REFRESH_TEXT_BYTES];
	uint8_t hash[SHA256_BYTES];
	int64_t id;
	refresh_text(random, text);
	sha256((struct str){ text, TEXT_LENGTH }, hash);
	if (!tx_next_id(tx, "refresh", &id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO refresh (id, hash, session, parent, state, expires_ms, spent_ms) VALUES ($1, $2, $3, $4, 1, $5, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, hash, sizeof(hash));
	stmt_bind_int(q, 3, session);
	stmt_bind_int(q, 4, parent);
	stmt_bind_int(q, 5, expires_ms);
	return stmt_run(q, why);
}

static bool read_row(struct tx *tx, struct str text, const uint8_t device_hash[32], struct row *r, struct fail *why)
{
	uint8_t hash[SHA256_BYTES];
	sha256(text, hash);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT r.id, r.session, r.state, r.spent_ms, r.expires_ms, s.ended_ms, s.device_hash"
		" FROM refresh r JOIN session s ON s.id = r.session WHERE r.hash = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, hash, sizeof(hash));
	if (!stmt_row(q, why)) {
		r->id = 0;
		return why->code == FAIL_NONE;
	}
	*r = (struct row){ .id = stmt_int(q, 0), .session = stmt_int(q, 1), .state = (enum state)stmt_int(q, 2), .spent_ms = stmt_int(q, 3),
		.expires_ms = stmt_int(q, 4), .session_ended = stmt_int(q, 5) };
	struct str device = stmt_blob(q, 6);
	r->is_same_device = device.len == SHA256_BYTES && str_same_secret(device, (struct str){ (const char *)device_hash, SHA256_BYTES });
	return true;
}

/* The newest of the session: unused, and given for this one? Then nobody has used what the lost answer held. */
static bool is_last_step(struct tx *tx, const struct row *r, int64_t *newest, bool *is, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, parent, state FROM refresh WHERE session = $1 ORDER BY id DESC LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->session);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, INTERNAL, "session %lld has no refresh token", (long long)r->session);
	*newest = stmt_int(q, 0);
	*is = stmt_int(q, 1) == r->id && stmt_int(q, 2) == UNUSED;
	return true;
}

static bool put_state(struct tx *tx, int64_t id, enum state state, int64_t spent_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE refresh SET state = $1, spent_ms = $2 WHERE id = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, state);
	stmt_bind_int(q, 2, spent_ms);
	stmt_bind_int(q, 3, id);
	return stmt_run(q, why);
}

static bool judge_spent(struct tx *tx, const struct row *r, int64_t now_ms, enum refresh_verdict *verdict, struct fail *why)
{
	int64_t newest = 0;
	bool is_last = false;
	*verdict = REFRESH_STOLEN;
	if (r->state != SPENT || !r->is_same_device || now_ms - r->spent_ms > REFRESH_GRACE_MS)
		return true;
	if (!is_last_step(tx, r, &newest, &is_last, why))
		return false;
	if (!is_last)
		return true;
	*verdict = REFRESH_GOOD_AGAIN;
	return put_state(tx, newest, SUPERSEDED, now_ms, why);
}

bool refresh_use(struct tx *tx, struct secret text, const uint8_t device_hash[32], int64_t now_ms, enum refresh_verdict *verdict, int64_t *id, int64_t *session,
		 struct fail *why)
{
	struct row r;
	*verdict = REFRESH_UNKNOWN;
	if (!refresh_find(tx, text.secret, session, why) || !tx_lock_row(tx, "session", *session, why) || !read_row(tx, text.secret, device_hash, &r, why))
		return false;
	*id = r.id;
	*session = r.id != 0 ? r.session : 0;
	if (r.id == 0 || r.session_ended != 0 || r.expires_ms <= now_ms)
		return true;
	if (r.state != UNUSED)
		return judge_spent(tx, &r, now_ms, verdict, why);
	*verdict = REFRESH_GOOD;
	return put_state(tx, r.id, SPENT, now_ms, why);
}

bool refresh_find(struct tx *tx, struct str text, int64_t *session, struct fail *why)
{
	static const uint8_t nobody[SHA256_BYTES];
	struct row r;
	bool ok = read_row(tx, text, nobody, &r, why);
	*session = ok && r.id != 0 ? r.session : 0;
	return ok;
}

bool refresh_purge(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM refresh WHERE id IN (SELECT id FROM refresh WHERE expires_ms < $1 ORDER BY expires_ms LIMIT $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, rows_max);
	if (!stmt_run(q, why))
		return false;
	*rows = tx_changes(tx);
	return true;
}
