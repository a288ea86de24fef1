/* payments/bureau/receipt_send.c - why this exists: a receipt is the finance system's to number, and ours to ask for once, to keep, and to have called back. */
#include "payments/bureau/receipt_send.h"

#include "auth/keyring.h"
#include "auth/vault.h"
#include "base/arena.h"
#include "channels/nontax_answer.h"
#include "payments/aside.h"
#include "payments/bureau/deed.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINK_ARENA_MAX = 16 << 10 };
static const struct str prefix = { "receipt:", 8 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

/* ---- there ---- */

static bool effect_put(struct tx *tx, int64_t id, int64_t effect, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_receipt SET effect = $1 WHERE id = $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, effect);
	if (effect == 0)
		stmt_bind_null(q, 1);
	stmt_bind_int(q, 2, id);
	return stmt_run(q, why);
}

struct numbers {
	char code[NONTAX_RECEIPT_MAX + 1], number[NONTAX_RECEIPT_MAX + 1];
};

static void text_out(char *to, size_t size, struct str s)
{
	size_t len = s.len < size ? s.len : size - 1;
	memcpy(to, len > 0 ? s.at : "", len);
	to[len] = '\0';
}

static bool numbers_take(struct stmt *q, int64_t id, struct numbers *out, struct fail *why)
{
	*out = (struct numbers){ "", "" };
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE;
	text_out(out->code, sizeof(out->code), stmt_text(q, 0));
	text_out(out->number, sizeof(out->number), stmt_text(q, 1));
	return true;
}

/* Which paper the message speaks of beside the money: the one that is called back; of a new paper the one it replaces, if there was one. */
static bool numbers_read(struct tx *tx, const struct receipt *r, struct numbers *out, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, r->state == RECEIPT_IS_REVERSING
		? "SELECT COALESCE(code, ''), COALESCE(number, '') FROM pay_receipt WHERE id = $1"
		: "SELECT code, number FROM pay_receipt_past WHERE receipt = $1 ORDER BY n DESC LIMIT 1", why);
	return numbers_take(q, r->id, out, why);
}

bool receipt_send(struct tx *tx, const struct receipt *r, int64_t now_ms, struct fail *why)
{
	char subject[SUBJECT_BYTES_MAX];
	struct numbers n;
	int64_t effect;
	if (!account_is_configured(ACCOUNT_finance))
		return true;
	if (!numbers_read(tx, r, &n, why))
		return false;
	snprintf(subject, sizeof(subject), "receipt:%" PRId64, r->id);
	struct deed d = { .kind = r->state == RECEIPT_IS_REVERSING ? KIND_receipt_reverse : KIND_receipt_issue, .subject = str_c(subject), .confirmation = r->confirmation, .fen = r->amount_fen };
	if (n.number[0] != '\0') {
		d.receipt_code = str_c(n.code);
		d.receipt_number = str_c(n.number);
	}
	return deed_add(tx, &d, now_ms, &effect, why) && effect_put(tx, r->id, effect, why);
}

bool receipt_send_again(struct tx *tx, struct receipt *r, int64_t now_ms, struct fail *why)
{
	bool is_red = r->state == RECEIPT_IS_NOT_REVERSED;
	if (!is_red && (r->state != RECEIPT_IS_REFUSED || r->is_unwanted))
		return receipt_refuse_state(r, why);
	enum receipt_state to = is_red ? RECEIPT_IS_REVERSING : RECEIPT_IS_ASKED;
	if (!receipt_move(tx, r, to, STR_NONE, now_ms, why))
		return false;
	r->state = to;
	return receipt_send(tx, r, now_ms, why);
}

static bool insert(struct tx *tx, const struct receipt *r, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"INSERT INTO pay_receipt (id, confirmation, state, word, check_code, link, red_code, red_number, is_unwanted, made_ms, issued_ms, reversed_ms, changed_ms, n, amount_fen)"
		" VALUES ($1, $2, 1, '', '', $3, '', '', 0, $4, 0, 0, $4, $5, $6)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, r->id);
	stmt_bind_int(q, 2, r->confirmation);
	stmt_bind_blob(q, 3, "", 0);
	stmt_bind_int(q, 4, r->made_ms);
	stmt_bind_int(q, 5, r->n);
	stmt_bind_int(q, 6, r->amount_fen);
	return stmt_run(q, why);
}

static bool is_wanted(struct tx *tx, int64_t confirmation, bool *wanted, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT wants_receipt FROM pay_confirmation WHERE id = $1", why);
	*wanted = false;
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, confirmation);
	if (stmt_row(q, why))
		*wanted = stmt_int(q, 0) != 0;
	return why->code == FAIL_NONE;
}

bool receipt_ask(struct tx *tx, int64_t confirmation, int64_t now_ms, struct fail *why)
{
	struct receipt r;
	bool wanted;
	int64_t left_fen;
	if (!is_wanted(tx, confirmation, &wanted, why) || !receipt_find(tx, confirmation, &r, why) || !receipt_left(tx, confirmation, &left_fen, why))
		return false;
	if (!wanted || r.id != 0 || left_fen == 0)
		return true;
	r = (struct receipt){ .confirmation = confirmation, .state = RECEIPT_IS_ASKED, .n = 1, .amount_fen = left_fen, .made_ms = now_ms };
	return tx_next_id(tx, "pay_receipt", &r.id, why) && insert(tx, &r, why) && receipt_send(tx, &r, now_ms, why);
}

static bool unsent(struct tx *tx, int64_t now_ms, int64_t most, struct aside_due *out, struct fail *why)
{
	_Static_assert(ASIDE_RECEIPTS == 3, "as the statement says");
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_receipt WHERE state IN (1, 4) AND effect IS NULL"
		" AND NOT EXISTS (SELECT 1 FROM pay_aside s WHERE s.queue = 3 AND s.subject = pay_receipt.id AND s.next_ms > $1) ORDER BY id LIMIT $2", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, now_ms);
	stmt_bind_int(q, 2, most);
	return aside_due_read(q, out, why);
}

static bool send_one(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why)
{
	struct receipt r;
	return receipt_read(tx, id, &r, why) && receipt_send(tx, &r, now_ms, why);
}

bool receipts_send(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why)
{
	struct aside_due due;
	*rows = 0;
	if (!account_is_configured(ACCOUNT_finance))
		return true;
	if (!unsent(tx, now_ms, rows_max, &due, why) || !aside_each(tx, ASIDE_RECEIPTS, &due, send_one, now_ms, why))
		return false;
	*rows = due.count;
	return true;
}

/* ---- and back ---- */

/* A number that is another's already is nonsense of theirs, which no constraint shall have to say. */
static bool is_free(struct tx *tx, int64_t id, const struct nontax_answer *said, bool *free, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM pay_receipt WHERE code = $1 AND number = $2 AND id <> $3"
		" UNION ALL SELECT receipt FROM pay_receipt_past WHERE code = $1 AND number = $2", why);
	*free = true;
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(said->code));
	stmt_bind_text(q, 2, str_c(said->number));
	stmt_bind_int(q, 3, id);
	if (stmt_row(q, why))
		*free = false;
	return why->code == FAIL_NONE;
}

static bool link_seal(int64_t id, const struct nontax_answer *said, struct buf *out, struct fail *why)
{
	uint8_t digest[SHA256_BYTES];
	const struct str parts[] = { { (const char *)&id, sizeof(id) }, str_c(said->link) };
	if (said->link[0] == '\0')
		return true;
	keyring_index("receipt.link", parts, 2, digest);
	return vault_seal("pay_receipt.link", id, str_c(said->link), digest, out, why);
}

static bool number_put(struct tx *tx, int64_t id, const struct nontax_answer *said, struct fail *why)
{
	DROP(arena) struct arena a;
	struct buf link;
	arena_init(&a, LINK_ARENA_MAX);
	buf_init(&link, &a, NONTAX_LINK_MAX + VAULT_OVERHEAD_MAX);
	if (!link_seal(id, said, &link, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_receipt SET code = $1, number = $2, check_code = $3, link = $4 WHERE id = $5", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(said->code));
	stmt_bind_text(q, 2, str_c(said->number));
	stmt_bind_text(q, 3, str_c(said->check_code));
	stmt_bind_blob(q, 4, link.len > 0 ? link.at : "", link.len);
	stmt_bind_int(q, 5, id);
	return stmt_run(q, why);
}

static bool red_put(struct tx *tx, int64_t id, const struct nontax_answer *said, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "UPDATE pay_receipt SET red_code = $1, red_number = $2 WHERE id = $3", why);
	if (q == NULL)
		return false;
	stmt_bind_text(q, 1, str_c(said->code));
	stmt_bind_text(q, 2, str_c(said->number));
	stmt_bind_int(q, 3, id);
	return stmt_run(q, why);
}

/* What goes back meanwhile is not told to anybody first. */
static bool issued(struct tx *tx, struct receipt *r, const struct nontax_answer *said, struct str word, int64_t now_ms, struct fail *why)
{
	bool free;
	if (!is_free(tx, r->id, said, &free, why))
		return false;
	if (!free)
		return receipt_move(tx, r, RECEIPT_IS_REFUSED, STR("number_taken"), now_ms, why);
	if (!number_put(tx, r->id, said, why) || !receipt_move(tx, r, RECEIPT_IS_ISSUED, word, now_ms, why))
		return false;
	r->state = RECEIPT_IS_ISSUED;
	r->issued_ms = now_ms;
	if (!r->is_unwanted)
		return receipt_tell(tx, r, now_ms, why);
	if (!receipt_move(tx, r, RECEIPT_IS_REVERSING, STR_NONE, now_ms, why))
		return false;
	r->state = RECEIPT_IS_REVERSING;
	return receipt_send(tx, r, now_ms, why);
}

static bool done(struct tx *tx, struct receipt *r, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	struct nontax_answer said;
	if (!nontax_answer_read(e->said, &said))
		return effect_put(tx, r->id, 0, why); /* what it said is lost: asked again it says the same */
	if (e->kind == KIND_receipt_issue)
		return issued(tx, r, &said, str_c(e->code), now_ms, why);
	return red_put(tx, r->id, &said, why) && receipt_move(tx, r, RECEIPT_IS_REVERSED, str_c(e->code), now_ms, why);
}

bool receipt_followed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	struct receipt r;
	int64_t id = deed_subject(e, prefix);
	if (id == 0)
		return true;
	if (!tx_lock_row(tx, "pay_receipt", id, why) || !receipt_read(tx, id, &r, why))
		return false;
	if (r.effect != e->id)
		return true;
	enum nontax_means means = e->state == EFFECT_CANCELLED ? NONTAX_REFUSED : nontax_means(str_c(e->code));
	if (e->state == EFFECT_DONE)
		return done(tx, &r, e, now_ms, why);
	if (means == NONTAX_AGAIN)
		return effect_put(tx, id, 0, why);
	return receipt_move(tx, &r, r.state == RECEIPT_IS_ASKED ? RECEIPT_IS_REFUSED : RECEIPT_IS_NOT_REVERSED, str_c(e->state == EFFECT_CANCELLED ? "cancelled" : e->code), now_ms, why);
}
