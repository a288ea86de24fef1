/* services/supervision/alert.c - whoever is told too late, or too often, is not told. */
#include "services/supervision/alert.h"

#include "auth/keyring.h"
#include "base/day.h"
#include "base/hash.h"
#include "services/cases/calendar.h"
#include "services/departments/hook.h"
#include "services/supervision/alert_words.h"
#include "store/fact.h"

#include <assert.h>

enum { RECEIVERS_MAX = 64, SEEN_MAX = 2000 /* lights looked at for one message */ };
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)

static int64_t place_of(const struct on_duty *of)
{
	return of->department != 0 ? 0 - of->department : of->region;
}

/* ---- who is told, and how far ---- */

static bool is_told(struct tx *tx, const struct on_duty *of, bool *is_so, struct fail *why)
{
	*is_so = false;
	if (of->department != 0 && !hooks_any(tx, of->department, HOOK_ALERTS, is_so, why))
		return false;
	if (*is_so)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM duty_phone WHERE department = $1 AND (region = $2 OR $1 > 0) LIMIT 1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, of->department);
	stmt_bind_int(q, 2, of->region);
	*is_so = stmt_row(q, why);
	return why->code == FAIL_NONE;
}

bool alerts_begin(struct tx *tx, const struct on_duty *of, struct fail *why)
{
	bool is_so;
	if (!is_told(tx, of, &is_so, why) || is_so)
		return why->code == FAIL_NONE;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO alert_told (place, seq, pushed_ms, listed_on) SELECT CAST($1 AS BIGINT), COALESCE(MAX(seq), 0), 0, 0 FROM seal WHERE seq > 0"
		" ON CONFLICT (place) DO UPDATE SET seq = excluded.seq", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, place_of(of));
	return stmt_run(q, why);
}

struct told {
	int64_t place, seq, pushed_ms, listed_on;
	struct on_duty of;
	struct str code, name; /* of the department */
};

/* Those for whom there may be something: a light they do not know, or no list today. */
static bool receivers(struct tx *tx, int32_t today, int64_t pushed_before_ms, struct told out[RECEIVERS_MAX], int *count, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT t.place, t.seq, t.pushed_ms, t.listed_on FROM alert_told t WHERE (t.listed_on < $1 AND t.place < 0) OR (t.pushed_ms <= $2"
		" AND EXISTS (SELECT 1 FROM seal_place p WHERE p.kind IN (3, 36) AND p.place = t.place AND p.seq > t.seq)) ORDER BY t.pushed_ms, t.place LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, today);
	stmt_bind_int(q, 2, pushed_before_ms);
	stmt_bind_int(q, 3, RECEIVERS_MAX);
	for (*count = 0; stmt_row(q, why); ++*count)
		out[*count] = (struct told){ .place = stmt_int(q, 0), .seq = stmt_int(q, 1), .pushed_ms = stmt_int(q, 2), .listed_on = stmt_int(q, 3) };
	return why->code == FAIL_NONE;
}

static bool whose(struct tx *tx, struct told *t, struct arena *a, struct fail *why)
{
	t->of = (struct on_duty){ t->place < 0 ? 0 - t->place : 0, t->place };
	if (t->place > 0)
		return true;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT region, code, name FROM department WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, t->of.department);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, STORE, "department %lld", (long long)t->of.department);
	t->of.region = stmt_int(q, 0);
	t->code = str_copy(a, stmt_text(q, 1));
	t->name = str_copy(a, stmt_text(q, 2));
	return (t->code.at != NULL && t->name.at != NULL) || FAILS(why, MEMORY, "a department");
}

/* ---- what there is to tell ---- */

/* From column `first`: kind, what, due; then case_ref and case_no, or the ticket's number alone. */
static bool item_take(struct alert *al, struct stmt *q, int first, enum alert_of of, struct arena *a, struct fail *why)
{
	if (al->item_count == ALERT_ITEMS)
		return true;
	struct alert_item *i = &al->items[al->item_count++];
	*i = (struct alert_item){ .kind = stmt_int(q, first), .what = stmt_int(q, first + 1), .due = (int32_t)stmt_int(q, first + 2) };
	if (of == ALERT_TICKETS) {
		i->ticket = str_copy(a, stmt_text(q, first + 3));
		return i->ticket.at != NULL || FAILS(why, MEMORY, "an alert");
	}
	i->case_ref = str_copy(a, stmt_text(q, first + 3));
	i->case_no = str_copy(a, stmt_text(q, first + 4));
	return (i->case_ref.at != NULL && i->case_no.at != NULL) || FAILS(why, MEMORY, "an alert");
}

/* Of both in one order, cut out by their index. *until: the seal up to which it was looked. */
static bool lights_read(struct tx *tx, const struct told *t, struct alert *al, int64_t *until, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT p.seq, p.kind, COALESCE(k.kind, e.clock), COALESCE(k.what, e.what - 100), COALESCE(k.due, e.due, 0), COALESCE(c.case_ref, v.number), c.case_no FROM"
		" (SELECT seq, ref, kind FROM seal_place WHERE kind = 3 AND place = $1 AND seq > $2 UNION ALL"
		" SELECT seq, ref, kind FROM seal_place WHERE kind = 36 AND place = $1 AND seq > $2 ORDER BY seq LIMIT $3) p"
		" LEFT JOIN clock_event k ON p.kind = 3 AND k.id = p.ref LEFT JOIN cases c ON c.id = k.case_id"
		" LEFT JOIN voice_event e ON p.kind = 36 AND e.id = p.ref LEFT JOIN voice v ON v.id = e.voice ORDER BY p.seq", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, t->place);
	stmt_bind_int(q, 2, t->seq);
	stmt_bind_int(q, 3, SEEN_MAX);
	*until = t->seq;
	for (int seen = 0; stmt_row(q, why); seen++) {
		enum alert_of of = stmt_int(q, 1) == FACT_CLOCK_EVENT ? ALERT_CASES : ALERT_TICKETS;
		int64_t what = stmt_int(q, 3);
		*until = stmt_int(q, 0);
		al->more = seen == SEEN_MAX - 1;
		if (what < CLOCK_TOLD_YELLOW || what > CLOCK_TOLD_RED || (t->place > 0 && what != CLOCK_TOLD_RED))
			continue;
		al->counts[of][what]++;
		if (!item_take(al, q, 2, of, a, why))
			return false;
	}
	return why->code == FAIL_NONE;
}

static bool list_read(struct tx *tx, const struct told *t, int32_t today, enum alert_of of, struct alert *al, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = of == ALERT_TICKETS ? tx_query(tx,
		"SELECT k.kind, 0, k.due, v.number FROM voice_clock k JOIN voice v ON v.id = k.voice WHERE k.phase = 1 AND v.department = $1 AND k.due >= $2 AND k.due <= $3"
		" ORDER BY k.due, k.voice, k.kind LIMIT $4", why) : tx_query(tx,
		"SELECT k.kind, 0, k.due, c.case_ref, c.case_no FROM case_clock k JOIN cases c ON c.id = k.case_id WHERE k.phase = 1 AND k.phase < 3"
		" AND k.department = $1 AND k.due >= $2 AND k.due <= $3 ORDER BY k.due, k.case_id, k.kind LIMIT $4", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, t->of.department);
	stmt_bind_int(q, 2, today);
	stmt_bind_int(q, 3, al->until);
	stmt_bind_int(q, 4, SEEN_MAX);
	for (; stmt_row(q, why); al->listed[of]++)
		if (!item_take(al, q, 0, of, a, why))
			return false;
	al->more = al->more || al->listed[of] == SEEN_MAX;
	return why->code == FAIL_NONE;
}

/* ---- telling ---- */

/* Of two gateways one is first. */
static bool advance(struct tx *tx, const struct told *t, int64_t seq, int64_t pushed_ms, int64_t listed_on, bool *first, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"UPDATE alert_told SET seq = $1, pushed_ms = $2, listed_on = $3 WHERE place = $4 AND seq = $5 AND pushed_ms = $6 AND listed_on = $7", why);
	if (q == NULL)
		return false;
	const int64_t binds[] = { seq, pushed_ms, listed_on, t->place, t->seq, t->pushed_ms, t->listed_on };
	for (int i = 0; i < 7; i++)
		stmt_bind_int(q, i + 1, binds[i]);
	if (!stmt_run(q, why))
		return false;
	*first = tx_changes(tx) == 1;
	return true;
}

/* The same again when the transaction is run again. */
static void seed_of(const struct told *t, const char *what, int64_t n, uint8_t out[32])
{
	char place[21], number[21];
	const struct str parts[] = { str_c(what), { place, i64_text(t->place, place) }, { number, i64_text(n, number) } };
	keyring_index("alert", parts, sizeof(parts) / sizeof(parts[0]), out);
}

static bool message(struct tx *tx, const struct told *t, const struct alert *al, const uint8_t seed[32], int64_t now_ms, struct arena *a, struct fail *why)
{
	char numbers[DUTY_PHONES_MAX][PHONE_DIGITS + 1];
	struct str body = STR_NONE;
	uint8_t random[16];
	int hooks = 0, phones = 0;
	if (t->of.department != 0 && (!alert_body(al, t->code, t->name, now_ms, a, &body, why) || !hooks_tell(tx, t->of.department, HOOK_ALERTS, body, seed, now_ms, a, &hooks, why)))
		return false;
	bool ok = !alert_has_sms(al) || duty_phone_numbers(tx, &t->of, numbers, &phones, why);
	for (int i = 0; ok && i < phones; i++) {
		effect_random(seed, HOOKS_MAX + i, random);
		ok = alert_sms(tx, al, numbers[i], random, now_ms, why);
	}
	wipe(numbers, sizeof(numbers));
	return ok;
}

static bool lights_tell(struct tx *tx, struct told *t, int64_t now_ms, bool *told, struct arena *a, struct fail *why)
{
	struct alert al = { .what = ALERT_LIGHTS, .after = t->seq };
	int64_t until;
	uint8_t seed[32];
	bool first;
	*told = false;
	if (!lights_read(tx, t, &al, &until, a, why) || until == t->seq)
		return why->code == FAIL_NONE;
	*told = al.item_count > 0;
	int64_t pushed_ms = *told ? now_ms : t->pushed_ms;
	if (!advance(tx, t, until, pushed_ms, t->listed_on, &first, why))
		return false;
	seed_of(t, "lights", until, seed);
	t->seq = until;
	t->pushed_ms = pushed_ms;
	*told = *told && first;
	return !*told || message(tx, t, &al, seed, now_ms, a, why);
}

static bool list_tell(struct tx *tx, struct told *t, const struct workdays *w, int32_t today, int64_t now_ms, bool *told, struct arena *a, struct fail *why)
{
	struct alert al = { .what = ALERT_LIST };
	uint8_t seed[32];
	bool first;
	*told = false;
	if (!workdays_select(w, workdays_rank(w, today) + 1, &al.until))
		al.until = today + 1; /* a year nobody knows begins: the next day is the best there is */
	if (!list_read(tx, t, today, ALERT_CASES, &al, a, why) || !list_read(tx, t, today, ALERT_TICKETS, &al, a, why) || !advance(tx, t, t->seq, t->pushed_ms, today, &first, why))
		return false;
	seed_of(t, "list", today, seed);
	t->listed_on = today;
	*told = first && al.item_count > 0;
	return !*told || message(tx, t, &al, seed, now_ms, a, why);
}

static bool one(struct tx *tx, const struct config *c, struct told *t, int64_t now_ms, int64_t *told, struct arena *a, struct fail *why)
{
	struct workdays w;
	int32_t today = day_of(now_ms);
	bool lights = false, list = false;
	if (!whose(tx, t, a, why) || !calendar_load(tx, t->of.region, &w, why))
		return false;
	if (!workdays_know(&w, today) || !workday_is(&w, today))
		return true;
	if (t->place < 0 && t->listed_on < today && !list_tell(tx, t, &w, today, now_ms, &list, a, why))
		return false;
	if (t->pushed_ms <= now_ms - c->alerts_minutes * MINUTE_MS && !lights_tell(tx, t, now_ms, &lights, a, why))
		return false;
	*told += list || lights;
	return true;
}

bool alerts_push(struct tx *tx, const struct config *c, int64_t now_ms, int64_t most, int64_t *told, struct fail *why)
{
	struct told all[RECEIVERS_MAX];
	int32_t today = day_of(now_ms);
	int64_t hour = (now_ms - day_begins_ms(today)) / HOUR_MS;
	int count;
	*told = 0;
	if (hour < c->alerts_from_hour || hour >= c->alerts_to_hour)
		return true;
	if (!receivers(tx, today, now_ms - c->alerts_minutes * MINUTE_MS, all, &count, why))
		return false;
	for (int i = 0; i < count && *told < most; i++) {
		struct arena a;
		arena_init(&a, ALERT_ARENA);
		bool ok = one(tx, c, &all[i], now_ms, told, &a, why);
		arena_free(&a);
		if (!ok)
			return false;
	}
	return true;
}
