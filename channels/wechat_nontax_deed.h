/* channels/wechat_nontax_deed.h - what is done at WeChat's non-tax platform, as effects: an order, a question about one, that we are told of one again, a refund, a question about one. Pure.
 *
 * WeChat takes no number of ours for an order, only the notice's: whoever asks twice has two orders, and a page for each answer he got. So an order whose answer was lost is asked about by
 * its notice: when one of the notice's orders is paid it is that one, otherwise it is ordered again, and the lost one, whose page nobody has, ends by itself. A refund has a number of ours,
 * and is looked for by it in the trade it belongs to.
 * What follows reads `code` (a state, or WeChat's errcode), `ref` and `said` (the answer).
 *
 * Payloads, JSON:
 *   order          {"notice_no", "unit", "unit_name", "region", "kind", "made_s", "last_on" (a day; absent: none), "fee_fen", "items": [{"id", "name", "overdue_fen", "penalty_fen", "fee_fen"}],
 *                   "ip", "openid" (absent: a browser outside of WeChat), "is_mini"}; code OK, ref: the order; code PAID, ref: an order of that notice that is paid already
 *   query          {"order_id"}; code UNPAID, PAID, REFUNDED, REFUNDING, CLOSED, OTHER; ref: trans_id
 *   tell           {"order_id"}; code OK, or REFUSED: they have told us, or know of none
 *   refund         {"order_id", "number", "fen", "reason"}; code PROCESSING, SUCCESS; ref: WeChat's number, where it said one
 *   refund_query   {"order_id", "number"}; code as above, or RESOURCE_NOT_EXISTS: there is none of that number
 *
 * Thread: any. Source: protocols/nontax.md 2, 3. */
#ifndef CHANNELS_WECHAT_NONTAX_DEED_H
#define CHANNELS_WECHAT_NONTAX_DEED_H
#include "channels/codec.h"

extern const struct codec_http codec_wechat_nontax_order, codec_wechat_nontax_query, codec_wechat_nontax_tell, codec_wechat_nontax_refund, codec_wechat_nontax_refund_query;
#endif
