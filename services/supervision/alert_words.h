/* services/supervision/alert_words.h - what a message about limits of cases and of tickets says: to a system as JSON, to a phone as a template's variables. */
#ifndef SERVICES_ALERT_WORDS_H
#define SERVICES_ALERT_WORDS_H
#include "base/arena.h"
#include "services/cases/case_clock.h"

enum { ALERT_ITEMS = 20, ALERT_ARENA = 256 * 1024 };
enum alert_what { ALERT_LIGHTS, ALERT_LIST };

struct alert_item {
	int64_t kind, what;                   /* kind: enum clock_kind, of a ticket enum voice_clock */
	int32_t due;
	struct str case_ref, case_no, ticket; /* of a case, or of a ticket or work order; what it is not: at NULL */
};
enum alert_of { ALERT_CASES, ALERT_TICKETS, ALERT_OFS };

struct alert {
	enum alert_what what;
	int64_t after;                        /* LIGHTS: read the feed from behind this seal */
	int64_t counts[ALERT_OFS][CLOCK_TOLD_RED + 1]; /* LIGHTS: by enum clock_what */
	int32_t until;                        /* LIST: the next working day */
	int64_t listed[ALERT_OFS];            /* LIST */
	bool more;                            /* there is more than was counted */
	int item_count;
	struct alert_item items[ALERT_ITEMS]; /* the first */
};

/* {"type", "timestamp", "data": {…}}, as Standard Webhooks proposes. */
MUST_USE bool alert_body(const struct alert *al, struct str code, struct str name, int64_t now_ms, struct arena *a, struct str *body, struct fail *why);
bool alert_has_sms(const struct alert *al); /* its template is configured */
/* To one phone. `random`: 16 bytes of its own. */
MUST_USE bool alert_sms(struct tx *tx, const struct alert *al, const char *phone, const uint8_t random[16], int64_t now_ms, struct fail *why);
#endif
