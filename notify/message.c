/* notify/message.c - one move, one message: it stands in the inbox in the words of its day, whatever becomes of the bells. */
#include "notify/message.h"
#include "auth/person.h"
#include "auth/vault.h"
#include "base/hash.h"
#include "base/json.h"
#include "channels/sms_aliyun.h"
#include "notify/effect.h"
#include "notify/stream.h"
#include <assert.h>
#include <stdio.h>

enum { CONTENT_FIRST_BYTES = 512, CONTENT_PARTS = 4, RANDOM_BYTES = 32 };

enum told_kind { OF_CASE, OF_MANDATE, OF_BOOKING, OF_VOICE, OF_PAYMENT };

/* What a message says, and of what. */
struct told {
	int64_t person;
	int64_t case_id, cause;      /* the case and its event's seq; of a mandate, a booking or a voice 0 and its row */
	enum message_template template;
	struct str case_no, about;   /* of a booking: when and where, and its matters */
	struct str bring, due;       /* of a booking; of a case what it wants, and until when; at NULL: nothing */
	enum told_kind kind;
};

/* A request may release many events: each message gets random bytes of its own, ten for its name and sixteen for its seal. */
static void random_of(const struct told *c, const uint8_t random[RANDOM_BYTES], uint8_t out[SHA256_BYTES])
{
	struct {
		uint8_t random[RANDOM_BYTES];
		int64_t case_id, seq;
	} in = { .case_id = c->case_id, .seq = c->cause };
	memcpy(in.random, random, RANDOM_BYTES);
	sha256((struct str){ (const char *)&in, sizeof(in) }, out);
}

/* ---- writing ---- */

/* Title, body, case number, matter, and where there is one the list and its last day: one line each, for none of them holds a line's end. */
static bool write_content(const struct told *c, enum message_template t, struct buf *to, struct fail *why)
{
	const struct template_row *row = template_row(t);
	assert(memchr(c->about.at, '\n', c->about.len) == NULL);
	buf_str(to, row->title[LANG_ZH]);
	buf_char(to, '\n');
	template_fill(to, row->body[LANG_ZH], &(struct template_words){ c->about, c->case_no, c->bring, c->due });
	buf_char(to, '\n');
	buf_str(to, c->case_no);
	buf_char(to, '\n');
	buf_str(to, c->about);
	if (c->bring.at != NULL) {
		buf_char(to, '\n');
		buf_str(to, c->bring);
	}
	if (c->due.at != NULL) {
		buf_char(to, '\n');
		buf_str(to, c->due);
	}
	return buf_ok(to) || FAILS(why, MEMORY, "a message");
}

struct sheet {
	int64_t id, seq, now_ms;
	struct id key;
	enum message_template template;
	struct str sealed;
};

static bool insert(struct tx *tx, const struct told *c, const struct sheet *s, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO message (id, key, person, seq, template, case_id, cause, content, made_ms, voice) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, s->id);
	stmt_bind_blob(q, 2, s->key.bytes, ID_BYTES);
	stmt_bind_int(q, 3, c->person);
	stmt_bind_int(q, 4, s->seq);
	stmt_bind_int(q, 5, s->template);
	stmt_bind_int(q, 6, c->case_id);
	stmt_bind_int(q, 7, c->cause);
	stmt_bind_blob(q, 8, s->sealed.at, s->sealed.len);
	stmt_bind_int(q, 9, s->now_ms);
	stmt_bind_int(q, 10, c->kind == OF_VOICE ? c->cause : 0);
	return stmt_run(q, why);
}

static bool seal(const struct told *c, struct sheet *s, const uint8_t salt[VAULT_SALT_BYTES], struct arena *a, struct fail *why)
{
	struct buf plain, sealed;
	buf_init(&plain, a, CONTENT_FIRST_BYTES);
	buf_init(&sealed, a, CONTENT_FIRST_BYTES);
	if (!write_content(c, s->template, &plain, why) || !vault_seal("message.content", s->id, buf_text(&plain), salt, &sealed, why))
		return false;
	s->sealed = buf_text(&sealed);
	return true;
}

/* ---- the ladder: one rung so far ---- */

static const struct config *configuration; /* NULL: no bells */

void message_bells(const struct config *c)
{
	configuration = c;
}

static struct str sms_of(const struct told *c)
{
	static const struct str names[] = { [OF_CASE] = { "case_moved", 10 }, [OF_MANDATE] = { "mandate", 7 }, [OF_BOOKING] = { "booking", 7 }, [OF_VOICE] = { "voice", 5 }, [OF_PAYMENT] = { "payment", 7 } };
	return names[c->kind];
}

static bool sms_rings(const struct told *c)
{
	return configuration != NULL && account_is_configured(ACCOUNT_sms_aliyun) && sms_aliyun_has_template(configuration, sms_of(c));
}

static bool write_sms(const struct told *c, struct str phone, enum message_template t, struct buf *to, struct fail *why)
{
	struct json_out j = json_begin(to);
	json_put_object(&j);
	json_add_text(&j, "phone", phone);
	json_add_text(&j, "template", sms_of(c));
	json_put_name(&j, "params");
	json_put_object(&j);
	if (c->case_id != 0)
		json_add_text(&j, "case_no", c->case_no);
	json_add_text(&j, "status", template_row(t)->bell->status);
	json_put_object_end(&j);
	json_put_object_end(&j);
	return json_end(&j) || FAILS(why, MEMORY, "an SMS");
}

enum { SUBJECT_BYTES = 32 };

/* Notices of one case, mandate, booking or voice leave in their order. */
static struct str subject_of(const struct told *c, char text[SUBJECT_BYTES])
{
	static const char *const names[] = { [OF_CASE] = "case", [OF_MANDATE] = "mandate", [OF_BOOKING] = "booking", [OF_VOICE] = "voice", [OF_PAYMENT] = "payment" };
	int len = snprintf(text, SUBJECT_BYTES, "%s:%lld", names[c->kind], (long long)(c->kind == OF_CASE ? c->case_id : c->cause));
	return (struct str){ text, (size_t)len };
}

/* The subject before the person, as whoever ends an effect has them: else the two wait for each other. */
static bool bells_lock(struct tx *tx, const struct told *c, struct fail *why)
{
	char text[SUBJECT_BYTES];
	return !sms_rings(c) || effect_subject_lock(tx, subject_of(c, text), why);
}

/* To whoever has a phone. */
static bool ring_sms(struct tx *tx, const struct told *c, const struct sheet *s, const uint8_t random[SHA256_BYTES], struct arena *a, struct fail *why)
{
	char text[PERSON_FACTS_BYTES], subject[SUBJECT_BYTES];
	struct person_facts facts;
	int64_t id;
	if (!sms_rings(c))
		return true;
	if (!person_facts_get(tx, c->person, text, &facts, why))
		return false;
	if (facts.phone.at == NULL)
		return true;
	struct buf payload;
	buf_init(&payload, a, CONTENT_FIRST_BYTES);
	bool ok = write_sms(c, facts.phone, s->template, &payload, why);
	explicit_bzero(text, sizeof(text));
	struct effect_new e = { .kind = KIND_sms_aliyun, .person = c->person, .message = s->id, .payload = buf_text(&payload),
				.subject = subject_of(c, subject) };
	return ok && effect_add(tx, &e, s->now_ms, random, &id, why);
}

/* The message as a row, its event, and its bells. `before` may be an event of its own, told first. */
static bool tell(struct tx *tx, const struct told *c, const struct stream_event *before, int64_t now_ms, const uint8_t random[RANDOM_BYTES], struct arena *a, struct fail *why)
{
	struct sheet s = { .template = c->template, .now_ms = now_ms };
	struct stream_event events[2];
	int count = 0;
	uint8_t own[SHA256_BYTES];
	int64_t first = 0;
	if (!tx_next_id(tx, "message", &s.id, why))
		return false;
	if (before != NULL)
		events[count++] = *before;
	events[count++] = (struct stream_event){ STREAM_MESSAGE, s.id, 0 };
	random_of(c, random, own);
	s.key = id_make(now_ms, own);
	if (!seal(c, &s, own + 16, a, why) || !bells_lock(tx, c, why) || !stream_add(tx, c->person, events, count, 1, now_ms, &first, why))
		return false;
	s.seq = first + count - 1;
	random_of(c, own, own); /* the next bytes: an effect's own */
	return insert(tx, c, &s, why) && ring_sms(tx, c, &s, own, a, why);
}

bool message_case_moved(struct tx *tx, const struct case_news *c, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why)
{
	struct stream_event moved = { STREAM_CASE_MOVED, c->case_id, c->seq };
	struct told told = { .person = c->person, .case_id = c->case_id, .cause = c->seq, .template = template_for(c->words), .case_no = c->case_no, .about = c->matter_name,
			     .bring = c->list, .due = c->due };
	int64_t first = 0;
	return told.template != 0 ? tell(tx, &told, &moved, now_ms, random, a, why) : stream_add(tx, c->person, &moved, 1, 0, now_ms, &first, why);
}

bool message_case_told(struct tx *tx, const struct case_telling *t, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why)
{
	struct told told = { .person = t->person, .case_id = t->case_id, .cause = t->cause, .template = t->template, .case_no = t->case_no, .about = t->matter_name,
			     .bring = t->list, .due = t->due };
	return tell(tx, &told, NULL, now_ms, random, a, why);
}

bool message_mandate(struct tx *tx, const struct mandate_news *n, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why)
{
	struct told told = { .person = n->person, .cause = n->mandate, .template = n->template, .about = n->holder_name, .kind = OF_MANDATE };
	return tell(tx, &told, NULL, now_ms, random, a, why);
}

bool message_booking(struct tx *tx, const struct booking_news *n, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why)
{
	struct told told = { .person = n->person, .cause = n->booking, .template = n->template, .case_no = n->when, .about = n->matters, .bring = n->bring, .kind = OF_BOOKING };
	return tell(tx, &told, NULL, now_ms, random, a, why);
}

bool message_voice(struct tx *tx, const struct voice_news *n, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why)
{
	struct told told = { .person = n->person, .cause = n->voice, .template = n->template, .case_no = n->number, .about = n->about, .kind = OF_VOICE };
	return tell(tx, &told, NULL, now_ms, random, a, why);
}

bool message_payment(struct tx *tx, const struct payment_news *n, int64_t now_ms, const uint8_t random[32], struct arena *a, struct fail *why)
{
	struct told told = { .person = n->person, .cause = n->payment, .template = n->template, .case_no = n->yuan, .about = n->unit, .bring = n->paper, .due = n->link, .kind = OF_PAYMENT };
	return tell(tx, &told, NULL, now_ms, random, a, why);
}

static bool row_of_key(struct tx *tx, struct id key, int64_t person, int64_t *id, struct fail *why)
{
	*id = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, person FROM message WHERE key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	if (stmt_int(q, 1) == person)
		*id = stmt_int(q, 0);
	return true;
}

bool message_mark_read(struct tx *tx, struct id key, int64_t person, int64_t now_ms, bool *found, struct fail *why)
{
	int64_t id = 0, first;
	*found = false;
	if (!row_of_key(tx, key, person, &id, why))
		return false;
	*found = id != 0;
	if (!*found)
		return true;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE message SET read_ms = $1 WHERE id = $2 AND read_ms IS NULL", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, now_ms);
		stmt_bind_int(q, 2, id);
		if (!stmt_run(q, why))
			return false;
	}
	const struct stream_event read = { STREAM_MESSAGE_READ, id, 0 };
	return tx_changes(tx) == 0 || stream_add(tx, person, &read, 1, -1, now_ms, &first, why);
}

/* ---- reading ---- */

static bool read_content(struct str text, struct str parts[CONTENT_PARTS])
{
	for (int i = 0; i < CONTENT_PARTS - 1; i++) {
		struct str rest;
		if (!str_cut(text, '\n', &parts[i], &rest))
			return false;
		text = rest;
	}
	parts[CONTENT_PARTS - 1] = text;
	return true;
}

bool message_of(struct stmt *q, enum lang lang, struct arena *a, struct message *to, struct fail *why)
{
	struct str key = stmt_blob(q, 1), parts[CONTENT_PARTS], rest, bring, due;
	struct buf text;
	assert(key.len == ID_BYTES);
	*to = (struct message){ .id = stmt_int(q, 0), .person = stmt_int(q, 2), .template = (enum message_template)stmt_int(q, 3), .made_ms = stmt_int(q, 5),
				.read_ms = stmt_is_null(q, 6) ? 0 : stmt_int(q, 6), .case_id = stmt_int(q, 7) };
	memcpy(to->key.bytes, key.at, ID_BYTES);
	buf_init(&text, a, CONTENT_FIRST_BYTES);
	if (!vault_open("message.content", to->id, stmt_blob(q, 4), &text, why))
		return false;
	if (!read_content(buf_text(&text), parts))
		return FAILS(why, SEALED, "message %lld is not in four lines", (long long)to->id);
	to->title = parts[0];
	to->body = parts[1];
	to->case_no = parts[2];
	str_cut(parts[3], '\n', &to->about, &rest);
	str_cut(rest, '\n', &bring, &due);
	if (lang == LANG_ZH)
		return true;
	const struct template_row *row = template_row(to->template);
	struct buf body;
	buf_init(&body, a, CONTENT_FIRST_BYTES);
	template_fill(&body, row->body[lang], &(struct template_words){ to->about, to->case_no, bring, due });
	to->title = row->title[lang];
	to->body = buf_text(&body);
	return buf_ok(&body) || FAILS(why, MEMORY, "a message");
}

bool message_by_id(struct tx *tx, int64_t id, enum lang lang, struct arena *a, struct message *to, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " MESSAGE_COLUMNS " FROM message WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "message %lld", (long long)id);
	return message_of(q, lang, a, to, why);
}

bool message_by_key(struct tx *tx, struct id key, enum lang lang, struct arena *a, struct message *to, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " MESSAGE_COLUMNS " FROM message WHERE key = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_blob(q, 1, key.bytes, ID_BYTES);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no such message");
	return message_of(q, lang, a, to, why);
}
