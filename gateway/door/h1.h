/* gateway/door/h1.h - HTTP/1.1 on a connection: one request at a time, in order. Thread: the loop's. */
#ifndef GATEWAY_DOOR_H1_H
#define GATEWAY_DOOR_H1_H
#include <stdbool.h>

struct conn;

bool h1_open(struct conn *c); /* false: out of memory */
#endif
