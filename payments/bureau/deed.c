/* payments/bureau/deed.c - why this exists: three deeds tell the finance system about one payment, and it must be the same payment in all of them. */
#include "payments/bureau/deed.h"

#include "auth/keyring.h"
#include "base/arena.h"
#include "base/json.h"
#include "payments/fen.h"
#include "payments/ledger/ledger.h"

#include <inttypes.h>

enum { PAYLOAD_ARENA_MAX = 16 << 10, PAYLOAD_FIRST_BYTES = 512 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

static void add_if_there(struct json_out *j, const char *name, struct str s)
{
	if (s.at != NULL)
		json_add_text(j, name, s);
}

static bool payload(struct tx *tx, const struct deed *d, struct buf *b, struct fail *why)
{
	char yuan[FEN_TEXT_BYTES];
	DROP(stmt) struct stmt *q = tx_query(tx,
		"SELECT n.payment_code, c.trace_no, c.amount_fen, p.taken_ms, c.division, p.channel, p.reference FROM pay_confirmation c JOIN pay_notice n ON n.id = c.notice"
		" JOIN pay_payment p ON p.id = c.payment WHERE c.id = $1", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, d->confirmation);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE && FAILS(why, NOT_FOUND, "no confirmation %" PRId64, d->confirmation);
	struct json_out j = json_begin(b);
	json_put_object(&j);
	json_add_text(&j, "payment_code", stmt_text(q, 0));
	json_add_text(&j, "trace_no", stmt_text(q, 1));
	json_add_text(&j, "amount", (struct str){ yuan, fen_yuan(d->fen != 0 ? d->fen : stmt_int(q, 2), yuan) });
	json_add_number(&j, "paid_ms", stmt_int(q, 3));
	json_add_number(&j, "division", stmt_int(q, 4));
	add_if_there(&j, "channel", pay_channel_name(stmt_int(q, 5)));
	add_if_there(&j, "reference", stmt_is_null(q, 6) ? STR_NONE : stmt_text(q, 6));
	add_if_there(&j, "receipt_code", d->receipt_code);
	add_if_there(&j, "receipt_number", d->receipt_number);
	json_put_object_end(&j);
	return json_end(&j) || FAILS(why, MEMORY, "a deed's payload");
}

/* Of the row and the moment: the same when apply is run again, and another for each effect of a row. */
static void random_of(const struct deed *d, int64_t now_ms, uint8_t out[16])
{
	uint8_t digest[SHA256_BYTES];
	const int64_t numbers[] = { d->kind, d->confirmation, now_ms };
	const struct str part = { (const char *)numbers, sizeof(numbers) };
	keyring_index("finance.effect", &part, 1, digest);
	memcpy(out, digest, 16);
}

bool deed_add(struct tx *tx, const struct deed *d, int64_t now_ms, int64_t *effect, struct fail *why)
{
	DROP(arena) struct arena a;
	struct buf b;
	uint8_t random[16];
	arena_init(&a, PAYLOAD_ARENA_MAX);
	buf_init(&b, &a, PAYLOAD_FIRST_BYTES);
	random_of(d, now_ms, random);
	if (!payload(tx, d, &b, why))
		return false;
	struct effect_new e = { .kind = d->kind, .subject = d->subject, .payload = buf_text(&b) };
	return effect_add(tx, &e, now_ms, random, effect, why);
}

int64_t deed_subject(const struct effect_view *e, struct str prefix)
{
	struct str subject = str_c(e->subject);
	int64_t id;
	if (!str_starts(subject, prefix) || !str_to_i64((struct str){ subject.at + prefix.len, subject.len - prefix.len }, 1, INT64_MAX, &id))
		return 0;
	return id;
}
