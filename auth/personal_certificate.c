/* auth/personal_certificate.c - why this exists: whoever has a certificate at home need not come to a window. */
#include "auth/personal_certificate.h"
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { RSA_BITS_MIN = 2048, EC_BITS_MIN = 256, LISTS_MAX = 64, ANCHORS_MAX = 256 };
static const char SM2_ID[] = "1234567812345678";

struct list {
	X509_CRL *crl;
	unsigned char *tbs;  /* what is signed: made once, because making it writes into the list, and many judge at once */
	int tbs_len;
};

struct trust {
	X509_STORE *anchors;
	struct list lists[LISTS_MAX];
	int list_count;
	ASN1_OBJECT *number_oid;
	unsigned algorithms;
};

/* ---- words ---- */

bool certificate_algorithms(struct str words, unsigned *out)
{
	static const struct { struct str word; unsigned bit; } known[] = { { { "rsa", 3 }, CERTIFICATE_BY_RSA }, { { "ecdsa", 5 }, CERTIFICATE_BY_ECDSA }, { { "sm2", 3 }, CERTIFICATE_BY_SM2 } };
	struct str one, rest = words;
	*out = 0;
	do {
		unsigned bit = 0;
		str_cut(rest, ',', &one, &rest);
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (str_eq(str_trim(one), known[i].word))
				bit = known[i].bit;
		if (bit == 0)
			return false;
		*out |= bit;
	} while (rest.len > 0);
	return true;
}

const char *certificate_wrong_text(enum certificate_wrong w)
{
	static const char *const texts[] = { [CERTIFICATE_FINE] = "",
#define X(name, text) [CERTIFICATE_WRONG_##name] = text,
		CERTIFICATE_WRONGS(X)
#undef X
	};
	return texts[w];
}

/* ---- SM2: OpenSSL 3.0 knows its default id only when it is told ---- */

static bool is_sm2(const EVP_PKEY *key)
{
	return key != NULL && EVP_PKEY_is_a(key, "SM2") == 1;
}

static bool mark(X509 *x)
{
	if (!is_sm2(X509_get0_pubkey(x)) && X509_get_signature_nid(x) != NID_SM2_with_SM3)
		return true;
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	if (id == NULL || ASN1_OCTET_STRING_set(id, (const unsigned char *)SM2_ID, (int)sizeof(SM2_ID) - 1) != 1) {
		ASN1_OCTET_STRING_free(id);
		return false;
	}
	X509_set0_distinguishing_id(x, id);
	return true;
}

static bool verifies(EVP_PKEY *key, const EVP_MD *md, struct str signature, const void *at, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = ctx != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	bool ok = how != NULL;
	if (ok && is_sm2(key))
		ok = EVP_PKEY_CTX_set1_id(how, SM2_ID, (int)sizeof(SM2_ID) - 1) == 1;
	if (ok) {
		EVP_MD_CTX_set_pkey_ctx(ctx, how);
		ok = EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 && EVP_DigestVerify(ctx, (const unsigned char *)signature.at, signature.len, at, len) == 1;
	}
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_CTX_free(how);
	ERR_clear_error();
	return ok;
}

/* ---- reading ---- */

static void load_anchors(struct trust *t, BIO *from, int *count)
{
	X509 *x;
	while (*count < ANCHORS_MAX && (x = PEM_read_bio_X509(from, NULL, NULL, NULL)) != NULL) {
		*count += mark(x) && X509_check_ca(x) != 0 && X509_STORE_add_cert(t->anchors, x) == 1;
		X509_free(x);
	}
}

static void load_lists(struct trust *t, BIO *from)
{
	struct list l = { .tbs = NULL };
	while (t->list_count < LISTS_MAX && (l.crl = PEM_read_bio_X509_CRL(from, NULL, NULL, NULL)) != NULL) {
		l.tbs = NULL;
		l.tbs_len = i2d_re_X509_CRL_tbs(l.crl, &l.tbs);
		t->lists[t->list_count++] = l;
	}
}

bool trust_read(const char *authorities_file, const char *lists_file, const char *number_oid, unsigned algorithms, struct trust **out, struct fail *why)
{
	struct trust *t = calloc(1, sizeof(*t));
	BIO *authorities = BIO_new_file(authorities_file, "r"), *lists = BIO_new_file(lists_file, "r");
	int anchors = 0;
	*out = NULL;
	if (t != NULL) {
		t->anchors = X509_STORE_new();
		t->number_oid = OBJ_txt2obj(number_oid, 1);
		t->algorithms = algorithms;
	}
	if (t != NULL && t->anchors != NULL && authorities != NULL)
		load_anchors(t, authorities, &anchors);
	if (t != NULL && lists != NULL)
		load_lists(t, lists);
	bool ok = t != NULL && t->anchors != NULL && (t->number_oid != NULL || FAILS(why, CONFIG, "certificate.number_oid: not an OID: %s", number_oid)) &&
		(anchors > 0 || FAILS(why, CONFIG, "certificate.trust_file: no authority in PEM in %s", authorities_file)) &&
		(t->list_count > 0 || FAILS(why, CONFIG, "certificate.revocation_file: no revocation list in PEM in %s", lists_file));
	BIO_free(authorities);
	BIO_free(lists);
	ERR_clear_error();
	if (!ok) {
		trust_drop(t);
		return why->code != FAIL_NONE ? false : FAILS(why, MEMORY, "authorities of certificates");
	}
	*out = t;
	return true;
}

void trust_drop(void *trust)
{
	struct trust *t = trust;
	if (t == NULL)
		return;
	X509_STORE_free(t->anchors);
	for (int i = 0; i < t->list_count; i++) {
		X509_CRL_free(t->lists[i].crl);
		OPENSSL_free(t->lists[i].tbs);
	}
	ASN1_OBJECT_free(t->number_oid);
	free(t);
}

/* ---- judging: whom it leads to ---- */

struct judging {
	const struct trust *t;
	X509 *leaf;
	STACK_OF(X509) *more;
	time_t now;
};

static bool take_chain(struct judging *j, struct str pem)
{
	BIO *from = pem.len > 0 && pem.len <= CERTIFICATE_PEM_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
	X509 *x;
	bool ok = from != NULL && (j->leaf = PEM_read_bio_X509(from, NULL, NULL, NULL)) != NULL && mark(j->leaf) && (j->more = sk_X509_new_null()) != NULL;
	while (ok && (x = PEM_read_bio_X509(from, NULL, NULL, NULL)) != NULL) {
		ok = sk_X509_num(j->more) < CERTIFICATE_CHAIN_MAX - 1 && mark(x) && sk_X509_push(j->more, x) > 0;
		if (!ok)
			X509_free(x);
	}
	BIO_free(from);
	return ok;
}

static enum certificate_wrong wrong_of(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return CERTIFICATE_WRONG_EXPIRED;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return CERTIFICATE_WRONG_ALGORITHM;
	default:
		return CERTIFICATE_WRONG_UNTRUSTED;
	}
}

/* A list is its issuer's when he signed it; and it is in force until its next day, which it must name. */
static bool list_is_of(const struct list *l, const X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	if (key == NULL || X509_NAME_cmp(X509_CRL_get_issuer(l->crl), X509_get_subject_name(issuer)) != 0)
		return false;
	if (!is_sm2(key))
		return X509_CRL_verify(l->crl, key) == 1;
	const ASN1_BIT_STRING *signature;
	X509_CRL_get0_signature(l->crl, &signature, NULL);
	return l->tbs_len > 0 && verifies(key, EVP_sm3(), (struct str){ (const char *)signature->data, (size_t)signature->length }, l->tbs, (size_t)l->tbs_len);
}

static bool list_is_in_force(const X509_CRL *l, time_t now)
{
	const ASN1_TIME *from = X509_CRL_get0_lastUpdate(l), *until = X509_CRL_get0_nextUpdate(l);
	return from != NULL && until != NULL && ASN1_TIME_cmp_time_t(from, now) <= 0 && ASN1_TIME_cmp_time_t(until, now) > 0;
}

static enum certificate_wrong is_revoked(const struct judging *j, X509 *x, const X509 *issuer)
{
	bool has_list = false;
	for (int i = 0; i < j->t->list_count; i++) {
		X509_REVOKED *row;
		const struct list *l = &j->t->lists[i];
		if (!list_is_of(l, issuer))
			continue;
		has_list = has_list || list_is_in_force(l->crl, j->now);
		if (X509_CRL_get0_by_cert(l->crl, &row, x) == 1) /* in an old list too */
			return CERTIFICATE_WRONG_REVOKED;
	}
	return has_list ? CERTIFICATE_FINE : CERTIFICATE_WRONG_LIST;
}

static enum certificate_wrong leads_to_trust(const struct judging *j)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	enum certificate_wrong wrong = CERTIFICATE_WRONG_UNTRUSTED;
	if (ctx == NULL || X509_STORE_CTX_init(ctx, j->t->anchors, j->leaf, j->more) != 1) {
		X509_STORE_CTX_free(ctx);
		return wrong;
	}
	X509_STORE_CTX_set_time(ctx, 0, j->now);
	X509_STORE_CTX_set_depth(ctx, CERTIFICATE_CHAIN_MAX);
	wrong = X509_verify_cert(ctx) == 1 ? CERTIFICATE_FINE : wrong_of(X509_STORE_CTX_get_error(ctx));
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	for (int i = 0; wrong == CERTIFICATE_FINE && i + 1 < sk_X509_num(chain); i++)
		wrong = is_revoked(j, sk_X509_value(chain, i), sk_X509_value(chain, i + 1));
	X509_STORE_CTX_free(ctx);
	return wrong;
}

/* ---- judging: its key ---- */

static const EVP_MD *digest_of(const struct trust *t, EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);
	if (is_sm2(key))
		return (t->algorithms & CERTIFICATE_BY_SM2) != 0 ? EVP_sm3() : NULL;
	if (EVP_PKEY_is_a(key, "RSA") == 1)
		return (t->algorithms & CERTIFICATE_BY_RSA) != 0 && bits >= RSA_BITS_MIN ? EVP_sha256() : NULL;
	return EVP_PKEY_is_a(key, "EC") == 1 && (t->algorithms & CERTIFICATE_BY_ECDSA) != 0 && bits >= EC_BITS_MIN ? EVP_sha256() : NULL;
}

static enum certificate_wrong signed_by(const struct judging *j, struct str text, struct str signature)
{
	EVP_PKEY *key = X509_get0_pubkey(j->leaf);
	const EVP_MD *md = key != NULL ? digest_of(j->t, key) : NULL;
	if (md == NULL)
		return CERTIFICATE_WRONG_ALGORITHM;
	if (X509_check_ca(j->leaf) != 0 || (X509_get_key_usage(j->leaf) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
		return CERTIFICATE_WRONG_USAGE;
	return verifies(key, md, signature, text.at, text.len) ? CERTIFICATE_FINE : CERTIFICATE_WRONG_SIGNATURE;
}

/* ---- judging: whose it is ---- */

/* Text, or text in the first arm of GM/T 0015's choice: the resident's number. The others are no number we know a person by. */
static struct str text_within(struct str der)
{
	enum { UTF8 = 0x0c, PRINTABLE = 0x13, IA5 = 0x16, FIRST_IMPLICIT = 0x80, FIRST_EXPLICIT = 0xa0, SEQUENCE = 0x30, DEPTH_MAX = 4 };
	for (int depth = 0; depth < DEPTH_MAX && der.len >= 2; depth++) {
		unsigned char tag = (unsigned char)der.at[0], len = (unsigned char)der.at[1];
		if (len >= 0x80 || (size_t)len + 2 != der.len)
			break;
		der = (struct str){ der.at + 2, len };
		if (tag == UTF8 || tag == PRINTABLE || tag == IA5 || tag == FIRST_IMPLICIT)
			return der;
		if (tag != FIRST_EXPLICIT && tag != SEQUENCE)
			break;
	}
	return STR_NONE;
}

static struct str number_in(const struct trust *t, X509 *x)
{
	int at = X509_get_ext_by_OBJ(x, t->number_oid, -1);
	if (at >= 0) {
		const ASN1_OCTET_STRING *s = X509_EXTENSION_get_data(X509_get_ext(x, at));
		return text_within((struct str){ (const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) });
	}
	const X509_NAME *subject = X509_get_subject_name(x);
	at = X509_NAME_get_index_by_OBJ(subject, t->number_oid, -1);
	if (at < 0)
		return STR_NONE;
	const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	return (struct str){ (const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
}

static bool copy(struct str from, char *to, size_t max)
{
	if (from.at == NULL || from.len == 0 || from.len > max || !str_is_utf8(from) || memchr(from.at, '\0', from.len) != NULL)
		return false;
	memcpy(to, from.at, from.len);
	to[from.len] = '\0';
	return true;
}

static enum certificate_wrong whose(const struct judging *j, struct personal_certificate *out)
{
	const X509_NAME *subject = X509_get_subject_name(j->leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *name = NULL;
	int len = at < 0 ? -1 : ASN1_STRING_to_UTF8(&name, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	bool ok = len > 0 && copy((struct str){ (const char *)name, (size_t)len }, out->name, CERTIFICATE_NAME_MAX);
	OPENSSL_free(name);
	struct str number = number_in(j->t, j->leaf);
	return ok && str_is_visible_ascii(number) && copy(number, out->number, CERTIFICATE_NUMBER_MAX) ? CERTIFICATE_FINE : CERTIFICATE_WRONG_NUMBER;
}

enum certificate_wrong certificate_judge(const struct trust *t, struct str pem, struct str text, struct str signature, int64_t now_ms, struct personal_certificate *out)
{
	struct judging j = { .t = t, .now = (time_t)(now_ms / 1000) };
	enum certificate_wrong wrong = take_chain(&j, pem) && signature.len > 0 && signature.len <= CERTIFICATE_SIGNATURE_MAX ? CERTIFICATE_FINE : CERTIFICATE_WRONG_UNREADABLE;
	*out = (struct personal_certificate){ .number = "" };
	if (wrong == CERTIFICATE_FINE)
		wrong = leads_to_trust(&j);
	if (wrong == CERTIFICATE_FINE)
		wrong = signed_by(&j, text, signature);
	if (wrong == CERTIFICATE_FINE)
		wrong = whose(&j, out);
	X509_free(j.leaf);
	sk_X509_pop_free(j.more, X509_free);
	ERR_clear_error();
	return wrong;
}
