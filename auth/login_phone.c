/* auth/login_phone.c - the phones that lead to a person: the one of a session, all of them, and another in their place. */
#include "auth/login_inside.h"
#include <assert.h>
#include <openssl/crypto.h>

enum { CHANGES_A_DAY = 3 };
#define DAY_MS (INT64_C(24) * 3600 * 1000)

bool login_phone(struct tx *tx, int64_t session, char phone[PHONE_DIGITS + 1], struct fail *why)
{
	char text[LOGIN_VALUE_MAX + 1];
	struct str value;
	enum login_kind kind;
	int64_t login = 0;
	phone[0] = '\0';
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT login FROM session WHERE id = $1", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, session);
		login = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	}
	if (why->code != FAIL_NONE || login == 0)
		return why->code == FAIL_NONE;
	bool ok = login_value(tx, login, text, &kind, &value, why);
	if (ok && kind == LOGIN_PHONE && value.len == PHONE_DIGITS) {
		memcpy(phone, value.at, value.len);
		phone[value.len] = '\0';
	}
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

bool login_newest(struct tx *tx, enum login_kind kind, int64_t person, int64_t session, int64_t *login, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT l.id FROM login l WHERE l.person = $1 AND l.kind = $2 AND l.ended_ms IS NULL"
		" ORDER BY CASE WHEN l.id = (SELECT login FROM session WHERE id = $3) THEN 0 ELSE 1 END, l.seen_ms DESC, l.id DESC LIMIT 1", why);
	*login = 0;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, kind);
	stmt_bind_int(q, 3, session);
	if (stmt_row(q, why))
		*login = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

static bool phone_ids(struct tx *tx, int64_t person, int64_t ids[LOGIN_PHONES_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM login WHERE person = $1 AND kind = 1 AND ended_ms IS NULL ORDER BY id DESC LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, LOGIN_PHONES_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		ids[*count] = stmt_int(q, 0);
	return why->code == FAIL_NONE;
}

bool login_phones(struct tx *tx, int64_t person, char phones[LOGIN_PHONES_MAX][PHONE_DIGITS + 1], int *count, struct fail *why)
{
	char text[LOGIN_VALUE_MAX + 1];
	int64_t ids[LOGIN_PHONES_MAX];
	bool ok = phone_ids(tx, person, ids, count, why);
	for (int i = 0; ok && i < *count; i++) {
		struct str value;
		enum login_kind kind;
		ok = login_value(tx, ids[i], text, &kind, &value, why);
		assert(!ok || value.len == PHONE_DIGITS);
		if (ok)
			memcpy(phones[i], value.at, PHONE_DIGITS);
		phones[i][PHONE_DIGITS] = '\0';
	}
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

static bool made_since(struct tx *tx, int64_t person, int64_t since_ms, int64_t *made, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM login WHERE person = $1 AND kind = 1 AND made_ms > $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, since_ms);
	*made = stmt_row(q, why) ? stmt_int(q, 0) : 0;
	return why->code == FAIL_NONE;
}

/* The way that is there, or a new one. */
static bool way_by_phone(struct tx *tx, int64_t person, struct str phone, int level, int64_t now_ms, const uint8_t salt[16], int64_t *login, struct fail *why)
{
	struct login_way ways[LOGIN_FAMILY_MAX];
	int64_t made;
	int count;
	if (!login_ways(tx, LOGIN_PHONE, phone, ways, &count, why))
		return false;
	for (int i = 0; i < count; i++)
		if (ways[i].person == person) {
			*login = ways[i].id;
			return login_used(tx, *login, now_ms, why) && login_raise(tx, *login, level, why);
		}
	if (!made_since(tx, person, now_ms - DAY_MS, &made, why))
		return false;
	if (made > CHANGES_A_DAY) { /* the first may be from today too */
		why->retry_after_s = (int)(DAY_MS / 1000);
		return FAILS(why, RATE, "person %lld has changed his phone %lld times today", (long long)person, (long long)made);
	}
	return login_add(tx, LOGIN_PHONE, phone, person, level, now_ms, salt, login, why);
}

bool login_change_phone(struct tx *tx, int64_t person, struct str phone, int level, int64_t now_ms, const uint8_t salt[16], int64_t *login, struct fail *why)
{
	int64_t ids[LOGIN_PHONES_MAX];
	int count;
	bool ok = phone_ids(tx, person, ids, &count, why) && way_by_phone(tx, person, phone, level, now_ms, salt, login, why);
	for (int i = 0; ok && i < count; i++)
		if (ids[i] != *login)
			ok = login_end(tx, ids[i], now_ms, why);
	return ok;
}
