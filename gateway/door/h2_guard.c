/* gateway/door/h2_guard.c - what libnghttp2 1.52 does not limit by itself, counted per connection (project design notes, "HTTP/2 abuse").
 *
 * One leaky bucket takes everything that is legal in HTTP/2, costs us something and is of use to nobody in such numbers: resets that
 * the peer makes us send (CVE-2025-8671), empty DATA (CVE-2019-9518), PRIORITY, PING, SETTINGS, WINDOW_UPDATE beyond need, unknown
 * frames, bytes that lead to nothing. */
#include "gateway/door/h2_inside.h"
#include "base/log.h"

enum {
	GLITCH_BURST = 200, GLITCH_PER_S = 20,
	RESET_BURST = 200, RESET_PER_S = 20,
	OUTBOUND_ACK_MAX = 200, SETTINGS_MAX = 16, CONTINUATIONS_MAX = 4,
	WINDOW_CREDIT_PER_DATA = 10, WINDOW_CREDIT_MAX = 1000,
	IDLE_BYTES_FREE = 64 << 10, IDLE_BYTES_PER_GLITCH = 16 << 10,
};

nghttp2_option *h2_guard_options(void)
{
	nghttp2_option *o;
	if (nghttp2_option_new(&o) != 0)
		return NULL;
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_stream_reset_rate_limit(o, RESET_BURST, RESET_PER_S);
	nghttp2_option_set_max_outbound_ack(o, OUTBOUND_ACK_MAX);
	nghttp2_option_set_max_settings(o, SETTINGS_MAX);
	nghttp2_option_set_max_continuations(o, CONTINUATIONS_MAX);
	for (int type = 0x0a; type <= 0xff; type++) /* without this no callback ever sees them */
		nghttp2_option_set_user_recv_extension_type(o, (uint8_t)type);
	return o;
}

void h2_calm(struct h2 *h, const char *why)
{
	if (h->ended)
		return;
	h->ended = true;
	LOG_EVENT(h2_goaway, STR_NONE, L_C(why));
	nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
	conn_finish(h->c, END_FLOOD, why);
}

void h2_glitch(struct h2 *h, int count, const char *what)
{
	int64_t now = door_now_ms(h->c->door);
	h->glitches_milli -= (now - h->glitch_at_ms) * GLITCH_PER_S;
	if (h->glitches_milli < 0)
		h->glitches_milli = 0;
	h->glitch_at_ms = now;
	h->glitches_milli += (int64_t)count * 1000;
	if (h->glitches_milli > GLITCH_BURST * 1000)
		h2_calm(h, what);
}

void h2_watch_received(struct h2 *h, const nghttp2_frame *frame)
{
	switch (frame->hd.type) {
	case NGHTTP2_DATA:
		if (frame->hd.length <= frame->data.padlen && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
			h2_glitch(h, 1, "empty DATA");
		break;
	case NGHTTP2_PING:
		if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
			h2_glitch(h, 1, "PING");
		break;
	case NGHTTP2_SETTINGS:
		if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
			h2_glitch(h, 1, "SETTINGS");
		break;
	case NGHTTP2_WINDOW_UPDATE:
		if (h->window_credit > 0)
			h->window_credit--;
		else
			h2_glitch(h, 1, "WINDOW_UPDATE");
		break;
	default:
		break;
	}
}

void h2_watch_sent(struct h2 *h, const nghttp2_frame *frame)
{
	switch (frame->hd.type) {
	case NGHTTP2_DATA:
		h->window_credit += WINDOW_CREDIT_PER_DATA;
		if (h->window_credit > WINDOW_CREDIT_MAX)
			h->window_credit = WINDOW_CREDIT_MAX;
		break;
	case NGHTTP2_RST_STREAM:
		h2_glitch(h, 1, "resets");
		break;
	case NGHTTP2_GOAWAY:
		h->goaway_code = frame->goaway.error_code;
		break;
	default:
		break;
	}
}

/* Having said NO_RFC7540_PRIORITIES we are not told of these frames otherwise: nghttp2 skips them. */
int h2_watch_begun(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user_data)
{
	(void)session;
	if (hd->type == NGHTTP2_PRIORITY)
		h2_glitch(user_data, 1, "PRIORITY");
	return 0;
}

int h2_watch_unknown(nghttp2_session *session, void **payload, const nghttp2_frame_hd *hd, void *user_data)
{
	(void)session, (void)payload, (void)hd;
	h2_glitch(user_data, 1, "unknown frames");
	return NGHTTP2_ERR_CANCEL; /* go on as if it had not been there */
}

void h2_watch_bytes(struct h2 *h, size_t read)
{
	h->idle_bytes += read;
	while (h->idle_bytes > IDLE_BYTES_FREE) {
		h->idle_bytes -= IDLE_BYTES_PER_GLITCH;
		h2_glitch(h, 1, "bytes to no end");
	}
}
