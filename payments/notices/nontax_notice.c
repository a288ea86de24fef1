/* payments/notices/nontax_notice.c - why this exists: an order there and what we answer when we are asked what a notice costs must say the same. */
#include "payments/notices/nontax_notice.h"

_Static_assert((int)NONTAX_ITEMS_MAX == (int)NOTICE_ITEMS_MAX, "all items of a notice");

void nontax_notice_of(const struct notice *n, int64_t total_fen, struct nontax_notice *out)
{
	*out = (struct nontax_notice){ .notice_no = str_c(n->code), .department_code = n->unit, .department_name = n->unit_name, .user_name = STR_NONE, .region = n->division, .kind = n->kind,
		.fee_fen = total_fen, .made_s = n->made_ms / 1000, .last_on = n->has_last_on ? (int32_t)n->last_on : -1, .count = n->count };
	for (int i = 0; i < n->count; i++) {
		int64_t late = i == 0 ? total_fen - n->amount_fen : 0; /* the first item's, as in the ledger: nobody tells it apart by items */
		out->items[i] = (struct nontax_item){ .id = n->items[i].item, .name = n->items[i].name, .fee_fen = n->items[i].fen + late };
		*(n->kind == NOTICE_PENALTY ? &out->items[i].penalty_fen : &out->items[i].overdue_fen) = late;
	}
}
