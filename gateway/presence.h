/* gateway/presence.h - a session of staff lives from use to use: 15 minutes after the last one it is over.
 *
 * Each use would be a write, so it is noted once a minute at most: a session ends between 14 and 15 minutes after its last use, never later.
 * Thread: the loop's. */
#ifndef GATEWAY_PRESENCE_H
#define GATEWAY_PRESENCE_H
#include "base/request.h"

struct committer;
enum { PRESENCE_PAUSE_MS = 60000 };
/* This principal asks for something now. Nobody waits for the note; where there is no room for it the next use brings it. */
void presence_note(struct committer *c, const struct principal *who, int64_t now_ms);
#endif
