/* channels/wechat_pay.h - WeChat Pay APIv3: a payment ordered, asked after, closed; a refund made and asked after; their certificates fetched. Pure.
 *
 * Everything is named by our own number, for ever: out_trade_no, out_refund_no. The same number with the same parameters is the same deed, so all but a refund may be
 * sent again. A whole answer that is not signed by WeChat Pay is no answer.
 * What follows reads `code` (their word: a trade's or refund's state, or an error) and `said` (the answer's body, verified).
 *
 * Payloads, JSON:
 *   prepay         {"method": "mini" | "jsapi" | "app" | "native" | "h5", "out_trade_no", "total_fen", "expires_ms", "openid" of mini and jsapi, "ip" of h5}
 *   query, close   {"out_trade_no"}
 *   refund         {"transaction_id", "out_refund_no", "refund_fen", "total_fen", "reason" (80 bytes at most; absent: none)}; code PROCESSING, SUCCESS, CLOSED, ABNORMAL; ref: refund_id
 *   refund_query   {"out_refund_no"}; code as above, or RESOURCE_NOT_EXISTS: there is none of that number
 *   certificates   {}
 *
 * Thread: any. Source: pay.weixin.qq.com, APIv3; wechat_pay_codes.def. */
#ifndef CHANNELS_WECHAT_PAY_H
#define CHANNELS_WECHAT_PAY_H
#include "channels/codec.h"
#include "channels/wechat_pay_call.h"

extern const struct codec_http codec_wechat_pay_prepay, codec_wechat_pay_query, codec_wechat_pay_close, codec_wechat_pay_refund, codec_wechat_pay_refund_query,
	codec_wechat_pay_certificates;
#endif
