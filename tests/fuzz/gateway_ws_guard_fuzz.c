/* Bytes as a client might send them into a tunnel: the verdict is the same however they are cut, and what is let through consists of masked frames
 * of allowed length, by a second reading of the whole. */
#include "gateway/door/ws_guard.h"
#include <assert.h>
#include <stdbool.h>

enum { PAYLOAD_MAX = 4096 };

/* Reads whole frames from the start; false: one that must not be there. An unfinished one at the end is fine. */
static bool frames_are_fine(const uint8_t *at, size_t len)
{
	while (len >= 2) {
		int opcode = at[0] & 15, small = at[1] & 127;
		size_t head = 2 + (small == 126 ? 2 : small == 127 ? 8 : 0) + 4;
		bool control = opcode >= 8;
		if (!(at[1] & 128) || (at[0] & 0x70) || (opcode > 2 && opcode < 8) || opcode > 10 || (control && (!(at[0] & 128) || small > 125)))
			return false;
		if (len < head)
			return true;
		uint64_t payload = (uint64_t)small;
		if (small >= 126) {
			payload = 0;
			for (size_t i = 2; i < head - 4; i++)
				payload = payload << 8 | at[i];
		}
		if (payload > PAYLOAD_MAX)
			return false;
		if (small == 126 && payload < 126)
			return false;
		if (small == 127 && payload < 65536)
			return false;
		if (len - head < payload)
			return true;
		at += head + payload;
		len -= head + payload;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ws_guard whole = { .code = 0 }, pieces = { .code = 0 };
	int code = ws_guard_look(&whole, data, size, PAYLOAD_MAX);
	for (size_t at = 0, n; at < size; at += n) {
		n = 1 + data[at] % 7;
		if (n > size - at)
			n = size - at;
		ws_guard_look(&pieces, data + at, n, PAYLOAD_MAX);
	}
	assert(pieces.code == code && (code == 0 || code == 1002 || code == 1009));
	assert((code == 0) == frames_are_fine(data, size));
	return 0;
}
