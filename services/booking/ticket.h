/* services/booking/ticket.h - the ticket of a booking (预约凭证): text for a QR code, which a window believes without asking anybody.
 *
 *   SB1.<body>.<signature>      both base64url without padding (RFC 4648, 5); the signature is Ed25519 (RFC 8032) over the bytes of "SB1.<body>"
 *
 *   body    0   4  name of the key: the first bytes of SHA-256 over its public half
 *           4  16  the booking's id, as bytes
 *          20   4  when it begins: minutes since 1970-01-01T00:00Z, big endian
 *          24   2  how many minutes it takes, big endian
 *          26   1  people
 *          27   1  how often it was moved: of two tickets of one booking the higher is right
 *          28   n  the hall's code, ASCII, 1 to 32 bytes
 *
 * It names nobody. A window needs the public keys (GET /v1/ticket-keys), a clock, and its own hall's code; whether the booking was cancelled since, only
 * check-in knows.
 * Thread: any; pure, but for the signature. */
#ifndef SERVICES_TICKET_H
#define SERVICES_TICKET_H
#include "auth/ticket_key.h"
#include "base/ids.h"

enum { TICKET_HALL_MAX = 32, TICKET_BODY_MAX = 28 + TICKET_HALL_MAX, TICKET_TEXT_MAX = 4 + 4 * (TICKET_BODY_MAX + 2) / 3 + 1 + 86 + 1 };

struct ticket {
	struct id booking;
	int64_t starts_ms, minutes, people, moves; /* whole minutes */
	char hall[TICKET_HALL_MAX + 1];
};

/* Fails: SYSTEM. */
MUST_USE bool ticket_write(const struct ticket *t, char out[TICKET_TEXT_MAX], struct fail *why);
/* false: not of that form, or not signed by a key of ours. */
bool ticket_read(struct str text, struct ticket *out);
/* The form alone, for whoever has no keys: the signed text, the signature and the key's name. */
struct ticket_parts {
	struct str is_signed;
	uint8_t key[TICKET_KEY_ID_BYTES], signature[TICKET_SIGNATURE_BYTES];
};
bool ticket_parse(struct str text, struct ticket *out, struct ticket_parts *parts);
#endif
