/* auth/provider.h - an account elsewhere (providers.def) as a way in: linked to a person once, by whoever shows the account and a phone; listed; unlinked.
 *
 *   the account leads to somebody (auth/login.h)     that person; the provider's word is enough from then on
 *   it leads to nobody, a phone is shown with it      linked to whom the phone leads to, at the level the phone opens
 *   it leads to nobody, no phone is shown             kept as pending for this device, ten minutes: the next login by a code on the phone, on the same device
 *                                                    and when it says so, links it
 *   it is shown inside a session, with a face            linked to that session's person, unless it leads to another: then refused
 *   it leads to one, the phone to another             refused, and nothing is changed: who wants the other unlinks it first
 *
 * Who could link his account to somebody else's person? He must show that person's phone: with its code, or by the provider's word about the very account that
 * is being linked (a phone code is asked about together with the account, so one got out of somebody else does not fit). Who lures somebody into showing a phone
 * code gains nothing: a pending account is found only under the secret of the device that showed it, never by a number, a link or a ticket that could be handed on;
 * and a login that does not ask for a link makes none. Each link is audited and listed, and ends with the sessions it opened.
 * One account may come to lead to several persons, as a phone of a family does: by confirming another's identity over it. A merge takes only the way in by which
 * its session came (auth/real_name.h); the first account's other ways stay what they were, and an undo brings that one back.
 * Thread: whoever holds the transaction; the pending part, any. */
#ifndef AUTH_PROVIDER_H
#define AUTH_PROVIDER_H
#include "auth/login.h"
#include "auth/session.h"
#include "store/expiring.h"

struct provider_row {
	enum login_kind kind;
	const char *text, *zh, *en;
};
const struct provider_row *provider_named(struct str text); /* NULL: there is none */
const struct provider_row *provider_of(enum login_kind kind); /* never a phone's */

/* At most LOGIN_VALUE_MAX bytes each, visible ASCII. */
struct provider_account {
	enum login_kind kind;
	struct str subject;      /* what the provider calls the account; never shown, never logged */
	struct str more;         /* a second name of the same, kept sealed (WeChat's unionid); len 0: none */
};

/* Whom it leads to on this device; login 0: nobody. */
MUST_USE bool provider_find(struct tx *tx, const struct provider_account *a, const uint8_t device_hash[DEVICE_HASH_BYTES], int64_t now_ms, struct login_found *out,
			    struct fail *why);
/* It has opened a session: seen now, and the second name is noted if it is new. */
MUST_USE bool provider_used(struct tx *tx, const struct request *r, const struct provider_account *a, int64_t login, struct fail *why);
/* A new way in, audited. */
MUST_USE bool provider_link(struct tx *tx, const struct request *r, const struct provider_account *a, int64_t person, int level, int64_t *login, struct fail *why);
/* r->who, who has just shown his face, links the account to himself, at L2: it will open sessions without a code. *is_others: it leads to somebody else, which is
 * audited, and nothing is changed. One that leads to him already stays as it is. */
MUST_USE bool provider_link_own(struct tx *tx, const struct request *r, const struct provider_account *a, bool *is_others, struct id *key, struct fail *why);
/* The caller's own link by its key outside; other sessions that came by it end. Fails: NOT_FOUND. */
MUST_USE bool provider_unlink(struct tx *tx, const struct request *r, struct id key, struct fail *why);

/* An account where what may be forgotten lies: sealed, bound to a place (a literal) and to what it lies under (8 bytes of that at least). */
MUST_USE bool provider_account_seal(const struct request *r, const char *place, const uint8_t *under, const struct provider_account *a, struct buf *out, struct fail *why);
/* Into `room`, which *out points into; its kind must be this. Fails: SEALED; false and why empty: it is none. */
MUST_USE bool provider_account_open(const char *place, const uint8_t *under, struct str sealed, enum login_kind kind, char room[EXPIRING_VALUE_MAX], struct provider_account *out, struct fail *why);

/* -- pending: one per device, the newest */
enum { PROVIDER_PENDING_S = 600 };
struct provider_pending {
	uint8_t key[32];
	char value[EXPIRING_VALUE_MAX];
	char text[EXPIRING_VALUE_MAX]; /* what `read` gives points into it */
};
MUST_USE bool provider_pending_put(struct provider_pending *p, const struct request *r, const struct provider_account *a,
				   const uint8_t device_hash[DEVICE_HASH_BYTES], struct expiring_op *op, struct fail *why);
void provider_pending_get(struct provider_pending *p, const uint8_t device_hash[DEVICE_HASH_BYTES], struct expiring_op *op);
/* false: there is none, or none of this provider, and why is empty; or it does not open. */
MUST_USE bool provider_pending_read(struct provider_pending *p, const struct expiring_op *op, const uint8_t device_hash[DEVICE_HASH_BYTES], enum login_kind kind,
				    struct provider_account *out, struct fail *why);
#endif
