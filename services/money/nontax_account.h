/* services/money/nontax_account.h - our account at WeChat's non-tax platform: its access token. Its secret is the account's key (notify/accounts.def).
 * Thread: any. */
#ifndef SERVICES_NONTAX_ACCOUNT_H
#define SERVICES_NONTAX_ACCOUNT_H
#include "channels/ask.h"

extern const struct token_source wechat_nontax_token;
void wechat_nontax_callback_names(void); /* the metric's labels; once */
#endif
