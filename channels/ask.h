/* channels/ask.h - a question that a request puts to the outside before its transaction: what to ask, and what the answer means.
 *
 * No thread waits meanwhile, and no transaction is open. Asking must change nothing out there that matters if our transaction fails afterwards.
 * Thread: the loop's, both functions. */
#ifndef CHANNELS_ASK_H
#define CHANNELS_ASK_H
#include "base/log.h"
#include "channels/http.h"

enum { PEER_NAME_MAX = 48, ASK_QUESTIONS_MAX = 8 };

/* An access token of a platform, that questions and deeds cannot do without: how to ask for one, and what the answer means. One is fetched for all
 * (gateway/outside/provider_tokens.h). On the thread that speaks to the outside. */
struct token_source {
	const char *name;             /* "wechat_mini": in the log, the metric, the expiring store */
	bool (*build)(struct arena *a, struct http_call *out, struct fail *why);
	/* false: why says what the one who waits for the token is told. */
	bool (*judge)(const struct http_answer *answer, struct arena *a, struct secret *token, int64_t *life_s, struct fail *why);
};

/* What a question was built with. Numbers count up, so that who is told that his token is over can say which one it was. */
struct token_given {
	struct secret token;          /* lives until with_token returns; goes into the call and nowhere else */
	uint64_t number;
};

/* Texts live in the request's arena, or are literals. */
struct question {
	struct http_call call;        /* timeout_ms 0, or longer than timeout.ask: that */
	struct str peer;              /* whose limits and breaker, at most PEER_NAME_MAX bytes; len 0: there is nothing to ask, the request goes on */
	struct str keep_key;          /* questions with equal keys have equal answers for a while; len 0: each is asked */
	int64_t keep_ms, keep_no_ms;  /* how long a 2xx is kept, and a 404 */
	/* Is it an answer, or only a word like "busy" under a good status, which nobody must be told a second time? On the outside's thread; NULL: it is one. */
	bool (*may_keep)(const struct http_answer *answer);
	const struct token_source *needs; /* NULL: nothing. Otherwise the call is made by with_token, on the outside's thread, once the token is there */
	bool (*with_token)(void *ctx, const struct token_given *t, struct arena *a, struct http_call *out, struct fail *why);
	void *ctx;                    /* the handler's state; nobody else touches it meanwhile */
	bool is_only_built;           /* the call with the token in it is all that is wanted: whoever asked carries it out himself, on a transport that has the time (gateway/outside/bill_fetch.h) */
	uint64_t stale;               /* the number of a token the platform refused: another is looked for. 0: none */
};

struct ask {
	bool (*build)(struct request *r, struct question *q, struct fail *why);
	/* Only whole answers come here, and no 429 or 5xx: for those the request has failed already with PEER_TIMEOUT, PEER_AWAY or PEER_NONSENSE. */
	bool (*judge)(struct request *r, const struct http_answer *answer, struct fail *why);
	bool asks_again;              /* after an answer was judged build is called once more, until it finds nothing to ask; at most ASK_QUESTIONS_MAX times */
};
#endif
