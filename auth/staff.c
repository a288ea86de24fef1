/* auth/staff.c - the rows behind it. */
#include "auth/staff.h"
#include "auth/tenancy.h"
#include "auth/vault.h"
#include <assert.h>

enum { CODE_BYTES = 32, NAME_SEALED_BYTES = STAFF_NAME_BYTES + VAULT_OVERHEAD_MAX + 1, TOTP_SEALED_BYTES = TOTP_SECRET_BYTES + VAULT_OVERHEAD_MAX + 1 };

#define COLUMNS "SELECT id, account, name, department, region, roles, state, password, password_ms, totp, totp_step, invited_until_ms, certificate FROM staff "

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
	wipe(code, sizeof(code));
}

static bool is_there(struct stmt *q, const char *pointer, struct fail *why)
{
	return stmt_row(q, why) || (why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, pointer, "no such row"));
}

static bool places_exist(struct tx *tx, const struct staff_new *s, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT code FROM region WHERE code = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, s->region);
		if (!is_there(q, "/region", why))
			return false;
	}
	if (s->department == 0)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM department WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, s->department);
	return is_there(q, "/department", why);
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

/* What an invitation makes of its random bytes. */
struct fresh {
	uint8_t totp[SHA256_BYTES], salt[SHA256_BYTES], invitation[SHA256_BYTES]; /* the last is the code's hash */
};

static void fresh_make(const uint8_t random[32], struct fresh *f)
{
	char code[STAFF_INVITATION_TEXT];
	derive(random, "totp", f->totp);
	derive(random, "salt", f->salt);
	staff_invitation_text(random, code);
	sha256(str_c(code), f->invitation);
	wipe(code, sizeof(code));
}

static bool fresh_seal(const struct fresh *f, int64_t id, struct buf *totp, struct fail *why)
{
	return vault_seal("staff.totp", id, (struct str){ (const char *)f->totp, TOTP_SECRET_BYTES }, f->salt, totp, why);
}

static bool seal_and_insert(struct tx *tx, const struct staff_new *s, int64_t id, int64_t now_ms, const uint8_t random[32], struct fail *why)
{
	struct fresh f;
	char name_bytes[NAME_SEALED_BYTES], totp_bytes[TOTP_SEALED_BYTES];
	struct buf name = { .at = name_bytes, .cap = sizeof(name_bytes) }, totp = { .at = totp_bytes, .cap = sizeof(totp_bytes) };
	fresh_make(random, &f);
	bool ok = vault_seal("staff.name", id, s->name, f.salt, &name, why) && fresh_seal(&f, id, &totp, why) &&
		insert(tx, s, id, buf_text(&name), buf_text(&totp), f.invitation, now_ms, why);
	wipe(&f, sizeof(f));
	return ok;
}

/* ---- beginning again ---- */

static bool reset(struct tx *tx, int64_t id, struct str totp, const uint8_t invitation[SHA256_BYTES], int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE staff SET state = 1, password = '', totp = $1, totp_step = 0, certificate = NULL, invitation = $2, invited_until_ms = $3, changed_ms = $4 WHERE id = $5 AND state <> 3",
		why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, totp.at, totp.len);
	stmt_bind_blob(q, 2, invitation, SHA256_BYTES);
	stmt_bind_int(q, 3, now_ms + STAFF_INVITATION_MS);
	stmt_bind_int(q, 4, now_ms);
	stmt_bind_int(q, 5, id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, NOT_FOUND, "staff %lld, or it is closed", (long long)id));
}

bool staff_invite_again(struct tx *tx, int64_t id, int64_t now_ms, const uint8_t random[32], struct fail *why)
{
	struct fresh f;
	char bytes[TOTP_SEALED_BYTES];
	struct buf totp = { .at = bytes, .cap = sizeof(bytes) };
	fresh_make(random, &f);
	bool ok = fresh_seal(&f, id, &totp, why) && reset(tx, id, buf_text(&totp), f.invitation, now_ms, why);
	wipe(&f, sizeof(f));
	return ok;
}

/* ---- inviting ---- */

bool staff_invite(struct tx *tx, const struct staff_new *s, int64_t now_ms, const uint8_t random[32], int64_t *id, struct fail *why)
{
	if (!staff_account_fits(s->account))
		return FAILS_FIELD(why, FIELD, "/account", "3 to 32 of a-z, 0-9, dot and dash, beginning with a letter");
	if (s->name.len == 0 || !str_is_utf8(s->name) || str_utf8_length(s->name) > STAFF_NAME_MAX)
		return FAILS_FIELD(why, FIELD, "/name", "a name of at most %d characters", STAFF_NAME_MAX);
	if (!roles_fit(s->roles, why) || !places_exist(tx, s, why) || !tx_next_id(tx, "staff", id, why))
		return false;
	return seal_and_insert(tx, s, *id, now_ms, random, why);
}

/* ---- reading ---- */

/* Opened beside its place: the vault wants room for the sealed value. */
static bool open_into(const char *place, int64_t id, struct str sealed, void *out, size_t max, size_t *len, struct fail *why)
{
	char bytes[NAME_SEALED_BYTES];
	struct buf text = { .at = bytes, .cap = sizeof(bytes) };
	bool ok = vault_open(place, id, sealed, &text, why) && (text.len <= max || FAILS(why, SEALED, "%s of row %lld is too long", place, (long long)id));
	*len = ok ? text.len : 0;
	memcpy(out, bytes, *len);
	wipe(bytes, sizeof(bytes));
	return ok;
}

static bool fill(struct stmt *q, struct staff_row *out, struct fail *why)
{
	size_t name_len, secret_len;
	*out = (struct staff_row){ .id = stmt_int(q, 0), .department = stmt_is_null(q, 3) ? 0 : stmt_int(q, 3), .region = stmt_int(q, 4), .roles = stmt_int(q, 5),
				   .state = (enum staff_state)stmt_int(q, 6), .password_ms = stmt_int(q, 8), .totp_step = stmt_int(q, 10),
				   .invited_until_ms = stmt_int(q, 11), .has_certificate = !stmt_is_null(q, 12) };
	struct str account = stmt_text(q, 1), password = stmt_text(q, 7), certificate = stmt_blob(q, 12);
	assert(account.len < sizeof(out->account) && password.len < sizeof(out->password) && (!out->has_certificate || certificate.len == sizeof(out->certificate)));
	if (out->has_certificate)
		memcpy(out->certificate, certificate.at, certificate.len);
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

bool staff_department(struct tx *tx, int64_t id, int64_t *department, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(department, 0) FROM staff WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "staff %lld", (long long)id);
	*department = stmt_int(q, 0);
	return true;
}

bool staff_in_region(struct tx *tx, int64_t region, int64_t after, struct staff_row *out, int most, int *count, struct fail *why)
{
	struct region_bounds b = region_bounds(region);
	size_t len;
	*count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, account, name, region, roles, state FROM staff"
		" WHERE id > $1 AND (region BETWEEN $2 AND $3 OR region BETWEEN $4 AND $5) ORDER BY id LIMIT $6", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, after);
	stmt_bind_int(q, 2, b.six_first);
	stmt_bind_int(q, 3, b.six_last);
	stmt_bind_int(q, 4, b.nine_first);
	stmt_bind_int(q, 5, b.nine_last);
	stmt_bind_int(q, 6, most);
	for (; *count < most && stmt_row(q, why); ++*count) {
		struct staff_row *s = &out[*count];
		struct str account = stmt_text(q, 1);
		*s = (struct staff_row){ .id = stmt_int(q, 0), .region = stmt_int(q, 3), .roles = stmt_int(q, 4), .state = (enum staff_state)stmt_int(q, 5) };
		assert(account.len < sizeof(s->account));
		memcpy(s->account, account.at, account.len);
		if (!open_into("staff.name", s->id, stmt_blob(q, 2), s->name, STAFF_NAME_BYTES, &len, why))
			return false;
	}
	return why->code == FAIL_NONE;
}

bool staff_account(struct tx *tx, int64_t id, char out[STAFF_ACCOUNT_MAX + 1], struct fail *why)
{
	out[0] = '\0';
	if (id == 0)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT account FROM staff WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "staff %lld", (long long)id);
	struct str account = stmt_text(q, 0);
	assert(account.len <= STAFF_ACCOUNT_MAX);
	memcpy(out, account.at, account.len);
	out[account.len] = '\0';
	return true;
}

void staff_row_wipe(struct staff_row *s)
{
	wipe(s, sizeof(*s));
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

bool staff_password_is_new(struct secret password, const char former[][PASSWORD_TEXT_BYTES], int count, const char *pointer, struct fail *why)
{
	for (int i = 0; i < count; i++) {
		bool is_same, is_old;
		if (!password_check(password, former[i], &is_same, &is_old, why))
			return false;
		if (!is_same)
			continue;
		FAILS_FIELD(why, FIELD, pointer, "password: former");
		fail_fact_text(why, "reason", "former");
		return false;
	}
	return true;
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

bool staff_rehash_password(struct tx *tx, int64_t id, const char *hashed, struct fail *why)
{
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE staff_password SET password = $1 WHERE staff = $2"
			" AND n = (SELECT MAX(n) FROM staff_password WHERE staff = $2)", why);
		if (q == NULL)
			return false;
		stmt_bind_text(q, 1, str_c(hashed));
		stmt_bind_int(q, 2, id);
		if (!stmt_run(q, why))
			return false;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE staff SET password = $1 WHERE id = $2 AND state = 2", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(hashed));
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why);
}

bool staff_totp_served(struct tx *tx, int64_t id, int64_t step, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE staff SET totp_step = $1 WHERE id = $2 AND totp_step < $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, step);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, CREDENTIALS, "these digits have served"));
}

/* ---- what they are ---- */

static bool changed_one(struct tx *tx, struct stmt *q, int64_t id, struct fail *why)
{
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, NOT_FOUND, "staff %lld, or it is closed", (long long)id));
}

bool staff_set_certificate(struct tx *tx, int64_t id, const uint8_t *fingerprint, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE staff SET certificate = $1, changed_ms = $2 WHERE id = $3 AND state = 2", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, fingerprint, fingerprint != NULL ? SHA256_BYTES : 0);
	stmt_bind_int(q, 2, now_ms);
	stmt_bind_int(q, 3, id);
	return changed_one(tx, q, id, why);
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
