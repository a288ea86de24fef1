/* services/voices/voice.h - what somebody says and wants an answer to (诉求): a poor rating's work order, or a ticket to 12345 (咨询、建议、投诉、举报).
 *
 * 统一接收、按责转办、限时办结、统一督办、评价反馈: it is received, assigned to a department, accepted, answered, and whoever spoke says whether that satisfies him. States
 * and events are tables; voice_move alone moves, and writes a fact for each event. Clocks: services/voices/voice_clock.h. What is said with it lies sealed.
 * Thread: whoever holds the transaction; the write lane for what changes something.
 * Source: 国办发〔2019〕51号, 国办发〔2020〕53号, GB/T 39735-2020; design notes C6, C7. */
#ifndef SERVICES_VOICE_H
#define SERVICES_VOICE_H
#include "base/request.h"
#include "notify/message.h"
#include "store/store.h"

enum voice_kind {
#define KIND(number, name, ...) VOICE_##name = number,
#include "services/voices/voice_kinds.def"
#undef KIND
	VOICE_KINDS
};
enum voice_state {
	VOICE_IS_NEW = 0,
#define STATE(number, name, ...) VOICE_IS_##name = number,
#include "services/voices/voice_states.def"
#undef STATE
	VOICE_STATES
};
enum voice_event {
#define EVENT(number, name, ...) VOICE_WAS_##name = number,
#include "services/voices/voice_events.def"
#undef EVENT
	VOICE_EVENTS
};
enum { VOICE_BY_SELF = 1, VOICE_BY_PERSON = 2, VOICE_BY_OPERATOR = 4, VOICE_BY_DEPARTMENT = 8, VOICE_BY_SUPERVISOR = 16, VOICE_BY_PROPOSAL = 32 };
enum { VOICE_WANTS_TEXT = 1, VOICE_WANTS_PLACE = 2, VOICE_WANTS_CALL = 4 };

struct voice_kind_row {
	struct str text, name[LANG_COUNT];
	bool is_filed, to_its_department, shows_speaker;
};
struct voice_state_row {
	struct str text, name[LANG_COUNT];
};
struct voice_event_row {
	struct str text, zh;
	uint32_t from;           /* bit n: state n */
	enum voice_state to;     /* VOICE_IS_NEW: it stays */
	unsigned by, wants;
	enum message_template told; /* 0: nothing */
};
const struct voice_kind_row *voice_kind_row(enum voice_kind k);
const struct voice_state_row *voice_state_row(enum voice_state s);
const struct voice_event_row *voice_event_row(enum voice_event e);
enum voice_kind voice_kind_from(struct str text);   /* 0: there is none that is filed */
enum voice_state voice_state_from(struct str text); /* 0: none */
enum voice_event voice_event_from(struct str text); /* 0: none */
bool voice_is_over(enum voice_state s);
/* Pure: what becomes of one in state `s`? false: not from there. */
bool voice_may_move(enum voice_state s, enum voice_event e, enum voice_state *to);

enum { VOICE_NUMBER_LENGTH = 15, VOICE_NUMBER_BYTES = VOICE_NUMBER_LENGTH + 1, VOICE_TEXT_MAX = 1000 /* characters */, VOICE_SAID_MAX = 500, VOICES_OPEN_MAX = 20 /* of a person */ };

struct voice {
	int64_t id, person, taker, case_id, rating, department, region, calls, answered_on, made_ms, changed_ms; /* 0: none */
	enum voice_kind kind;
	enum voice_state state;
	bool is_complex, reopened;
	char number[VOICE_NUMBER_BYTES];
};

/* Who does it: one of VOICE_BY, and his principal; `r` gives time, randomness and arena. */
struct voice_by {
	const struct request *r;  /* NULL: a job; then the rest below */
	unsigned role;
	int64_t now_ms;
	const uint8_t *random;    /* 32 bytes of its own */
	struct arena *arena;
};

struct voice_new {
	enum voice_kind kind;
	int64_t person, taker, case_id, rating;
	int64_t department;       /* of the case; 0: none */
	int64_t region;
	struct str text, contact; /* contact: name, a line's end, phone; empty: the person's own */
};
/* Received, and assigned where its kind says so. Fails: VOICES_MAX. */
MUST_USE bool voice_make(struct tx *tx, const struct voice_new *n, const struct voice_by *by, struct voice *out, struct fail *why);

bool voice_number_from(struct str text); /* has it the form of one? */
/* out->id 0: there is none. */
MUST_USE bool voice_find(struct tx *tx, struct str number, struct voice *out, struct fail *why);
MUST_USE bool voice_read(struct tx *tx, int64_t id, struct voice *out, struct fail *why);
/* In apply, before what is done depends on it: nobody else moves it until the end. */
MUST_USE bool voice_take(struct tx *tx, struct str number, struct voice *out, struct fail *why);
/* Columns in the order voice_of reads them. */
#define VOICE_COLUMNS                                                                                                                                 \
	"v.id, v.number, v.kind, v.state, COALESCE(v.person, 0), v.taker, COALESCE(v.case_id, 0), COALESCE(v.rating, 0), COALESCE(v.department, 0), v.region," \
	" v.is_complex, v.calls, v.reopened, COALESCE(v.answered_on, 0), v.made_ms, v.changed_ms"
enum { VOICE_COLUMN_COUNT = 16 };
void voice_of(struct stmt *q, struct voice *out);

struct voice_act {
	enum voice_event event;
	int64_t department;       /* where it goes, of those that want a PLACE */
	int64_t days;             /* of EXTENDED */
	struct str text;
};
/* Fails: VOICE_STATE (facts state, allowed), VOICE_CALL; FIELD, FIELD_MISSING /text, /department. */
MUST_USE bool voice_move(struct tx *tx, struct voice *v, const struct voice_act *a, const struct voice_by *by, struct fail *why);
/* Closes answers that nobody said anything about for `days`, `most` at most. */
MUST_USE bool voices_close(struct tx *tx, int64_t now_ms, int64_t days, int64_t most, int64_t *closed, struct fail *why);

/* What was said, into the arena; empty: nothing, or it was overwritten. */
MUST_USE bool voice_text(struct tx *tx, const struct voice *v, struct arena *a, struct str *text, struct str *contact, struct fail *why);
#endif
