/* gateway/commands/control_client.c - asks the running daemon over its control socket, or does it here when none runs. */
#include "base/clock.h"
#include "base/ids.h"
#include "gateway/commands/command.h"
#include "store/store.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { SILENCE_MAX_S = 60 };

struct control {
	CURL *curl;             /* NULL: offline */
	struct offline *offline;
};

struct talking {
	const struct control_talk *talk;
	CURL *curl;
	char *at;               /* what is not taken by somebody else */
	size_t len;
};

static bool is_good(CURL *curl)
{
	long status = 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300;
}

static size_t collect(char *bytes, size_t size, size_t count, void *ctx)
{
	struct talking *a = ctx;
	if (a->talk->take != NULL && is_good(a->curl))
		return a->talk->take(a->talk->ctx, (struct str){ bytes, size * count }) ? size * count : 0;
	char *more = realloc(a->at, a->len + size * count + 1);
	if (more == NULL)
		return 0;
	memcpy(more + a->len, bytes, size * count);
	a->at = more;
	a->len += size * count;
	a->at[a->len] = '\0';
	return size * count;
}

static int progress(void *ctx, curl_off_t down_all, curl_off_t down, curl_off_t all, curl_off_t sent)
{
	const struct talking *a = ctx;
	(void)down_all;
	(void)down;
	if (all > 0)
		a->talk->sent(a->talk->ctx, (int64_t)sent, (int64_t)all);
	return 0;
}

static struct control *open_control(const struct config *c, bool only_looks, struct fail *why)
{
	struct control *k = calloc(1, sizeof(*k));
	if (k == NULL) {
		FAILS(why, MEMORY, "control");
		return NULL;
	}
	if (!store_is_locked(c)) {
		k->offline = offline_open(c, only_looks, why);
		if (k->offline != NULL)
			return k;
	} else if ((k->curl = curl_easy_init()) != NULL) {
		char path[1100];
		snprintf(path, sizeof(path), "%s/control.sock", c->state_dir);
		curl_easy_setopt(k->curl, CURLOPT_UNIX_SOCKET_PATH, path);
		curl_easy_setopt(k->curl, CURLOPT_LOW_SPEED_LIMIT, 1L); /* a long talk is fine, a silent one is not */
		curl_easy_setopt(k->curl, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_MAX_S);
		curl_easy_setopt(k->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
		curl_easy_setopt(k->curl, CURLOPT_PROTOCOLS_STR, "http");
		curl_easy_setopt(k->curl, CURLOPT_WRITEFUNCTION, collect);
		return k;
	} else {
		FAILS(why, MEMORY, "curl");
	}
	free(k);
	return NULL;
}

struct control *control_open(const struct config *c, struct fail *why)
{
	return open_control(c, false, why);
}

struct control *control_open_to_look(const struct config *c, struct fail *why)
{
	return open_control(c, true, why);
}

static struct curl_slist *headers_of(const struct control_talk *t)
{
	char type[96], key[64] = "idempotency-key: ";
	snprintf(type, sizeof(type), "content-type: %s", t->content_type);
	id_text(id_new(clock_wall_ms()), "cl", key + strlen(key)); /* each asking is a submission of its own */
	struct curl_slist *headers = curl_slist_append(NULL, type);
	headers = curl_slist_append(headers, key);
	return curl_slist_append(headers, "expect:");
}

static int ask_daemon(CURL *curl, const struct control_talk *t, char **answer, struct fail *why)
{
	char url[512];
	struct talking got = { .talk = t, .curl = curl };
	struct curl_slist *headers = headers_of(t);
	snprintf(url, sizeof(url), "http://siban%s", t->target);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_HTTPAUTH, t->token != NULL ? (long)CURLAUTH_BEARER : (long)CURLAUTH_NONE);
	curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, t->token);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, t->body.len > 0 ? t->body.at : "");
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &got);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, t->sent == NULL ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &got);
	CURLcode code = curl_easy_perform(curl);
	long status = 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	if (code != CURLE_OK) {
		free(got.at);
		FAILS(why, SYSTEM, status == 0 ? "the running gateway did not answer on its control socket: %s" : "the running gateway's answer is not whole: %s", curl_easy_strerror(code));
		return 0;
	}
	*answer = got.at != NULL ? got.at : calloc(1, 1);
	return (int)status;
}

int control_talk(struct control *k, const struct control_talk *t, char **answer, struct fail *why)
{
	return k->offline != NULL ? offline_ask(k->offline, t, answer, why) : ask_daemon(k->curl, t, answer, why);
}

int control_ask(struct control *k, const char *target, const char *content_type, struct str body, char **answer, struct fail *why)
{
	const struct control_talk t = { .target = target, .content_type = content_type, .body = body };
	return control_talk(k, &t, answer, why);
}

void control_close(struct control *k)
{
	if (k == NULL)
		return;
	if (k->curl != NULL)
		curl_easy_cleanup(k->curl);
	offline_close(k->offline);
	free(k);
}
