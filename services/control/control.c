/* services/control/control.c - what the operator's command line asks of the running gateway: a development token, a piece of an import.
 * Only the control socket leads here; the right to open that file is the proof. */
#include "auth/audit.h"
#include "auth/person.h"
#include "auth/token.h"
#include "base/clock.h"
#include "services/control/import.h"
#include "services/departments/department.h"
#include "services/handlers.h"
#include "services/services.h"
#include <assert.h>
#include <stdio.h>

enum { HOURS_DEFAULT = 24, HOURS_MAX = 720, MS_PER_HOUR = 3600000, LINE_MAX_NUMBER = 100000000 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const no_query[] = { NULL };

/* ---- control_token ---- */

enum { TOKEN_MADE = 1 };
enum { N_EXPIRES, N_KIND, N_PRINCIPAL };

struct token_wish {
	struct str kind_name, department;
	struct document_said document;
	int64_t hours;
	bool is_test_key;
	enum who kind;
	struct identity identity;
};

static const struct json_field token_fields[] = {
	{ "kind", JSON_F_TEXT, true, 1, 16, offsetof(struct token_wish, kind_name), NULL },
	{ "id_type", JSON_F_TEXT, false, 1, 16, offsetof(struct token_wish, document.type), NULL },
	{ "id_country", JSON_F_TEXT, false, 3, 3, offsetof(struct token_wish, document.country), NULL },
	{ "id_number", JSON_F_TEXT, false, 1, 32, offsetof(struct token_wish, document.number), NULL },
	{ "department", JSON_F_TEXT, false, 1, 32, offsetof(struct token_wish, department), NULL },
	{ "hours", JSON_F_INT, false, 1, HOURS_MAX, offsetof(struct token_wish, hours), NULL },
	{ "test_key", JSON_F_BOOL, false, 0, 0, offsetof(struct token_wish, is_test_key), NULL },
};

static bool citizen_parse(const struct request *r, struct token_wish *w, struct fail *why)
{
	if (w->document.number.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/id_number", "a citizen's token needs it");
	if (w->department.at != NULL)
		return FAILS_FIELD(why, FIELD, "/department", "not for a citizen");
	return document_parse(&w->document, DOCUMENTS_OF_RESIDENTS | DOCUMENTS_OF_ORGANISATIONS, "/", time_yyyymmdd(r->now_ms), &w->identity, why);
}

static bool department_parse(const struct token_wish *w, struct fail *why)
{
	if (w->department.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/department", "a department's token needs it");
	const char *extra = w->document.number.at != NULL ? "/id_number" : w->document.type.at != NULL ? "/id_type" : w->document.country.at != NULL ? "/id_country" : NULL;
	return extra == NULL || FAILS_FIELD(why, FIELD, extra, "not for a department");
}

static bool token_parse(struct request *r, struct fail *why)
{
	struct token_wish *w = request_state(r, sizeof(*w), why);
	if (w == NULL || !request_query_only(r, no_query, why))
		return false;
	if (!services_is_development())
		return FAILS(why, FORBIDDEN, "tokens are made here in development only");
	if (!request_json(r, token_fields, COUNT(token_fields), w, why))
		return false;
	if (w->hours == 0)
		w->hours = HOURS_DEFAULT;
	w->kind = str_eq(w->kind_name, STR("citizen")) ? WHO_CITIZEN : str_eq(w->kind_name, STR("department")) ? WHO_DEPARTMENT : WHO_ANYONE;
	if (w->kind == WHO_ANYONE)
		return FAILS_FIELD(why, FIELD, "/kind", "neither citizen nor department");
	return w->kind == WHO_CITIZEN ? citizen_parse(r, w, why) : department_parse(w, why);
}

static bool principal_of(struct tx *tx, struct request *r, int64_t *id, struct fail *why)
{
	const struct token_wish *w = r->state;
	if (w->kind == WHO_CITIZEN)
		return person_find_or_make(tx, w->identity.kind, str_c(w->identity.number), r->now_ms, id, why);
	int found = department_find(tx, w->department, id, why);
	return found > 0 || (found == 0 && FAILS_FIELD(why, FIELD, "/department", "no such department"));
}

static bool token_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct token_wish *w = r->state;
	char text[TOKEN_TEXT_BYTES];
	struct token_spec spec = { .kind = w->kind, .expires_ms = r->now_ms + w->hours * MS_PER_HOUR, .development = true, .test_key = w->is_test_key };
	_Static_assert(sizeof(spec.random) == STAMP_RANDOM, "a token is the request's random bytes");
	memcpy(spec.random, r->random, sizeof(spec.random));
	if (!principal_of(tx, r, &spec.principal, why) || !token_make(tx, &spec, r->now_ms, text, why))
		return false;
	struct audit a = { AUDIT_TOKEN_MADE_DEV, w->kind == WHO_CITIZEN ? AUDIT_OF_PERSON : AUDIT_OF_DEPARTMENT, spec.principal, .result = 201 };
	if (!audit_add(tx, r, &a, why))
		return false;
	r->outcome = (struct outcome){ .code = TOKEN_MADE, .status = 201, .n = { [N_EXPIRES] = spec.expires_ms, [N_KIND] = spec.kind, [N_PRINCIPAL] = spec.principal } };
	return true;
}

/* The text is made again from the request's random bytes: it was never stored, and is not now. */
static bool token_render(struct request *r, struct fail *why)
{
	char text[TOKEN_TEXT_BYTES];
	enum who kind = (enum who)r->outcome.n[N_KIND];
	token_text(kind, r->random, text);
	LOG_EVENT(token_made, str_c(r->id), L_STR(kind == WHO_CITIZEN ? STR("citizen") : STR("department")), L_INT(r->outcome.n[N_PRINCIPAL]),
		  L_INT(r->outcome.n[N_EXPIRES]));
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "token", str_c(text));
	json_add_time(&j, "expires_at", r->outcome.n[N_EXPIRES]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_token = { .parse = token_parse, .apply = token_apply, .render = token_render };

/* ---- control_import ---- */

enum { IMPORT_DONE = 1 };
enum { N_ROWS, N_CHANGED };

static bool import_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "line", "dry", "last", NULL };
	int64_t dry, last;
	struct import *i = request_state(r, sizeof(*i), why);
	if (i == NULL || !request_query_only(r, names, why))
		return false;
	i->kind = import_kind_from(r->params[0]);
	if (i->kind == NULL)
		return FAILS(why, NOT_FOUND, "no such import");
	/* a table's header is line 1, so its first row is line 2 */
	int64_t first = import_first_line(i->kind);
	if (!query_number(r, "line", first, LINE_MAX_NUMBER, first, &i->line, why) || !query_number(r, "dry", 0, 1, 0, &dry, why) ||
	    !query_number(r, "last", 0, 1, 1, &last, why))
		return false;
	i->is_dry = dry == 1;
	i->is_last = last == 1;
	i->now_ms = r->now_ms;
	i->text = r->body;
	return true;
}

static bool import_work(struct request *r, struct fail *why)
{
	return import_check(r->state, &r->arena, why);
}

static bool import_audit(struct tx *tx, const struct request *r, struct fail *why)
{
	const struct import *i = r->state;
	char words[96];
	int len = snprintf(words, sizeof(words), "line=%lld rows=%lld changed=%lld", (long long)i->line, (long long)i->rows, (long long)i->changed);
	struct audit a = { AUDIT_IMPORTED, AUDIT_OF_CATALOGUE, import_kind_number(i->kind), .result = 200, .detail = { words, (size_t)len } };
	return audit_add(tx, r, &a, why);
}

static bool import_run(struct tx *tx, struct request *r, struct fail *why)
{
	struct import *i = r->state;
	if (!import_apply(tx, i, &r->arena, why) || (!i->is_dry && !import_audit(tx, r, why)))
		return false;
	r->outcome = (struct outcome){ .code = IMPORT_DONE, .status = 200, .n = { [N_ROWS] = i->rows, [N_CHANGED] = i->changed } };
	return true;
}

static bool import_render(struct request *r, struct fail *why)
{
	const struct import *i = r->state;
	if (!i->is_dry)
		LOG_EVENT(imported, str_c(r->id), L_STR(r->params[0]), L_INT(r->outcome.n[N_ROWS]), L_INT(r->outcome.n[N_CHANGED]));
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "rows", r->outcome.n[N_ROWS]);
	json_add_number(&j, "changed", r->outcome.n[N_CHANGED]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_import = { .parse = import_parse, .work = import_work, .apply = import_run, .render = import_render };
