/* base/certificate.c - PEM and X.509 to a digest and two times. */
#include "base/certificate.h"
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* Milliseconds since 1970; false: a time that is none. */
static bool time_of(const ASN1_TIME *t, int64_t *ms)
{
	int days, seconds;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	bool ok = epoch != NULL && t != NULL && ASN1_TIME_diff(&days, &seconds, epoch, t) == 1;
	ASN1_TIME_free(epoch);
	if (ok)
		*ms = ((int64_t)days * 24 * 3600 + seconds) * 1000;
	return ok;
}

bool certificate_of(const struct x509_st *x, struct certificate *out)
{
	unsigned len = 0;
	bool ok = X509_digest(x, EVP_sha256(), out->fingerprint, &len) == 1 && len == SHA256_BYTES && time_of(X509_get0_notBefore(x), &out->from_ms) &&
		time_of(X509_get0_notAfter(x), &out->until_ms);
	ERR_clear_error();
	return ok;
}

bool certificate_read(struct str pem, struct certificate *out, struct fail *why)
{
	BIO *from = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
	X509 *one = from != NULL ? PEM_read_bio_X509(from, NULL, NULL, NULL) : NULL;
	X509 *more = one != NULL ? PEM_read_bio_X509(from, NULL, NULL, NULL) : NULL;
	bool ok = one != NULL && more == NULL && certificate_of(one, out);
	X509_free(one);
	X509_free(more);
	BIO_free(from);
	ERR_clear_error();
	return ok || FAILS(why, FIELD, "not one certificate in PEM");
}
