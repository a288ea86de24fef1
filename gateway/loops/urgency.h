/* gateway/loops/urgency.h - a loop that wakes up goes first, before threads of ours that have work for a while.
 *
 * Linux lets a thread that wakes displace the one that runs only when its own slice of time is the shorter one (EEVDF's PREEMPT_SHORT); otherwise it waits
 * for the end of a slice of 3 ms, which is twenty times what a status query takes. A loop needs little at a time, so it asks for little at a time. But whoever
 * has just had more than his share is passed over all the same, and beside a committer and lanes of equal weight a loop has that soon: so it asks for a greater
 * share as well. Where nobody may have one (RLIMIT_NICE; LimitNICE= of the unit grants it) only the slices are short.
 *
 * Thread: the loop's own. Kernels before 6.12 take the wish for slices and do nothing with it: their scheduler favours sleepers anyway. Where both are
 * forbidden nothing changes; no answer depends on it.
 * Source: sched_setattr(2), sched_runtime and sched_nice of SCHED_OTHER; tests/bench/README.md, figures 7 and 13. */
#ifndef GATEWAY_LOOPS_URGENCY_H
#define GATEWAY_LOOPS_URGENCY_H
void urgency_ask(void);
#endif
