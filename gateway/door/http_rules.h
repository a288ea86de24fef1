/* gateway/door/http_rules.h - what RFC 9110 asks of a request whatever version carried it. Pure. Thread: any. */
#ifndef GATEWAY_DOOR_HTTP_RULES_H
#define GATEWAY_DOOR_HTTP_RULES_H
#include "base/request.h"

extern const uint8_t http_token_bytes[256]; /* 0: not a token character; else the character, in lower case */
extern const uint8_t http_host_bytes[256];  /* 0: not in a host's name or IPv4 address; else the character, in lower case */
enum method http_method(struct str name);   /* methods are case-sensitive */
bool http_authority_is_valid(struct str authority); /* host or [IPv6], optional port; no userinfo, not empty */
bool http_target_is_valid(struct str target);       /* bytes 0x21..0x7e without '#' */
bool http_length(struct str digits, int64_t *out);  /* Content-Length: digits only, up to 18 of them */
const char *http_reason(int status);
#endif
