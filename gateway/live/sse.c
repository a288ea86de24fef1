/* gateway/live/sse.c - a live stream as server-sent events (HTML Living Standard, 9.2): one way, and a browser resumes it by itself. */
#include "gateway/door/feed.h"
#include "gateway/gateway.h"
#include "gateway/live/live.h"
#include "services/messages/stream.h"
#include <stdlib.h>

enum { QUEUE_BYTES = 16 << 10 /* above this the stream is not read on; at most one turn's events come on top */ };

struct sse {
	struct live live;  /* first */
	struct feed feed;
};

static struct sse *of_feed(struct feed *f)
{
	return (struct sse *)((char *)f - offsetof(struct sse, feed));
}

static void say(struct sse *s, struct str text)
{
	s->feed.x->ops->more(s->feed.x, &text, 1);
}

/* ---- what the table of live streams asks of us ---- */

static bool sse_is_full(const struct live *v)
{
	const struct sse *s = (const struct sse *)v;
	return s->feed.x->ops->waiting(s->feed.x) > QUEUE_BYTES;
}

static void sse_event(struct live *v, int64_t seq, struct str kind, struct str data)
{
	struct sse *s = (struct sse *)v;
	char digits[21];
	const struct str parts[] = { STR("id: "), { digits, i64_text(seq, digits) }, STR("\nevent: "), kind, STR("\ndata: "), data, STR("\n\n") };
	s->feed.x->ops->more(s->feed.x, parts, sizeof(parts) / sizeof(parts[0]));
}

static bool sse_beat(struct live *v)
{
	say((struct sse *)v, STR(":\n\n"));
	return true; /* a peer that is away is found by what it does not take */
}

static void sse_end(struct live *v, enum live_end why)
{
	struct sse *s = (struct sse *)v;
	struct exchange *x = s->feed.x;
	live_leave(v, why);
	if (why == LIVE_STOPPING)
		say(s, STR("retry: 1000\n\n"));
	else if (why == LIVE_TOKEN)
		say(s, STR("event: login\ndata: {\"reason\":\"login_required\"}\n\n"));
	free(s);
	x->feed = NULL;
	x->ops->end(x, why == LIVE_SLOW);
}

/* ---- what the door tells us ---- */

static void on_started(struct feed *f)
{
	say(of_feed(f), STR("retry: 3000\n\n")); /* so that the first bytes leave at once, too */
	live_hungry(&of_feed(f)->live);
}

static void on_room(struct feed *f)
{
	struct live *v = &of_feed(f)->live;
	if (v->full_ms != 0)
		live_hungry(v);
}

static void on_gone(struct feed *f)
{
	live_leave(&of_feed(f)->live, LIVE_GONE);
	free(of_feed(f));
}

bool sse_open(struct loop *l, struct exchange *x, const struct request *r, struct fail *why)
{
	static const struct live_ops live_ops = { .kind = LIVE_SSE, .is_full = sse_is_full, .event = sse_event, .beat = sse_beat, .end = sse_end };
	static const struct feed_ops feed_ops = { .started = on_started, .room = on_room, .gone = on_gone };
	const struct stream_want *want = r->state;
	struct sse *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return FAILS(why, MEMORY, "a live stream");
	s->live = (struct live){ .ops = &live_ops, .after = want->after, .lang = r->lang };
	s->feed = (struct feed){ .ops = &feed_ops, .x = x };
	if (!live_enter(l->live, &s->live, &r->who, why)) {
		free(s);
		return false;
	}
	x->feed = &s->feed;
	return true;
}
