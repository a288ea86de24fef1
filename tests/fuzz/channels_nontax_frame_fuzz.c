/* Goal: whatever comes as a frame, its XML or its voucher, nothing crashes, what is read keeps its bounds, and what is no answer to a question about a payment code has a reason.
 * Method: the first byte chooses: a whole frame, the XML inside one, a voucher inside that; and, of a voucher, the number it comes under. */
#include "channels/finance_frame.h"

#include "base/hash.h"
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The question's id is "q", its code twenty sixes. */
static void judge(struct str frame)
{
	static struct config c;
	static struct finance_frames frames;
	struct nontax_message told;
	struct arena a;
	int64_t division;
	struct fail why = { .code = FAIL_NONE };
	if (frames.config == NULL) {
		config_defaults(&c);
		bool is_read = finance_frames_read(&c, &frames, &why);
		assert(is_read);
	}
	const struct http_answer answer = { .end = HTTP_ANSWERED, .status = 200, .body = frame };
	arena_init(&a, 8 << 20);
	enum finance_verdict verdict = finance_frame_judge(&frames, STR("q"), STR("66666666666666666666"), (struct secret){ STR_NONE }, &answer, &told, &division, &a, &why);
	assert((verdict == FINANCE_BROKEN) == (why.code != FAIL_NONE));
	assert(verdict == FINANCE_BROKEN || (str_eq(told.ref, STR("q")) && (division == 0 || (division >= 100000 && division <= 999999))));
	assert(verdict != FINANCE_FOUND || (str_eq(told.message, frames.dues) && str_eq(nontax_field(&told.voucher, "PayCode"), STR("66666666666666666666"))));
	arena_free(&a);
}

static void read_whole(struct str frame)
{
	struct nontax_answer said;
	struct nontax_message m;
	struct arena a;
	arena_init(&a, 8 << 20);
	if (nontax_message_read(frame, (struct secret){ STR_NONE }, &m, &a))
		assert(m.voucher.count <= NONTAX_FIELDS_MAX && m.id.len <= NONTAX_ID_MAX && (int64_t)frame.len == nontax_frame_length(frame));
	if (nontax_frame_answer(frame, (struct secret){ STR_NONE }, STR_NONE, STR_NONE, &said))
		assert(strlen(said.result) == NONTAX_RESULT_DIGITS && strlen(said.link) <= NONTAX_LINK_MAX);
	arena_free(&a);
	judge(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str rest = { (const char *)data + 1, size - 1 }, frame;
	struct arena a;
	arena_init(&a, 8 << 20);
	(void)nontax_frame_length(rest);
	if (data[0] % 3 == 0) {
		read_whole(rest);
	} else if (data[0] % 3 == 1) {
		if (nontax_frame_close(STR("8001"), rest, (struct secret){ STR("t") }, &a, &frame))
			read_whole(frame);
	} else {
		struct buf b;
		char *text = malloc(4 * (rest.len / 3 + 1) + 1);
		size_t len = base64_text((const uint8_t *)rest.at, rest.len, text);
		buf_init(&b, &a, len + 256);
		struct str number = (data[0] & 0x40) == 0 ? STR("8001") : (data[0] & 0x20) == 0 ? STR("5997") : STR("5001");
		buf_str(&b, STR("<CFX><HEAD><MsgNo>"));
		buf_str(&b, number);
		buf_str(&b, STR("</MsgNo><MsgID>1</MsgID><MsgRef>q</MsgRef></HEAD><Voucher>"));
		buf_add(&b, text, len);
		buf_str(&b, STR("</Voucher></CFX>"));
		free(text);
		if (buf_ok(&b) && nontax_frame_close(number, buf_text(&b), (struct secret){ STR("t") }, &a, &frame))
			read_whole(frame);
	}
	arena_free(&a);
	return 0;
}
