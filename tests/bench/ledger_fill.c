/* tests/bench/ledger_fill.c - fills a migrated state folder with money that moved: journals of two postings, as payments make them, over thirty days that are
 * closed and sealed. Goes through the store room in chunks, no daemon may run.
 *
 * ledger_fill state-folder journals */
#include "auth/keyring.h"
#include "base/clock.h"
#include "payments/ledger/ledger.h"
#include "store/checkpointer.h"
#include "store/sealer.h"
#include "store/store.h"
#include "tests/bench/measure.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 5000, DAYS = 30, CHANNELS = 3, INCOMES = 60, CLOSE_ROWS = 20000 };
static const int64_t DAY_MS = 86400000, HOUR_MS = 3600000;

static struct {
	int64_t journals, done, now_ms, closed;
	int64_t channel[CHANNELS], income[INCOMES];
} fill;

static void must(bool ok, const struct fail *why)
{
	if (!ok)
		die("%s (%s)", why->log, fail_row(why->code)->name);
}

static bool accounts_open(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	if (!keyring_match(tx, why))
		return false;
	for (int i = 0; i < CHANNELS; i++) {
		struct ledger_account a = { .kind = LEDGER_CHANNEL, .channel = PAY_BY_CASH + i };
		if (!ledger_account(tx, &a, fill.now_ms, &fill.channel[i], why))
			return false;
	}
	for (int i = 0; i < INCOMES; i++) {
		char item[16];
		snprintf(item, sizeof item, "1030%05d", i);
		struct ledger_account a = { .kind = LEDGER_INCOME, .division = 621202 + i % 9, .unit = STR("065000001"), .item = str_c(item) };
		if (!ledger_account(tx, &a, fill.now_ms, &fill.income[i], why))
			return false;
	}
	return true;
}

static bool chunk_post(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	int64_t per_day = fill.journals / DAYS + 1;
	for (int i = 0; i < CHUNK && fill.done < fill.journals; i++, fill.done++) {
		int64_t n = fill.done, fen = 1 + (n * 7919) % 99999, id;
		bool is_new;
		const struct ledger_posting p[] = { { fill.channel[n % CHANNELS], fen }, { fill.income[n % INCOMES], -fen } };
		struct ledger_journal j = { .cause = LEDGER_FOR_PAYMENT, .subject = n + 1, .now_ms = fill.now_ms + n / per_day * DAY_MS, .postings = p, .count = 2 };
		if (!ledger_post(tx, &j, &id, &is_new, why))
			return false;
	}
	return true;
}

static bool seal_bite(struct tx *tx, void *ctx, struct fail *why)
{
	return sealer_apply(tx, fill.now_ms, SEAL_ROWS_MAX, ctx, why);
}

static bool close_bite(struct tx *tx, void *ctx, struct fail *why)
{
	return ledger_close(tx, fill.now_ms + DAYS * DAY_MS + HOUR_MS, CLOSE_ROWS, ctx, why);
}

static void all_of(struct store *store, bool (*bite)(struct tx *tx, void *ctx, struct fail *why), int64_t most, struct fail *why)
{
	for (int64_t rows = most; rows == most;)
		must(store_write(store, bite, &rows, why), why);
}

int main(int argc, char **argv)
{
	if (argc != 3 || atoll(argv[2]) < 1)
		die("state-folder journals");
	fill.journals = atoll(argv[2]);
	fill.now_ms = clock_wall_ms() / DAY_MS * DAY_MS - DAYS * DAY_MS;
	static struct config config;
	static struct config_wrongs wrongs;
	char state_dir[1200];
	config_defaults(&config);
	snprintf(state_dir, sizeof state_dir, "state.dir=%s", argv[1]);
	if (!config_override(&config, state_dir, &wrongs))
		die("%s: %s", wrongs.at[0].name, wrongs.at[0].why);
	config.store_cache_kib = 262144;
	struct fail why = { .code = FAIL_NONE };
	must(keyring_open(&config, false, &why), &why);
	struct store *store = store_open(&config, STORE_SERVE, &why);
	must(store != NULL && store_write(store, accounts_open, NULL, &why), &why);
	struct checkpointer *checkpointer = checkpointer_start(store, &config, &why);
	must(checkpointer != NULL, &why);
	int64_t began = clock_mono_ms();
	while (fill.done < fill.journals)
		must(store_write(store, chunk_post, NULL, &why), &why);
	int64_t posted = clock_mono_ms();
	all_of(store, seal_bite, SEAL_ROWS_MAX, &why);
	int64_t sealed = clock_mono_ms();
	all_of(store, close_bite, CLOSE_ROWS, &why);
	printf("{\"posted_ms\": %" PRId64 ", \"sealed_ms\": %" PRId64 ", \"closed_ms\": %" PRId64 "}\n", posted - began, sealed - posted, clock_mono_ms() - sealed);
	checkpointer_stop(checkpointer);
	store_close(store);
	keyring_close();
	return 0;
}
