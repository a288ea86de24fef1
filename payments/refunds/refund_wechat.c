/* payments/refunds/refund_wechat.c - why this exists: WeChat Pay says of a refund three times what became of it (in its answer, by callback, when it is asked), and may say nothing at all. */
#include "payments/refunds/refund_wechat.h"

#include "auth/keyring.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/metrics.h"
#include "channels/wechat_nontax.h"
#include "channels/wechat_pay_message.h"
#include "payments/bureau/deed.h"

#include <inttypes.h>
#include <stdio.h>

/* protocols/wechat.md C7: a minute between two refunds of one payment; a reason of 80 bytes at most, so it says the ground. */
enum { ARENA_MAX = 64 << 10, BETWEEN_MS = 60000, SUBJECT_BYTES = 32 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

/* ---- deeds ---- */

struct source {
	struct str reference; /* WeChat's number of the payment */
	int64_t total_fen, last_ms;
};

/* The payment's own number and amount; of odd money its own. And when another refund of it was last sent. */
static bool source_read(struct tx *tx, const struct refund *r, struct source *s, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, r->odd != 0
		? "SELECT reference, amount_fen, 0 FROM pay_odd WHERE id = $1 AND id <> $2"
		: "SELECT p.reference, p.amount_fen, (SELECT COALESCE(MAX(r.since_ms), 0) FROM pay_refund r WHERE r.payment = p.id AND r.path = 1 AND r.state IN (4, 5, 6, 7) AND r.id <> $1)"
		  " FROM pay_payment p WHERE p.id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->odd != 0 ? r->odd : r->id);
	stmt_bind_int(q, 2, r->odd != 0 ? 0 : r->payment);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "the payment of refund %" PRId64, r->id);
	*s = (struct source){ str_copy(a, stmt_text(q, 0)), stmt_int(q, 1), stmt_int(q, 2) };
	return !a->refused || FAILS(why, MEMORY, "a refund's payment");
}

static bool deed(struct tx *tx, const struct refund *r, int32_t kind, struct str payload, int64_t due_ms, int64_t now_ms, int64_t *effect, struct fail *why)
{
	char subject[SUBJECT_BYTES];
	uint8_t random[SHA256_BYTES];
	const int64_t numbers[] = { kind, r->id, r->tries, r->effect, now_ms }; /* the effect before: two in one millisecond are two */
	const struct str part = { (const char *)numbers, sizeof(numbers) };
	keyring_index("refund.effect", &part, 1, random);
	const struct effect_new e = { .kind = kind, .payload = payload, .due_ms = due_ms,
		.subject = { subject, (size_t)snprintf(subject, sizeof(subject), "refund:%" PRId64, r->id) } };
	return effect_add(tx, &e, now_ms, random, effect, why);
}

static bool send(struct tx *tx, const struct refund *r, int64_t now_ms, int64_t *effect, struct arena *a, struct fail *why)
{
	struct source s = { .total_fen = 0 };
	struct buf b;
	char number[ID_TEXT_BYTES];
	if (!source_read(tx, r, &s, a, why))
		return false;
	buf_init(&b, a, 256);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "transaction_id", s.reference);
	json_add_text(&j, "out_refund_no", (struct str){ number, refund_key_text(r->key, number) });
	json_add_number(&j, "refund_fen", r->fen);
	json_add_number(&j, "total_fen", s.total_fen);
	json_add_text(&j, "reason", refund_ground_zh(r->ground));
	json_put_object_end(&j);
	if (!json_end(&j))
		return FAILS(why, MEMORY, "a refund's deed");
	int64_t due_ms = s.last_ms > now_ms - BETWEEN_MS ? s.last_ms + BETWEEN_MS : 0;
	return deed(tx, r, KIND_wechat_pay_refund, buf_text(&b), due_ms, now_ms, effect, why);
}

static bool query(struct tx *tx, const struct refund *r, int64_t now_ms, int64_t *effect, struct arena *a, struct fail *why)
{
	struct buf b;
	char number[ID_TEXT_BYTES];
	buf_init(&b, a, 64);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "out_refund_no", (struct str){ number, refund_key_text(r->key, number) });
	json_put_object_end(&j);
	return (json_end(&j) || FAILS(why, MEMORY, "a question about a refund")) && deed(tx, r, KIND_wechat_pay_refund_query, buf_text(&b), 0, now_ms, effect, why);
}

/* ---- the non-tax platform: by the order a payment belongs to ---- */

static bool order_of(struct tx *tx, const struct refund *r, struct str reference, struct str *channel_no, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT channel_no FROM pay_channel_trade WHERE channel = $1 AND reference = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->channel);
	stmt_bind_text(q, 2, reference);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "the platform's order of refund %" PRId64, r->id);
	*channel_no = str_copy(a, stmt_text(q, 0));
	return channel_no->at != NULL || FAILS(why, MEMORY, "a refund's order");
}

/* Written alike, deed and question: the platform knows the number inside the order alone. */
static bool nontax_deed(struct tx *tx, const struct refund *r, bool is_question, int64_t now_ms, int64_t *effect, struct arena *a, struct fail *why)
{
	struct source s = { .total_fen = 0 };
	struct str channel_no;
	struct buf b;
	char number[ID_TEXT_BYTES];
	if (!source_read(tx, r, &s, a, why) || !order_of(tx, r, s.reference, &channel_no, a, why))
		return false;
	buf_init(&b, a, 256);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "order_id", channel_no);
	json_add_text(&j, "number", (struct str){ number, refund_key_text(r->key, number) });
	if (!is_question) {
		json_add_number(&j, "fen", r->fen);
		json_add_text(&j, "reason", refund_ground_zh(r->ground));
	}
	json_put_object_end(&j);
	if (!json_end(&j))
		return FAILS(why, MEMORY, "a refund's deed");
	int64_t due_ms = !is_question && s.last_ms > now_ms - BETWEEN_MS ? s.last_ms + BETWEEN_MS : 0;
	return deed(tx, r, is_question ? KIND_wechat_nontax_refund_query : KIND_wechat_nontax_refund, buf_text(&b), due_ms, now_ms, effect, why);
}

static bool nontax_send(struct tx *tx, const struct refund *r, int64_t now_ms, int64_t *effect, struct arena *a, struct fail *why)
{
	return nontax_deed(tx, r, false, now_ms, effect, a, why);
}

static bool nontax_query(struct tx *tx, const struct refund *r, int64_t now_ms, int64_t *effect, struct arena *a, struct fail *why)
{
	return nontax_deed(tx, r, true, now_ms, effect, a, why);
}

static bool nontax_is_there(void)
{
	return account_is_configured(ACCOUNT_wechat_nontax);
}

/* ---- both ---- */

static const char *const words[] = { "moved", "before", "unknown_number", "amount", "against_ledger" };
_Static_assert((int)REFUND_HEARD == 1 && REFUND_HEARD_AGAINST == sizeof(words) / sizeof(words[0]), "a word for each of enum refund_heard");

static bool is_there(void)
{
	return account_is_configured(ACCOUNT_wechat_pay);
}

void refund_wechat_compose(void)
{
	for (int i = 0; i < REFUND_HEARD_AGAINST; i++)
		metric_label(M_refund_words, i, words[i]);
	static const struct refund_channel channel = { send, query, is_there }, nontax = { nontax_send, nontax_query, nontax_is_there };
	refund_channel_compose(PAY_BY_WECHAT, &channel);
	refund_channel_compose(PAY_BY_WECHAT_NONTAX, &nontax);
}

/* ---- words ---- */

static enum refund_said said_of(struct str word)
{
	static const struct {
		const char *word;
		enum refund_said said;
	} table[] = { { "PROCESSING", REFUND_SAID_PROCESSING }, { "SUCCESS", REFUND_SAID_SUCCESS }, { "CLOSED", REFUND_SAID_CLOSED }, { "ABNORMAL", REFUND_SAID_ABNORMAL } };
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (str_eq(word, str_c(table[i].word)))
			return table[i].said;
	return 0;
}

/* What is not believed is on record: it is reconciliation's. */
static bool hear(struct tx *tx, const struct refund_word *w, struct str word, int64_t now_ms, struct arena *a, struct fail *why)
{
	enum refund_heard heard;
	if (!refund_told(tx, w, now_ms, &heard, a, why))
		return false;
	if (heard < REFUND_HEARD_OF_NONE)
		return true;
	TX_SAY(tx, refund_not_believed, L_STR(w->number), L_STR(word), L_C(words[heard - 1]));
	return true;
}

/* ---- what follows from effects ---- */

/* The answer itself where it is at hand; after a crash the word and their number alone. */
static bool answered(struct tx *tx, const struct refund *r, const struct effect_view *e, int64_t now_ms, struct arena *a, struct fail *why)
{
	char number[ID_TEXT_BYTES];
	struct wechat_pay_refund said = { .refund_fen = 0 };
	struct refund_word w = { .number = { number, refund_key_text(r->key, number) }, .said = said_of(str_c(e->code)), .channel_no = str_c(e->ref) };
	if (r->channel == PAY_BY_WECHAT_NONTAX) {
		struct nontax_refund told;
		if (e->said.at != NULL && nontax_refund_read(e->said, w.number, &told, a))
			w.fen = told.fen;
	} else if (e->said.at != NULL && wechat_pay_refund_read(e->said, &said, a)) {
		w.fen = said.refund_fen;
		w.channel_no = said.refund_id;
	}
	return w.said == 0 || hear(tx, &w, str_c(e->code), now_ms, a, why);
}

static bool sent(struct tx *tx, struct refund *r, const struct effect_view *e, int64_t now_ms, struct arena *a, struct fail *why)
{
	switch (e->state) {
	case EFFECT_DONE:
		return answered(tx, r, e, now_ms, a, why);
	case EFFECT_UNKNOWN:
		return refund_unclear(tx, r, str_c(e->code), now_ms, why);
	case EFFECT_FAILED:
	case EFFECT_CANCELLED:
		return refund_not_taken(tx, r, e->code[0] != '\0' ? str_c(e->code) : STR("cancelled"), now_ms, why);
	default:
		return true;
	}
}

/* What they do not know was not made: staff may send it again under its number. Another question that failed is asked again in its time. */
static bool asked(struct tx *tx, struct refund *r, const struct effect_view *e, int64_t now_ms, struct arena *a, struct fail *why)
{
	if (e->state == EFFECT_DONE && said_of(str_c(e->code)) != 0)
		return answered(tx, r, e, now_ms, a, why);
	bool is_unknown_there = (e->state == EFFECT_DONE || e->state == EFFECT_FAILED) && strcmp(e->code, "RESOURCE_NOT_EXISTS") == 0;
	return !is_unknown_there || r->state != REFUND_UNKNOWN || refund_not_taken(tx, r, str_c(e->code), now_ms, why);
}

bool refund_wechat_followed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena a;
	struct refund r = { .id = 0 };
	int64_t id = deed_subject(e, STR("refund:"));
	if (id == 0)
		return true;
	arena_init(&a, ARENA_MAX);
	r.id = id;
	if (!refund_hold(tx, &r, &a, why))
		return false;
	return e->kind == KIND_wechat_pay_refund || e->kind == KIND_wechat_nontax_refund ? sent(tx, &r, e, now_ms, &a, why) : asked(tx, &r, e, now_ms, &a, why);
}
