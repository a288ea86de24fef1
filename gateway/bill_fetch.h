/* gateway/bill_fetch.h - WeChat Pay's bills fetched by the gateway itself: those of the last days that are not here, between payments.fetch_from and payments.fetch_to, again after
 * payments.fetch_seconds while they are not there yet. What was fetched is judged and sealed as if somebody had brought it (payments/recon_file.h).
 *
 * One node does it for all: the job fetch_bills says which by calling bill_fetch_allow.
 * Thread: the reconciler's; bill_fetch_allow any. Owns: a transport of its own. */
#ifndef GATEWAY_BILL_FETCH_H
#define GATEWAY_BILL_FETCH_H
#include "base/config.h"
#include "store/blob.h"
#include "store/store.h"

struct bill_fetch;

/* Carries out a write and waits for it. */
typedef bool (*bill_write)(void *ctx, bool (*apply)(struct tx *tx, void *what, struct fail *why), void *what, struct fail *why);

struct bill_fetch *bill_fetch_make(struct blobs *blobs, struct connection *reader, bill_write write, void *ctx, struct fail *why);
void bill_fetch_drop(struct bill_fetch *f); /* NULL is fine */
/* Fetches the bills that are due. `stopping` is asked while it waits. */
void bill_fetch_step(struct bill_fetch *f, const struct config *c, bool (*stopping)(void *ctx));
void bill_fetch_allow(int64_t until_ms);
#endif
