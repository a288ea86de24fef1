/* notify/http_cork.h - the sockets of the transport, so that what many calls write at one moment leaves in few packets: libcurl writes head and body of
 * each call on its own, and each would be a packet. Private to notify/http_*.c.
 * Thread: the stepper's. */
#ifndef NOTIFY_HTTP_CORK_H
#define NOTIFY_HTTP_CORK_H
#include <stddef.h>

struct http_cork {
	int *sockets;
	size_t count, room;
};

void http_cork_add(struct http_cork *c, int fd);    /* it is open from now on; without memory it stays unknown, and its packets small */
void http_cork_remove(struct http_cork *c, int fd); /* before it is closed */
void http_cork_hold(struct http_cork *c);           /* nothing but full packets leaves */
void http_cork_let_go(struct http_cork *c);         /* all of it leaves */
void http_cork_free(struct http_cork *c);
#endif
