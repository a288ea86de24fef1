/* channels/nontax.h - what we tell the finance bureau's non-tax system about money that came: pure, and the same whatever form it speaks (finance.form).
 *
 * It knows a repeat by payment code and trace number. So a message whose answer was lost is sent again, with the same.
 * Thread: any.
 * Source: protocols/government.md A6, A8. */
#ifndef CHANNELS_NONTAX_H
#define CHANNELS_NONTAX_H
#include "channels/codec.h"
#include "channels/nontax_answer.h"

enum nontax_deed_kind {
#define DEED(name, ...) NONTAX_##name,
#include "channels/nontax_deeds.def"
#undef DEED
	NONTAX_DEEDS
};
struct nontax_deed_row {
	struct str path, message, answer;
};
const struct nontax_deed_row *nontax_deed_row(enum nontax_deed_kind kind);

/* An effect's payload, JSON of these members. Texts live in the arena they were read with. */
struct nontax_deed {
	struct str payment_code, trace_no, amount; /* amount in yuan: "80.00" */
	int64_t paid_ms, division;
	struct str channel, reference;             /* how it came: a text of payments/pay_channels.def; its own number there, at NULL none */
	struct str receipt_code, receipt_number;   /* of RED */
};
MUST_USE bool nontax_deed_read(struct str payload, struct nontax_deed *out, struct arena *a, struct fail *why);

bool nontax_is_frame(const struct config *c); /* finance.form: frames are spoken, not JSON */
MUST_USE bool nontax_frame_url(const struct config *c, struct arena *a, struct str *out, struct fail *why); /* of finance.frame.*, for http_call.url. Fails: MEMORY */

extern const struct codec_http codec_finance_confirm, codec_receipt_issue, codec_receipt_reverse;
#endif
