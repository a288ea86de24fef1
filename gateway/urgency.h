/* gateway/urgency.h - a loop that wakes up goes first, before threads of ours that have work for a while.
 *
 * Linux lets a thread that wakes displace the one that runs only when its own slice of time is the shorter one (EEVDF's PREEMPT_SHORT); otherwise it waits
 * for the end of a slice of 3 ms, which is twenty times what a status query takes. A loop needs little at a time, so it asks for little at a time; its
 * share of the processor stays what it was.
 *
 * Thread: the loop's own. Kernels before 6.12 take the wish and do nothing with it: their scheduler favours sleepers anyway. Where it is forbidden nothing
 * changes either; no answer depends on it.
 * Source: sched_setattr(2), sched_runtime of SCHED_OTHER; tests/bench/README.md, figures 7 and 13. */
#ifndef GATEWAY_URGENCY_H
#define GATEWAY_URGENCY_H
void urgency_short_slices(void);
#endif
