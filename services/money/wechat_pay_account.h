/* services/money/wechat_pay_account.h - our merchant number at WeChat Pay: its keys from files, read at the start and at each reload (channels/wechat_pay_keys.h).
 *
 * Thread: load by one at a time; the rest any. */
#ifndef SERVICES_WECHAT_PAY_ACCOUNT_H
#define SERVICES_WECHAT_PAY_ACCOUNT_H
#include "base/config.h"
#include "base/fail.h"
#include "base/str.h"

struct tx;          /* store/store.h */
struct effect_view; /* notify/effect.h */

/* What was there stays when it fails. Fails: CONFIG which file or knob; MEMORY; SYSTEM. */
MUST_USE bool wechat_pay_load(const struct config *c, struct fail *why);
/* Does this address (request.peer) lie in the networks WeChat Pay says it calls from? They warn that these change. */
bool wechat_pay_is_theirs(struct str peer);
void wechat_pay_callback_names(void); /* the metric's labels; once */

/* Platform certificates: asked for by an effect when there are none, when a message named one we do not have, and twice a day; kept as rows, and on each node's shelf. */
MUST_USE bool wechat_pay_certificates_renew(struct tx *tx, const struct config *c, int64_t now_ms, int64_t *rows, struct fail *why);  /* a job's bite, one for all nodes */
MUST_USE bool wechat_pay_certificates_follow(struct tx *tx, int64_t *rows, struct fail *why);                                         /* a job's bite, on each node */
MUST_USE bool wechat_pay_certificates_came(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why);             /* what follows from the effect */
#endif
