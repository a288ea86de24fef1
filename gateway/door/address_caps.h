/* gateway/door/address_caps.h - how many public connections are open, in all and per address (IPv6 by /64), over all loops.
 * Thread: any; one lock, taken once per connection and not per request. */
#ifndef GATEWAY_DOOR_ADDRESS_CAPS_H
#define GATEWAY_DOOR_ADDRESS_CAPS_H
#include <stdint.h>
#include <sys/socket.h>

enum address_verdict { ADDRESS_WELCOME, ADDRESS_FULL, ADDRESS_TOO_MANY };

/* WELCOME: counted, and *key is for address_leave. FULL: `all_max` is reached. TOO_MANY: this address has `each_max` (or no memory to count it). */
enum address_verdict address_enter(const struct sockaddr_storage *from, int64_t all_max, int64_t each_max, uint64_t *key);
void address_leave(uint64_t key);
/* Whom requests without a token are counted by, as text: an IPv4 address, also when it came through an IPv6 socket, or the /64 of an
 * IPv6 address, because whoever has one of its addresses has all. Returns the length. */
enum { ADDRESS_TEXT_BYTES = 48 };
int address_text(const struct sockaddr_storage *from, char out[ADDRESS_TEXT_BYTES]);
#endif
