/* Goal: whatever the finance system answers in JSON, or somebody in its place, nothing crashes, and what is read keeps its bounds. Method: the bytes are the body of a 200 to each of our deeds. */
#include "channels/nontax.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct codec_http *const codecs[] = { &codec_finance_confirm, &codec_receipt_issue, &codec_receipt_reverse };
	static struct config config;
	struct nontax_answer said;
	struct str body = { (const char *)data, size };
	for (int i = 0; i < 3; i++) {
		struct order o = { .key = "ef_1", .config = &config };
		struct judgement j = { .verdict = VERDICT_UNKNOWN };
		struct http_answer answer = { .end = HTTP_ANSWERED, .status = 200, .body = body };
		codecs[i]->judge(&o, &answer, &j);
		assert(j.verdict >= VERDICT_DONE && j.verdict <= VERDICT_STOP && strlen(j.code) < sizeof(j.code));
		assert(j.verdict != VERDICT_DONE || (nontax_answer_read(body, &said) && strlen(said.result) == NONTAX_RESULT_DIGITS && (i == 0 || said.number[0] != '\0')));
	}
	return 0;
}
