/* base/fault.h - switches that make the world fail on command, so that tests can watch.
 *
 * In release builds (no SIBAN_FAULTS) every question is the constant false and costs nothing.
 * Thread: any. Set by the environment at start (SIBAN_FAULT="store_commit=3,alloc=100+") or by fault_set.
 *   name=N   the N-th question says yes, once        name=N+  the N-th and every later one
 *   name=hold  callers of fault_hold sleep until the switch is cleared */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H
#include "base/str.h"

enum fault {
#define FAULT(name, prose) FAULT_##name,
#include "base/fault.def"
#undef FAULT
	FAULT_COUNT
};

#ifdef SIBAN_FAULTS
bool fault_hit(enum fault f);
void fault_hold(enum fault f); /* returns at once unless the switch says hold */
void fault_die(enum fault f);  /* when it says yes: as kill -9 would */
#else
static inline bool fault_hit(enum fault f) { (void)f; return false; }
static inline void fault_hold(enum fault f) { (void)f; }
static inline void fault_die(enum fault f) { (void)f; }
#endif
bool fault_set(struct str name_is_value); /* "store_commit=3"; "store_commit=" clears; false: no such switch or built without */
void fault_clear_all(void);
int64_t fault_count(enum fault f);        /* questions asked since the switch was last set; 0 in release builds */
#endif
