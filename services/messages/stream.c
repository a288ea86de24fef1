/* services/messages/stream.c - one row, one event; which row of the table STREAM_EVENT it is decides who writes its data. */
#include "services/messages/stream.h"
#include "notify/delivery.h"
#include "notify/stream.h"
#include "services/cases/case_state.h"
#include "services/handlers.h"
#include "services/messages/message_row.h"
#include "store/store.h"
#include <assert.h>

enum { DATA_FIRST_BYTES = 512 };

bool stream_last(struct tx *tx, int64_t person, int64_t *seq, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT stream_seq FROM person WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "person %lld", (long long)person);
	*seq = stmt_int(q, 0);
	return true;
}

/* ---- what each kind says ---- */

static void add_message_id(struct json_out *j, const char *name, struct str key)
{
	struct id id;
	char text[ID_TEXT_BYTES];
	assert(key.len == ID_BYTES);
	memcpy(id.bytes, key.at, ID_BYTES);
	json_add_plain(j, name, (struct str){ text, id_text(id, "ms", text) });
}

/* Writes members into the open object. */
typedef bool (*tell_fn)(struct tx *tx, struct json_out *j, int64_t ref, int64_t n, enum lang lang, struct arena *a, struct fail *why);

static bool tell_case_moved(struct tx *tx, struct json_out *j, int64_t ref, int64_t n, enum lang lang, struct arena *a, struct fail *why)
{
	(void)a;
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT c.case_no, e.event, e.state, e.occurred_ms FROM case_event e JOIN cases c ON c.id = e.case_id WHERE e.case_id = $1 AND e.seq = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, ref);
	stmt_bind_int(q, 2, n);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "case %lld event %lld", (long long)ref, (long long)n);
	enum case_state state = (enum case_state)stmt_int(q, 2);
	json_add_text(j, "case_no", stmt_text(q, 0));
	json_add_number(j, "seq", n);
	json_add_plain(j, "event", case_event_row((enum case_event)stmt_int(q, 1))->name);
	json_add_plain(j, "state", case_state_name(state));
	json_add_text(j, "state_text", case_state_row(state)->text[lang]);
	json_add_plain(j, "status", case_status_of(state)->name);
	json_add_text(j, "status_text", case_status_of(state)->text[lang]);
	json_add_time(j, "occurred_at", stmt_int(q, 3));
	return true;
}

static bool tell_message(struct tx *tx, struct json_out *j, int64_t ref, int64_t n, enum lang lang, struct arena *a, struct fail *why)
{
	struct message m;
	(void)n;
	if (!message_by_id(tx, ref, lang, a, &m, why))
		return false;
	message_members(j, &m);
	return true;
}

static bool tell_message_read(struct tx *tx, struct json_out *j, int64_t ref, int64_t n, enum lang lang, struct arena *a, struct fail *why)
{
	(void)n, (void)lang, (void)a;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT key, read_ms FROM message WHERE id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, ref);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "message %lld", (long long)ref);
	add_message_id(j, "id", stmt_blob(q, 0));
	json_add_time(j, "read_at", stmt_int(q, 1));
	return true;
}

/* Of the effect's row now, not of then: a later word is the better one. */
static bool tell_delivery(struct tx *tx, struct json_out *j, int64_t ref, int64_t n, enum lang lang, struct arena *a, struct fail *why)
{
	static const struct str receipts[] = { [RECEIPT_NONE] = { "none", 4 }, [RECEIPT_ARRIVED] = { "arrived", 7 }, [RECEIPT_LOST] = { "lost", 4 } };
	(void)lang, (void)a;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT m.key, e.kind FROM effect e JOIN message m ON m.id = e.message WHERE e.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, ref);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "effect %lld", (long long)ref);
	add_message_id(j, "message", stmt_blob(q, 0));
	json_add_plain(j, "channel", delivery_channel((int32_t)stmt_int(q, 1)));
	json_add_plain(j, "state", str_c(effect_state_name((enum effect_state)(n & 0xff))));
	json_add_plain(j, "receipt", receipts[n >> 8 & 3]);
	return true;
}

static const tell_fn tellers[STREAM_KINDS] = {
	[STREAM_MESSAGE] = tell_message, [STREAM_MESSAGE_READ] = tell_message_read, [STREAM_CASE_MOVED] = tell_case_moved, [STREAM_DELIVERY] = tell_delivery,
};

static bool item_of(struct tx *tx, struct stmt *q, enum lang lang, struct arena *a, struct stream_item *to, struct fail *why)
{
	enum stream_kind kind = (enum stream_kind)stmt_int(q, 1);
	assert(kind > 0 && kind < STREAM_KINDS && tellers[kind] != NULL);
	struct buf b;
	buf_init(&b, a, DATA_FIRST_BYTES);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	if (!tellers[kind](tx, &j, stmt_int(q, 2), stmt_int(q, 3), lang, a, why))
		return false;
	json_put_object_end(&j);
	*to = (struct stream_item){ stmt_int(q, 0), stream_kind_name(kind), buf_text(&b) };
	return json_end(&j) || FAILS(why, MEMORY, "a stream event");
}

/* ---- reading ---- */

static bool read_rows(struct tx *tx, int64_t person, int64_t after, enum lang lang, struct arena *a, struct stream_item *items, int max, int *count,
	struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT seq, kind, ref, n FROM stream_event WHERE person = $1 AND seq > $2 ORDER BY seq LIMIT $3", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, person);
	stmt_bind_int(q, 2, after);
	stmt_bind_int(q, 3, max);
	while (stmt_row(q, why)) {
		if (*count == 0 && stmt_int(q, 0) != after + 1)
			return true; /* what came between was forgotten */
		if (!item_of(tx, q, lang, a, &items[*count], why))
			return false;
		++*count;
	}
	return why->code == FAIL_NONE;
}

bool stream_read(struct tx *tx, int64_t person, int64_t after, enum lang lang, struct arena *a, struct stream_item *items, int max, int *count,
	struct fail *why)
{
	int64_t last;
	assert(max > 0 && after >= 0);
	*count = 0;
	if (!read_rows(tx, person, after, lang, a, items, max, count, why))
		return false;
	if (*count > 0)
		return true;
	if (!stream_last(tx, person, &last, why))
		return false;
	if (last == after)
		return true;
	items[0] = (struct stream_item){ last, STR("reset"), STR("{\"reload\":[\"/v1/messages\",\"/v1/cases\"]}") };
	*count = 1;
	return true;
}

/* ---- where to begin ---- */

bool stream_want_read(struct request *r, struct stream_want *w, struct fail *why)
{
	static const char *const names[] = { "after", NULL };
	struct str after, last = request_header(r, STR("last-event-id"));
	if (!request_query_only(r, names, why) || !request_query(r, "after", &after, why))
		return false;
	w->after = STREAM_NEWEST;
	if (after.at != NULL && !str_to_i64(after, 0, INT64_MAX - 1, &w->after))
		return FAILS_FIELD(why, QUERY, "after", "not an event's id");
	/* A browser that reconnects by itself sends the header with the address it was first given: the header is the newer word. */
	if (last.len > 0 && !str_to_i64(last, 0, INT64_MAX - 1, &w->after))
		return FAILS_FIELD(why, QUERY, "last-event-id", "not an event's id");
	return true;
}

bool stream_want_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct stream_want *w = r->state;
	return w->after != STREAM_NEWEST || stream_last(tx, r->who.id, &w->after, why);
}

static bool stream_open_parse(struct request *r, struct fail *why)
{
	struct stream_want *w = request_state(r, sizeof(*w), why);
	return w != NULL && stream_want_read(r, w, why);
}

static bool stream_open_render(struct request *r, struct fail *why)
{
	(void)why;
	r->reply.status = 200;
	r->reply.content_type = "text/event-stream; charset=utf-8";
	r->reply.goes_on = REPLY_STREAM;
	reply_header(r, "x-accel-buffering", STR("no")); /* a proxy on the way must not collect events */
	return true;
}

const struct handler stream_open = { .parse = stream_open_parse, .look = stream_want_look, .render = stream_open_render };
