/* auth/login_inside.h - what login.c, login_phone.c and login_index.c share, and nobody else includes.
 * Thread: the write lane. */
#ifndef AUTH_LOGIN_INSIDE_H
#define AUTH_LOGIN_INSIDE_H
#include "auth/keyring.h"
#include "auth/login.h"

enum { LOGIN_FAMILY_MAX = 16 };

struct login_way {
	int64_t id, person, seen_ms;
	int level;
};
void login_hash(enum login_kind kind, struct str value, struct index_hashes *out);
/* Those that lead somewhere, the newest first; more than LOGIN_FAMILY_MAX is no family, and the oldest are not asked for. */
MUST_USE bool login_ways(struct tx *tx, enum login_kind kind, struct str value, struct login_way ways[LOGIN_FAMILY_MAX], int *count, struct fail *why);
/* Until the transaction ends nobody else makes or ends a way of this phone or account. */
MUST_USE bool login_lock(struct tx *tx, enum login_kind kind, struct str value, struct fail *why);
#endif
