/* auth/staff.c - the rows behind it. */
#include "auth/staff.h"
#include "auth/vault.h"
#include "base/arena.h"
#include <assert.h>
#include <openssl/crypto.h>

enum { ARENA_BYTES = 8192, CODE_BYTES = 32 };

#define COLUMNS "SELECT id, account, name, department, region, roles, state, password, password_ms, totp, totp_step, invited_until_ms FROM staff "

bool staff_account_fits(struct str account)
{
	if (account.len < 3 || account.len > STAFF_ACCOUNT_MAX || account.at[0] < 'a' || account.at[0] > 'z')
		return false;
	for (size_t i = 0; i < account.len; i++) {
		char c = account.at[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'))
			return false;
	}
	return true;
}

/* ---- inviting ---- */

/* Three secrets from one: what is kept sealed must not follow from the code that is shown. */
static void derive(const uint8_t random[32], const char *purpose, uint8_t out[SHA256_BYTES])
{
	struct str part = str_c(purpose);
	hmac_sha256((struct str){ (const char *)random, 32 }, &part, 1, out);
}

void staff_invitation_text(const uint8_t random[32], char out[STAFF_INVITATION_TEXT])
{
	uint8_t code[SHA256_BYTES];
	derive(random, "invitation", code);
	base64url_text(code, CODE_BYTES, out);
	OPENSSL_cleanse(code, sizeof(code));
}

static bool is_there(struct tx *tx, struct stmt *q, const char *pointer, struct fail *why)
{
	(void)tx;
	return stmt_row(q, why) || (why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, pointer, "no such row"));
}

static bool places_exist(struct tx *tx, const struct staff_new *s, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, s->region);
		if (!is_there(tx, q, "/region", why))
			return false;
	}
	if (s->department == 0)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM department WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, s->department);
	return is_there(tx, q, "/department", why);
}

static bool insert(struct tx *tx, const struct staff_new *s, int64_t id, struct str name, struct str totp, const uint8_t invitation[SHA256_BYTES], int64_t now_ms,
		   struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO staff (id, account, name, department, region, roles, state, password, password_ms, totp, totp_step, invitation, invited_until_ms,"
		" made_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, 1, '', 0, $7, 0, $8, $9, $10, $11)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_text(q, 2, s->account);
	stmt_bind_blob(q, 3, name.at, name.len);
	if (s->department == 0)
		stmt_bind_null(q, 4);
	else
		stmt_bind_int(q, 4, s->department);
	stmt_bind_int(q, 5, s->region);
	stmt_bind_int(q, 6, s->roles);
	stmt_bind_blob(q, 7, totp.at, totp.len);
	stmt_bind_blob(q, 8, invitation, SHA256_BYTES);
	stmt_bind_int(q, 9, now_ms + STAFF_INVITATION_MS);
	stmt_bind_int(q, 10, now_ms);
	stmt_bind_int(q, 11, now_ms);
	return stmt_run(q, why);
}

static bool seal_and_insert(struct tx *tx, struct arena *a, const struct staff_new *s, int64_t id, int64_t now_ms, const uint8_t random[32], struct fail *why)
{
	uint8_t secret[SHA256_BYTES], hash[SHA256_BYTES], salt[SHA256_BYTES];
	char code[STAFF_INVITATION_TEXT];
	struct buf name, totp;
	buf_init(&name, a, 256);
	buf_init(&totp, a, 128);
	derive(random, "totp", secret);
	derive(random, "salt", salt);
	staff_invitation_text(random, code);
	sha256(str_c(code), hash);
	bool ok = vault_seal("staff.name", id, s->name, salt, &name, why) &&
		vault_seal("staff.totp", id, (struct str){ (const char *)secret, TOTP_SECRET_BYTES }, salt, &totp, why) &&
		insert(tx, s, id, buf_text(&name), buf_text(&totp), hash, now_ms, why);
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(code, sizeof(code));
	return ok;
}

bool staff_invite(struct tx *tx, const struct staff_new *s, int64_t now_ms, const uint8_t random[32], int64_t *id, struct fail *why)
{
	if (!staff_account_fits(s->account))
		return FAILS_FIELD(why, FIELD, "/account", "3 to 32 of a-z, 0-9, dot and dash, beginning with a letter");
	if (s->name.len == 0 || !str_is_utf8(s->name) || str_utf8_length(s->name) > STAFF_NAME_MAX)
		return FAILS_FIELD(why, FIELD, "/name", "a name of at most %d characters", STAFF_NAME_MAX);
	if (!roles_fit(s->roles, why) || !places_exist(tx, s, why) || !tx_next_id(tx, "staff", id, why))
		return false;
	struct arena a;
	arena_init(&a, 64 << 10);
	bool ok = seal_and_insert(tx, &a, s, *id, now_ms, random, why);
	arena_free(&a);
	return ok;
}

/* ---- reading ---- */

static bool open_into(const char *place, int64_t id, struct str sealed, void *out, size_t max, size_t *len, struct fail *why)
{
	struct arena a;
	struct buf text;
	arena_init(&a, 16 << 10);
	buf_init(&text, &a, 256);
	bool ok = vault_open(place, id, sealed, &text, why);
	if (ok && text.len > max)
		ok = FAILS(why, SEALED, "%s of row %lld is too long", place, (long long)id);
	if (ok)
		memcpy(out, text.at, text.len);
	*len = ok ? text.len : 0;
	if (text.at != NULL)
		OPENSSL_cleanse(text.at, text.len);
	arena_free(&a);
	return ok;
}

static bool fill(struct stmt *q, struct staff_row *out, struct fail *why)
{
	size_t name_len, secret_len;
	*out = (struct staff_row){ .id = stmt_int(q, 0), .department = stmt_is_null(q, 3) ? 0 : stmt_int(q, 3), .region = stmt_int(q, 4), .roles = stmt_int(q, 5),
				   .state = (enum staff_state)stmt_int(q, 6), .password_ms = stmt_int(q, 8), .totp_step = stmt_int(q, 10),
				   .invited_until_ms = stmt_int(q, 11) };
	struct str account = stmt_text(q, 1), password = stmt_text(q, 7);
	assert(account.len < sizeof(out->account) && password.len < sizeof(out->password));
	memcpy(out->account, account.at, account.len);
	memcpy(out->password, password.at, password.len);
	if (!open_into("staff.name", out->id, stmt_blob(q, 2), out->name, STAFF_NAME_BYTES, &name_len, why) ||
	    !open_into("staff.totp", out->id, stmt_blob(q, 9), out->totp, TOTP_SECRET_BYTES, &secret_len, why))
		return false;
	out->name[name_len] = '\0';
	return secret_len == TOTP_SECRET_BYTES || FAILS(why, SEALED, "staff.totp of row %lld is too short", (long long)out->id);
}

static bool read_one(struct stmt *q, struct staff_row *out, bool *found, struct fail *why)
{
	*found = stmt_row(q, why);
	return *found ? fill(q, out, why) : why->code == FAIL_NONE;
}

bool staff_by_account(struct tx *tx, struct str account, struct staff_row *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, COLUMNS "WHERE account = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, account);
	return read_one(q, out, found, why);
}

bool staff_by_invitation(struct tx *tx, struct str code, struct staff_row *out, bool *found, struct fail *why)
{
	uint8_t hash[SHA256_BYTES];
	sha256(code, hash);
	DROP(stmt) struct stmt *q = tx_query(tx, COLUMNS "WHERE invitation = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, hash, sizeof(hash));
	return read_one(q, out, found, why);
}

bool staff_by_id(struct tx *tx, int64_t id, struct staff_row *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, COLUMNS "WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return read_one(q, out, found, why);
}

void staff_row_wipe(struct staff_row *s)
{
	OPENSSL_cleanse(s, sizeof(*s));
}

/* ---- passwords ---- */

int staff_former_passwords(struct tx *tx, int64_t id, char out[STAFF_FORMER_PASSWORDS][PASSWORD_TEXT_BYTES], struct fail *why)
{
	int count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT password FROM staff_password WHERE staff = $1 ORDER BY n DESC LIMIT $2", why);
	if (q == NULL)
		return -1;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, STAFF_FORMER_PASSWORDS);
	while (stmt_row(q, why)) {
		struct str text = stmt_text(q, 0);
		assert(text.len < PASSWORD_TEXT_BYTES);
		memcpy(out[count], text.at, text.len);
		out[count++][text.len] = '\0';
	}
	return why->code == FAIL_NONE ? count : -1;
}

static bool keep_former(struct tx *tx, int64_t id, const char *hashed, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx,
			"INSERT INTO staff_password (staff, n, password)"
			" VALUES ($1, (SELECT COALESCE(MAX(n), 0) + 1 FROM staff_password WHERE staff = $1), $2)", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, id);
		stmt_bind_text(q, 2, str_c(hashed));
		if (!stmt_run(q, why))
			return false;
	}
	DROP(stmt) struct stmt *q = tx_query(tx,
		"DELETE FROM staff_password WHERE staff = $1 AND n <= (SELECT MAX(n) FROM staff_password WHERE staff = $1) - $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_int(q, 2, STAFF_FORMER_PASSWORDS);
	return stmt_run(q, why);
}

bool staff_set_password(struct tx *tx, int64_t id, const char *hashed, int64_t now_ms, struct fail *why)
{
	if (!keep_former(tx, id, hashed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE staff SET password = $1, password_ms = $2, state = 2, invitation = NULL, changed_ms = $3 WHERE id = $4 AND state IN (1, 2)", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(hashed));
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, now_ms);
	stmt_bind_int(q, 4, id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, CONFLICT, "staff %lld is closed", (long long)id));
}

bool staff_totp_served(struct tx *tx, int64_t id, int64_t step, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE staff SET totp_step = $1 WHERE id = $2 AND totp_step < $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, step);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, LOGIN, "these digits have served"));
}

/* ---- what they are ---- */

static bool changed_one(struct tx *tx, struct stmt *q, int64_t id, struct fail *why)
{
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, NOT_FOUND, "staff %lld, or it is closed", (long long)id));
}

bool staff_set_roles(struct tx *tx, int64_t id, int64_t roles, int64_t now_ms, struct fail *why)
{
	if (!roles_fit(roles, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE staff SET roles = $1, changed_ms = $2 WHERE id = $3 AND state <> 3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, roles);
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, id);
	return changed_one(tx, q, id, why);
}

bool staff_close(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE staff SET state = 3, invitation = NULL, changed_ms = $1 WHERE id = $2 AND state <> 3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, id);
	return changed_one(tx, q, id, why);
}

bool staff_duty_is_held(struct tx *tx, enum duty duty, bool *is_held, struct fail *why)
{
	*is_held = false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT roles FROM staff WHERE state <> 3", why);
	if (q == NULL)
		return false;
	while (!*is_held && stmt_row(q, why))
		*is_held = roles_duty(stmt_int(q, 0)) == duty;
	return *is_held || why->code == FAIL_NONE;
}
