/* channels/certificates.h - the platform of electronic certificates (电子证照): which certificates of a type has this holder? Pure.
 *
 *   POST {base}/certificates/query, JSON, signed as Standard Webhooks are, over the body
 *
 *   > {"id", "type", "holder": {"id_type", "id_number", "name"}}
 *   < {"id", "result": "found", "certificates": [{"number", "name", "issuer", "sha256", "valid_until"?}]} | {"id", "result": "none"}
 *
 * The province's real interface and the layout of its type codes (GB/T 36903 names them) are not known here: base and codes are configuration and the guides'.
 * Thread: any.
 * Source: tests/sandbox/README.md, "Peer certificates". */
#ifndef CHANNELS_CERTIFICATES_H
#define CHANNELS_CERTIFICATES_H
#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "channels/http.h"

enum { CERTIFICATES_MAX = 20, E_CERTIFICATE_TYPE_MAX = 40, E_CERTIFICATE_NUMBER_MAX = 64, E_CERTIFICATE_NAME_MAX = 100 };

struct certificates_question {
	struct str base, id, type; /* id: of this question, visible ASCII without "." */
	struct str id_type, id_number, name;
	struct secret key;
	int64_t now_ms;
};

struct held_certificate {
	struct str number, name, issuer, valid_until; /* valid_until: a date, or "" */
	uint8_t sha256[SHA256_BYTES];
};

/* Texts are made in `a`. Fails: CONFIG the key is none; MEMORY. */
MUST_USE bool certificates_build(const struct certificates_question *q, struct arena *a, struct http_call *out, struct fail *why);
/* Of a whole answer; none is not a failure. Texts in `a`. Fails: PEER_NONSENSE; MEMORY. */
MUST_USE bool certificates_judge(struct str id, const struct http_answer *answer, struct held_certificate out[CERTIFICATES_MAX], int *count, struct arena *a, struct fail *why);
#endif
