/* services/people/authority_account.c - one account, read once. */
#include "services/people/authority_account.h"
#include "base/config.h"
#include "base/secret_file.h"

static struct secret key;
static struct str base;

bool authority_open(const struct config *c, struct fail *why)
{
	base = str_c(c->authority_url);
	return base.len == 0 || secret_read(c->authority_key_file, &key, why);
}

void authority_close(void)
{
	secret_drop(&key);
	base = STR_NONE;
}

bool authority_account(struct authority_question *q, struct fail *why)
{
	q->base = base;
	q->key = key;
	return base.len > 0 || FAILS(why, PEER_AWAY, "authority.url is not configured");
}
