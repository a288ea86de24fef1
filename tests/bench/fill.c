/* tests/bench/fill.c - fills a migrated state folder with cases, as many as asked, as if departments had reported them over a year.
 *
 * All belong to the person of one identity number (make its token by `siban token --dev --citizen`), so that one bearer may ask for any of them.
 * Regions, departments and matters must have been imported. Goes through the store room in chunks, no daemon may run.
 *
 * fill state-folder cases identity-number file-for-case-numbers [events-per-case] */
#include "auth/keyring.h"
#include "auth/person.h"
#include "base/clock.h"
#include "services/cases/case_journal.h"
#include "services/cases/case_names.h"
#include "services/handlers.h"
#include "store/checkpointer.h"
#include "store/sealer.h"
#include "store/store.h"
#include "tests/bench/measure.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 5000, MATTERS_MAX = 256 };
static const int64_t HOUR_MS = 3600000, YEAR_MS = INT64_C(365) * 24 * 3600000;

struct matter {
	int64_t id, department, region, type, names;
	char code[65], name[301], department_name[181], region_name[91];
};

static struct {
	int64_t cases, events, person, now_ms, done;
	struct identity who;
	struct matter matters[MATTERS_MAX];
	int matter_count;
	FILE *numbers;
} fill = { .events = 3 };

/* How a case goes: its first events, one after the other. */
static const enum case_event course[] = { CASE_EVENT_RECEIVED, CASE_EVENT_ACCEPTED, CASE_EVENT_DECIDED_OK, CASE_EVENT_DONE };

static void must(bool ok, const struct fail *why)
{
	if (!ok)
		die("%s (%s)", why->log, fail_row(why->code)->name);
}

static void text_take(char *to, size_t max, struct str from)
{
	if (from.len >= max)
		die("a name of %zu bytes does not fit", from.len);
	memcpy(to, from.at, from.len);
	to[from.len] = '\0';
}

static bool prepare(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	if (!keyring_match(tx, why) || !case_number_init(tx, false, why))
		return false;
	if (!person_find_or_make(tx, fill.who.kind, str_c(fill.who.number), fill.now_ms, &fill.person, why))
		return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT m.id, m.department, m.region, m.type, m.code, m.name, d.name, r.name FROM matter m"
		" JOIN department d ON d.id = m.department JOIN region r ON r.code = m.region ORDER BY m.id", why);
	if (q == NULL)
		return false;
	while (fill.matter_count < MATTERS_MAX && stmt_row(q, why)) {
		struct matter *m = &fill.matters[fill.matter_count++];
		m->id = stmt_int(q, 0);
		m->department = stmt_int(q, 1);
		m->region = stmt_int(q, 2);
		m->type = stmt_int(q, 3);
		text_take(m->code, sizeof m->code, stmt_text(q, 4));
		text_take(m->name, sizeof m->name, stmt_text(q, 5));
		text_take(m->department_name, sizeof m->department_name, stmt_text(q, 6));
		text_take(m->region_name, sizeof m->region_name, stmt_text(q, 7));
		const struct str name[CASE_NAME_COUNT] = { str_c(m->code), str_c(m->name), str_c(m->department_name), str_c(m->region_name) };
		if (!case_names_find_or_make(tx, m->id, m->region, name, &m->names, why))
			return false;
	}
	return why->code == FAIL_NONE && (fill.matter_count > 0 || FAILS(why, NOT_FOUND, "no matter was imported"));
}

static bool events_add(struct tx *tx, int64_t id, const struct matter *m, int64_t opened_ms, struct fail *why)
{
	struct case_file file = { .id = id, .department = m->department, .now_ms = fill.now_ms, .state = CASE_NONE };
	for (int64_t seq = 1; seq <= fill.events; seq++) {
		char event_id[CASE_TEXT_MAX];
		uint8_t digest[SHA256_BYTES];
		snprintf(event_id, sizeof event_id, "fill-%" PRId64 "-%" PRId64, id, seq);
		sha256(str_c(event_id), digest);
		struct journal_entry e = { .event_id = str_c(event_id), .digests = (const uint8_t(*)[SHA256_BYTES])&digest, .digest_count = 1, .seq = seq, .event = course[seq - 1],
					   .occurred_ms = opened_ms + (seq - 1) * HOUR_MS, .received_ms = opened_ms + (seq - 1) * HOUR_MS };
		if (!journal_append(tx, &file, &e, why))
			return false;
	}
	return true;
}

static bool case_add(struct tx *tx, int64_t id, struct fail *why)
{
	const struct matter *m = &fill.matters[id % fill.matter_count];
	int64_t opened_ms = fill.now_ms - YEAR_MS + (int64_t)((double)YEAR_MS * 0.9 * (double)fill.done / (double)fill.cases);
	char number[CASE_NUMBER_BYTES], ref[32];
	int32_t region = (int32_t)(m->region >= 1000000 ? m->region / 1000 : m->region); /* a township's county */
	if (!case_number_format(id, region, opened_ms, number, why))
		return false;
	snprintf(ref, sizeof ref, "FILL%010" PRId64, id);
	enum case_state state = CASE_NONE;
	for (int64_t seq = 1; seq <= fill.events; seq++)
		if (!case_move(state, course[seq - 1], &state, why))
			return false;
	DROP(stmt) struct stmt *q = tx_query(tx, "INSERT INTO cases (id, case_no, person, department, case_ref, matter, region, type, state, last_seq, opened_ms,"
		" updated_ms, names) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", why);
	if (q == NULL)
		return false;
	stmt_bind_int(q, 1, id);
	stmt_bind_text(q, 2, str_c(number));
	stmt_bind_int(q, 3, fill.person);
	stmt_bind_int(q, 4, m->department);
	stmt_bind_text(q, 5, str_c(ref));
	stmt_bind_int(q, 6, m->id);
	stmt_bind_int(q, 7, m->region);
	stmt_bind_int(q, 8, m->type);
	stmt_bind_int(q, 9, state);
	stmt_bind_int(q, 10, fill.events);
	stmt_bind_int(q, 11, opened_ms);
	stmt_bind_int(q, 12, opened_ms + (fill.events - 1) * HOUR_MS);
	stmt_bind_int(q, 13, m->names);
	if (!stmt_run(q, why))
		return false;
	if (!events_add(tx, id, m, opened_ms, why))
		return false;
	fprintf(fill.numbers, "%s\n", number);
	fill.done++;
	return true;
}

static bool chunk_add(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	int64_t id;
	if (!tx_next_id(tx, "cases", &id, why))
		return false;
	for (int i = 0; i < CHUNK && fill.done < fill.cases; i++)
		if (!case_add(tx, id + i, why))
			return false;
	return true;
}

/* As the gateway has done it for cases that lie there: none is to do it while something is measured. */
static bool seal_all(struct tx *tx, void *ctx, struct fail *why)
{
	(void)ctx;
	int64_t sealed = SEAL_ROWS_MAX;
	while (sealed == SEAL_ROWS_MAX)
		if (!sealer_apply(tx, fill.now_ms, SEAL_ROWS_MAX, &sealed, why))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		die("state-folder cases identity-number file-for-case-numbers [events-per-case]");
	fill.cases = atoll(argv[2]);
	fill.events = argc > 5 ? atoll(argv[5]) : fill.events;
	fill.now_ms = clock_wall_ms();
	fill.numbers = fopen(argv[4], "w");
	if (fill.numbers == NULL || fill.events < 1 || fill.events > (int64_t)(sizeof course / sizeof *course))
		die("%s cannot be written, or not 1 to 4 events per case", argv[4]);
	if (identity_person(str_c(argv[3]), time_yyyymmdd(fill.now_ms), &fill.who) != IDENTITY_FINE)
		die("%s is no identity number", argv[3]);
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
	must(store != NULL && services_start(store, &config, true, &why) && store_write(store, prepare, NULL, &why), &why);
	struct checkpointer *checkpointer = checkpointer_start(store, &config, &why);
	must(checkpointer != NULL, &why);
	while (fill.done < fill.cases)
		must(store_write(store, chunk_add, NULL, &why) && store_write(store, seal_all, NULL, &why), &why);
	checkpointer_stop(checkpointer);
	store_close(store);
	keyring_close();
	if (fclose(fill.numbers) != 0)
		die("%s could not be written", argv[4]);
	return 0;
}
