/* gateway/door/h2.h - HTTP/2 on a connection, by nghttp2. Thread: the loop's. */
#ifndef GATEWAY_DOOR_H2_H
#define GATEWAY_DOOR_H2_H
#include <stdbool.h>

struct conn;
struct door;

bool h2_open(struct conn *c); /* false: out of memory */
void h2_drop_spares(struct door *d);
#endif
