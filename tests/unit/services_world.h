/* tests/unit/services_world.h - a real store in a folder of its own, and requests made by hand, for the tests of services/.
 *
 * Every write is applied twice from the same snapshot: once rolled back, once kept; all rows must come out the same. */
#ifndef TESTS_SERVICES_WORLD_H
#define TESTS_SERVICES_WORLD_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/keyring.h"
#include "base/clock.h"
#include "channels/ask.h"
#include "services/handlers.h"
#include "store/expiring.h"
#include "store/store.h"
#include "migrated.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW_MS INT64_C(1795420800000) /* 2026-11-23T16:00:00+08:00 */
#define RESIDENT "621299199006150131"
#define OTHER_RESIDENT "62129919850101006X"
#define COMPANY "91621299MA0000015U"

struct world_answer {
	int status;
	const char *body;
};

struct world {
	char dir[256];
	struct config config;
	struct store *store;
	struct connection *reader;
	struct expiring *expiring; /* made when a handler recalls */
	struct arena arena; /* of the request being asked, and of dumps */
	struct request r;
	int64_t now_ms;
	uint64_t commits, asked;
	const struct world_answer *answers; /* what the outside says to the next questions, in order; ends with a body NULL */
};

static inline int world_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void world_must(bool ok, const struct fail *why)
{
	if (!ok)
		fail_msg("%s: %s", fail_row(why->code)->name, why->log);
}

static inline int world_make(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct fail why;
	fail_clear(&why);
	const char *tmp = getenv("TMPDIR");
	snprintf(w->dir, sizeof(w->dir), "%s/siban-unit-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	config_defaults(&w->config);
	snprintf(w->config.state_dir, sizeof(w->config.state_dir), "%s", w->dir);
	w->config.development = true;
	world_must(keyring_open(&w->config, true, &why), &why);
	w->store = migrated_open(&w->config, &why);
	world_must(w->store != NULL, &why);
	world_must(services_start(w->store, &w->config, true, &why), &why);
	w->reader = store_reader(w->store, 64, &why);
	world_must(w->reader != NULL, &why);
	arena_init(&w->arena, 16 << 20);
	w->now_ms = NOW_MS;
	*state = w;
	return 0;
}

static inline int world_end(void **state)
{
	struct world *w = *state;
	arena_free(&w->r.arena);
	arena_free(&w->arena);
	expiring_close(w->expiring);
	connection_close(w->reader);
	store_close(w->store);
	keyring_close();
	nftw(w->dir, world_unlink, 16, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

/* A new request; the one before is gone. target may have a query. */
static inline struct request *world_ask(struct world *w, enum method method, const char *target, const char *param, const char *body)
{
	struct request *r = &w->r;
	struct str path, query;
	if (r->arena.cap != 0)
		arena_free(&r->arena);
	memset(r, 0, sizeof(*r));
	arena_init(&r->arena, 4 << 20);
	r->method = method;
	r->target = str_copy(&r->arena, str_c(target));
	str_cut(r->target, '?', &path, &query);
	r->path = path;
	r->query = query;
	if (param != NULL)
		r->params[0] = str_copy(&r->arena, str_c(param));
	if (body != NULL)
		r->body = str_copy(&r->arena, str_c(body));
	r->who.kind = WHO_ANYONE;
	r->now_ms = w->now_ms;
	w->asked++;
	for (int i = 0; i < STAMP_RANDOM; i++) {
		r->random[i] = (uint8_t)(w->commits * 31 + (uint64_t)i * 7 + 1);
		r->seed[i] = (uint8_t)(w->asked * 37 + (w->asked >> 8) + (uint64_t)i * 11);
	}
	snprintf(r->id, sizeof(r->id), "rq_TEST");
	return r;
}

static inline const char *world_body(struct world *w)
{
	buf_char(&w->r.reply.body, '\0');
	return w->r.reply.body.at;
}

/* ---- reading ---- */

static inline bool world_read(struct world *w, const struct handler *h)
{
	struct request *r = &w->r;
	struct tx tx;
	if (h->parse != NULL && !h->parse(r, &r->why))
		return false;
	if (!reader_begin(w->reader, &tx, &r->why))
		return false;
	bool ok = h->look(&tx, r, &r->why);
	reader_end(w->reader);
	return ok && h->render(r, &r->why);
}

/* ---- writing, twice ---- */

static const char *const world_tables[] = {
	"SELECT code || '|' || name || '|' || level || '|' || ifnull(parent, '-') FROM region ORDER BY code",
	"SELECT id || '|' || code || '|' || name || '|' || region FROM department ORDER BY id",
	"SELECT id || '|' || code || '|' || name || '|' || department || '|' || region || '|' || type || '|' || legal_days || '|' || promised_days"
	" || '|' || trips || '|' || online FROM matter ORDER BY id",
	"SELECT id || '|' || hex(id_hash_a) || '|' || ifnull(hex(phone_hash_a), '-') || '|' || hex(facts) || '|' || kind || '|' || made_ms"
	" || '|' || confirmed_by || '|' || confirmed_ms FROM person ORDER BY id",
	"SELECT id || '|' || hex(hash) || '|' || kind || '|' || principal_id || '|' || expires_ms || '|' || development || '|' || test_key FROM token ORDER BY id",
	"SELECT id || '|' || case_no || '|' || person || '|' || department || '|' || case_ref || '|' || matter || '|' || region || '|' || state || '|' || last_seq"
	" || '|' || opened_ms || '|' || updated_ms || '|' || names || '|' || parts || '|' || clock || '|' || ifnull(clock_due, '-') || '|' || ifnull(guide, '-')"
	" FROM cases ORDER BY id",
	"SELECT id || '|' || matter || '|' || region || '|' || matter_code || '|' || matter_name || '|' || department_name || '|' || region_name"
	" FROM case_names ORDER BY id",
	"SELECT case_id || '|' || seq || '|' || department || '|' || event_id || '|' || hex(digest) || '|' || event || '|' || state || '|' || ifnull(note, '-')"
	" || '|' || occurred_ms || '|' || received_ms || '|' || fact FROM case_event ORDER BY case_id, seq",
	"SELECT id || '|' || department || '|' || case_ref || '|' || seq || '|' || refused_in || '|' || event_id || '|' || hex(digest) || '|' || event"
	" || '|' || ifnull(note, '-') || '|' || occurred_ms || '|' || received_ms FROM held_event ORDER BY id",
	"SELECT id || '|' || hex(key) || '|' || person || '|' || seq || '|' || template || '|' || case_id || '|' || cause || '|' || hex(content)"
	" || '|' || made_ms || '|' || ifnull(read_ms, '-') FROM message ORDER BY id",
	"SELECT s.person || '|' || s.seq || '|' || s.kind || '|' || s.ref || '|' || s.n || '|' || s.made_ms || '|' || p.stream_seq || '|' || p.unread"
	" FROM stream_event s JOIN person p ON p.id = s.person ORDER BY s.person, s.seq",
	"SELECT id || '|' || kind || '|' || ref_a || '|' || ref_b || '|' || department || '|' || region || '|' || made_ms || '|' || hex(digest) FROM fact ORDER BY id",
	"SELECT id || '|' || fact || '|' || made_ms || '|' || request_id || '|' || actor_kind || '|' || actor_id || '|' || for_kind || '|' || for_id || '|' || act"
	" || '|' || subject_kind || '|' || subject_id || '|' || result || '|' || ifnull(CAST(detail AS TEXT), '-') FROM audit ORDER BY id",
	"SELECT id || '|' || kind || '|' || hex(hash_a) || '|' || hex(value) || '|' || person || '|' || level || '|' || seen_ms || '|' || ifnull(ended_ms, '-') || '|' || ifnull(hex(key), '-')"
	" || '|' || ifnull(hex(more), '-') FROM login ORDER BY id",
	"SELECT person || '|' || hex(device_hash) || '|' || seen_ms FROM device ORDER BY person, device_hash",
	"SELECT id || '|' || hex(key) || '|' || kind || '|' || principal_id || '|' || ifnull(login, '-') || '|' || hex(name) || '|' || level || '|' || level3_until_ms || '|' || level4_until_ms"
	" || '|' || seen_ms || '|' || expires_ms || '|' || end_reason FROM session ORDER BY id",
	"SELECT id || '|' || hex(hash) || '|' || session || '|' || parent || '|' || state || '|' || expires_ms || '|' || spent_ms FROM refresh ORDER BY id",
	"SELECT hex(phone_hash) || '|' || day || '|' || sent || '|' || to_strangers || '|' || last_ms FROM otp_day ORDER BY phone_hash, day",
	"SELECT id || '|' || hex(key) || '|' || kind || '|' || state || '|' || hex(payload) || '|' || expires_ms FROM effect JOIN effect_payload ON effect = id ORDER BY id",
	"SELECT id || '|' || account || '|' || hex(name) || '|' || region || '|' || roles || '|' || state || '|' || password || '|' || password_ms || '|' || hex(totp)"
	" || '|' || totp_step || '|' || ifnull(hex(invitation), '-') || '|' || invited_until_ms FROM staff ORDER BY id",
	"SELECT staff || '|' || n || '|' || password FROM staff_password ORDER BY staff, n",
	"SELECT staff || '|' || hex(address_hash) || '|' || seen_ms FROM staff_place ORDER BY staff, address_hash",
	"SELECT id || '|' || hex(key) || '|' || kind || '|' || state || '|' || subject || '|' || region || '|' || hex(payload) || '|' || maker || '|'"
	" || ifnull(checker, '-') || '|' || ifnull(hex(note), '-') || '|' || expires_ms FROM proposal ORDER BY id",
	"SELECT m.id || '|' || hex(m.key) || '|' || m.kind || '|' || m.state || '|' || m.holder || '|' || ifnull(m.giver, '-') || '|' || hex(m.said) || '|' || m.scopes"
	" || '|' || m.accepted_by || '|' || m.ends_ms || '|' || m.changed_ms || '|' || m.used_ms || '|' || ifnull(hex(m.code), '-') || '|' || m.code_sent_ms"
	" || '|' || (SELECT COUNT(*) FROM mandate_matter mm WHERE mm.mandate = m.id) FROM mandate m ORDER BY m.id",
	"SELECT id || '|' || matter || '|' || version || '|' || load || '|' || state || '|' || made_ms || '|' || changed_ms || '|' || hex(digest) FROM guide ORDER BY id",
	"SELECT id || '|' || hex(key) || '|' || state || '|' || maker || '|' || code || '|' || ifnull(based_on, '-') || '|' || ifnull(guide, '-') || '|' || made_ms"
	" || '|' || changed_ms || '|' || body FROM guide_draft ORDER BY id",
	"SELECT id || '|' || payment_code || '|' || check_code || '|' || ifnull(department, '-') || '|' || ifnull(notice_no, '-') || '|' || hex(digest) || '|' || kind || '|' || division"
	" || '|' || unit || '|' || unit_name || '|' || ifnull(person, '-') || '|' || payer_kind || '|' || hex(payer) || '|' || amount_fen || '|' || late_fen || '|' || ifnull(late_on, '-')"
	" || '|' || total_fen || '|' || ifnull(last_on, '-') || '|' || state || '|' || ifnull(replaced_by, '-') || '|' || made_ms || '|' || changed_ms FROM pay_notice ORDER BY id",
	"SELECT notice || '|' || n || '|' || item || '|' || name || '|' || amount_fen FROM pay_notice_item ORDER BY notice, n",
	"SELECT id || '|' || hex(key) || '|' || ifnull(person, '-') || '|' || ifnull(staff, '-') || '|' || state || '|' || total_fen || '|' || expires_ms || '|' || made_ms"
	" || '|' || changed_ms || '|' || ends_as FROM pay_order ORDER BY id",
	"SELECT pay_order || '|' || notice || '|' || total_fen || '|' || is_live FROM pay_order_notice ORDER BY pay_order, notice",
	"SELECT id || '|' || pay_order || '|' || channel || '|' || ifnull(reference, '-') || '|' || amount_fen || '|' || journal || '|' || taken_ms FROM pay_payment ORDER BY id",
	"SELECT id || '|' || fact || '|' || kind || '|' || channel || '|' || division || '|' || unit || '|' || item || '|' || opened_ms FROM ledger_account ORDER BY id",
	"SELECT id || '|' || fact || '|' || cause || '|' || subject || '|' || step || '|' || day || '|' || made_ms || '|' || postings || '|' || hex(digest) FROM ledger_journal ORDER BY id",
	"SELECT journal || '|' || n || '|' || account || '|' || amount_fen || '|' || day FROM ledger_posting ORDER BY journal, n",
	"SELECT whole || '|' || n || '|' || department || '|' || ifnull(part, '-') FROM case_part ORDER BY whole, n",
	"SELECT case_id || '|' || kind || '|' || phase || '|' || begun || '|' || days || '|' || extended || '|' || ifnull(due, '-') || '|' || ifnull(stopped_on, '-') || '|' || told"
	" || '|' || broken FROM case_clock ORDER BY case_id, kind",
	"SELECT id || '|' || hex(key) || '|' || state || '|' || person || '|' || maker || '|' || matter || '|' || guide || '|' || region || '|' || edition || '|'"
	" || ifnull(case_id, '-') || '|' || hex(answers) || '|' || made_ms || '|' || changed_ms FROM application ORDER BY id",
	"SELECT id || '|' || application || '|' || n || '|' || edition || '|' || maker || '|' || seq || '|' || hex(answers) || '|' || made_ms FROM application_submission ORDER BY id",
	"SELECT id || '|' || fact || '|' || case_id || '|' || seq || '|' || what || '|' || n || '|' || promised || '|' || day || '|' || department || '|' || region"
	" FROM case_tally ORDER BY id",
	"SELECT id || '|' || hex(key) || '|' || department || '|' || url || '|' || hex(secret) || '|' || ifnull(hex(old_secret), '-') || '|' || old_until_ms || '|'"
	" || made_ms || '|' || ifnull(failing_since_ms, '-') || '|' || ifnull(disabled_ms, '-') || '|' || ifnull(removed_ms, '-') FROM hook ORDER BY id",
	"SELECT id || '|' || hex(key) || '|' || department || '|' || region || '|' || hex(phone) || '|' || made_ms FROM duty_phone ORDER BY id",
	"SELECT place || '|' || seq || '|' || pushed_ms || '|' || listed_on FROM alert_told ORDER BY place",
	"SELECT id || '|' || grp || '|' || starts_ms || '|' || ends_ms || '|' || is_open || '|' || capacity || '|' || held || '|' || booked FROM booking_slot ORDER BY id",
	"SELECT id || '|' || hex(key) || '|' || person || '|' || made_by || '|' || grp || '|' || state || '|' || starts_ms || '|' || ends_ms || '|' || people || '|' || held_until_ms"
	" || '|' || reason || '|' || moves || '|' || hex(contact) || '|' || changed_ms FROM booking ORDER BY id",
	"SELECT booking || '|' || n || '|' || slot || '|' || matter || '|' || ifnull(guide, '-') FROM booking_seat ORDER BY booking, n",
	"SELECT id || '|' || payment || '|' || notice || '|' || trace_no || '|' || amount_fen || '|' || division || '|' || day || '|' || state || '|' || ifnull(effect, '-') || '|' || word || '|'"
	" || finance_no || '|' || wants_receipt || '|' || made_ms || '|' || booked_ms || '|' || changed_ms FROM pay_confirmation ORDER BY id",
	"SELECT id || '|' || confirmation || '|' || state || '|' || ifnull(effect, '-') || '|' || word || '|' || ifnull(code, '-') || '|' || ifnull(number, '-') || '|' || check_code || '|' || hex(link)"
	" || '|' || red_code || '|' || red_number || '|' || is_unwanted || '|' || made_ms || '|' || issued_ms || '|' || reversed_ms || '|' || changed_ms || '|' || n || '|' || amount_fen FROM pay_receipt ORDER BY id",
	"SELECT id || '|' || case_id || '|' || seq || '|' || kind || '|' || again || '|' || told_on || '|' || days || '|' || ifnull(due, '-') || '|' || stage || '|'"
	" || ifnull(next_on, '-') || '|' || ifnull(closed_seq, '-') FROM case_demand ORDER BY id",
	"SELECT demand || '|' || n || '|' || what || '|' || number || '|' || ifnull(field, '-') || '|' || name || '|' || reason || '|' || added FROM case_demand_item ORDER BY demand, n",
	"SELECT id || '|' || fact || '|' || case_id || '|' || level || '|' || tags || '|' || channel || '|' || day FROM rating ORDER BY id",
	"SELECT id || '|' || hex(text) FROM rating_text ORDER BY id",
	"SELECT id || '|' || number || '|' || kind || '|' || state || '|' || ifnull(person, '-') || '|' || taker || '|' || ifnull(case_id, '-') || '|' || ifnull(rating, '-') || '|'"
	" || ifnull(department, '-') || '|' || region || '|' || is_complex || '|' || calls || '|' || reopened || '|' || ifnull(answered_on, '-') || '|' || hex(text) || '|' || hex(contact)"
	" || '|' || made_ms || '|' || changed_ms FROM voice ORDER BY id",
	"SELECT id || '|' || fact || '|' || voice || '|' || what || '|' || state || '|' || by_kind || '|' || by_id || '|' || clock || '|' || ifnull(due, '-') || '|' || day || '|' || department"
	" FROM voice_event ORDER BY id",
	"SELECT id || '|' || hex(text) FROM voice_said ORDER BY id",
	"SELECT voice || '|' || kind || '|' || phase || '|' || begun || '|' || days || '|' || extended || '|' || ifnull(due, '-') || '|' || ifnull(stopped_on, '-') || '|' || told FROM voice_clock"
	" ORDER BY voice, kind",
	"SELECT id || '|' || case_id || '|' || decision || '|' || version || '|' || document_no || '|' || ifnull(hex(sha256), '-') || '|' || ifnull(blob, '-') || '|' || collect || '|'"
	" || ifnull(hex(code), '-') || '|' || ifnull(code_by, '-') || '|' || ifnull(handed_ms, '-') || '|' || ifnull(handed_by, '-') || '|' || ifnull(handed_to, '-') FROM case_result ORDER BY id",
	"SELECT id || '|' || hex(key) || '|' || pay_order || '|' || channel || '|' || method || '|' || out_trade_no || '|' || total_fen || '|' || state || '|' || is_live || '|' || hex(payload)"
	" || '|' || handle || '|' || handle_ms || '|' || effect || '|' || asking || '|' || asks || '|' || ask_ms || '|' || deeds || '|' || word || '|' || made_ms || '|' || changed_ms FROM pay_attempt ORDER BY id",
	"SELECT id || '|' || channel || '|' || event || '|' || hex(body) || '|' || word || '|' || made_ms FROM pay_callback ORDER BY id",
	"SELECT id || '|' || type || '|' || hex(said) || '|' || tries || '|' || due_ms || '|' || reason || '|' || made_ms FROM pay_callback_due ORDER BY id",
	"SELECT receipt || '|' || n || '|' || code || '|' || number || '|' || check_code || '|' || red_code || '|' || red_number || '|' || amount_fen || '|' || issued_ms || '|' || reversed_ms"
	" FROM pay_receipt_past ORDER BY receipt, n",
	"SELECT queue || '|' || subject || '|' || name || '|' || division || '|' || reason || '|' || tries || '|' || next_ms || '|' || made_ms || '|' || changed_ms FROM pay_aside ORDER BY queue, subject",
	"SELECT payment || '|' || notice || '|' || paid_fen || '|' || asked_fen FROM pay_refundable ORDER BY payment, notice",
	"SELECT id || '|' || hex(key) || '|' || ifnull(payment, '-') || '|' || ifnull(notice, '-') || '|' || ifnull(odd, '-') || '|' || asker || '|' || asked_by || '|' || ifnull(person, '-') || '|'"
	" || ifnull(department, '-') || '|' || division || '|' || channel || '|' || path || '|' || ground || '|' || hex(reason) || '|' || amount_fen || '|' || state || '|' || told || '|' || since_ms"
	" || '|' || ifnull(next_ms, '-') || '|' || tries || '|' || ifnull(effect, '-') || '|' || word || '|' || channel_no || '|' || made_ms || '|' || changed_ms FROM pay_refund ORDER BY id",
	"SELECT refund || '|' || n || '|' || amount_fen FROM pay_refund_item ORDER BY refund, n",
	"SELECT refund || '|' || n || '|' || state || '|' || made_ms FROM pay_refund_step ORDER BY refund, n",
	"SELECT id || '|' || hex(key) || '|' || kind || '|' || channel || '|' || reference || '|' || ifnull(pay_order, '-') || '|' || division || '|' || amount_fen || '|' || journal || '|' || came_ms"
	" || '|' || state || '|' || made_ms || '|' || changed_ms FROM pay_odd ORDER BY id",
	"SELECT id || '|' || hex(key) || '|' || application || '|' || number || '|' || type_code || '|' || tail || '|' || hex(sha256) || '|' || hex(said) || '|' || added || '|' || ifnull(removed, '-')"
	" FROM application_certificate ORDER BY id",
	"SELECT id || '|' || source || '|' || day || '|' || merchant || '|' || hex(digest) || '|' || bytes || '|' || lines || '|' || payments || '|' || payment_fen || '|' || refunds || '|' || refund_fen"
	" || '|' || fee_milli || '|' || in_fen || '|' || out_fen || '|' || hex(blob) || '|' || blob_bytes || '|' || hex(head) || '|' || state || '|' || maker_kind || '|' || maker || '|' || made_ms"
	" FROM recon_file ORDER BY id",
	"SELECT id || '|' || source || '|' || day || '|' || state || '|' || round || '|' || due_ms || '|' || tries || '|' || reason || '|' || ours || '|' || theirs || '|' || matched || '|' || differences"
	" || '|' || asked_ms || '|' || ended_ms FROM recon_run ORDER BY id",
	"SELECT id || '|' || source || '|' || day || '|' || side || '|' || number || '|' || kind || '|' || ours || '|' || ours_fen || '|' || theirs_fen || '|' || line || '|' || division || '|' || at_ms"
	" || '|' || state || '|' || action || '|' || proposal || '|' || round || '|' || first_ms || '|' || changed_ms FROM recon_item ORDER BY id",
	"SELECT source || '|' || day || '|' || channel || '|' || merchant || '|' || account || '|' || business || '|' || lines || '|' || fen || '|' || step FROM recon_settlement"
	" ORDER BY day, source, channel, merchant, account, business",
	"SELECT day || '|' || source || '|' || account || '|' || lines || '|' || opening_fen || '|' || moved_fen || '|' || closing_fen || '|' || breaks FROM recon_flow ORDER BY day, source, account",
	"SELECT source || '|' || day || '|' || said_ms FROM recon_none ORDER BY source, day",
	"SELECT day || '|' || n || '|' || proposal || '|' || hex(digest) || '|' || closed_ms FROM recon_sign ORDER BY day, n",
	"SELECT id || '|' || hex(key) || '|' || kind || '|' || channel || '|' || reference || '|' || division || '|' || amount_fen || '|' || journal || '|' || came_ms || '|' || state || '|' || made_ms"
	" || '|' || changed_ms FROM pay_odd ORDER BY id",
};
enum { WORLD_CASES = 5, WORLD_CASE_NAMES = 6, WORLD_CASE_EVENTS = 7, WORLD_HELD = 8, WORLD_MESSAGES = 9, WORLD_STREAM = 10, WORLD_FACTS = 11, WORLD_AUDIT = 12,
       WORLD_LOGINS = 13, WORLD_DEVICES = 14, WORLD_SESSIONS = 15, WORLD_REFRESH = 16, WORLD_OTP_DAYS = 17, WORLD_EFFECTS = 18, WORLD_MANDATES = 23, WORLD_GUIDES = 24, WORLD_DRAFTS = 25, 
       WORLD_SLOTS = 42, WORLD_BOOKINGS = 43, WORLD_SEATS = 44, WORLD_CONFIRMATIONS = 45, WORLD_RECEIPTS = 46 };

static inline void world_dump_table(struct tx *tx, int table, struct buf *to)
{
	struct fail why;
	fail_clear(&why);
	struct stmt *q = tx_query(tx, world_tables[table], &why);
	world_must(q != NULL, &why);
	while (stmt_row(q, &why)) {
		buf_str(to, stmt_text(q, 0));
		buf_char(to, '\n');
	}
	world_must(why.code == FAIL_NONE, &why);
	stmt_drop(q);
}

static inline void world_dump(struct tx *tx, struct buf *to)
{
	for (size_t i = 0; i < sizeof(world_tables) / sizeof(world_tables[0]); i++)
		world_dump_table(tx, (int)i, to);
	assert_true(buf_ok(to));
}

/* What the runtime does between parse and look. */
static inline bool world_recall(struct world *w, const struct handler *h)
{
	struct request *r = &w->r;
	static struct expiring_batch b;
	if (h->recall == NULL)
		return true;
	if (w->expiring == NULL)
		w->expiring = expiring_memory(&r->why);
	b.count = 0;
	b.all_or_nothing = false;
	return h->recall(r, &b, &r->why) && (b.count == 0 || (expiring_run(w->expiring, &b) && h->recalled(r, &b, &r->why)));
}

static inline bool world_look(struct world *w, const struct handler *h)
{
	struct tx tx;
	if (h->look == NULL)
		return true;
	bool ok = reader_begin(w->reader, &tx, &w->r.why) && h->look(&tx, &w->r, &w->r.why);
	reader_end(w->reader);
	return ok;
}

static inline bool world_outside(struct world *w, const struct handler *h)
{
	if (h->ask == NULL)
		return true;
	for (int i = 0; i == 0 || h->ask->asks_again; i++) {
		struct question q = { .keep_ms = 0 };
		if (!h->ask->build(&w->r, &q, &w->r.why))
			return false;
		if (q.peer.len == 0)
			return true;
		assert_true(w->answers != NULL && w->answers[i].body != NULL);
		struct http_answer answer = { .end = HTTP_ANSWERED, .status = w->answers[i].status, .body = str_c(w->answers[i].body) };
		if (!h->ask->judge(&w->r, &answer, &w->r.why))
			return false;
	}
	return true;
}

static inline void world_settle(struct world *w, const struct handler *h)
{
	static struct expiring_batch b;
	b.count = 0;
	b.all_or_nothing = false;
	if (h->settle == NULL)
		return;
	h->settle(&w->r, &b);
	assert_true(b.count == 0 || expiring_run(w->expiring, &b));
}

struct world_try {
	struct world *w;
	const struct handler *h;
	bool keep, applied;
	struct buf rows;
	struct outcome outcome;
};

static inline bool world_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct world_try *t = ctx;
	memset(&t->w->r.outcome, 0, sizeof(t->w->r.outcome));
	t->applied = t->h->apply(tx, &t->w->r, why);
	if (!t->applied)
		return false;
	world_dump(tx, &t->rows);
	t->outcome = t->w->r.outcome;
	return t->keep || FAILS(why, CONFLICT, "rolled back by the test");
}

static inline bool world_write(struct world *w, const struct handler *h)
{
	struct request *r = &w->r;
	struct fail first;
	if ((h->parse != NULL && !h->parse(r, &r->why)) || !world_recall(w, h) || !world_look(w, h) || (h->work != NULL && !h->work(r, &r->why)) ||
	    !world_outside(w, h))
		return false;
	struct world_try t[2] = { { .w = w, .h = h, .keep = false }, { .w = w, .h = h, .keep = true } };
	arena_reset(&w->arena);
	buf_init(&t[0].rows, &w->arena, 65536);
	buf_init(&t[1].rows, &w->arena, 65536);
	fail_clear(&first);
	assert_false(store_write(w->store, world_apply, &t[0], &first));
	bool ok = store_write(w->store, world_apply, &t[1], &r->why);
	assert_int_equal(ok, t[0].applied);
	if (!ok) {
		assert_int_equal(first.code, r->why.code);
		return false;
	}
	w->commits++;
	assert_int_equal(t[0].rows.len, t[1].rows.len);
	assert_memory_equal(t[0].rows.at, t[1].rows.at, t[0].rows.len);
	assert_memory_equal(&t[0].outcome, &t[1].outcome, sizeof(t[0].outcome));
	assert_true(r->outcome.code > 0 && r->outcome.status >= 200 && r->outcome.status < 300);
	world_settle(w, h);
	return h->render(r, &r->why);
}

/* Rows of one table, as text in the world's arena (reset by the next write). */
static inline struct str world_rows(struct world *w, int table)
{
	struct buf b;
	struct tx tx;
	struct fail why;
	fail_clear(&why);
	buf_init(&b, &w->arena, 4096);
	world_must(reader_begin(w->reader, &tx, &why), &why);
	world_dump_table(&tx, table, &b);
	reader_end(w->reader);
	buf_char(&b, '\0'); /* for strstr, and no part of the text */
	assert_true(buf_ok(&b));
	return (struct str){ b.at, b.len - 1 };
}

static inline void world_expect(struct world *w, bool ok)
{
	if (!ok)
		fail_msg("%s: %s", fail_row(w->r.why.code)->name, w->r.why.log);
}

static inline void world_import(struct world *w, const char *kind, const char *csv)
{
	world_ask(w, METHOD_POST, "/control/imports/x", kind, csv);
	w->r.who.kind = WHO_OPERATOR;
	world_expect(w, world_write(w, &control_import));
}

#define SMALL_REGIONS "code,name,level,parent\n620000,甘肃省,1,\n621200,陇南市,2,620000\n621202,武都区,3,621200\n621221,成县,3,621200\n621202100,城关镇,4,621202\n"
#define DEPARTMENT_A "11621299000000000G"
#define DEPARTMENT_B "12621299TE5T000167"
#define SMALL_DEPARTMENTS "code,name,region\n" DEPARTMENT_A ",陇南市市场监督管理局,621200\n" DEPARTMENT_B ",陇南市自然资源局,621200\n"
#define SMALL_MATTERS                                                                                      \
	"code,name,department,region,type,legal_days,promised_days,trips,online\n"                         \
	"M1,企业设立登记," DEPARTMENT_A ",621200,commitment,15,3,0,1\n"                                    \
	"M2,营业执照遗失补领," DEPARTMENT_A ",621200,immediate,0,0,1,1\n"                                  \
	"M3,不动产登记," DEPARTMENT_B ",621200,commitment,30,5,1,0\n"

/* Departments get ids 1 and 2 (in the order of the file). */
static inline void world_import_small(struct world *w)
{
	world_import(w, "regions", SMALL_REGIONS);
	world_import(w, "departments", SMALL_DEPARTMENTS);
	world_import(w, "matters", SMALL_MATTERS);
}

static inline bool world_post(struct world *w, int64_t department, const char *body)
{
	world_ask(w, METHOD_POST, "/v1/department/events", NULL, body);
	w->r.who = (struct principal){ .kind = WHO_DEPARTMENT, .id = department, .token = 1, .test_key = true };
	return world_write(w, &department_event_post);
}

static inline bool body_has(struct world *w, const char *text)
{
	return strstr(world_body(w), text) != NULL;
}

static inline void expect_code(struct world *w, bool ok, enum fail_code code, const char *pointer)
{
	assert_false(ok);
	if (w->r.why.code != code)
		fail_msg("wanted %s, got %s: %s", fail_row(code)->name, fail_row(w->r.why.code)->name, w->r.why.log);
	assert_string_equal(w->r.why.pointer, pointer);
}
#endif
