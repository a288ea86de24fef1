/* services/cases/result.h - what came of a case (办理结果): the decision, the document by number and digest, and its hand-out at a window.
 *
 * Its department gives it when the case is decided, says so again to correct it, and uploads the document, kept byte for byte; until it was handed out.
 * What lies ready is collected by a pick-up code (取件码): six digits made when its person, or who acts for him, asks for them, shown once and kept as a keyed digest; a new one
 * takes the place of the old. A clerk types it in: PICKUP_TRIES a day for one case, then somebody has to ask for another. The hand-out is written once, with who handed what to
 * whom and when, and is the case's event "delivered".
 * Whoever works at a hall hands out what lies in his region.
 * Thread: the write lane; reading any.
 * Source: government.md D ("One-time pick-up code of 6 digits, 5 tries, bound to the case"); 行政许可法 44. */
#ifndef SERVICES_RESULT_H
#define SERVICES_RESULT_H
#include "auth/keyring.h"
#include "base/request.h"
#include "services/cases/case_journal.h"

enum result_decision { RESULT_GRANTED = 1, RESULT_REFUSED = 2 };
enum { RESULT_DOCUMENT_NO_MAX = 60, RESULT_PLACE_MAX = 100, PICKUP_DIGITS = 6, PICKUP_TRIES = 5 };
#define PICKUP_LIFE_MS (INT64_C(7) * 86400000)

struct result {
	int64_t id, case_id, decision, version, blob, bytes, made_ms, changed_ms; /* blob 0: no document */
	int64_t code_ms, code_by, code_mandate;                                   /* code_ms 0: no code is good */
	int64_t handed_ms, handed_by, handed_to, handed_mandate;                  /* handed_ms 0: it was not */
	struct str document_no, place;                                            /* in the arena; place "": none */
	bool collect, has_sha256;
	uint8_t sha256[SHA256_BYTES], code[SHA256_BYTES];
};

struct str result_decision_name(int64_t decision);
/* *found false: there is none. */
MUST_USE bool result_of(struct tx *tx, int64_t case_id, struct arena *a, struct result *out, bool *found, struct fail *why);
/* How the case was decided. Fails: RESULT_STATE it was not. */
MUST_USE bool result_decided(struct tx *tx, int64_t case_id, int64_t *decision, struct fail *why);
/* Makes it, or corrects it: what `to` says of decision, document_no, sha256, collect and place. *changed false: it said so already. Fails: RESULT_STATE handed out. */
MUST_USE bool result_give(struct tx *tx, const struct result *to, int64_t now_ms, struct arena *a, struct result *out, bool *changed, struct fail *why);
MUST_USE bool result_document(struct tx *tx, const struct result *r, int64_t blob, int64_t bytes, const uint8_t sha256[SHA256_BYTES], int64_t now_ms, struct fail *why);

/* ---- the hand-out ---- */

void pickup_digits(const uint8_t random[32], char out[PICKUP_DIGITS + 1]);
int pickup_digests(int64_t case_id, const char *digits, uint8_t out[KEYRING_INDEX_MAX][SHA256_BYTES]); /* the first is the one that is kept */
/* A code of this moment, asked for by who->id. Fails: RESULT_STATE nothing lies ready. */
MUST_USE bool pickup_make(struct tx *tx, const struct result *r, const char *digits, const struct principal *who, int64_t now_ms, struct fail *why);
bool pickup_opens(const struct result *r, const char *digits, int64_t now_ms);
/* Once. Fails: RESULT_STATE it was handed out already. */
MUST_USE bool result_hand_out(struct tx *tx, const struct result *r, int64_t staff, int64_t now_ms, struct fail *why);
#endif
