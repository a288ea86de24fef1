/* gateway/door/feed.c - who feeds an answer that goes on: a row for each way. */
#include "gateway/door/feed.h"

bool feed_open(struct loop *l, struct exchange *x, struct request *r, struct fail *why)
{
	switch (r->method == METHOD_HEAD ? REPLY_ENDS : r->reply.goes_on) {
	case REPLY_MADE:   return outflow_open(l, x, r, why);
	case REPLY_STREAM: return sse_open(l, x, r, why);
	case REPLY_TUNNEL: return ws_open_tunnel(l, x, r, why);
	case REPLY_ENDS:   break;
	}
	return true;
}
