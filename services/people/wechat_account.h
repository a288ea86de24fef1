/* services/people/wechat_account.h - our mini-program and our official account at WeChat: their secrets, the first one's access token, and what refusals mean to whoever waits.
 *
 * Thread: opened before threads start, read only afterwards.
 * Owns:   the secrets' bytes, until close wipes them. */
#ifndef SERVICES_WECHAT_ACCOUNT_H
#define SERVICES_WECHAT_ACCOUNT_H
#include "channels/ask.h"
#include "channels/wechat_mini.h"

MUST_USE bool wechat_account_open(const struct config *c, struct fail *why); /* Fails: CONFIG with the file's name; SYSTEM */
void wechat_account_close(void);
bool wechat_is_there(void); /* the mini-program */
struct secret wechat_secret(void);
bool wechat_official_is_there(void);
struct secret wechat_official_secret(void);
extern const struct token_source wechat_token; /* the mini-program's, in the stable way */

/* What WeChat said instead of an answer, for whoever waits: always false. What an operator must mend is an event too. `what`: the question, for the log;
 * `code`: the parameter a wrong code came in, told to the client. */
bool wechat_refused(struct wechat_said said, const char *what, const char *code, struct fail *why);
/* The same of another account of ours there; `account` is its name in the log. */
bool wechat_account_refused(struct wechat_said said, const char *account, const char *what, const char *code, struct fail *why);
/* token_source.judge of any account there. */
bool wechat_token_taken(const char *account, const struct http_answer *answer, struct arena *a, struct secret *token, int64_t *life_s, struct fail *why);
#endif
