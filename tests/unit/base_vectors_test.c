/* Goal: no published vector lies about unread: each key of each file in tests/unit/vectors is read by a test that names it, or stands here with why it is not.
 * Method: the files of the folder, their keys, and the sources of the tests that read them.
 * Not kept in the folder, of what was found for WeChat's non-tax platform: the push of e-receipt events (no e-receipt is put into WeChat's wallet, so nothing happens to it there), and the
 * envelope of its calls to us (nobody has published one). */
#include <dirent.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Who reads a file: sources beside this one, or below tests/. */
static const struct { const char *file, *readers[4]; } files[] = {
	{ "aliyun_acs3.json", { "unit/channels_sms_aliyun_test.c", "flow/sandbox.test.mjs" } },
	{ "cnnontax_frame.json", { "unit/channels_nontax_frame_test.c" } },
	{ "government.json", { "unit/auth_identity_number_test.c" } },
	{ "payments.json", { "unit/payments_fen_test.c", "unit/payments_payment_code_test.c", "unit/payments_notice_voucher_test.c", "unit/channels_nontax_test.c" } },
	{ "reconcile.json", { "unit/payments_recon_test.c" } },
	{ "standard_webhooks.json", { "unit/channels_webhook_test.c" } },
	{ "wechat_bill_all.json", { "unit/payments_bill_test.c" } },
	{ "wechat_bill_fundflow_synthetic.json", { "unit/payments_bill_test.c" } },
	{ "wechat_mini_data_decrypt.json", { "unit/channels_wechat_mini_test.c" } },
	{ "wechat_nontax_bill.json", { "unit/payments_bill_test.c" } },
	{ "wechat_pay_aes_gcm.json", { "unit/channels_wechat_pay_sign_test.c" } },
	{ "wechat_pay_paysign.json", { "unit/channels_wechat_pay_sign_test.c" } },
	{ "wechat_pay_request_signing.json", { "unit/channels_wechat_pay_sign_test.c" } },
	{ "wechat_pay_verify.json", { "unit/channels_wechat_pay_sign_test.c" } },
};
enum { FILES = sizeof(files) / sizeof(files[0]) };

/* Where a vector comes from, in prose. */
static const char *const prose[] = { "about", "origin", "source", "note", "unit_note", "derived", "rule", "algorithm", "layout", "hash_of", "line_ending", "error_rule", "do_not_use" };

static const struct { const char *file, *key, *why; } unread[] = {
	{ "government.json", "mod11_10_anchor", "one pair: it stands in unit/services_case_number_test.c" },
	{ "standard_webhooks.json", "must_reject", "sentences: the rows of unit/channels_webhook_test.c are these" },
	{ "standard_webhooks.json", "must_accept", "the same" },
	{ "wechat_bill_all.json", "gzip_file", "its name has a remark beside it; it is read" },
	{ "wechat_mini_data_decrypt.json", "session_signature", "no session is asked whether it is still good: each login brings a new one" },
	{ "wechat_mini_data_decrypt.json", "rawdata_signature", "nobody's nickname or picture is taken" },
	{ "wechat_nontax_bill.json", "header_columns", "columns are found by their names, however many there are" },
	{ "wechat_pay_verify.json", "published_verify", "signed over a bare text: what is verified here always has a time and a nonce" },
};
enum { UNREAD = sizeof(unread) / sizeof(unread[0]) };

static const char *slurp(const char *name)
{
	static char text[1 << 18];
	char path[512];
	snprintf(path, sizeof(path), SIBAN_SOURCE_DIR "/tests/%s", name);
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("there is no %s", name);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static int file_of(const char *name)
{
	for (int i = 0; i < FILES; i++)
		if (strcmp(files[i].file, name) == 0)
			return i;
	fail_msg("%s is read by nobody", name);
	return -1;
}

static bool is_prose(const char *key)
{
	for (size_t i = 0; i < sizeof(prose) / sizeof(prose[0]); i++)
		if (strcmp(prose[i], key) == 0)
			return true;
	return false;
}

/* In quotes, or as a member in JavaScript. */
static bool is_read(int file, const char *key)
{
	char quoted[96], member[96];
	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	snprintf(member, sizeof(member), ".%s", key);
	for (int i = 0; i < 4 && files[file].readers[i] != NULL; i++) {
		const char *text = slurp(files[file].readers[i]);
		if (strstr(text, quoted) != NULL || (strstr(files[file].readers[i], ".mjs") != NULL && strstr(text, member) != NULL))
			return true;
	}
	return false;
}

static const char *excuse(const char *file, const char *key)
{
	for (int i = 0; i < UNREAD; i++)
		if (strcmp(unread[i].file, file) == 0 && strcmp(unread[i].key, key) == 0)
			return unread[i].why;
	return NULL;
}

/* How many of its keys are wrong here. */
static int wrong_in(const char *name, int *keys, int *excused)
{
	char path[512];
	json_error_t e;
	const char *key;
	json_t *value;
	int wrong = 0, file = file_of(name);
	snprintf(path, sizeof(path), SIBAN_SOURCE_DIR "/tests/unit/vectors/%s", name);
	json_t *all = json_load_file(path, 0, &e), *inner = json_object_get(all, "vectors");
	assert_non_null(all);
	json_object_foreach(inner != NULL ? inner : all, key, value) {
		const char *why_not = excuse(name, key);
		bool read = is_read(file, key);
		if (is_prose(key))
			continue;
		if (read == (why_not != NULL)) {
			print_error("%s: \"%s\" is %s\n", name, key, read ? "read, and excused" : "read by nobody");
			wrong++;
		}
		*excused += why_not != NULL;
		++*keys;
	}
	json_decref(all);
	return wrong;
}

static void each_is_read(void **state)
{
	(void)state;
	int wrong = 0, keys = 0, excused = 0, seen = 0;
	DIR *d = opendir(SIBAN_SOURCE_DIR "/tests/unit/vectors");
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		size_t len = strlen(e->d_name);
		if (len < 6 || strcmp(e->d_name + len - 5, ".json") != 0)
			continue;
		wrong += wrong_in(e->d_name, &keys, &excused);
		seen++;
	}
	closedir(d);
	assert_int_equal(wrong, 0);
	assert_int_equal(seen, FILES);
	assert_int_equal(excused, UNREAD);
	assert_true(keys > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_is_read) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
