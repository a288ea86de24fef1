/* channels/codec.h - what a peer's adapter is: pure functions between an effect and bytes. No I/O, no clock, no randomness of its own.
 *
 *   http   build(order) -> call;   judge(order, answer) -> judgement      WeChat, SMS platforms, APNs, couriers, webhooks; frames to the finance bureau are calls too (http.h)
 *   link   encode, decode, on_reply, on_inbound                           CMPP: a long connection with a window
 *
 * Thread: any. Tested from recorded bytes. */
#ifndef CHANNELS_CODEC_H
#define CHANNELS_CODEC_H
#include "base/config.h"
#include "base/log.h"
#include "channels/http.h"

/* What is to be done, opened, as the codec sees it. */
struct order {
	const char *key;              /* our name for it, ASCII, the same on every attempt: the receiver's idempotency key where it takes one */
	struct str payload;           /* JSON of the effect's kind */
	const struct config *config;  /* the account's address, names and knobs */
	struct secret secret;         /* the account's key; at NULL: it has none */
	struct secret token;          /* what the kind needs (effects.def): a provider's access token; at NULL: nothing */
	int64_t now_ms;
	const uint8_t *random;        /* 16 bytes, for nonces */
	const char *ref;              /* what the peer called it on an earlier attempt (judgement.ref); "" none */
	int64_t attempt;              /* the how-manieth; of a question: the one it is about */
};

/* The numbers are in the database (effect_attempt.verdict). */
enum verdict {
	VERDICT_DONE = 1,     /* the peer took it */
	VERDICT_AGAIN = 2,    /* it surely did not; later it may */
	VERDICT_FAILED = 3,   /* it never will: this number, this text */
	VERDICT_UNKNOWN = 4,  /* it may or may not have: the kind's crash rule decides */
	VERDICT_STOP = 5,     /* it did not, and will take nothing of this account (no money, key refused): the account stops, an operator is told */
};

struct judgement {
	enum verdict verdict;
	char code[64];                /* the peer's or transport's word, "" none; never personal data */
	char ref[96];                 /* the peer's number for it, "" none */
	int64_t again_after_ms;       /* AGAIN: not before; 0: the ladder's own */
	bool token_is_over;           /* the account refused the access token: another, for the next attempt */
	struct str said;              /* of DONE: what whoever follows must read of the answer; it may lie in the answer, and is not kept. at NULL: nothing */
};

struct codec_http {
	const char *name;
	bool (*build)(const struct order *o, struct arena *a, struct http_call *out, struct fail *why); /* false: the order itself is wrong, it fails */
	void (*judge)(const struct order *o, const struct http_answer *answer, struct judgement *out);
	/* Asks the peer what became of an order, by our key (crash rule ASK). NULL: cannot be asked. AGAIN from judge_query means: it does not know of it. */
	bool (*build_query)(const struct order *o, struct arena *a, struct http_call *out, struct fail *why);
	void (*judge_query)(const struct order *o, const struct http_answer *answer, struct judgement *out);
};

struct codec_link {
	const char *name;
	bool (*encode)(const struct order *o, uint32_t sequence, struct buf *out, struct fail *why);
	int64_t (*decode)(struct str so_far, uint32_t *sequence, bool *is_reply); /* as length above */
	void (*on_reply)(struct str unit, struct judgement *out);
	bool (*on_inbound)(struct str unit, struct buf *answer, struct fail *why);
};
#endif
