/* payments/bureau/receipt_tell.c - why this exists: who pays for another is told that it is booked; the check code, which opens the paper with the payer's name on it, is its payer's. */
#include "payments/bureau/receipt_send.h"

#include "auth/keyring.h"
#include "base/arena.h"
#include "base/request.h"
#include "notify/message.h"
#include "payments/fen.h"

enum { TELL_ARENA_MAX = 16 << 10 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

static struct str page_base;

void receipt_tell_page(struct str base)
{
	page_base = base;
}

struct words {
	int64_t payer, orderer;   /* whose notice it is, and who paid it; 0: nobody we know */
	int64_t fen;
	struct str unit, code, number, check_code;
};

static bool words_read(struct tx *tx, int64_t id, struct words *w, struct arena *a, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT COALESCE(n.person, 0), COALESCE(o.person, 0), r.amount_fen, n.unit_name, r.code, r.number, r.check_code FROM pay_receipt r JOIN pay_confirmation c ON c.id = r.confirmation"
		" JOIN pay_notice n ON n.id = c.notice JOIN pay_payment p ON p.id = c.payment JOIN pay_order o ON o.id = p.pay_order WHERE r.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no receipt %lld", (long long)id);
	*w = (struct words){ stmt_int(q, 0), stmt_int(q, 1), stmt_int(q, 2), str_copy(a, stmt_text(q, 3)), str_copy(a, stmt_text(q, 4)), str_copy(a, stmt_text(q, 5)), str_copy(a, stmt_text(q, 6)) };
	return !a->refused || FAILS(why, MEMORY, "a receipt's words");
}

/* Behind a blank, for a sentence stands before it. The check code is not in it: what is typed stays in no browser's history. */
static struct str link_of(const struct words *w, struct arena *a)
{
	struct buf b;
	buf_init(&b, a, 128);
	if (page_base.len == 0)
		return STR_NONE;
	buf_char(&b, ' ');
	buf_str(&b, page_base);
	buf_str(&b, STR("/receipts/verify?code="));
	buf_percent(&b, w->code);
	buf_str(&b, STR("&number="));
	buf_percent(&b, w->number);
	return buf_text(&b);
}

static bool tell_one(struct tx *tx, const struct receipt *r, const struct words *w, int64_t person, bool is_its_payer, int64_t now_ms, struct arena *a, struct fail *why)
{
	char yuan[FEN_TEXT_BYTES];
	uint8_t random[SHA256_BYTES];
	const int64_t numbers[] = { r->id, r->n, person };
	const struct str part = { (const char *)numbers, sizeof(numbers) };
	struct buf paper;
	keyring_index("receipt.message", &part, 1, random);
	buf_init(&paper, a, 96);
	buf_str(&paper, w->code);
	buf_char(&paper, ' ');
	buf_str(&paper, w->number);
	if (is_its_payer && w->check_code.len > 0) {
		buf_char(&paper, ' ');
		buf_str(&paper, w->check_code);
	}
	if (!buf_ok(&paper))
		return FAILS(why, MEMORY, "a receipt's numbers");
	struct payment_news news = { .person = person, .payment = r->id, .template = TEMPLATE_receipt_issued, .unit = w->unit, .yuan = { yuan, fen_yuan(w->fen, yuan) }, .paper = buf_text(&paper), .link = link_of(w, a) };
	return message_payment(tx, &news, now_ms, random, a, why);
}

/* The lesser number first, so that two receipts of the same two people do not wait for each other. */
bool receipt_tell(struct tx *tx, const struct receipt *r, int64_t now_ms, struct fail *why)
{
	DROP(arena) struct arena a;
	struct words w = { .payer = 0 };
	arena_init(&a, TELL_ARENA_MAX);
	if (!words_read(tx, r->id, &w, &a, why))
		return false;
	int64_t people[] = { w.payer, w.orderer == w.payer ? 0 : w.orderer };
	if (people[1] < people[0]) {
		people[0] = people[1];
		people[1] = w.payer;
	}
	for (int i = 0; i < 2; i++)
		if (people[i] != 0 && !tell_one(tx, r, &w, people[i], w.payer == 0 || people[i] == w.payer, now_ms, &a, why))
			return false;
	return true;
}
