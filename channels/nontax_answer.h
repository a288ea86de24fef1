/* channels/nontax_answer.h - what the finance system answered, in whichever form, and what its word means to the thing that was told: the table channels/nontax_results.def. Pure.
 * Thread: any. */
#ifndef CHANNELS_NONTAX_ANSWER_H
#define CHANNELS_NONTAX_ANSWER_H
#include "base/str.h"

enum { NONTAX_RESULT_DIGITS = 5, NONTAX_RECEIPT_MAX = 20, NONTAX_LINK_MAX = 300 };

enum nontax_means { NONTAX_DONE, NONTAX_TAKEN /* it will be booked later */, NONTAX_AGAIN, NONTAX_REFUSED, NONTAX_DOUBLE };
enum nontax_means nontax_means(struct str word); /* an effect's code: a result, a word of the transport's */
bool nontax_is_result(struct str word);          /* five digits */
bool nontax_is_http_refusal(struct str word);    /* "http_400" and its kind: it understood us and wants none of it */
struct str nontax_result_zh(struct str word);    /* at NULL: not in the table */

struct nontax_answer {
	char result[NONTAX_RESULT_DIGITS + 1];
	bool is_taken_only;          /* it will be booked later */
	char finance_no[65];
	char code[NONTAX_RECEIPT_MAX + 1], number[NONTAX_RECEIPT_MAX + 1], check_code[NONTAX_RECEIPT_MAX + 1], link[NONTAX_LINK_MAX + 1]; /* of a receipt; "" none */
};
/* Of effect_view.said. false: it is not what was agreed. */
bool nontax_answer_read(struct str said, struct nontax_answer *out);
#endif
