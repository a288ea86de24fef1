/* channels/wechat_inside.h - what the codecs of one platform share: how a question is put together there and what is in its answer. For wechat_*.c only. */
#ifndef CHANNELS_WECHAT_INSIDE_H
#define CHANNELS_WECHAT_INSIDE_H
#include "base/json.h"
#include "channels/wechat_mini.h"

/* Fails: CONFIG. */
MUST_USE bool wechat_is_account(struct str base, struct str appid, struct secret secret, struct fail *why);
/* A GET, or with a body a POST of JSON. Fails: MEMORY. */
MUST_USE bool wechat_call(const struct buf *url, const struct buf *body, struct http_call *out, struct fail *why);
/* *object is the caller's to drop: NULL, or whatever object came. */
struct wechat_said wechat_answer_read(enum wechat_question q, const struct http_answer *answer, json_t **object);
/* For a json_field: an openid, a unionid, an appid. */
bool wechat_is_id(struct str s, struct fail *why);
#endif
