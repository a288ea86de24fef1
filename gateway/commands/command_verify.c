/* gateway/commands/command_verify.c - why this exists: two commands prove the same chain, and must mean the same by it. */
#include "gateway/commands/command_verify.h"

#include "base/clock.h"
#include "base/json.h"
#include "store/seal_check.h"
#include <inttypes.h>
#include <stdio.h>

enum { PROGRESS_EVERY_MS = 200 };

static void take_chain(const json_t *j, int64_t *seq, char chain[CHAIN_HEX + 1])
{
	*seq = number_in(j, "seq");
	snprintf(chain, CHAIN_HEX + 1, "%s", text_in(j, "chain"));
}

static int tell_wrong(const struct verification *v, const json_t *wrong)
{
	const char *kind = text_in(wrong, "kind");
	fprintf(stderr, "siban: %s verify: ", v->doing);
	if (json_object_get(wrong, "seq") != NULL)
		fprintf(stderr, "seq %" PRId64 ": ", number_in(wrong, "seq"));
	fprintf(stderr, "%s (%s", text_in(wrong, "text"), text_in(wrong, "what"));
	if (*kind != '\0')
		fprintf(stderr, ", %s %" PRId64, kind, number_in(wrong, "ref_a"));
	if (number_in(wrong, "ref_b") != 0)
		fprintf(stderr, "/%" PRId64, number_in(wrong, "ref_b"));
	fputs(")\n", stderr);
	return 1;
}

void verify_progress(struct verification *v, const char *what, int64_t done, int64_t all, bool is_last)
{
	int64_t now_ms = clock_mono_ms(), took_ms = now_ms - v->began_ms;
	if (!is_last && now_ms - v->said_ms < PROGRESS_EVERY_MS)
		return;
	v->said_ms = now_ms;
	if (is_last || done > all)
		all = done;
	int64_t percent = all > 0 ? done * 100 / all : 100;
	fprintf(stderr, "\r%s: %" PRId64 " of %" PRId64 " (%" PRId64 " %%), %" PRId64 " rows/s  %s", what, done, all, percent,
		(v->seals + v->records) * 1000 / (took_ms > 0 ? took_ms : 1), is_last ? "\n" : "");
}

bool verify_chain(struct verification *v, int64_t end_seq)
{
	int64_t from = v->seq;
	for (bool is_end = false; !is_end;) {
		char target[160];
		snprintf(target, sizeof(target), "/control/seal/verify?seq=%" PRId64 "&chain=%s", v->seq, v->chain);
		DROP(json) json_t *j = control_json(v->control, v->doing, target, STR(""), &v->code);
		if (j == NULL)
			return false;
		take_chain(j, &v->seq, v->chain);
		v->seals += number_in(j, "rows");
		const json_t *wrong = json_object_get(j, "wrong");
		is_end = json_is_object(wrong) || json_is_true(json_object_get(j, "end")) || v->seq >= end_seq;
		verify_progress(v, "seals", v->seq - from, end_seq - from, is_end);
		if (json_is_object(wrong)) {
			v->code = tell_wrong(v, wrong);
			return false;
		}
	}
	return true;
}

bool verify_records(struct verification *v, const struct fact_row *kind, int64_t facts)
{
	int64_t ref_a = INT64_MIN, ref_b = INT64_MIN, records = 0;
	for (bool is_end = false; !is_end;) {
		char target[160];
		snprintf(target, sizeof(target), "/control/seal/rows/%s?ref_a=%" PRId64 "&ref_b=%" PRId64, kind->name, ref_a, ref_b);
		DROP(json) json_t *j = control_json(v->control, v->doing, target, STR(""), &v->code);
		if (j == NULL)
			return false;
		ref_a = number_in(j, "ref_a");
		ref_b = number_in(j, "ref_b");
		records += number_in(j, "rows");
		v->records += number_in(j, "rows");
		const json_t *wrong = json_object_get(j, "wrong");
		is_end = json_is_object(wrong) || json_is_true(json_object_get(j, "end"));
		verify_progress(v, kind->name, records, facts, is_end);
		if (json_is_object(wrong)) {
			v->code = tell_wrong(v, wrong);
			return false;
		}
	}
	return true;
}
