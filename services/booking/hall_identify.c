/* services/booking/hall_identify.c - POST /v1/hall/identifications: a clerk has seen a card and who bears it; the session whose digits he was shown is that person's, at L4
 * for eight hours. The rules of a confirmation hold (auth/real_name.h): another account of the same person is merged, with its undo. */
#include "auth/audit.h"
#include "auth/real_name.h"
#include "auth/right.h"
#include "auth/session.h"
#include "base/clock.h"
#include "services/booking/window.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/expiring.h"

enum { IDENTIFIED = 1 };

struct identifying {
	struct str code, name;
	struct document_said document;
	struct identity identity;
	struct window_code shown;
};

static bool identify_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	static const struct json_field fields[] = {
		{ "code", JSON_F_TEXT, true, WINDOW_DIGITS, WINDOW_DIGITS, offsetof(struct identifying, code), NULL },
		DOCUMENT_FIELDS(offsetof(struct identifying, document), false),
		{ "name", JSON_F_TEXT, true, 1, PERSON_NAME_MAX, offsetof(struct identifying, name), check_plain_text },
	};
	struct identifying *i = request_state(r, sizeof(*i), why);
	return i != NULL && request_query_only(r, no_query, why) && request_json(r, fields, sizeof(fields) / sizeof(fields[0]), i, why) &&
	       document_parse(&i->document, DOCUMENTS_EXACT, "/", time_yyyymmdd(r->now_ms), &i->identity, why);
}

static bool identify_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct identifying *i = r->state;
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_GET, .class = KEY_WINDOW_CODE, .key = i->code };
	return true;
}

static bool identify_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	struct identifying *i = r->state;
	const struct expiring_op *op = &b->op[0];
	if (op->end != EXPIRING_OK || op->out_len != sizeof(i->shown))
		return FAILS(why, NOT_FOUND, "no such digits, or their five minutes are over");
	memcpy(&i->shown, op->out, sizeof(i->shown));
	return i->shown.version == WINDOW_CODE_VERSION || FAILS(why, NOT_FOUND, "digits of another version of this program");
}

static bool is_open(struct tx *tx, int64_t session, int64_t now_ms, struct fail *why)
{
	struct session_row s;
	return session_read(tx, session, &s, why) && ((!s.is_ended && s.expires_ms > now_ms) || FAILS(why, NOT_FOUND, "that session is over"));
}

static bool identify_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct identifying *i = r->state;
	struct real_name n = { .kind = i->identity.kind, .number = str_c(i->identity.number), .name = i->name, .by = CONFIRMED_BY_WINDOW, .session = i->shown.session };
	int64_t until_ms = r->now_ms + LEVEL_L4_FRESH_MS;
	struct audit a = { AUDIT_WINDOW_CONFIRMED, AUDIT_OF_PERSON, 0, .result = 200, .region = r->who.region };
	r->outcome = (struct outcome){ .code = IDENTIFIED, .status = 200, .n = { until_ms } };
	return is_open(tx, n.session, r->now_ms, why) && real_name_confirm(tx, r, &n, why) && session_at_window(tx, n.session, until_ms, why) &&
	       person_find(tx, n.kind, n.number, &a.subject_id, why) && audit_add(tx, r, &a, why);
}

static void identify_settle(const struct request *r, struct expiring_batch *b)
{
	const struct identifying *i = r->state;
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_DROP, .class = KEY_WINDOW_CODE, .key = i->code };
}

static bool identify_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "level", LEVEL_L4);
	json_add_time(&j, "level4_until", r->outcome.n[0]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler hall_identify = { .parse = identify_parse, .recall = identify_recall, .recalled = identify_recalled, .apply = identify_apply, .settle = identify_settle,
	.render = identify_render };
