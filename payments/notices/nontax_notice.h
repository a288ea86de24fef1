/* payments/notices/nontax_notice.h - a notice of ours as WeChat's non-tax platform speaks of it. Pure; texts stay the notice's.
 * Units: fen. */
#ifndef PAYMENTS_NOTICES_NONTAX_NOTICE_H
#define PAYMENTS_NOTICES_NONTAX_NOTICE_H
#include "channels/wechat_nontax.h"
#include "payments/notices/notice.h"

/* total_fen: what is to be paid, at least the notice's amount. What is beyond it is late money. Nobody is named. */
void nontax_notice_of(const struct notice *n, int64_t total_fen, struct nontax_notice *out);
#endif
