/* tests/sim/sealing.c - the sealer in the simulated life: it steps whenever it happens to, and what it said was sealed stays so whatever comes. */
#include "world.h"

enum { BITE_MAX = 6, WALK_ROWS = 50 };

struct bite {
	int64_t now_ms, rows_max, sealed;
	struct seal head;
};

static bool bite_apply(struct tx *tx, void *ctx, struct fail *why)
{
	struct bite *b = ctx;
	return sealer_apply(tx, b->now_ms, b->rows_max, &b->sealed, why) && seal_head(tx, &b->head, why);
}

void sealing_step(struct world *w)
{
	struct fail why;
	struct bite b = { .now_ms = w->machine.wall_ms, .rows_max = 1 + rng_below(&w->rng, BITE_MAX) };
	fail_clear(&why);
	bool ok = store_write(w->machine.gateway.store, bite_apply, &b, &why);
	world_note(w, "sealed %lld%s", (long long)b.sealed, ok ? "" : ", and not kept");
	if (ram_vfs_is_dead() || w->machine.must_stop)
		return; /* nobody heard it */
	if (ok)
		w->noted = b.head;
	else if (!w->fault_is_armed)
		world_wrong(w, "the sealer is refused and nothing was broken: %s", why.log);
}

static void walk(struct world *w, struct tx *tx, struct seal_walk *at, const char *which)
{
	struct fail why;
	fail_clear(&why);
	do {
		if (!seal_walk(tx, at, WALK_ROWS, &why)) {
			world_wrong(w, "the chain cannot be read: %s", why.log);
			return;
		}
	} while (at->wrong == SEAL_FINE && !at->is_end);
	if (at->wrong != SEAL_FINE)
		world_wrong(w, "seal %lld, %s: %s", (long long)at->wrong_seq, which, seal_wrong_prose(at->wrong));
}

static void check_rows(struct world *w, struct tx *tx, const struct fact_row *kind)
{
	struct fail why;
	struct seal_rows rows = { .kind = kind, .ref_a = INT64_MIN, .ref_b = INT64_MIN };
	fail_clear(&why);
	do {
		if (!seal_rows(tx, &rows, WALK_ROWS, &why)) {
			world_wrong(w, "%s cannot be read: %s", kind->name, why.log);
			return;
		}
	} while (rows.wrong == SEAL_FINE && !rows.is_end);
	if (rows.wrong != SEAL_FINE)
		world_wrong(w, "%s %lld/%lld: %s", kind->name, (long long)rows.ref_a, (long long)rows.ref_b, seal_wrong_prose(rows.wrong));
}

void sealing_check(struct world *w, struct tx *tx)
{
	struct seal_walk whole = { .wrong = SEAL_FINE }, since = { .at = w->noted };
	walk(w, tx, &whole, "of all");
	walk(w, tx, &since, "since what was noted");
	for (int i = 0; i < fact_row_count; i++)
		check_rows(w, tx, &fact_rows[i]);
}
