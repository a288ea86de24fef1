/* notify/account.c - why this exists: what accounts.def says of a configuration, worked out once, and the keys kept out of it. */
#include "notify/account.h"
#include "base/secret_file.h"
#include <assert.h>

static struct account_settings accounts[ACCOUNTS];
static struct secret callback_secrets[ACCOUNTS];

static const char *const names[ACCOUNTS] = {
#define ACCOUNT(name, ...) [ACCOUNT_##name] = #name,
#include "notify/accounts.def"
#undef ACCOUNT
};

static bool open_one(enum account n, bool is_configured, int64_t rate, int64_t in_flight, const char *key_file, const char *callback_file, struct fail *why)
{
	struct account_settings *a = &accounts[n];
	*a = (struct account_settings){ .is_configured = is_configured, .rate = rate, .in_flight = in_flight };
	return !is_configured || ((key_file[0] == '\0' || secret_read(key_file, &a->key, why)) &&
				  (callback_file[0] == '\0' || secret_read(callback_file, &callback_secrets[n], why)));
}

bool accounts_open(const struct config *c, struct fail *why)
{
	bool ok = true;
	accounts_close();
#define ACCOUNT(name, is_configured, rate, in_flight, key_file, callback_file) \
	ok = ok && open_one(ACCOUNT_##name, is_configured, rate, in_flight, key_file, callback_file, why);
#include "notify/accounts.def"
#undef ACCOUNT
	if (!ok)
		accounts_close();
	return ok;
}

void accounts_close(void)
{
	for (int i = 0; i < ACCOUNTS; i++) {
		if (accounts[i].key.secret.at != NULL)
			secret_drop(&accounts[i].key);
		if (callback_secrets[i].secret.at != NULL)
			secret_drop(&callback_secrets[i]);
		accounts[i] = (struct account_settings){ .is_configured = false };
	}
}

const struct account_settings *account_settings(enum account a)
{
	assert(a < ACCOUNTS);
	return &accounts[a];
}

const struct secret *account_callback_secret(enum account a)
{
	assert(a < ACCOUNTS);
	return &callback_secrets[a];
}

const char *account_name(enum account a)
{
	assert(a < ACCOUNTS);
	return names[a];
}

bool account_named(struct str name, enum account *out)
{
	for (int i = 0; i < ACCOUNTS; i++)
		if (str_eq(name, str_c(names[i]))) {
			*out = (enum account)i;
			return true;
		}
	return false;
}

bool account_is_configured(enum account a)
{
	return account_settings(a)->is_configured;
}

bool account_is_many(enum account a)
{
	return a == ACCOUNT_department_hooks;
}
