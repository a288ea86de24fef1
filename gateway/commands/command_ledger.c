/* gateway/commands/command_ledger.c - `siban ledger verify`: for whoever must be able to say that every fen is where it was posted. */
#include "gateway/commands/command_verify.h"

#include "base/clock.h"
#include "base/json.h"
#include "store/fact.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct ledger_found {
	int64_t journals, postings, counted; /* counted: postings behind noted balances */
};

static bool tell_wrong(struct verification *v, const json_t *wrong, const char *what)
{
	const char *day = text_in(wrong, "day");
	fprintf(stderr, "siban: ledger verify: %s %" PRId64 ": %s (%s%s%s)\n", what, number_in(wrong, what), text_in(wrong, "text"), text_in(wrong, "what"),
		*day != '\0' ? ", " : "", day);
	v->code = 1;
	return false;
}

/* To what was the last journal when we began: who goes on posting cannot keep us here. */
static bool verify_postings(struct verification *v, struct ledger_found *found)
{
	int64_t journal = 0, last = 0;
	for (bool is_end = false; !is_end;) {
		char target[96];
		snprintf(target, sizeof(target), "/control/ledger/verify?journal=%" PRId64, journal);
		DROP(json) json_t *j = control_json(v->control, v->doing, target, STR(""), &v->code);
		if (j == NULL)
			return false;
		journal = number_in(j, "journal");
		last = last == 0 ? number_in(j, "last") : last;
		found->journals += number_in(j, "journals");
		found->postings += number_in(j, "postings");
		v->records += number_in(j, "postings");
		const json_t *wrong = json_object_get(j, "wrong");
		is_end = json_is_object(wrong) || json_is_true(json_object_get(j, "end")) || journal >= last;
		verify_progress(v, "journals", journal, last, is_end);
		if (json_is_object(wrong))
			return tell_wrong(v, wrong, "journal");
	}
	return true;
}

static bool verify_balances(struct verification *v, struct ledger_found *found)
{
	static const char *const places[] = { "account", "on", "journal", "n", "sum", "count", "noted" };
	char target[320] = "/control/ledger/balances";
	for (bool is_end = false; !is_end;) {
		DROP(json) json_t *j = control_json(v->control, v->doing, target, STR(""), &v->code);
		if (j == NULL)
			return false;
		int len = snprintf(target, sizeof(target), "/control/ledger/balances?");
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
			len += snprintf(target + len, sizeof(target) - (size_t)len, "%s%s=%" PRId64, i > 0 ? "&" : "", places[i], number_in(j, places[i]));
		found->counted += number_in(j, "rows");
		v->records += number_in(j, "rows");
		const json_t *wrong = json_object_get(j, "wrong");
		is_end = json_is_object(wrong) || json_is_true(json_object_get(j, "end"));
		verify_progress(v, "balances", found->counted, found->postings, is_end);
		if (json_is_object(wrong))
			return tell_wrong(v, wrong, "account");
	}
	return true;
}

/* The chain first: it shows that journals and accounts are what was written. Their digests show then that the postings are. */
static bool verify_all(struct verification *v, struct ledger_found *found)
{
	DROP(json) json_t *head = control_json(v->control, v->doing, "/control/seal/head", STR(""), &v->code);
	if (head == NULL || !verify_chain(v, number_in(head, "seq")))
		return false;
	int64_t facts = number_in(head, "seq") + number_in(head, "unsealed");
	return verify_records(v, fact_row_of(FACT_LEDGER_ACCOUNT), facts) && verify_records(v, fact_row_of(FACT_LEDGER_JOURNAL), facts) &&
	       verify_postings(v, found) && verify_balances(v, found);
}

int command_ledger(struct command_line *l)
{
	struct fail why;
	struct ledger_found found = { 0 };
	struct verification v = { .doing = "ledger", .began_ms = clock_mono_ms() };
	fail_clear(&why);
	memset(v.chain, '0', CHAIN_HEX);
	if (l->word_count != 1 || strcmp(l->words[0], "verify") != 0) {
		fputs("siban ledger: needs: verify\n", stderr);
		return 2;
	}
	v.control = control_open_to_look(&l->config, &why);
	if (v.control == NULL)
		return tell_failure("ledger", &why);
	if (verify_all(&v, &found))
		printf("verified %" PRId64 " postings in %" PRId64 " journals: every one sums to zero and is as it was written\nhead %" PRId64 ":%s\n", found.postings,
		       found.journals, v.seq, v.chain);
	control_close(v.control);
	return v.code;
}
