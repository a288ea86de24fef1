/* Goal: what is written is what is read; every wrong line is named at once; a reload takes what it may.
 * Method: the sample file there and back; one file with every kind of mistake; rows for config_consistent. */
#include "base/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

static void write_file(char name[], struct str text)
{
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.at, text.len), text.len);
	close(fd);
}

static bool read_text(struct config *c, struct str text, struct config_wrongs *wrongs)
{
	char name[] = "/tmp/siban-conf-XXXXXX";
	write_file(name, text);
	memset(wrongs, 0, sizeof *wrongs);
	bool good = config_read(c, name, wrongs);
	unlink(name);
	assert_int_equal(good, wrongs->count == 0);
	return good;
}

static void assert_same(const struct config *a, const struct config *b)
{
#define CONFIG_INT(field, name, min, max, fallback, unit, reload, prose) assert_true(a->field == b->field);
#define CONFIG_BOOL(field, name, fallback, reload, prose) assert_int_equal(a->field, b->field);
#define CONFIG_TEXT(field, name, bytes_max, fallback, reload, prose) assert_string_equal(a->field, b->field);
#define CONFIG_WORD(field, name, words, fallback, reload, prose) assert_int_equal(a->field, b->field);
#include "base/config.def"
#undef CONFIG_INT
#undef CONFIG_BOOL
#undef CONFIG_TEXT
#undef CONFIG_WORD
}

static char *printed(void (*print)(FILE *), size_t *len)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, len);
	assert_non_null(to);
	print(to);
	fclose(to);
	return text;
}

static void the_sample_is_the_defaults(void **state)
{
	(void)state;
	struct config defaults, got;
	struct config_wrongs wrongs;
	size_t len;
	char *text = printed(config_sample, &len);
	config_defaults(&defaults);
	memset(&got, 0x5a, sizeof got); /* nothing may be left over: the sample names every row */
	if (!read_text(&got, (struct str){ text, len }, &wrongs))
		fail_msg("%d: %s: %s", wrongs.at[0].line, wrongs.at[0].name, wrongs.at[0].why);
	assert_same(&defaults, &got);
	free(text);
	assert_true(config_read(&got, NULL, &wrongs));
}

static const struct config *shown;
static void show(FILE *to) { config_print(shown, to); }

static void what_is_printed_is_read_back(void **state)
{
	(void)state;
	struct config c, back;
	struct config_wrongs wrongs;
	memset(&wrongs, 0, sizeof wrongs);
	config_defaults(&c);
	assert_true(config_override(&c, "listen.port=444", &wrongs) && config_override(&c, " log.level = error", &wrongs));
	assert_true(config_override(&c, "state.dir=/a=b #c", &wrongs) && config_override(&c, "development=true", &wrongs));
	assert_int_equal(c.listen_port, 444);
	assert_int_equal(c.log_level, 4);
	assert_string_equal(c.state_dir, "/a=b #c");
	shown = &c;
	size_t len;
	char *text = printed(show, &len);
	memset(&back, 0, sizeof back);
	assert_true(read_text(&back, (struct str){ text, len }, &wrongs));
	assert_same(&c, &back);
	free(text);
}

static void every_wrong_line_at_once(void **state)
{
	(void)state;
	static const char text[] = "\xef\xbb\xbf# a comment after a byte order mark\r\n"
				   "listen.prot = 1\n"          /* 2: nearest is listen.port */
				   "listen.port = 70000\r\n"    /* 3: range */
				   "loops = 2 # two\n"          /* 4: type, and why */
				   "log.access = yes\n"         /* 5 */
				   "log.level = loud\n"         /* 6 */
				   "  rate.read\t=\t7  \n"      /* 7: good */
				   "rate.read = 8\n"            /* 8: twice */
				   "[tls]\n"                    /* 9: section */
				   "just words\n"               /* 10 */
				   "= 5\n"                      /* 11 */
				   "zzzzzzzzzzzzzzzzzz = 5\n"   /* 12: nothing is near */
				   "tls.key = a\x01\n"          /* 13: control */
				   "\xff = 1\n"                 /* 14: not UTF-8 */
				   "store.batch = 99999999999999999999\n" /* 15 */
				   "listen.address = 1234567890123456789012345678901234567890123456789012345678901234567890\n" /* 16 */
				   "loops=\n"                   /* 17: wrong again is a duplicate */
				   "\n   \n"
				   "timeout.idle = \n"          /* 20 */
				   "stop = 1";                  /* 21, without a line's end */
	static const struct { int line; const char *name, *why; } want[] = {
		{ 2, "listen.prot", "listen.port" }, { 3, "listen.port", "1 to 65535" }, { 4, "loops", "line of its own" }, { 5, "log.access", "true" },
		{ 6, "log.level", "debug|info" },    { 8, "rate.read", "line 7" },       { 9, "[tls]", "sections" },         { 10, "just words", "name = value" },
		{ 11, "", "name = value" },          { 12, "zzzzzzzzzzzzzzzzzz", "no such name" }, { 13, "tls.key", "control" }, { 14, "", "UTF-8" },
		{ 15, "store.batch", "whole number" }, { 16, "listen.address", "64 bytes" }, { 17, "loops", "line 4" }, { 20, "timeout.idle", "whole number" },
		{ 21, "stop", "no such name" },
	};
	struct config c;
	struct config_wrongs wrongs;
	config_defaults(&c);
	assert_false(read_text(&c, (struct str){ text, sizeof text - 1 }, &wrongs));
	for (int i = 0; i < (int)(sizeof want / sizeof want[0]) && i < wrongs.count; i++) {
		const struct config_wrong *w = &wrongs.at[i];
		if (w->line != want[i].line || strcmp(w->name, want[i].name) != 0 || strstr(w->why, want[i].why) == NULL)
			fail_msg("%d: %s: %s", w->line, w->name, w->why);
	}
	assert_int_equal(wrongs.count, sizeof want / sizeof want[0]);
	assert_int_equal(c.rate_read, 7);
	assert_int_equal(c.listen_port, 8443);
}

static void too_many_to_keep(void **state)
{
	(void)state;
	char text[400];
	for (size_t i = 0; i < sizeof text; i += 4)
		memcpy(text + i, "x=1\n", 4);
	struct config c;
	struct config_wrongs wrongs;
	assert_false(read_text(&c, (struct str){ text, sizeof text }, &wrongs));
	assert_int_equal(wrongs.count, 100);
	memset(&wrongs, 0, sizeof wrongs);
	assert_false(config_read(&c, "/nowhere/siban.conf", &wrongs));
	assert_int_equal(wrongs.count, 1);
	assert_false(config_read(&c, "/tmp", &wrongs)); /* a folder */
	assert_int_equal(wrongs.count, 2);
	assert_false(config_override(&c, "listen.port", &wrongs) || config_override(&c, "=1", &wrongs) || config_override(&c, "a=1", &wrongs));
	assert_int_equal(wrongs.count, 5);
}

/* What a day may need is what there are statements of. */
static void every_source_may_be_needed(void **state)
{
	(void)state;
	static const char *const sources[] = {
#define BILL(name, number, text, ...) text,
#include "payments/statements/bill_formats.def"
#undef BILL
	};
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
		struct config c;
		struct config_wrongs wrongs;
		memset(&wrongs, 0, sizeof wrongs);
		config_defaults(&c);
		c.development = true;
		snprintf(c.recon_close_needs, sizeof c.recon_close_needs, "%s", sources[i]);
		assert_true(config_consistent(&c, &wrongs));
	}
}

static void consistent(void **state)
{
	(void)state;
	static const struct { const char *set[3], *wrong; /* NULL: nothing */ } rows[] = {
		{ { "tls.certificate=/c", "tls.key=/k" }, NULL },
		{ { "development=true" }, NULL },
		{ { "development=true", "listen.address=::", "admin.address=::1" }, NULL },
		{ { "development=true", "admin.address=127.9.9.9", "listen.hosts=a.gov.cn, b.gov.cn" }, NULL },
		{ { "development=false" }, "tls.certificate" },
		{ { "tls.certificate=/c" }, "tls.key" },
		{ { "development=true", "tls.key=/k" }, "tls.certificate" },
		{ { "development=true", "admin.address=0.0.0.0" }, "admin.address" },
		{ { "development=true", "admin.address=::" }, "admin.address" },
		{ { "development=true", "admin.address=128.0.0.1" }, "admin.address" },
		{ { "development=true", "admin.address=localhost" }, "admin.address" },
		{ { "development=true", "listen.address=" }, "listen.address" },
		{ { "development=true", "admin.port=8443" }, "admin.port" },
		{ { "development=true", "state.dir=here" }, "state.dir" },
		{ { "development=true", "wechat.nontax.mch_ids=1900000011, 1900000012" }, NULL },
		{ { "development=true", "wechat.nontax.mch_ids=1900000011,,1900000012" }, "wechat.nontax.mch_ids" },
		{ { "development=true", "wechat.nontax.mch_ids=1900000011 1900000012" }, "wechat.nontax.mch_ids" },
		{ { "development=true", "wechat.nontax.mch_ids=123456789012345678901234567890123" }, "wechat.nontax.mch_ids" },
		{ { "development=true", "wechat.nontax.mch_ids=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16" }, NULL },
		{ { "development=true", "wechat.nontax.mch_ids=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17" }, "wechat.nontax.mch_ids" },
		{ { "development=true", "listen.hosts=a b" }, "listen.hosts" },
		{ { "development=true", "expiring.certificate=/c", "expiring.key=/k" }, NULL },
		{ { "development=true", "expiring.certificate=/c" }, "expiring.key" },
		{ { "development=true", "tls.client_hosts=a.gov.cn=/a.pem, b.gov.cn = /b.pem" }, NULL },
		{ { "development=true", "tls.client_hosts=a.gov.cn" }, "tls.client_hosts" },
		{ { "development=true", "tls.client_hosts=a.gov.cn=a.pem" }, "tls.client_hosts" },
		{ { "development=true", "tls.client_hosts==/a.pem" }, "tls.client_hosts" },
		{ { "development=true", "tls.client_hosts=a b=/a.pem" }, "tls.client_hosts" },
		{ { "development=true", "tls.client_hosts=a=/a.pem,,b=/b.pem" }, "tls.client_hosts" },
		{ { "development=true", "tls.client_hosts=a.gov.cn=/a.pem,A.gov.cn=/b.pem" }, "tls.client_hosts" },
		{ { "development=true", "listen.hosts=a," }, "listen.hosts" },
		{ { "development=true", "listen.hosts=a,,b" }, "listen.hosts" },
		{ { "tls.certificate=/c", "tls.key=/k", "provincial.token_url=http://p/t" }, "provincial.token_url" },
		{ { "tls.certificate=/c", "tls.key=/k", "provincial.userinfo_url=https://p/u" }, NULL },
		{ { "development=true", "provincial.authorize_url=http://p/a" }, NULL },
		{ { "development=true", "payments.close_needs=" }, NULL },
		{ { "development=true", "payments.close_needs=receipts , wechat_fund" }, NULL },
		{ { "development=true", "payments.close_needs=finance,wechat" }, "payments.close_needs" },
		{ { "development=true", "payments.close_needs=finance,,bank" }, "payments.close_needs" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config c;
		struct config_wrongs wrongs;
		memset(&wrongs, 0, sizeof wrongs);
		config_defaults(&c);
		for (int k = 0; k < 3 && rows[i].set[k] != NULL; k++)
			assert_true(config_override(&c, rows[i].set[k], &wrongs));
		assert_int_equal(config_consistent(&c, &wrongs), rows[i].wrong == NULL);
		assert_int_equal(wrongs.count, rows[i].wrong != NULL);
		if (rows[i].wrong != NULL)
			assert_string_equal(wrongs.at[0].name, rows[i].wrong);
	}
}

static void reloading(void **state)
{
	(void)state;
	struct config now, next;
	struct config_wrongs wrongs;
	char changed[256], refused[256], small[20];
	memset(&wrongs, 0, sizeof wrongs);
	config_defaults(&now);
	config_defaults(&next);
	config_reload(&now, &next, changed, sizeof changed, refused, sizeof refused);
	assert_true(changed[0] == '\0' && refused[0] == '\0');
	assert_true(config_override(&next, "rate.read=5", &wrongs) && config_override(&next, "log.level=warn", &wrongs));
	assert_true(config_override(&next, "listen.hosts=a", &wrongs) && config_override(&next, "listen.port=1", &wrongs));
	assert_true(config_override(&next, "log.access=false", &wrongs) && config_override(&next, "loops=3", &wrongs));
	struct config again = now;
	config_reload(&now, &next, changed, sizeof changed, refused, sizeof refused);
	assert_string_equal(changed, "listen.hosts,rate.read,log.level,log.access");
	assert_string_equal(refused, "listen.port,loops");
	assert_true(now.rate_read == 5 && now.log_level == 3 && !now.log_access && now.listen_port == 8443 && now.loops == 0);
	assert_string_equal(now.public_hosts, "a");
	config_reload(&again, &next, small, sizeof small, refused, sizeof refused);
	assert_string_equal(small, "listen.hosts,\xe2\x80\xa6");
	assert_same(&again, &now); /* the list is short, the work is not */
}

static void the_reference_names_every_row(void **state)
{
	(void)state;
	size_t len;
	char *text = printed(config_reference, &len);
#define CONFIG_INT(field, name, ...) assert_non_null(strstr(text, "| `" name "` | "));
#define CONFIG_BOOL CONFIG_INT
#define CONFIG_TEXT CONFIG_INT
#define CONFIG_WORD CONFIG_INT
#include "base/config.def"
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		int bars = 0;
		for (char *c = line; *c != '\0'; c++)
			bars += *c == '|';
		assert_true(line[0] == '|' ? bars == 6 : bars == 0);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_is_the_defaults), cmocka_unit_test(what_is_printed_is_read_back), cmocka_unit_test(every_wrong_line_at_once),
		cmocka_unit_test(too_many_to_keep),           cmocka_unit_test(consistent), cmocka_unit_test(every_source_may_be_needed),                   cmocka_unit_test(reloading),
		cmocka_unit_test(the_reference_names_every_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
