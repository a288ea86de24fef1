/* services/people/mandate_code_send.h - the codes that were asked for go out: a job's bite, apart from the requests that asked.
 * Thread: the write lane. */
#ifndef SERVICES_MANDATE_CODE_SEND_H
#define SERVICES_MANDATE_CODE_SEND_H
#include "store/store.h"

bool mandate_codes_by_sms(void); /* is there an account and a template for them? */
MUST_USE bool mandate_codes_send(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
#endif
