/* services/cases/case_number.h - the number on the slip: LN + region + day + serial + check, as in LN62120220261123481516236.
 *
 * The serial is the case's row id behind a keyed permutation of 0 .. 10^8-1: no counter to wait for, no gaps to explain, and the
 * next number cannot be guessed. A number leads back to its row by arithmetic; the caller compares the stored number.
 * Thread: case_number_init before threads start; afterwards any. */
#ifndef SERVICES_CASE_NUMBER_H
#define SERVICES_CASE_NUMBER_H
#include "base/fail.h"
#include "base/str.h"

struct tx; /* store/store.h */

enum { CASE_NUMBER_LENGTH = 25, CASE_NUMBER_BYTES = CASE_NUMBER_LENGTH + 1, CASE_SERIALS = 100000000 };

/* Loads the permutation's key from meta ('case_number_key'), or makes it: `make` in a write transaction (migrate).
 * Fails: SCHEMA no key and not told to make one. */
MUST_USE bool case_number_init(struct tx *tx, bool make, struct fail *why);

/* region: 6 digits. Fails: STORE_FULL when the id is beyond the serials. */
MUST_USE bool case_number_format(int64_t id, int32_t region, int64_t opened_ms, char out[CASE_NUMBER_BYTES], struct fail *why);
/* The row id behind a number, and the number as we would write it. false: not a case number (form, date or check digit). */
bool case_number_parse(struct str text, int64_t *id, char out[CASE_NUMBER_BYTES]);

/* The parts, for tests. A keyed bijection of 0 .. domain-1 and its inverse; ISO 7064 MOD 11,10 over digits. */
uint32_t case_number_permute(const uint8_t key[16], uint32_t domain, uint32_t value);
uint32_t case_number_unpermute(const uint8_t key[16], uint32_t domain, uint32_t value);
char mod11_10(const char *digits, size_t len);
#endif
