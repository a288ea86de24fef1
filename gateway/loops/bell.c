/* gateway/loops/bell.c - an eventfd among what a loop polls. */
#include "gateway/loops/bell.h"
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void on_ring(uv_poll_t *poll, int status, int events)
{
	struct bell *b = poll->data;
	uint64_t rings;
	(void)status;
	(void)events;
	if (read(b->fd, &rings, sizeof(rings)) == (ssize_t)sizeof(rings))
		b->heard(b->ctx);
}

bool bell_open(struct bell *b, uv_loop_t *loop, void (*heard)(void *ctx), void *ctx, struct fail *why)
{
	*b = (struct bell){ .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .heard = heard, .ctx = ctx };
	b->poll.data = b;
	if (b->fd >= 0 && uv_poll_init(loop, &b->poll, b->fd) == 0 && uv_poll_start(&b->poll, UV_READABLE, on_ring) == 0)
		return true;
	FAILS(why, SYSTEM, "the bell of an event loop: errno %d", errno);
	bell_drop(b);
	return false;
}

/* Full is loud enough: the loop has not yet heard any of it. */
void bell_ring(struct bell *b)
{
	const uint64_t one = 1;
	while (write(b->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void bell_unref(struct bell *b)
{
	uv_unref((uv_handle_t *)&b->poll);
}

bool bell_is_closed(const struct bell *b)
{
	return uv_is_closing((const uv_handle_t *)&b->poll) != 0;
}

void bell_close(struct bell *b)
{
	if (!bell_is_closed(b))
		uv_close((uv_handle_t *)&b->poll, NULL);
}

void bell_drop(struct bell *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}
