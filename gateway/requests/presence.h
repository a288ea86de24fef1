/* gateway/requests/presence.h - a session of staff lives from use to use: 15 minutes after the last one it is over. One at a terminal: 60 seconds.
 *
 * Each use would be a write, so it is noted once a minute at most, at a terminal once in ten seconds: a session ends that much early at most, never late.
 * Thread: the loop's. */
#ifndef GATEWAY_REQUESTS_PRESENCE_H
#define GATEWAY_REQUESTS_PRESENCE_H
#include "base/request.h"

struct committer;
/* This principal asks for something now. Nobody waits for the note; where there is no room for it the next use brings it. */
void presence_note(struct committer *c, const struct principal *who, int64_t now_ms);
#endif
