/* channels/wechat_nontax_call.h - what WeChat's non-tax platform calls us with, opened, and our answer, sealed. Pure.
 *
 * How it is sealed and signed is in no public document: cipher, envelope and signature are a profile, and there is none but the sandbox's own, for development. What is known of every call:
 * its address has ?wxnontaxstr=…, a random text of this one call; our answer has a member "data", in which sealed are errcode and errmsg.
 * The platform's own profile, when somebody is told of it, is one more row.
 *
 *   sandbox    {"version": 1, "data": base64 of nonce (12 bytes), AES-256-GCM, tag, bound to wxnontaxstr; "sign": hex HMAC-SHA256 of "wxnontaxstr.data"}; the answer {"data"} alike, bound to
 *              "wxnontaxstr.reply". The key is whsec_ and base64 of 32 bytes.
 *
 * Thread: any. Source: protocols/nontax.md 4. */
#ifndef CHANNELS_WECHAT_NONTAX_CALL_H
#define CHANNELS_WECHAT_NONTAX_CALL_H
#include "channels/wechat_nontax.h"

/* What we answer with. */
enum nontax_reply {
#define REPLY(name, code, message) NONTAX_REPLY_##name = code,
#include "channels/wechat_nontax_replies.def"
#undef REPLY
};

enum { NONTAX_WORD_MAX = 64, NONTAX_NONCE_BYTES = 12 };

struct nontax_profile {
	/* OK: *plain lies in `a`. Otherwise what is to be answered. The signature is looked at first, in time that says nothing. */
	enum nontax_reply (*open)(struct secret key, struct str word, struct str body, struct str *plain, struct arena *a);
	/* The whole answer. at NULL: no memory, or the key is none. `plain` is JSON; `random`: NONTAX_NONCE_BYTES, never twice. */
	struct str (*seal)(struct secret key, struct str word, struct str plain, const uint8_t *random, struct arena *a);
};
const struct nontax_profile *nontax_profile_of(int number); /* by the knob's; NULL: none, nobody is answered */

/* What is sealed in an answer; at NULL: no memory. `due`: what a notice costs, with OK; NULL: nothing more is said. */
struct str nontax_reply_plain(enum nontax_reply reply, const struct nontax_notice *due, struct arena *a);

/* "What does this notice cost?" The members are those by which we would ask the platform the same. */
struct nontax_fee_question {
	struct str appid, notice_no, department_code, bank_id; /* bank_id at NULL: it did not say */
	int64_t region, kind;                                  /* kind 0: it did not say */
};
enum nontax_reply nontax_fee_asked(struct str plain, struct nontax_fee_question *out, struct arena *a); /* FORM: it is no such question; SYSTEM: no memory */
#endif
