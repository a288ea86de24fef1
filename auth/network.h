/* auth/network.h - lists of networks a client may come from, read strictly: what has two readings is refused.
 *
 * "203.0.113.0/24, 2001:db8:7::/48": comma separated, each with its prefix, no bit set behind it. IPv6 to /64 at most, because that is how addresses are told
 * apart here (struct request, peer).
 * Thread: any; pure. */
#ifndef AUTH_NETWORK_H
#define AUTH_NETWORK_H
#include "base/fail.h"
#include "base/str.h"

enum { NETWORKS_MAX = 16, NETWORK_BITS_V6_MAX = 64 };

struct network {
	uint8_t at[16];
	int bits;
	bool is_v6;
};
struct network_list {
	int count;               /* 0: from anywhere */
	struct network networks[NETWORKS_MAX];
};

/* Fails: FIELD, pointer "/networks", with what is wrong as `reason`. */
MUST_USE bool network_list_read(struct str text, struct network_list *out, struct fail *why);
bool network_list_holds(const struct network_list *l, struct str address); /* request.peer; what is no address is in no network */
#endif
