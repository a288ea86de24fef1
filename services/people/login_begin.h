/* services/people/login_begin.h - a login that is begun here and goes on elsewhere: what is kept until it comes back, how many one address may begin, and what the phone is told.
 *
 * Thread: the request's. Errors: RATE, with when to come again. */
#ifndef SERVICES_LOGIN_BEGIN_H
#define SERVICES_LOGIN_BEGIN_H
#include "base/hash.h"
#include "base/request.h"
#include "store/expiring.h"

/* Asks the expiring store to keep `value` under keys[0], which the caller has made of the state, and to count the address, told apart from other logins' by `what`. Two keys; they and value live in
 * the handler's state. */
void login_begin_keep(const struct request *r, struct expiring_batch *batch, struct str what, uint8_t (*keys)[SHA256_BYTES], struct str value);
MUST_USE bool login_begin_judge(const struct expiring_batch *batch, struct fail *why);
MUST_USE bool login_begin_reply(struct request *r, struct str url, struct str state, int64_t lives_ms, struct fail *why);
#endif
