/* services/control/control_client.c - `siban client` asks: a new client, its networks, keys and certificates, its end. A secret is told in the answer and nowhere else. */
#include "auth/audit.h"
#include "auth/client.h"
#include "auth/right.h"
#include "services/departments/department.h"
#include "services/handlers.h"
#include "services/services.h"
#include "store/store.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MS_PER_DAY (INT64_C(24) * 3600 * 1000)

enum { DONE = 1, DAYS_DEFAULT = 365, DAYS_MAX = 1095, PEM_MAX = 24 << 10 };
enum { N_KEY, N_UNTIL, N_ENDED };

struct wish {
	struct str department, partner, name, networks, scope, client, pem;
	struct certificate certificate;
	bool test_key;
	int64_t days, key;
	uint64_t rights;
	enum who kind;
};

static bool wish_read(struct request *r, const struct json_field *fields, size_t count, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct network_list networks;
	struct wish *w = request_state(r, sizeof(*w), why);
	if (w == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, count, w, why))
		return false;
	return w->networks.at == NULL || network_list_read(w->networks, &networks, why);
}

static bool audited(struct tx *tx, const struct request *r, enum audit_act act, int64_t client, struct str detail, struct fail *why)
{
	struct audit a = { act, AUDIT_OF_CLIENT, client, .result = r->outcome.status, .detail = detail };
	return audit_add(tx, r, &a, why);
}

/* ---- control_client_add ---- */

static const struct json_field add_fields[] = {
	{ "department", JSON_F_TEXT, false, 1, 32, offsetof(struct wish, department), NULL },
	{ "partner", JSON_F_TEXT, false, 1, 32, offsetof(struct wish, partner), check_visible_ascii },
	{ "name", JSON_F_TEXT, true, 1, CLIENT_TEXT, offsetof(struct wish, name), check_plain_text },
	{ "networks", JSON_F_TEXT, false, 0, CLIENT_NETWORKS_MAX, offsetof(struct wish, networks), NULL },
	{ "scope", JSON_F_TEXT, false, 1, 512, offsetof(struct wish, scope), NULL },
	{ "test_key", JSON_F_BOOL, false, 0, 0, offsetof(struct wish, test_key), NULL },
};

static bool rights_read(struct wish *w, struct fail *why)
{
	uint64_t all = rights_all(w->kind);
	if (w->scope.at == NULL)
		w->rights = all & ~(UINT64_C(1) << RIGHT_FINANCE_PUSH); /* the bureau's alone: whoever has it says what is paid, so it must be named */
	for (struct str one, rest = w->scope; rest.len > 0;) {
		str_cut(rest, ' ', &one, &rest);
		enum right right = right_from(one);
		if (right == RIGHT_NONE || !(all >> right & 1))
			return FAILS_FIELD(why, FIELD, "/scope", "not a scope of this kind of client");
		w->rights |= UINT64_C(1) << right;
	}
	return true;
}

static bool add_parse(struct request *r, struct fail *why)
{
	if (!wish_read(r, add_fields, COUNT(add_fields), why))
		return false;
	struct wish *w = r->state;
	if ((w->department.at == NULL) == (w->partner.at == NULL))
		return FAILS_FIELD(why, FIELD, w->department.at == NULL ? "/department" : "/partner", "one of department and partner");
	w->kind = w->department.at != NULL ? WHO_DEPARTMENT : WHO_PARTNER;
	return rights_read(w, why);
}

static bool partner_find_or_make(struct tx *tx, struct str code, struct str name, int64_t now_ms, int64_t *id, struct fail *why)
{
	{
		DROP(stmt) struct stmt *find = tx_query(tx, "SELECT id FROM partner WHERE code = $1", why);
		if (find == NULL)
			return false;
		stmt_bind_text(find, 1, code);
		if (stmt_row(find, why)) {
			*id = stmt_int(find, 0);
			return true;
		}
		if (why->code != FAIL_NONE || !tx_next_id(tx, "partner", id, why))
			return false;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO partner (id, code, name, made_ms) VALUES ($1, $2, $3, $4)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, *id);
	stmt_bind_text(q, 2, code);
	stmt_bind_text(q, 3, name);
	stmt_bind_int(q, 4, now_ms);
	return stmt_run(q, why);
}

static bool principal_of(struct tx *tx, const struct request *r, int64_t *id, struct fail *why)
{
	const struct wish *w = r->state;
	if (w->kind == WHO_PARTNER)
		return partner_find_or_make(tx, w->partner, w->name, r->now_ms, id, why);
	int found = department_find(tx, w->department, id, why);
	return found > 0 || (found == 0 && FAILS_FIELD(why, FIELD, "/department", "no such department"));
}

static bool add_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	struct client_new c = { .kind = w->kind, .name = w->name, .networks = w->networks, .rights = w->rights, .test_key = w->test_key };
	struct id key;
	int64_t id;
	r->outcome = (struct outcome){ .code = DONE, .status = 201 };
	if (!principal_of(tx, r, &c.principal, why) || !client_make(tx, &c, r->now_ms, r->random, &id, &key, why))
		return false;
	id_text(key, "cl", r->outcome.text);
	return audited(tx, r, AUDIT_CLIENT_ADDED, id, w->networks, why);
}

static bool add_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "client", str_c(r->outcome.text));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_client_add = { .parse = add_parse, .apply = add_apply, .render = add_render };

/* ---- control_client_allow ---- */

static const struct json_field allow_fields[] = {
	{ "client", JSON_F_TEXT, true, 1, ID_TEXT_BYTES, offsetof(struct wish, client), NULL },
	{ "networks", JSON_F_TEXT, true, 0, CLIENT_NETWORKS_MAX, offsetof(struct wish, networks), NULL },
};

static bool allow_parse(struct request *r, struct fail *why)
{
	return wish_read(r, allow_fields, COUNT(allow_fields), why);
}

static bool allow_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	int64_t id;
	r->outcome = (struct outcome){ .code = DONE, .status = 204 };
	return client_find(tx, w->client, &id, why) && client_allow(tx, id, w->networks, why) && audited(tx, r, AUDIT_CLIENT_ALLOWED, id, w->networks, why);
}

static bool allow_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler control_client_allow = { .parse = allow_parse, .apply = allow_apply, .render = allow_render };

/* ---- control_client_key_add, control_client_key_revoke ---- */

static const struct json_field key_add_fields[] = {
	{ "client", JSON_F_TEXT, true, 1, ID_TEXT_BYTES, offsetof(struct wish, client), NULL },
	{ "days", JSON_F_INT, false, 1, DAYS_MAX, offsetof(struct wish, days), NULL },
};

static bool key_add_parse(struct request *r, struct fail *why)
{
	return wish_read(r, key_add_fields, COUNT(key_add_fields), why);
}

static bool key_add_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	int64_t id, key, until_ms = r->now_ms + (w->days > 0 ? w->days : DAYS_DEFAULT) * MS_PER_DAY;
	uint8_t random[32];
	request_bytes(r, "client secret", random);
	if (!client_find(tx, w->client, &id, why) || !client_key_make(tx, id, r->now_ms, until_ms, random, &key, why))
		return false;
	r->outcome = (struct outcome){ .code = DONE, .status = 201, .n = { [N_KEY] = key, [N_UNTIL] = until_ms } };
	return audited(tx, r, AUDIT_CLIENT_KEY_ADDED, id, STR_NONE, why);
}

static bool key_add_render(struct request *r, struct fail *why)
{
	char text[CLIENT_SECRET_BYTES];
	uint8_t random[32];
	request_bytes(r, "client secret", random);
	client_secret_text(random, text);
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_number(&j, "key", r->outcome.n[N_KEY]);
	json_add_text(&j, "secret", str_c(text));
	json_add_time(&j, "expires_at", r->outcome.n[N_UNTIL]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_client_key_add = { .parse = key_add_parse, .apply = key_add_apply, .render = key_add_render };

static const struct json_field revoke_fields[] = {
	{ "client", JSON_F_TEXT, true, 1, ID_TEXT_BYTES, offsetof(struct wish, client), NULL },
	{ "key", JSON_F_INT, true, 1, INT64_MAX, offsetof(struct wish, key), NULL },
};

static bool revoke_parse(struct request *r, struct fail *why)
{
	return wish_read(r, revoke_fields, COUNT(revoke_fields), why);
}

static bool revoke_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	int64_t id, ended;
	if (!client_find(tx, w->client, &id, why) || !client_key_revoke(tx, id, w->key, r->now_ms, &ended, why))
		return false;
	r->outcome = (struct outcome){ .code = DONE, .status = 200, .n = { [N_ENDED] = ended } };
	return audited(tx, r, AUDIT_CLIENT_KEY_REVOKED, id, STR_NONE, why);
}

static bool ended_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_number(&j, "sessions_ended", r->outcome.n[N_ENDED]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_client_key_revoke = { .parse = revoke_parse, .apply = revoke_apply, .render = ended_render };

/* ---- control_client_cert_add: it is revoked as any key is ---- */

static const struct json_field certificate_fields[] = {
	{ "client", JSON_F_TEXT, true, 1, ID_TEXT_BYTES, offsetof(struct wish, client), NULL },
	{ "certificate", JSON_F_TEXT, true, 1, PEM_MAX, offsetof(struct wish, pem), NULL },
};

static bool certificate_parse(struct request *r, struct fail *why)
{
	if (!wish_read(r, certificate_fields, COUNT(certificate_fields), why))
		return false;
	struct wish *w = r->state;
	if (!certificate_read(w->pem, &w->certificate, why))
		return fail_point(why, "/certificate");
	return w->certificate.until_ms > r->now_ms || FAILS_FIELD(why, FIELD, "/certificate", "it has expired");
}

static bool certificate_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	int64_t id, key;
	if (!client_find(tx, w->client, &id, why) || !client_certificate_add(tx, id, r->now_ms, &w->certificate, &key, why))
		return false;
	r->outcome = (struct outcome){ .code = DONE, .status = 201, .n = { [N_KEY] = key, [N_UNTIL] = w->certificate.until_ms } };
	return audited(tx, r, AUDIT_CLIENT_CERTIFICATE_ADDED, id, STR_NONE, why);
}

static bool certificate_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_number(&j, "key", r->outcome.n[N_KEY]);
	json_add_time(&j, "expires_at", r->outcome.n[N_UNTIL]);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler control_client_cert_add = { .parse = certificate_parse, .apply = certificate_apply, .render = certificate_render };

/* ---- control_client_disable, control_client_enable ---- */

static const struct json_field client_fields[] = { { "client", JSON_F_TEXT, true, 1, ID_TEXT_BYTES, offsetof(struct wish, client), NULL } };

static bool client_parse(struct request *r, struct fail *why)
{
	return wish_read(r, client_fields, COUNT(client_fields), why);
}

static bool disable_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	int64_t id, ended;
	if (!client_find(tx, w->client, &id, why) || !client_disable(tx, id, r->now_ms, &ended, why))
		return false;
	r->outcome = (struct outcome){ .code = DONE, .status = 200, .n = { [N_ENDED] = ended } };
	return audited(tx, r, AUDIT_CLIENT_DISABLED, id, STR_NONE, why);
}

const struct handler control_client_disable = { .parse = client_parse, .apply = disable_apply, .render = ended_render };

static bool enable_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct wish *w = r->state;
	int64_t id;
	r->outcome = (struct outcome){ .code = DONE, .status = 204 };
	return client_find(tx, w->client, &id, why) && client_enable(tx, id, why) && audited(tx, r, AUDIT_CLIENT_ENABLED, id, STR_NONE, why);
}

const struct handler control_client_enable = { .parse = client_parse, .apply = enable_apply, .render = allow_render };
