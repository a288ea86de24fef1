/* channels/clamd.c - whatever is not understood is not clean. */
#include "channels/clamd.h"

void clamd_length(uint32_t len, uint8_t out[CLAMD_LENGTH_BYTES])
{
	for (int i = 0; i < CLAMD_LENGTH_BYTES; i++)
		out[i] = (uint8_t)(len >> (8 * (CLAMD_LENGTH_BYTES - 1 - i)));
}

static void name_of(struct str said, char name[CLAMD_NAME_MAX + 1])
{
	size_t n = 0;
	for (size_t i = 0; i < said.len && n < CLAMD_NAME_MAX; i++)
		name[n++] = said.at[i] > ' ' && said.at[i] <= '~' ? said.at[i] : '?';
	name[n] = '\0';
}

enum clamd_verdict clamd_judge(struct str answer, char name[CLAMD_NAME_MAX + 1])
{
	static const struct str head = STR("stream: "), found = STR(" FOUND");
	name[0] = '\0';
	if (answer.len > 0 && (answer.at[answer.len - 1] == '\0' || answer.at[answer.len - 1] == '\n'))
		answer.len--;
	if (answer.len == 0 || answer.len > CLAMD_ANSWER_MAX || memchr(answer.at, '\0', answer.len) != NULL || memchr(answer.at, '\n', answer.len) != NULL)
		return CLAMD_NONSENSE;
	if (str_eq(answer, STR("stream: OK")))
		return CLAMD_CLEAN;
	if (str_ends(answer, STR(" ERROR")))
		return CLAMD_ERROR;
	if (!str_starts(answer, head) || !str_ends(answer, found) || answer.len <= head.len + found.len)
		return CLAMD_NONSENSE;
	name_of((struct str){ answer.at + head.len, answer.len - head.len - found.len }, name);
	return CLAMD_FOUND;
}
