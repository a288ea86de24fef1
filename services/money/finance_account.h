/* services/money/finance_account.h - how we reach the finance bureau's non-tax system, and the one question about a payment code that look-ups and orders share.
 * Thread: opened before threads start; any afterwards. */
#ifndef SERVICES_FINANCE_ACCOUNT_H
#define SERVICES_FINANCE_ACCOUNT_H
#include "base/config.h"
#include "channels/ask.h"
#include "payments/notices/notice.h"

MUST_USE bool finance_open(const struct config *c, struct fail *why);
void finance_close(void);
bool finance_is_there(void); /* finance.url, or finance.frame.address where finance.form says so, is configured */

struct secret finance_token(void); /* of frames; at NULL: neither are they spoken nor taken */

/* FINANCE_SHARED: whoever asks about that code within the same FINANCE_SHARED_MS puts one question, and is told the same; for calls that anybody who heard them once can say again and again. */
enum finance_asks { FINANCE_OWN, FINANCE_SHARED };
enum { FINANCE_SHARED_MS = 10000 };
/* The question of one code, for ask.build. */
MUST_USE bool finance_ask(struct request *r, struct str code, enum finance_asks whose, struct question *q, struct fail *why);
/* For ask.judge, `whose` as it was asked: what it told becomes *n (id 0). Fails: NOTICE_UNKNOWN, NOTICE_PAID, NOTICE_VOID, NOTICE_ELSEWHERE, NOTICE_TAX, PEER_NONSENSE, PEER_AWAY (it says that it failed). */
MUST_USE bool finance_answered(struct request *r, struct str code, enum finance_asks whose, const struct http_answer *answer, struct notice *n, struct fail *why);
#endif
