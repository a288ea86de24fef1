/* services/supervision/scoreboard.c - each table is added up for the departments of a page, and what belongs to one department in one place becomes a line. */
#include "services/supervision/scoreboard.h"

#include "auth/tenancy.h"
#include "services/supervision/case_tally.h"
#include "services/voices/rating.h"
#include "services/voices/voice_clock.h"
#include "store/seal_check.h"

/* ---- up to where ---- */

/* Where several write, a smaller number may be committed later: what is sealed is whole. */
static bool newest(struct tx *tx, int64_t *fact, struct fail *why)
{
	struct seal head;
	if (tx_is_shared(tx)) {
		if (!seal_head(tx, &head, why))
			return false;
		*fact = head.fact;
		return true;
	}
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT COALESCE(MAX(id), 0) FROM fact", why);
	if (q == NULL || !stmt_row(q, why))
		return false;
	*fact = stmt_int(q, 0);
	return true;
}

static bool generation_fill(struct tx *tx, struct board_look *l, struct fail *why)
{
	int64_t now;
	if (!newest(tx, &now, why))
		return false;
	if (l->generation > now)
		return FAILS(why, CURSOR, "generation %lld is not yet", (long long)l->generation);
	l->generation = l->generation == 0 ? now : l->generation;
	return true;
}

/* ---- a page ---- */

struct page {
	const struct board_look *l;
	struct board *b;
	int most, count;
	bool overflows;
	int64_t ids[BOARD_DEPARTMENTS + 1];
	struct str names[BOARD_DEPARTMENTS + 1], codes[BOARD_DEPARTMENTS + 1];
};

static bool departments_read(struct tx *tx, struct page *p, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id, name, code FROM department WHERE id > $1 ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, p->l->after);
	stmt_bind_int(q, 2, p->most + 1);
	for (p->count = 0; stmt_row(q, why); p->count++) {
		p->ids[p->count] = stmt_int(q, 0);
		p->names[p->count] = str_copy(a, stmt_text(q, 1));
		p->codes[p->count] = str_copy(a, stmt_text(q, 2));
		if (p->names[p->count].at == NULL || p->codes[p->count].at == NULL)
			return FAILS(why, MEMORY, "a department's name");
	}
	p->b->more = p->count > p->most;
	p->count -= p->b->more;
	p->b->last = p->count > 0 ? p->ids[p->count - 1] : p->l->after;
	return why->code == FAIL_NONE;
}

/* NULL: there is no room. */
static struct board_line *line_of(struct page *p, int64_t department, int64_t region)
{
	struct board *b = p->b;
	for (int i = 0; i < b->count; i++)
		if (b->lines[i].department == department && b->lines[i].region == region)
			return &b->lines[i];
	if (b->count == BOARD_LINES_MAX)
		return NULL;
	struct board_line *line = &b->lines[b->count++];
	*line = (struct board_line){ .department = department, .region = region };
	for (int i = 0; i < p->count; i++)
		if (p->ids[i] == department) {
			line->name = p->names[i];
			line->code = p->codes[i];
		}
	return line;
}

/* What every statement of a page is bound to, in this order. */
#define OF_PAGE                                                                                                                   \
	" WHERE department > $1 AND department <= $2 AND day >= $3 AND day <= $4 AND fact <= $5"                                  \
	" AND ((region >= $6 AND region <= $7) OR (region >= $8 AND region <= $9))"

static void bind(struct stmt *q, const struct page *p)
{
	struct region_bounds b = region_bounds(p->l->root);
	const int64_t binds[] = { p->l->after, p->b->last, p->l->from, p->l->to, p->l->generation, b.six_first, b.six_last, b.nine_first, b.nine_last };
	for (int i = 0; i < 9; i++)
		stmt_bind_int(q, i + 1, binds[i]);
}

typedef void (*take_fn)(struct stmt *q, struct board_line *line);

static bool add_up(struct stmt *q, struct page *p, take_fn take, struct fail *why)
{
	if (q == NULL)
		return false;
	bind(q, p);
	while (stmt_row(q, why)) {
		struct board_line *line = line_of(p, stmt_int(q, 0), stmt_int(q, 1));
		p->overflows = p->overflows || line == NULL;
		if (line != NULL)
			take(q, line);
	}
	return why->code == FAIL_NONE;
}

static void take_clock(struct stmt *q, struct board_line *line)
{
	int64_t kind = stmt_int(q, 2);
	if (kind > CLOCK_NONE_SHOWN && kind < CLOCK_KINDS)
		line->clocks[kind] = (struct board_kept){ stmt_int(q, 3), stmt_int(q, 4), stmt_int(q, 5) };
}

static void take_tally(struct stmt *q, struct board_line *line)
{
	for (int what = TALLY_TRIP; what < 8; what++)
		line->tallies[what] = stmt_int(q, 1 + what);
	line->ended_within = stmt_int(q, 9);
	line->trips_of_ended = stmt_int(q, 10);
}

static void take_rating(struct stmt *q, struct board_line *line)
{
	for (int level = RATING_WORST; level <= RATING_BEST; level++)
		line->levels[level] = stmt_int(q, 1 + level);
}

static void take_voice(struct stmt *q, struct board_line *line)
{
	line->received = stmt_int(q, 2);
	line->answers = (struct board_kept){ .in_time = stmt_int(q, 3), .late = stmt_int(q, 4) };
	line->urged = stmt_int(q, 5);
	line->satisfied = stmt_int(q, 6);
	line->dissatisfied = stmt_int(q, 7);
	line->marked_wrong = stmt_int(q, 8);
}

static bool clocks_add(struct tx *tx, struct page *p, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT department, region, kind, COUNT(CASE WHEN what = 4 THEN 1 END), COUNT(CASE WHEN what = 5 THEN 1 END), CAST(COALESCE(SUM(day - begun), 0) AS BIGINT)"
		" FROM clock_event"
		OF_PAGE " AND what >= 4 GROUP BY department, region, kind ORDER BY department, region, kind", why);
	return add_up(q, p, take_clock, why);
}

static bool tallies_add(struct tx *tx, struct page *p, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT department, region, COUNT(CASE WHEN what = 1 THEN 1 END), COUNT(CASE WHEN what = 2 THEN 1 END), COUNT(CASE WHEN what = 3 THEN 1 END), COUNT(CASE WHEN what = 4 THEN 1 END), "
		"COUNT(CASE WHEN what = 5 THEN 1 END), COUNT(CASE WHEN what = 6 THEN 1 END), COUNT(CASE WHEN what = 7 THEN 1 END), COUNT(CASE WHEN what = 4 AND n <= promised THEN 1 END),"
		" CAST(COALESCE(SUM(CASE WHEN what = 4 THEN n ELSE 0 END), 0) AS BIGINT)"
		" FROM case_tally" OF_PAGE " GROUP BY department, region ORDER BY department, region", why);
	return add_up(q, p, take_tally, why);
}

static bool ratings_add(struct tx *tx, struct page *p, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT department, region, COUNT(CASE WHEN level = 1 THEN 1 END), COUNT(CASE WHEN level = 2 THEN 1 END), COUNT(CASE WHEN level = 3 THEN 1 END), COUNT(CASE WHEN level = 4 THEN 1 END), "
		"COUNT(CASE WHEN level = 5 THEN 1 END) FROM rating" OF_PAGE " GROUP BY department, region ORDER BY department, region", why);
	return add_up(q, p, take_rating, why);
}

/* 5: accepted by a department, which is when it is its own; 104, 105 of the handling clock: answered, or given up otherwise. */
static bool voices_add(struct tx *tx, struct page *p, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT department, region, COUNT(CASE WHEN what = 5 THEN 1 END), COUNT(CASE WHEN what = 104 AND clock = 2 THEN 1 END), COUNT(CASE WHEN what = 105 AND clock = 2 THEN 1 END), "
		"COUNT(CASE WHEN what = 9 THEN 1 END), COUNT(CASE WHEN what = 11 THEN 1 END), COUNT(CASE WHEN what = 12 OR what = 13 THEN 1 END), COUNT(CASE WHEN what = 16 THEN 1 END) FROM voice_event" OF_PAGE
		" GROUP BY department, region ORDER BY department, region", why);
	return add_up(q, p, take_voice, why);
}

static bool page_read(struct tx *tx, struct page *p, struct arena *a, struct fail *why)
{
	p->b->count = 0;
	p->overflows = false;
	return departments_read(tx, p, a, why) && clocks_add(tx, p, why) && tallies_add(tx, p, why) && ratings_add(tx, p, why) && voices_add(tx, p, why);
}

/* Departments that work in very many places have a page of their own. */
bool board_read(struct tx *tx, struct board_look *l, struct arena *a, struct board *out, struct fail *why)
{
	struct page p = { .l = l, .b = out, .most = BOARD_DEPARTMENTS };
	if (!generation_fill(tx, l, why) || !page_read(tx, &p, a, why))
		return false;
	if (!p.overflows)
		return true;
	p.most = 1;
	return page_read(tx, &p, a, why) && (!p.overflows || FAILS(why, MEMORY, "department %lld in more than %d places", (long long)out->last, BOARD_LINES_MAX));
}

/* ---- wherever it works ---- */

static void kept_add(struct board_kept *to, const struct board_kept *more)
{
	to->in_time += more->in_time;
	to->late += more->late;
	to->days_taken += more->days_taken;
}

static void line_add(struct board_line *to, const struct board_line *more)
{
	for (int kind = 0; kind < CLOCK_KINDS; kind++)
		kept_add(&to->clocks[kind], &more->clocks[kind]);
	for (int what = 0; what < 8; what++)
		to->tallies[what] += more->tallies[what];
	for (int level = 0; level <= RATING_BEST; level++)
		to->levels[level] += more->levels[level];
	kept_add(&to->answers, &more->answers);
	to->ended_within += more->ended_within;
	to->trips_of_ended += more->trips_of_ended;
	to->received += more->received;
	to->urged += more->urged;
	to->satisfied += more->satisfied;
	to->dissatisfied += more->dissatisfied;
	to->marked_wrong += more->marked_wrong;
}

void board_by_department(struct board *b)
{
	int kept = 0;
	for (int i = 0; i < b->count; i++) {
		int at = 0;
		while (at < kept && b->lines[at].department != b->lines[i].department)
			at++;
		if (at < kept)
			line_add(&b->lines[at], &b->lines[i]);
		else
			b->lines[kept++] = b->lines[i];
	}
	b->count = kept;
}

/* ---- who is best ---- */

enum board_measure board_measure_from(struct str text)
{
	return str_eq(text, STR("satisfaction")) ? BOARD_BY_SATISFACTION : str_eq(text, STR("in_time")) ? BOARD_BY_IN_TIME : BOARD_BY_NOTHING;
}

/* In between: one row for each thing that counts, and whether it is good. */
#define RANKING_OF                                                                                                                           \
	"SELECT r.department, r.n, r.good, r.share, d.name, d.code FROM (SELECT department, COUNT(*) AS n, CAST(SUM(good) AS BIGINT) AS good,"       \
	" CAST(SUM(good) AS BIGINT) * 10000 / COUNT(*) AS share FROM ("
#define RANKED                                                                                                                               \
	") x GROUP BY department HAVING COUNT(*) >= $8) r JOIN department d ON d.id = r.department WHERE r.share < $9 OR (r.share = $9 AND r.department > $10)" \
	" OR CAST($9 AS BIGINT) < 0 ORDER BY r.share DESC, r.department LIMIT $11"
#define IN_SPAN " WHERE day >= $1 AND day <= $2 AND fact <= $3 AND ((region >= $4 AND region <= $5) OR (region >= $6 AND region <= $7))"

bool board_ranking(struct tx *tx, struct board_look *l, enum board_measure by, int64_t share, struct arena *a, struct board_rank *out, int most, int *count, struct fail *why)
{
	struct region_bounds b = region_bounds(l->root);
	if (!generation_fill(tx, l, why))
		return false;
	DROP(stmt) struct stmt *q = by == BOARD_BY_SATISFACTION ?
		tx_query(tx, RANKING_OF "SELECT department, CASE WHEN level >= 3 THEN 1 ELSE 0 END AS good FROM rating" IN_SPAN RANKED, why) :
		tx_query(tx, RANKING_OF "SELECT department, CASE WHEN what = 4 THEN 1 ELSE 0 END AS good FROM clock_event" IN_SPAN " AND what >= 4" RANKED, why);
	if (q == NULL)
		return false;
	const int64_t binds[] = { l->from, l->to, l->generation, b.six_first, b.six_last, b.nine_first, b.nine_last, l->least, share, l->after, most };
	for (int i = 0; i < 11; i++)
		stmt_bind_int(q, i + 1, binds[i]);
	for (*count = 0; stmt_row(q, why); ++*count) {
		out[*count] = (struct board_rank){ .department = stmt_int(q, 0), .count = stmt_int(q, 1), .good = stmt_int(q, 2), .share = stmt_int(q, 3),
			.name = str_copy(a, stmt_text(q, 4)), .code = str_copy(a, stmt_text(q, 5)) };
		if (out[*count].name.at == NULL || out[*count].code.at == NULL)
			return FAILS(why, MEMORY, "a department");
	}
	return why->code == FAIL_NONE;
}
