/* channels/sms_aliyun.h - Aliyun's SMS service: SendSms signed with ACS3-HMAC-SHA256, and the receipts it pushes. Pure.
 *
 * Source: Dysmsapi 2017-05-25, RPC style; all parameters in the query, no body. */
#ifndef CHANNELS_SMS_ALIYUN_H
#define CHANNELS_SMS_ALIYUN_H
#include "channels/codec.h"

/* payload: {"phone":"13800138000","template":"case_moved","params":{"name":"…"}}; the template by our name (sms.aliyun.template.…). */
extern const struct codec_http codec_sms_aliyun;
bool sms_aliyun_has_template(const struct config *c, struct str name); /* known, and its code is configured */

/* -- the signature alone, for its vectors */
struct acs3 {
	const char *method;
	struct str key_id, query;    /* the query canonical, as it is sent */
	struct secret key_secret;
	const struct header *headers; /* those that are signed, sorted, lower case */
	int header_count;
};
struct str acs3_authorization(const struct acs3 *s, struct str body_sha256_hex, struct arena *a); /* at NULL: no memory */

/* -- receipts: what arrives under /callbacks/sms/aliyun/… */
enum { SMS_REPORTS_MAX = 1000, SMS_REPORTS_BYTES_MAX = 512 << 10 };
struct sms_report {
	struct str out_id, biz_id, err_code; /* borrowed from the parsed text's arena */
	bool is_success;
};
/* A JSON array of reports; fields that nobody knows are ignored. Calls `each` for every one; it may say no. Fails: BAD_JSON, FIELD…, MEMORY, or each's reason. */
MUST_USE bool sms_aliyun_reports(struct str body, bool (*each)(void *ctx, const struct sms_report *r, struct fail *why), void *ctx, struct arena *a,
				 struct fail *why);
#endif
