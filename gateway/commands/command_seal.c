/* gateway/commands/command_seal.c - `siban seal`: for whoever must be able to say that nothing was changed. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "gateway/commands/command_verify.h"
#include "store/seal_check.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

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
	struct verification v = { .doing = "seal", .chain = "" };
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
