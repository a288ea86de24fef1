/* auth/identity_number.h - the numbers printed on cards, made uniform and checked for form.
 *
 * Form is not identity: only the issuing authority's answer proves a person. An address code we do not know is accepted and
 * flagged, because codes change (Longnan's own were 6226xx before 2004) and numbers do not.
 * Thread: any; pure.
 * Source: GB 11643-1999 (ISO 7064 MOD 11-2), GB 32100-2015; the residence permits of 2018 and 2023. */
#ifndef AUTH_IDENTITY_NUMBER_H
#define AUTH_IDENTITY_NUMBER_H
#include "base/str.h"

/* Stored in person.kind: numbers never change their meaning. */
enum identity_kind {
	IDENTITY_NONE = 0,
#define DOCUMENT(name, number, ...) IDENTITY_##name = number,
#include "auth/documents.def"
#undef DOCUMENT
};

/* Rows of what can be wrong: name, code. */
#define IDENTITY_WRONGS(X)      \
	X(FORMAT, "FORMAT")     /* length, a character that cannot stand there */ \
	X(BIRTHDATE, "BIRTHDATE") /* no such day, before 1900, after today */ \
	X(CHECK, "CHECK")       /* the check character */ \
	X(AREA, "AREA")         /* an address code that no card can bear */ \
	X(OLD15, "OLD15")       /* a 15-digit number: out of use since 2013, see identity_15_to_18 */ \
	X(CHARSET, "CHARSET")   /* organisations: outside the 31 characters; lower case counts as outside */ \
	X(LENGTH, "LENGTH")     /* organisations: not 18 */ \
	X(TYPE, "TYPE")         /* no such paper, or the number is not of such a one: auth/document.h */ \
	X(COUNTRY, "COUNTRY")   /* a passport's country of issue: three letters */

enum identity_wrong {
	IDENTITY_FINE,
#define X(name, text) IDENTITY_WRONG_##name,
	IDENTITY_WRONGS(X)
#undef X
};

enum { IDENTITY_NUMBER_MAX = 21 /* a passport's with its country: auth/document.h */, IDENTITY_USCC_LENGTH = 18, IDENTITY_LATEST_DAY = 99991231 };

struct identity {
	enum identity_kind kind;
	char number[IDENTITY_NUMBER_MAX + 1]; /* upper case, no spaces around */
	int32_t birth;                        /* 19900615; 0 where the number does not say it (an old foreign card prints no century) */
	bool is_female;                       /* persons with an 18-character number */
	bool is_area_unknown;                 /* a flag for the clerk, never a reason to refuse */
};

/* A number that says itself what it is. `today` is yyyymmdd in Asia/Shanghai; IDENTITY_LATEST_DAY leaves that judgement for later. */
enum identity_wrong identity_person(struct str text, int32_t today, struct identity *out);
/* Does free text hold what reads as a resident's number (with its check character) or as a mainland mobile number? Digits that belong to a
 * longer run, as in case numbers and codes, do not count. */
bool holds_personal_number(struct str text);
enum identity_wrong identity_organisation(struct str text, struct identity *out);
/* An old record's 15 digits as the 18 they became. false: not 15 digits. The date inside is not judged. */
bool identity_15_to_18(struct str old, char out[IDENTITY_NUMBER_MAX + 1]);
struct str identity_wrong_text(enum identity_wrong w);
const char *identity_kind_text(enum identity_kind kind); /* "resident"; "" for NONE */
#endif
