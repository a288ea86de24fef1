/* channels/nontax_frame.h - CNNONTAX messages as the bureau's provincial system speaks them, one in a frame, in both directions. Pure.
 *
 *   8 bytes    length of the whole in bytes, decimal, left-justified, padded with spaces
 *   8          "CNNONTAX"            3   "1.0"            4   number of the message
 *   …          XML in GBK: CFX/HEAD(…MsgNo, MsgID, MsgRef…) and MSG/MOF/VoucherBody/Voucher, which is base64 of another piece of XML in GBK
 *   64         hex of SHA-256 over token and XML, in either case
 *
 * Thread: any. Source: protocols/government.md A6; its vector is tests/unit/vectors/cnnontax_frame.json. */
#ifndef CHANNELS_NONTAX_FRAME_H
#define CHANNELS_NONTAX_FRAME_H
#include "base/fail.h"
#include "base/log.h"
#include "channels/nontax_answer.h"
#include "channels/nontax_xml.h"

enum { NONTAX_FRAME_HEAD = 23, NONTAX_FRAME_DIGEST = 64, NONTAX_FRAME_MIN = NONTAX_FRAME_HEAD + NONTAX_FRAME_DIGEST, NONTAX_FRAME_MAX = 1 << 20, NONTAX_MESSAGE_DIGITS = 4, NONTAX_ID_MAX = 64 };

/* Of the whole frame that begins here; 0: not known yet; -1: not a frame, hang up. */
int64_t nontax_frame_length(struct str so_far);
MUST_USE bool nontax_frame_close(struct str message, struct str xml, struct secret token, struct arena *a, struct str *frame); /* false: no room */
/* Of a whole frame. A token at NULL: its digest was looked at before. false: not one, or not from who shares the token. */
bool nontax_frame_open(struct str frame, struct secret token, struct str *message, struct str *xml);

struct nontax_told {
	const char *name;
	struct str text; /* at NULL: left out */
};
struct nontax_head {
	struct str message, id, ref, from, to; /* ref: the id of what is answered, at NULL none */
	int64_t division, now_ms;
};
/* Fails: MEMORY; FIELD a character GBK has not. */
MUST_USE bool nontax_message_write(const struct nontax_head *h, const struct nontax_told *told, int count, struct secret token, struct arena *a, struct str *frame, struct fail *why);

struct nontax_message {
	struct str message, id, ref;     /* ref at NULL: it answers nothing */
	struct str day;                  /* WorkDate as it stands there, at NULL none */
	struct nontax_fields voucher;
};
bool nontax_message_read(struct str frame, struct secret token, struct nontax_message *out, struct arena *a);

/* Of a frame that answers the message of this key (at NULL: of any) under the number `wanted` (at NULL: any). */
bool nontax_frame_answer(struct str frame, struct secret token, struct str key, struct str wanted, struct nontax_answer *out);
#endif
