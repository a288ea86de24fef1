/* services/people/me.c - GET /v1/me: who this session is for, how well he is known, and what would raise it; everything personal is masked.
 * GET /v1/me/identity: by which document, on whose word and since when. POST /v1/me/identity/reveal: the same person in full, to whoever has just shown his
 * face; that he looked is on record. */
#include "auth/audit.h"
#include "auth/document.h"
#include "auth/login.h"
#include "auth/mask.h"
#include "auth/right.h"
#include "auth/session.h"
#include "base/hash.h"
#include "services/handlers.h"
#include "services/people/consent.h"

static const char *const no_query[] = { NULL };

struct me {
	enum identity_kind kind;
	enum confirmed_by confirmed_by;
	int64_t confirmed_ms;
	bool is_full; /* or masked */
	enum consent_state consent;
	char name[PERSON_NAME_BYTES + 1], country[4], number[4 * IDENTITY_NUMBER_MAX], phone[PHONE_DIGITS + 1];
};

static bool me_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct me), why) != NULL && request_query_only(r, no_query, why);
}

static struct buf on(char *at, size_t bytes)
{
	return (struct buf){ .at = at, .cap = bytes };
}

/* Below L2 a session has shown a phone and nothing else: no name or number is even opened. */
static bool person_look(struct tx *tx, const struct request *r, struct me *m, struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts facts;
	if (r->who.level < LEVEL_L2)
		return true;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind, confirmed_by, confirmed_ms FROM person WHERE id = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, r->who.id);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "person %lld", (long long)r->who.id);
		m->kind = (enum identity_kind)stmt_int(q, 0);
		m->confirmed_by = (enum confirmed_by)stmt_int(q, 1);
		m->confirmed_ms = stmt_int(q, 2);
	}
	bool ok = person_facts_get(tx, r->who.id, text, &facts, why);
	if (ok) {
		struct buf name = on(m->name, sizeof(m->name)), country = on(m->country, sizeof(m->country)), number = on(m->number, sizeof(m->number));
		struct document_number document = document_number(m->kind, facts.number);
		buf_str(&country, document.country);
		if (m->is_full) {
			buf_str(&name, facts.name);
			buf_str(&number, document.bare);
		} else {
			if (facts.name.at != NULL)
				mask_name(m->kind, facts.name, &name);
			if (facts.number.at != NULL)
				mask_number(m->kind, facts.number, &number);
		}
		m->name[name.len] = m->country[country.len] = m->number[number.len] = '\0';
	}
	wipe(text, sizeof(text));
	return ok;
}

/* The phone this session came in by, not what anybody else says of it. */
static bool phone_look(struct tx *tx, const struct request *r, struct me *m, struct fail *why)
{
	char phone[PHONE_DIGITS + 1];
	struct buf to = on(m->phone, sizeof(m->phone));
	if (r->who.session == 0)
		return true;
	if (!login_phone(tx, r->who.session, phone, why))
		return false;
	if (m->is_full)
		buf_str(&to, str_c(phone));
	else if (phone[0] != '\0')
		mask_phone(str_c(phone), &to);
	m->phone[to.len] = '\0';
	wipe(phone, sizeof(phone));
	return true;
}

static bool me_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct me *m = r->state;
	return person_look(tx, r, m, why) && phone_look(tx, r, m, why) && consent_look(tx, r->who.id, r->now_ms, &m->consent, why);
}

static void text_or_null(struct json_out *j, const char *name, const char *text)
{
	if (text[0] != '\0')
		json_add_text(j, name, str_c(text));
	else
		json_add_nothing(j, name);
}

static void facts_out(struct json_out *j, const struct me *m)
{
	text_or_null(j, "id_type", identity_kind_text(m->kind));
	text_or_null(j, "id_country", m->country);
	text_or_null(j, "name", m->name);
	text_or_null(j, "id_number", m->number);
	text_or_null(j, "phone", m->phone);
}

static void next_step(struct json_out *j, const struct request *r)
{
	for (int level = r->who.level; level < LEVEL_COUNT; level++)
		if (!level_suffices(&r->who, level, r->now_ms)) {
			json_add_plain(j, "next_step", str_c(level_row(level)->step));
			return;
		}
	json_add_nothing(j, "next_step");
}

static void time_or_null(struct json_out *j, const char *name, int64_t ms)
{
	if (ms > 0)
		json_add_time(j, name, ms);
	else
		json_add_nothing(j, name);
}

static void level_out(struct json_out *j, const struct request *r)
{
	bool has_face = r->who.level3_until_ms > r->now_ms;
	json_add_number(j, "level", has_face && r->who.level < LEVEL_L3 ? LEVEL_L3 : r->who.level);
	json_add_plain(j, "level_name", str_c(level_row(r->who.level)->text));
	time_or_null(j, "level3_until", has_face ? r->who.level3_until_ms : 0);
	next_step(j, r);
}

static bool me_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	level_out(&j, r);
	facts_out(&j, r->state);
	json_add_plain(&j, "consent", str_c(consent_text(((const struct me *)r->state)->consent)));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_show = { .parse = me_parse, .look = me_look, .render = me_render };

/* ---- on whose word ---- */

static bool identity_render(struct request *r, struct fail *why)
{
	const struct me *m = r->state;
	const char *by = confirmed_by_text(m->confirmed_by);
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	level_out(&j, r);
	time_or_null(&j, "level4_until", r->who.level4_until_ms > r->now_ms ? r->who.level4_until_ms : 0);
	facts_out(&j, m);
	text_or_null(&j, "confirmed_by", by != NULL ? by : "");
	time_or_null(&j, "confirmed_at", m->confirmed_ms);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_identity_show = { .parse = me_parse, .look = me_look, .render = identity_render };

/* ---- in full ---- */

enum { SHOWN = 1 };

static bool reveal_parse(struct request *r, struct fail *why)
{
	if (!me_parse(r, why))
		return false;
	((struct me *)r->state)->is_full = true;
	return true;
}

static bool reveal_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct audit a = { AUDIT_IDENTITY_REVEALED, AUDIT_OF_PERSON, r->who.id, .result = 200 };
	r->outcome = (struct outcome){ .code = SHOWN, .status = 200 };
	return audit_add(tx, r, &a, why);
}

static bool reveal_render(struct request *r, struct fail *why)
{
	struct me *m = r->state;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	facts_out(&j, m);
	json_put_object_end(&j);
	wipe((char *)m, sizeof(*m));
	return reply_json_end(r, &j, why);
}

const struct handler me_reveal = { .parse = reveal_parse, .look = me_look, .apply = reveal_apply, .render = reveal_render };
