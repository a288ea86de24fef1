/* channels/department.c - why this exists: cases that a department keeps to itself are asked for by its own number. */
#include "channels/department.h"

#include "base/json.h"
#include "channels/standard_webhooks.h"
#include "channels/url.h"

enum { ANSWER_MAX = 16 << 10, MATTER_MAX = 32, NAME_MAX_BYTES = 200, STATUS_TEXT_MAX = 500 };

/* ---- build ---- */

bool department_base_is_right(struct str base)
{
	return url_base_is_right(base);
}

/* What stands before the path in an absolute URL. */
static size_t origin_length(struct str base)
{
	size_t at = str_starts(base, STR("https://")) ? 8 : 7;
	while (at < base.len && base.at[at] != '/')
		at++;
	return at;
}

/* As one path segment: a "." alone or ".." would be walked, so dots are encoded too where nothing else stands beside them. */
static void buf_segment(struct buf *b, struct str s)
{
	bool is_dots = str_eq(s, STR(".")) || str_eq(s, STR(".."));
	for (size_t i = 0; is_dots && i < s.len; i++)
		buf_str(b, STR("%2E"));
	if (!is_dots)
		url_escape(b, s);
}

static void add(struct http_call *c, const char *name, struct str value)
{
	c->headers[c->header_count++] = (struct header){ str_c(name), value };
}

bool department_build(const struct department_question *q, struct arena *a, struct http_call *out, struct fail *why)
{
	char signature[WEBHOOK_SIGNATURE_BYTES], digits[21];
	struct buf b;
	buf_init(&b, a, q->base.len + 3 * q->case_ref.len + 32);
	buf_str(&b, q->base);
	buf_str(&b, STR("/cases/"));
	buf_segment(&b, q->case_ref);
	buf_str(&b, STR("?last4="));
	buf_segment(&b, q->last4);
	struct str url = buf_text(&b);
	if (!buf_ok(&b))
		return FAILS(why, MEMORY, "a question's address");
	size_t origin = origin_length(q->base);
	struct str target = { url.at + origin, url.len - origin };
	int64_t now_s = q->now_ms / 1000;
	if (!webhook_sign(q->key, q->id, now_s, target, signature))
		return FAILS(why, CONFIG, "a department's key: want whsec_ and base64 of 24 to 64 bytes");
	*out = (struct http_call){ .method = METHOD_GET, .url = url, .answer_max = ANSWER_MAX };
	add(out, "accept", STR("application/json"));
	add(out, "webhook-id", q->id);
	add(out, "webhook-timestamp", str_copy(a, (struct str){ digits, i64_text(now_s, digits) }));
	add(out, "webhook-signature", str_copy(a, str_c(signature)));
	return !a->refused || FAILS(why, MEMORY, "a question's headers");
}

/* ---- judge ---- */

static bool is_short_name(struct str s, struct fail *why)
{
	(void)why;
	return s.len >= 1 && s.len <= NAME_MAX_BYTES;
}

static bool is_matter(struct str s, struct fail *why)
{
	(void)why;
	return s.len <= MATTER_MAX && str_is_visible_ascii(s);
}

static bool is_status_text(struct str s, struct fail *why)
{
	(void)why;
	return s.len <= STATUS_TEXT_MAX;
}

#define AT(member) offsetof(struct department_case, member)
static const struct json_field fields[] = {
	{ "case_ref", JSON_F_TEXT, true, 0, 0, AT(case_ref), NULL },
	{ "matter", JSON_F_TEXT, true, 0, 0, AT(matter), is_matter },
	{ "matter_name", JSON_F_TEXT, true, 0, 0, AT(matter_name), is_short_name },
	{ "state", JSON_F_TEXT, true, 0, 0, AT(state), is_short_name },
	{ "status_text", JSON_F_TEXT, true, 0, 0, AT(status_text), is_status_text },
	{ "department_name", JSON_F_TEXT, true, 0, 0, AT(department_name), is_short_name },
	{ "region_name", JSON_F_TEXT, true, 0, 0, AT(region_name), is_short_name },
	{ "opened_at", JSON_F_TIME, true, 0, 0, AT(opened_ms), NULL },
	{ "updated_at", JSON_F_TIME, true, 0, 0, AT(updated_ms), NULL },
};

static bool is_json(const struct http_answer *a)
{
	struct str type, parameters;
	str_cut(a->content_type.at != NULL ? a->content_type : STR(""), ';', &type, &parameters);
	return str_eq_nocase(str_trim(type), STR("application/json"));
}

/* Only its own words for "no such case": another 404 may be a wrong address, and would hide a case that is there. */
static bool says_no_such(json_t *object)
{
	const char *code = json_string_value(json_object_get(object, "code"));
	return code != NULL && strcmp(code, "not_found") == 0;
}

static enum department_answer broken(struct fail *why, const char *what, int status)
{
	FAILS(why, PEER_NONSENSE, "status %d: %s", status, what);
	return DEPARTMENT_BROKEN;
}

enum department_answer department_judge(struct str case_ref, const struct http_answer *answer, struct arena *a, struct department_case *out, struct fail *why)
{
	struct fail inner;
	fail_clear(&inner);
	if (answer->status != 200 && answer->status != 404)
		return broken(why, answer->status == 401 ? "it does not take our signature" : "not in the contract", answer->status);
	if (!is_json(answer))
		return broken(why, "not application/json", answer->status);
	DROP(json) json_t *object = json_read(answer->body, &inner);
	if (object == NULL)
		return broken(why, "not JSON", answer->status);
	if (answer->status == 404)
		return says_no_such(object) ? DEPARTMENT_NO_SUCH : broken(why, "a 404 that does not say not_found", 404);
	memset(out, 0, sizeof(*out));
	if (!json_take(object, fields, sizeof(fields) / sizeof(fields[0]), JSON_IGNORE_UNKNOWN, "", out, a, &inner))
		return broken(why, inner.pointer, answer->status);
	if (!str_eq(out->case_ref, case_ref))
		return broken(why, "it is about another case", answer->status);
	return out->updated_ms >= out->opened_ms ? DEPARTMENT_FOUND : broken(why, "updated before it was opened", answer->status);
}
