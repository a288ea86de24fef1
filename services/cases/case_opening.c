/* services/cases/case_opening.c - the first event makes the row that all later ones move. */
#include "services/cases/case_opening.h"

#include "auth/person.h"
#include "services/cases/case_names.h"
#include "services/cases/joint.h"
#include "services/guides/guide_rows.h"

/* All that the row says. */
struct head {
	int64_t matter, region, type, person, names, parts;
	int64_t guide; /* the version it is pinned to; 0: the matter has none */
	struct str name[CASE_NAME_COUNT];
};

static bool head_matter(struct tx *tx, const struct opening *o, struct case_file *c, struct head *h, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT m.id, COALESCE(u.type, m.type), COALESCE(u.name, m.name), d.id, d.name, u.id, (SELECT COUNT(*) FROM guide_part g WHERE g.guide = u.id)"
		" FROM matter m" GUIDE_CURRENT_JOIN
		" JOIN department d ON d.id = COALESCE(u.department, m.department) WHERE m.code = $1 AND " MATTER_IS_SHOWN, why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, o->matter);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/matter", "no such matter");
	if (o->person != 0)
		c->department = stmt_int(q, 3);
	if (stmt_int(q, 3) != c->department)
		return FAILS_FIELD(why, FIELD, "/matter", "another department's matter");
	h->matter = stmt_int(q, 0);
	h->type = stmt_int(q, 1);
	h->guide = stmt_is_null(q, 5) ? 0 : stmt_int(q, 5);
	h->parts = stmt_int(q, 6);
	if (o->person != 0 && h->guide != o->guide)
		return FAILS(why, GUIDE_OUTDATED, "guide %lld", (long long)o->guide);
	h->name[CASE_NAME_MATTER_CODE] = o->matter;
	h->name[CASE_NAME_MATTER] = str_copy(c->pen->arena, stmt_text(q, 2));
	h->name[CASE_NAME_DEPARTMENT] = str_copy(c->pen->arena, stmt_text(q, 4));
	return (h->name[CASE_NAME_MATTER].at != NULL && h->name[CASE_NAME_DEPARTMENT].at != NULL) || FAILS(why, MEMORY, "names");
}

static bool head_region(struct tx *tx, const struct opening *o, const struct case_file *c, struct head *h, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT name FROM region WHERE code = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, o->region);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS_FIELD(why, FIELD, "/region", "no such region");
	h->region = o->region;
	h->name[CASE_NAME_REGION] = str_copy(c->pen->arena, stmt_text(q, 0));
	return h->name[CASE_NAME_REGION].at != NULL || FAILS(why, MEMORY, "a name");
}

/* The row bears the state its first event leads to; the event itself is journal_append's. */
static bool case_insert(struct tx *tx, const struct case_file *c, const struct head *h, enum case_state first, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO cases (id, case_no, person, department, case_ref, matter, region, type, state, last_seq, opened_ms, updated_ms,"
		" names, guide, parts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11, $12, $13, $14)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, c->id);
	stmt_bind_text(q, 2, str_c(c->case_no));
	stmt_bind_int(q, 3, h->person);
	stmt_bind_int(q, 4, c->department);
	stmt_bind_text(q, 5, c->case_ref);
	stmt_bind_int(q, 6, h->matter);
	stmt_bind_int(q, 7, h->region);
	stmt_bind_int(q, 8, h->type);
	stmt_bind_int(q, 9, first);
	stmt_bind_int(q, 10, c->now_ms);
	stmt_bind_int(q, 11, c->now_ms);
	stmt_bind_int(q, 12, h->names);
	if (h->guide == 0)
		stmt_bind_null(q, 13);
	else
		stmt_bind_int(q, 13, h->guide);
	stmt_bind_int(q, 14, h->parts);
	return stmt_run(q, why);
}

/* The number is kept by person_find_or_make; what the department says beside it is the newest we know. */
static bool head_person(struct tx *tx, const struct opening *o, const struct case_file *c, struct head *h, struct fail *why)
{
	h->person = o->person;
	if (h->person != 0)
		return true;
	struct person_facts facts = { .name = o->name, .phone = o->phone.len > 0 ? o->phone : STR_NONE };
	return person_find_or_make(tx, o->applicant->kind, str_c(o->applicant->number), c->now_ms, &h->person, why) &&
	       person_facts_merge(tx, h->person, &facts, c->pen->random, why);
}

static void file_fill(struct case_file *c, const struct head *h)
{
	c->stored_seq = 1;
	c->person = h->person;
	c->names = h->names;
	c->region = h->region;
	c->parts = h->parts;
}

static bool part_open(struct tx *tx, const struct opening *o, struct case_file *c, enum case_state first, struct fail *why)
{
	struct part_wish wish = { .whole = o->whole, .code = o->part, .department = c->department };
	struct part_place p;
	if (!joint_find(tx, &wish, &p, why) || !tx_next_id(tx, "cases", &c->id, why))
		return false;
	struct head h = { .matter = p.matter, .region = p.region, .type = p.type, .person = p.person, .names = p.names, .parts = -p.n, .guide = p.guide };
	memcpy(c->case_no, p.case_no, CASE_NUMBER_BYTES);
	c->whole = p.whole;
	file_fill(c, &h);
	return case_insert(tx, c, &h, first, why) && joint_begun(tx, &p, c->id, why);
}

static bool whole_open(struct tx *tx, const struct opening *o, struct case_file *c, enum case_state first, struct fail *why)
{
	struct head h = { .matter = 0 };
	if (!head_matter(tx, o, c, &h, why) || !head_region(tx, o, c, &h, why) ||
	    !case_names_find_or_make(tx, h.matter, h.region, h.name, &h.names, why) || !head_person(tx, o, c, &h, why))
		return false;
	if (!tx_next_id(tx, "cases", &c->id, why) || !case_number_format(c->id, (int32_t)h.region, c->now_ms, c->case_no, why))
		return false;
	if (c->case_ref.at == NULL)
		c->case_ref = str_c(c->case_no);
	c->whole = h.parts > 0 ? c->id : 0;
	file_fill(c, &h);
	return case_insert(tx, c, &h, first, why) && (h.parts == 0 || joint_make(tx, c->id, h.guide, why));
}

bool case_open(struct tx *tx, const struct opening *o, struct case_file *c, struct fail *why)
{
	enum case_state first;
	if (!case_move(CASE_NONE, o->event, &first, why))
		return false;
	return o->whole.at != NULL ? part_open(tx, o, c, first, why) : whole_open(tx, o, c, first, why);
}
