/* gateway/beside/hasher.c - the asking side: who is free, how long to wait, what to do with a helper that failed. hasher_live.c is the other side. */
#include "gateway/beside/hasher.h"
#include "auth/password.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/metrics.h"
#include "gateway/beside/hasher_talk.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000, LATE_REST_MS = 30000, LOST_REST_MS = 1000 };

extern char **environ;

struct helper {
	pid_t pid;
	int fd;                /* -1: there is none */
	bool is_taken;
	uint32_t asked;        /* the last question's number */
	int64_t rests_until_ns;
};

struct hasher {
	pthread_mutex_t lock;  /* over is_taken and rests_until_ns; the rest is the taker's */
	struct hasher_how how;
	atomic_int_least64_t ends[HASHER_ENDS];
	struct helper helpers[];
};

static const char *const end_names[HASHER_ENDS] = { "helper", "late", "lost", "nonsense", "resting" };

/* ---- one helper ---- */

static bool helper_spawn(struct helper *p, const struct hasher_how *how)
{
	int pair[2];
	posix_spawn_file_actions_t actions;
	const char *argv[] = { "siban", how->verb != NULL ? how->verb : "hasher", how->is_loud ? "loud" : NULL, NULL };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	int err = posix_spawn_file_actions_init(&actions);
	if (err == 0) {
		err = posix_spawn_file_actions_adddup2(&actions, pair[1], STDIN_FILENO);
		if (err == 0)
			err = posix_spawn(&p->pid, "/proc/self/exe", &actions, NULL, (char *const *)argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(pair[1]);
	if (err != 0) {
		LOG_EVENT(hasher_failed, STR_NONE, L_C(strerror(err)));
		close(pair[0]);
		p->pid = 0;
		return false;
	}
	p->fd = pair[0];
	return true;
}

/* Who steps back for whoever wakes does so on its way out as well, and we wait for it; where we may not say so (LimitNICE), it takes what it takes. */
static void helper_end(struct helper *p)
{
	const struct sched_param any = { 0 };
	if (p->fd < 0)
		return;
	close(p->fd);
	kill(p->pid, SIGKILL);
	(void)sched_setscheduler(p->pid, SCHED_OTHER, &any);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*p = (struct helper){ .fd = -1, .is_taken = p->is_taken, .asked = p->asked, .rests_until_ns = p->rests_until_ns };
}

static bool tell(const struct helper *p, const struct hasher_question *q)
{
	return p->fd >= 0 && send(p->fd, q, sizeof(*q), MSG_NOSIGNAL) == (ssize_t)sizeof(*q);
}

static enum hasher_end hear(const struct helper *p, int64_t patience_ms, struct hasher_answer *a)
{
	struct pollfd wanted = { .fd = p->fd, .events = POLLIN };
	int64_t until_ns = clock_mono_ns() + patience_ms * 1000000;
	for (int n = 0; n <= 0;) {
		int64_t left_ms = (until_ns - clock_mono_ns() + 999999) / 1000000;
		if (left_ms <= 0)
			return HASHER_LATE;
		n = poll(&wanted, 1, (int)left_ms);
		if (n < 0 && errno != EINTR)
			return HASHER_LOST;
	}
	ssize_t got = recv(p->fd, a, sizeof(*a), MSG_TRUNC);
	if (got <= 0)
		return HASHER_LOST;
	bool makes_sense = got == (ssize_t)sizeof(*a) && a->number == p->asked && a->is_done <= 1 && a->is_right <= 1 && memchr(a->text, '\0', sizeof(a->text)) != NULL;
	return makes_sense ? HASHER_ANSWERED : HASHER_NONSENSE;
}

/* ---- a question ---- */

static struct helper *take(struct hasher *h)
{
	struct helper *free_one = NULL;
	int64_t now_ns = clock_mono_ns();
	pthread_mutex_lock(&h->lock);
	for (int i = 0; i < h->how.helpers && free_one == NULL; i++)
		if (!h->helpers[i].is_taken && h->helpers[i].rests_until_ns <= now_ns)
			free_one = &h->helpers[i];
	if (free_one != NULL)
		free_one->is_taken = true;
	pthread_mutex_unlock(&h->lock);
	return free_one;
}

static void give_back(struct hasher *h, struct helper *p, enum hasher_end end)
{
	static const int rest_ms[HASHER_ENDS] = { [HASHER_LATE] = LATE_REST_MS, [HASHER_LOST] = LOST_REST_MS, [HASHER_NONSENSE] = LOST_REST_MS };
	if (end != HASHER_ANSWERED) {
		LOG_EVENT(hasher_lost, STR_NONE, L_INT(p->pid), L_C(end_names[end]));
		helper_end(p);
	}
	pthread_mutex_lock(&h->lock);
	p->is_taken = false;
	p->rests_until_ns = rest_ms[end] == 0 ? 0 : clock_mono_ns() + (int64_t)rest_ms[end] * 1000000;
	pthread_mutex_unlock(&h->lock);
}

static enum hasher_end asked(struct hasher *h, struct helper *p, struct password_job *j)
{
	struct hasher_question q = { .number = ++p->asked, .is_check = j->is_check, .length = (uint16_t)j->password.secret.len };
	struct hasher_answer a = { .number = 0 };
	memcpy(q.password, j->password.secret.at, j->password.secret.len);
	memcpy(q.text, j->text, sizeof(q.text));
	if (!j->is_check)
		memcpy(q.salt, j->salt, sizeof(q.salt));
	bool is_told = tell(p, &q);
	if (!is_told) { /* it died while nobody wanted anything of it, or was never there */
		helper_end(p);
		is_told = helper_spawn(p, &h->how) && tell(p, &q);
	}
	wipe(&q, sizeof(q));
	enum hasher_end end = is_told ? hear(p, h->how.patience_ms, &a) : HASHER_LOST;
	if (end == HASHER_ANSWERED && !a.is_done)
		end = HASHER_LOST; /* it had not the memory */
	if (end == HASHER_ANSWERED) {
		j->is_right = a.is_right;
		memcpy(j->text, a.text, sizeof(j->text));
	}
	return end;
}

static bool elsewhere(void *ctx, struct password_job *j)
{
	struct hasher *h = ctx;
	enum hasher_end end = HASHER_RESTING;
	if (j->password.secret.len > HASHER_PASSWORD_BYTES)
		return false;
	struct helper *p = take(h);
	if (p != NULL) {
		end = asked(h, p, j);
		give_back(h, p, end);
	}
	atomic_fetch_add(&h->ends[end], 1);
	metric_add(M_password_hashes, (int)end, 1);
	return end == HASHER_ANSWERED;
}

/* ---- all of them ---- */

struct hasher *hasher_start(const struct hasher_how *how, struct fail *why)
{
	struct hasher *h = calloc(1, sizeof(*h) + (size_t)how->helpers * sizeof(h->helpers[0]));
	if (h == NULL) {
		FAILS(why, MEMORY, "%d hashers", how->helpers);
		return NULL;
	}
	h->how = *how;
	if (h->how.patience_ms == 0)
		h->how.patience_ms = PATIENCE_MS;
	pthread_mutex_init(&h->lock, NULL);
	for (int i = 0; i < HASHER_ENDS; i++)
		metric_label(M_password_hashes, i, end_names[i]);
	for (int i = 0; i < how->helpers; i++) {
		h->helpers[i].fd = -1;
		if (!helper_spawn(&h->helpers[i], &h->how))
			h->helpers[i].rests_until_ns = clock_mono_ns() + LOST_REST_MS * 1000000LL;
	}
	password_runs_in(elsewhere, h);
	return h;
}

void hasher_stop(struct hasher *h)
{
	if (h == NULL)
		return;
	password_runs_in(NULL, NULL);
	for (int i = 0; i < h->how.helpers; i++)
		helper_end(&h->helpers[i]);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

int64_t hasher_count(const struct hasher *h, enum hasher_end end)
{
	return atomic_load(&h->ends[end]);
}

pid_t hasher_pid(struct hasher *h, int helper)
{
	return h->helpers[helper].pid;
}
