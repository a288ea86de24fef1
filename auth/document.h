/* auth/document.h - which paper somebody brings, and its number in the one form under which he is found again.
 *
 * A passport's number is its country's own: USA:X1234567 and CAN:X1234567 are two people. So the country stands in front of the number wherever it is kept,
 * hashed or compared, and comes off where it is shown or asked about. A renewed passport has another number: it finds nobody until a window has seen it.
 * Thread: any; pure.
 * Source: protocols of the issuing authorities as far as they are public: a travel permit and a passport have no check character of their own. */
#ifndef AUTH_DOCUMENT_H
#define AUTH_DOCUMENT_H
#include "auth/identity_number.h"

/* As somebody wrote it; at NULL: he did not. */
struct document_said {
	struct str type, country, number;
};

enum document_takes {
	DOCUMENTS_EXACT = 0,            /* the type, where it is said, is what the number is */
	DOCUMENTS_OF_RESIDENTS = 1,     /* "resident" stands for every number that says itself what it is */
	DOCUMENTS_OF_ORGANISATIONS = 2, /* a code of an organisation too */
};
/* `today` as identity_person's. TYPE: no such type here, or not of such a number; COUNTRY: a passport without three letters, or another paper with them. */
enum identity_wrong document_identity(const struct document_said *said, unsigned takes, int32_t today, struct identity *out);

/* The kept number taken apart; country "" where there is none. */
struct document_number {
	struct str country, bare;
};
struct document_number document_number(enum identity_kind kind, struct str kept);
#endif
