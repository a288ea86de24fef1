/* gateway/outside/bill_fetch.h - the bills of WeChat Pay and of its non-tax platform, fetched by the gateway itself: those of the last days that are not here, from the minute at which they are made
 * until payments.fetch_to, again after a while as long as they are not there, or do not prove themselves. What was fetched is judged and sealed as if somebody had brought it
 * (payments/reconciliation/recon_file.h): whole or not at all. That there is none of a day is on record too, and the day held beside our books; on the next day it is asked for once more. What has not come by then is in the log, and of the non-tax platform in the day the payment office looks at.
 *
 * One node does it for all: the job fetch_bills says which by calling bill_fetch_allow.
 * Thread: the reconciler's; bill_fetch_allow any. Owns: a transport of its own. */
#ifndef GATEWAY_OUTSIDE_BILL_FETCH_H
#define GATEWAY_OUTSIDE_BILL_FETCH_H
#include "base/config.h"
#include "store/blob.h"
#include "store/store.h"

struct bill_fetch;
struct outside; /* gateway/outside/outside.h */

/* Who fetches. */
struct bill_fetch_by {
	struct blobs *blobs;
	struct connection *reader;
	struct outside *outside; /* gives access tokens */
	bool (*write)(void *ctx, bool (*apply)(struct tx *tx, void *what, struct fail *why), void *what, struct fail *why); /* carries out a write and waits for it */
	bool (*stopping)(void *ctx); /* asked while it waits */
	void *ctx;
};

struct bill_fetch *bill_fetch_make(const struct bill_fetch_by *by, struct fail *why); /* `by` is kept by pointer */
void bill_fetch_drop(struct bill_fetch *f); /* NULL is fine */
void bill_fetch_step(struct bill_fetch *f, const struct config *c); /* the one that has been due longest, if it may be fetched now; it returns after its call, which may take minutes */
void bill_fetch_allow(int64_t until_ms);
#endif
