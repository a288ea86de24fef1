/* services/supervision/duty_phone.h - whose phone rings when limits are nearly over or broken (值班手机): a department's, or that of a place's supervisors.
 *
 * Sealed, shown masked, and called about nothing else.
 * Thread: the write lane, but for reading. */
#ifndef SERVICES_DUTY_PHONE_H
#define SERVICES_DUTY_PHONE_H
#include "base/ids.h"
#include "base/phone.h"
#include "base/request.h"
#include "store/store.h"

enum { DUTY_PHONES_MAX = 10 /* of a department, or of a place */, DUTY_PHONE_SHOWN = 24 };
#define DUTY_PHONE_PREFIX "dp"

/* Whose: department 0 are the region's supervisors. */
struct on_duty {
	int64_t department, region;
};
struct duty_phone {
	int64_t id, made_ms;
	struct on_duty of;
	struct id key;
	char masked[DUTY_PHONE_SHOWN];
};

/* Fails: RECEIVERS_FULL; CONFLICT that number is there. */
MUST_USE bool duty_phone_add(struct tx *tx, const struct on_duty *of, const char *phone, struct id key, const uint8_t salt[16], int64_t now_ms, int64_t *id, struct fail *why);
MUST_USE bool duty_phone_by_key(struct tx *tx, struct id key, struct duty_phone *out, bool *found, struct fail *why);
MUST_USE bool duty_phone_list(struct tx *tx, const struct on_duty *of, struct duty_phone out[DUTY_PHONES_MAX], int *count, struct fail *why);
MUST_USE bool duty_phone_remove(struct tx *tx, int64_t id, struct fail *why);
/* The numbers themselves, for whoever sends. */
MUST_USE bool duty_phone_numbers(struct tx *tx, const struct on_duty *of, char out[DUTY_PHONES_MAX][PHONE_DIGITS + 1], int *count, struct fail *why);
#endif
