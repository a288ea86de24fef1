/* payments/notices/notice_voucher.h - a notice as a CNNONTAX voucher tells it, in the fields of 8994: AdmDivCode, PayCode, ChgAgenCode, ChgAgenName, PayerName, Amt, OriAmt, DelayAmt, PayInfo, CrcCode,
 * PayerCreditCode. It is judged as every notice is (notice_take).
 *
 * PayInfo holds the items: CODE|name|amount|unit|quantity|kind of standard|standard, each ended by #. Their amounts must make OriAmt, and OriAmt with DelayAmt must make Amt: the amount due is
 * never ours to compute. No field says to which day late money is counted: it is that on which the bureau spoke, so the quote ends at its midnight.
 *
 * Thread: any; pure. Source: protocols/government.md A3, A4, A6. */
#ifndef PAYMENTS_NOTICES_NOTICE_VOUCHER_H
#define PAYMENTS_NOTICES_NOTICE_VOUCHER_H
#include "channels/nontax_xml.h"
#include "payments/notices/notice.h"

struct voucher_rules {
	enum payment_code_profile profile;
	struct str penalty_items; /* how codes of fines begin, comma separated: one such item makes it a penalty */
};
/* `day`: YYYYMMDD, of the message. Fails: FIELD, FIELD_MISSING with the pointer; MEMORY. */
MUST_USE bool notice_from_voucher(const struct nontax_fields *v, struct str day, const struct voucher_rules *rules, struct notice *n, struct arena *a, struct fail *why);
#endif
