/* notify/effect.c - why this exists: a deed is written down in one way, whoever wants it done, and read in one way, whoever shows it. */
#include "notify/effect.h"

#include "auth/vault.h"
#include "base/arena.h"
#include "base/hash.h"

#include <assert.h>

void effect_random(const uint8_t request_random[32], int n, uint8_t out[16])
{
	uint8_t digest[SHA256_BYTES];
	char place[21];
	struct str parts[] = { STR("effect "), { place, i64_text(n, place) } };
	hmac_sha256((struct str){ (const char *)request_random, 32 }, parts, 2, digest);
	memcpy(out, digest, 16);
}

void effect_key_text(struct id key, char out[EFFECT_KEY_BYTES])
{
	id_text(key, "ef", out);
}

bool effect_key_from_text(struct str s, struct id *out)
{
	return id_from_text(s, "ef", out);
}

/* Else who comes might wait for a turn that is being handed on to nobody. */
bool effect_subject_lock(struct tx *tx, struct str subject, struct fail *why)
{
	return tx_lock(tx, "effect.subject", subject, why);
}

bool effect_subject_taken(struct tx *tx, struct str subject, bool *taken, struct fail *why)
{
	*taken = false;
	if (subject.len == 0)
		return true;
	if (!effect_subject_lock(tx, subject, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM effect WHERE subject = $1 AND subject <> '' AND waits = 0 AND (state <= 2 OR state = 6)", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, subject);
	*taken = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

static bool insert(struct tx *tx, const struct effect_new *e, int64_t id, struct id key, bool waits, int64_t now_ms, struct fail *why)
{
	const struct effect_kind *kind = effect_kind_of(e->kind);
	int64_t due = e->due_ms > 0 ? e->due_ms : now_ms;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO effect (id, key, kind, state, subject, waits, held_by, person, message, attempts, rung, asks, due_ms, expires_ms, done_ms, receipt, code, ref,"
		" made_ms, changed_ms) VALUES ($1, $2, $3, 1, $4, $5, 0, $6, $7, 0, 0, 0, $8, $9, 0, 0, '', '', $10, $11)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, key.bytes, sizeof key.bytes);
	stmt_bind_int(q, 3, e->kind);
	stmt_bind_text(q, 4, e->subject.len > 0 ? e->subject : STR(""));
	stmt_bind_int(q, 5, waits);
	stmt_bind_int(q, 6, e->person);
	stmt_bind_int(q, 7, e->message);
	stmt_bind_int(q, 8, due);
	stmt_bind_int(q, 9, e->expires_ms > 0 ? e->expires_ms : due + kind->life_ms);
	stmt_bind_int(q, 10, now_ms);
	stmt_bind_int(q, 11, now_ms);
	return stmt_run(q, why);
}

static bool insert_payload(struct tx *tx, int64_t id, struct str sealed, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO effect_payload (effect, payload) VALUES ($1, $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, sealed.at, sealed.len);
	return stmt_run(q, why);
}

static inline void arena_dropper(struct arena *a) { arena_free(a); }

bool effect_add(struct tx *tx, const struct effect_new *e, int64_t now_ms, const uint8_t random[16], int64_t *id, struct fail *why)
{
	assert(effect_kind_of(e->kind) != NULL && e->subject.len <= SUBJECT_BYTES_MAX && e->payload.len <= EFFECT_PAYLOAD_MAX);
	bool waits;
	DROP(arena) struct arena a;
	struct buf sealed;
	arena_init(&a, EFFECT_PAYLOAD_MAX * 4);
	buf_init(&sealed, &a, e->payload.len + VAULT_OVERHEAD_MAX);
	if (!effect_subject_taken(tx, e->subject, &waits, why) || !tx_next_id(tx, "effect", id, why) ||
	    !vault_seal("effect.payload", *id, e->payload, random, &sealed, why) ||
	    !insert(tx, e, *id, id_make(now_ms, random), waits, now_ms, why) || !insert_payload(tx, *id, buf_text(&sealed), why))
		return false;
	tx_tell(tx, NEWS_EFFECT_DUE, *id);
	return true;
}

bool effect_payload_put(struct tx *tx, int64_t id, struct str payload, const uint8_t random[16], struct fail *why)
{
	DROP(arena) struct arena a;
	struct buf sealed;
	arena_init(&a, EFFECT_PAYLOAD_MAX * 4);
	buf_init(&sealed, &a, payload.len + VAULT_OVERHEAD_MAX);
	if (!vault_seal("effect.payload", id, payload, random, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE effect_payload SET payload = $1 WHERE effect = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, sealed.at, sealed.len);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why);
}

static void text_out(char *to, size_t size, struct str s)
{
	assert(s.len < size);
	memcpy(to, s.at, s.len);
	to[s.len] = '\0';
}

void effect_view_read(struct stmt *q, struct effect_view *out)
{
	*out = (struct effect_view){
		.id = stmt_int(q, 0), .kind = (int32_t)stmt_int(q, 2), .state = (enum effect_state)stmt_int(q, 3), .waits = stmt_int(q, 5) == 1,
		.held_by = (enum effect_held_by)stmt_int(q, 6), .person = stmt_int(q, 7), .message = stmt_int(q, 8), .attempts = stmt_int(q, 9),
		.rung = stmt_int(q, 10), .asks = stmt_int(q, 11), .due_ms = stmt_int(q, 12), .expires_ms = stmt_int(q, 13), .done_ms = stmt_int(q, 14),
		.receipt = (enum effect_receipt)stmt_int(q, 15), .made_ms = stmt_int(q, 18), .changed_ms = stmt_int(q, 19), .owner = stmt_int(q, 20),
	};
	struct str key = stmt_blob(q, 1);
	assert(key.len == ID_BYTES);
	memcpy(out->key.bytes, key.at, ID_BYTES);
	text_out(out->subject, sizeof out->subject, stmt_text(q, 4));
	text_out(out->code, sizeof out->code, stmt_text(q, 16));
	text_out(out->ref, sizeof out->ref, stmt_text(q, 17));
}

static bool get(struct stmt *q, struct effect_view *out, bool *found, struct fail *why)
{
	*found = stmt_row(q, why);
	if (*found)
		effect_view_read(q, out);
	return why->code == FAIL_NONE;
}

bool effect_get(struct tx *tx, int64_t id, struct effect_view *out, bool *found, struct fail *why)
{
	*found = false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " EFFECT_COLUMN_LIST " FROM effect WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return get(q, out, found, why);
}

bool effect_get_by_key(struct tx *tx, struct id key, struct effect_view *out, bool *found, struct fail *why)
{
	*found = false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " EFFECT_COLUMN_LIST " FROM effect WHERE key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, sizeof key.bytes);
	return get(q, out, found, why);
}

const char *effect_state_name(enum effect_state s)
{
	static const char *const names[] = { [EFFECT_DUE] = "due", [EFFECT_SENDING] = "sending", [EFFECT_DONE] = "done", [EFFECT_FAILED] = "failed",
					     [EFFECT_UNKNOWN] = "unknown", [EFFECT_HELD] = "held", [EFFECT_CANCELLED] = "cancelled" };
	assert(s >= EFFECT_DUE && s <= EFFECT_CANCELLED);
	return names[s];
}

bool effect_is_under_way(const struct effect_view *e)
{
	return e->state == EFFECT_SENDING && e->asks == 0;
}

bool effect_is_over(enum effect_state s)
{
	return s == EFFECT_DONE || s == EFFECT_FAILED || s == EFFECT_UNKNOWN || s == EFFECT_CANCELLED;
}
