/* channels/wechat_pay_call.h - one signed call to WeChat Pay, and whether its answer is theirs. Pure.
 * Thread: any. */
#ifndef CHANNELS_WECHAT_PAY_CALL_H
#define CHANNELS_WECHAT_PAY_CALL_H
#include "base/config.h"
#include "channels/wechat_pay_sign.h"

/* A call to `path` (with its query), signed; without a body a GET. For whoever asks outside of effects too. Fails: CONFIG, MEMORY. */
MUST_USE bool wechat_pay_call(const struct config *c, enum method method, struct str path, struct str body, int64_t now_ms, const uint8_t random[16], struct arena *a,
			      struct http_call *out, struct fail *why);
/* Was this answer signed by them? */
enum wechat_pay_wrong wechat_pay_answer_verify(const struct http_answer *answer, int64_t now_ms);
/* Their word in a refusal's body, of at most `size` - 1 visible characters. */
void wechat_pay_error_word(struct str body, char *to, size_t size);
/* A message was signed by a key we do not have (yet): whoever fetches certificates looks here. Reading takes the note away. */
void wechat_pay_serial_missed(void);
bool wechat_pay_serial_was_missed(void);

/* The account of ours by whose name a payment is ordered; an openid is of that account alone, and what the phone is given is signed for it. "": not configured. */
const char *wechat_pay_appid(const struct config *c, struct str method);
bool wechat_pay_is_our_appid(const struct config *c, struct str appid);
#endif
