/* services/departments/hook.c - a department's own address and key: what it takes, what becomes of it when nothing gets through. */
#include "services/departments/hook.h"

#include "auth/vault.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/metrics.h"
#include "channels/standard_webhooks.h"
#include "channels/url.h"
#include "notify/effect_move.h"
#include "services/services.h"

#include <stdio.h>

enum { CANCEL_MAX = 100, SUBJECT_TEXT = 64 };
#define HOUR_MS INT64_C(3600000)
#define COLUMNS                                                                                                                          \
	"SELECT h.id, h.key, h.department, d.region, h.made_ms, COALESCE(h.failing_since_ms, 0), COALESCE(h.disabled_ms, 0), h.old_until_ms," \
	" h.url, d.code, d.name, h.tells FROM hook h JOIN department d ON d.id = h.department WHERE h.removed_ms IS NULL AND "

/* ---- what may be registered ---- */

static bool wrong(struct fail *why, const char *pointer, const char *reason)
{
	FAILS_FIELD(why, FIELD, pointer, "hook: %s", reason);
	fail_fact_text(why, "reason", reason);
	return false;
}

bool hook_url_check(struct str url, struct fail *why)
{
	if (url.len > HOOK_URL_MAX || !url_base_is_right(url))
		return wrong(why, "/url", "not_an_address");
	return str_starts(url, STR("https://")) || services_is_development() || wrong(why, "/url", "not_https");
}

bool hook_secret_check(struct str secret, struct fail *why)
{
	char signature[WEBHOOK_SIGNATURE_BYTES];
	return webhook_sign((struct secret){ secret }, STR("x"), 0, STR(""), signature) || wrong(why, "/secret", "not_a_key");
}

static const struct { int64_t tells; struct str name; } words[] = {
	{ HOOK_ALERTS, STR("alerts") }, { HOOK_APPLICATIONS, STR("applications") }, { HOOK_ALERTS | HOOK_APPLICATIONS, STR("everything") },
};
enum { WORDS = sizeof words / sizeof words[0] };

struct str hook_tells_name(int64_t tells)
{
	for (int i = 0; i < WORDS; i++)
		if (words[i].tells == tells)
			return words[i].name;
	return STR("alerts");
}

int64_t hook_tells_from(struct str name)
{
	for (int i = 0; i < WORDS; i++)
		if (str_eq(words[i].name, name))
			return words[i].tells;
	return 0;
}

/* ---- rows ---- */

static bool has_room(struct tx *tx, int64_t department, struct str url, struct fail *why)
{
	int64_t count = 0;
	bool same = false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT url FROM hook WHERE department = $1 AND removed_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, department);
	for (; stmt_row(q, why); count++)
		same = same || str_eq(stmt_text(q, 0), url);
	if (why->code != FAIL_NONE)
		return false;
	if (same)
		return FAILS(why, CONFLICT, "that address is there");
	return count < HOOKS_MAX || FAILS(why, RECEIVERS_FULL, "%d addresses", HOOKS_MAX);
}

bool hook_add(struct tx *tx, const struct hook_new *n, int64_t now_ms, int64_t *id, struct fail *why)
{
	char bytes[HOOK_SECRET_MAX + VAULT_OVERHEAD_MAX];
	struct buf sealed = { .at = bytes, .cap = sizeof(bytes) };
	if (!tx_lock_row(tx, "department.hooks", n->department, why) || !has_room(tx, n->department, n->url, why) || !tx_next_id(tx, "hook", id, why) ||
	    !vault_seal("hook.secret", *id, n->secret, n->salt, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO hook (id, key, department, url, secret, old_until_ms, made_ms, tells) VALUES ($1, $2, $3, $4, $5, 0, $6, $7)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	stmt_bind_blob(q, 2, n->key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, n->department);
	stmt_bind_text(q, 4, n->url);
	stmt_bind_blob(q, 5, sealed.at, sealed.len);
	stmt_bind_int(q, 6, now_ms);
	stmt_bind_int(q, 7, n->tells);
	return stmt_run(q, why);
}

static bool fill(struct stmt *q, struct arena *a, struct hook *h, struct fail *why)
{
	*h = (struct hook){ .id = stmt_int(q, 0), .department = stmt_int(q, 2), .region = stmt_int(q, 3), .made_ms = stmt_int(q, 4), .failing_since_ms = stmt_int(q, 5),
			    .disabled_ms = stmt_int(q, 6), .old_until_ms = stmt_int(q, 7), .url = str_copy(a, stmt_text(q, 8)),
			    .department_code = str_copy(a, stmt_text(q, 9)), .department_name = str_copy(a, stmt_text(q, 10)), .tells = stmt_int(q, 11) };
	memcpy(h->key.bytes, stmt_blob(q, 1).at, ID_BYTES);
	return (h->url.at != NULL && h->department_code.at != NULL && h->department_name.at != NULL) || FAILS(why, MEMORY, "an address");
}

bool hook_by_key(struct tx *tx, struct id key, struct arena *a, struct hook *out, bool *found, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, COLUMNS "h.key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	*found = stmt_row(q, why);
	return *found ? fill(q, a, out, why) : why->code == FAIL_NONE;
}

bool hook_list(struct tx *tx, const struct hook_span *s, struct arena *a, struct hook *out, int most, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, COLUMNS "h.id < $1 AND (h.department = $2 OR ($2 = 0 AND (d.region BETWEEN $3 AND $4 OR d.region BETWEEN $5 AND $6)))"
		" ORDER BY h.id DESC LIMIT $7", why);
	if (q == NULL)
		return false;
	const int64_t binds[] = { s->below, s->department, s->six_first, s->six_last, s->nine_first, s->nine_last, most };
	for (int i = 0; i < 7; i++)
		stmt_bind_int(q, i + 1, binds[i]);
	for (*count = 0; stmt_row(q, why); ++*count)
		if (!fill(q, a, &out[*count], why))
			return false;
	return why->code == FAIL_NONE;
}

bool hooks_any(struct tx *tx, int64_t department, int64_t tells, bool *any, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM hook WHERE department = $1 AND removed_ms IS NULL AND disabled_ms IS NULL AND (tells & $2) > 0 LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, department);
	stmt_bind_int(q, 2, tells);
	*any = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

static bool secret_open(struct tx *tx, int64_t id, struct arena *a, struct str *secret, struct fail *why)
{
	struct buf text;
	buf_init(&text, a, HOOK_SECRET_MAX + VAULT_OVERHEAD_MAX);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT secret FROM hook WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "address %lld", (long long)id);
	if (!vault_open("hook.secret", id, stmt_blob(q, 0), &text, why))
		return false;
	*secret = buf_text(&text);
	return true;
}

static bool secrets_write(struct tx *tx, int64_t id, struct str sealed, struct str old, int64_t old_until_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE hook SET secret = $1, old_secret = $2, old_until_ms = $3 WHERE id = $4", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, sealed.at, sealed.len);
	stmt_bind_blob(q, 2, old.at, old.len);
	stmt_bind_int(q, 3, old_until_ms);
	stmt_bind_int(q, 4, id);
	return stmt_run(q, why);
}

bool hook_rotate(struct tx *tx, const struct hook *h, struct str secret, const uint8_t salt[16], int64_t now_ms, struct arena *a, struct fail *why)
{
	char bytes[2][HOOK_SECRET_MAX + VAULT_OVERHEAD_MAX];
	struct buf sealed = { .at = bytes[0], .cap = sizeof(bytes[0]) }, old = { .at = bytes[1], .cap = sizeof(bytes[1]) };
	struct str now;
	if (!tx_lock_row(tx, "department.hooks", h->department, why) || !secret_open(tx, h->id, a, &now, why))
		return false;
	if (str_eq(now, secret))
		return true;
	return vault_seal("hook.secret", h->id, secret, salt, &sealed, why) && vault_seal("hook.old_secret", h->id, now, salt, &old, why) &&
	       secrets_write(tx, h->id, buf_text(&sealed), buf_text(&old), now_ms + HOOK_OLD_MS, why);
}

bool hook_enable(struct tx *tx, const struct hook *h, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE hook SET disabled_ms = NULL, failing_since_ms = NULL WHERE id = $1 AND removed_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, h->id);
	return stmt_run(q, why);
}

/* ---- what waits there ---- */

static struct str subject_of(int64_t id, char out[SUBJECT_TEXT])
{
	int len = snprintf(out, SUBJECT_TEXT, "hook:%lld", (long long)id);
	return (struct str){ out, (size_t)len };
}

static bool waiting(struct tx *tx, struct str subject, int64_t ids[CANCEL_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM effect WHERE subject = $1 AND waits = 1 ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, subject);
	stmt_bind_int(q, 2, CANCEL_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		ids[*count] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

/* One thing that is due, of a subject that is the caller's. */
static bool cancel_one(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	struct effect_view e;
	bool found, moved;
	if (!effect_get(tx, id, &e, &found, why))
		return false;
	struct effect_move m = { .to = EFFECT_CANCELLED, .due_ms = e.due_ms, .rung = e.rung, .code = "hook_off" };
	return !found || e.state != EFFECT_DUE || effect_move(tx, &e, &m, now_ms, &moved, why);
}

struct waiting_of_case {
	int64_t id;
	char subject[SUBJECT_TEXT];
};

/* ':' comes before ';', so these are the subjects of this address's cases. By the index of those that wait, or of those that have the turn. */
static bool of_cases(struct tx *tx, int64_t hook, bool waits, struct waiting_of_case out[CANCEL_MAX], int *count, struct fail *why)
{
	char first[SUBJECT_TEXT], last[SUBJECT_TEXT];
	int len = snprintf(first, sizeof first, "hook:%lld:", (long long)hook);
	snprintf(last, sizeof last, "hook:%lld;", (long long)hook);
	DROP(stmt) struct stmt *q = waits
		? tx_query(tx, "SELECT id, subject FROM effect WHERE subject >= $1 AND subject < $2 AND waits = 1 ORDER BY subject, id LIMIT $3", why)
		: tx_query(tx, "SELECT id, subject FROM effect WHERE subject >= $1 AND subject < $2 AND subject <> '' AND waits = 0 AND (state <= 2 OR state = 6) ORDER BY subject LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, (struct str){ first, (size_t)len });
	stmt_bind_text(q, 2, (struct str){ last, (size_t)len });
	stmt_bind_int(q, 3, CANCEL_MAX);
	for (*count = 0; stmt_row(q, why); ++*count) {
		struct str subject = stmt_text(q, 1);
		out[*count].id = stmt_int(q, 0);
		snprintf(out[*count].subject, SUBJECT_TEXT, "%.*s", STR_ARG(subject));
	}
	return why->code == FAIL_NONE;
}

/* Those that wait first: else the next of them would have the turn. */
static bool cancel_of_cases(struct tx *tx, int64_t hook, int64_t now_ms, struct fail *why)
{
	struct waiting_of_case of[CANCEL_MAX];
	int count;
	for (int waits = 1; waits >= 0; waits--) {
		if (!of_cases(tx, hook, waits != 0, of, &count, why))
			return false;
		for (int i = 0; i < count; i++)
			if (!effect_subject_lock(tx, str_c(of[i].subject), why) || !cancel_one(tx, of[i].id, now_ms, why))
				return false;
	}
	return true;
}

/* The one that has the turn goes on or fails by itself. */
static bool cancel_waiting(struct tx *tx, int64_t hook, int64_t now_ms, struct fail *why)
{
	char text[SUBJECT_TEXT];
	int64_t ids[CANCEL_MAX];
	int count;
	struct str subject = subject_of(hook, text);
	if (!effect_subject_lock(tx, subject, why) || !waiting(tx, subject, ids, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (!cancel_one(tx, ids[i], now_ms, why))
			return false;
	return cancel_of_cases(tx, hook, now_ms, why);
}

bool hook_remove(struct tx *tx, const struct hook *h, int64_t now_ms, struct fail *why)
{
	static const uint8_t salt[16];
	char bytes[VAULT_OVERHEAD_MAX];
	struct buf nothing = { .at = bytes, .cap = sizeof(bytes) };
	if (!vault_seal("hook.secret", h->id, STR_NONE, salt, &nothing, why) || !secrets_write(tx, h->id, buf_text(&nothing), STR_NONE, 0, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE hook SET removed_ms = $1 WHERE id = $2 AND removed_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, h->id);
	return stmt_run(q, why) && cancel_waiting(tx, h->id, now_ms, why);
}

/* ---- telling ---- */

struct receiver {
	int64_t id;
	struct str url, secret, old_secret;
};

static bool receivers(struct tx *tx, int64_t department, int64_t tells, int64_t now_ms, struct arena *a, struct receiver out[HOOKS_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, url, secret, old_secret, old_until_ms FROM hook WHERE department = $1 AND removed_ms IS NULL"
		" AND disabled_ms IS NULL AND (tells & $2) > 0 ORDER BY id LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, department);
	stmt_bind_int(q, 2, tells);
	stmt_bind_int(q, 3, HOOKS_MAX);
	for (*count = 0; stmt_row(q, why); ++*count) {
		struct buf text[2];
		for (int i = 0; i < 2; i++)
			buf_init(&text[i], a, HOOK_SECRET_MAX + VAULT_OVERHEAD_MAX);
		struct receiver *to = &out[*count];
		*to = (struct receiver){ .id = stmt_int(q, 0), .url = str_copy(a, stmt_text(q, 1)) };
		bool has_old = !stmt_is_null(q, 3) && stmt_int(q, 4) > now_ms;
		if (to->url.at == NULL)
			return FAILS(why, MEMORY, "an address");
		if (!vault_open("hook.secret", to->id, stmt_blob(q, 2), &text[0], why) || (has_old && !vault_open("hook.old_secret", to->id, stmt_blob(q, 3), &text[1], why)))
			return false;
		to->secret = buf_text(&text[0]);
		to->old_secret = has_old ? buf_text(&text[1]) : STR_NONE;
	}
	return why->code == FAIL_NONE;
}

/* case_id 0: about no case alone. */
static bool tell_one(struct tx *tx, const struct receiver *to, int64_t case_id, struct str body, const uint8_t random[16], int64_t now_ms, struct arena *a, struct fail *why)
{
	char subject[SUBJECT_TEXT];
	struct buf b;
	int64_t id;
	buf_init(&b, a, body.len * 2 + 1024);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "url", to->url);
	json_add_text(&j, "secret", to->secret);
	if (to->old_secret.at != NULL)
		json_add_text(&j, "old_secret", to->old_secret);
	json_add_text(&j, "body", body);
	json_put_object_end(&j);
	if (!json_end(&j))
		return FAILS(why, MEMORY, "a webhook");
	struct effect_new e = { .kind = KIND_department_hook, .subject = subject_of(to->id, subject), .payload = buf_text(&b) };
	if (case_id != 0) {
		e.kind = KIND_application_hook;
		e.subject.len += (size_t)snprintf(subject + e.subject.len, sizeof(subject) - e.subject.len, ":case:%lld", (long long)case_id);
	}
	return effect_add(tx, &e, now_ms, random, &id, why);
}

static bool tell(struct tx *tx, int64_t department, int64_t tells, int64_t case_id, struct str body, const uint8_t seed[32], int64_t now_ms, struct arena *a, int *count, struct fail *why)
{
	struct receiver to[HOOKS_MAX];
	uint8_t random[16];
	if (!receivers(tx, department, tells, now_ms, a, to, count, why))
		return false;
	for (int i = 0; i < *count; i++) {
		effect_random(seed, i, random);
		if (!tell_one(tx, &to[i], case_id, body, random, now_ms, a, why))
			return false;
	}
	return true;
}

bool hooks_tell(struct tx *tx, int64_t department, int64_t tells, struct str body, const uint8_t seed[32], int64_t now_ms, struct arena *a, int *count, struct fail *why)
{
	return tell(tx, department, tells, 0, body, seed, now_ms, a, count, why);
}

bool hooks_tell_case(struct tx *tx, int64_t department, int64_t case_id, struct str body, const uint8_t seed[32], int64_t now_ms, struct arena *a, int *count, struct fail *why)
{
	return tell(tx, department, HOOK_APPLICATIONS, case_id, body, seed, now_ms, a, count, why);
}

/* ---- what became of it ---- */

static bool got_through(struct tx *tx, int64_t id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE hook SET failing_since_ms = NULL WHERE id = $1 AND failing_since_ms IS NOT NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	return stmt_run(q, why);
}

static bool failing(struct tx *tx, int64_t id, int64_t since_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE hook SET failing_since_ms = $1 WHERE id = $2 AND failing_since_ms IS NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, since_ms);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why);
}

/* *off: it was on until now. */
static bool disable(struct tx *tx, int64_t id, int64_t failing_before_ms, int64_t now_ms, bool *off, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE hook SET disabled_ms = $1 WHERE id = $2 AND disabled_ms IS NULL AND removed_ms IS NULL AND failing_since_ms <= $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, id);
	stmt_bind_int(q, 3, failing_before_ms);
	if (!stmt_run(q, why))
		return false;
	*off = tx_changes(tx) > 0;
	return true;
}

bool hook_followed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	int64_t id;
	bool off, gone = strcmp(e->code, "http_410") == 0;
	struct str number, rest;
	if (!str_starts(str_c(e->subject), STR("hook:")))
		return true;
	str_cut(str_c(e->subject + 5), ':', &number, &rest);
	if (!str_to_i64(number, 1, INT64_MAX, &id))
		return true;
	if (e->state == EFFECT_DONE)
		return got_through(tx, id, why);
	if (e->state != EFFECT_FAILED)
		return true;
	if (!failing(tx, id, e->made_ms, why) || !disable(tx, id, gone ? now_ms : now_ms - services_config()->hooks_disable_hours * HOUR_MS, now_ms, &off, why))
		return false;
	if (!off)
		return true;
	metric_add(M_hooks_disabled, 0, 1);
	TX_SAY(tx, hook_disabled, L_INT(id), L_C(e->code));
	return cancel_waiting(tx, id, now_ms, why);
}
