/* notify/flight.c - why this exists: between the mark and the verdict an attempt has its own life, and none of it needs to know about schedules. */
#include "notify/flight.h"

#include "auth/vault.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "channels/nontax.h"
#include "channels/probe.h"
#include "channels/sms_aliyun.h"
#include "channels/webhook.h"
#include "channels/wechat_nontax_deed.h"
#include "channels/wechat_pay.h"

#include <assert.h>
#include <stdio.h>

static const struct codec_http *const codecs[EFFECT_KINDS] = {
#define EFFECT(number, name, transport, codec, ...) [KIND_AT_##name] = &codec_##codec,
#include "notify/effects.def"
#undef EFFECT
};

void flights_push(struct flights *l, struct flight *f)
{
	f->next = NULL;
	*l->tail = f;
	l->tail = &f->next;
	l->count++;
}

void flights_push_first(struct flights *l, struct flight *f)
{
	f->next = l->head;
	if (l->head == NULL)
		l->tail = &f->next;
	l->head = f;
	l->count++;
}

struct flight *flights_pop(struct flights *l)
{
	struct flight *f = l->head;
	if (f == NULL)
		return NULL;
	l->head = f->next;
	if (l->head == NULL)
		l->tail = &l->head;
	l->count--;
	return f;
}

static const struct codec_http *codec_of(const struct flight *f)
{
	return codecs[f->kind - effect_kinds];
}

static void land(struct flight *f, enum verdict v, const char *code)
{
	f->judgement = (struct judgement){ .verdict = v };
	snprintf(f->judgement.code, sizeof f->judgement.code, "%s", code);
	f->landed(f);
}

/* The answer's text is the transport's. One that finds no room is as good as lost: the receiver is asked once more. */
static void keep_said(struct flight *f)
{
	struct judgement *j = &f->judgement;
	if (j->said.at == NULL)
		return;
	j->said = str_copy(&f->arena, j->said);
	if (j->said.at != NULL)
		return;
	*j = (struct judgement){ .verdict = VERDICT_UNKNOWN };
	snprintf(j->code, sizeof j->code, "memory");
}

/* The transport knows whether a byte has left; the codec knows what the bytes that came mean. */
static void answered(struct transport_job *job)
{
	struct flight *f = CONTAINER(job, struct flight, job);
	const struct http_answer *a = &job->answer;
	metric_observe(M_account_seconds, f->kind->account, a->took_ms * INT64_C(1000000));
	f->judgement = (struct judgement){ .verdict = VERDICT_UNKNOWN };
	f->http_status = a->end == HTTP_ANSWERED || a->end == HTTP_TOO_LARGE ? a->status : 0;
	(f->is_ask ? codec_of(f)->judge_query : codec_of(f)->judge)(&f->order, a, &f->judgement);
	keep_said(f);
	f->landed(f);
}

/* Different for each attempt and the same on every run: no two requests of an account may bear one nonce, and nothing of it need be secret. */
static void nonce(const struct effect_view *e, uint8_t out[16])
{
	memcpy(out, e->key.bytes, ID_BYTES);
	for (int i = 0; i < 4; i++) {
		out[i] ^= (uint8_t)(e->attempts >> (8 * i));
		out[4 + i] ^= (uint8_t)(e->asks >> (8 * i));
	}
}

static bool build(struct flight *f, struct fail *why)
{
	const struct codec_http *codec = codec_of(f);
	struct buf payload;
	buf_init(&payload, &f->arena, f->sealed.len);
	if (!vault_open("effect.payload", f->id, f->sealed, &payload, why))
		return false;
	if (!buf_ok(&payload))
		return FAILS(why, MEMORY, "the payload of effect %lld", (long long)f->id);
	f->order.payload = buf_text(&payload);
	assert(!f->is_ask || codec->build_query != NULL);
	return (f->is_ask ? codec->build_query : codec->build)(&f->order, &f->arena, &f->job.call, why);
}

static void could_not(struct flight *f, const struct fail *why)
{
	log_fail(STR_NONE, why);
	f->was_called = false;
	if (why->code == FAIL_MEMORY)
		land(f, VERDICT_AGAIN, "memory");
	else if (why->code == FAIL_SEALED)
		land(f, VERDICT_FAILED, "sealed"); /* turned into held by the notifier: with the key back it can be opened */
	else
		land(f, VERDICT_FAILED, "order");
}

void flight_keep_back(struct flight *f, const char *code)
{
	f->http_status = 0;
	f->was_called = false;
	land(f, VERDICT_AGAIN, code);
}

bool flight_is_kept_back(const struct flight *f)
{
	return !f->was_called && (strcmp(f->judgement.code, "lease_over") == 0 || strcmp(f->judgement.code, "no_token") == 0);
}

void flight_begin(struct flight *f, struct transport *http, const struct config *c, const struct token_given *given, int64_t now_ms)
{
	struct fail why;
	fail_clear(&why);
	effect_key_text(f->view.key, f->key);
	nonce(&f->view, f->random);
	f->http_status = 0;
	f->was_called = true;
	f->token = given->number;
	f->order = (struct order){ .key = f->key, .config = c, .secret = account_settings(f->kind->account)->key, .token = given->token, .now_ms = now_ms,
				   .random = f->random, .ref = f->view.ref, .attempt = f->view.attempts };
	f->job = (struct transport_job){ .done = answered };
	if (build(f, &why))
		http->begin(http, &f->job);
	else
		could_not(f, &why);
}
