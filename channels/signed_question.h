/* channels/signed_question.h - a question in JSON to a system that shares a Standard Webhooks key with us: the authority, the finance bureau.
 *
 * Thread: any; pure. */
#ifndef CHANNELS_SIGNED_QUESTION_H
#define CHANNELS_SIGNED_QUESTION_H
#include "base/log.h"
#include "channels/http.h"

struct signed_question {
	struct str base, path, id, body; /* body at NULL: there was no memory for it */
	struct secret key;
	const char *key_name;            /* of the configuration, for whoever must mend it */
	int64_t now_ms;
	size_t answer_max;
};

/* Fails: MEMORY; CONFIG that the key is none. */
MUST_USE bool signed_question_build(const struct signed_question *q, struct arena *a, struct http_call *out, struct fail *why);
#endif
