/* gateway/outside/scanner.h - a ClamAV daemon looks into each file that is uploaded, where scanner.clamd names one.
 *
 * One connection for each file, on the BLOB lane's thread, which may wait; no wait is longer than scanner.timeout. An answer that is not a whole "OK" lets nothing pass: away,
 * slow, full, nonsense are the same 503, and the client tries again.
 * Its address is a path or numbers: nobody asks a name server here.
 * Thread: start before threads; then the BLOB lane's. */
#ifndef GATEWAY_OUTSIDE_SCANNER_H
#define GATEWAY_OUTSIDE_SCANNER_H
#include "base/config.h"
#include "base/fail.h"

/* Nothing is scanned when scanner.clamd is empty. Fails: CONFIG the address. */
MUST_USE bool scanner_start(const struct config *c, struct fail *why);
#endif
