/* gateway/control_client.c - asks the running daemon over its control socket, or does it here when none runs. */
#include "base/clock.h"
#include "base/ids.h"
#include "gateway/command.h"
#include "store/store.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { ASK_TIMEOUT_S = 60 };

struct control {
	CURL *curl;             /* NULL: offline */
	struct offline *offline;
};

struct answer_bytes {
	char *at;
	size_t len;
};

static size_t collect(char *bytes, size_t size, size_t count, void *ctx)
{
	struct answer_bytes *a = ctx;
	char *more = realloc(a->at, a->len + size * count + 1);
	if (more == NULL)
		return 0;
	memcpy(more + a->len, bytes, size * count);
	a->at = more;
	a->len += size * count;
	a->at[a->len] = '\0';
	return size * count;
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
		curl_easy_setopt(k->curl, CURLOPT_TIMEOUT, (long)ASK_TIMEOUT_S);
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

static int ask_daemon(CURL *curl, const char *target, const char *content_type, struct str body, char **answer, struct fail *why)
{
	char url[256], type[96], key[64] = "idempotency-key: ";
	struct answer_bytes got = { NULL, 0 };
	snprintf(url, sizeof(url), "http://siban%s", target);
	snprintf(type, sizeof(type), "content-type: %s", content_type);
	id_text(id_new(clock_wall_ms()), "cl", key + strlen(key)); /* each asking is a submission of its own */
	struct curl_slist *headers = curl_slist_append(NULL, type);
	headers = curl_slist_append(headers, key);
	headers = curl_slist_append(headers, "expect:");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.len > 0 ? body.at : "");
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &got);
	CURLcode code = curl_easy_perform(curl);
	long status = 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	if (code != CURLE_OK) {
		free(got.at);
		FAILS(why, SYSTEM, "the running gateway did not answer on its control socket: %s", curl_easy_strerror(code));
		return 0;
	}
	*answer = got.at != NULL ? got.at : calloc(1, 1);
	return (int)status;
}

int control_ask(struct control *k, const char *target, const char *content_type, struct str body, char **answer, struct fail *why)
{
	if (k->offline != NULL)
		return offline_ask(k->offline, target, content_type, body, answer, why);
	return ask_daemon(k->curl, target, content_type, body, answer, why);
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
