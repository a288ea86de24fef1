/* Bytes as a ticket. Whatever is taken for one is the one text of what it says: written again it is the same, but for the signature. */
#include "services/booking/ticket.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ticket t, again;
	struct ticket_parts parts, parts_again;
	struct str text = { (const char *)data, size };
	if (!ticket_parse(text, &t, &parts))
		return 0;
	assert(size < TICKET_TEXT_MAX && t.hall[0] != '\0' && strlen(t.hall) <= TICKET_HALL_MAX);
	assert(t.starts_ms >= 0 && t.starts_ms % 60000 == 0 && t.minutes >= 0 && t.people >= 0 && t.moves >= 0);
	assert(parts.is_signed.at == text.at && parts.is_signed.len + 1 + 86 == size);
	/* a character more, or another in its place, is another ticket or none */
	char other[TICKET_TEXT_MAX + 1];
	memcpy(other, text.at, size);
	other[4] = other[4] == 'A' ? 'B' : 'A';
	if (ticket_parse((struct str){ other, size }, &again, &parts_again))
		assert(memcmp(parts.key, parts_again.key, TICKET_KEY_ID_BYTES) != 0);
	assert(!ticket_parse((struct str){ text.at, size - 1 }, &again, &parts_again));
	return 0;
}
