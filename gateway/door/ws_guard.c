/* gateway/door/ws_guard.c - RFC 6455 5.2, as far as a head alone can be judged. */
#include "gateway/door/ws_guard.h"
#include <stdbool.h>

enum { FIN = 0x80, RSV = 0x70, OPCODE = 0x0f, CONTROL = 0x08, MASK = 0x80, LENGTH = 0x7f, LENGTH_16 = 126, LENGTH_64 = 127, CONTROL_MAX = 125 };
enum { WRONG = 1002, TOO_LONG = 1009 };

static int head_needs(const struct ws_guard *g)
{
	if (g->have < 2)
		return 2;
	int length = g->head[1] & LENGTH;
	return 2 + 4 + (length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0);
}

static bool opcode_is_known(int opcode)
{
	return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

/* The first two bytes. */
static int judge_start(const struct ws_guard *g)
{
	int opcode = g->head[0] & OPCODE;
	bool is_control = opcode & CONTROL;
	if (!opcode_is_known(opcode) || (g->head[0] & RSV) != 0 || !(g->head[1] & MASK))
		return WRONG;
	return is_control && (!(g->head[0] & FIN) || (g->head[1] & LENGTH) > CONTROL_MAX) ? WRONG : 0;
}

static int judge_length(struct ws_guard *g, uint64_t payload_max)
{
	int length = g->head[1] & LENGTH, bytes = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;
	uint64_t value = bytes == 0 ? (uint64_t)length : 0;
	for (int i = 0; i < bytes; i++)
		value = value << 8 | g->head[2 + i];
	if (value > payload_max)
		return TOO_LONG;
	bool is_shortest = bytes == 0 || (bytes == 2 ? value > CONTROL_MAX : value > UINT16_MAX);
	g->left = value;
	return is_shortest ? 0 : WRONG;
}

int ws_guard_look(struct ws_guard *g, const uint8_t *at, size_t len, uint64_t payload_max)
{
	while (len > 0 && g->code == 0) {
		if (g->left > 0) {
			size_t skip = g->left < len ? (size_t)g->left : len;
			g->left -= skip;
			at += skip;
			len -= skip;
			continue;
		}
		g->head[g->have++] = *at++;
		len--;
		if (g->have == 2)
			g->code = judge_start(g);
		if (g->code == 0 && g->have >= 2 && g->have == head_needs(g)) {
			g->code = judge_length(g, payload_max);
			g->have = 0;
		}
	}
	return g->code;
}
