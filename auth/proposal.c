/* auth/proposal.c - why this exists: whoever may do much alone will one day do it wrong alone. */
#include "auth/proposal.h"
#include "auth/audit.h"
#include "auth/tenancy.h"
#include "auth/vault.h"
#include "base/hash.h"
#include <assert.h>

#define COLUMNS "SELECT id, key, kind, state, subject, region, maker, maker_session, checker, made_ms, expires_ms, decided_ms FROM proposal "
#define HOUR_MS INT64_C(3600000)

static const struct proposal_row rows[PROPOSAL_KINDS_MAX] = {
#define PROPOSAL(name, number, text, zh, makes, checks, hours) [number] = { text, zh, RIGHT_##makes, RIGHT_##checks, (hours) * HOUR_MS },
#include "auth/proposals.def"
#undef PROPOSAL
};

static const struct proposal_deed *deeds[PROPOSAL_KINDS_MAX];

static const char *const states[] = { [PROPOSAL_OPEN] = "open", [PROPOSAL_APPROVED] = "approved", [PROPOSAL_REFUSED] = "refused",
	[PROPOSAL_WITHDRAWN] = "withdrawn", [PROPOSAL_EXPIRED] = "expired" };

const struct proposal_row *proposal_row(int kind)
{
	return kind > 0 && kind < PROPOSAL_KINDS_MAX && rows[kind].text != NULL ? &rows[kind] : NULL;
}

void proposal_compose(int kind, const struct proposal_deed *deed)
{
	assert(proposal_row(kind) != NULL && deed->check != NULL && deed->carry_out != NULL && (deed->find == NULL) == (deed->name == NULL));
	deeds[kind] = deed;
}

const struct proposal_deed *proposal_deed(int kind)
{
	assert(proposal_row(kind) != NULL && deeds[kind] != NULL);
	return deeds[kind];
}

const char *proposal_state_text(enum proposal_state state)
{
	assert(state >= PROPOSAL_OPEN && state <= PROPOSAL_EXPIRED);
	return states[state];
}

enum proposal_state proposal_state_from(struct str text)
{
	for (int i = PROPOSAL_OPEN; i <= PROPOSAL_EXPIRED; i++)
		if (str_eq(text, str_c(states[i])))
			return (enum proposal_state)i;
	return 0;
}

int proposal_kind_from(struct str text)
{
	for (int i = 1; i < PROPOSAL_KINDS_MAX; i++)
		if (rows[i].text != NULL && str_eq(text, str_c(rows[i].text)))
			return i;
	return 0;
}

bool proposal_is_seen(const struct principal *who, int kind)
{
	return who->kind == WHO_STAFF && (right_is_held(who, rows[kind].makes) || right_is_held(who, rows[kind].checks));
}

bool proposal_is_composed(void)
{
	for (int i = 0; i < PROPOSAL_KINDS_MAX; i++)
		if (rows[i].text != NULL && deeds[i] == NULL)
			return false;
	return true;
}

/* ---- making ---- */

static bool is_staff_with(const struct request *r, enum right right, struct fail *why)
{
	return (r->who.kind == WHO_STAFF && right_is_held(&r->who, right)) || FAILS(why, FORBIDDEN, "staff with right %d", (int)right);
}

static bool audited(struct tx *tx, const struct request *r, enum audit_act act, const struct proposal *p, int status, struct fail *why)
{
	struct audit a = { .act = act, .subject = AUDIT_OF_PROPOSAL, .subject_id = p->id, .result = status, .region = p->region };
	return audit_add(tx, r, &a, why);
}

static bool none_is_open(struct tx *tx, const struct proposal_new *n, struct fail *why)
{
	if (n->subject == 0)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM proposal WHERE kind = $1 AND subject = $2 AND state = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->kind);
	stmt_bind_int(q, 2, n->subject);
	if (stmt_row(q, why))
		return FAILS(why, CONFLICT, "proposal %lld about the same is open", (long long)stmt_int(q, 0));
	return why->code == FAIL_NONE;
}

static bool insert(struct tx *tx, const struct proposal *p, struct str payload, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO proposal (id, key, kind, state, subject, region, payload, maker, maker_session, made_ms, expires_ms)"
		" VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, p->id);
	stmt_bind_blob(q, 2, p->key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, p->kind);
	stmt_bind_int(q, 4, p->subject);
	stmt_bind_int(q, 5, p->region);
	stmt_bind_blob(q, 6, payload.at, payload.len);
	stmt_bind_int(q, 7, p->maker);
	stmt_bind_int(q, 8, p->maker_session);
	stmt_bind_int(q, 9, p->made_ms);
	stmt_bind_int(q, 10, p->expires_ms);
	return stmt_run(q, why);
}

bool proposal_may_make(const struct request *r, const struct proposal_new *n, struct fail *why)
{
	return is_staff_with(r, rows[n->kind].makes, why) &&
	       (region_is_within(r->who.region, n->region) || FAILS(why, NOT_FOUND, "region %lld is beyond its maker", (long long)n->region));
}

bool proposal_make(struct tx *tx, struct request *r, const struct proposal_new *n, const uint8_t random[32], struct proposal *out, struct fail *why)
{
	const struct proposal_row *row = proposal_row(n->kind);
	struct buf sealed;
	assert(row != NULL && n->payload.len <= PROPOSAL_PAYLOAD_MAX && r->who.session != 0);
	if (!proposal_may_make(r, n, why))
		return false;
	*out = (struct proposal){ .kind = n->kind, .state = PROPOSAL_OPEN, .subject = n->subject, .region = n->region, .maker = r->who.id,
				  .maker_session = r->who.session, .made_ms = r->now_ms, .expires_ms = r->now_ms + row->life_ms, .key = id_make(r->now_ms, random) };
	buf_init(&sealed, &r->arena, n->payload.len + VAULT_OVERHEAD_MAX);
	return none_is_open(tx, n, why) && tx_next_id(tx, "proposal", &out->id, why) &&
	       vault_seal("proposal.payload", out->id, n->payload, random + 16, &sealed, why) && insert(tx, out, buf_text(&sealed), why) &&
	       audited(tx, r, AUDIT_PROPOSED, out, 201, why);
}

/* ---- reading ---- */

static void fill(struct stmt *q, struct proposal *out)
{
	*out = (struct proposal){ .id = stmt_int(q, 0), .kind = (int)stmt_int(q, 2), .state = (enum proposal_state)stmt_int(q, 3), .subject = stmt_int(q, 4),
				  .region = stmt_int(q, 5), .maker = stmt_int(q, 6), .maker_session = stmt_int(q, 7),
				  .checker = stmt_is_null(q, 8) ? 0 : stmt_int(q, 8), .made_ms = stmt_int(q, 9), .expires_ms = stmt_int(q, 10),
				  .decided_ms = stmt_is_null(q, 11) ? 0 : stmt_int(q, 11) };
	struct str key = stmt_blob(q, 1);
	assert(key.len == ID_BYTES);
	memcpy(out->key.bytes, key.at, ID_BYTES);
}

bool proposal_find(struct tx *tx, const struct request *r, struct id key, struct proposal *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, COLUMNS "WHERE key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such proposal");
	fill(q, out);
	return (region_is_within(r->who.region, out->region) && proposal_is_seen(&r->who, out->kind)) ||
	       FAILS(why, NOT_FOUND, "proposal %lld is of another region, or of no kind of his", (long long)out->id);
}

static bool sees_any(const struct principal *who)
{
	for (int i = 1; i < PROPOSAL_KINDS_MAX; i++)
		if (rows[i].text != NULL && proposal_is_seen(who, i))
			return true;
	return false;
}

bool proposal_list(struct tx *tx, const struct request *r, enum proposal_state state, int64_t below, struct proposal *out, int most, int *count, struct fail *why)
{
	struct region_bounds b = region_bounds(r->who.region);
	*count = 0;
	if (!sees_any(&r->who))
		return true; /* and no table is walked through to its end for him */
	DROP(stmt) struct stmt *q = tx_query(tx, COLUMNS "WHERE id < $1 AND (region BETWEEN $2 AND $3 OR region BETWEEN $4 AND $5) AND (state = $6 OR $6 = 0) ORDER BY id DESC", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, below);
	stmt_bind_int(q, 2, b.six_first);
	stmt_bind_int(q, 3, b.six_last);
	stmt_bind_int(q, 4, b.nine_first);
	stmt_bind_int(q, 5, b.nine_last);
	stmt_bind_int(q, 6, state);
	while (*count < most && stmt_row(q, why)) {
		fill(q, &out[*count]);
		*count += proposal_is_seen(&r->who, out[*count].kind);
	}
	return why->code == FAIL_NONE;
}

bool proposal_note(struct tx *tx, struct request *r, const struct proposal *p, struct str *note, struct fail *why)
{
	struct buf text;
	*note = STR_NONE;
	buf_init(&text, &r->arena, 256);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT note FROM proposal WHERE id = $1 AND note IS NOT NULL", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, p->id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	if (!vault_open("proposal.note", p->id, stmt_blob(q, 0), &text, why))
		return false;
	*note = buf_text(&text);
	return true;
}

bool proposal_open(struct tx *tx, struct request *r, struct proposal *p, struct fail *why)
{
	struct buf payload;
	buf_init(&payload, &r->arena, 512);
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT payload FROM proposal WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, p->id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such proposal");
	if (!vault_open("proposal.payload", p->id, stmt_blob(q, 0), &payload, why))
		return false;
	p->payload = buf_text(&payload);
	return true;
}

/* ---- deciding ---- */

static bool may_decide(const struct request *r, const struct proposal *p, struct fail *why)
{
	if (!is_staff_with(r, proposal_row(p->kind)->checks, why))
		return false;
	if (p->state != PROPOSAL_OPEN)
		return FAILS(why, CONFLICT, "proposal %lld is in state %d", (long long)p->id, (int)p->state);
	if (p->expires_ms <= r->now_ms)
		return FAILS(why, GONE, "proposal %lld has expired", (long long)p->id);
	return (r->who.id != p->maker && r->who.session != p->maker_session) || FAILS(why, FOUR_EYES, "proposal %lld is his own", (long long)p->id);
}

/* The row's own state is asked again: of two who decide at once one wins. */
static bool decide(struct tx *tx, const struct request *r, struct proposal *p, enum proposal_state state, struct str note, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE proposal SET state = $1, checker = $2, checker_session = $3, note = $4, decided_ms = $5 WHERE id = $6 AND state = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, state);
	stmt_bind_int(q, 2, r->who.id);
	stmt_bind_int(q, 3, r->who.session);
	stmt_bind_blob(q, 4, note.at, note.len);
	stmt_bind_int(q, 5, r->now_ms);
	stmt_bind_int(q, 6, p->id);
	if (!stmt_run(q, why))
		return false;
	p->state = state;
	p->checker = r->who.id;
	p->decided_ms = r->now_ms;
	return tx_changes(tx) == 1 || FAILS(why, CONFLICT, "proposal %lld was decided meanwhile", (long long)p->id);
}

bool proposal_approve(struct tx *tx, struct request *r, struct proposal *p, struct fail *why)
{
	/* What it does to staff is checked against all of them. */
	return tx_alone(tx, why) && may_decide(r, p, why) && decide(tx, r, p, PROPOSAL_APPROVED, STR_NONE, why) && proposal_open(tx, r, p, why) &&
	       deeds[p->kind]->carry_out(tx, r, p, why) && audited(tx, r, AUDIT_APPROVED, p, 200, why);
}

bool proposal_refuse(struct tx *tx, struct request *r, struct proposal *p, struct str note, struct fail *why)
{
	uint8_t salt[SHA256_BYTES];
	struct buf sealed;
	struct str purpose = STR("proposal.note");
	if (!may_decide(r, p, why))
		return false;
	if (note.len == 0 || str_utf8_length(note) > PROPOSAL_NOTE_MAX)
		return FAILS_FIELD(why, FIELD, "/note", "why it is refused, in at most %d characters", PROPOSAL_NOTE_MAX);
	hmac_sha256((struct str){ (const char *)r->random, sizeof(r->random) }, &purpose, 1, salt);
	buf_init(&sealed, &r->arena, note.len + VAULT_OVERHEAD_MAX);
	return vault_seal("proposal.note", p->id, note, salt, &sealed, why) && decide(tx, r, p, PROPOSAL_REFUSED, buf_text(&sealed), why) &&
	       audited(tx, r, AUDIT_REFUSED, p, 200, why);
}

bool proposal_withdraw(struct tx *tx, struct request *r, struct proposal *p, struct fail *why)
{
	if (r->who.kind != WHO_STAFF || r->who.id != p->maker)
		return FAILS(why, FORBIDDEN, "proposal %lld is another's", (long long)p->id);
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE proposal SET state = 4, decided_ms = $1 WHERE id = $2 AND state = 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->now_ms);
	stmt_bind_int(q, 2, p->id);
	if (!stmt_run(q, why))
		return false;
	p->state = PROPOSAL_WITHDRAWN;
	p->decided_ms = r->now_ms;
	return (tx_changes(tx) == 1 || FAILS(why, CONFLICT, "proposal %lld is decided", (long long)p->id)) && audited(tx, r, AUDIT_WITHDRAWN, p, 200, why);
}

bool proposal_expire(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *changed, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE proposal SET state = 5, decided_ms = $1 WHERE id IN (SELECT id FROM proposal WHERE state = 1 AND expires_ms <= $1 ORDER BY expires_ms LIMIT $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, rows_max);
	if (!stmt_run(q, why))
		return false;
	*changed = tx_changes(tx);
	return true;
}
