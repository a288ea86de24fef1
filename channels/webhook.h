/* channels/webhook.h - an event posted to who asked for it, as Standard Webhooks wants it: webhook-id is the effect's key, so a repeat is known for one. */
#ifndef CHANNELS_WEBHOOK_H
#define CHANNELS_WEBHOOK_H
#include "channels/codec.h"

enum { WEBHOOK_KEY_TEXT_MAX = 128, WEBHOOK_BODY_MAX = 12 * 1024 };

extern const struct codec_http codec_webhook; /* payload: the body, JSON as it is sent */
/* payload: {"url", "secret", "old_secret" (or absent), "body": the JSON as it is sent, a text}: the receiver's own address and keys. */
extern const struct codec_http codec_department_hook;
#endif
