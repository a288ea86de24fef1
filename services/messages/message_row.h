/* services/messages/message_row.h - a message as its person sees it, for everyone who shows one.
 * Thread: any. */
#ifndef SERVICES_MESSAGE_ROW_H
#define SERVICES_MESSAGE_ROW_H
#include "notify/message.h"

/* The members every answer about a message has, into an open object. */
void message_members(struct json_out *j, const struct message *m);
/* "This message, please", of the path. Fails: NOT_FOUND, as for one that is not there. */
MUST_USE bool message_question(struct request *r, struct id *key, struct fail *why);
#endif
