/* services/voices/voice_view.h - how a voice is shown: to whoever spoke, and to those at whose hands it is.
 * Thread: whoever holds the transaction, or renders. */
#ifndef SERVICES_VOICE_VIEW_H
#define SERVICES_VOICE_VIEW_H
#include "services/cases/case_number.h"
#include "services/page.h"
#include "services/voices/voice_clock.h"

enum { VOICE_STEPS_MAX = 60, VOICES_A_PAGE = 100 };

struct voice_step {
	int64_t what, state, by_kind, clock, day, made_ms;
	bool has_due;
	int32_t due;
	struct str department, text;
};
struct voice_view {
	struct voice v;
	struct voice_due due;
	struct str department_code, department_name, text; /* in the arena; empty: none */
	char case_no[CASE_NUMBER_BYTES];          /* "": about none */
	struct str speaker, phone;                /* masked; empty: not known, or not to be shown */
	int step_count;
	struct voice_step *steps;                 /* the last ones, in the arena */
};
enum voice_eyes { VOICE_SEEN_BY_PERSON, VOICE_SEEN_BY_OFFICE };

/* Rows for voice_view_of. */
#define VOICE_VIEW_SELECT                                                                                                                 \
	"SELECT " VOICE_COLUMNS ", d.code, d.name, c.case_no, k.kind, k.due, k.yellow FROM voice v LEFT JOIN department d ON d.id = v.department" \
	" LEFT JOIN cases c ON c.id = v.case_id LEFT JOIN voice_clock k ON k.voice = v.id AND k.phase = 1"
/* What stands in a list. */
MUST_USE bool voice_view_of(struct stmt *q, struct arena *a, struct voice_view *out, struct fail *why);
/* By its number. Fails: NOT_FOUND. */
MUST_USE bool voice_view_find(struct tx *tx, struct arena *a, struct str number, struct voice_view *out, struct fail *why);
/* The rest: what was said, and what happened. */
MUST_USE bool voice_view_all(struct tx *tx, struct arena *a, struct voice_view *v, enum voice_eyes eyes, struct fail *why);
void voice_head_members(struct json_out *j, const struct voice_view *v, int32_t today, enum lang lang); /* into the open object */
void voice_all_members(struct json_out *j, const struct voice_view *v, enum voice_eyes eyes);
/* Name and phone of whoever spoke, in full; empty: not known. In the arena. */
MUST_USE bool voice_speaker(struct tx *tx, const struct voice *v, struct arena *a, struct str *name, struct str *phone, struct fail *why);

/* A page of a list, the newest first: rows of VOICE_VIEW_SELECT whose ids are below page.from.id, one more than fit. */
struct voice_page {
	struct page page;
	bool late, taken;         /* what an office asked for */
	enum voice_state state;
	struct voice_view items[];
};
struct voice_page *voice_page_state(struct request *r, struct fail *why);
MUST_USE bool voice_page_read(struct voice_page *p, struct stmt *q, struct arena *a, struct fail *why);
MUST_USE bool voice_page_render(struct request *r, struct fail *why);

/* "This voice, please", of the path, without a query. Fails: NOT_FOUND. */
MUST_USE bool voice_question(struct request *r, struct str *number, struct fail *why);
/* The state of whoever shows one. */
struct voice_shown {
	struct str number;
	struct voice_view view;
};
MUST_USE bool voice_shown_parse(struct request *r, struct fail *why);
MUST_USE bool voice_shown_reply(struct request *r, enum voice_eyes eyes, struct fail *why);
/* What a deed leaves: number and state. */
void voice_decided(struct request *r, const struct voice *v, int status);
MUST_USE bool voice_decided_render(struct request *r, struct fail *why);
#endif
