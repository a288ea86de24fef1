/* services/wechat_pay_account.h - our merchant number at WeChat Pay: its keys from files, read at the start and at each reload (channels/wechat_pay_keys.h).
 *
 * Thread: load by one at a time; the rest any. */
#ifndef SERVICES_WECHAT_PAY_ACCOUNT_H
#define SERVICES_WECHAT_PAY_ACCOUNT_H
#include "base/config.h"
#include "base/fail.h"

/* What was there stays when it fails. Fails: CONFIG which file or knob; MEMORY; SYSTEM. */
MUST_USE bool wechat_pay_load(const struct config *c, struct fail *why);
#endif
