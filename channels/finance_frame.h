/* channels/finance_frame.h - the question of channels/finance.h in CNNONTAX frames: 8997 with PayCode, answered by 5997, which is what is to be paid, or by 5001, which says why it is not. Pure.
 *
 * Which numbers the bureau's system goes by, and which result codes it means what by, was published by nobody: both are configuration (finance.frame.query, finance.frame.query_results).
 * Thread: any. Source: protocols/government.md A6: the fields of 8994, which a notice is sent in, are those that 5997 answers with. */
#ifndef CHANNELS_FINANCE_FRAME_H
#define CHANNELS_FINANCE_FRAME_H
#include "base/config.h"
#include "channels/finance.h"
#include "channels/nontax_frame.h"

enum { FINANCE_RESULTS_MAX = 32 };

/* Of the configuration, whose texts it points into. */
struct finance_frames {
	const struct config *config;
	struct str query, dues, refusal; /* numbers of messages */
	int count;
	struct {
		struct str code;
		enum finance_verdict verdict;
	} results[FINANCE_RESULTS_MAX];
};
/* Fails: CONFIG, with the knob's name. */
MUST_USE bool finance_frames_read(const struct config *c, struct finance_frames *out, struct fail *why);

/* As finance_build; base and key of `q` are not asked for, the token is `token`. `division`: the code's. Fails: MEMORY. */
MUST_USE bool finance_frame_build(const struct finance_frames *f, const struct finance_question *q, int64_t division, struct secret token, struct arena *a, struct http_call *out, struct fail *why);
/* As finance_judge. FOUND: what was told of this code is told->voucher (payments/notices/notice_voucher.h). BROKEN notes PEER_NONSENSE, or PEER_AWAY when the system says that it failed. */
enum finance_verdict finance_frame_judge(const struct finance_frames *f, struct str id, struct str code, struct secret token, const struct http_answer *answer, struct nontax_message *told,
	int64_t *division, struct arena *a, struct fail *why);
#endif
