/* gateway/door/conn_count.h - connections by what they speak, and why we ended them, as metrics. Thread: any. */
#ifndef GATEWAY_DOOR_CONN_COUNT_H
#define GATEWAY_DOOR_CONN_COUNT_H

enum proto { PROTO_HANDSHAKE, PROTO_H1, PROTO_H2, PROTO_ADMIN, PROTO_CONTROL, PROTO_FRAMES, PROTO_COUNT };

/* Why we refused or ended a connection; labels of the metric connections_refused. */
enum conn_end {
	END_FULL, END_ADDRESS_FULL, END_PLAIN_HTTP, END_HANDSHAKE_TIMEOUT, END_HEADER_TIMEOUT, END_BODY_TIMEOUT, END_WRITE_TIMEOUT,
	END_PROTOCOL, END_FLOOD, END_MEMORY, END_STRANGER,
	END_COUNT,
	END_NORMAL = END_COUNT, /* the peer went, or idleness, or the answer said so: not counted */
};

enum shake { SHAKE_FULL, SHAKE_RESUMED, SHAKE_FAILED, SHAKE_COUNT };

void conn_count_names(void); /* registers the labels; once, before the first connection */
void conn_count_come(enum proto proto);
void conn_count_gone(enum proto proto);
void conn_count_end(enum conn_end end);
void conn_count_shake(enum shake shake);
const char *conn_proto_name(enum proto proto);
const char *conn_end_name(enum conn_end end); /* not for END_NORMAL */
#endif
