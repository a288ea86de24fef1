/* auth/real_name.c - the table on top of real_name.h. */
#include "auth/real_name.h"
#include "auth/audit.h"
#include "auth/keyring.h"
#include "auth/login.h"
#include "auth/mandate.h"
#include "auth/right.h"
#include "auth/session.h"
#include "base/ids.h"

/* ---- failures ---- */

static bool tries(struct tx *tx, int64_t person, const uint8_t hash[SHA256_BYTES], int64_t now_ms, int64_t *failures, int64_t *left_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT failures, last_ms FROM identity_try WHERE person = $1 AND number_hash = $2", why);
	if (q == NULL)
		return false;
	*failures = *left_ms = 0;
	stmt_bind_int(q, 1, person);
	stmt_bind_blob(q, 2, hash, SHA256_BYTES);
	if (stmt_row(q, why) && stmt_int(q, 1) + IDENTITY_LOCK_MS > now_ms) {
		*failures = stmt_int(q, 0);
		*left_ms = stmt_int(q, 1) + IDENTITY_LOCK_MS - now_ms;
	}
	return why->code == FAIL_NONE;
}

bool identity_may_try(struct tx *tx, int64_t person, struct str what, int64_t now_ms, struct fail *why)
{
	uint8_t hash[SHA256_BYTES];
	int64_t failures, left_ms;
	keyring_index("identity.try", &what, 1, hash);
	if (!tries(tx, person, hash, now_ms, &failures, &left_ms, why))
		return false;
	if (failures < IDENTITY_FAILURES_MAX)
		return true;
	FAILS(why, IDENTITY_LOCKED, "person %lld has failed %d times", (long long)person, IDENTITY_FAILURES_MAX);
	why->retry_after_s = (int)(left_ms / 1000) + 1;
	return false;
}

bool identity_failed(struct tx *tx, int64_t person, struct str what, int64_t now_ms, struct fail *why)
{
	uint8_t hash[SHA256_BYTES];
	int64_t failures, left_ms;
	keyring_index("identity.try", &what, 1, hash);
	if (!tx_lock_row(tx, "identity_try", person, why) || !tries(tx, person, hash, now_ms, &failures, &left_ms, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO identity_try (person, number_hash, failures, last_ms) VALUES ($1, $2, $3, $4)"
		" ON CONFLICT (person, number_hash) DO UPDATE SET failures = excluded.failures, last_ms = excluded.last_ms", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_blob(q, 2, hash, sizeof(hash));
	stmt_bind_int(q, 3, failures + 1);
	stmt_bind_int(q, 4, now_ms);
	return stmt_run(q, why);
}

bool identity_purge(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM identity_try WHERE (person, number_hash) IN"
		" (SELECT person, number_hash FROM identity_try WHERE last_ms <= $1 ORDER BY last_ms LIMIT $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms - IDENTITY_LOCK_MS);
	stmt_bind_int(q, 2, rows_max);
	if (!stmt_run(q, why))
		return false;
	*rows = tx_changes(tx);
	return true;
}

/* ---- whose session it is from now on ---- */

struct change {
	int64_t from, into;          /* persons */
	int64_t login, made_login;   /* the session's way in; the new one, 0 when it was there */
	int64_t session, level3_until_ms;
	bool from_is_known;
	uint8_t device[DEVICE_HASH_BYTES];
	bool has_device;
};

static bool session_of(struct tx *tx, struct change *c, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT s.login, s.device_hash, p.kind, p.id, s.level3_until_ms FROM session s JOIN person p ON p.id = s.principal_id"
		" WHERE s.id = $1 AND s.kind = 2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->session);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, INTERNAL, "session %lld has no person", (long long)c->session);
	c->from = stmt_int(q, 3);
	c->level3_until_ms = stmt_int(q, 4);
	c->login = stmt_int(q, 0);
	struct str device = stmt_blob(q, 1);
	c->has_device = device.len == sizeof(c->device);
	if (c->has_device)
		memcpy(c->device, device.at, device.len);
	c->from_is_known = stmt_int(q, 2) != IDENTITY_NONE;
	return true;
}

static bool session_moved(struct tx *tx, const struct request *r, const struct change *c, int64_t login, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE session SET login = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, login);
	stmt_bind_int(q, 2, c->session);
	return stmt_run(q, why) && (!c->has_device || device_seen(tx, c->into, c->device, r->now_ms, why));
}

static bool merge_note(struct tx *tx, const struct request *r, const struct change *c, struct fail *why)
{
	uint8_t random[32];
	int64_t id;
	request_bytes(r, "merge", random);
	struct id key = id_make(r->now_ms, random);
	if (!tx_next_id(tx, "person_merge", &id, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO person_merge (id, key, from_person, into_person, from_login, made_login, made_ms, undone_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_blob(q, 2, key.bytes, sizeof(key.bytes));
	stmt_bind_int(q, 3, c->from);
	stmt_bind_int(q, 4, c->into);
	stmt_bind_int(q, 5, c->login);
	if (c->made_login != 0)
		stmt_bind_int(q, 6, c->made_login);
	else
		stmt_bind_null(q, 6);
	stmt_bind_int(q, 7, r->now_ms);
	return stmt_run(q, why);
}

/* The other sessions of the first account end; this one is the other person's. */
static bool merge(struct tx *tx, const struct request *r, const struct change *c, struct fail *why)
{
	int64_t ended;
	struct audit a = { AUDIT_PERSONS_MERGED, AUDIT_OF_PERSON, c->into, .for_kind = WHO_CITIZEN, .for_id = c->from, .result = 200 };
	return login_end(tx, c->login, r->now_ms, why) && merge_note(tx, r, c, why) &&
	       session_end_all(tx, WHO_CITIZEN, c->from, c->session, SESSION_ENDED_BY_MERGE, r->now_ms, &ended, why) && audit_add(tx, r, &a, why);
}

static bool to_somebody(struct tx *tx, const struct request *r, const struct real_name *n, struct change *c, const uint8_t salt[16], struct fail *why)
{
	struct person_facts facts = { .name = n->name };
	int64_t login;
	bool made;
	if (!person_find_or_make(tx, n->kind, n->number, r->now_ms, &c->into, why) || !person_facts_merge(tx, c->into, &facts, salt, why) ||
	    !login_lead(tx, c->login, c->into, r->now_ms, salt, &login, &made, why))
		return false;
	c->made_login = made ? login : 0;
	return session_moved(tx, r, c, login, why) && (c->from == c->into || c->from_is_known || merge(tx, r, c, why));
}

bool real_name_confirm(struct tx *tx, const struct request *r, const struct real_name *n, struct fail *why)
{
	struct change c = { .session = n->session != 0 ? n->session : r->who.session };
	uint8_t salt[32];
	int64_t known;
	request_bytes(r, "real name", salt);
	if (!session_of(tx, &c, why) || !person_find(tx, n->kind, n->number, &known, why))
		return false;
	if (known == 0 && !c.from_is_known) {
		c.into = c.from;
		if (!person_become(tx, c.from, n->kind, n->number, n->name, salt, why) || !login_raise(tx, c.login, LEVEL_L2, why))
			return false;
	} else if (!to_somebody(tx, r, n, &c, salt, why)) {
		return false;
	}
	int64_t face_until = n->level3_until_ms != 0 ? n->level3_until_ms : c.from == c.into ? c.level3_until_ms : 0; /* what another had shown is not this one's */
	struct audit a = { AUDIT_IDENTITY_CONFIRMED, AUDIT_OF_PERSON, c.into, .result = 200, .detail = str_c(confirmed_by_text(n->by)) };
	return person_confirmed(tx, c.into, n->by, r->now_ms, why) && login_end_idle(tx, c.login, c.into, r->now_ms, why) &&
	       session_raise(tx, c.session, c.into, LEVEL_L2, face_until, why) && audit_add(tx, r, &a, why);
}

/* ---- undo ---- */

struct undoing {
	int64_t id, from, from_login, made_login, made_ms;
};

static bool merge_find(struct tx *tx, const struct request *r, struct id key, struct undoing *u, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, from_person, from_login, made_login, made_ms FROM person_merge"
		" WHERE key = $1 AND into_person = $2 AND undone_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, sizeof(key.bytes));
	stmt_bind_int(q, 2, r->who.id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such merge of this person");
	*u = (struct undoing){ .id = stmt_int(q, 0), .from = stmt_int(q, 1), .from_login = stmt_int(q, 2), .made_login = stmt_int(q, 3), .made_ms = stmt_int(q, 4) };
	return true;
}

static bool undone(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE person_merge SET undone_ms = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why);
}

/* Everybody logs in again: who came by a way that leads elsewhere now must not stay where he is. */
bool real_name_undo(struct tx *tx, const struct request *r, struct str text, struct fail *why)
{
	struct id key;
	struct undoing u = { .id = 0 };
	int64_t ended;
	if (!id_from_text(text, "pm", &key))
		return FAILS(why, NOT_FOUND, "not the id of a merge");
	if (!merge_find(tx, r, key, &u, why) || !undone(tx, u.id, r->now_ms, why) || !login_revive(tx, u.from_login, why) ||
	    (u.made_login != 0 && !login_end(tx, u.made_login, r->now_ms, why)) || !mandate_end_since(tx, r, r->who.id, u.made_ms, why) ||
	    !session_end_all(tx, WHO_CITIZEN, r->who.id, 0, SESSION_ENDED_BY_MERGE, r->now_ms, &ended, why))
		return false;
	struct audit a = { AUDIT_MERGE_UNDONE, AUDIT_OF_PERSON, r->who.id, .for_kind = WHO_CITIZEN, .for_id = u.from, .result = 204 };
	return audit_add(tx, r, &a, why);
}
