/* services/services.h - small things the handlers of this floor share. */
#ifndef SERVICES_SERVICES_H
#define SERVICES_SERVICES_H
#include "auth/document.h"
#include "base/config.h"
#include "base/request.h"

struct identity; /* auth/identity_number.h */

bool services_is_development(void);
const struct config *services_config(void); /* as it was at the start */
struct blobs *services_blobs(void); /* where large things lie; any thread that may wait */

/* The case_events metric's labels. */
enum case_event_result { CASE_RESULT_APPLIED, CASE_RESULT_REPEATED, CASE_RESULT_HELD, CASE_RESULT_REFUSED };

/* A version (ETag) from the parts an answer is made of, one after the other, beginning with 0; the result is never 0. */
uint64_t version_mix(uint64_t so_far, const void *at, size_t len);
uint64_t version_mix_number(uint64_t so_far, uint64_t n); /* the same for a number, quicker */
/* For names shown to people: UTF-8 without control characters. */
bool is_plain_text(struct str s);
/* The same two as checks of a json_field: the refusal becomes FIELD with its pointer. */
bool check_plain_text(struct str s, struct fail *why);
bool check_visible_ascii(struct str s, struct fail *why);
bool check_public_text(struct str s, struct fail *why); /* shown to whoever holds the number, and stored as it is: no person's number may slip in with it */
bool check_path_segment(struct str s, struct fail *why); /* visible, and can be asked for: "/", "\\" and dots alone are no part of a path (gateway/door/target.c) */
/* A document as it was typed, in the members id_type, id_country and id_number behind `at` ("/" of the body itself, "/applicant/"); rules: auth/document.h. Fails: FIELD,
 * with the fact reason; FIELD_MISSING. */
MUST_USE bool document_parse(const struct document_said *said, unsigned takes, const char *at, int32_t today, struct identity *out, struct fail *why);
/* The members of a json_field table for a struct that begins its document_said `prefix` bytes in. */
#define DOCUMENT_FIELDS(prefix, type_is_needed) \
	{ "id_type", JSON_F_TEXT, (type_is_needed), 1, 16, (prefix) + offsetof(struct document_said, type), NULL }, \
	{ "id_country", JSON_F_TEXT, false, 3, 3, (prefix) + offsetof(struct document_said, country), NULL }, \
	{ "id_number", JSON_F_TEXT, true, 1, 32, (prefix) + offsetof(struct document_said, number), NULL }
/* ?name= as a number within limits; absent gives `absent`. Fails QUERY. */
MUST_USE bool query_number(struct request *r, const char *name, int64_t min, int64_t max, int64_t absent, int64_t *out, struct fail *why);
/* GB/T 2260 codes: six digits, townships nine. */
bool region_code_from(struct str text, int64_t *code);
void json_add_region_code(struct json_out *j, const char *name, int64_t code);
#endif
