/* Amounts: what is taken is digits and at most one point, and written again it reads the same. */
#include "payments/fen.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[FEN_TEXT_BYTES];
	int64_t fen = -1, again = -1;
	int points = 0;
	struct str in = { (const char *)data, size };
	if (!fen_from_yuan(in, &fen))
		return 0;
	assert(size > 0 && size <= 15 && fen >= 0 && fen <= FEN_MAX);
	for (size_t i = 0; i < size; i++) {
		points += data[i] == '.';
		assert(data[i] == '.' || (data[i] >= '0' && data[i] <= '9'));
	}
	assert(points <= 1);
	size_t len = fen_yuan(fen, text);
	assert(fen_from_yuan((struct str){ text, len }, &again) && again == fen);
	return 0;
}
