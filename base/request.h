/* base/request.h - one question and its answer, as a handler sees it.
 *
 * The front door fills the upper half from HTTP/2 or HTTP/1.1 alike; the runtime routes it, admits it, stamps it and carries it
 * through the stages of its handler:
 *
 *   parse   reads target, headers and body into the handler's own state; touches no database
 *   recall  names what it wants of the expiring store (store/expiring.h); recalled judges what came
 *   look    reads the database through a read transaction
 *   work    burns CPU, pure
 *   ask     puts a question to the outside, no thread waiting (channels/ask.h)
 *   apply   changes the database through a write transaction; may be run again, so time and randomness are the stamped ones
 *   settle  tells the expiring store how it ended, after COMMIT: a count given back, a failure counted. A hint: nothing depends on its answer
 *   park    names the effect whose end the answer waits for, a few seconds; by the outcome, so a replay finds it too
 *   revisit reads, after the waiting and in the transaction that reads the effect, what its end has left
 *   render  builds the answer; after a write only from `outcome` (and what parse left), because a replay has nothing else
 *
 * There is no socket, thread or clock here: everything a handler may know is in this struct.
 * Thread: one at a time; whoever runs the current stage.
 * Owns:   all bytes live in `arena`, the body perhaps elsewhere until the request ends. */
#ifndef BASE_REQUEST_H
#define BASE_REQUEST_H
#include "base/arena.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/str.h"

struct tx;          /* store/store.h */
struct route;
struct ask;         /* channels/ask.h */
struct expiring_batch; /* store/expiring.h */
struct effect_view; /* notify/effect.h */

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_OPTIONS, METHOD_OTHER, METHOD_COUNT };

struct header {
	struct str name; /* lower case */
	struct str value;
};

/* Who asks. Bits, so that a route's row can name several. */
enum who {
	WHO_ANYONE = 1,      /* no token needed; a token, if given, is still checked */
	WHO_CITIZEN = 2,
	WHO_DEPARTMENT = 4,
	WHO_OPERATOR = 8,    /* the control socket: file rights are the proof */
	WHO_STAFF = 16,      /* of halls, payment office, departments, supervision */
	WHO_PARTNER = 32,    /* a courier's system */
	WHO_TERMINAL = 64,   /* a self-service machine, nobody in front of it known yet */
};
enum { WHO_BITS = 7 };
struct str who_name(enum who kind);         /* "citizen" */
enum who who_named(struct str name);        /* 0: there is none */

struct principal {
	enum who kind;
	int64_t id;          /* row id of person, department, staff, partner or terminal, by kind; 0 for anyone */
	int64_t token;       /* row id of the token, 0 for none */
	int64_t session;     /* row id of the session the token belongs to, 0 for none */
	int level;           /* of a citizen: auth/levels.def */
	int64_t level3_until_ms; /* until then he has shown his face */
	int64_t level4_until_ms; /* until then he was seen at a window, and `level` is L4 */
	uint64_t rights;     /* of everybody else: bits of auth/rights.def */
	int64_t region;      /* of staff: the root of what they may see; 0 all of it */
	int64_t terminal;    /* the one this session is at: auth/terminal.h; 0: at none */
	int64_t session_until_ms; /* when that session ends by itself */
	bool test_key;       /* unknown fields are refused for test keys, ignored for a department's live key */
	bool by_matter;      /* the mandate is for some matters only: auth/mandate.h says which */
	bool manages;        /* by the mandate he manages the giver's other agents */
	int64_t acting_for;  /* the person a citizen acts for by a mandate; 0: for himself */
	int64_t mandate;     /* the mandate's row id, with acting_for */
};

/* Whose rows a request is about; who does it is `id`. */
static inline int64_t principal_whose(const struct principal *p) { return p->acting_for != 0 ? p->acting_for : p->id; }

/* What the connection showed, where client certificates are asked for (gateway/door/tls.h). */
struct certified {
	struct str host;     /* by this name it came (SNI), lower case: what is meant for another is misdirected */
	bool is_shown;       /* an authority of this host vouches for a certificate */
	uint8_t fingerprint[32]; /* of the certificate: base/certificate.h */
	int64_t until_ms;    /* its own end, which a connection may outlive */
};

/* What apply leaves for render: small, typed, stored under the Idempotency-Key in the same transaction. */
struct outcome {
	int32_t code;        /* the handler's own enum, > 0 */
	int32_t status;      /* HTTP status, 200..299 */
	int64_t n[6];        /* row ids and small numbers */
	char text[96];       /* a public number such as a case number; never personal data */
};

enum { REQUEST_ID_MAX = 32, REQUEST_PARAMS = 4, REPLY_HEADERS_MAX = 12, STAMP_RANDOM = 32 };

enum lang { LANG_ZH, LANG_EN, LANG_COUNT };

/* Headers that nearly every request is asked for. */
enum known_header {
	HEADER_ACCEPT_LANGUAGE, HEADER_AUTHORIZATION, HEADER_CONTENT_TYPE, HEADER_IDEMPOTENCY_KEY, HEADER_IF_NONE_MATCH, HEADER_SEC_FETCH_MODE,
	HEADER_TRACEPARENT, HEADER_ACTING_FOR, HEADERS_KNOWN
};

/* What follows an answer's head: a body of known length; or one that is made while it is sent; or, without end, events of the person's stream; or bytes both ways. */
enum reply_goes_on { REPLY_ENDS, REPLY_MADE, REPLY_STREAM, REPLY_TUNNEL };

/* One of several things that are wrong with what came. */
struct wrong_field {
	struct str pointer;            /* RFC 6901 */
	const char *reason;            /* a literal: one short word */
};

struct reply {
	int status;                    /* 0: not yet */
	enum reply_goes_on goes_on;    /* who feeds it: gateway/door/exchange.h */
	struct buf body;               /* in the arena */
	const char *content_type;      /* a literal; NULL with an empty body */
	int header_count;
	struct header headers[REPLY_HEADERS_MAX]; /* names are literals, values live in the arena or are literals */
};

struct request {
	/* from the front door */
	enum method method;
	struct str target;             /* verbatim, as it came: signatures are computed over this */
	struct str authority;          /* Host or :authority, lower case, port kept */
	const struct header *headers;
	size_t header_count;
	struct str body;               /* verbatim */
	struct str peer;               /* whom limits count, as text: IPv4 address or IPv6 /64; never logged with a person */
	const struct certified *certified; /* NULL: no certificate is asked for by the name this connection came by */
	int http_major;                /* 1 or 2 */
	bool wants_tunnel;             /* Upgrade: websocket, or an extended CONNECT; the method is GET then */

	/* from the runtime */
	struct arena arena;
	const struct route *route;
	struct str path;               /* normalised once: decoded where harmless, no dot segments */
	struct str query;              /* raw, after the '?' */
	struct str params[REQUEST_PARAMS]; /* of the route's ":names", decoded, in order */
	struct principal who;
	enum lang lang;
	struct str known[HEADERS_KNOWN]; /* the first of each name; STR_NONE: absent, or the head was refused */
	char id[REQUEST_ID_MAX];       /* rq_…, in every log line and problem */
	char trace_id[33];             /* of the client's traceparent; a problem gets one of ours when there is none */
	int64_t now_ms;                /* stamped once at submit, the same on every re-run */

	/* between the handler's stages */
	void *state;                   /* the handler's, in the arena */
	void *sunk;                    /* the sink's, in the arena */
	int64_t owner;                 /* look: whose row it is (the route's owner column); the runtime compares it with `who` */
	uint64_t version;              /* look: a number that changes with the answer; becomes the ETag. 0: none */
	uint64_t rate_key;             /* parse: what else, beside who asks, the route's rate class is counted by; 0: nothing */
	const struct wrong_field *wrong; /* with a failure that is about several members: all of them, in the arena */
	int wrong_count;

	/* from reply.headers on nothing is cleared for a new request: each is written before it is read, or counted */
	struct reply reply;
	uint8_t random[STAMP_RANDOM];  /* for apply; stamped as now_ms is */
	uint8_t seed[STAMP_RANDOM];    /* for recall and whoever comes after it, e.g. the code that is counted here and sent there; random has its own bytes,
	                                * because an ask may have shown them to the outside */
	struct outcome outcome;        /* of apply */
	const struct effect_view *parked; /* after park: the effect as it is now, over or not; in the arena */
	struct fail why;
};

typedef bool (*stage_fn)(struct request *r, struct fail *why);
typedef bool (*stage_tx_fn)(struct tx *tx, struct request *r, struct fail *why);

/* Where a body goes that is too large to be held: piece by piece, on a thread that may wait, before parse (gateway/requests/intake.h). r->who is known. What it leaves for
 * the stages is its own, in r->sunk; r->body is then a few bytes of its making that stand for the whole, so that a repeat is known as one. */
struct body_sink {
	bool (*take)(struct request *r, struct str piece, struct fail *why); /* the first piece begins */
	bool (*end)(struct request *r, struct fail *why);  /* that was all: sets r->body */
	void (*drop)(struct request *r); /* forgets what was begun and not ended, and wipes what is secret in r->sunk; again is fine */
};

/* A body that is too large to be held: made piece by piece while it is sent, on a thread that may wait, each piece in a read transaction of its own (gateway/requests/outflow.c).
 * It outlives its request, and owns what it needs. */
struct body_source {
	bool (*more)(struct body_source *s, struct tx *tx, struct fail *why); /* the next piece, in bounded time and memory; a failure cuts the answer off */
	void (*drop)(struct body_source *s);
	struct str piece; /* good until the next more, or drop; empty: there will be one later */
	bool is_over;     /* with the last piece */
};

struct handler {
	const struct body_sink *sink; /* NULL: the body lies in r->body */
	stage_fn parse;
	/* Fills an empty batch; count 0: there is nothing to recall. Keys and values live until recalled: in the arena, or in the handler's state. */
	bool (*recall)(struct request *r, struct expiring_batch *b, struct fail *why);
	bool (*recalled)(struct request *r, const struct expiring_batch *b, struct fail *why); /* no operation in it is AWAY, but of SQL classes */
	stage_tx_fn look;
	stage_fn work;
	const struct ask *ask;
	stage_tx_fn apply;
	void (*settle)(const struct request *r, struct expiring_batch *b); /* by the outcome; not asked for a repeat */
	int64_t (*park)(const struct request *r); /* an effect's row id; 0: wait for none */
	stage_tx_fn revisit; /* with park; perhaps more than once: a point read */
	stage_fn render;
	struct body_source *(*source)(struct request *r, struct fail *why); /* with REPLY_MADE, after render, when somebody is there to be told; NULL: why says */
	/* Writes the answer to a request that failed, where its caller has a form of his own for that. false: it failed too early, or cannot be said, and is told as a problem. */
	bool (*fails)(struct request *r);
	enum fail_code miss; /* who is told this has guessed wrong: counted by person or address, and after too many of them he waits (429) before anything is asked. FAIL_NONE: nothing is guessed */
	bool own_device;    /* not at a terminal: 403 */
	bool takes_table;   /* its body is text/csv */
	bool wants_certificate; /* of the client: 421 where none is asked for, 401 when none is shown */
	bool is_page;       /* for browsers: takes a form, and fails as a page (services/web_page.h) */
	bool is_oauth;      /* speaks RFC 6749: takes a form, has no use for a bearer, and fails in the shape of section 5.2 */
};

/* Makes a request out of whatever was there; its arena stays. */
void request_clear(struct request *r);
/* Keeps a copy in the arena: the connection may end before the request. NULL: fine. false: no memory. */
MUST_USE bool request_certify(struct request *r, const struct certified *c);
/* The digest of the certificate this request was asked with; NULL: none, or one that has expired since. */
const uint8_t *request_certificate(const struct request *r);
/* A header by its lower-case name; STR_NONE when absent. The first of several. */
struct str request_header(const struct request *r, struct str name);
/* Fills r->known, once, when the head is complete. false: a header with one meaning (authorization, content-type, idempotency-key, x-acting-for) came
 * more than once; the first is kept. */
MUST_USE bool request_know_headers(struct request *r);
/* A query parameter, percent-decoded into the arena. STR_NONE when absent; given twice or badly encoded: fails QUERY. */
MUST_USE bool request_query(struct request *r, const char *name, struct str *out, struct fail *why);
/* Refuses query parameters outside the list, which ends with NULL. */
MUST_USE bool request_query_only(struct request *r, const char *const *names, struct fail *why);
/* Parses the body (application/json) with json_read and json_take; unknown fields by the principal. */
MUST_USE bool request_json(struct request *r, const struct json_field *fields, size_t count, void *out, struct fail *why);
/* 32 of this request's own random bytes for one purpose: the same whenever apply runs, and in render. Nobody who is shown them learns `random` or another's. */
void request_bytes(const struct request *r, const char *purpose, uint8_t out[32]);
/* Zeroed state for the handler; NULL: MEMORY noted. */
void *request_state(struct request *r, size_t bytes, struct fail *why);
/* Starts a JSON answer; write with the returned writer and finish with reply_json_end. */
struct json_out reply_json(struct request *r, int status);
MUST_USE bool reply_json_end(struct request *r, struct json_out *j, struct fail *why);
void reply_json_text(struct request *r, int status, struct str json); /* the whole answer, written already; it lives in the arena */
void reply_header(struct request *r, const char *name, struct str value); /* value must live as long as the request */

/* A list's place: opaque to clients, tamper-evident, bound to route and query. `at` and `id` are what the next page starts after. */
struct cursor {
	int64_t at, id;
};
/* Reads ?cursor= and ?limit= (1..100, default 20). Without a cursor *from is {INT64_MAX or 0 by the caller}. */
MUST_USE bool request_page(struct request *r, struct cursor *from, bool *has_cursor, int *limit, struct fail *why);
/* The keys that make cursors tamper-evident; once, before requests come. The first makes them; one made with any of them is good, so that a
 * poller's place outlives the exchange of a key. */
enum { CURSOR_KEYS_MAX = 8 };
void request_cursor_keys(const uint8_t keys[][16], int count);
/* Percent-decodes one component ('+' is a space only if `form`). STR_NONE: badly encoded, a NUL, not UTF-8, or no memory. */
struct str percent_decoded(struct arena *a, struct str s, bool form);
void buf_percent(struct buf *to, struct str s); /* one component, percent-encoded: all but letters, digits and "-._~" */
/* A list's answer: {"items":[ …the caller's objects… ],"next_cursor":…}. `next` NULL: this was the last page. */
struct json_out reply_list(struct request *r);
MUST_USE bool reply_list_end(struct request *r, struct json_out *j, const struct cursor *next, struct fail *why);
/* Ends a list that grows at its end and is polled: "more" says whether to ask again at once, and "next_cursor" is always there, because the
 * poller goes on from it; the Link header only while there is more. */
MUST_USE bool reply_feed_end(struct request *r, struct json_out *j, const struct cursor *next, bool more, struct fail *why);
/* Ends a list: writes "next_cursor" (or null) into the open object and a Link header. */
void reply_page(struct request *r, struct json_out *j, const struct cursor *next);
#endif
