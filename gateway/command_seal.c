/* gateway/command_seal.c - `siban seal`: for whoever must be able to say that nothing was changed. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "gateway/command.h"
#include "store/seal_check.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHAIN_HEX = 2 * HASH_BYTES, PROGRESS_EVERY_MS = 200 };

struct verification {
	struct control *control;
	int64_t seq;                 /* the last that was found right */
	char chain[CHAIN_HEX + 1];
	int64_t seals, records;      /* looked at */
	int64_t began_ms, said_ms;
	int code;                    /* why it ended, when not at the end */
};

/* ---- asking ---- */

static void take_chain(const json_t *j, int64_t *seq, char chain[CHAIN_HEX + 1])
{
	*seq = number_in(j, "seq");
	snprintf(chain, CHAIN_HEX + 1, "%s", text_in(j, "chain"));
}

/* ---- head ---- */

static void print_waiting(const json_t *head)
{
	if (number_in(head, "unsealed") == 0)
		puts("unsealed 0");
	else
		printf("unsealed %" PRId64 ", the oldest from %s\n", number_in(head, "unsealed"), text_in(head, "oldest_unsealed_at"));
}

static int head(struct control *k)
{
	int code = 0;
	DROP(json) json_t *j = control_json(k, "seal", "/control/seal/head", STR(""), &code);
	if (j == NULL)
		return code;
	printf("head %" PRId64 ":%s\n", number_in(j, "seq"), text_in(j, "chain"));
	if (number_in(j, "seq") > 0)
		printf("sealed at %s with %s\n", text_in(j, "sealed_at"), text_in(j, "hash"));
	print_waiting(j);
	return 0;
}

/* ---- verify ---- */

static int tell_wrong(const json_t *wrong)
{
	const char *kind = text_in(wrong, "kind");
	fputs("siban: seal verify: ", stderr);
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

static void progress(struct verification *v, const char *what, int64_t done, int64_t all, bool is_last)
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

/* From v->seq on to what was the end when we began: who goes on sealing cannot keep us here. */
static bool verify_chain(struct verification *v, int64_t end_seq)
{
	int64_t from = v->seq;
	for (bool is_end = false; !is_end;) {
		char target[160];
		snprintf(target, sizeof(target), "/control/seal/verify?seq=%" PRId64 "&chain=%s", v->seq, v->chain);
		DROP(json) json_t *j = control_json(v->control, "seal", target, STR(""), &v->code);
		if (j == NULL)
			return false;
		take_chain(j, &v->seq, v->chain);
		v->seals += number_in(j, "rows");
		const json_t *wrong = json_object_get(j, "wrong");
		is_end = json_is_object(wrong) || json_is_true(json_object_get(j, "end")) || v->seq >= end_seq;
		progress(v, "seals", v->seq - from, end_seq - from, is_end);
		if (json_is_object(wrong)) {
			v->code = tell_wrong(wrong);
			return false;
		}
	}
	return true;
}

static bool verify_records(struct verification *v, const struct fact_row *kind, int64_t facts)
{
	int64_t ref_a = INT64_MIN, ref_b = INT64_MIN, records = 0;
	for (bool is_end = false; !is_end;) {
		char target[160];
		snprintf(target, sizeof(target), "/control/seal/rows/%s?ref_a=%" PRId64 "&ref_b=%" PRId64, kind->name, ref_a, ref_b);
		DROP(json) json_t *j = control_json(v->control, "seal", target, STR(""), &v->code);
		if (j == NULL)
			return false;
		ref_a = number_in(j, "ref_a");
		ref_b = number_in(j, "ref_b");
		records += number_in(j, "rows");
		v->records += number_in(j, "rows");
		const json_t *wrong = json_object_get(j, "wrong");
		is_end = json_is_object(wrong) || json_is_true(json_object_get(j, "end"));
		progress(v, kind->name, records, facts, is_end);
		if (json_is_object(wrong)) {
			v->code = tell_wrong(wrong);
			return false;
		}
	}
	return true;
}

/* A noted head vouches for what is behind it: then only what came after is walked, and records that were put in are looked for in a whole run. */
static bool verify_all(struct verification *v, bool is_whole)
{
	DROP(json) json_t *before = control_json(v->control, "seal", "/control/seal/head", STR(""), &v->code);
	if (before == NULL || !verify_chain(v, number_in(before, "seq")))
		return false;
	for (int i = 0; is_whole && i < fact_row_count; i++)
		if (!verify_records(v, &fact_rows[i], number_in(before, "seq") + number_in(before, "unsealed")))
			return false;
	DROP(json) json_t *after = control_json(v->control, "seal", "/control/seal/head", STR(""), &v->code);
	if (after == NULL)
		return false;
	printf("verified %" PRId64 " seals and %" PRId64 " records%s: all as it was written\n", v->seals, v->records, is_whole ? "" : " since the noted head");
	printf("head %" PRId64 ":%s\n", v->seq, v->chain);
	print_waiting(after);
	return true;
}

static bool from_parse(const char *text, struct verification *v)
{
	struct str seq, chain;
	uint8_t bytes[HASH_BYTES];
	if (!str_cut(str_c(text), ':', &seq, &chain) || !str_to_i64(seq, 1, INT64_MAX - 1, &v->seq) || chain.len != CHAIN_HEX ||
	    str_hex(chain, bytes, sizeof(bytes)) != HASH_BYTES)
		return false;
	memcpy(v->chain, chain.at, CHAIN_HEX);
	return true;
}

static int verify(struct control *k, struct verification *v, bool is_whole)
{
	v->control = k;
	v->began_ms = clock_mono_ms();
	if (!verify_all(v, is_whole)) {
		if (v->seals > 0)
			printf("right up to %" PRId64 ":%s\n", v->seq, v->chain);
		return v->code;
	}
	return 0;
}

int command_seal(struct command_line *l)
{
	struct fail why;
	struct verification v = { .chain = "" };
	fail_clear(&why);
	bool is_verify = l->word_count == 1 && strcmp(l->words[0], "verify") == 0;
	if (!is_verify && !(l->word_count == 1 && strcmp(l->words[0], "head") == 0 && l->from == NULL)) {
		fputs("siban seal: needs one of: verify [--from SEQ:CHAIN], head\n", stderr);
		return 2;
	}
	if (l->from != NULL && !from_parse(l->from, &v)) {
		fputs("siban seal verify: --from takes a head as it was printed: SEQ:CHAIN, a number and 64 hex digits\n", stderr);
		return 2;
	}
	struct control *k = control_open_to_look(&l->config, &why);
	if (k == NULL)
		return tell_failure("seal", &why);
	int code = is_verify ? verify(k, &v, l->from == NULL) : head(k);
	control_close(k);
	return code;
}
