/* gateway/door/h1_head.h - what a complete HTTP/1.1 head says as a whole. Pure; part of h1_parse. */
#ifndef GATEWAY_DOOR_H1_HEAD_H
#define GATEWAY_DOOR_H1_HEAD_H
#include "gateway/door/h1_parse.h"

/* Fills target, authority, length, keep_alive and expects_continue from the fields. false: p->wrong says why. */
bool h1_head_judge(struct h1_parser *p);
#endif
