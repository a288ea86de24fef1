/* services/services.c - what this floor needs before the first request, and what its handlers share. */
#include "services/services.h"
#include "auth/identity_number.h"
#include "auth/keyring.h"
#include "auth/staff_deeds.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/metrics.h"
#include "notify/account.h"
#include "notify/message.h"
#include "payments/bureau/receipt_send.h"
#include "services/booking/hold.h"
#include "services/cases/calendar_year.h"
#include "services/cases/case_number.h"
#include "services/cases/case_texts.h"
#include "services/guides/guide_draft.h"
#include "services/handlers.h"
#include "services/money/recon_deeds.h"
#include "services/money/refunding.h"
#include "services/voices/voice_deeds.h"
#include "store/blob.h"
#include "store/store.h"
#include <assert.h>
#include <stddef.h>
#include <stdio.h>

enum { REGION_CODE_DIGITS = 6, TOWNSHIP_CODE_DIGITS = 9 };

static const struct config *configuration;

const struct config *services_config(void)
{
	assert(configuration != NULL);
	return configuration;
}

static struct blobs *blobs;

struct blobs *services_blobs(void)
{
	assert(blobs != NULL);
	return blobs;
}

bool services_is_development(void)
{
	assert(configuration != NULL);
	return configuration->development;
}

static bool start_in(struct tx *tx, void *make, struct fail *why)
{
	return keyring_match(tx, why) && case_number_init(tx, *(bool *)make, why);
}

static inline void connection_dropper(struct connection **c)
{
	if (*c != NULL)
		connection_close(*c);
}

static bool start_reading(struct store *s, struct fail *why)
{
	struct tx tx;
	bool make = false;
	DROP(connection) struct connection *c = store_reader(s, 0, why);
	if (c == NULL || !reader_begin(c, &tx, why))
		return false;
	bool ok = start_in(&tx, &make, why);
	reader_end(c);
	return ok;
}

/* A department's system keeps its place in the feed for years, and index keys are exchanged meanwhile. */
static void name_cursor_keys(void)
{
	uint8_t all[KEYRING_INDEX_MAX][SHA256_BYTES], keys[KEYRING_INDEX_MAX][16];
	_Static_assert((int)KEYRING_INDEX_MAX <= (int)CURSOR_KEYS_MAX, "room for every index key");
	int count = keyring_index_all("cursor", NULL, 0, all);
	for (int i = 0; i < count; i++)
		memcpy(keys[i], all[i], sizeof(keys[i]));
	request_cursor_keys(keys, count);
}

bool services_start(struct store *s, const struct config *c, bool make, struct fail *why)
{
	static const char *const results[] = { "applied", "repeated", "held", "refused" };
	for (int i = 0; i < (int)(sizeof(results) / sizeof(results[0])); i++)
		metric_label(M_case_events, i, results[i]);
	callback_names();
	staff_deeds_compose();
	hold_deeds_compose();
	voice_deeds_compose();
	guide_deeds_compose();
	refund_deeds_compose();
	calendar_deed_compose();
	recon_deeds_compose();
	assert(proposal_is_composed());
	configuration = c;
	receipt_tell_page(str_c(c->web_base));
	blobs_close(blobs);
	blobs = blobs_open(s, blob_body_of(s), why);
	if (blobs == NULL)
		return false;
	name_cursor_keys();
	if (!case_texts_compose(why) || (!make && !accounts_open(c, why)))
		return false;
	message_bells(c);
	receipts_compose(c->finance_receipt_rest);
	store_follow(s, keyring_follow);
	if (!make && (!start_reading(s, why) || !keyring_has_unnoted()))
		return why->code == FAIL_NONE;
	return store_write(s, start_in, &make, why);
}

uint64_t version_mix(uint64_t so_far, const void *at, size_t len)
{
	static const uint8_t key[16] = "siban version 1"; /* no secret: two answers must differ, nobody gains by making them alike */
	uint8_t mixed[16];
	memcpy(mixed, key, sizeof(mixed));
	for (int i = 0; i < 8; i++)
		mixed[i] ^= (uint8_t)(so_far >> 8 * i);
	uint64_t v = siphash(mixed, at, len) & INT64_MAX;
	return v == 0 ? 1 : v;
}

uint64_t version_mix_number(uint64_t so_far, uint64_t n)
{
	uint64_t v = so_far * 0x9e3779b97f4a7c15u + n; /* splitmix64's finish */
	v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9u;
	v = (v ^ (v >> 27)) * 0x94d049bb133111ebu;
	v = (v ^ (v >> 31)) & INT64_MAX;
	return v == 0 ? 1 : v;
}

bool is_plain_text(struct str s)
{
	if (!str_is_utf8(s))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)s.at[i + 1] < 0xa0)) /* C0, DEL, C1 */
			return false;
	}
	return true;
}

bool check_plain_text(struct str s, struct fail *why)
{
	(void)why; /* json_take names the field */
	return is_plain_text(s);
}

bool check_visible_ascii(struct str s, struct fail *why)
{
	(void)why;
	return str_is_visible_ascii(s);
}

bool check_public_text(struct str s, struct fail *why)
{
	if (!is_plain_text(s))
		return false;
	if (!holds_personal_number(s))
		return true;
	FAILS(why, FIELD, "a text with an identity or mobile number");
	fail_fact_text(why, "reason", "personal_number");
	return false;
}

bool check_path_segment(struct str s, struct fail *why)
{
	return memchr(s.at, '/', s.len) == NULL && memchr(s.at, '\\', s.len) == NULL && !str_eq(s, STR(".")) && !str_eq(s, STR("..")) &&
	       check_visible_ascii(s, why);
}

static bool document_fails(enum identity_wrong wrong, const struct document_said *said, const char *at, struct fail *why)
{
	const char *field = wrong == IDENTITY_WRONG_TYPE ? "id_type" : wrong == IDENTITY_WRONG_COUNTRY ? "id_country" : "id_number";
	char pointer[FAIL_POINTER_MAX];
	snprintf(pointer, sizeof(pointer), "%s%s", at, field);
	if (wrong == IDENTITY_WRONG_COUNTRY && said->country.at == NULL)
		return FAILS_FIELD(why, FIELD_MISSING, pointer, "a passport's number is its country's own");
	FAILS_FIELD(why, FIELD, pointer, "identity number: %s", identity_wrong_text(wrong).at);
	fail_fact_text(why, "reason", identity_wrong_text(wrong).at);
	return false;
}

bool document_parse(const struct document_said *said, unsigned takes, const char *at, int32_t today, struct identity *out, struct fail *why)
{
	enum identity_wrong wrong = document_identity(said, takes, today, out);
	return wrong == IDENTITY_FINE || document_fails(wrong, said, at, why);
}

bool query_number(struct request *r, const char *name, int64_t min, int64_t max, int64_t absent, int64_t *out, struct fail *why)
{
	struct str text;
	*out = absent;
	if (!request_query(r, name, &text, why))
		return false;
	return text.at == NULL || str_to_i64(text, min, max, out) || FAILS_FIELD(why, QUERY, name, "not a number within its limits");
}

bool region_code_from(struct str text, int64_t *code)
{
	if (text.len != REGION_CODE_DIGITS && text.len != TOWNSHIP_CODE_DIGITS)
		return false;
	return text.at[0] != '0' && str_to_i64(text, 1, 999999999, code);
}

void json_add_region_code(struct json_out *j, const char *name, int64_t code)
{
	char digits[21];
	json_add_plain(j, name, (struct str){ digits, i64_text(code, digits) });
}
