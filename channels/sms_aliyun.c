/* channels/sms_aliyun.c - why this exists: a signature that is one byte off sends nothing, and a word misread sends twice. */
#include "channels/sms_aliyun.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/phone.h"
#include "channels/retry_after.h"
#include "channels/url.h"

#include <stdio.h>

enum { TIMEOUT_MS = 10000, ANSWER_MAX = 16384 };

static const char EMPTY_SHA256[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* ---- templates ---- */

static const struct { const char *name; size_t code_at; } templates[] = {
	{ "booking", offsetof(struct config, sms_aliyun_template_booking) },
	{ "voice", offsetof(struct config, sms_aliyun_template_voice) },
	{ "case_moved", offsetof(struct config, sms_aliyun_template_case_moved) },
	{ "deadline", offsetof(struct config, sms_aliyun_template_deadline) },
	{ "deadline_list", offsetof(struct config, sms_aliyun_template_deadline_list) },
	{ "mandate", offsetof(struct config, sms_aliyun_template_mandate) },
	{ "mandate_code", offsetof(struct config, sms_aliyun_template_mandate_code) },
	{ "otp", offsetof(struct config, sms_aliyun_template_otp) },
	{ "payment", offsetof(struct config, sms_aliyun_template_payment) },
	{ "phone_changed", offsetof(struct config, sms_aliyun_template_phone_changed) },
	{ "test", offsetof(struct config, sms_aliyun_template_test) },
};

static struct str template_code(const struct config *c, struct str name)
{
	for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++)
		if (str_eq(name, str_c(templates[i].name)))
			return str_c((const char *)c + templates[i].code_at);
	return STR_NONE;
}

bool sms_aliyun_has_template(const struct config *c, struct str name)
{
	return template_code(c, name).len > 0;
}

/* ---- ACS3-HMAC-SHA256 ---- */

static void hex_sha256(struct str s, char out[2 * SHA256_BYTES + 1])
{
	uint8_t digest[SHA256_BYTES];
	sha256(s, digest);
	hex_text(digest, sizeof digest, out);
}

static void signed_names(struct buf *b, const struct acs3 *s)
{
	for (int i = 0; i < s->header_count; i++) {
		if (i > 0)
			buf_char(b, ';');
		buf_str(b, s->headers[i].name);
	}
}

struct str acs3_authorization(const struct acs3 *s, struct str body_sha256_hex, struct arena *a)
{
	struct buf canonical, out;
	char hex[2 * SHA256_BYTES + 1];
	uint8_t mac[SHA256_BYTES];
	buf_init(&canonical, a, 1024);
	buf_printf(&canonical, "%s\n/\n", s->method);
	buf_str(&canonical, s->query);
	buf_char(&canonical, '\n');
	for (int i = 0; i < s->header_count; i++) {
		buf_str(&canonical, s->headers[i].name);
		buf_char(&canonical, ':');
		buf_str(&canonical, s->headers[i].value);
		buf_char(&canonical, '\n');
	}
	buf_char(&canonical, '\n');
	signed_names(&canonical, s);
	buf_char(&canonical, '\n');
	buf_str(&canonical, body_sha256_hex);
	if (!buf_ok(&canonical))
		return STR_NONE;
	hex_sha256(buf_text(&canonical), hex);
	struct str parts[] = { STR("ACS3-HMAC-SHA256\n"), { hex, sizeof hex - 1 } };
	hmac_sha256(s->key_secret.secret, parts, 2, mac);
	hex_text(mac, sizeof mac, hex);
	buf_init(&out, a, 256);
	buf_str(&out, STR("ACS3-HMAC-SHA256 Credential="));
	buf_str(&out, s->key_id);
	buf_str(&out, STR(",SignedHeaders="));
	signed_names(&out, s);
	buf_str(&out, STR(",Signature="));
	buf_str(&out, str_c(hex));
	return buf_ok(&out) ? buf_text(&out) : STR_NONE;
}

/* ---- build ---- */

struct sms {
	struct str phone, template_name;
	json_t *params;
};

static const struct json_field sms_fields[] = {
	{ "phone", JSON_F_TEXT, true, 1, 20, offsetof(struct sms, phone), NULL },
	{ "template", JSON_F_TEXT, true, 1, 32, offsetof(struct sms, template_name), NULL },
	{ "params", JSON_F_OBJECT, false, 0, 0, offsetof(struct sms, params), NULL },
};

/* Variables are texts, always: a number made the platform refuse the message (isv.INVALID_JSON_PARAM). */
static bool params_text(json_t *params, struct buf *to, struct fail *why)
{
	struct json_out j = json_begin(to);
	const char *name;
	json_t *value;
	json_put_object(&j);
	json_object_foreach(params, name, value) {
		if (!json_is_string(value))
			return FAILS_FIELD(why, FIELD, "/params", "a template's variable is not a text");
		json_add_text_of(&j, str_c(name), (struct str){ json_string_value(value), json_string_length(value) });
	}
	json_put_object_end(&j);
	return json_end(&j) || FAILS(why, MEMORY, "an SMS's variables");
}

static void add_param(struct buf *b, const char *name, struct str value)
{
	url_field(b, b->len > 0 ? '&' : '\0', name, value);
}

/* The names stand in the order in which they are signed. */
static bool query_of(const struct order *o, struct arena *a, struct str *query, struct fail *why)
{
	struct sms sms = { STR_NONE, STR_NONE, NULL };
	struct buf b, params;
	char phone[PHONE_DIGITS + 1];
	DROP(json) json_t *j = json_read(o->payload, why);
	if (j == NULL || !json_take(j, sms_fields, sizeof sms_fields / sizeof sms_fields[0], JSON_IGNORE_UNKNOWN, "", &sms, a, why))
		return false;
	struct str code = template_code(o->config, sms.template_name);
	if (code.len == 0)
		return FAILS_FIELD(why, FIELD, "/template", "sms.aliyun.template.%.*s is not configured", STR_ARG(sms.template_name));
	if (!phone_normal(sms.phone, phone))
		return FAILS_FIELD(why, FIELD, "/phone", "not a mobile number");
	buf_init(&params, a, 256);
	if (sms.params != NULL && !params_text(sms.params, &params, why))
		return false;
	buf_init(&b, a, 512);
	add_param(&b, "OutId", str_c(o->key));
	add_param(&b, "PhoneNumbers", str_c(phone));
	add_param(&b, "SignName", str_c(o->config->sms_aliyun_sign_name));
	add_param(&b, "TemplateCode", code);
	if (params.len > 0)
		add_param(&b, "TemplateParam", buf_text(&params));
	*query = buf_text(&b);
	return buf_ok(&b) || FAILS(why, MEMORY, "an SMS's query");
}

/* Host and port as curl will send them; the path has to be "/", because that is what is signed. */
static bool host_of(struct str url, struct str *base, struct str *host, struct fail *why)
{
	struct str http = STR("http://"), https = STR("https://");
	size_t from = str_starts(url, https) ? https.len : str_starts(url, http) ? http.len : 0;
	size_t end = from;
	while (end < url.len && url.at[end] != '/' && url.at[end] != '?')
		end++;
	*host = (struct str){ url.at + from, end - from };
	*base = (struct str){ url.at, end };
	bool rest_is_root = end == url.len || (end + 1 == url.len && url.at[end] == '/');
	return (from > 0 && host->len > 0 && rest_is_root) || FAILS(why, CONFIG, "sms.aliyun.url: want https://HOST/");
}

static struct str date_of(struct arena *a, int64_t now_ms)
{
	char text[RFC3339_BYTES];
	time_rfc3339(now_ms - INT64_C(8) * 3600000, text); /* written for Shanghai, eight hours ago: UTC's digits */
	text[19] = 'Z';
	return str_copy(a, (struct str){ text, 20 });
}

static bool build(const struct order *o, struct arena *a, struct http_call *out, struct fail *why)
{
	struct str query, base, host;
	char nonce[33];
	if (!host_of(str_c(o->config->sms_aliyun_url), &base, &host, why) || !query_of(o, a, &query, why))
		return false;
	hex_text(o->random, 16, nonce);
	struct header headers[] = {
		{ STR("host"), host }, { STR("x-acs-action"), STR("SendSms") }, { STR("x-acs-content-sha256"), str_c(EMPTY_SHA256) },
		{ STR("x-acs-date"), date_of(a, o->now_ms) }, { STR("x-acs-signature-nonce"), str_copy(a, str_c(nonce)) }, { STR("x-acs-version"), STR("2017-05-25") },
	};
	enum { SIGNED = sizeof headers / sizeof headers[0] };
	struct acs3 sign = { "POST", str_c(o->config->sms_aliyun_key_id), query, o->secret, headers, SIGNED };
	struct str authorization = acs3_authorization(&sign, str_c(EMPTY_SHA256), a);
	struct buf url;
	buf_init(&url, a, base.len + query.len + 2);
	buf_str(&url, base);
	buf_str(&url, STR("/?"));
	buf_str(&url, query);
	*out = (struct http_call){ .method = METHOD_POST, .url = buf_text(&url), .body = STR(""), .timeout_ms = TIMEOUT_MS, .answer_max = ANSWER_MAX };
	for (int i = 1; i < SIGNED; i++) /* Host is the transport's */
		out->headers[out->header_count++] = headers[i];
	out->headers[out->header_count++] = (struct header){ STR("authorization"), authorization };
	bool ok = buf_ok(&url) && authorization.at != NULL && headers[3].value.at != NULL && headers[4].value.at != NULL;
	return ok || FAILS(why, MEMORY, "an SMS's request");
}

/* ---- judge ---- */

static const struct { const char *code; enum verdict verdict; int64_t again_after_ms; } codes[] = {
#define CODE(word, means, again_s) { word, VERDICT_##means, again_s * INT64_C(1000) },
#include "channels/sms_aliyun_codes.def"
#undef CODE
};

static void keep(char *to, size_t size, struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len && n + 1 < size; i++)
		if (s.at[i] > ' ' && s.at[i] < 0x7f) /* a peer's word is printed in logs and on screens */
			to[n++] = s.at[i];
	to[n] = '\0';
}

static struct str word_in(const json_t *j, const char *name)
{
	const json_t *v = json_object_get(j, name);
	return json_is_string(v) ? (struct str){ json_string_value(v), json_string_length(v) } : STR_NONE;
}

/* false: what came is not the platform's JSON. */
static bool read_answer(struct str body, struct judgement *out)
{
	struct fail why;
	fail_clear(&why);
	DROP(json) json_t *j = json_read(body, &why);
	struct str code = word_in(j, "Code");
	keep(out->code, sizeof out->code, code);
	keep(out->ref, sizeof out->ref, word_in(j, "BizId"));
	return code.len > 0;
}

static void judge(const struct order *o, const struct http_answer *answer, struct judgement *out)
{
	out->again_after_ms = retry_after_ms(answer, o->now_ms);
	if (answer->end == HTTP_NOT_SENT) {
		out->verdict = VERDICT_AGAIN;
		keep(out->code, sizeof out->code, STR("not_sent"));
		return;
	}
	if (answer->end != HTTP_ANSWERED || !read_answer(answer->body, out)) { /* perhaps it was sent */
		out->verdict = VERDICT_UNKNOWN;
		if (answer->end == HTTP_ANSWERED)
			snprintf(out->code, sizeof out->code, "http_%d", answer->status);
		else
			keep(out->code, sizeof out->code, STR("unclear"));
		/* only the platform's front says these, before it looks at a message */
		if (answer->end == HTTP_ANSWERED && (answer->status == 429 || answer->status == 503))
			out->verdict = VERDICT_AGAIN;
		return;
	}
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (strcmp(out->code, codes[i].code) == 0) {
			out->verdict = codes[i].verdict;
			if (out->again_after_ms < codes[i].again_after_ms)
				out->again_after_ms = codes[i].again_after_ms;
			/* a word of success under a status of failure is nobody's word */
			if (out->verdict == VERDICT_DONE && (answer->status < 200 || answer->status > 299))
				out->verdict = VERDICT_UNKNOWN;
			return;
		}
	out->verdict = str_starts(str_c(out->code), STR("isv.")) || (answer->status >= 400 && answer->status < 500) ? VERDICT_FAILED : VERDICT_UNKNOWN;
}

const struct codec_http codec_sms_aliyun = { "sms_aliyun", build, judge, NULL, NULL };

/* ---- receipts ---- */

static const struct json_field report_fields[] = {
	{ "success", JSON_F_BOOL, true, 0, 0, offsetof(struct sms_report, is_success), NULL },
	{ "out_id", JSON_F_TEXT, false, 0, 128, offsetof(struct sms_report, out_id), NULL },
	{ "biz_id", JSON_F_TEXT, false, 0, 128, offsetof(struct sms_report, biz_id), NULL },
	{ "err_code", JSON_F_TEXT, false, 0, 128, offsetof(struct sms_report, err_code), NULL },
};

bool sms_aliyun_reports(struct str body, bool (*each)(void *ctx, const struct sms_report *r, struct fail *why), void *ctx, struct arena *a, struct fail *why)
{
	if (body.len > SMS_REPORTS_BYTES_MAX)
		return FAILS(why, BODY_TOO_LARGE, "%zu bytes of reports", body.len);
	DROP(json) json_t *all = json_read(body, why);
	if (all == NULL)
		return false;
	if (!json_is_array(all) || json_array_size(all) > SMS_REPORTS_MAX)
		return FAILS(why, BAD_REQUEST, "not an array of up to %d reports", SMS_REPORTS_MAX);
	for (size_t i = 0; i < json_array_size(all); i++) {
		struct sms_report r = { STR_NONE, STR_NONE, STR_NONE, false };
		char at[24];
		snprintf(at, sizeof at, "/%zu", i);
		if (!json_take(json_array_get(all, i), report_fields, sizeof report_fields / sizeof report_fields[0], JSON_IGNORE_UNKNOWN, at, &r, a, why) ||
		    !each(ctx, &r, why))
			return false;
	}
	return true;
}
