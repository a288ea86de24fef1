/* services/applying/application.c - the rows. An edition is compared where it is written, so that of two devices one is told that it is behind. */
#include "services/applying/application.h"

#include "auth/vault.h"
#include "services/applying/material.h"
#include "services/guides/guide_rows.h"

#include <assert.h>

#define DAY_MS INT64_C(86400000)

static const char answers_place[] = "application.answers", submission_place[] = "application_submission.answers";

/* ---- reading ---- */

/* $1 in the condition that follows. */
#define SELECT_APPLICATION                                                                                                                  \
	"SELECT a.id, a.key, a.state, a.person, a.maker, a.matter, a.guide, a.department, a.region, a.edition, COALESCE(a.case_id, 0), a.made_ms,"  \
	" a.changed_ms, g.version, g.name, m.code, c.case_no, COALESCE(c.state, 0), COALESCE(u.id, 0), COALESCE(u.version, 0), a.answers,"           \
	" (SELECT COUNT(*) FROM case_demand w WHERE w.case_id = a.case_id AND w.kind = 2 AND w.closed_seq IS NULL)"                           \
	" FROM application a JOIN guide g ON g.id = a.guide JOIN matter m ON m.id = a.matter LEFT JOIN cases c ON c.id = a.case_id" GUIDE_CURRENT_JOIN

static bool row_of(struct stmt *q, struct arena *a, struct application *to, struct fail *why)
{
	struct str key = stmt_blob(q, 1), no = stmt_is_null(q, 16) ? STR("") : stmt_text(q, 16);
	assert(key.len == ID_BYTES && no.len < CASE_NUMBER_BYTES);
	*to = (struct application){
		.id = stmt_int(q, 0), .state = (enum application_state)stmt_int(q, 2), .person = stmt_int(q, 3), .maker = stmt_int(q, 4), .matter = stmt_int(q, 5),
		.guide = stmt_int(q, 6), .department = stmt_int(q, 7), .region = stmt_int(q, 8), .edition = stmt_int(q, 9), .case_id = stmt_int(q, 10),
		.made_ms = stmt_int(q, 11), .changed_ms = stmt_int(q, 12), .guide_version = stmt_int(q, 13), .matter_name = str_copy(a, stmt_text(q, 14)),
		.matter_code = str_copy(a, stmt_text(q, 15)), .case_state = (enum case_state)stmt_int(q, 17), .current = stmt_int(q, 18), .current_version = stmt_int(q, 19),
	};
	to->follows = stmt_int(q, 21) > 0 && to->case_state == CASE_ACCEPTED;
	memcpy(to->key.bytes, key.at, ID_BYTES);
	memcpy(to->case_no, no.at, no.len);
	return (to->matter_name.at != NULL && to->matter_code.at != NULL) || FAILS(why, MEMORY, "an application");
}

/* An answer that was overwritten when its person went knows nothing. */
static bool opened(const char *place, int64_t id, struct str sealed, struct arena *a, struct str *out, struct fail *why)
{
	struct buf b;
	buf_init(&b, a, sealed.len + 1);
	if (sealed.len > 0 && !vault_open(place, id, sealed, &b, why))
		return false;
	*out = sealed.len > 0 ? buf_text(&b) : STR("{}");
	return buf_ok(&b) || FAILS(why, MEMORY, "answers");
}

bool application_find(struct tx *tx, struct id key, struct arena *a, struct application *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, SELECT_APPLICATION " WHERE a.key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such application");
	return row_of(q, a, out, why) && opened(answers_place, out->id, stmt_blob(q, 20), a, &out->answers, why);
}

bool application_list(struct tx *tx, int64_t person, int64_t mandate, int64_t below, struct arena *a, struct application *out, int max, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, SELECT_APPLICATION
		" WHERE a.person = $1 AND a.id < $2 AND (a.matter IN (SELECT matter FROM mandate_matter WHERE mandate = $3) OR $3 = 0) ORDER BY a.id DESC LIMIT $4", why);
	*count = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, below);
	stmt_bind_int(q, 3, mandate);
	stmt_bind_int(q, 4, max);
	while (*count < max && stmt_row(q, why))
		if (!row_of(q, a, &out[(*count)++], why))
			return false;
	return why->code == FAIL_NONE;
}

bool application_is_editable(const struct application *ap)
{
	return ap->state == APPLICATION_DRAFT || case_state_row(ap->case_state)->next == CASE_NEXT_SUPPLEMENT;
}

bool application_takes_files(const struct application *ap)
{
	return ap->follows || application_is_editable(ap);
}

bool application_is_outdated(const struct application *ap)
{
	return ap->state == APPLICATION_DRAFT && ap->guide != ap->current;
}

bool application_form(struct tx *tx, int64_t guide, struct arena *a, json_t **body, struct fields **out, struct fail *why)
{
	*out = arena_alloc(a, sizeof **out);
	if (*out == NULL)
		return FAILS(why, MEMORY, "a form");
	*body = guide_body(tx, guide, why);
	return *body != NULL && fields_take(json_object_get(*body, "form"), *out, a, why);
}

/* ---- a draft ---- */

static bool seal(const char *place, int64_t id, struct str answers, const uint8_t *salt, struct buf *out, struct fail *why)
{
	char *at = malloc(answers.len + VAULT_OVERHEAD_MAX);
	if (at == NULL)
		return FAILS(why, MEMORY, "answers");
	*out = (struct buf){ .at = at, .cap = answers.len + VAULT_OVERHEAD_MAX };
	return vault_seal(place, id, answers, salt, out, why);
}

static bool has_room(struct tx *tx, int64_t person, struct fail *why)
{
	if (!tx_lock_row(tx, "applications", person, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM application WHERE person = $1 AND state = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	if (!stmt_row(q, why))
		return false;
	if (stmt_int(q, 0) < DRAFTS_MAX)
		return true;
	FAILS(why, APPLICATIONS, "%d drafts", DRAFTS_MAX);
	fail_fact_number(why, "most", DRAFTS_MAX);
	return false;
}

static bool insert(struct tx *tx, const struct application *ap, struct str sealed, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO application (id, key, state, person, maker, matter, guide, department, region, edition, answers, made_ms, changed_ms)"
		" VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, ap->id);
	stmt_bind_blob(q, 2, ap->key.bytes, ID_BYTES);
	const int64_t numbers[] = { ap->person, ap->maker, ap->matter, ap->guide, ap->department, ap->region, ap->edition };
	for (int i = 0; i < 7; i++)
		stmt_bind_int(q, 3 + i, numbers[i]);
	stmt_bind_blob(q, 10, sealed.at, sealed.len);
	stmt_bind_int(q, 11, ap->made_ms);
	stmt_bind_int(q, 12, ap->changed_ms);
	return stmt_run(q, why);
}

bool application_make(struct tx *tx, struct application *ap, int64_t now_ms, const uint8_t salt[16], struct fail *why)
{
	struct buf sealed = { 0 };
	if (!has_room(tx, ap->person, why) || !tx_next_id(tx, "application", &ap->id, why))
		return false;
	ap->state = APPLICATION_DRAFT;
	ap->edition = 1;
	ap->made_ms = ap->changed_ms = now_ms;
	ap->answers = STR("{}");
	bool ok = seal(answers_place, ap->id, ap->answers, salt, &sealed, why) && insert(tx, ap, buf_text(&sealed), why);
	free(sealed.at);
	return ok;
}

bool application_hold(struct tx *tx, const struct application *ap, struct arena *a, bool *is_same, struct application *out, struct fail *why)
{
	if (!tx_lock_row(tx, "application", ap->id, why) || !application_find(tx, ap->key, a, out, why))
		return false;
	*is_same = out->edition == ap->edition;
	return true;
}

static bool update(struct tx *tx, const struct application *ap, struct str sealed, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE application SET answers = $1, guide = $2, state = $3, case_id = $4, changed_ms = $5, edition = edition + 1 WHERE id = $6 AND edition = $7", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, sealed.at, sealed.len);
	stmt_bind_int(q, 2, ap->guide);
	stmt_bind_int(q, 3, ap->state);
	if (ap->case_id != 0)
		stmt_bind_int(q, 4, ap->case_id);
	else
		stmt_bind_null(q, 4);
	stmt_bind_int(q, 5, now_ms);
	stmt_bind_int(q, 6, ap->id);
	stmt_bind_int(q, 7, ap->edition);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, PRECONDITION, "application %lld is not at edition %lld", (long long)ap->id, (long long)ap->edition));
}

bool application_write(struct tx *tx, struct application *ap, int64_t now_ms, const uint8_t salt[16], struct fail *why)
{
	struct buf sealed = { 0 };
	bool ok = seal(answers_place, ap->id, ap->answers, salt, &sealed, why) && update(tx, ap, buf_text(&sealed), now_ms, why);
	free(sealed.at);
	if (ok) {
		ap->edition++;
		ap->changed_ms = now_ms;
	}
	return ok;
}

/* ---- handed in ---- */

static bool last_n(struct tx *tx, int64_t application, int64_t *n, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(MAX(n), 0) FROM application_submission WHERE application = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, application);
	if (!stmt_row(q, why))
		return false;
	*n = stmt_int(q, 0);
	return true;
}

static bool submission_insert(struct tx *tx, const struct application *ap, const struct submission *s, int64_t maker, struct str sealed, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO application_submission (id, application, n, edition, maker, seq, answers, made_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", why);
	if (q == NULL)
		return false;
	const int64_t numbers[] = { s->id, ap->id, s->n, ap->edition, maker, s->seq };
	for (int i = 0; i < 6; i++)
		stmt_bind_int(q, 1 + i, numbers[i]);
	stmt_bind_blob(q, 7, sealed.at, sealed.len);
	stmt_bind_int(q, 8, s->made_ms);
	return stmt_run(q, why);
}

bool application_hand_in(struct tx *tx, struct application *ap, int64_t maker, int64_t seq, int64_t now_ms, const uint8_t salt[16], int64_t *n, struct fail *why)
{
	struct submission s = { .seq = seq, .made_ms = now_ms };
	struct buf sealed = { 0 };
	ap->state = APPLICATION_SUBMITTED;
	if (!application_write(tx, ap, now_ms, salt, why) || !last_n(tx, ap->id, &s.n, why) || !tx_next_id(tx, "application_submission", &s.id, why))
		return false;
	*n = ++s.n;
	bool ok = seal(submission_place, s.id, ap->answers, salt, &sealed, why) && submission_insert(tx, ap, &s, maker, buf_text(&sealed), why);
	free(sealed.at);
	return ok;
}

bool application_is_of(struct tx *tx, int64_t case_id, bool *is_so, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM application WHERE case_id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	*is_so = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

bool submission_last(struct tx *tx, int64_t case_id, int64_t back, struct arena *a, struct submission *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT s.id, s.application, s.n, s.edition, s.seq, s.made_ms, s.answers FROM application p JOIN application_submission s ON s.application = p.id"
		" WHERE p.case_id = $1 ORDER BY s.n DESC LIMIT 1 OFFSET $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, case_id);
	stmt_bind_int(q, 2, back);
	*found = stmt_row(q, why);
	if (!*found)
		return why->code == FAIL_NONE;
	*out = (struct submission){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), stmt_int(q, 3), stmt_int(q, 4), stmt_int(q, 5), STR_NONE };
	return opened(submission_place, out->id, stmt_blob(q, 6), a, &out->answers, why);
}

/* ---- thrown away ---- */

bool application_forget(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	if (!material_forget_all(tx, id, now_ms, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "DELETE FROM application WHERE id = $1 AND state = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return stmt_run(q, why) && (tx_changes(tx) == 1 || FAILS(why, PRECONDITION, "application %lld is no draft", (long long)id));
}

static bool overdue(struct tx *tx, int64_t now_ms, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT a.id FROM application a WHERE a.state = 1 AND a.changed_ms <= $1"
		" AND NOT EXISTS (SELECT 1 FROM legal_hold h WHERE h.person = a.person AND h.released_ms IS NULL) ORDER BY a.changed_ms LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms - DRAFT_DAYS * DAY_MS);
	*id = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

bool application_sweep(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	for (*rows = 0; *rows < rows_max; ++*rows) {
		int64_t id;
		if (!overdue(tx, now_ms, &id, why))
			return false;
		if (id == 0)
			return true;
		if (!application_forget(tx, id, now_ms, why))
			return false;
	}
	return true;
}
