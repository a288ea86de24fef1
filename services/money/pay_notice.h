/* services/money/pay_notice.h - what the handlers of notices and orders share: a code as somebody typed it, and a notice as it is shown.
 * Thread: whoever runs the stage. */
#ifndef SERVICES_PAY_NOTICE_H
#define SERVICES_PAY_NOTICE_H
#include "base/request.h"
#include "payments/notices/notice.h"

/* Whatever is no code of ours, in form or place, is refused like one that nobody knows: NOTICE_UNKNOWN. */
MUST_USE bool pay_code_read(struct str text, char code[PAYMENT_CODE_DIGITS + 1], int64_t *division, struct fail *why);
/* Is there such a place? A division of the province that we do not know is for the finance system to say. */
MUST_USE bool pay_code_place(struct tx *tx, int64_t division, struct fail *why);
/* The finance system's record goes before ours: one that is not in our books, or whose quote has ended, is asked for there, where there is somebody to ask. */
bool pay_notice_asks(const struct notice *n, int64_t today);
/* The members that anybody with the code may see: the payer masked. */
void pay_notice_public(struct json_out *j, const struct notice *n, struct arena *a);
void json_add_day(struct json_out *j, const char *name, bool has, int64_t day); /* "2026-11-26", or null */
#endif
