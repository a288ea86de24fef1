/* gateway/door/conn_count.c - gauges are the process's, so loops add up in atomics; counters add themselves up. */
#include "gateway/door/conn_count.h"
#include "base/metrics.h"
#include <stdatomic.h>

static const char *const proto_names[PROTO_COUNT] = { "handshake", "h1", "h2", "admin", "control", "frames" };
static const char *const shake_names[SHAKE_COUNT] = { "full", "resumed", "failed" };
static const char *const end_names[END_COUNT] = {
	"full", "address_full", "plain_http", "handshake_timeout", "header_timeout", "body_timeout", "write_timeout", "protocol", "flood", "memory", "stranger",
};
static _Atomic int64_t open_now[PROTO_COUNT];

void conn_count_names(void)
{
	for (int i = 0; i < PROTO_COUNT; i++) {
		metric_label(M_connections, i, proto_names[i]);
		metric_label(M_connections_accepted, i, proto_names[i]);
	}
	for (int i = 0; i < END_COUNT; i++)
		metric_label(M_connections_refused, i, end_names[i]);
	for (int i = 0; i < SHAKE_COUNT; i++)
		metric_label(M_handshakes, i, shake_names[i]);
}

static void add_open(enum proto proto, int by)
{
	metric_set(M_connections, (int)proto, atomic_fetch_add(&open_now[proto], by) + by);
}

void conn_count_come(enum proto proto)
{
	add_open(proto, 1);
	metric_add(M_connections_accepted, (int)proto, 1);
}

void conn_count_gone(enum proto proto)
{
	add_open(proto, -1);
}

void conn_count_end(enum conn_end end)
{
	if (end < END_COUNT)
		metric_add(M_connections_refused, (int)end, 1);
}

void conn_count_shake(enum shake shake)
{
	metric_add(M_handshakes, (int)shake, 1);
}

const char *conn_proto_name(enum proto proto)
{
	return proto_names[proto];
}

const char *conn_end_name(enum conn_end end)
{
	return end_names[end];
}
