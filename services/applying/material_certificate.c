/* services/applying/material_certificate.c - rows beside those of files. */
#include "services/applying/material_certificate.h"

#include "auth/vault.h"
#include "services/applying/application_view.h"
#include "services/applying/material_inside.h"

#include <assert.h>

#define COLUMNS "id, key, application, number, added, COALESCE(removed, 0), made_ms, type_code, tail, sha256"
enum { TAIL_CHARACTERS = 4, SAID_BYTES = 1024 };

static void text_into(struct str s, char *to, size_t cap)
{
	assert(s.len < cap);
	memcpy(to, s.at, s.len);
	to[s.len] = '\0';
}

static void row_of(struct stmt *q, struct material *to)
{
	struct str key = stmt_blob(q, 1), digest = stmt_blob(q, 9);
	assert(key.len == ID_BYTES && digest.len == SHA256_BYTES);
	*to = (struct material){ .id = stmt_int(q, 0), .application = stmt_int(q, 2), .number = stmt_int(q, 3), .added = stmt_int(q, 4), .removed = stmt_int(q, 5), .made_ms = stmt_int(q, 6),
				 .is_certificate = true };
	memcpy(to->key.bytes, key.at, ID_BYTES);
	memcpy(to->sha256, digest.at, SHA256_BYTES);
	text_into(stmt_text(q, 7), to->type_code, sizeof to->type_code);
	text_into(stmt_text(q, 8), to->tail, sizeof to->tail);
}

bool certificate_list(struct tx *tx, int64_t application, int64_t edition, struct material *out, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = edition == 0
		? tx_query(tx, "SELECT " COLUMNS " FROM application_certificate WHERE application = $1 AND removed IS NULL ORDER BY id LIMIT $2", why)
		: tx_query(tx, "SELECT " COLUMNS " FROM application_certificate WHERE application = $1 AND added <= $2 AND (removed IS NULL OR removed > $2) ORDER BY id LIMIT $3", why);
	int n = 1;
	if (q == NULL)
		return false;
	stmt_bind_int(q, n++, application);
	if (edition != 0)
		stmt_bind_int(q, n++, edition);
	stmt_bind_int(q, n, MATERIALS_MAX);
	while (*count < MATERIALS_MAX && stmt_row(q, why))
		row_of(q, &out[(*count)++]);
	return why->code == FAIL_NONE;
}

bool certificate_find(struct tx *tx, struct id key, int64_t application, struct material *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS " FROM application_certificate WHERE key = $1 AND application = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	stmt_bind_int(q, 2, application);
	*found = stmt_row(q, why);
	if (*found)
		row_of(q, out);
	return why->code == FAIL_NONE;
}

/* ---- writing ---- */

static bool run_with(struct tx *tx, const char *sql_literal, int64_t one, int64_t two, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql_literal, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, one);
	if (two != 0)
		stmt_bind_int(q, 2, two);
	return stmt_run(q, why);
}

bool certificate_forget(struct tx *tx, int64_t id, struct fail *why)
{
	return run_with(tx, "DELETE FROM application_certificate WHERE id = $1", id, 0, why);
}

bool certificate_mark(struct tx *tx, int64_t id, int64_t removed, struct fail *why)
{
	return run_with(tx, "UPDATE application_certificate SET removed = $1 WHERE id = $2 AND removed IS NULL", removed, id, why);
}

bool certificate_renumber(struct tx *tx, int64_t id, int64_t number, struct fail *why)
{
	return run_with(tx, "UPDATE application_certificate SET number = $1 WHERE id = $2", number, id, why);
}

static bool said_of(const struct held_certificate *c, struct arena *a, struct str *out, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, SAID_BYTES);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "number", c->number);
	json_add_text(&j, "name", c->name);
	json_add_text(&j, "issuer", c->issuer);
	if (c->valid_until.len > 0)
		json_add_text(&j, "valid_until", c->valid_until);
	json_put_object_end(&j);
	*out = buf_text(&b);
	return json_end(&j) || FAILS(why, MEMORY, "a certificate");
}

/* Whole characters, and never all of a short number. */
static struct str tail_of(struct str number)
{
	size_t at = 0, left = str_utf8_length(number), keep = left > TAIL_CHARACTERS ? TAIL_CHARACTERS : left / 2;
	for (; left > keep; left--)
		at += str_utf8_char(number.at + at, number.len - at);
	struct str tail = { number.at + at, number.len - at };
	return tail.len < sizeof(((struct material *)NULL)->tail) ? tail : STR("");
}

static bool insert(struct tx *tx, const struct material *m, int64_t maker, struct str said, const uint8_t salt[16], struct arena *a, struct fail *why)
{
	struct buf sealed;
	buf_init(&sealed, a, said.len + VAULT_OVERHEAD_MAX);
	if (!vault_seal("application_certificate.said", m->id, said, salt, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO application_certificate (id, key, application, number, type_code, tail, sha256, said, maker, added, removed, made_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL, $11)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->id);
	stmt_bind_blob(q, 2, m->key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, m->application);
	stmt_bind_int(q, 4, m->number);
	stmt_bind_text(q, 5, str_c(m->type_code));
	stmt_bind_text(q, 6, str_c(m->tail));
	stmt_bind_blob(q, 7, m->sha256, SHA256_BYTES);
	stmt_bind_blob(q, 8, sealed.at, sealed.len);
	stmt_bind_int(q, 9, maker);
	stmt_bind_int(q, 10, m->added);
	stmt_bind_int(q, 11, m->made_ms);
	return stmt_run(q, why);
}

bool certificate_add(struct tx *tx, const struct application *ap, int64_t number, struct str type, const struct held_certificate *c, struct id key, int64_t maker, int64_t now_ms,
		     const uint8_t salt[16], struct arena *a, struct material *out, int64_t *edition, struct fail *why)
{
	struct application now;
	struct material have[MATERIALS_MAX];
	int count;
	struct str said;
	if (!material_hold(tx, ap, number, a, &now, why) || !material_list(tx, ap->id, 0, have, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (have[i].is_certificate && have[i].number == number && memcmp(have[i].sha256, c->sha256, SHA256_BYTES) == 0) {
			*out = have[i];
			*edition = now.edition;
			return true;
		}
	if (count == MATERIALS_MAX) {
		FAILS(why, MATERIALS, "%d materials", count);
		fail_fact_number(why, "most", MATERIALS_MAX);
		return false;
	}
	*out = (struct material){ .key = key, .application = ap->id, .number = number, .made_ms = now_ms, .is_certificate = true };
	memcpy(out->sha256, c->sha256, SHA256_BYTES);
	text_into(type, out->type_code, sizeof out->type_code);
	text_into(tail_of(c->number), out->tail, sizeof out->tail);
	if (!material_edition_next(tx, ap->id, now_ms, edition, why) || !tx_next_id(tx, "application_certificate", &out->id, why) || !said_of(c, a, &said, why))
		return false;
	out->added = *edition;
	return insert(tx, out, maker, said, salt, a, why);
}

bool certificate_said(struct tx *tx, int64_t id, struct arena *a, struct str *out, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, SAID_BYTES);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT said FROM application_certificate WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such certificate");
	if (!vault_open("application_certificate.said", id, stmt_blob(q, 0), &b, why))
		return false;
	*out = buf_text(&b);
	return buf_ok(&b) || FAILS(why, MEMORY, "a certificate");
}
