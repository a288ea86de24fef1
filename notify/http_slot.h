/* notify/http_slot.h - one libcurl handle, used for one call after the other. Private to notify/http_*.c.
 * Thread: the stepper's. */
#ifndef NOTIFY_HTTP_SLOT_H
#define NOTIFY_HTTP_SLOT_H
#include "base/config.h"
#include "notify/http_cork.h"
#include "notify/transport.h"
#include <curl/curl.h>

struct http_multi;

/* What the configuration says about every call; another configuration is another number, and the first is 1. */
struct http_rules {
	const struct config *config;
	uint64_t number;
};

/* What the options of a handle depend on. */
struct http_shape {
	uint64_t rules;
	enum method method;
	bool has_body, has_tls;
};

struct http_slot {
	struct http_multi *multi;
	struct http_cork *cork;
	CURL *easy;                 /* made when first needed */
	struct http_shape shape;    /* of the last call: its options are still set */
	struct transport_job *job;  /* NULL: free */
	struct http_slot *next_free;
	struct curl_slist headers[HTTP_CALL_HEADERS_MAX + 2];
	char *lines;                /* their text */
	size_t lines_cap;
	size_t sent_of_body;
	char *body;                 /* of the answer */
	size_t body_len, body_cap, header_bytes;
	bool may_be_private, refused_address, too_large;
	char content_type[128], retry_after[64];
	char kept[HTTP_KEEPS_MAX][HTTP_KEPT_BYTES_MAX + 1];
	char error[CURL_ERROR_SIZE];
};

/* Makes the handle ready for s->job. NULL, or why it cannot be sent. */
const char *http_slot_set_up(struct http_slot *s, const struct http_rules *rules);
/* Fills job->answer; `whole`: libcurl says that all of it is here. Its text lies in the slot. */
void http_slot_answer(struct http_slot *s, bool whole, const char *error);
void http_slot_clear(struct http_slot *s); /* the call's bytes; the handle stays */
void http_slot_free(struct http_slot *s);
#endif
