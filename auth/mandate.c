/* auth/mandate.c - why this exists: many who need a service have somebody who goes for them, and that must neither take their password nor their say. */
#include "auth/mandate.h"
#include "auth/audit.h"
#include "auth/login.h"
#include "auth/mandate_inside.h"
#include "auth/right.h"
#include "auth/vault.h"
#include "base/hash.h"
#include <assert.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)

enum { SEALED_BYTES = MANDATE_SAID_BYTES };
enum {
	ALL = 0
#define SCOPE(name, bit, text, zh) | 1 << bit
#include "auth/mandate_scopes.def"
#undef SCOPE
};
#define BUT_AGENTS (ALL & ~(1 << MANDATE_TO_MANAGE_AGENTS))
#define VIA(by) (1u << BY_##by)

static const char *const scopes[MANDATE_SCOPES] = {
#define SCOPE(name, bit, text, zh) [bit] = text,
#include "auth/mandate_scopes.def"
#undef SCOPE
};
_Static_assert(MANDATE_SCOPES <= 31, "scopes are bits of a BIGINT, and of an int here");

static const struct mandate_row kinds[MANDATE_KINDS] = {
#define KIND(name, number, text, zh, days, holder, giver, accepted, most, scopes) [number] = { text, zh, (days) * DAY_MS, holder, giver, accepted, most, scopes },
#include "auth/mandate_kinds.def"
#undef KIND
};

#define TO(state) (1u << MANDATE_##state)
static const struct { const char *text; unsigned may; enum audit_act act; } states[MANDATE_STATES] = {
	[MANDATE_OFFERED] = { "offered", TO(ACTIVE) | TO(REFUSED) | TO(REVOKED) | TO(EXPIRED), AUDIT_MANDATE_OFFERED }, /* woken by either side; a day */
	[MANDATE_ACTIVE] = { "active", TO(REVOKED) | TO(EXPIRED), AUDIT_MANDATE_ACCEPTED },                             /* until the agreed day */
	[MANDATE_REFUSED] = { "refused", 0, AUDIT_MANDATE_REFUSED },
	[MANDATE_REVOKED] = { "revoked", 0, AUDIT_MANDATE_REVOKED },
	[MANDATE_EXPIRED] = { "expired", 0, 0 }, /* nobody does that: the day was agreed */
};

const struct mandate_row *mandate_row(int kind)
{
	return kind > 0 && kind < MANDATE_KINDS && kinds[kind].text != NULL ? &kinds[kind] : NULL;
}

const struct mandate_row *mandate_row_named(struct str text, enum mandate_kind *kind)
{
	for (int i = 1; i < MANDATE_KINDS; i++)
		if (kinds[i].text != NULL && str_eq(text, str_c(kinds[i].text))) {
			*kind = (enum mandate_kind)i;
			return &kinds[i];
		}
	return NULL;
}

const char *mandate_scope_text(enum mandate_scope scope)
{
	assert(scope > 0 && scope < MANDATE_SCOPES && scopes[scope] != NULL);
	return scopes[scope];
}

enum mandate_scope mandate_scope_named(struct str text)
{
	for (int i = 1; i < MANDATE_SCOPES; i++)
		if (scopes[i] != NULL && str_eq(text, str_c(scopes[i])))
			return (enum mandate_scope)i;
	return (enum mandate_scope)0;
}

const char *mandate_state_text(enum mandate_state state)
{
	assert(state >= MANDATE_OFFERED && state < MANDATE_STATES);
	return states[state].text;
}

bool mandate_may_become(enum mandate_state from, enum mandate_state to)
{
	return (states[from].may & 1u << to) != 0;
}

/* ---- offering ---- */

bool mandate_level_is(const struct request *r, int needed, struct fail *why)
{
	if (level_suffices(&r->who, needed, r->now_ms))
		return true;
	FAILS(why, LEVEL, "level %d, needed %d", r->who.level, needed);
	fail_fact_number(why, "needed_level", needed);
	fail_fact_text(why, "step", level_row(needed)->step);
	return false;
}

/* is_known: the authority has said yes already, and no window is wanted. */
static bool offer_fits(const struct request *r, const struct mandate_row *row, const struct mandate_new *n, bool is_known, struct fail *why)
{
	if (!mandate_level_is(r, row->holder_level, why))
		return false;
	if ((n->kind == MANDATE_COMPANY || n->kind == MANDATE_REPRESENTATIVE) != (n->giver.kind == IDENTITY_ORGANISATION))
		return FAILS_FIELD(why, FIELD, "/kind", "a company is acted for as one, and a person is not");
	if (n->scopes == 0 || (n->scopes & ~row->scopes) != 0)
		return FAILS_FIELD(why, FIELD, "/scopes", "not what this kind allows");
	if (n->until_ms <= r->now_ms || n->until_ms > r->now_ms + row->life_ms)
		return FAILS_FIELD(why, FIELD, "/until", "at most %lld days from now", (long long)(row->life_ms / DAY_MS));
	if (n->kind == MANDATE_REPRESENTATIVE && n->matter_count > 0)
		return FAILS_FIELD(why, FIELD, "/matters", "who represents a company does so in all");
	return n->region != 0 || is_known || (row->accepted & ~VIA(WINDOW) & ~VIA(AUTHORITY)) != 0 || FAILS_FIELD(why, FIELD_MISSING, "/region", "only a window accepts this kind: where?");
}

static bool has_room(struct tx *tx, int64_t holder, const struct mandate_row *row, const struct mandate_new *n, int64_t now_ms, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM mandate WHERE holder = $1 AND state IN (1, 2) AND kind = $2 AND ends_ms > $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, holder);
	stmt_bind_int(q, 2, n->kind);
	stmt_bind_int(q, 3, now_ms);
	if (!stmt_row(q, why))
		return false;
	if (stmt_int(q, 0) < row->most)
		return true;
	FAILS(why, MANDATES, "%d of kind %d", row->most, (int)n->kind);
	fail_fact_number(why, "most", row->most);
	return false;
}

/* Number and name must both be right: whoever knows a number only has named nobody. */
static bool find_giver(struct tx *tx, int64_t holder, const struct mandate_new *n, int64_t *id, struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	if (!person_find(tx, n->giver.kind, str_c(n->giver.number), id, why))
		return false;
	bool ok = person_facts_get(tx, *id != 0 ? *id : holder, text, &facts, why); /* somebody's are opened in any case: it takes as long */
	if (ok && *id != 0 && (facts.name.at == NULL || !str_eq(facts.name, n->giver_name)))
		*id = 0;
	wipe(text, sizeof(text));
	return ok;
}

static bool said_seal(int64_t id, const struct mandate_new *n, struct buf *out, struct fail *why)
{
	char text[MANDATE_SAID_BYTES];
	struct buf b = { .at = text, .cap = sizeof(text) };
	buf_char(&b, (char)('0' + n->giver.kind));
	buf_str(&b, str_c(n->giver.number));
	buf_char(&b, '\n');
	buf_str(&b, n->giver_name);
	bool ok = vault_seal("mandate.said", id, buf_text(&b), n->salt, out, why);
	wipe(text, sizeof(text));
	return ok;
}

static void bind_or_null(struct stmt *q, int n, int64_t v)
{
	if (v != 0)
		stmt_bind_int(q, n, v);
	else
		stmt_bind_null(q, n);
}

static bool insert(struct tx *tx, const struct mandate *m, struct str said, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO mandate (id, key, kind, state, holder, giver, said, scopes, accepted_by, made_ms, until_ms, ends_ms, changed_ms, region, used_ms, code_sent_ms)"
		" VALUES ($1, $2, $3, 1, $4, $5, $6, $7, 0, $8, $9, $10, $8, $11, 0, 0)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, m->id);
	stmt_bind_blob(q, 2, m->key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, m->kind);
	stmt_bind_int(q, 4, m->holder);
	bind_or_null(q, 5, m->giver);
	stmt_bind_blob(q, 6, said.at, said.len);
	stmt_bind_int(q, 7, (int64_t)m->scopes);
	stmt_bind_int(q, 8, m->made_ms);
	stmt_bind_int(q, 9, m->until_ms);
	stmt_bind_int(q, 10, m->ends_ms);
	bind_or_null(q, 11, m->region);
	return stmt_run(q, why);
}

static bool insert_matters(struct tx *tx, int64_t mandate, const struct mandate_new *n, struct fail *why)
{
	for (int i = 0; i < n->matter_count; i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO mandate_matter (mandate, matter) VALUES ($1, $2) ON CONFLICT (mandate, matter) DO NOTHING", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, mandate);
		stmt_bind_int(q, 2, n->matters[i]);
		if (!stmt_run(q, why))
			return false;
	}
	return true;
}

/* Of the holder's deeds the giver is whom they are for; what the giver does, he does for himself. */
bool mandate_audited(struct tx *tx, const struct request *r, const struct mandate *m, int status, struct fail *why)
{
	bool is_for = m->giver != 0 && !(r->who.kind == WHO_CITIZEN && r->who.id == m->giver); /* who manages a company's agents does it for the company */
	struct audit a = { .act = states[m->state].act, .subject = AUDIT_OF_MANDATE, .subject_id = m->id, .result = status, .for_kind = is_for ? WHO_CITIZEN : 0,
			   .for_id = is_for ? m->giver : 0, .region = r->who.kind == WHO_STAFF ? m->region : 0 };
	return audit_add(tx, r, &a, why);
}

static bool offer(struct tx *tx, const struct request *r, const struct mandate_new *n, bool is_known, struct mandate *out, struct fail *why)
{
	const struct mandate_row *row = mandate_row(n->kind);
	char bytes[SEALED_BYTES];
	struct buf said = { .at = bytes, .cap = sizeof(bytes) };
	assert(row != NULL && r->who.kind == WHO_CITIZEN && n->matter_count <= MANDATE_MATTERS_MAX && n->giver_name.len > 0 && n->giver_name.len <= PERSON_NAME_BYTES);
	*out = (struct mandate){ .kind = n->kind, .state = MANDATE_OFFERED, .holder = r->who.id, .scopes = n->scopes, .made_ms = r->now_ms, .until_ms = n->until_ms,
				 .key = n->key, .region = n->region, .matters = n->matter_count };
	out->ends_ms = n->until_ms < r->now_ms + MANDATE_OFFER_LIFE_MS ? n->until_ms : r->now_ms + MANDATE_OFFER_LIFE_MS;
	if (!offer_fits(r, row, n, is_known, why) || !tx_lock_row(tx, "person.mandates", r->who.id, why) || !has_room(tx, r->who.id, row, n, r->now_ms, why) ||
	    !find_giver(tx, r->who.id, n, &out->giver, why))
		return false;
	if (out->giver == r->who.id)
		return FAILS_FIELD(why, FIELD, "/id_number", "nobody needs a mandate for himself");
	return tx_next_id(tx, "mandate", &out->id, why) && said_seal(out->id, n, &said, why) && insert(tx, out, buf_text(&said), why) &&
	       insert_matters(tx, out->id, n, why) && mandate_audited(tx, r, out, 202, why);
}

bool mandate_offer(struct tx *tx, const struct request *r, const struct mandate_new *n, struct mandate *out, struct fail *why)
{
	return offer(tx, r, n, false, out, why);
}

bool mandate_represent(struct tx *tx, const struct request *r, const struct mandate_new *n, struct mandate *out, struct fail *why)
{
	struct person_facts facts = { .name = n->giver_name };
	int64_t company;
	assert(n->kind == MANDATE_REPRESENTATIVE && n->giver.kind == IDENTITY_ORGANISATION);
	return person_find_or_make(tx, n->giver.kind, str_c(n->giver.number), r->now_ms, &company, why) && person_facts_merge(tx, company, &facts, n->salt + 16, why) &&
	       person_confirmed(tx, company, CONFIRMED_BY_AUTHORITY, r->now_ms, why) && offer(tx, r, n, true, out, why) && mandate_accept(tx, r, out, BY_AUTHORITY, why);
}

bool mandate_phone(struct tx *tx, const struct mandate *m, int64_t now_ms, char phone[PHONE_DIGITS + 1], bool *found, struct fail *why)
{
	char text[LOGIN_VALUE_MAX + 1];
	enum login_kind kind;
	struct str value;
	int64_t login;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM login WHERE person = $1 AND kind = 1 AND level = 2 AND ended_ms IS NULL AND seen_ms > $2"
			" ORDER BY seen_ms DESC, id DESC LIMIT 1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, m->giver);
		stmt_bind_int(q, 2, now_ms - LOGIN_IDLE_MS);
		*found = stmt_row(q, why);
		login = *found ? stmt_int(q, 0) : 0;
	}
	if (!*found)
		return why->code == FAIL_NONE;
	bool ok = login_value(tx, login, text, &kind, &value, why);
	if (ok) {
		assert(kind == LOGIN_PHONE && value.len == PHONE_DIGITS);
		memcpy(phone, value.at, PHONE_DIGITS);
		phone[PHONE_DIGITS] = '\0';
	}
	wipe(text, sizeof(text));
	return ok;
}

/* ---- reading ---- */

void mandate_fill(struct stmt *q, int64_t now_ms, struct mandate *m)
{
	struct str key = stmt_blob(q, 1);
	assert(key.len == ID_BYTES);
	*m = (struct mandate){ .id = stmt_int(q, 0), .kind = (enum mandate_kind)stmt_int(q, 2), .state = (enum mandate_state)stmt_int(q, 3), .holder = stmt_int(q, 4),
			       .giver = stmt_int(q, 5) /* NULL reads as 0 */, .scopes = (uint64_t)stmt_int(q, 6), .accepted_by = (enum mandate_by)stmt_int(q, 7),
			       .made_ms = stmt_int(q, 8), .until_ms = stmt_int(q, 9), .ends_ms = stmt_int(q, 10), .region = stmt_int(q, 11), .used_ms = stmt_int(q, 12),
			       .code_sent_ms = stmt_int(q, 13), .matters = stmt_int(q, 14) };
	memcpy(m->key.bytes, key.at, ID_BYTES);
	if (m->ends_ms <= now_ms && mandate_may_become(m->state, MANDATE_EXPIRED))
		m->state = MANDATE_EXPIRED;
}

bool mandate_by_key(struct tx *tx, struct id key, int64_t now_ms, struct mandate *m, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " MANDATE_COLUMNS " FROM mandate WHERE key = $1", why);
	*m = (struct mandate){ 0 };
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	if (stmt_row(q, why))
		mandate_fill(q, now_ms, m);
	return why->code == FAIL_NONE;
}

bool mandate_by_id(struct tx *tx, int64_t id, int64_t now_ms, struct mandate *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " MANDATE_COLUMNS " FROM mandate WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no mandate %lld", (long long)id);
	mandate_fill(q, now_ms, out);
	return true;
}

bool mandate_find(struct tx *tx, const struct request *r, struct id key, struct mandate *out, struct fail *why)
{
	if (!mandate_by_key(tx, key, r->now_ms, out, why))
		return false;
	return (out->id != 0 && r->who.kind == WHO_CITIZEN && (mandate_is_holder(&r->who, out) || mandate_is_giver(&r->who, out))) || FAILS(why, NOT_FOUND, "no mandate of this person");
}

bool mandate_allows(struct tx *tx, const struct request *r, struct id key, enum mandate_scope scope, struct mandate *out, struct fail *why)
{
	if (!mandate_by_key(tx, key, r->now_ms, out, why))
		return false;
	if (out->id == 0 || r->who.kind != WHO_CITIZEN || out->holder != r->who.id || out->state != MANDATE_ACTIVE)
		return FAILS(why, MANDATE_ENDED, "mandate %lld in state %d", (long long)out->id, (int)out->state);
	if ((out->scopes >> scope & 1) != 0)
		return true;
	FAILS(why, MANDATE_SCOPE, "mandate %lld, scope %d", (long long)out->id, (int)scope);
	fail_fact_text(why, "scope", mandate_scope_text(scope));
	return false;
}

bool mandate_covers(struct tx *tx, const struct principal *who, int64_t matter, bool *covers, struct fail *why)
{
	*covers = who->acting_for == 0 || !who->by_matter;
	if (*covers)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT matter FROM mandate_matter WHERE mandate = $1 AND matter = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, who->mandate);
	stmt_bind_int(q, 2, matter);
	*covers = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

bool mandate_matters(struct tx *tx, int64_t id, struct arena *a, struct str codes[MANDATE_MATTERS_MAX], int *count, struct fail *why)
{
	*count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT m.code FROM mandate_matter mm JOIN matter m ON m.id = mm.matter WHERE mm.mandate = $1 ORDER BY m.code", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	while (stmt_row(q, why)) {
		assert(*count < MANDATE_MATTERS_MAX);
		codes[*count] = str_copy(a, stmt_text(q, 0));
		if (codes[(*count)++].at == NULL)
			return FAILS(why, MEMORY, "a matter's code");
	}
	return why->code == FAIL_NONE;
}

bool mandate_said(struct tx *tx, int64_t id, char text[MANDATE_SAID_BYTES], struct mandate_said *out, struct fail *why)
{
	struct buf b = { .at = text, .cap = MANDATE_SAID_BYTES };
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT said FROM mandate WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no mandate %lld", (long long)id);
	*out = (struct mandate_said){ IDENTITY_NONE, STR(""), STR("") };
	if (stmt_blob(q, 0).len == 0)
		return true; /* forgotten: auth/retention.def */
	if (!vault_open("mandate.said", id, stmt_blob(q, 0), &b, why))
		return false;
	assert(b.len > 1);
	out->kind = (enum identity_kind)(b.at[0] - '0');
	str_cut((struct str){ b.at + 1, b.len - 1 }, '\n', &out->number, &out->name);
	return true;
}

bool mandate_list(struct tx *tx, enum mandate_side side, int64_t person, int64_t below, int64_t now_ms, struct mandate *out, int max, int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = side == MANDATES_HELD
		? tx_query(tx, "SELECT " MANDATE_COLUMNS " FROM mandate WHERE holder = $1 AND id < $2 ORDER BY id DESC LIMIT $3", why)
		: tx_query(tx, "SELECT " MANDATE_COLUMNS " FROM mandate WHERE giver = $1 AND id < $2 ORDER BY id DESC LIMIT $3", why);
	*count = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, below);
	stmt_bind_int(q, 3, max);
	while (stmt_row(q, why))
		mandate_fill(q, now_ms, &out[(*count)++]);
	return why->code == FAIL_NONE;
}
