/* gateway/door/headers.h - what request headers mean to us: pure readings of text from strangers.
 * Thread: any. */
#ifndef GATEWAY_DOOR_HEADERS_H
#define GATEWAY_DOOR_HEADERS_H
#include "base/log.h"
#include "base/request.h"

/* Accept-Language: the first language we speak wins; Chinese when none does. */
enum lang header_lang(struct str accept_language);
/* traceparent (W3C): its trace id into out[33]; false: absent or wrong, out is "". */
bool header_trace(struct str traceparent, char out[33]);
/* Authorization: Bearer. false: there is a value, but not of that shape. Absent: true and *out empty. */
bool header_bearer(struct str authorization, struct secret *out);
/* Authorization: Basic, whatever follows. */
bool header_is_basic(struct str authorization);
/* Content-Type without its parameters, trimmed. */
struct str header_media_type(struct str content_type);
/* Idempotency-Key, bare or as the draft's quoted string; both name the same key. false: not 8..255 visible ASCII characters. */
bool header_idempotency_key(struct str value, struct str *key);
/* If-None-Match against our (weak) tag, by weak comparison (RFC 9110 8.8.3.2). */
bool header_has_etag(struct str if_none_match, struct str etag);
#endif
