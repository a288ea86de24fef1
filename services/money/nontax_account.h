/* services/money/nontax_account.h - our account at WeChat's non-tax platform: its access token, and what its calls to us share. Its secret is the account's key (notify/accounts.def).
 * Thread: any. */
#ifndef SERVICES_NONTAX_ACCOUNT_H
#define SERVICES_NONTAX_ACCOUNT_H
#include "channels/ask.h"
#include "channels/wechat_nontax_call.h"

extern const struct token_source wechat_nontax_token;
void wechat_nontax_callback_names(void); /* the metric's labels; once */
void wechat_nontax_fee_names(void);      /* alike */

/* A call of the platform's. Fails: NO_ROUTE nobody calls us from there; QUERY its word (wxnontaxstr). */
MUST_USE bool nontax_call_begin(struct request *r, struct str *word, struct fail *why);
/* What is wrong with it; OK: *plain lies in the request's arena. */
enum nontax_reply nontax_call_open(struct request *r, struct str word, struct str *plain);
/* The whole answer, 200 whatever it says, and the line of the log by which its history at the platform is found. `nonce`: never twice. Fails: MEMORY. */
MUST_USE bool nontax_call_answer(struct request *r, struct str word, enum nontax_reply reply, const struct nontax_notice *due, const uint8_t nonce[NONTAX_NONCE_BYTES], struct fail *why);
#endif
