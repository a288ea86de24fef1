/* services/people/me_data.c - GET /v1/me/data and /v1/me/data/:part: everything we hold about the caller, as rows of services/people/data_parts.def.
 *
 * Page by page, so that no answer is unbounded. Masked as everywhere; ?full=1 within 15 minutes of a step-up. That a part was taken out is on record, once for
 * its first page. */
#include "auth/audit_read.h"
#include "auth/document.h"
#include "auth/login.h"
#include "auth/mask.h"
#include "auth/right.h"
#include "auth/vault.h"
#include "base/ids.h"
#include "notify/effect.h"
#include "services/booking/booking.h"
#include "services/cases/case_state.h"
#include "services/handlers.h"
#include "services/services.h"
#include <stdio.h>

enum { LISTED = 1, ITEM_BYTES = 512, COLUMNS_MAX = 10, DETAIL_BYTES = 64 };

enum how { NUMBER, TEXT, TIME, KEY, WORD, SEALED, FACTS, LOGIN, SECRET, DETAIL };
struct column {
	const char *name;
	enum how how;
	const char *what; /* by how: prefix, list, place */
};
static const struct part {
	const char *name, *title[LANG_COUNT], *sql;
	struct column columns[COLUMNS_MAX];
} parts[] = {
#define PART(name, zh, en, sql, ...) { #name, { zh, en }, sql, { __VA_ARGS__ } },
#include "services/people/data_parts.def"
#undef PART
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

/* ---- which parts there are ---- */

static bool index_parse(struct request *r, struct fail *why)
{
	static const char *const no_query[] = { NULL };
	return request_query_only(r, no_query, why);
}

static bool index_render(struct request *r, struct fail *why)
{
	struct json_out j = reply_list(r);
	for (int i = 0; i < PARTS; i++) {
		json_put_object(&j);
		json_add_plain(&j, "part", str_c(parts[i].name));
		json_add_text(&j, "title", str_c(parts[i].title[r->lang]));
		json_put_object_end(&j);
	}
	return reply_list_end(r, &j, NULL, why);
}

const struct handler me_data_index = { .parse = index_parse, .render = index_render };

/* ---- words ---- */

static struct str identity_word(int64_t n)
{
	return str_c(identity_kind_text((enum identity_kind)n));
}

static struct str login_word(int64_t n)
{
	static const char *const words[] = { "", "phone", "wechat", "province", "wechat_official" };
	return str_c(n > 0 && n <= LOGIN_WECHAT_OFFICIAL ? words[n] : "");
}

static struct str state_word(int64_t n)
{
	return case_state_name((enum case_state)n);
}

static struct str event_word(int64_t n)
{
	return case_event_row((enum case_event)n)->name;
}

static struct str effect_word(int64_t n)
{
	return str_c(effect_state_name((enum effect_state)n));
}

static struct str act_word(int64_t n)
{
	const struct audit_word *word = audit_act_word(n);
	return str_c(word != NULL ? word->text : "unknown");
}

static struct str who_word(int64_t n)
{
	return who_name((enum who)n);
}

static struct str booking_word(int64_t n)
{
	return str_c(booking_state_text((enum booking_state)n));
}

static const struct { const char *list; struct str (*word)(int64_t n); } lists[] = {
	{ "identity", identity_word }, { "login", login_word }, { "state", state_word }, { "event", event_word }, { "effect", effect_word }, { "act", act_word },
	{ "who", who_word }, { "booking", booking_word },
};

static void put_word(struct json_out *j, const struct column *c, int64_t n)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (strcmp(lists[i].list, c->what) == 0)
			json_add_plain(j, c->name, lists[i].word(n));
}

/* ---- a page, written in look: what is sealed is opened while its row is there ---- */

struct page {
	const struct part *part;
	struct cursor from;
	int limit;
	bool is_full, is_first, is_more;
	int64_t last;
	struct buf items;
};

static bool data_parse(struct request *r, struct fail *why)
{
	static const char *const names[] = { "cursor", "limit", "full", NULL };
	struct page *p = request_state(r, sizeof(*p), why);
	struct str full;
	bool has_cursor;
	if (p == NULL || !request_query_only(r, names, why) || !request_page(r, &p->from, &has_cursor, &p->limit, why) || !request_query(r, "full", &full, why))
		return false;
	p->is_first = !has_cursor;
	p->is_full = full.at != NULL;
	for (int i = 0; i < PARTS; i++)
		if (str_eq(r->params[0], str_c(parts[i].name)))
			p->part = &parts[i];
	if (p->part == NULL)
		return FAILS(why, NOT_FOUND, "no such part");
	if (p->is_full && !str_eq(full, STR("1")))
		return FAILS_FIELD(why, QUERY, "full", "not 1");
	if (!p->is_full || level_suffices(&r->who, LEVEL_L3, r->now_ms))
		return true;
	FAILS(why, LEVEL, "in full needs a face");
	fail_fact_number(why, "needed_level", LEVEL_L3);
	fail_fact_text(why, "step", level_row(LEVEL_L3)->step);
	return false;
}

static bool open_sealed(struct arena *a, const struct column *c, int64_t id, struct str sealed, struct str *out, struct fail *why)
{
	struct buf b;
	*out = STR_NONE;
	if (sealed.len == 0) /* overwritten, or there is none */
		return true;
	buf_init(&b, a, sealed.len + 1);
	bool ok = vault_open(c->what, id, sealed, &b, why);
	*out = buf_text(&b);
	return ok;
}

static void add_text(struct json_out *j, const char *name, struct str text)
{
	if (text.at == NULL)
		json_add_nothing(j, name);
	else
		json_add_text(j, name, text);
}

static void add_masked(struct json_out *j, const char *name, struct str text, bool is_full, void (*mask)(enum identity_kind kind, struct str text, struct buf *out),
		       enum identity_kind kind)
{
	char bytes[PERSON_FACTS_BYTES];
	struct buf b = { .at = bytes, .cap = sizeof(bytes) };
	if (text.at != NULL && !is_full) {
		mask(kind, text, &b);
		text = buf_text(&b);
	}
	add_text(j, name, text);
}

static void mask_a_phone(enum identity_kind kind, struct str text, struct buf *out)
{
	(void)kind;
	mask_phone(text, out);
}

static bool put_facts(struct json_out *j, const struct page *p, struct stmt *q, int column, struct fail *why)
{
	char text[PERSON_FACTS_BYTES];
	struct person_facts f;
	enum identity_kind kind = (enum identity_kind)stmt_int(q, 1);
	if (!person_facts_open(stmt_int(q, 0), stmt_blob(q, column), text, &f, why))
		return false;
	struct document_number document = document_number(kind, f.number);
	add_masked(j, "name", f.name, p->is_full, mask_name, kind);
	add_text(j, "id_country", document.country.len > 0 ? document.country : STR_NONE);
	add_masked(j, "id_number", p->is_full ? document.bare : f.number, p->is_full, mask_number, kind);
	add_masked(j, "phone", f.phone, p->is_full, mask_a_phone, kind);
	explicit_bzero(text, sizeof(text));
	return true;
}

/* What is no phone is a platform's name for an account: it is shown in full or not at all. */
static bool put_login(struct json_out *j, struct request *r, const struct page *p, struct stmt *q, const struct column *c, int column, struct fail *why)
{
	struct str value;
	if (!open_sealed(&r->arena, c, stmt_int(q, 0), stmt_blob(q, column), &value, why))
		return false;
	if (stmt_int(q, 1) == LOGIN_PHONE)
		add_masked(j, c->name, value, p->is_full, mask_a_phone, IDENTITY_NONE);
	else
		add_text(j, c->name, p->is_full ? value : STR_NONE);
	return true;
}

static bool put_column(struct json_out *j, struct request *r, const struct page *p, struct stmt *q, const struct column *c, int column, struct fail *why)
{
	struct str text = STR_NONE;
	switch (c->how) {
	case NUMBER:
		json_add_number(j, c->name, stmt_int(q, column));
		return true;
	case TEXT:
		add_text(j, c->name, stmt_is_null(q, column) ? STR_NONE : stmt_text(q, column));
		return true;
	case TIME:
		if (stmt_is_null(q, column))
			json_add_nothing(j, c->name);
		else
			json_add_time(j, c->name, stmt_int(q, column));
		return true;
	case KEY: {
		struct id id;
		char key[ID_TEXT_BYTES];
		memcpy(id.bytes, stmt_blob(q, column).at, ID_BYTES);
		id_text(id, c->what, key);
		json_add_text(j, c->name, str_c(key));
		return true;
	}
	case WORD:
		put_word(j, c, stmt_int(q, column));
		return true;
	case FACTS:
		return put_facts(j, p, q, column, why);
	case LOGIN:
		return put_login(j, r, p, q, c, column, why);
	case SECRET:
		if (p->is_full && !open_sealed(&r->arena, c, stmt_int(q, 0), stmt_blob(q, column), &text, why))
			return false;
		break;
	case SEALED:
		if (!open_sealed(&r->arena, c, stmt_int(q, 0), stmt_blob(q, column), &text, why))
			return false;
		break;
	case DETAIL:
		if (!audit_detail(&r->arena, stmt_int(q, 0), stmt_blob(q, column), &text, why))
			return false;
		break;
	}
	add_text(j, c->name, text);
	return true;
}

static bool put_item(struct json_out *j, struct request *r, const struct page *p, struct stmt *q, struct fail *why)
{
	json_put_object(j);
	for (int i = 0; i < COLUMNS_MAX && p->part->columns[i].name != NULL; i++)
		if (!put_column(j, r, p, q, &p->part->columns[i], 1 + i, why))
			return false;
	json_put_object_end(j);
	return true;
}

static bool data_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct page *p = r->state;
	buf_init(&p->items, &r->arena, (size_t)ITEM_BYTES * 4);
	struct json_out j = json_begin(&p->items);
	int count = 0;
	DROP(stmt) struct stmt *q = tx_query(tx, p->part->sql, why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->who.id);
	stmt_bind_int(q, 2, p->from.id);
	stmt_bind_int(q, 3, p->limit + 1);
	json_put_array(&j);
	for (; stmt_row(q, why); count++) {
		p->is_more = count == p->limit;
		if (p->is_more)
			break;
		if (!put_item(&j, r, p, q, why))
			return false;
		p->last = stmt_int(q, 0);
	}
	json_put_array_end(&j);
	return why->code == FAIL_NONE && (json_end(&j) || FAILS(why, MEMORY, "a page of %s", p->part->name));
}

static bool data_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct page *p = r->state;
	char detail[DETAIL_BYTES];
	int len = snprintf(detail, sizeof(detail), "%s%s", p->part->name, p->is_full ? ", in full" : "");
	struct audit a = { AUDIT_DATA_EXPORTED, AUDIT_OF_PERSON, r->who.id, .result = 200, .detail = { detail, (size_t)len } };
	r->outcome = (struct outcome){ .code = LISTED, .status = 200 };
	return !p->is_first || audit_add(tx, r, &a, why);
}

static bool data_render(struct request *r, struct fail *why)
{
	struct page *p = r->state;
	struct cursor next = { 0, p->last };
	struct json_out j = reply_json(r, 200);
	json_put_object(&j);
	json_add_plain(&j, "part", str_c(p->part->name));
	json_add_text(&j, "title", str_c(p->part->title[r->lang]));
	json_put_name(&j, "items");
	json_put_members(&j, buf_text(&p->items)); /* written in look */
	reply_page(r, &j, p->is_more ? &next : NULL);
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

const struct handler me_data_part = { .parse = data_parse, .look = data_look, .apply = data_apply, .render = data_render };
