/* services/people/me_identities.c - /v1/me/identities: which accounts elsewhere open sessions of mine, one more, and away with one. Rules: auth/provider.h.
 *
 * That an account is somebody else's is a verdict: audited, and kept under the Idempotency-Key like a success. */
#include "auth/keyring.h"
#include "auth/provider.h"
#include "base/hash.h"
#include "base/ids.h"
#include "channels/ask.h"
#include "services/handlers.h"
#include "services/people/wechat_account.h"
#include "services/people/wechat_login.h"
#include "services/services.h"
#include "store/expiring.h"

enum { DONE = 1, SHOWN_MAX = 50 };

static const char *const no_query[] = { NULL };

struct linked {
	struct id key;
	enum login_kind kind;
	int64_t made_ms, seen_ms;
};

struct list {
	int count;
	struct linked at[SHOWN_MAX];
};

static bool list_parse(struct request *r, struct fail *why)
{
	return request_state(r, sizeof(struct list), why) != NULL && request_query_only(r, no_query, why);
}

static bool list_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct list *l = r->state;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT key, kind, made_ms, seen_ms FROM login WHERE person = $1 AND key IS NOT NULL AND ended_ms IS NULL"
		" ORDER BY id DESC LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->who.id);
	stmt_bind_int(q, 2, SHOWN_MAX);
	for (; stmt_row(q, why); l->count++) {
		struct linked *one = &l->at[l->count];
		memcpy(one->key.bytes, stmt_blob(q, 0).at, sizeof(one->key.bytes));
		one->kind = (enum login_kind)stmt_int(q, 1);
		one->made_ms = stmt_int(q, 2);
		one->seen_ms = stmt_int(q, 3);
	}
	return why->code == FAIL_NONE;
}

static bool list_render(struct request *r, struct fail *why)
{
	const struct list *l = r->state;
	char key[ID_TEXT_BYTES];
	struct json_out j = reply_list(r);
	for (int i = 0; i < l->count; i++) {
		const struct linked *one = &l->at[i];
		const struct provider_row *provider = provider_of(one->kind);
		id_text(one->key, "pi", key);
		json_put_object(&j);
		json_add_text(&j, "id", str_c(key));
		json_add_plain(&j, "provider", str_c(provider->text));
		json_add_text(&j, "provider_name", str_c(r->lang == LANG_EN ? provider->en : provider->zh));
		json_add_time(&j, "made_at", one->made_ms);
		json_add_time(&j, "seen_at", one->seen_ms);
		json_put_object_end(&j);
	}
	return reply_list_end(r, &j, NULL, why);
}

const struct handler me_identities = { .parse = list_parse, .look = list_look, .render = list_render };

/* ---- one more: WeChat says whose account the code is of, the mini-program's or the official account's ---- */

enum { LINKED = 1, OTHERS, PER_PERSON = 10 /* a minute */ };
enum { N_IS_OFFICIAL };

struct linking {
	struct str provider, js_code, device_id;
	struct wechat_login official;
	enum login_kind kind;
	uint8_t pace[SHA256_BYTES];
	struct provider_account account;
};

static bool mini_parse(const struct linking *l, struct fail *why)
{
	if (l->js_code.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/js_code", "the provider needs it");
	return wechat_code_is_right(l->js_code) || FAILS_FIELD(why, FIELD, "/js_code", "1 to %d visible characters", WECHAT_CODE_MAX);
}

static bool official_parse(struct linking *l, struct fail *why)
{
	if (l->device_id.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/device_id", "the provider needs it");
	return (device_id_is_good(l->device_id) || FAILS_FIELD(why, FIELD, "/device_id", "22 to 64 characters of base64url")) && wechat_login_parse(&l->official, why);
}

static bool link_parse(struct request *r, struct fail *why)
{
	static const struct json_field fields[] = {
		{ "provider", JSON_F_TEXT, true, 1, 32, offsetof(struct linking, provider), NULL },
		{ "js_code", JSON_F_TEXT, false, 1, WECHAT_CODE_MAX, offsetof(struct linking, js_code), NULL },
		{ "device_id", JSON_F_TEXT, false, 1, 64, offsetof(struct linking, device_id), NULL },
		{ "state", JSON_F_TEXT, false, 1, WECHAT_STATE_TEXT, offsetof(struct linking, official) + offsetof(struct wechat_login, state), NULL },
		{ "code", JSON_F_TEXT, false, 1, WECHAT_CODE_MAX, offsetof(struct linking, official) + offsetof(struct wechat_login, code), NULL },
	};
	struct linking *l = request_state(r, sizeof(*l), why);
	if (l == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), l, why))
		return false;
	const struct provider_row *row = provider_named(l->provider);
	l->kind = row == NULL ? LOGIN_PHONE : row->kind;
	if (!(l->kind == LOGIN_WECHAT && wechat_is_there()) && !(l->kind == LOGIN_WECHAT_OFFICIAL && wechat_official_is_there()))
		return FAILS_FIELD(why, FIELD, "/provider", "not one that is linked here");
	return l->kind == LOGIN_WECHAT ? mini_parse(l, why) : official_parse(l, why);
}

static bool link_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	(void)why;
	struct linking *l = r->state;
	char person[21];
	struct str parts[] = { STR("person"), { person, i64_text(r->who.id, person) } };
	keyring_index("provider.pace", parts, 2, l->pace);
	b->op[b->count++] = (struct expiring_op){ .verb = EXPIRING_COUNT, .class = KEY_PROVIDER_PACE, .key = { (const char *)l->pace, sizeof(l->pace) }, .limit = PER_PERSON };
	if (l->kind == LOGIN_WECHAT_OFFICIAL)
		wechat_login_recall(&l->official, b);
	return true;
}

static bool link_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	struct linking *l = r->state;
	uint8_t device[DEVICE_HASH_BYTES];
	if (b->op[0].end == EXPIRING_NO) {
		why->retry_after_s = (int)(b->op[0].left_ms / 1000) + 1;
		return FAILS(why, RATE, "links of an account");
	}
	if (l->kind == LOGIN_WECHAT)
		return true;
	device_hash(l->device_id, device);
	if (!wechat_login_recalled(&l->official, b, device, r->who.session, why))
		return false;
	l->account = l->official.account;
	return true;
}

static bool wechat_ask(struct request *r, struct question *q, struct fail *why)
{
	struct linking *l = r->state;
	if (l->kind == LOGIN_WECHAT_OFFICIAL)
		return wechat_login_ask(r, &l->official, q, why);
	q->peer = STR("wechat");
	q->may_keep = wechat_login_is_answered;
	return wechat_login_build(services_config(), wechat_secret(), l->js_code, &r->arena, &q->call, why);
}

static bool official_answered(struct request *r, struct linking *l, const struct http_answer *answer, struct fail *why)
{
	if (!wechat_login_answered(r, &l->official, "link", answer, why))
		return false;
	l->account = l->official.account;
	if (l->official.refused_as == FAIL_NONE)
		return true;
	fail_note(why, l->official.refused_as, __FILE__, __LINE__, "a code that leads to no account");
	fail_fact_text(why, "wrong", "code");
	return false;
}

static bool wechat_answered(struct request *r, const struct http_answer *answer, struct fail *why)
{
	struct linking *l = r->state;
	if (l->kind == LOGIN_WECHAT_OFFICIAL)
		return official_answered(r, l, answer, why);
	struct wechat_session s;
	struct wechat_said said = wechat_login_judge(answer, &r->arena, &s);
	wipe((void *)(uintptr_t)s.session_key.secret.at, s.session_key.secret.len);
	if (said.means != WECHAT_OK)
		return wechat_refused(said, "link", "js_code", why);
	l->account = (struct provider_account){ LOGIN_WECHAT, s.openid, s.unionid };
	return true;
}

static const struct ask ask_wechat = { .build = wechat_ask, .judge = wechat_answered };

static bool link_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct linking *l = r->state;
	bool is_others;
	struct id key;
	if (!provider_link_own(tx, r, &l->account, &is_others, &key, why))
		return false;
	r->outcome = (struct outcome){ .code = is_others ? OTHERS : LINKED, .status = is_others ? 200 : 201, .n = { [N_IS_OFFICIAL] = l->kind == LOGIN_WECHAT_OFFICIAL } };
	if (!is_others)
		id_text(key, "pi", r->outcome.text);
	return true;
}

static void link_settle(const struct request *r, struct expiring_batch *b)
{
	struct linking *l = r->state;
	if (l->kind == LOGIN_WECHAT_OFFICIAL)
		wechat_login_settle(r, &l->official, &b->op[b->count++]);
}

static bool link_render(struct request *r, struct fail *why)
{
	const struct provider_row *row = provider_of(r->outcome.n[N_IS_OFFICIAL] != 0 ? LOGIN_WECHAT_OFFICIAL : LOGIN_WECHAT);
	if (r->outcome.code == OTHERS)
		return FAILS(why, LINKED_ELSEWHERE, "the account leads to somebody else");
	struct json_out j = reply_json(r, 201);
	json_put_object(&j);
	json_add_text(&j, "id", str_c(r->outcome.text));
	json_add_plain(&j, "provider", str_c(row->text));
	json_add_text(&j, "provider_name", str_c(r->lang == LANG_EN ? row->en : row->zh));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_identity_link = { .parse = link_parse, .recall = link_recall, .recalled = link_recalled, .ask = &ask_wechat, .apply = link_apply, .settle = link_settle,
	.render = link_render, .own_device = true };

/* ---- away with one ---- */

static bool unlink_parse(struct request *r, struct fail *why)
{
	struct id *key = request_state(r, sizeof(*key), why);
	if (key == NULL || !request_query_only(r, no_query, why))
		return false;
	return id_from_text(r->params[0], "pi", key) || FAILS(why, NOT_FOUND, "not the id of a link");
}

static bool unlink_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct id *key = r->state;
	r->outcome = (struct outcome){ .code = DONE, .status = 204 };
	return provider_unlink(tx, r, *key, why);
}

static bool unlink_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 204;
	return true;
}

const struct handler me_identity_unlink = { .parse = unlink_parse, .apply = unlink_apply, .render = unlink_render };
