/* auth/provider.c - rows of `login` that are no phones, and what waits to become one. */
#include "auth/provider.h"
#include "auth/audit.h"
#include "auth/keyring.h"
#include "auth/right.h"
#include "auth/vault.h"
#include <assert.h>
#include <openssl/crypto.h>

static const struct provider_row rows[] = {
#define PROVIDER(name, number, text, zh, en) { LOGIN_##name, text, zh, en },
#include "auth/providers.def"
#undef PROVIDER
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct provider_row *provider_named(struct str text)
{
	for (int i = 0; i < ROWS; i++)
		if (str_eq(text, str_c(rows[i].text)))
			return &rows[i];
	return NULL;
}

const struct provider_row *provider_of(enum login_kind kind)
{
	int i = 0;
	while (rows[i].kind != kind) {
		i++;
		assert(i < ROWS);
	}
	return &rows[i];
}

/* ---- found, used ---- */

bool provider_find(struct tx *tx, const struct provider_account *a, const uint8_t device_hash[DEVICE_HASH_BYTES], int64_t now_ms, struct login_found *out,
		   struct fail *why)
{
	return login_find(tx, a->kind, a->subject, device_hash, now_ms, out, why);
}

/* The second name comes late when the mini-program joined its owner's other programs after the link was made. */
static bool more_put(struct tx *tx, const struct request *r, int64_t login, struct str more, struct fail *why)
{
	char bytes[LOGIN_VALUE_MAX + VAULT_OVERHEAD_MAX + 1];
	struct buf sealed = { .at = bytes, .cap = sizeof(bytes) };
	uint8_t salt[32];
	request_bytes(r, "provider more", salt);
	if (!vault_seal("login.more", login, more, salt, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE login SET more = $1 WHERE id = $2 AND more IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, sealed.at, sealed.len);
	stmt_bind_int(q, 2, login);
	return stmt_run(q, why);
}

bool provider_used(struct tx *tx, const struct request *r, const struct provider_account *a, int64_t login, struct fail *why)
{
	return login_used(tx, login, r->now_ms, why) && (a->more.len == 0 || more_put(tx, r, login, a->more, why));
}

/* ---- linked, unlinked ---- */

bool provider_link(struct tx *tx, const struct request *r, const struct provider_account *a, int64_t person, int level, int64_t *login, struct fail *why)
{
	uint8_t salt[32];
	struct audit audit = { AUDIT_ACCOUNT_LINKED, AUDIT_OF_PERSON, person, .result = 200, .detail = str_c(provider_of(a->kind)->text) };
	request_bytes(r, "provider link", salt);
	return login_add(tx, a->kind, a->subject, person, level, r->now_ms, salt, login, why) &&
	       (a->more.len == 0 || more_put(tx, r, *login, a->more, why)) && audit_add(tx, r, &audit, why);
}

/* Only a face, never a session alone: whoever got hold of a token would make himself a key to the house. */
bool provider_link_own(struct tx *tx, const struct request *r, const struct provider_account *a, bool *is_others, struct id *key, struct fail *why)
{
	int64_t login;
	struct audit refused = { AUDIT_ACCOUNT_LINK_REFUSED, AUDIT_OF_PERSON, r->who.id, .result = 409, .detail = str_c(provider_of(a->kind)->text) };
	if (!login_leads(tx, a->kind, a->subject, r->who.id, &login, is_others, why))
		return false;
	*is_others = *is_others && login == 0; /* a family's account: who is one of them asks for nothing new */
	if (*is_others)
		return audit_add(tx, r, &refused, why);
	bool ok = login != 0 ? provider_used(tx, r, a, login, why) && login_raise(tx, login, LEVEL_L2, why) : provider_link(tx, r, a, r->who.id, LEVEL_L2, &login, why);
	return ok && login_key(tx, login, key, why);
}

static bool link_of(struct tx *tx, const struct request *r, struct id key, int64_t *login, enum login_kind *kind, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, kind FROM login WHERE key = $1 AND person = $2 AND ended_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, sizeof(key.bytes));
	stmt_bind_int(q, 2, r->who.id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such link of this person");
	*login = stmt_int(q, 0);
	*kind = (enum login_kind)stmt_int(q, 1);
	return true;
}

static bool sessions_by(struct tx *tx, const struct request *r, int64_t login, int64_t ids[SESSIONS_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM session WHERE principal_id = $1 AND kind = 2 AND ended_ms IS NULL AND login = $2 AND id <> $3"
		" ORDER BY id LIMIT $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->who.id);
	stmt_bind_int(q, 2, login);
	stmt_bind_int(q, 3, r->who.session);
	stmt_bind_int(q, 4, SESSIONS_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		ids[*count] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

bool provider_unlink(struct tx *tx, const struct request *r, struct id key, struct fail *why)
{
	int64_t login = 0, ids[SESSIONS_MAX];
	enum login_kind kind = LOGIN_PHONE;
	int count;
	if (!link_of(tx, r, key, &login, &kind, why) || !login_end(tx, login, r->now_ms, why) || !sessions_by(tx, r, login, ids, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (!session_end(tx, ids[i], SESSION_ENDED_BY_OTHER, r->now_ms, why))
			return false;
	struct audit audit = { AUDIT_ACCOUNT_UNLINKED, AUDIT_OF_PERSON, r->who.id, .result = 204, .detail = str_c(provider_of(kind)->text) };
	return audit_add(tx, r, &audit, why);
}

/* ---- where it may be forgotten ---- */

static int64_t row_of(const uint8_t *under)
{
	int64_t row;
	memcpy(&row, under, sizeof(row));
	return row;
}

bool provider_account_seal(const struct request *r, const char *place, const uint8_t *under, const struct provider_account *a, struct buf *out, struct fail *why)
{
	char text[EXPIRING_VALUE_MAX];
	uint8_t salt[32];
	struct buf plain = { .at = text, .cap = sizeof(text) };
	assert(a->subject.len <= LOGIN_VALUE_MAX && a->more.len <= LOGIN_VALUE_MAX);
	buf_str(&plain, str_c(provider_of(a->kind)->text));
	buf_char(&plain, '\n');
	buf_str(&plain, a->subject);
	buf_char(&plain, '\n');
	buf_str(&plain, a->more);
	request_bytes(r, place, salt);
	bool ok = vault_seal(place, row_of(under), buf_text(&plain), salt, out, why);
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

bool provider_account_open(const char *place, const uint8_t *under, struct str sealed, enum login_kind kind, char room[EXPIRING_VALUE_MAX], struct provider_account *out, struct fail *why)
{
	struct str text, rest;
	struct buf plain = { .at = room, .cap = EXPIRING_VALUE_MAX };
	if (!vault_open(place, row_of(under), sealed, &plain, why))
		return false;
	out->kind = kind;
	return str_cut(buf_text(&plain), '\n', &text, &rest) && str_eq(text, str_c(provider_of(kind)->text)) && str_cut(rest, '\n', &out->subject, &out->more);
}

/* ---- pending ---- */

static const char PLACE[] = "provider.pending";

static void name_key(struct provider_pending *p, const uint8_t device_hash[DEVICE_HASH_BYTES])
{
	struct str device = { (const char *)device_hash, DEVICE_HASH_BYTES };
	keyring_index(PLACE, &device, 1, p->key);
}

/* The device is bound in, so that a value laid under another's key does not open. */
bool provider_pending_put(struct provider_pending *p, const struct request *r, const struct provider_account *a, const uint8_t device_hash[DEVICE_HASH_BYTES],
			  struct expiring_op *op, struct fail *why)
{
	struct buf sealed = { .at = p->value, .cap = sizeof(p->value) };
	name_key(p, device_hash);
	bool ok = provider_account_seal(r, PLACE, device_hash, a, &sealed, why);
	*op = (struct expiring_op){ .verb = EXPIRING_PUT, .class = KEY_PROVIDER_PENDING, .key = { (const char *)p->key, sizeof(p->key) }, .value = buf_text(&sealed),
		.ttl_ms = PROVIDER_PENDING_S * 1000 };
	return ok;
}

void provider_pending_get(struct provider_pending *p, const uint8_t device_hash[DEVICE_HASH_BYTES], struct expiring_op *op)
{
	name_key(p, device_hash);
	*op = (struct expiring_op){ .verb = EXPIRING_GET, .class = KEY_PROVIDER_PENDING, .key = { (const char *)p->key, sizeof(p->key) } };
}

bool provider_pending_read(struct provider_pending *p, const struct expiring_op *op, const uint8_t device_hash[DEVICE_HASH_BYTES], enum login_kind kind,
			   struct provider_account *out, struct fail *why)
{
	return op->end == EXPIRING_OK && provider_account_open(PLACE, device_hash, (struct str){ op->out, op->out_len }, kind, p->text, out, why);
}
