/* notify/account.h - the accounts we have outside: which are configured, how much each may be asked, and their keys.
 *
 * Thread: opened before threads start, read only afterwards.
 * Owns:   the keys' bytes, until accounts_close wipes them. */
#ifndef NOTIFY_ACCOUNT_H
#define NOTIFY_ACCOUNT_H
#include "base/config.h"
#include "base/fail.h"
#include "base/log.h"

enum account {
#define ACCOUNT(name, ...) ACCOUNT_##name,
#include "notify/accounts.def"
#undef ACCOUNT
	ACCOUNTS
};

struct account_settings {
	bool is_configured;
	int64_t rate;             /* calls per second; 0: no limit */
	int64_t in_flight;        /* calls at most */
	struct secret key;        /* at NULL: it has none */
};

/* Reads the keys and callback secrets of every configured account. Fails: CONFIG with the file's name and what to do; SYSTEM. */
MUST_USE bool accounts_open(const struct config *c, struct fail *why);
void accounts_close(void);                                    /* wipes the keys; nothing is configured any more */
const struct account_settings *account_settings(enum account a);
/* The last part of the address under which this account's platform calls us; at NULL: it does not. */
const struct secret *account_callback_secret(enum account a);
const char *account_name(enum account a);                     /* "sms_aliyun" */
bool account_named(struct str name, enum account *out);
/* Whoever makes an effect asks first: without its account there is none, and the ladder's next rung is taken instead. */
bool account_is_configured(enum account a);
/* Its effects go to many receivers, each with an address of its own: no breaker, no pause for all. */
bool account_is_many(enum account a);
#endif
