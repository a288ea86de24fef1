/* channels/nontax_json.h - deeds in JSON: POST {finance.url}{path}, signed as Standard Webhooks are, over the body. Pure.
 * Thread: any. Source: tests/sandbox/README.md, "Peer finance". */
#ifndef CHANNELS_NONTAX_JSON_H
#define CHANNELS_NONTAX_JSON_H
#include "channels/nontax.h"

MUST_USE bool nontax_json_build(enum nontax_deed_kind kind, const struct order *o, const struct nontax_deed *d, struct arena *a, struct http_call *out, struct fail *why);
/* Of a whole 200, about the message of this key (at NULL: about any). false: it is not what was agreed, and nothing is known. */
bool nontax_json_read(struct str key, struct str body, struct nontax_answer *out);
#endif
