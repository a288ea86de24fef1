/* services/me.c - GET /v1/me: who this session is for, how well he is known, and what would raise it; everything personal is masked.
 * POST /v1/me/identity/reveal: the same person in full, to whoever has just shown his face; that he looked is on record. */
#include "auth/audit.h"
#include "auth/login.h"
#include "auth/mask.h"
#include "auth/right.h"
#include "auth/session.h"
#include "base/hash.h"
#include "services/handlers.h"

static const char *const no_query[] = { NULL };

struct me {
	enum identity_kind kind;
	bool is_full; /* or masked */
	char name[PERSON_NAME_BYTES + 1], number[4 * IDENTITY_NUMBER_MAX], phone[PHONE_DIGITS + 1];
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
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT kind FROM person WHERE id = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, r->who.id);
		if (!stmt_row(q, why))
			return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "person %lld", (long long)r->who.id);
		m->kind = (enum identity_kind)stmt_int(q, 0);
	}
	bool ok = person_facts_get(tx, r->who.id, text, &facts, why);
	if (ok) {
		struct buf name = on(m->name, sizeof(m->name)), number = on(m->number, sizeof(m->number));
		if (m->is_full) {
			buf_str(&name, facts.name);
			buf_str(&number, facts.number);
		} else {
			if (facts.name.at != NULL)
				mask_name(m->kind, facts.name, &name);
			if (facts.number.at != NULL)
				mask_number(m->kind, facts.number, &number);
		}
		m->name[name.len] = m->number[number.len] = '\0';
	}
	wipe(text, sizeof(text));
	return ok;
}

/* The phone this session came in by, not what anybody else says of it. */
static bool phone_look(struct tx *tx, const struct request *r, struct me *m, struct fail *why)
{
	char text[LOGIN_VALUE_MAX + 1];
	struct str value;
	enum login_kind kind;
	int64_t login = 0;
	if (r->who.session == 0)
		return true;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT login FROM session WHERE id = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, r->who.session);
		login = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	}
	if (why->code != FAIL_NONE || login == 0)
		return why->code == FAIL_NONE;
	bool ok = login_value(tx, login, text, &kind, &value, why);
	if (ok && kind == LOGIN_PHONE) {
		struct buf phone = on(m->phone, sizeof(m->phone));
		if (m->is_full)
			buf_str(&phone, value);
		else
			mask_phone(value, &phone);
		m->phone[phone.len] = '\0';
	}
	wipe(text, sizeof(text));
	return ok;
}

static bool me_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct me *m = r->state;
	return person_look(tx, r, m, why) && phone_look(tx, r, m, why);
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

static bool me_render(struct request *r, struct fail *why)
{
	const struct me *m = r->state;
	bool has_face = r->who.level3_until_ms > r->now_ms;
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "level", has_face && r->who.level < LEVEL_L3 ? LEVEL_L3 : r->who.level);
	json_add_plain(&j, "level_name", str_c(level_row(r->who.level)->text));
	if (has_face)
		json_add_time(&j, "level3_until", r->who.level3_until_ms);
	else
		json_add_nothing(&j, "level3_until");
	next_step(&j, r);
	facts_out(&j, m);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_show = { .parse = me_parse, .look = me_look, .render = me_render };

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
