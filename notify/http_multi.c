/* notify/http_multi.c - a job waits for a slot, a slot is a libcurl handle used again and again, and at the end one question is answered: may
 * the peer have acted?
 *
 * Time is kept here rather than by libcurl: a job's deadline counts from begin, waiting for a slot or a connection included. */
#include "notify/http_multi.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "notify/http_frame.h"
#include "notify/http_slot.h"
#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { STREAMS_PER_CONNECTION = 100 };

struct http_multi {
	struct transport transport; /* first */
	struct http_rules rules;
	CURLM *multi;
	struct http_cork cork;
	struct http_frames *frames;          /* calls that are frames: wires of their own in the same multi */
	struct http_slot *slots, *free;
	size_t slot_count, running, waiting, told;
	int64_t late_ms;                     /* nobody's time is over before this */
	struct transport_job *first, **last; /* who waits for a slot */
};

static void begin(struct transport *t, struct transport_job *job);
static void told_frame(void *multi, struct transport_job *job);

/* ---- making and dropping ---- */

static void name_metrics(void)
{
	static const char *const ends[] = { [HTTP_ANSWERED] = "answered", [HTTP_NOT_SENT] = "not_sent", [HTTP_UNCLEAR] = "unclear", [HTTP_TOO_LARGE] = "too_large" };
	for (int i = 0; i < 4; i++)
		metric_label(M_outside_calls, i, ends[i]);
}

static bool library_will_do(struct fail *why)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return FAILS(why, SYSTEM, "libcurl does not start");
	if ((v->features & CURL_VERSION_ASYNCHDNS) == 0)
		return FAILS(why, SYSTEM, "libcurl %s resolves names on the caller's thread: every call would wait for one slow name", v->version);
	return (v->features & CURL_VERSION_SSL) != 0 || FAILS(why, SYSTEM, "libcurl %s has no TLS", v->version);
}

struct http_multi *http_multi_make(const struct config *c, struct fail *why)
{
	name_metrics();
	if (!library_will_do(why))
		return NULL;
	struct http_multi *m = calloc(1, sizeof(*m));
	if (m == NULL || (m->multi = curl_multi_init()) == NULL || (m->slots = calloc((size_t)c->outside_calls, sizeof(*m->slots))) == NULL ||
	    (m->frames = http_frames_make(m->multi, told_frame, m)) == NULL) {
		FAILS(why, MEMORY, "%d calls at once", (int)c->outside_calls);
		if (m != NULL)
			http_multi_drop(m);
		return NULL;
	}
	m->transport.begin = begin;
	m->last = &m->first;
	m->late_ms = INT64_MAX;
	m->slot_count = (size_t)c->outside_calls;
	for (size_t i = m->slot_count; i-- > 0;) {
		m->slots[i].multi = m;
		m->slots[i].cork = &m->cork;
		m->slots[i].next_free = m->free;
		m->free = &m->slots[i];
	}
	curl_multi_setopt(m->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(m->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS_PER_CONNECTION);
	http_multi_config(m, c);
	return m;
}

void http_multi_config(struct http_multi *m, const struct config *c)
{
	m->rules.config = c;
	m->rules.number++;
	http_frames_config(m->frames, c);
	curl_multi_setopt(m->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)c->outside_connections);
	curl_multi_setopt(m->multi, CURLMOPT_MAXCONNECTS, (long)c->outside_connections);
	curl_multi_setopt(m->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)c->outside_connections_per_host);
}

struct transport *http_multi_transport(struct http_multi *m)
{
	return &m->transport;
}

size_t http_multi_open(const struct http_multi *m)
{
	return m->running + m->waiting + http_frames_open(m->frames);
}

void http_multi_drop(struct http_multi *m)
{
	if (m == NULL)
		return;
	assert(m->frames == NULL || http_multi_open(m) == 0);
	http_frames_drop(m->frames);
	for (size_t i = 0; m->slots != NULL && i < m->slot_count; i++)
		http_slot_free(&m->slots[i]);
	if (m->multi != NULL)
		curl_multi_cleanup(m->multi);
	assert(m->cork.count == 0); /* every socket was closed */
	http_cork_free(&m->cork);
	free(m->slots);
	free(m);
}

/* ---- the end of a call ---- */

static void tell(struct http_multi *m, struct transport_job *job)
{
	m->told++;
	job->answer.took_ms = clock_mono_ms() - job->began_ms;
	metric_add(M_outside_calls, (int)job->answer.end, 1);
	metric_observe(M_outside_seconds, 0, job->answer.took_ms * 1000000);
	job->done(job);
}

static void told_frame(void *multi, struct transport_job *job)
{
	tell(multi, job);
}

/* Ends a job that nothing was sent of. */
static void end_unsent(struct http_multi *m, struct transport_job *job, bool is_late, const char *error)
{
	job->answer = (struct http_answer){ .end = HTTP_NOT_SENT, .is_late = is_late };
	snprintf(job->answer.error, sizeof(job->answer.error), "%s", error);
	tell(m, job);
}

static void slot_release(struct http_slot *s)
{
	http_slot_clear(s);
	s->job = NULL;
	s->next_free = s->multi->free;
	s->multi->free = s;
}

static void slot_end(struct http_slot *s, bool whole, bool is_late, const char *error)
{
	struct http_multi *m = s->multi;
	long connects = 0;
	http_slot_answer(s, whole, error);
	s->job->answer.is_late = is_late;
	curl_easy_getinfo(s->easy, CURLINFO_NUM_CONNECTS, &connects);
	metric_add(M_outside_connects, 0, connects);
	curl_multi_remove_handle(m->multi, s->easy);
	m->running--;
	tell(m, s->job);
	slot_release(s); /* only now: the answer's text lies in it */
}

/* ---- jobs ---- */

static void put_waiting(struct http_multi *m, struct transport_job *job)
{
	job->next = NULL;
	*m->last = job;
	m->last = &job->next;
	m->waiting++;
}

static struct transport_job *take_waiting(struct http_multi *m)
{
	struct transport_job *job = m->first;
	m->first = job->next;
	if (m->first == NULL)
		m->last = &m->first;
	m->waiting--;
	return job;
}

static int64_t late_at(const struct transport_job *job)
{
	return job->began_ms + job->call.timeout_ms;
}

static void note_late(struct http_multi *m, const struct transport_job *job)
{
	if (late_at(job) < m->late_ms)
		m->late_ms = late_at(job);
}

static void begin(struct transport *t, struct transport_job *job)
{
	assert(job->call.timeout_ms > 0);
	struct http_multi *m = (struct http_multi *)t;
	job->began_ms = clock_mono_ms();
	if (http_frame_is(job)) {
		http_frames_begin(m->frames, job);
		return;
	}
	note_late(m, job);
	put_waiting(m, job);
}

static void start_one(struct http_multi *m, struct transport_job *job)
{
	struct http_slot *s = m->free;
	m->free = s->next_free;
	s->job = job;
	const char *wrong = http_slot_set_up(s, &m->rules);
	if (wrong == NULL && curl_multi_add_handle(m->multi, s->easy) != CURLM_OK)
		wrong = "libcurl does not take the call";
	if (wrong == NULL) {
		m->running++;
		return;
	}
	slot_release(s);
	end_unsent(m, job, false, wrong);
}

/* Returns how many it tried. */
static size_t start_waiting(struct http_multi *m)
{
	size_t tried = 0;
	for (size_t n = m->waiting; n > 0 && m->free != NULL; n--, tried++) /* not those that a done() adds: they have their turn */
		start_one(m, take_waiting(m));
	return tried;
}

static void reap(struct http_multi *m)
{
	int left;
	for (CURLMsg *msg; (msg = curl_multi_info_read(m->multi, &left)) != NULL;) {
		struct http_slot *s = NULL;
		CURLcode code = msg->data.result;
		if (http_frames_connected(m->frames, msg->easy_handle, code))
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&s);
		slot_end(s, code == CURLE_OK, false, s->error[0] != '\0' ? s->error : curl_easy_strerror(code));
	}
}

/* Ends whose time is over. Nobody is looked at before it can be anybody's. */
static void sweep(struct http_multi *m)
{
	static const char late[] = "no answer in time";
	int64_t now = clock_mono_ms();
	if (now < m->late_ms)
		return;
	m->late_ms = INT64_MAX;
	for (size_t i = 0; i < m->slot_count && m->running > 0; i++) {
		struct http_slot *s = &m->slots[i];
		if (s->job != NULL && late_at(s->job) <= now)
			slot_end(s, false, true, late);
		else if (s->job != NULL)
			note_late(m, s->job);
	}
	for (size_t n = m->waiting; n > 0; n--) { /* once around: who may wait on is put behind, and so keeps its place */
		struct transport_job *job = take_waiting(m);
		if (late_at(job) <= now) {
			end_unsent(m, job, true, late);
		} else {
			note_late(m, job);
			put_waiting(m, job);
		}
	}
}

static void move(struct http_multi *m)
{
	int running;
	curl_multi_perform(m->multi, &running); /* it looks at every call that is open */
	reap(m);
	http_frames_move(m->frames, clock_mono_ms());
	sweep(m);
}

void http_multi_step(struct http_multi *m, int64_t timeout_ms)
{
	size_t told = m->told, tried = start_waiting(m) + http_frames_start(m->frames);
	bool corked = tried > 1 && tried >= m->cork.count; /* a burst, and worth asking each socket twice */
	if (corked)
		http_cork_hold(&m->cork);
	if (tried > 0)
		move(m);
	if (corked)
		http_cork_let_go(&m->cork);
	sweep(m);
	struct curl_waitfd wires[HTTP_FRAMES_MAX];
	int64_t now_ms = clock_mono_ms(), left_ms = m->late_ms - now_ms, frames_ms = http_frames_late_ms(m->frames) - now_ms;
	if (frames_ms < left_ms)
		left_ms = frames_ms;
	if (m->told > told || (m->waiting > 0 && m->free != NULL))
		timeout_ms = 0;
	else if (left_ms < timeout_ms)
		timeout_ms = left_ms > 0 ? left_ms : 0;
	unsigned wire_count = http_frames_wires(m->frames, wires);
	curl_multi_poll(m->multi, wires, wire_count, (int)timeout_ms, NULL);
	move(m);
	metric_set(M_outside_open, 0, (int64_t)http_multi_open(m));
}

void http_multi_wake(struct http_multi *m)
{
	curl_multi_wakeup(m->multi);
}

void http_multi_end_all(struct http_multi *m)
{
	static const char stopping[] = "stopping";
	for (size_t i = 0; i < m->slot_count; i++)
		if (m->slots[i].job != NULL)
			slot_end(&m->slots[i], false, false, stopping);
	http_frames_end_all(m->frames, stopping);
	while (m->first != NULL)
		end_unsent(m, take_waiting(m), false, stopping);
}
