/* channels/standard_webhooks.h - the signature of https://www.standardwebhooks.com, v1: base64 of HMAC-SHA256 over "{id}.{timestamp}.{content}". Pure. */
#ifndef CHANNELS_STANDARD_WEBHOOKS_H
#define CHANNELS_STANDARD_WEBHOOKS_H
#include "base/log.h"

enum { WEBHOOK_SIGNATURE_BYTES = 48 /* "v1," and 44, NUL */, WEBHOOK_KEY_MIN = 24, WEBHOOK_KEY_MAX = 64 };

/* The key is written [whsec_]base64 of 24 to 64 bytes; false: it is not. */
bool webhook_sign(struct secret key, struct str id, int64_t timestamp_s, struct str content, char out[WEBHOOK_SIGNATURE_BYTES]);
/* Is one of the entries ("v1,… v1,…") right, and the time within 300 s? */
bool webhook_verify(struct secret key, struct str id, struct str timestamp, struct str signatures, struct str content, int64_t now_ms);
#endif
