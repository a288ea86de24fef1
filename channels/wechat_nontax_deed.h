/* channels/wechat_nontax_deed.h - what is done at WeChat's non-tax platform, as effects: an order, a question about one, that we are told of one again, a refund, a question about one. Pure.
 *
 * WeChat takes no number of ours for an order, only the notice's: whoever asks twice has two orders, and a page for each answer he got. So an order whose answer was lost is asked about by
 * its notice: when one of the notice's orders is paid it is that one, otherwise it is ordered again, and the lost one, whose page nobody has, ends by itself. A refund has a number of ours,
 * and is looked for by it in the trade it belongs to.
 * What follows reads `code` (a state, or WeChat's errcode), `ref` and `said` (the answer).
 *
 * By a payer's barcode (micropay) money is asked for the moment it is sent, and which errcodes mean what no document says: those of the configuration are "the payer is still paying" and "their system
 * failed" (the same code again after 10 s and 5 s, as the platform wants it), and "refused"; any other leaves open what happened, as does an answer that is lost. From then on the code is not sent
 * again, by nobody: it is only asked what became of it, by the order's number or by the notice. Even a yes is believed when the order says so.
 *
 * Payloads, JSON:
 *   order          {"notice_no", "unit", "unit_name", "region", "kind", "made_s", "last_on" (a day; absent: none), "fee_fen", "items": [{"id", "name", "overdue_fen", "penalty_fen", "fee_fen"}],
 *                   "ip", "openid" (absent: a browser outside of WeChat), "is_mini"}; code OK, ref: the order; code PAID, ref: an order of that notice that is paid already
 *   micropay       as order, without ip, openid and is_mini, with "auth_code" and "until_ms" (not sent later); code PAID, CLOSED, ref: the order, said: the trade. What did not do it has a word in front of
 *                   WeChat's errcode: "refused", "paying", "busy", "unknown"; nontax_was_harmless (wechat_nontax.h) says after which no money can have been asked for
 *   list           as micropay, of which it reads the notice; code PAID, ref: an order of that notice that is paid; NONE: none is
 *   query          {"order_id"}; code UNPAID, PAID, REFUNDED, REFUNDING, CLOSED, OTHER; ref: trans_id
 *   tell           {"order_id"}; code OK, or REFUSED: they have told us, or know of none
 *   refund         {"order_id", "number", "fen", "reason"}; code PROCESSING, SUCCESS; ref: WeChat's number, where it said one
 *   refund_query   {"order_id", "number"}; code as above, or RESOURCE_NOT_EXISTS: there is none of that number
 *
 * Thread: any. Source: protocols/nontax.md 2, 3. */
#ifndef CHANNELS_WECHAT_NONTAX_DEED_H
#define CHANNELS_WECHAT_NONTAX_DEED_H
#include "channels/codec.h"

extern const struct codec_http codec_wechat_nontax_order, codec_wechat_nontax_micropay, codec_wechat_nontax_list, codec_wechat_nontax_query, codec_wechat_nontax_tell, codec_wechat_nontax_refund, codec_wechat_nontax_refund_query;
#endif
