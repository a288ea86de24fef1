/* gateway/commands/command_verify.h - what `siban seal` and `siban ledger` share: the walk along the chain and over records, with its progress.
 * Thread: the command's. */
#ifndef GATEWAY_COMMANDS_COMMAND_VERIFY_H
#define GATEWAY_COMMANDS_COMMAND_VERIFY_H
#include "base/hash.h"
#include "gateway/commands/command.h"

enum { CHAIN_HEX = 2 * HASH_BYTES };
struct fact_row; /* store/fact.h */

struct verification {
	struct control *control;
	const char *doing;           /* "seal" */
	int64_t seq;                 /* the last that was found right */
	char chain[CHAIN_HEX + 1];
	int64_t seals, records;      /* looked at */
	int64_t began_ms, said_ms;
	int code;                    /* why it ended, when not at the end */
};

void verify_progress(struct verification *v, const char *what, int64_t done, int64_t all, bool is_last); /* a line on stderr, now and then */
/* From v->seq on to what was the end when we began: who goes on sealing cannot keep us here. false: v->code, and it was said. */
bool verify_chain(struct verification *v, int64_t end_seq);
bool verify_records(struct verification *v, const struct fact_row *kind, int64_t facts); /* `facts`: how many there may be, for the progress */
#endif
