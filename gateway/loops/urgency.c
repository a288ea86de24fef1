/* gateway/loops/urgency.c - the one call; glibc 2.36 has no wrapper, and the kernel's header does not go together with <sched.h>. */
#include "gateway/loops/urgency.h"
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLICE_NS = 100000 /* the least that Linux takes */, OTHER = 0 /* SCHED_OTHER */, NICE = -10 };

struct attributes { /* struct sched_attr, as its first version was */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};
_Static_assert(sizeof(struct attributes) == 48, "SCHED_ATTR_SIZE_VER0");

void urgency_ask(void)
{
	struct attributes a;
	if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0U) != 0 || a.policy != OTHER)
		return;
	int32_t usual = a.nice;
	a.size = sizeof a;
	a.runtime = SLICE_NS;
	a.nice = usual < NICE ? usual : NICE;
	if (syscall(SYS_sched_setattr, 0, &a, 0U) == 0)
		return;
	a.nice = usual; /* no greater share, then; see the header */
	(void)syscall(SYS_sched_setattr, 0, &a, 0U);
}
