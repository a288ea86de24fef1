/* gateway/beside/blob_clearer.h - takes away the bytes of blobs that no row speaks of (auth/blob.h): what a crash left, what was swept, who was forgotten.
 *
 * A thread of its own, because a disk may make it wait: it walks over all blobs once when it starts and again each hour. Several nodes may walk over one
 * database: what another took away is fine. While a backup is under way nothing goes.
 * Thread: start and stop on one. Owns: a read connection. */
#ifndef GATEWAY_BESIDE_BLOB_CLEARER_H
#define GATEWAY_BESIDE_BLOB_CLEARER_H
#include "base/fail.h"

struct store;
struct blob_clearer;

struct blob_clearer *blob_clearer_start(struct store *s, struct fail *why); /* NULL: why is noted */
void blob_clearer_stop(struct blob_clearer *c); /* before the store is closed; a walk under way ends with its bite. NULL is fine */
#endif
