/* gateway/beside/hasher_live.c - a helper's life. It gives away what it does not need before it sees its first password: priority, descriptors, system calls. */
#include "base/hash.h"
#include "gateway/beside/hasher.h"
#include "gateway/beside/hasher_talk.h"
#include "gateway/commands/command.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Memory, its one socket, and the end. What is not here answers EPERM. A sanitizer's build asks for more and does without, but not at the end: there it
 * looks for its signal stack. */
static const int calls[] = { SYS_recvfrom, SYS_sendto, SYS_read, SYS_write, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_futex,
	SYS_getrandom, SYS_clock_gettime, SYS_sched_yield, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_getpid, SYS_gettid, SYS_tgkill, SYS_sigaltstack, SYS_exit,
	SYS_exit_group };
enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

static bool confined(void)
{
#ifdef OUR_ARCH
	struct sock_filter f[CALLS + 6];
	size_t n = 0;
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 0, CALLS + 1);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < CALLS; i++)
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], (uint8_t)(CALLS - i), 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { (unsigned short)n, f };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
#else
	return true;
#endif
}

static bool retire(bool is_loud)
{
	const struct rlimit none = { 0, 0 };
	const struct sched_param any = { 0 };
	/* where the unit forbids it, this helper only runs at everybody's priority: dearer for citizens, not wrong */
	if (!is_loud && sched_setscheduler(0, SCHED_IDLE, &any) != 0)
		(void)setpriority(PRIO_PROCESS, 0, 19);
	int nothing = open("/dev/null", O_RDWR);
	return nothing >= 0 && dup2(nothing, STDOUT_FILENO) >= 0 && syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0 &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static void judge(struct hasher_question *q, struct hasher_answer *a)
{
	struct fail why;
	struct password_job j = { .is_check = q->is_check, .password = { { q->password, q->length } }, .salt = q->salt };
	fail_clear(&why);
	memcpy(j.text, q->text, sizeof(j.text));
	j.text[sizeof(j.text) - 1] = '\0';
	a->number = q->number;
	a->is_done = q->length <= sizeof(q->password) && password_run(&j, &why);
	wipe(q, sizeof(*q));
	a->is_right = j.is_right;
	memcpy(a->text, j.text, sizeof(a->text));
}

int hasher_live(bool is_loud)
{
	static struct hasher_question q;
	if (!retire(is_loud) || !password_ready() || !confined())
		return 1;
	for (;;) {
		struct hasher_answer a = { .number = 0 };
		ssize_t got = recv(STDIN_FILENO, &q, sizeof(q), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got != (ssize_t)sizeof(q)) /* 0: the gateway is gone */
			_exit(got != 0);
		judge(&q, &a);
		if (send(STDIN_FILENO, &a, sizeof(a), MSG_NOSIGNAL) != (ssize_t)sizeof(a))
			_exit(0);
	}
}

int command_hasher(struct command_line *l)
{
	return hasher_live(l->word_count > 0 && strcmp(l->words[0], "loud") == 0);
}
