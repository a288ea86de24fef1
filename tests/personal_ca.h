/* tests/personal_ca.h - an authority of the test's own: certificates of persons on P-256, revocation lists, and what their keys sign. Other kinds of keys: the flow test. */
#ifndef TESTS_PERSONAL_CA_H
#define TESTS_PERSONAL_CA_H
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { CA_PEM = 4096, CA_DAY = 24 * 3600 };

struct test_ca {
	EVP_PKEY *key;
	X509 *own;
	X509_CRL *list;
	long serial;
	time_t now;
};

struct test_person {
	EVP_PKEY *key;
	X509 *own;
	char pem[CA_PEM];
};

static inline void ca_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_true(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static inline X509 *ca_certificate(struct test_ca *ca, EVP_PKEY *key, const char *name, time_t from, time_t until)
{
	X509 *x = X509_new();
	assert_true(x != NULL && X509_set_version(x, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), ++ca->serial) == 1 && X509_set_pubkey(x, key) == 1 &&
		    ASN1_TIME_set(X509_getm_notBefore(x), from) != NULL && ASN1_TIME_set(X509_getm_notAfter(x), until) != NULL &&
		    X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1);
	assert_true(X509_set_issuer_name(x, ca->own != NULL ? X509_get_subject_name(ca->own) : X509_get_subject_name(x)) == 1);
	return x;
}

/* Until when the next list is due. */
static inline void ca_list(struct test_ca *ca, const X509 *revoked, time_t until)
{
	ASN1_TIME *t = ASN1_TIME_set(NULL, ca->now - CA_DAY);
	X509_CRL_free(ca->list);
	ca->list = X509_CRL_new();
	assert_true(t != NULL && X509_CRL_set_version(ca->list, 1) == 1 && X509_CRL_set_issuer_name(ca->list, X509_get_subject_name(ca->own)) == 1 &&
		    X509_CRL_set1_lastUpdate(ca->list, t) == 1 && ASN1_TIME_set(t, until) != NULL && X509_CRL_set1_nextUpdate(ca->list, t) == 1);
	if (revoked != NULL) {
		X509_REVOKED *row = X509_REVOKED_new();
		assert_true(row != NULL && X509_REVOKED_set_serialNumber(row, (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(revoked)) == 1 &&
			    X509_REVOKED_set_revocationDate(row, t) == 1 && X509_CRL_add0_revoked(ca->list, row) == 1);
	}
	assert_true(X509_CRL_sign(ca->list, ca->key, EVP_sha256()) > 0);
	ASN1_TIME_free(t);
}

static inline void ca_make(struct test_ca *ca, time_t now)
{
	*ca = (struct test_ca){ .key = EVP_EC_gen("P-256"), .now = now };
	assert_non_null(ca->key);
	X509 *own = ca_certificate(ca, ca->key, "the test's authority", now - 100 * CA_DAY, now + 1000 * CA_DAY);
	ca_extension(own, NID_basic_constraints, "critical,CA:TRUE");
	ca_extension(own, NID_key_usage, "critical,keyCertSign,cRLSign");
	assert_true(X509_sign(own, ca->key, EVP_sha256()) > 0);
	ca->own = own;
	ca_list(ca, NULL, now + CA_DAY);
}

static inline void ca_drop(struct test_ca *ca)
{
	X509_CRL_free(ca->list);
	X509_free(ca->own);
	EVP_PKEY_free(ca->key);
}

/* der: what stands in the extension of the number; NULL: it has none */
static inline void ca_issue(struct test_ca *ca, struct test_person *p, const char *name, const char *der, size_t der_len, time_t from, time_t until)
{
	p->key = EVP_EC_gen("P-256");
	assert_non_null(p->key);
	p->own = ca_certificate(ca, p->key, name, from, until);
	ca_extension(p->own, NID_basic_constraints, "critical,CA:FALSE");
	ca_extension(p->own, NID_key_usage, "critical,digitalSignature");
	if (der != NULL) {
		ASN1_OBJECT *oid = OBJ_txt2obj("1.2.156.10260.4.1.1", 1);
		ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
		assert_true(oid != NULL && value != NULL && ASN1_OCTET_STRING_set(value, (const unsigned char *)der, (int)der_len) == 1);
		X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
		assert_true(e != NULL && X509_add_ext(p->own, e, -1) == 1);
		X509_EXTENSION_free(e);
		ASN1_OCTET_STRING_free(value);
		ASN1_OBJECT_free(oid);
	}
	assert_true(X509_sign(p->own, ca->key, EVP_sha256()) > 0);
	BIO *to = BIO_new(BIO_s_mem());
	assert_true(to != NULL && PEM_write_bio_X509(to, p->own) == 1);
	int len = BIO_read(to, p->pem, CA_PEM - 1);
	assert_true(len > 0);
	p->pem[len] = '\0';
	BIO_free(to);
}

static inline void person_drop(struct test_person *p)
{
	X509_free(p->own);
	EVP_PKEY_free(p->key);
}

/* Returns its length. */
static inline size_t person_signs(const struct test_person *p, const char *text, uint8_t out[128])
{
	size_t len = 128;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_true(ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, p->key) == 1 && EVP_DigestSign(ctx, out, &len, (const unsigned char *)text, strlen(text)) == 1);
	EVP_MD_CTX_free(ctx);
	return len;
}

/* As the configuration names them. */
static inline void ca_files(const struct test_ca *ca, const char *trust, const char *lists)
{
	FILE *f = fopen(trust, "w");
	assert_true(f != NULL && PEM_write_X509(f, ca->own) == 1 && fclose(f) == 0);
	f = fopen(lists, "w");
	assert_true(f != NULL && PEM_write_X509_CRL(f, ca->list) == 1 && fclose(f) == 0);
}
#endif
