/* notify/message.h - something a person should know: a row in the inbox, an event in the person's stream, and the rungs of its ladder.
 *
 * The inbox is the record; each push is only the bell, and says no more than a stranger may read on a lock screen.
 * Thread: the write lane for what writes; reading is whoever's that holds the transaction. */
#ifndef NOTIFY_MESSAGE_H
#define NOTIFY_MESSAGE_H
#include "base/config.h"
#include "base/ids.h"
#include "base/request.h"
#include "store/store.h"

/* ---- words ---- */

/* Numbers are in the database. */
enum message_template {
#define BELL(...)
#define TEMPLATE(number, name, ...) TEMPLATE_##name = number,
#include "notify/templates.def"
#undef TEMPLATE
#undef BELL
	TEMPLATE_COUNT
};

/* What a push may say. */
struct bell_row {
	struct str status;       /* a few characters, for an SMS template's variable */
	struct str text[LANG_COUNT];
};

struct template_row {
	struct str name;
	int state;               /* enum case_state; 0: it is about a mandate or a booking */
	struct str title[LANG_COUNT], body[LANG_COUNT];
	const struct bell_row *bell;
};

const struct template_row *template_row(enum message_template t); /* of a number in the table */
enum message_template template_for(int case_state);               /* of a state, or of an event with words of its own; 0: it has none */
/* What is put in: {matter} or {holder}; {case}, or {when}; {bring} or {list}; {due}. */
struct template_words {
	struct str about, which, bring, due;
};
void template_fill(struct buf *out, struct str text, const struct template_words *words);

/* ---- writing ---- */

/* Which bells there are follows from the configuration, kept by pointer; once, before threads start. */
void message_bells(const struct config *c);

/* "Your case moved": written in the transaction of the case's event. Every move is an event of the person's stream; one that templates.def has words
 * for makes a message too, once per event. */
enum { CASE_WORDS_OF_EVENT = 100, CASE_WORDS_OF_APPLICANT = 200, CASE_WORDS_OF_DEMAND = 300 };
struct case_news {
	int64_t person, case_id, seq;
	int state;                       /* enum case_state */
	int words;                       /* what templates.def calls it: the state, or an event with words of its own */
	struct str case_no, matter_name; /* the name is needed only where there are words for the state */
	struct str list, due;            /* what the event wants, and until when (services/cases/demand.h); at NULL: nothing */
};
MUST_USE bool message_case_moved(struct tx *tx, const struct case_news *c, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why);

/* Something about a case that is no event of it: once for each cause and template. */
struct case_telling {
	int64_t person, case_id, cause;
	enum message_template template;
	struct str case_no, matter_name, list, due;
};
MUST_USE bool message_case_told(struct tx *tx, const struct case_telling *t, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why);

/* To a mandate's giver: what changed. */
struct mandate_news {
	int64_t person, mandate;
	enum message_template template;
	struct str holder_name;
};
MUST_USE bool message_mandate(struct tx *tx, const struct mandate_news *n, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why);

/* To whoever a visit is for: matters by name, when and where, what to bring; none of them holds a line's end. */
struct booking_news {
	int64_t person, booking;
	enum message_template template;
	struct str matters, when, bring;
};
MUST_USE bool message_booking(struct tx *tx, const struct booking_news *n, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why);

/* To whoever spoke: what became of it. */
struct voice_news {
	int64_t person, voice;
	enum message_template template;
	struct str about, number;        /* what kind of voice, and how it is called */
};
MUST_USE bool message_voice(struct tx *tx, const struct voice_news *n, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why);

/* To whoever paid, or whose notice it was. */
struct payment_news {
	int64_t person, payment;      /* payment: the row it is about, for the order of its bells */
	enum message_template template;
	struct str unit, yuan, paper; /* who is paid; the amount; of a receipt its numbers, which say the same in any language */
	struct str link;              /* of a receipt: where anybody checks it, at NULL nowhere */
};
MUST_USE bool message_payment(struct tx *tx, const struct payment_news *n, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why);

/* *found false: no such message of this person. Reading it again changes nothing. */
MUST_USE bool message_mark_read(struct tx *tx, struct id key, int64_t person, int64_t now_ms, bool *found, struct fail *why);

/* ---- reading ---- */

struct message {
	int64_t id, person, case_id, made_ms, read_ms;  /* case_id 0: about none; read_ms 0: not yet */
	struct id key;
	enum message_template template;
	struct str title, body, case_no, about; /* in the arena; title and body in the language asked for; about: the matter's name, or the holder's; case_no "": none, of a booking when and where */
};

/* Columns in the order message_of reads them. */
#define MESSAGE_COLUMNS "id, key, person, template, content, made_ms, read_ms, case_id"
enum { MESSAGE_COLUMN_COUNT = 8 };
struct stmt;
MUST_USE bool message_of(struct stmt *q, enum lang lang, struct arena *a, struct message *to, struct fail *why);
/* By row or by name. Fails: NOT_FOUND. */
MUST_USE bool message_by_id(struct tx *tx, int64_t id, enum lang lang, struct arena *a, struct message *to, struct fail *why);
MUST_USE bool message_by_key(struct tx *tx, struct id key, enum lang lang, struct arena *a, struct message *to, struct fail *why);
#endif
