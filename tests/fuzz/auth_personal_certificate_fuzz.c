/* A stranger's certificate: whatever comes in ends in a verdict, and without an authority that is trusted never in a good one. */
#include "auth/personal_certificate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An authority whose key is nowhere any more, and its list. */
static const char ANCHOR[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBhTCCASugAwIBAgIUUXSIam/+lM8GIfAYFdJ1xBGip0IwCgYIKoZIzj0EAwIw\n"
	"DzENMAsGA1UEAwwEZnV6ejAgFw0yNjExMjYwNzUwNDZaGA8yMTI2MTEwMjA3NTA0\n"
	"NlowDzENMAsGA1UEAwwEZnV6ejBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFEH\n"
	"QIcQ+NuVgIkyeKJ6X2nYIjnNSc/EVPwMzRHJ5kxoqWZlpYHD+nxpJAgfVDsVO8H8\n"
	"af1u3t4br0LmqGhqrYKjYzBhMB0GA1UdDgQWBBQF1EAq77w7ULtTN87zjO6S2T8j\n"
	"bDAfBgNVHSMEGDAWgBQF1EAq77w7ULtTN87zjO6S2T8jbDAPBgNVHRMBAf8EBTAD\n"
	"AQH/MA4GA1UdDwEB/wQEAwIBBjAKBggqhkjOPQQDAgNIADBFAiEA8oE/9NQOqIPr\n"
	"6k/heaDnkDxstJrHuG0GEOVJHDm9QTsCIAVv8eJ1YRC8KsaYfpQXwxzjFXsGaJDN\n"
	"Xjm4/oKPHBuR\n"
	"-----END CERTIFICATE-----\n";
static const char LIST[] =
	"-----BEGIN X509 CRL-----\n"
	"MIG/MGcCAQEwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEZnV6ehcNMjYxMTI2MDc1\n"
	"MDQ2WhgPMjEyNjExMDIwNzUwNDZaMBUwEwICEAAXDTI2MTEyNjA3NDUxNlqgDjAM\n"
	"MAoGA1UdFAQDAgECMAoGCCqGSM49BAMCA0gAMEUCIGuYvC8jwPtjCPkdWU39EvsS\n"
	"3K0lBWQXWfxDCHM+jBz/AiEAgOj7qNbWYfhSQuuNiX4eYKc7o7wxcPhvSmAKAiGy\n"
	"djw=\n"
	"-----END X509 CRL-----\n";

static struct trust *trust_once(void)
{
	char names[2][32] = { "/tmp/siban-fuzz-ca-XXXXXX", "/tmp/siban-fuzz-crl-XXXXXX" };
	const char *texts[2] = { ANCHOR, LIST };
	struct trust *t;
	struct fail why;
	fail_clear(&why);
	for (int i = 0; i < 2; i++) {
		int fd = mkstemp(names[i]);
		assert(fd >= 0 && write(fd, texts[i], strlen(texts[i])) == (ssize_t)strlen(texts[i]));
		close(fd);
	}
	assert(trust_read(names[0], names[1], "1.2.156.10260.4.1.1", CERTIFICATE_BY_RSA | CERTIFICATE_BY_ECDSA | CERTIFICATE_BY_SM2, &t, &why));
	for (int i = 0; i < 2; i++)
		unlink(names[i]);
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct trust *t;
	struct personal_certificate found;
	struct str pem, signature;
	if (t == NULL)
		t = trust_once();
	str_cut((struct str){ (const char *)data, size }, '|', &pem, &signature);
	assert(certificate_judge(t, pem, STR("text"), signature, INT64_C(1795420800000), &found) != CERTIFICATE_FINE);
	assert(certificate_wrong_text(certificate_judge(t, pem, STR("text"), STR("x"), INT64_C(1795420800000), &found))[0] != '\0');
	return 0;
}
