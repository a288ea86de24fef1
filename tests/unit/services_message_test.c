/* Goal: every move is told to its person exactly once and in order, in words that fit; the inbox counts what is unread; and a stream that is read from any
 * place goes on from there, or says that it cannot.
 * Method: the tables of words held against the table of states; departments' events through the real handler, the rows read back. */
#include "services_world.h"
#include "notify/delivery.h"
#include "notify/message.h"
#include "notify/stream.h"
#include "services/cases/case_state.h"
#include "services/messages/message_row.h"
#include "services/messages/stream.h"

enum { TITLE_MAX = 20, BODY_MAX = 120 /* with a matter of 100 characters it stays below a screen */, SMS_VARIABLE_MAX = 10 };

static void test_words(void **state)
{
	(void)state;
	for (int t = 1; t < TEMPLATE_COUNT; t++) {
		const struct template_row *row = template_row((enum message_template)t);
		if (row->state > CASE_WORDS_OF_DEMAND) {
			assert_true(str_starts(row->name, STR("demand_")));
			assert_true(str_ends(row->name, case_event_row((enum case_event)(row->state - CASE_WORDS_OF_DEMAND))->name));
			assert_int_equal(template_for(row->state), t);
		} else if (row->state > CASE_WORDS_OF_APPLICANT) {
			assert_true(str_starts(row->name, STR("you_")));
			assert_true(str_ends(row->name, case_event_row((enum case_event)(row->state - CASE_WORDS_OF_APPLICANT))->name));
			assert_int_equal(template_for(row->state), t);
		} else if (row->state > CASE_WORDS_OF_EVENT) { /* an event's */
			assert_true(str_eq(row->name, case_event_row((enum case_event)(row->state - CASE_WORDS_OF_EVENT))->name));
			assert_int_equal(template_for(row->state), t);
		} else if (row->state != 0) { /* a state's */
			assert_true(row->state > 0 && row->state < CASE_STATE_COUNT);
			assert_true(str_eq(row->name, case_state_name((enum case_state)row->state)));
			assert_int_equal(template_for(row->state), t);
		}
		for (enum lang lang = 0; lang < LANG_COUNT; lang++) {
			const struct str all[] = { row->title[lang], row->body[lang], row->bell->text[lang] };
			for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
				assert_true(all[i].len > 0 && str_is_utf8(all[i]) && memchr(all[i].at, '\n', all[i].len) == NULL);
			assert_null(memchr(row->title[lang].at, '{', row->title[lang].len));
			assert_null(memchr(row->bell->text[lang].at, '{', row->bell->text[lang].len)); /* strangers read it */
		}
		assert_true(str_utf8_length(row->title[LANG_ZH]) <= TITLE_MAX && str_utf8_length(row->body[LANG_ZH]) <= BODY_MAX);
		assert_true(str_utf8_length(row->bell->status) <= SMS_VARIABLE_MAX);
	}
}

static void test_whoever_is_needed_is_told(void **state)
{
	(void)state;
	for (int s = 1; s < CASE_STATE_COUNT; s++) {
		const struct case_state_row *row = case_state_row((enum case_state)s);
		bool needs_you = row->status == CASE_STATUS_NEEDS_YOU;
		if (needs_you || row->next == CASE_NEXT_COLLECT || row->status == CASE_STATUS_DECIDED)
			assert_int_not_equal(template_for(s), 0);
		if (needs_you) /* a push for it says so */
			assert_ptr_not_equal(template_row(template_for(s))->bell, template_row(template_for(CASE_ACCEPTED))->bell);
	}
}

static void test_every_end_has_words(void **state)
{
	(void)state;
	for (int s = EFFECT_DUE; s <= EFFECT_CANCELLED; s++)
		for (int r = RECEIPT_NONE; r <= RECEIPT_LOST; r++) {
			struct effect_view e = { .kind = KIND_sms_aliyun, .state = (enum effect_state)s, .receipt = (enum effect_receipt)r };
			const struct delivery_words *words = delivery_words(&e);
			for (enum lang lang = 0; lang < LANG_COUNT; lang++)
				assert_true(words->text[lang].len > 0 && words->next[lang].len > 0);
			if (r == RECEIPT_ARRIVED && effect_is_over(e.state) && e.state != EFFECT_CANCELLED)
				assert_non_null(strstr(words->text[LANG_EN].at, "reached the phone"));
		}
	char masked[12];
	delivery_mask(STR("13800138000"), masked);
	assert_string_equal(masked, "138****8000");
	delivery_mask(STR("+8613800138000"), masked);
	assert_string_equal(masked, "***********");
}

/* ---- through the handler ---- */

static void post(struct world *w, int seq, const char *name)
{
	static const char opening[] = ",\"matter\":\"M1\",\"region\":\"621202\",\"applicant\":{\"id_type\":\"resident\",\"id_number\":\"" RESIDENT "\"}";
	char body[512];
	snprintf(body, sizeof(body), "{\"event_id\":\"e%d\",\"case_ref\":\"C1\",\"seq\":%d,\"event\":\"%s\",\"occurred_at\":\"2026-11-23T09:00:00+08:00\"%s}", seq, seq, name,
		 seq == 1 ? opening : "");
	world_expect(w, world_post(w, 1, body));
}

static int64_t number(struct world *w, const char *sql)
{
	struct tx tx;
	struct fail why;
	fail_clear(&why);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	struct stmt *q = tx_query(&tx, sql, &why);
	assert_true(q != NULL && stmt_row(q, &why));
	int64_t v = stmt_int(q, 0);
	stmt_drop(q);
	reader_end(w->reader);
	return v;
}

/* What a stream gives after `after`, as "seq:event ...". */
static const char *told(struct world *w, int64_t after)
{
	static char text[1024];
	enum { MAX = 32 };
	struct stream_item items[MAX];
	struct tx tx;
	struct fail why;
	int count;
	size_t at = 0;
	fail_clear(&why);
	arena_reset(&w->arena);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	world_must(stream_read(&tx, 1, after, LANG_ZH, &w->arena, items, MAX, &count, &why), &why);
	reader_end(w->reader);
	text[0] = '\0';
	for (int i = 0; i < count; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%lld:%.*s", i > 0 ? " " : "", (long long)items[i].seq, STR_ARG(items[i].event));
	return text;
}

static void test_each_move_once_in_order(void **state)
{
	struct world *w = *state;
	world_import_small(w);
	post(w, 4, "decided_ok"); /* held: nothing has happened yet */
	post(w, 3, "accepted");
	post(w, 2, "received");
	assert_int_equal(number(w, "SELECT COUNT(*) FROM stream_event"), 0);
	post(w, 1, "submitted");
	assert_string_equal(told(w, 0), "1:case_moved 2:case_moved 3:case_moved 4:message 5:case_moved 6:message");
	assert_string_equal(told(w, 4), "5:case_moved 6:message");
	assert_string_equal(told(w, 6), "");
	post(w, 4, "decided_ok"); /* a repeat tells nobody */
	assert_string_equal(told(w, 6), "");
	assert_int_equal(number(w, "SELECT COUNT(*) FROM message"), 2);
	assert_int_equal(number(w, "SELECT unread FROM person WHERE id = 1"), 2);
	assert_int_equal(number(w, "SELECT COUNT(*) FROM message WHERE content LIKE '%企业%'"), 0); /* sealed */
}

struct purge {
	int64_t before_ms, deleted;
};

static bool purge(struct tx *tx, void *ctx, struct fail *why)
{
	struct purge *p = ctx;
	return stream_purge(tx, p->before_ms, 100, &p->deleted, why);
}

static void test_what_was_forgotten_is_a_reset(void **state)
{
	struct world *w = *state;
	struct fail why;
	fail_clear(&why);
	world_import_small(w);
	post(w, 1, "received");
	w->now_ms += 1000;
	post(w, 2, "accepted");
	assert_string_equal(told(w, 77), "3:reset"); /* never given out */
	struct purge p = { .before_ms = w->now_ms };
	world_must(store_write(w->store, purge, &p, &why), &why);
	assert_int_equal(p.deleted, 1);
	assert_string_equal(told(w, 0), "3:reset");
	assert_string_equal(told(w, 1), "2:case_moved 3:message");
	p.before_ms = w->now_ms + 1;
	world_must(store_write(w->store, purge, &p, &why), &why);
	assert_string_equal(told(w, 2), "3:reset");
	assert_string_equal(told(w, 3), "");
}

static void test_reading_twice_is_reading_once(void **state)
{
	struct world *w = *state;
	char id[ID_TEXT_BYTES];
	struct tx tx;
	struct message m;
	world_import_small(w);
	post(w, 1, "received");
	post(w, 2, "accepted");
	arena_reset(&w->arena);
	world_must(reader_begin(w->reader, &tx, &w->r.why) && message_by_id(&tx, 1, LANG_ZH, &w->arena, &m, &w->r.why), &w->r.why);
	reader_end(w->reader);
	id_text(m.key, "ms", id);
	for (int i = 0; i < 2; i++) {
		world_ask(w, METHOD_POST, "/v1/messages/x/read", id, NULL);
		w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 1 };
		world_expect(w, world_write(w, &message_read));
		assert_string_equal(told(w, 3), "4:message_read");
		assert_int_equal(number(w, "SELECT unread FROM person WHERE id = 1"), 0);
	}
	world_ask(w, METHOD_POST, "/v1/messages/x/read", id, NULL);
	w->r.who = (struct principal){ .kind = WHO_CITIZEN, .id = 2 };
	expect_code(w, world_write(w, &message_read), FAIL_NOT_FOUND, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_whoever_is_needed_is_told),
		cmocka_unit_test(test_every_end_has_words),
		cmocka_unit_test_setup_teardown(test_each_move_once_in_order, world_make, world_end),
		cmocka_unit_test_setup_teardown(test_what_was_forgotten_is_a_reset, world_make, world_end),
		cmocka_unit_test_setup_teardown(test_reading_twice_is_reading_once, world_make, world_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
