/* services/messages/message_trace.h - what became of a message: every attempt of every bell, in words.
 * Thread: whoever holds the transaction, or renders. */
#ifndef SERVICES_MESSAGE_TRACE_H
#define SERVICES_MESSAGE_TRACE_H
#include "base/json.h"
#include "notify/message.h"

struct rung;
struct message_trace {
	struct message message;     /* the caller's */
	struct rung *rungs, *last;  /* in the arena; NULL: none */
};
MUST_USE bool message_trace_look(struct tx *tx, struct arena *a, struct message_trace *t, struct fail *why);
void message_trace_members(struct json_out *j, const struct message_trace *t, enum lang lang); /* into the open object */
#endif
