/* services/booking/hold.h - a legal hold: what a court or an investigation needs is neither deleted nor erased until it is released.
 *
 * Placed and released by proposals (auth/proposals.def): hold_place {"reason": …} and hold_release {}, both about a case by its number; held is everything of the
 * case's applicant, because what is asked for later is not known now. One open hold per person.
 * Thread: the write lane. */
#ifndef SERVICES_HOLD_H
#define SERVICES_HOLD_H
#include "auth/proposal.h"

void hold_deeds_compose(void);
#endif
