/* Goal: a certificate is good for its time and no other, on no list, by a list that is in force, over the very text, and bears a number where it should; each that is not is
 * refused by its own reason. Method: an authority of the test's, judged at moments of the test's. SM2, RSA and intermediates: the flow test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/personal_certificate.h"
#include "tests/personal_ca.h"
#include <string.h>
#include <unistd.h>

#define NOW ((time_t)1795420800) /* 2026-11-23T16:00:00+08:00 */
#define NUMBER "\x13\x12" "621299199006150131"

static struct test_ca ca;
static struct test_person person;
static struct trust *trust;
static char files[2][64];

static void read_trust(unsigned algorithms)
{
	struct fail why;
	fail_clear(&why);
	ca_files(&ca, files[0], files[1]);
	trust_drop(trust);
	assert_true(trust_read(files[0], files[1], "1.2.156.10260.4.1.1", algorithms, &trust, &why));
}

static int begin(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		snprintf(files[i], sizeof(files[i]), "/tmp/siban-unit-ca-XXXXXX");
		close(mkstemp(files[i]));
	}
	ca_make(&ca, NOW);
	ca_issue(&ca, &person, "张三", NUMBER, sizeof(NUMBER) - 1, NOW - CA_DAY, NOW + 10 * CA_DAY);
	read_trust(CERTIFICATE_BY_ECDSA);
	return 0;
}

static int end(void **state)
{
	(void)state;
	trust_drop(trust);
	trust = NULL;
	person_drop(&person);
	ca_drop(&ca);
	for (int i = 0; i < 2; i++)
		unlink(files[i]);
	return 0;
}

static enum certificate_wrong judged(const struct test_person *p, const char *signs, const char *text, time_t at, struct personal_certificate *out)
{
	uint8_t signature[128];
	size_t len = person_signs(p, signs, signature);
	return certificate_judge(trust, str_c(p->pem), str_c(text), (struct str){ (const char *)signature, len }, (int64_t)at * 1000, out);
}

static void times(void **state)
{
	(void)state;
	struct personal_certificate got;
	assert_int_equal(judged(&person, "t", "t", NOW, &got), CERTIFICATE_FINE);
	assert_string_equal(got.number, "621299199006150131");
	assert_string_equal(got.name, "张三");
	assert_int_equal(judged(&person, "t", "u", NOW, &got), CERTIFICATE_WRONG_SIGNATURE);
	assert_string_equal(got.number, ""); /* nothing is known of whoever did not sign */
	assert_int_equal(judged(&person, "t", "t", NOW - 2 * CA_DAY, &got), CERTIFICATE_WRONG_EXPIRED);
	assert_int_equal(judged(&person, "t", "t", NOW + 11 * CA_DAY, &got), CERTIFICATE_WRONG_EXPIRED);
	assert_int_equal(judged(&person, "t", "t", NOW + CA_DAY - 1, &got), CERTIFICATE_FINE);
	assert_int_equal(judged(&person, "t", "t", NOW + CA_DAY, &got), CERTIFICATE_WRONG_LIST); /* the next list is due */
}

static void lists(void **state)
{
	(void)state;
	struct personal_certificate got;
	struct test_person other;
	ca_issue(&ca, &other, "李四", NUMBER, sizeof(NUMBER) - 1, NOW - CA_DAY, NOW + 10 * CA_DAY);
	ca_list(&ca, person.own, NOW + CA_DAY);
	read_trust(CERTIFICATE_BY_ECDSA);
	assert_int_equal(judged(&person, "t", "t", NOW, &got), CERTIFICATE_WRONG_REVOKED);
	assert_int_equal(judged(&person, "t", "t", NOW + 2 * CA_DAY, &got), CERTIFICATE_WRONG_REVOKED); /* also when the list is old */
	assert_int_equal(judged(&other, "t", "t", NOW, &got), CERTIFICATE_FINE);
	EVP_PKEY *own = ca.key, *strange = EVP_EC_gen("P-256");
	ca.key = strange; /* a list that somebody else wrote is none */
	ca_list(&ca, NULL, NOW + CA_DAY);
	ca.key = own;
	EVP_PKEY_free(strange);
	read_trust(CERTIFICATE_BY_ECDSA);
	assert_int_equal(judged(&other, "t", "t", NOW, &got), CERTIFICATE_WRONG_LIST);
	read_trust(CERTIFICATE_BY_SM2 | CERTIFICATE_BY_RSA);
	ca_list(&ca, NULL, NOW + CA_DAY);
	read_trust(CERTIFICATE_BY_SM2 | CERTIFICATE_BY_RSA);
	assert_int_equal(judged(&other, "t", "t", NOW, &got), CERTIFICATE_WRONG_ALGORITHM);
	person_drop(&other);
}

/* What the extension may hold, and what is no number in it. */
static const struct { const char *der; size_t len; const char *number; } forms[] = {
#define FORM(der, number) { der, sizeof(der) - 1, number }
	FORM("\x0c\x12" "62129919850101006X", "62129919850101006X"),
	FORM("\x80\x12" "62129919850101006X", "62129919850101006X"),                 /* [0] IMPLICIT */
	FORM("\xa0\x14\x13\x12" "62129919850101006X", "62129919850101006X"),         /* [0] EXPLICIT */
	FORM("\x30\x16\xa0\x14\x13\x12" "62129919850101006X", "62129919850101006X"),
	FORM("\x82\x09" "E12345678", NULL),                                          /* [2]: a passport */
	FORM("\x0c\x13" "62129919850101006X", NULL),                                 /* longer than it is */
	FORM("\x0c\x11" "62129919850101006X", NULL),
	FORM("\x0c\x80" "62129919850101006X", NULL),
	FORM("\x0c\x00", NULL),
	FORM("\x30\x08\x30\x06\x30\x04\x30\x02\x0c\x00", NULL),
	FORM("62129919850101006X", NULL),
	FORM("\x0c\x05" "12 34", NULL),
	FORM("\x0c\x22" "1234567890123456789012345678901234", NULL),                 /* longer than any number */
#undef FORM
};

static void numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct test_person p;
		struct personal_certificate got;
		ca_issue(&ca, &p, "李小明", forms[i].der, forms[i].len, NOW - CA_DAY, NOW + CA_DAY);
		enum certificate_wrong wrong = judged(&p, "t", "t", NOW, &got);
		if (wrong != (forms[i].number != NULL ? CERTIFICATE_FINE : CERTIFICATE_WRONG_NUMBER) || (forms[i].number != NULL && strcmp(got.number, forms[i].number) != 0))
			fail_msg("form %zu: %s, \"%s\"", i, certificate_wrong_text(wrong), got.number);
		person_drop(&p);
	}
	struct test_person p;
	struct personal_certificate got;
	ca_issue(&ca, &p, "李小明", NULL, 0, NOW - CA_DAY, NOW + CA_DAY);
	assert_int_equal(judged(&p, "t", "t", NOW, &got), CERTIFICATE_WRONG_NUMBER);
	person_drop(&p);
}

static void words(void **state)
{
	(void)state;
	unsigned bits;
	struct fail why;
	struct trust *none;
	assert_true(certificate_algorithms(STR("sm2, rsa"), &bits) && bits == (CERTIFICATE_BY_SM2 | CERTIFICATE_BY_RSA));
	assert_true(certificate_algorithms(STR("ecdsa"), &bits) && bits == CERTIFICATE_BY_ECDSA);
	assert_false(certificate_algorithms(STR(""), &bits));
	assert_false(certificate_algorithms(STR("dsa"), &bits));
	static const struct { const char *trust, *lists, *oid; } wrong[] = { { "/nowhere", files[1], "1.2.3" }, { files[0], "/nowhere", "1.2.3" }, { files[1], files[1], "1.2.3" },
		{ files[0], files[0], "1.2.3" }, { files[0], files[1], "a word" } };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fail_clear(&why);
		assert_false(trust_read(wrong[i].trust, wrong[i].lists, wrong[i].oid, CERTIFICATE_BY_RSA, &none, &why));
		assert_int_equal(why.code, FAIL_CONFIG);
		assert_null(none);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = { CASE(times), CASE(lists), CASE(numbers), CASE(words) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
