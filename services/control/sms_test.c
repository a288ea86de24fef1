/* services/control/sms_test.c - an operator sends a text to his own phone and waits a moment for what becomes of it: sent, refused and why, or not known yet.
 *
 * The answer waits for the effect's end (park); late is 202 and the same question again under its number. */
#include "auth/audit.h"
#include "base/phone.h"
#include "channels/sms_aliyun.h"
#include "notify/effect.h"
#include "services/handlers.h"
#include "services/services.h"
#include <stdio.h>

enum { SENT = 1 };
enum { N_ID };
enum { PHONE_MAX = 20, TEMPLATE_MAX = 32 };

struct sms_test {
	struct str phone, template_name;
	json_t *params;              /* while parse runs */
	struct str payload;
	int64_t id;                  /* of sms_test_show */
	struct effect_view e;
};

static const char *const no_query[] = { NULL };

/* ---- in words ---- */

/* The platform's commonest words; any other is shown as it is. */
static const struct { const char *code, *text[LANG_COUNT]; } refusals[] = {
	{ "isv.MOBILE_NUMBER_ILLEGAL", { "手机号码不正确", "the number is not valid" } },
	{ "isv.BUSINESS_LIMIT_CONTROL", { "该号码收到的短信过于频繁", "this number had too many texts" } },
	{ "isv.TEMPLATE_MISSING_PARAMETERS", { "模板变量不全", "variables of the template are missing" } },
	{ "isv.INVALID_JSON_PARAM", { "模板变量格式不正确", "the template's variables are malformed" } },
	{ "isv.INVALID_PARAMETERS", { "参数不正确", "a parameter is not valid" } },
	{ "isv.PARAM_LENGTH_LIMIT", { "模板变量过长", "a variable is too long" } },
	{ "isv.BLACK_KEY_CONTROL_LIMIT", { "内容含有禁用词", "the text has forbidden words" } },
	{ "isv.SMS_SIGNATURE_ILLEGAL", { "短信签名不存在或未通过审核", "the signature is unknown or not approved" } },
	{ "isv.SMS_TEMPLATE_ILLEGAL", { "短信模板不存在或未通过审核", "the template is unknown or not approved" } },
	{ "isv.AMOUNT_NOT_ENOUGH", { "账户余额不足", "the account has no money left" } },
	{ "isv.DAY_LIMIT_CONTROL", { "已达到当日发送上限", "the day's limit is reached" } },
	{ "isv.OUT_OF_SERVICE", { "账户已停机", "the account is suspended" } },
	{ "isv.ACCOUNT_ABNORMAL", { "账户异常", "the account is not in order" } },
	{ "isp.RAM_PERMISSION_DENY", { "账号没有发送权限", "the key has no right to send" } },
	{ "SignatureDoesNotMatch", { "密钥不正确", "the key's secret is wrong" } },
	{ "InvalidAccessKeyId.NotFound", { "AccessKey 不存在", "there is no such AccessKey" } },
};

static const char *code_in_words(const char *code, enum lang lang)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (strcmp(refusals[i].code, code) == 0)
			return refusals[i].text[lang];
	return code;
}

static const char *const sentences[EFFECT_CANCELLED + 1][LANG_COUNT] = {
	[EFFECT_DUE] = { "尚未发送，稍后会再试", "not sent yet, it will be tried again" },
	[EFFECT_SENDING] = { "正在发送，结果尚不清楚", "being sent, not known yet" },
	[EFFECT_DONE] = { "平台已接收", "the platform took it" },
	[EFFECT_FAILED] = { "平台拒绝发送", "the platform refused it" },
	[EFFECT_UNKNOWN] = { "可能已发送，也可能没有：平台没有给出完整的答复，为避免重复不再自动发送", "it may have been sent or not: no whole answer came, and it is not sent twice" },
	[EFFECT_HELD] = { "已暂停，等待处理", "held until somebody looks at it" },
	[EFFECT_CANCELLED] = { "已取消", "cancelled" },
};

static struct str in_words(struct request *r, const struct effect_view *e)
{
	struct buf b;
	bool zh = r->lang == LANG_ZH;
	buf_init(&b, &r->arena, 256);
	buf_str(&b, str_c(sentences[e->state][r->lang]));
	if (e->state != EFFECT_DONE && e->code[0] != '\0') {
		buf_str(&b, zh ? STR("：") : STR(": "));
		buf_str(&b, str_c(code_in_words(e->code, r->lang)));
	}
	buf_str(&b, zh ? STR("。") : STR("."));
	return buf_text(&b);
}

static bool say(struct request *r, const struct effect_view *e, int status, struct fail *why)
{
	char where[64];
	snprintf(where, sizeof(where), "/control/sms-tests/%lld", (long long)e->id);
	if (status == 202) {
		struct str location = str_copy(&r->arena, str_c(where));
		if (location.at == NULL)
			return FAILS(why, MEMORY, "a place to look");
		reply_header(r, "location", location);
	}
	struct json_out j = reply_json(r, status);
	json_put_object(&j);
	json_add_number(&j, "id", e->id);
	json_add_text(&j, "state", str_c(effect_state_name(e->state)));
	json_add_boolean(&j, "is_over", effect_is_over(e->state));
	json_add_text(&j, "code", str_c(e->code));
	json_add_text(&j, "ref", str_c(e->ref));
	json_add_text(&j, "text", in_words(r, e));
	json_put_object_end(&j);
	return reply_json_end(r, &j, why);
}

/* ---- control_sms_test ---- */

static const struct json_field fields[] = {
	{ "phone", JSON_F_TEXT, true, 1, PHONE_MAX, offsetof(struct sms_test, phone), NULL },
	{ "template", JSON_F_TEXT, false, 1, TEMPLATE_MAX, offsetof(struct sms_test, template_name), check_visible_ascii },
	{ "params", JSON_F_OBJECT, false, 0, 0, offsetof(struct sms_test, params), NULL },
};

/* What the codec reads later, out of what came now. */
static bool write_payload(struct request *r, struct sms_test *t, struct fail *why)
{
	const char *name;
	json_t *value;
	struct buf b;
	buf_init(&b, &r->arena, 256);
	struct json_out j = json_begin(&b);
	json_put_object(&j);
	json_add_text(&j, "phone", t->phone);
	json_add_text(&j, "template", t->template_name);
	json_put_name(&j, "params");
	json_put_object(&j);
	json_object_foreach(t->params, name, value) {
		if (!json_is_string(value))
			return FAILS_FIELD(why, FIELD, "/params", "a template's variable is not a text");
		json_add_text_of(&j, str_c(name), (struct str){ json_string_value(value), json_string_length(value) });
	}
	json_put_object_end(&j);
	json_put_object_end(&j);
	t->payload = buf_text(&b);
	return json_end(&j) || FAILS(why, MEMORY, "a text's payload");
}

static bool test_parse(struct request *r, struct fail *why)
{
	char digits[12];
	struct sms_test *t = request_state(r, sizeof(*t), why);
	if (t == NULL || !request_query_only(r, no_query, why))
		return false;
	DROP(json) json_t *body = json_read(r->body, why);
	if (body == NULL || !json_take(body, fields, sizeof(fields) / sizeof(fields[0]), JSON_REFUSE_UNKNOWN, "", t, &r->arena, why))
		return false;
	if (!account_is_configured(ACCOUNT_sms_aliyun))
		return FAILS(why, CONFIG, "sms.aliyun.url is not configured");
	if (!phone_normal(t->phone, digits))
		return FAILS_FIELD(why, FIELD, "/phone", "not a mobile number");
	if (t->template_name.at == NULL)
		t->template_name = STR("test");
	if (!sms_aliyun_has_template(services_config(), t->template_name))
		return FAILS_FIELD(why, FIELD, "/template", "sms.aliyun.template.%.*s is not configured", STR_ARG(t->template_name));
	return write_payload(r, t, why);
}

static bool test_apply(struct tx *tx, struct request *r, struct fail *why)
{
	const struct sms_test *t = r->state;
	const struct effect_new e = { .kind = KIND_sms_aliyun, .payload = t->payload };
	uint8_t random[16];
	int64_t id;
	effect_random(r->random, 0, random);
	if (!effect_add(tx, &e, r->now_ms, random, &id, why))
		return false;
	const struct audit audit = { .act = AUDIT_EFFECT_SENT, .subject = AUDIT_OF_EFFECT, .subject_id = id, .result = 201, .detail = STR("sms_test") };
	r->outcome = (struct outcome){ .code = SENT, .status = 200, .n = { [N_ID] = id } };
	return audit_add(tx, r, &audit, why);
}

static int64_t test_park(const struct request *r)
{
	return r->outcome.n[N_ID];
}

static bool test_render(struct request *r, struct fail *why)
{
	const struct effect_view not_read = { .id = r->outcome.n[N_ID], .state = EFFECT_DUE }; /* where nothing parks: the command line, offline */
	const struct effect_view *e = r->parked != NULL ? r->parked : &not_read;
	return say(r, e, effect_is_over(e->state) ? 200 : 202, why);
}

const struct handler control_sms_test = { .parse = test_parse, .apply = test_apply, .park = test_park, .render = test_render };

/* ---- control_sms_test_show ---- */

static bool show_parse(struct request *r, struct fail *why)
{
	struct sms_test *t = request_state(r, sizeof(*t), why);
	if (t == NULL || !request_query_only(r, no_query, why))
		return false;
	return str_to_i64(r->params[0], 1, INT64_MAX, &t->id) || FAILS(why, NOT_FOUND, "no number");
}

static bool show_look(struct tx *tx, struct request *r, struct fail *why)
{
	struct sms_test *t = r->state;
	bool found;
	if (!effect_get(tx, t->id, &t->e, &found, why))
		return false;
	return (found && t->e.kind == KIND_sms_aliyun) || FAILS(why, NOT_FOUND, "no such text");
}

static bool show_render(struct request *r, struct fail *why)
{
	return say(r, &((const struct sms_test *)r->state)->e, 200, why);
}

const struct handler control_sms_test_show = { .parse = show_parse, .look = show_look, .render = show_render };
