/* services/voices/voice.c - a voice is made, found and moved; each step an event, a fact, what was said, its clocks, and a word to whoever spoke. */
#include "services/voices/voice.h"

#include "auth/vault.h"
#include "base/day.h"
#include "base/hash.h"
#include "services/services.h"
#include "services/voices/voice_clock.h"
#include "services/voices/voice_inside.h"
#include "store/fact.h"

#include <assert.h>
#include <stdio.h>

enum { NUMBER_DIGITS = 6, NUMBERS = 1000000, NUMBERS_TRIED = 8, DAY_TEXT = 9, ALLOWED_BYTES = 160 };

/* ---- a row ---- */

void voice_of(struct stmt *q, struct voice *out)
{
	struct str number = stmt_text(q, 1);
	assert(number.len == VOICE_NUMBER_LENGTH);
	*out = (struct voice){ .id = stmt_int(q, 0), .kind = (enum voice_kind)stmt_int(q, 2), .state = (enum voice_state)stmt_int(q, 3), .person = stmt_int(q, 4),
			       .taker = stmt_int(q, 5), .case_id = stmt_int(q, 6), .rating = stmt_int(q, 7), .department = stmt_int(q, 8), .region = stmt_int(q, 9),
			       .is_complex = stmt_int(q, 10) != 0, .calls = stmt_int(q, 11), .reopened = stmt_int(q, 12) != 0, .answered_on = stmt_int(q, 13),
			       .made_ms = stmt_int(q, 14), .changed_ms = stmt_int(q, 15) };
	memcpy(out->number, number.at, number.len);
}

bool voice_number_from(struct str text)
{
	int64_t digits;
	return text.len == VOICE_NUMBER_LENGTH && text.at[0] == 'R' && text.at[1] != '-' && str_to_i64((struct str){ text.at + 1, text.len - 1 }, 0, INT64_MAX, &digits);
}

bool voice_find(struct tx *tx, struct str number, struct voice *out, struct fail *why)
{
	*out = (struct voice){ .id = 0 };
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " VOICE_COLUMNS " FROM voice v WHERE v.number = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, number);
	if (stmt_row(q, why))
		voice_of(q, out);
	return why->code == FAIL_NONE;
}

bool voice_read(struct tx *tx, int64_t id, struct voice *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT " VOICE_COLUMNS " FROM voice v WHERE v.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "voice %lld", (long long)id);
	voice_of(q, out);
	return true;
}

bool voice_take(struct tx *tx, struct str number, struct voice *out, struct fail *why)
{
	if (!voice_find(tx, number, out, why))
		return false;
	if (out->id == 0)
		return FAILS(why, NOT_FOUND, "no such voice");
	return tx_lock_row(tx, "voice", out->id, why) && voice_read(tx, out->id, out, why);
}

/* ---- events ---- */

static bool note_insert(struct tx *tx, const struct voice_note *n, int64_t id, int64_t fact, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO voice_event (fact, id, voice, what, state, by_kind, by_id, clock, due, day, department, region, made_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", why);
	if (q == NULL)
		return false;
	const int64_t before[] = { fact, id, n->voice, n->what, n->state, n->by_kind, n->by_id, n->clock }, behind[] = { n->day, n->department, n->region, n->made_ms };
	for (int i = 0; i < 8; i++)
		stmt_bind_int(q, i + 1, before[i]);
	if (n->has_due)
		stmt_bind_int(q, 9, n->due);
	else
		stmt_bind_null(q, 9);
	for (int i = 0; i < 4; i++)
		stmt_bind_int(q, 10 + i, behind[i]);
	return stmt_run(q, why);
}

/* In the order of store/facts.def. */
bool voice_note(struct tx *tx, const struct voice_note *n, int64_t *id, struct fail *why)
{
	int64_t fact;
	struct fact_content content;
	if (!tx_next_id(tx, "voice_event", id, why) || !fact_next(tx, &fact, why) || !note_insert(tx, n, *id, fact, why))
		return false;
	const int64_t before[] = { fact, *id, n->voice, n->what, n->state, n->by_kind, n->by_id, n->clock }, behind[] = { n->day, n->department, n->region, n->made_ms };
	struct fact f = { FACT_VOICE_EVENT, *id, 0, n->department, n->region, n->made_ms };
	fact_content(&content, fact_row_of(FACT_VOICE_EVENT));
	for (int i = 0; i < 8; i++)
		fact_int(&content, before[i]);
	if (n->has_due)
		fact_int(&content, n->due);
	else
		fact_no_int(&content);
	for (int i = 0; i < 4; i++)
		fact_int(&content, behind[i]);
	return fact_add(tx, fact, &f, &content, why);
}

/* ---- texts ---- */

static void salt_of(const struct voice_by *by, const char *what, uint8_t out[SHA256_BYTES])
{
	struct str parts[] = { str_c(what), { (const char *)by->random, 32 } };
	hash_parts(HASH_SHA256, parts, 2, out);
}

static bool seal(const char *place, int64_t id, struct str text, const struct voice_by *by, struct str *sealed, struct fail *why)
{
	uint8_t salt[SHA256_BYTES];
	struct buf b;
	if (text.len == 0) {
		*sealed = STR("");
		return true;
	}
	salt_of(by, place, salt);
	buf_init(&b, by->arena, text.len + VAULT_OVERHEAD_MAX);
	if (!vault_seal(place, id, text, salt, &b, why))
		return false;
	*sealed = buf_text(&b);
	return true;
}

static bool said(struct tx *tx, int64_t event, struct str text, const struct voice_by *by, struct fail *why)
{
	struct str sealed;
	if (text.len == 0)
		return true;
	if (!seal("voice_said.text", event, text, by, &sealed, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO voice_said (id, text) VALUES ($1, $2)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, event);
	stmt_bind_blob(q, 2, sealed.at, sealed.len);
	return stmt_run(q, why);
}

bool voice_text(struct tx *tx, const struct voice *v, struct arena *a, struct str *text, struct str *contact, struct fail *why)
{
	struct buf b[2];
	struct str *const out[] = { text, contact };
	static const char *const places[] = { "voice.text", "voice.contact" };
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT text, contact FROM voice WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "voice %lld", (long long)v->id);
	for (int i = 0; i < 2; i++) {
		struct str sealed = stmt_blob(q, i);
		buf_init(&b[i], a, sealed.len + 1);
		if (sealed.len > 0 && !vault_open(places[i], v->id, sealed, &b[i], why))
			return false;
		*out[i] = buf_text(&b[i]);
	}
	return true;
}

/* ---- moving ---- */

static bool not_now(const struct voice *v, unsigned role, struct fail *why)
{
	char text[ALLOWED_BYTES];
	struct buf b = { .at = text, .cap = sizeof(text) };
	enum voice_state to;
	for (int e = 1; e < VOICE_EVENTS; e++) {
		const struct voice_event_row *row = voice_event_row((enum voice_event)e);
		if ((row->by & role) == 0 || !voice_may_move(v->state, (enum voice_event)e, &to))
			continue;
		buf_str(&b, b.len > 0 ? STR(",") : STR(""));
		buf_str(&b, row->text);
	}
	FAILS(why, VOICE_STATE, "voice %lld is %.*s", (long long)v->id, STR_ARG(voice_state_row(v->state)->text));
	fail_fact_text(why, "state", voice_state_row(v->state)->text.at);
	text[b.len < sizeof(text) ? b.len : sizeof(text) - 1] = '\0';
	fail_fact_text(why, "allowed", text);
	return false;
}

/* Once reopened is enough; a poor rating is answered, and nobody is talked into taking it back; what is not said is asked for. */
static bool act_fits(const struct voice *v, const struct voice_act *a, unsigned role, enum voice_state *to, struct fail *why)
{
	const struct voice_event_row *row = voice_event_row(a->event);
	bool again = (a->event == VOICE_WAS_REOPENED && v->reopened) || (a->event == VOICE_WAS_COMPLEX && v->is_complex) || (a->event == VOICE_WAS_MARKED_WRONG && v->kind != VOICE_RATING) ||
		     (a->event == VOICE_WAS_WITHDRAWN && v->kind == VOICE_RATING);
	if ((row->by & role) == 0)
		return FAILS(why, FORBIDDEN, "%.*s is not for role %u", STR_ARG(row->text), role);
	if (!voice_may_move(v->state, a->event, to) || again)
		return not_now(v, role, why);
	if ((row->wants & VOICE_WANTS_TEXT) != 0 && a->text.len == 0)
		return FAILS_FIELD(why, FIELD_MISSING, "/text", "why, or what was said");
	if ((row->wants & VOICE_WANTS_PLACE) != 0 && a->department == 0)
		return FAILS_FIELD(why, FIELD_MISSING, "/department", "whose is it?");
	if (a->department != 0 && ((row->wants & VOICE_WANTS_PLACE) == 0 || a->department == v->department))
		return FAILS_FIELD(why, FIELD, "/department", "it goes to no other by this");
	return (row->wants & VOICE_WANTS_CALL) == 0 || v->kind != VOICE_RATING || v->calls > 0 || FAILS(why, VOICE_CALL, "nobody called");
}

static void change(struct voice *v, const struct voice_act *a, enum voice_state to, int64_t now_ms)
{
	v->state = to;
	v->changed_ms = now_ms;
	v->department = a->event == VOICE_WAS_RETURNED ? 0 : a->department != 0 ? a->department : v->department;
	v->is_complex = v->is_complex || a->event == VOICE_WAS_COMPLEX;
	v->calls = a->event == VOICE_WAS_REOPENED ? 0 : v->calls + (a->event == VOICE_WAS_CALLED);
	v->reopened = v->reopened || a->event == VOICE_WAS_REOPENED;
	v->answered_on = a->event == VOICE_WAS_ANSWERED ? day_of(now_ms) : v->answered_on;
}

static void bind_or_null(struct stmt *q, int n, int64_t v)
{
	if (v != 0)
		stmt_bind_int(q, n, v);
	else
		stmt_bind_null(q, n);
}

static bool save(struct tx *tx, const struct voice *v, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE voice SET state = $1, department = $2, is_complex = $3, calls = $4, reopened = $5, answered_on = $6, changed_ms = $7 WHERE id = $8", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->state);
	bind_or_null(q, 2, v->department);
	stmt_bind_int(q, 3, v->is_complex);
	stmt_bind_int(q, 4, v->calls);
	stmt_bind_int(q, 5, v->reopened);
	bind_or_null(q, 6, v->answered_on);
	stmt_bind_int(q, 7, v->changed_ms);
	stmt_bind_int(q, 8, v->id);
	return stmt_run(q, why);
}

static bool tell(struct tx *tx, const struct voice *v, enum message_template what, const struct voice_by *by, struct fail *why)
{
	struct voice_news n = { .person = v->person, .voice = v->id, .template = what, .about = voice_kind_row(v->kind)->name[LANG_ZH], .number = str_c(v->number) };
	return what == 0 || v->person == 0 || message_voice(tx, &n, by->now_ms, by->random, by->arena, why);
}

/* The note says at whose hands it was: of what is given on that is who gave it. */
static bool moved(struct tx *tx, const struct voice *v, const struct voice_act *a, int64_t department, const struct voice_by *by, struct fail *why)
{
	int64_t event;
	struct voice_note n = { .voice = v->id, .what = a->event, .state = v->state, .by_kind = by->r != NULL ? (int64_t)by->r->who.kind : 0,
				.by_id = by->r != NULL ? by->r->who.id : 0, .department = department != 0 ? department : v->department, .region = v->region,
				.made_ms = by->now_ms, .day = day_of(by->now_ms) };
	struct voice_tick tick = { .voice = v, .day = n.day, .now_ms = by->now_ms, .extend_days = a->days };
	return voice_note(tx, &n, &event, why) && said(tx, event, a->text, by, why) && voice_clocks_move(tx, &tick, why) && tell(tx, v, voice_event_row(a->event)->told, by, why);
}

bool voice_move(struct tx *tx, struct voice *v, const struct voice_act *a, const struct voice_by *by, struct fail *why)
{
	enum voice_state to;
	int64_t before = v->department;
	if (!act_fits(v, a, by->role, &to, why))
		return false;
	change(v, a, to, by->now_ms);
	return save(tx, v, why) && moved(tx, v, a, before, by, why);
}

/* ---- making ---- */

static bool number_is_free(struct tx *tx, const char *number, bool *is_free, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM voice WHERE number = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(number));
	*is_free = !stmt_row(q, why);
	return why->code == FAIL_NONE;
}

/* Nobody counts up from his own; whoever is given one that is taken gets the next. */
static bool number_make(struct tx *tx, const struct voice_by *by, char out[VOICE_NUMBER_BYTES], struct fail *why)
{
	uint8_t random[SHA256_BYTES];
	int year, month, in_month;
	bool is_free = false;
	_Static_assert(SHA256_BYTES >= 4 * NUMBERS_TRIED, "bytes for each try");
	salt_of(by, "voice number", random);
	day_civil(day_of(by->now_ms), &year, &month, &in_month);
	for (int i = 0; i < NUMBERS_TRIED && !is_free; i++) {
		uint32_t n;
		memcpy(&n, random + 4 * i, sizeof(n));
		snprintf(out, VOICE_NUMBER_BYTES, "R%04u%02u%02u%06u", (unsigned)year % 10000, (unsigned)month % 100, (unsigned)in_month % 100, n % NUMBERS);
		if (!number_is_free(tx, out, &is_free, why))
			return false;
	}
	return is_free || FAILS(why, BUSY, "no number is free");
}

static bool insert(struct tx *tx, const struct voice *v, const struct voice_new *n, const struct voice_by *by, struct fail *why)
{
	struct str text, contact;
	if (!seal("voice.text", v->id, n->text, by, &text, why) || !seal("voice.contact", v->id, n->contact, by, &contact, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO voice (id, number, kind, state, person, taker, case_id, rating, department, region, is_complex, calls, reopened, text, contact, made_ms, changed_ms)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, $9, 0, 0, 0, $10, $11, $12, $12)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, v->id);
	stmt_bind_text(q, 2, str_c(v->number));
	stmt_bind_int(q, 3, v->kind);
	stmt_bind_int(q, 4, v->state);
	bind_or_null(q, 5, v->person);
	stmt_bind_int(q, 6, v->taker);
	bind_or_null(q, 7, v->case_id);
	bind_or_null(q, 8, v->rating);
	stmt_bind_int(q, 9, v->region);
	stmt_bind_blob(q, 10, text.at, text.len);
	stmt_bind_blob(q, 11, contact.at, contact.len);
	stmt_bind_int(q, 12, v->made_ms);
	return stmt_run(q, why);
}

/* A rating is one per case already. */
static bool has_room(struct tx *tx, const struct voice_new *n, struct fail *why)
{
	if (n->person == 0 || n->rating != 0)
		return true;
	if (!tx_lock_row(tx, "person.voices", n->person, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COUNT(*) FROM (SELECT id FROM voice WHERE person = $1 AND state < 5 AND rating IS NULL LIMIT $2) AS open", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, n->person);
	stmt_bind_int(q, 2, VOICES_OPEN_MAX);
	if (!stmt_row(q, why))
		return false;
	if (stmt_int(q, 0) < VOICES_OPEN_MAX)
		return true;
	FAILS(why, VOICES_MAX, "person %lld", (long long)n->person);
	fail_fact_number(why, "most", VOICES_OPEN_MAX);
	return false;
}

bool voice_make(struct tx *tx, const struct voice_new *n, const struct voice_by *by, struct voice *out, struct fail *why)
{
	*out = (struct voice){ .kind = n->kind, .state = VOICE_IS_RECEIVED, .person = n->person, .taker = n->taker, .case_id = n->case_id, .rating = n->rating, .region = n->region,
			       .made_ms = by->now_ms, .changed_ms = by->now_ms };
	const struct voice_act received = { .event = VOICE_WAS_RECEIVED }, assigned = { .event = VOICE_WAS_ASSIGNED, .department = n->department };
	struct voice_by self = *by;
	self.role = VOICE_BY_SELF;
	if (!has_room(tx, n, why) || !number_make(tx, by, out->number, why) || !tx_next_id(tx, "voice", &out->id, why) || !insert(tx, out, n, by, why) ||
	    !moved(tx, out, &received, 0, by, why))
		return false;
	return n->department == 0 || !voice_kind_row(n->kind)->to_its_department || voice_move(tx, out, &assigned, &self, why);
}

/* ---- answers that nobody said anything about ---- */

enum { CLOSE_MAX = 100 };

bool voices_close(struct tx *tx, int64_t now_ms, int64_t days, int64_t most, int64_t *closed, struct fail *why)
{
	int64_t ids[CLOSE_MAX];
	int count = 0;
	{
		DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM voice WHERE state = 4 AND answered_on < $1 ORDER BY answered_on LIMIT $2", why);
		if (q == NULL)
			return false;
		stmt_bind_int(q, 1, day_of(now_ms) - days);
		stmt_bind_int(q, 2, most < CLOSE_MAX ? most : CLOSE_MAX);
		while (stmt_row(q, why))
			ids[count++] = stmt_int(q, 0);
	}
	static const uint8_t none[32];
	const struct voice_by self = { .role = VOICE_BY_SELF, .now_ms = now_ms, .random = none };
	for (int i = 0; why->code == FAIL_NONE && i < count; i++) {
		struct voice v;
		const struct voice_act lapsed = { .event = VOICE_WAS_LAPSED };
		if (!tx_lock_row(tx, "voice", ids[i], why) || !voice_read(tx, ids[i], &v, why) || (v.state == VOICE_IS_ANSWERED && !voice_move(tx, &v, &lapsed, &self, why)))
			return false;
	}
	*closed = count;
	return why->code == FAIL_NONE;
}
