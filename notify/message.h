/* notify/message.h - something a person should know: a row in the inbox, an event in the person's stream, and the rungs of its ladder.
 *
 * The inbox is the record; each push is only the bell, and says no more than a stranger may read on a lock screen.
 * Thread: the write lane. */
#ifndef NOTIFY_MESSAGE_H
#define NOTIFY_MESSAGE_H
#include "base/request.h"
#include "store/store.h"

/* "Your case moved": written in the transaction of the case's event. `advice` tells what the person can do next. Does nothing for moves that
 * templates.def has no words for. `n` counts the messages of this request, for effect_random. */
struct case_news {
	int64_t person, case_id, seq;
	struct str case_no, matter_name, status_zh, advice_zh;
	int state;                /* enum case_state, for templates.def */
};
MUST_USE bool message_case_moved(struct tx *tx, const struct case_news *c, int64_t now_ms, const uint8_t random[32], int n, struct fail *why);
#endif
