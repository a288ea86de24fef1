/* auth/personal_certificate.h - a person's own digital certificate (个人数字证书): is it good, and did its key sign this?
 *
 * Good is: it leads over the intermediates that came with it to an authority of the configured file, each link's time is now, each issuer's revocation list is there, signed
 * by that issuer, not past its next day, and does not name the certificate; its key may sign and is of a kind that is allowed; and it bears the number of a person.
 * An authority without a list in force vouches for nobody: a list that is not renewed must be noticed by more than the thief.
 *
 *   key     signature of                         by
 *   RSA     at least 2048 bits                   PKCS #1 v1.5, SHA-256
 *   ECDSA   P-256 and larger, DER                SHA-256
 *   SM2     GB/T 32918, DER                      SM3, with the distinguishing id 1234567812345678 (GB/T 35276), in the certificates too
 *
 * The number stands in an extension of the configured OID (GM/T 0015: 1.2.156.10260.4.1.1, 个人身份标识码), or in an attribute of the subject of that OID.
 * Nothing is kept of a certificate.
 * Thread: any may judge at once; read and drop by one.
 * Source: RFC 5280; GM/T 0015; GB/T 35276. */
#ifndef AUTH_PERSONAL_CERTIFICATE_H
#define AUTH_PERSONAL_CERTIFICATE_H
#include "base/fail.h"
#include "base/str.h"

struct trust;

enum { CERTIFICATE_BY_RSA = 1, CERTIFICATE_BY_ECDSA = 2, CERTIFICATE_BY_SM2 = 4 };
enum { CERTIFICATE_PEM_MAX = 12 << 10, CERTIFICATE_CHAIN_MAX = 4, CERTIFICATE_SIGNATURE_MAX = 1024, CERTIFICATE_NAME_MAX = 256, CERTIFICATE_NUMBER_MAX = 32 };

/* "sm2,ecdsa,rsa" as bits. false: a word that is none of them, or no word. */
bool certificate_algorithms(struct str words, unsigned *out);

/* PEM files: authorities, and lists in any order. `number_oid`: dotted. Fails: CONFIG with the file's name. */
MUST_USE bool trust_read(const char *authorities_file, const char *lists_file, const char *number_oid, unsigned algorithms, struct trust **out, struct fail *why);
void trust_drop(void *trust); /* NULL is fine */

/* Rows: name, word for the client (fact reason). */
#define CERTIFICATE_WRONGS(X)               \
	X(UNREADABLE, "unreadable")         \
	X(UNTRUSTED, "untrusted")           \
	X(EXPIRED, "expired")               \
	X(REVOKED, "revoked")               \
	X(USAGE, "usage")                   \
	X(ALGORITHM, "algorithm")           \
	X(SIGNATURE, "signature")           \
	X(NUMBER, "no_number")              \
	X(LIST, "list_too_old")

enum certificate_wrong {
	CERTIFICATE_FINE,
#define X(name, text) CERTIFICATE_WRONG_##name,
	CERTIFICATE_WRONGS(X)
#undef X
};
const char *certificate_wrong_text(enum certificate_wrong w);

struct personal_certificate {
	char number[CERTIFICATE_NUMBER_MAX + 1]; /* as it stands there, not judged */
	char name[CERTIFICATE_NAME_MAX + 1];     /* the subject's common name, UTF-8 */
};
/* `pem`: the person's certificate, then intermediates. `signature`: over `text`, by the key of the first. */
enum certificate_wrong certificate_judge(const struct trust *t, struct str pem, struct str text, struct str signature, int64_t now_ms, struct personal_certificate *out);
#endif
