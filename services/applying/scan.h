/* services/applying/scan.h - whether something in a file harms whoever opens it: what the judge of media cannot see, a scanner outside says (病毒扫描).
 *
 * What is scanned is what was kept, after it was sealed and before any row speaks of it: a file that is found out, or that nobody could look at, is taken away again.
 * Who does it is put in here by the machine (gateway/outside/scanner.h); nobody: nothing is scanned.
 * Thread: the BLOB lane, which may wait. */
#ifndef SERVICES_SCAN_H
#define SERVICES_SCAN_H
#include "auth/blob_seal.h"
#include "base/fail.h"

typedef bool (*scan_source)(void *ctx, int64_t at, void *to, size_t len, struct fail *why);
/* Fails: SCAN_FOUND; SCAN_AWAY nobody could look; what `source` fails with. */
typedef bool (*scan_fn)(int64_t bytes, scan_source source, void *ctx, struct fail *why);
void services_scanner(scan_fn scan); /* before threads start */

MUST_USE bool scan_sealed(const struct blob_sealed *what, struct fail *why); /* when it fails the bytes are gone */
#endif
