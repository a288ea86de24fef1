/* Goal: a call goes where it may: nobody inside our wall is reached, whatever the name or the address looks like; and a name that does not resolve holds nobody up.
 * Method: the peer and the resolver of http_peer.h. */
#include "http_peer.h"

/* What was begun before has arrived there, since its connections come in order. */
static void peer_is_reached(void)
{
	static struct call c;
	char url[256];
	struct http_multi *m = make();
	url_of(url, "127.0.0.1", peer_port, "/ok");
	prepare(&c, METHOD_GET, url, NULL, LONG_MS);
	carry(m, &c);
	assert_int_equal(c.job.answer.end, HTTP_ANSWERED);
	drop(m);
}

/* A name that does not resolve in time ends its own call, on time, and holds up no other; the thread that asks is not waited for. */
static void slow_name(void **state)
{
	(void)state;
	struct http_multi *m = make();
	struct transport *t = http_multi_transport(m);
	static struct call late, other;
	char url[256], ok[256];
	url_of(url, "slow.test", peer_port, "/ok");
	url_of(ok, "peer.test", peer_port, "/ok");
	prepare(&late, METHOD_POST, url, "x", 300);
	prepare(&other, METHOD_GET, ok, NULL, LONG_MS);
	t->begin(t, &late.job);
	carry(m, &other);
	assert_int_equal(other.job.answer.end, HTTP_ANSWERED);
	while (!late.done)
		http_multi_step(m, LONG_MS);
	assert_int_equal(late.job.answer.end, HTTP_NOT_SENT);
	drop(m);
	while (slow_asked == 0)
		sched_yield();
	pthread_mutex_lock(&slow_lock);
	slow = false;
	pthread_cond_broadcast(&slow_over);
	pthread_mutex_unlock(&slow_lock);
}

static void inside_is_out_of_reach(void **state)
{
	(void)state;
	peer_is_reached();
	config.development = false;
	snprintf(config.outside_private_hosts, sizeof(config.outside_private_hosts), "listed.test");
	struct http_multi *m = make();
	static struct call c;
	static const char *const hosts[] = { "127.0.0.1", "0x7f.1", "2130706433", "0177.0.0.1", "0", "inside.test", "metadata.test", "[::1]", "[::ffff:127.0.0.1]", "localhost" };
	int before = peer_connections;
	char url[256];
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		url_of(url, hosts[i], peer_port, "/ok");
		prepare(&c, METHOD_POST, url, "x", LONG_MS);
		carry(m, &c);
		if (c.job.answer.end != HTTP_NOT_SENT || strstr(c.job.answer.error, "not public") == NULL)
			fail_msg("%s: end %d \"%s\"", hosts[i], (int)c.job.answer.end, c.job.answer.error);
	}
	assert_int_equal(peer_connections, before);
	url_of(url, "listed.test", peer_port, "/ok");
	prepare(&c, METHOD_POST, url, "x", LONG_MS);
	carry(m, &c);
	assert_int_equal(c.job.answer.end, HTTP_ANSWERED);
	drop(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(slow_name, clean_up),
		cmocka_unit_test_teardown(inside_is_out_of_reach, clean_up),
	};
	return cmocka_run_group_tests(tests, peer_begin, NULL);
}
