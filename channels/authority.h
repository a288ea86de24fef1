/* channels/authority.h - the authority for real names: do number and name (and phone) belong together, is this the face of that person,
 * and does he represent that company? Pure.
 *
 *   POST {base}/verify, JSON, signed as Standard Webhooks are, over the body
 *
 * A verdict is the authority's; nothing is kept of it but that it was given. A face never passes through us: the phone's own component shows it to the
 * authority and gets a proof, and the proof is what we ask about.
 * Thread: any.
 * Source: tests/sandbox/README.md, "Peer authority". */
#ifndef CHANNELS_AUTHORITY_H
#define CHANNELS_AUTHORITY_H
#include "base/log.h"
#include "channels/http.h"

enum authority_kind { AUTHORITY_TWO_ELEMENT, AUTHORITY_THREE_ELEMENT, AUTHORITY_FACE, AUTHORITY_REPRESENTATIVE };
enum { AUTHORITY_PROOF_MAX = 2048 };

struct authority_question {
	enum authority_kind kind;
	struct str base;               /* without a slash at its end */
	struct str document, country;  /* which paper bears the number: a text of auth/documents.def; a passport's country, "" of any other */
	struct str number, name;
	struct str phone;              /* of THREE_ELEMENT */
	struct str proof;              /* of FACE */
	struct str organisation, organisation_name; /* of REPRESENTATIVE: its code and name; number and name are those of the person who says that he represents it */
	struct secret key;             /* whsec_… */
	struct str id;                 /* of this question: visible ASCII without "." */
	int64_t now_ms;
};

enum authority_verdict {
	AUTHORITY_MATCH,
	AUTHORITY_MISMATCH,            /* number and name disagree, or phone, or it is another's face, or another represents it */
	AUTHORITY_NO_RECORD,           /* it knows no such number */
	AUTHORITY_NOT_ITS,             /* it has no record of such papers at all: not of this one, and not of another */
	AUTHORITY_BROKEN,              /* nothing is known */
};

/* Texts are made in `a`. Fails: CONFIG the key is none; MEMORY. */
MUST_USE bool authority_build(const struct authority_question *q, struct arena *a, struct http_call *out, struct fail *why);
/* Of a whole answer. BROKEN notes in `why` (PEER_NONSENSE, for the log) what was wrong, the others nothing. */
enum authority_verdict authority_judge(struct str id, const struct http_answer *answer, struct arena *a, struct fail *why);
#endif
