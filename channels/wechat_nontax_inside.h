/* channels/wechat_nontax_inside.h - what the files of wechat_nontax_deed.h share. Nobody else includes it. */
#ifndef CHANNELS_WECHAT_NONTAX_INSIDE_H
#define CHANNELS_WECHAT_NONTAX_INSIDE_H
#include "base/arena.h"
#include "channels/codec.h"
#include "channels/wechat_nontax.h"

enum { NONTAX_JUDGE_ARENA_MAX = 512 << 10 };

static inline void arena_dropper(struct arena *a) { arena_free(a); }

/* A payload, read. */
struct wechat_deed {
	struct nontax_notice notice;
	struct str ip, openid, order_id, number, reason, auth_code;
	int64_t fen, last_on, until_ms;
	bool is_mini;
};

struct nontax_account wechat_deed_account(const struct order *o);
MUST_USE bool wechat_deed_read(const struct order *o, struct wechat_deed *d, struct arena *a, struct fail *why);
bool wechat_deed_has(struct str s, const char *what, struct fail *why);

void nontax_ref_keep(struct judgement *out, struct str ref);
void nontax_done(struct judgement *out, const char *code, struct str ref, struct str said);
/* What was said instead. A deed that is busy there may have been begun, a question has not; whoever asks about an attempt (is_ask) and gets no answer knows nothing new. */
void nontax_refused(struct nontax_said said, const struct http_answer *answer, bool is_question, bool is_ask, struct judgement *out);
#endif
