/* channels/webhook.h - an event posted to who asked for it, as Standard Webhooks wants it: webhook-id is the effect's key, so a repeat is known for one. */
#ifndef CHANNELS_WEBHOOK_H
#define CHANNELS_WEBHOOK_H
#include "channels/codec.h"

extern const struct codec_http codec_webhook; /* payload: the body, JSON as it is sent */
#endif
