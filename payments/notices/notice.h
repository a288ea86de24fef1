/* payments/notices/notice.h - what is to be paid, as a row: found by its payment code, put by its department, moved by its orders.
 *
 * The amount is never ours to compute: what the department or the finance system says is checked and kept. Late money (滞纳金, 加处罚款) is counted to a day, and
 * the quote ends at that day's midnight: then it is asked for again or told anew.
 *
 * Thread: whoever holds the transaction. Owns: texts live in the arena they were made in. Units: fen; days since 1970-01-01, in Longnan. */
#ifndef PAYMENTS_NOTICES_NOTICE_H
#define PAYMENTS_NOTICES_NOTICE_H
#include "auth/identity_number.h"
#include "base/json.h"
#include "payments/notices/payment_code.h"
#include "store/store.h"

enum notice_state {
#define STATE(name, number, text, may) NOTICE_##name = number,
#include "payments/notices/notice_states.def"
#undef STATE
};
struct str notice_state_text(enum notice_state s);

enum notice_kind { NOTICE_ORDINARY = 1, NOTICE_PENALTY = 2 };
struct str notice_kind_text(enum notice_kind k);

enum { NOTICE_ITEMS_MAX = 20, NOTICE_UNIT_MAX = 30, NOTICE_NAME_MAX = 100, NOTICE_NO_MAX = 64 };
#define NOTICE_FEN_MAX INT64_C(9999999999) /* 99,999,999.99 yuan: above any channel's limit */

struct notice_item {
	struct str item, name;
	int64_t fen;
};

struct notice {
	int64_t id;                           /* 0: not in our books (yet) */
	int64_t department;                   /* 0: the finance system's */
	char code[PAYMENT_CODE_DIGITS + 1];
	int64_t code_division;                /* what the code says */
	struct str check_code, notice_no;     /* at NULL: none */
	enum notice_kind kind;
	int64_t division;
	struct str unit, unit_name;
	int64_t person;                       /* 0: nobody's we know */
	enum identity_kind payer_kind;        /* 0: no number was given */
	struct str payer;                     /* the name; open, so it is shown masked only */
	struct identity payer_identity;       /* of notice_take, where payer_kind is not 0 */
	int count;
	struct notice_item items[NOTICE_ITEMS_MAX];
	int64_t amount_fen, late_fen, total_fen;
	bool has_late_on, has_last_on;
	int64_t late_on, last_on;
	enum notice_state state;
	int64_t made_ms;                      /* 0: not in our books */
	struct str replaces;                  /* of notice_take: another's payment code; at NULL: none */
};

/* A department's or the finance system's object becomes `n`. Fails: FIELD, FIELD_MISSING, FIELD_UNKNOWN with the pointer; MEMORY. */
MUST_USE bool notice_take(json_t *object, enum payment_code_profile profile, enum json_unknown unknown, struct notice *n, struct arena *a, struct fail *why);

/* By its code, with its items; n->id 0: there is none. */
MUST_USE bool notice_find(struct tx *tx, struct str code, struct notice *n, struct arena *a, struct fail *why);
MUST_USE bool notice_read(struct tx *tx, int64_t id, struct notice *n, struct arena *a, struct fail *why); /* fails NOT_FOUND */

enum notice_put { NOTICE_NEW = 1, NOTICE_SAME, NOTICE_QUOTED };
/* Puts what was taken. One that is there is only given its newer quote. `salt`: 16 bytes of the request's randomness.
 * Fails: NOTICE_DIFFERS the code or the number is another notice's; NOTICE_STATE it is not unpaid any more, or what it replaces is not; FIELD (/replaces) unknown. */
MUST_USE bool notice_put(struct tx *tx, struct notice *n, int64_t now_ms, const uint8_t salt[16], enum notice_put *what, struct fail *why);

/* A newer quote of a notice that is there, as the finance system told it. Fails: NOTICE_DIFFERS its items are of another amount; NOTICE_STATE it is not unpaid. */
MUST_USE bool notice_requote(struct tx *tx, const struct notice *told, int64_t now_ms, struct fail *why);
/* State, quote and person of a notice with an id, as they are now. */
MUST_USE bool notice_refresh(struct tx *tx, struct notice *n, struct fail *why);

/* Fails: NOTICE_STATE (fact state) the table does not allow it, or another was quicker. */
MUST_USE bool notice_move(struct tx *tx, int64_t id, enum notice_state to, int64_t now_ms, struct fail *why);

/* May it be paid on this day, as it stands? Fails: NOTICE_PAID, NOTICE_VOID, NOTICE_OVER, NOTICE_QUOTE the quote has ended. LOCKED is no failure here. */
MUST_USE bool notice_payable(const struct notice *n, int64_t today, struct fail *why);
bool notice_quote_ended(const struct notice *n, int64_t today);
#endif
