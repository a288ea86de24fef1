/* payments/reconciliation/recon.h - one side's record beside the other's: what is it (government.md A7)? The verdicts are recon_rules.def, and nothing is decided elsewhere.
 * Thread: any; pure. */
#ifndef PAYMENTS_RECONCILIATION_RECON_H
#define PAYMENTS_RECONCILIATION_RECON_H
#include "base/str.h"

enum recon_kind {
	RECON_NO_KIND,
#define KIND(name, number, ...) RECON_##name = number,
#include "payments/reconciliation/recon_kinds.def"
#undef KIND
};
enum recon_action {
	RECON_NO_ACTION,
#define ACTION(name, number, ...) RECON_TO_##name = number,
#include "payments/reconciliation/recon_actions.def"
#undef ACTION
};
enum recon_owner { RECON_OWNER_OFFICE, RECON_OWNER_CHANNEL, RECON_OWNER_FINANCE };

struct recon_kind_row {
	enum recon_kind kind;
	struct str text, zh;
	bool blocks;
	enum recon_owner owner;
	enum recon_action action;
	unsigned may; /* bits by action */
};
const struct recon_kind_row *recon_kind_row(int64_t kind);    /* of a number in the table */
const struct recon_kind_row *recon_kind_named(struct str text); /* NULL: none */
struct str recon_owner_text(enum recon_owner owner);
struct str recon_action_text(int64_t action);                 /* at NULL: none */
enum recon_action recon_action_named(struct str text);        /* RECON_NO_ACTION: none */

/* 0 is "whatever" in a rule, and never a fact. */
enum recon_side { RECON_SIDE_ANY, RECON_PAID_IN, RECON_PAID_BACK, RECON_BOOKED };
enum recon_ours { RECON_OURS_ANY, RECON_OURS_NONE, RECON_OURS_OPEN, RECON_OURS_OVER, RECON_OURS_DONE, RECON_OURS_QUEUED, RECON_OURS_ASKED, RECON_OURS_RETURNED };
enum recon_theirs { RECON_THEIRS_ANY, RECON_THEIRS_NONE, RECON_THEIRS_DONE, RECON_THEIRS_PENDING, RECON_THEIRS_FAILED, RECON_THEIRS_RETURNED };
enum recon_notice { RECON_NOTICE_ANY, RECON_NOTICE_UNPAID, RECON_NOTICE_PAID, RECON_NOTICE_VOID, RECON_NOTICE_NOBODYS };
enum recon_sums { RECON_SUMS_ANY, RECON_SUMS_EQUAL, RECON_SUMS_OTHER };
enum recon_more { RECON_MORE_ANY, RECON_MORE_AGAIN, RECON_MORE_NEAR, RECON_MORE_NOTHING };

struct recon_pair {
	enum recon_side side;
	enum recon_ours ours;
	enum recon_theirs theirs;
	enum recon_notice notice;
	enum recon_sums sums;
	enum recon_more more;
};
enum recon_kind recon_judge(const struct recon_pair *p);
struct str recon_side_text(int64_t side);
#endif
