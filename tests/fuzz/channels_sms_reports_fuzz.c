/* Whatever arrives at the receipts' address: no crash, no report that is not there, no more of them than the bound. */
#include "base/arena.h"
#include "channels/sms_aliyun.h"

#include <assert.h>

struct seen {
	int count;
};

static bool see(void *ctx, const struct sms_report *r, struct fail *why)
{
	struct seen *s = ctx;
	(void)why;
	assert(str_is_utf8(r->out_id) && r->out_id.len <= 512 && r->err_code.len <= 512);
	return ++s->count <= SMS_REPORTS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct fail why;
	struct seen s = { 0 };
	fail_clear(&why);
	arena_init(&a, 4 << 20);
	bool ok = sms_aliyun_reports((struct str){ (const char *)data, size }, see, &s, &a, &why);
	assert(ok == (why.code == FAIL_NONE));
	/* and as the answer of a call: any bytes have a verdict, and its words can be printed */
	struct order o = { .key = "k" };
	struct http_answer answer = { .end = HTTP_ANSWERED, .status = 200, .body = { (const char *)data, size } };
	struct judgement j = { .verdict = 0 };
	codec_sms_aliyun.judge(&o, &answer, &j);
	assert(j.verdict >= VERDICT_DONE && j.verdict <= VERDICT_STOP);
	for (const char *at = j.code; *at != '\0'; at++)
		assert(*at > ' ' && *at < 0x7f);
	arena_free(&a);
	return 0;
}
