/* channels/wechat_pay_bill.h - a day's bill (交易账单, 资金账单) of WeChat Pay: where it lies, and the call that fetches it. Pure.
 *
 * Two calls: the first says where and the SHA-1 of what is there, and is signed by them; the second brings the file, which nobody signs, so the digest of its text (unpacked,
 * where it came as gzip) is what vouches for it. The address is theirs and good for five minutes; only the host we know is asked.
 * Bills of a day begin to be there at ten the next morning, and are kept for three months.
 * Thread: any. Source: pay.weixin.qq.com, APIv3, "申请交易账单", "申请资金账单", "下载账单". */
#ifndef CHANNELS_WECHAT_PAY_BILL_H
#define CHANNELS_WECHAT_PAY_BILL_H
#include "base/hash.h"
#include "channels/wechat_pay_call.h"

enum wechat_pay_bill_kind { WECHAT_PAY_TRADE_BILL, WECHAT_PAY_FUND_BILL };

struct wechat_pay_bill {
	struct str url;               /* as they gave it */
	uint8_t sha1[SHA1_BYTES];     /* of the file's text */
};
enum wechat_pay_bill_end {
	WECHAT_PAY_BILL_THERE,
	WECHAT_PAY_BILL_CREATING,     /* ask again in half an hour */
	WECHAT_PAY_BILL_NONE,         /* that day nothing moved; before ten the next morning: not yet */
	WECHAT_PAY_BILL_AWAY,         /* ask again later: they are ill, or their answer is not signed */
	WECHAT_PAY_BILL_REFUSED,      /* an operator must look: the word says why */
};

/* `day`: days since 1970-01-01, in Longnan. Fails: CONFIG, MEMORY. */
MUST_USE bool wechat_pay_bill_ask(const struct config *c, enum wechat_pay_bill_kind kind, int32_t day, bool as_gzip, int64_t now_ms, const uint8_t random[16], struct arena *a,
				  struct http_call *out, struct fail *why);
enum wechat_pay_bill_end wechat_pay_bill_judge(const struct http_answer *answer, int64_t now_ms, struct arena *a, struct wechat_pay_bill *out, char word[64]);
/* `bytes_max`: of the file as it comes. Fails: CONFIG the address is not of wechat.pay.url's host; MEMORY. */
MUST_USE bool wechat_pay_bill_fetch(const struct config *c, const struct wechat_pay_bill *b, size_t bytes_max, int64_t now_ms, const uint8_t random[16], struct arena *a,
				    struct http_call *out, struct fail *why);
#endif
