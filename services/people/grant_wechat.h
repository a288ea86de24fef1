/* services/people/grant_wechat.h - what becomes of a WeChat account that has shown itself, whichever of our accounts there it was shown to. Rules: auth/provider.h. */
#ifndef SERVICES_GRANT_WECHAT_H
#define SERVICES_GRANT_WECHAT_H
#include "services/people/grant.h"

/* Whom t->account leads to, with t->wechat.phone if that was shown too: a session of his, or a refusal, PHONE_NEEDED when it leads to nobody. */
MUST_USE bool grant_wechat_apply(struct tx *tx, struct request *r, struct token_asking *t, struct granted *out, struct fail *why);
/* One that leads to nobody waits for a code on the phone, on this device. */
void grant_wechat_settle(const struct request *r, struct token_asking *t, struct expiring_batch *b);
#endif
