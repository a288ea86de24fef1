/* services/staff/staff_login.c - POST /v1/staff/login: account, password and digits become a session; what is wrong of the three nobody is told. Without digits the
 * client certificate of the connection stands for them; the session is bound to it then.
 *
 * An unknown, invited or closed account takes the same way as a wrong password: the same reads, one argon2id, the same row of the audit, the same bytes.
 * The answer bears a token, so it is kept nowhere: a lost one means to log in again, with the next digits.
 * A password that is right but old opens nothing; sent once more with a new one it does. Digits serve with the session they open. */
#include "auth/audit.h"
#include "auth/session.h"
#include "auth/staff.h"
#include "auth/staff_tries.h"
#include "auth/token.h"
#include "base/hash.h"
#include "base/log.h"
#include "services/handlers.h"
#include "services/services.h"

enum ending { GRANTED = 1, REFUSED, TOO_OLD };
enum { N_UNTIL };

struct login {
	struct str account, password, digits, new_password;
	struct staff_tries tries;
	struct staff_row row;        /* id 0: nobody */
	bool is_known_place;
	char former[STAFF_FORMER_PASSWORDS][PASSWORD_TEXT_BYTES];
	int former_count;
	/* of work */
	enum ending ending;
	int64_t step;                /* of the digits; 0: wrong, or none */
	bool by_certificate;
	char hashed[PASSWORD_TEXT_BYTES]; /* to be kept; "": none */
};

static const struct json_field fields[] = {
	{ "account", JSON_F_TEXT, true, 1, STAFF_ACCOUNT_MAX, offsetof(struct login, account), NULL },
	{ "password", JSON_F_TEXT, true, 1, PASSWORD_LENGTH_MAX, offsetof(struct login, password), NULL },
	{ "totp", JSON_F_TEXT, false, TOTP_DIGITS, TOTP_DIGITS, offsetof(struct login, digits), NULL },
	{ "new_password", JSON_F_TEXT, false, 1, PASSWORD_LENGTH_MAX, offsetof(struct login, new_password), NULL },
};

static bool login_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct login *l = request_state(r, sizeof(*l), why);
	if (l == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), l, why))
		return false;
	if (l->digits.at == NULL && request_certificate(r) == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, "/totp", "neither digits nor a certificate");
	l->tries = (struct staff_tries){ .account = l->account, .peer = r->peer, .per_address = services_config()->staff_login_address };
	return l->new_password.at == NULL || password_fits((struct secret){ l->new_password }, l->account, "/new_password", why);
}

static bool login_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	struct login *l = r->state;
	(void)why;
	staff_try(&l->tries, b);
	return true;
}

static bool login_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	struct login *l = r->state;
	return staff_tried(&l->tries, b, why);
}

static bool login_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct login *l = r->state;
	bool found;
	if (!staff_by_account(tx, l->account, &l->row, &found, why))
		return false;
	if (!found)
		l->row = (struct staff_row){ .id = 0 };
	if (!staff_place_is_known(tx, l->row.id, r->peer, r->now_ms, &l->is_known_place, why) || !staff_place_may_try(&l->tries, l->is_known_place, why))
		return false;
	l->former_count = staff_former_passwords(tx, l->row.id, l->former, why);
	return l->former_count >= 0;
}

/* ---- work: one argon2id whoever it is; six more for him who has shown who he is and wants another password ---- */

static bool hash_new(const struct request *r, struct login *l, struct str password, struct fail *why)
{
	uint8_t salt[SHA256_BYTES];
	struct str purpose = STR("password salt");
	hmac_sha256((struct str){ (const char *)r->seed, sizeof(r->seed) }, &purpose, 1, salt);
	return password_hash((struct secret){ password }, salt, l->hashed, why);
}

static bool take_new(const struct request *r, struct login *l, struct fail *why)
{
	return staff_password_is_new((struct secret){ l->new_password }, l->former, l->former_count, "/new_password", why) && hash_new(r, l, l->new_password, why);
}

static bool is_his_certificate(const struct request *r, const struct staff_row *row)
{
	const uint8_t *shown = request_certificate(r);
	return row->has_certificate && shown != NULL && memcmp(shown, row->certificate, sizeof(row->certificate)) == 0;
}

static bool login_work(struct request *r, struct fail *why)
{
	struct login *l = r->state;
	struct secret password = { l->password };
	bool is_active = l->row.state == STAFF_ACTIVE, is_right = false, is_old = false;
	if (!(is_active ? password_check(password, l->row.password, &is_right, &is_old, why) : password_check_nobody(password, why)))
		return false;
	if (l->digits.at != NULL)
		l->step = totp_check(l->row.totp, l->digits, r->now_ms, l->row.totp_step);
	else
		l->by_certificate = is_his_certificate(r, &l->row);
	l->ending = REFUSED;
	if (!is_active || !is_right || (l->step == 0 && !l->by_certificate))
		return true;
	l->ending = GRANTED;
	if (l->new_password.at != NULL)
		return take_new(r, l, why);
	if (l->row.password_ms + STAFF_PASSWORD_LIFE_MS <= r->now_ms)
		l->ending = TOO_OLD;
	return !is_old || hash_new(r, l, l->password, why);
}

/* ---- apply ---- */

static bool audited(struct tx *tx, const struct request *r, enum audit_act act, int status, struct str detail, struct fail *why)
{
	const struct login *l = r->state;
	struct audit a = { act, l->row.id != 0 ? AUDIT_OF_STAFF : AUDIT_OF_NOTHING, l->row.id, .result = status, .detail = detail, .region = l->row.region };
	return audit_add(tx, r, &a, why);
}

/* What was judged is looked at again where nobody changes it any more: the account may have been closed, or the same digits served, while argon2id ran. */
static bool still_so(struct tx *tx, const struct request *r, struct login *l, bool *is_so, struct fail *why)
{
	struct staff_row now = { .id = 0 };
	bool found;
	if (!staff_by_id(tx, l->row.id, &now, &found, why))
		return false;
	*is_so = found && now.state == STAFF_ACTIVE && strcmp(now.password, l->row.password) == 0 &&
		(l->by_certificate ? is_his_certificate(r, &now) : now.totp_step < l->step);
	l->row.roles = now.roles;
	l->row.region = now.region;
	staff_row_wipe(&now);
	return true;
}

static bool keep_password(struct tx *tx, const struct request *r, const struct login *l, struct fail *why)
{
	int64_t ended;
	if (l->hashed[0] == '\0')
		return true;
	if (l->new_password.at == NULL)
		return staff_rehash_password(tx, l->row.id, l->hashed, why);
	/* who changes a password may do so because another knows it */
	return staff_set_password(tx, l->row.id, l->hashed, r->now_ms, why) &&
	       session_end_all(tx, WHO_STAFF, l->row.id, 0, SESSION_ENDED_BY_OTHER, r->now_ms, &ended, why) &&
	       audited(tx, r, AUDIT_STAFF_PASSWORD_SET, 200, STR_NONE, why);
}

static bool session_make(struct tx *tx, const struct request *r, const struct login *l, struct fail *why)
{
	char text[TOKEN_TEXT_BYTES];
	uint8_t random[32];
	struct session_new s = { .kind = WHO_STAFF, .principal = l->row.id, .name = str_c(l->row.account), .rights = roles_rights(l->row.roles),
		.region = l->row.region, .life_ms = STAFF_IDLE_MS, .certificate = l->by_certificate ? request_certificate(r) : NULL };
	struct token_spec spec = { .kind = WHO_STAFF, .principal = l->row.id, .expires_ms = r->now_ms + STAFF_SESSION_MS };
	request_bytes(r, "session", random);
	request_bytes(r, "access token", spec.random);
	return session_open(tx, &s, r->now_ms, random, &spec.session, why) && token_make(tx, &spec, r->now_ms, text, why);
}

static bool grant(struct tx *tx, const struct request *r, const struct login *l, struct fail *why)
{
	return (l->by_certificate || staff_totp_served(tx, l->row.id, l->step, why)) && keep_password(tx, r, l, why) && session_make(tx, r, l, why) &&
	       staff_place_seen(tx, l->row.id, r->peer, r->now_ms, why) && audited(tx, r, AUDIT_LOGGED_IN, 200, l->by_certificate ? STR("staff: certificate") : STR("staff"), why);
}

static bool login_apply(struct tx *tx, struct request *r, struct fail *why)
{
	struct login *l = r->state;
	enum ending ending = l->ending;
	bool is_so = true;
	if (ending == GRANTED && !still_so(tx, r, l, &is_so, why))
		return false;
	if (!is_so)
		ending = REFUSED; /* this time: work's word stays, should it be run again */
	r->outcome = (struct outcome){ .code = (int32_t)ending, .status = 200, .n = { [N_UNTIL] = r->now_ms + STAFF_SESSION_MS } };
	switch (ending) {
	case GRANTED: return grant(tx, r, l, why);
	case TOO_OLD: return audited(tx, r, AUDIT_LOGIN_REFUSED, 403, STR("password expired"), why);
	case REFUSED: break;
	}
	return audited(tx, r, AUDIT_LOGIN_REFUSED, 401, STR("staff"), why);
}

static void login_settle(const struct request *r, struct expiring_batch *b)
{
	const struct login *l = r->state;
	if (r->outcome.code == REFUSED)
		staff_try_was_wrong(&l->tries, l->is_known_place, b);
	else
		staff_try_was_right(&l->tries, b);
}

static bool login_render(struct request *r, struct fail *why)
{
	struct login *l = r->state;
	char token[TOKEN_TEXT_BYTES];
	uint8_t random[32];
	if (r->outcome.code == REFUSED)
		return FAILS(why, CREDENTIALS, "refused, and noted");
	if (r->outcome.code == TOO_OLD)
		return FAILS(why, PASSWORD_EXPIRED, "refused, and noted");
	request_bytes(r, "access token", random);
	token_text(WHO_STAFF, random, token);
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "access_token", str_c(token));
	json_add_text(&j, "token_type", STR("Bearer"));
	json_add_time(&j, "expires_at", r->outcome.n[N_UNTIL]);
	json_add_number(&j, "idle_s", STAFF_IDLE_MS / 1000);
	json_put_object_end(&j);
	staff_row_wipe(&l->row);
	wipe(token, sizeof(token));
	return reply_json_end(r, &j, why);
}

const struct handler staff_login = { .parse = login_parse, .recall = login_recall, .recalled = login_recalled, .look = login_look, .work = login_work,
	.apply = login_apply, .settle = login_settle, .render = login_render };
