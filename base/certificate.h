/* base/certificate.h - what is kept of a client certificate: not the certificate, but its SHA-256 and how long it is good.
 *
 * Who may come with which is a row of the database by that digest. So a certificate is revoked by marking its row, which acts at once; no list of an
 * authority's revocations is fetched, and none could be newer.
 * Thread: any. */
#ifndef BASE_CERTIFICATE_H
#define BASE_CERTIFICATE_H
#include "base/fail.h"
#include "base/hash.h"

struct x509_st;

struct certificate {
	uint8_t fingerprint[SHA256_BYTES]; /* of its DER: x5t#S256 of RFC 8705 */
	int64_t from_ms, until_ms;
};

/* One certificate in PEM; what stands around it is passed over. Fails: FIELD. */
MUST_USE bool certificate_read(struct str pem, struct certificate *out, struct fail *why);
MUST_USE bool certificate_of(const struct x509_st *x, struct certificate *out); /* false: it cannot be read */
#endif
