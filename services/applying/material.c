/* services/applying/material.c - rows between an application and the blobs of its person. */
#include "services/applying/material.h"

#include "base/hash.h"
#include "services/applying/application_view.h"
#include "services/applying/material_certificate.h"
#include "services/applying/material_inside.h"
#include "services/cases/demand.h"
#include "services/guides/guide_rows.h"
#include "services/services.h"

#include <assert.h>
#include <stdio.h>

#define COLUMNS "id, key, application, number, blob, kind, bytes, added, COALESCE(removed, 0), made_ms"

static void row_of(struct stmt *q, struct material *to)
{
	struct str key = stmt_blob(q, 1);
	assert(key.len == ID_BYTES);
	*to = (struct material){ .id = stmt_int(q, 0), .application = stmt_int(q, 2), .number = stmt_int(q, 3), .blob = stmt_int(q, 4), .kind = (enum media_kind)stmt_int(q, 5),
				 .bytes = stmt_int(q, 6), .added = stmt_int(q, 7), .removed = stmt_int(q, 8), .made_ms = stmt_int(q, 9) };
	memcpy(to->key.bytes, key.at, ID_BYTES);
}

bool material_list(struct tx *tx, int64_t application, int64_t edition, struct material out[MATERIALS_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = edition == 0
		? tx_query(tx, "SELECT " COLUMNS " FROM application_material WHERE application = $1 AND removed IS NULL ORDER BY id LIMIT $2", why)
		: tx_query(tx, "SELECT " COLUMNS " FROM application_material WHERE application = $1 AND added <= $2 AND (removed IS NULL OR removed > $2) ORDER BY id LIMIT $3", why);
	int n = 1;
	*count = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, n++, application);
	if (edition != 0)
		stmt_bind_int(q, n++, edition);
	stmt_bind_int(q, n, MATERIALS_MAX);
	while (*count < MATERIALS_MAX && stmt_row(q, why))
		row_of(q, &out[(*count)++]);
	return why->code == FAIL_NONE && certificate_list(tx, application, edition, out, count, why);
}

bool material_find(struct tx *tx, struct id key, int64_t application, struct material *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " COLUMNS " FROM application_material WHERE key = $1 AND application = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	stmt_bind_int(q, 2, application);
	if (stmt_row(q, why)) {
		row_of(q, out);
		return true;
	}
	bool found;
	return why->code == FAIL_NONE && certificate_find(tx, key, application, out, &found, why) && (found || FAILS(why, NOT_FOUND, "no such file"));
}

static struct blob_owner owner_of(int64_t id)
{
	return (struct blob_owner){ BLOB_OF_MATERIAL, id };
}

/* ---- writing ---- */

static bool run_with(struct tx *tx, const char *sql_literal, const int64_t *numbers, int count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, sql_literal, why);
	if (q == NULL)
		return false;
	for (int i = 0; i < count; i++)
		stmt_bind_int(q, i + 1, numbers[i]);
	return stmt_run(q, why);
}

bool material_edition_next(struct tx *tx, int64_t application, int64_t now_ms, int64_t *edition, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE application SET edition = edition + 1, changed_ms = $1 WHERE id = $2 RETURNING edition", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, application);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "application %lld is gone", (long long)application);
	*edition = stmt_int(q, 0);
	return true;
}

static bool hold(struct tx *tx, const struct application *ap, struct arena *a, struct application *now, struct fail *why)
{
	bool is_same;
	return application_hold(tx, ap, a, &is_same, now, why) && (application_takes_files(now) || application_closed(now, why));
}

static bool insert(struct tx *tx, const struct material *m, int64_t maker, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO application_material (id, key, application, number, blob, kind, bytes, maker, added, removed, made_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, $10)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->id);
	stmt_bind_blob(q, 2, m->key.bytes, ID_BYTES);
	const int64_t numbers[] = { m->application, m->number, m->blob, m->kind, m->bytes, maker, m->added, m->made_ms };
	for (int i = 0; i < 8; i++)
		stmt_bind_int(q, 3 + i, numbers[i]);
	return stmt_run(q, why);
}

static bool has_room(struct tx *tx, int64_t application, const struct material_new *n, int64_t blob, const struct material **same, struct material have[MATERIALS_MAX], struct fail *why)
{
	int count;
	*same = NULL;
	if (!material_list(tx, application, 0, have, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (have[i].blob == blob && have[i].number == n->number)
			*same = &have[i];
	if (*same != NULL || count < MATERIALS_MAX)
		return true;
	FAILS(why, MATERIALS, "%d files", count);
	fail_fact_number(why, "most", MATERIALS_MAX);
	return false;
}

/* What its department lets follow, and nothing else. */
static bool is_awaited(struct tx *tx, const struct application *now, int64_t number, struct fail *why)
{
	uint64_t numbers;
	if (application_is_editable(now))
		return true;
	if (!demand_follows(tx, now->case_id, &numbers, why))
		return false;
	return (numbers >> number & 1) != 0 || application_closed(now, why);
}

bool material_hold(struct tx *tx, const struct application *ap, int64_t number, struct arena *a, struct application *now, struct fail *why)
{
	return hold(tx, ap, a, now, why) && is_awaited(tx, now, number, why);
}

bool material_add(struct tx *tx, const struct application *ap, const struct material_new *n, int64_t numbers, int64_t now_ms, const uint8_t salt[16], struct arena *a,
		  struct material *out, int64_t *edition, struct fail *why)
{
	struct application now;
	struct material have[MATERIALS_MAX];
	const struct material *same;
	bool is_known;
	if (n->number < 1 || n->number > numbers)
		return FAILS_FIELD(why, FIELD, "/material", "the guide lists %lld", (long long)numbers);
	if (!material_hold(tx, ap, n->number, a, &now, why) || !tx_next_id(tx, "application_material", &out->id, why))
		return false;
	*out = (struct material){ .id = out->id, .key = n->key, .application = ap->id, .number = n->number, .kind = n->kind, .bytes = n->sealed->bytes, .made_ms = now_ms };
	struct blob_new blob = { .person = now.person, .media = media_type(n->kind), .sealed = n->sealed, .owner = owner_of(out->id) };
	if (!blob_keep(tx, &blob, now_ms, salt, &out->blob, &is_known, why) || !has_room(tx, ap->id, n, out->blob, &same, have, why))
		return false;
	if (same != NULL) {
		*edition = now.edition;
		bool ok = blob_release(tx, owner_of(out->id), now_ms, why);
		*out = *same;
		return ok;
	}
	if (!material_edition_next(tx, ap->id, now_ms, edition, why))
		return false;
	out->added = *edition;
	return insert(tx, out, n->maker, why);
}

static bool last_handed_in(struct tx *tx, int64_t application, int64_t *edition, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(MAX(edition), 0) FROM application_submission WHERE application = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, application);
	if (!stmt_row(q, why))
		return false;
	*edition = stmt_int(q, 0);
	return true;
}

static bool forget(struct tx *tx, const struct material *m, int64_t now_ms, struct fail *why)
{
	if (m->is_certificate)
		return certificate_forget(tx, m->id, why);
	return run_with(tx, "DELETE FROM application_material WHERE id = $1", &m->id, 1, why) && blob_release(tx, owner_of(m->id), now_ms, why);
}

bool material_remove(struct tx *tx, const struct application *ap, const struct material *m, int64_t now_ms, struct arena *a, int64_t *edition, struct fail *why)
{
	struct application now;
	int64_t handed_in;
	if (!hold(tx, ap, a, &now, why) || !last_handed_in(tx, ap->id, &handed_in, why))
		return false;
	if (!application_is_editable(&now) && m->added <= handed_in)
		return application_closed(&now, why);
	if (!material_edition_next(tx, ap->id, now_ms, edition, why))
		return false;
	if (m->added > handed_in)
		return forget(tx, m, now_ms, why);
	if (m->is_certificate)
		return certificate_mark(tx, m->id, *edition, why);
	return run_with(tx, "UPDATE application_material SET removed = $1 WHERE id = $2 AND removed IS NULL", (int64_t[]){ *edition, m->id }, 2, why);
}

bool material_forget_all(struct tx *tx, int64_t application, int64_t now_ms, struct fail *why)
{
	struct material have[MATERIALS_MAX];
	int count;
	if (!material_list(tx, application, 0, have, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (!forget(tx, &have[i], now_ms, why))
			return false;
	return true;
}

bool material_carry(struct tx *tx, int64_t application, const int64_t to[MATERIAL_NUMBERS_MAX + 1], int64_t now_ms, struct fail *why)
{
	struct material have[MATERIALS_MAX];
	int count;
	if (!material_list(tx, application, 0, have, &count, why))
		return false;
	for (int i = 0; i < count; i++) {
		int64_t number = have[i].number <= MATERIAL_NUMBERS_MAX ? to[have[i].number] : 0;
		bool ok = number == 0 ? forget(tx, &have[i], now_ms, why)
			: have[i].is_certificate ? certificate_renumber(tx, have[i].id, number, why)
				      : run_with(tx, "UPDATE application_material SET number = $1 WHERE id = $2", (int64_t[]){ number, have[i].id }, 2, why);
		if (!ok)
			return false;
	}
	return true;
}

/* ---- what is demanded ---- */

static bool is_demanded(const json_t *m)
{
	const char *form = json_string_value(json_object_get(m, "form"));
	return form != NULL && strcmp(form, "paper") != 0 && !json_is_true(json_object_get(m, "may_follow")) && !json_is_true(json_object_get(m, "from_form")) &&
	       json_object_get(m, "waived_by") == NULL;
}

static bool is_there(int64_t number, const struct material *have, int count)
{
	for (int i = 0; i < count; i++)
		if (have[i].number == number)
			return true;
	return false;
}

bool material_judge(const json_t *guide, const struct material *have, int have_count, struct arena *a, struct wrong_field *wrong, int *count, struct fail *why)
{
	size_t i;
	json_t *m;
	json_array_foreach(json_object_get(guide, "materials"), i, m) {
		char pointer[32];
		if (!is_demanded(m) || is_there((int64_t)i + 1, have, have_count) || *count == FIELD_WRONG_MAX)
			continue;
		int len = snprintf(pointer, sizeof pointer, "/materials/%zu", i + 1);
		struct str kept = str_copy(a, (struct str){ pointer, (size_t)len });
		if (kept.at == NULL)
			return FAILS(why, MEMORY, "what is missing");
		wrong[(*count)++] = (struct wrong_field){ kept, "missing" };
	}
	return true;
}

int material_may_follow(const json_t *guide, const struct material *have, int have_count, int64_t out[MATERIAL_NUMBERS_MAX])
{
	size_t i;
	json_t *m;
	int count = 0;
	json_array_foreach(json_object_get(guide, "materials"), i, m) {
		const char *form = json_string_value(json_object_get(m, "form"));
		bool may = form != NULL && strcmp(form, "paper") != 0 && json_is_true(json_object_get(m, "may_follow")) && !json_is_true(json_object_get(m, "from_form")) &&
			   json_object_get(m, "waived_by") == NULL;
		if (may && count < MATERIAL_NUMBERS_MAX && !is_there((int64_t)i + 1, have, have_count))
			out[count++] = (int64_t)i + 1;
	}
	return count;
}

bool material_missing(struct tx *tx, int64_t case_id, int64_t out[MATERIAL_NUMBERS_MAX], int *count, struct fail *why)
{
	int64_t application, edition, guide;
	struct material have[MATERIALS_MAX];
	int have_count;
	*count = 0;
	{
		DROP(stmt) struct stmt *q = tx_query(tx,
			"SELECT p.id, s.edition, p.guide FROM application p JOIN application_submission s ON s.application = p.id WHERE p.case_id = $1 ORDER BY s.n DESC LIMIT 1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, case_id);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE;
		application = stmt_int(q, 0);
		edition = stmt_int(q, 1);
		guide = stmt_int(q, 2);
	}
	DROP(json) json_t *body = guide_body(tx, guide, why);
	if (body == NULL || !material_list(tx, application, edition, have, &have_count, why))
		return false;
	*count = material_may_follow(body, have, have_count, out);
	return true;
}

/* ---- out ---- */

void numbers_out(struct json_out *j, const char *name, const int64_t *of, int count)
{
	json_put_name(j, name);
	json_put_array(j);
	for (int i = 0; i < count; i++)
		json_put_number(j, of[i]);
	json_put_array_end(j);
}


bool material_part(struct tx *tx, const struct material *m, int64_t at, struct arena *a, struct str *out, struct fail *why)
{
	struct blob_found found;
	if (at < 0 || at > m->bytes)
		return FAILS_FIELD(why, QUERY, "at", "beyond its end");
	if (!blob_find(tx, m->blob, &found, why))
		return false;
	size_t len = m->bytes - at < MATERIAL_PART_BYTES ? (size_t)(m->bytes - at) : MATERIAL_PART_BYTES;
	char *to = arena_alloc(a, len + 1);
	struct blob_opener *o = to != NULL ? blob_unseal_begin(services_blobs(), &found.what, why) : NULL;
	bool ok = o != NULL && blob_unseal(o, at, to, len, why);
	blob_unseal_end(o);
	wipe(&found.what, sizeof found.what);
	*out = (struct str){ to, len };
	return ok || (to == NULL && FAILS(why, MEMORY, "a part of a file"));
}

bool material_part_out(struct request *r, const struct material *m, int64_t at, struct str part, struct fail *why)
{
	bool is_whole = (int64_t)part.len == m->bytes;
	struct buf range;
	r->reply.status = is_whole ? 200 : 206;
	r->reply.content_type = media_type(m->kind).at;
	r->reply.body = (struct buf){ .arena = &r->arena, .at = (char *)part.at, .len = part.len, .cap = part.len };
	reply_header(r, "content-disposition", STR("attachment"));
	if (is_whole)
		return true;
	buf_init(&range, &r->arena, 64);
	if (part.len > 0)
		buf_printf(&range, "bytes %lld-%lld/%lld", (long long)at, (long long)at + (long long)part.len - 1, (long long)m->bytes);
	else
		buf_printf(&range, "bytes */%lld", (long long)m->bytes);
	if (!buf_ok(&range))
		return FAILS(why, MEMORY, "a range");
	reply_header(r, "content-range", buf_text(&range));
	return true;
}

static void certificate_members(struct json_out *j, const struct material *m)
{
	char hex[2 * SHA256_BYTES + 1];
	hex_text(m->sha256, SHA256_BYTES, hex);
	json_put_name(j, "certificate");
	json_put_object(j);
	json_add_text(j, "type", str_c(m->type_code));
	json_add_text(j, "number_tail", str_c(m->tail));
	json_add_text(j, "sha256", str_c(hex));
	json_put_object_end(j);
	json_add_time(j, "named_at", m->made_ms);
}

void material_members(struct json_out *j, const struct material *m)
{
	char key[ID_TEXT_BYTES];
	id_text(m->key, MATERIAL_PREFIX, key);
	json_add_text(j, "id", str_c(key));
	json_add_number(j, "material", m->number);
	if (m->is_certificate) {
		certificate_members(j, m);
		return;
	}
	json_add_plain(j, "media", media_type(m->kind));
	json_add_number(j, "bytes", m->bytes);
	json_add_time(j, "uploaded_at", m->made_ms);
}

void materials_out(struct json_out *j, const struct material *of, int count)
{
	json_put_name(j, "materials");
	json_put_array(j);
	for (int i = 0; i < count; i++) {
		json_put_object(j);
		material_members(j, &of[i]);
		json_put_object_end(j);
	}
	json_put_array_end(j);
}
