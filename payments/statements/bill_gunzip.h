/* payments/statements/bill_gunzip.h - gzip undone piece by piece (RFC 1952), with an eye on what a small file may become.
 * Thread: any. Owns: zlib's state until gunzip_drop. */
#ifndef PAYMENTS_STATEMENTS_BILL_GUNZIP_H
#define PAYMENTS_STATEMENTS_BILL_GUNZIP_H
#include "base/fail.h"
#include "base/str.h"

/* A bill packs to a tenth or a twentieth; deflate can do a thousandth. Looked at when more than GUNZIP_FREE_BYTES have come out. */
enum { GUNZIP_RATIO_MAX = 200, GUNZIP_FREE_BYTES = 1 << 20 };

struct gunzip;
typedef bool (*gunzip_out)(void *ctx, struct str piece, struct fail *why);
struct gunzip *gunzip_begin(gunzip_out out, void *ctx, struct fail *why); /* NULL: MEMORY */
/* Fails: IMPORT, reason not_gzip, behind_gzip (something follows the end), zip_bomb; what `out` fails with. */
MUST_USE bool gunzip_feed(struct gunzip *g, struct str piece, struct fail *why);
bool gunzip_is_whole(const struct gunzip *g); /* its end has come */
void gunzip_drop(struct gunzip *g);
#endif
