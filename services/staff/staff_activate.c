/* services/staff/staff_activate.c - POST /v1/staff/activate: an invitation's code and a password become an account that can log in; the secret of the digits is told once.
 *
 * Whoever holds the code is the person: it came from two administrators, or from the operator's hand. A lost answer, and with it a lost secret, means another
 * invitation (proposal staff_again, or `siban staff again`): nothing here is kept for a repeat. */
#include "auth/audit.h"
#include "auth/session.h"
#include "auth/staff.h"
#include "auth/staff_tries.h"
#include "base/hash.h"
#include "base/log.h"
#include "services/handlers.h"
#include "services/services.h"
#include <stdio.h>

enum { ACTIVATED = 1, CODE_MAX = 64, URI_BYTES = 192 };

struct activation {
	struct str code, password;
	struct staff_tries tries;
	struct staff_row row;
	char former[STAFF_FORMER_PASSWORDS][PASSWORD_TEXT_BYTES];
	int former_count;
	char hashed[PASSWORD_TEXT_BYTES];
};

static const struct json_field fields[] = {
	{ "code", JSON_F_TEXT, true, 1, CODE_MAX, offsetof(struct activation, code), NULL },
	{ "password", JSON_F_TEXT, true, 1, PASSWORD_LENGTH_MAX, offsetof(struct activation, password), NULL },
};

static bool activate_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	struct activation *a = request_state(r, sizeof(*a), why);
	if (a == NULL || !request_query_only(r, no_query, why) || !request_json(r, fields, sizeof(fields) / sizeof(fields[0]), a, why))
		return false;
	a->tries = (struct staff_tries){ .peer = r->peer, .per_address = services_config()->staff_login_address };
	return true;
}

static bool activate_recall(struct request *r, struct expiring_batch *b, struct fail *why)
{
	struct activation *a = r->state;
	(void)why;
	staff_try(&a->tries, b);
	return true;
}

static bool activate_recalled(struct request *r, const struct expiring_batch *b, struct fail *why)
{
	struct activation *a = r->state;
	return staff_tried(&a->tries, b, why);
}

/* 256 random bits: there is nothing to be guessed, so who has none costs no argon2id and no count of an account. */
static bool invited(struct tx *tx, const struct request *r, struct staff_row *row, struct fail *why)
{
	const struct activation *a = r->state;
	bool found;
	if (!staff_by_invitation(tx, a->code, row, &found, why))
		return false;
	return (found && row->state == STAFF_INVITED && row->invited_until_ms > r->now_ms) || FAILS(why, INVITATION, "unknown, used or expired");
}

static bool activate_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct activation *a = r->state;
	if (!invited(tx, r, &a->row, why) || !password_fits((struct secret){ a->password }, str_c(a->row.account), "/password", why))
		return false;
	a->former_count = staff_former_passwords(tx, a->row.id, a->former, why);
	return a->former_count >= 0;
}

static bool activate_work(struct request *r, struct fail *why)
{
	struct activation *a = r->state;
	uint8_t salt[SHA256_BYTES];
	struct str purpose = STR("password salt");
	hmac_sha256((struct str){ (const char *)r->seed, sizeof(r->seed) }, &purpose, 1, salt);
	return staff_password_is_new((struct secret){ a->password }, a->former, a->former_count, "/password", why) &&
	       password_hash((struct secret){ a->password }, salt, a->hashed, why);
}

static bool activate_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct activation *a = r->state;
	struct staff_row row = { .id = 0 };
	int64_t ended;
	bool ok = invited(tx, r, &row, why);
	staff_row_wipe(&row);
	if (!ok)
		return false;
	struct audit act = { AUDIT_STAFF_ACTIVATED, AUDIT_OF_STAFF, a->row.id, .result = 200, .region = a->row.region };
	r->outcome = (struct outcome){ .code = ACTIVATED, .status = 200 };
	return staff_set_password(tx, a->row.id, a->hashed, r->now_ms, why) &&
	       session_end_all(tx, WHO_STAFF, a->row.id, 0, SESSION_ENDED_BY_OTHER, r->now_ms, &ended, why) &&
	       staff_place_seen(tx, a->row.id, r->peer, r->now_ms, why) && audit_add(tx, r, &act, why);
}

static bool activate_render(struct request *r, struct fail *why)
{
	struct activation *a = r->state;
	char secret[TOTP_SECRET_TEXT], uri[URI_BYTES];
	totp_secret_text(a->row.totp, secret);
	/* an account's letters need no escaping */
	snprintf(uri, sizeof(uri), "otpauth://totp/siban:%s?secret=%s&issuer=siban&algorithm=SHA1&digits=%d&period=%d", a->row.account, secret, TOTP_DIGITS, TOTP_STEP_S);
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_text(&j, "account", str_c(a->row.account));
	json_add_text(&j, "totp_secret", str_c(secret));
	json_add_text(&j, "otpauth_uri", str_c(uri));
	json_put_object_end(&j);
	staff_row_wipe(&a->row);
	wipe(secret, sizeof(secret));
	wipe(uri, sizeof(uri));
	return reply_json_end(r, &j, why);
}

const struct handler staff_activate = { .parse = activate_parse, .recall = activate_recall, .recalled = activate_recalled, .look = activate_look,
	.work = activate_work, .apply = activate_apply, .render = activate_render };
