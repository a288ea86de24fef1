/* Goal: whatever comes as a frame, its XML or its voucher, nothing crashes, and what is read keeps its bounds. Method: the first byte chooses: a whole frame, the XML inside one, a voucher inside that. */
#include "channels/nontax_frame.h"

#include "base/hash.h"
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
		buf_str(&b, STR("<CFX><HEAD><MsgNo>8001</MsgNo><MsgID>1</MsgID></HEAD><Voucher>"));
		buf_add(&b, text, len);
		buf_str(&b, STR("</Voucher></CFX>"));
		free(text);
		if (buf_ok(&b) && nontax_frame_close(STR("8001"), buf_text(&b), (struct secret){ STR("t") }, &a, &frame))
			read_whole(frame);
	}
	arena_free(&a);
	return 0;
}
