/* tests/contract/one_person_sides.h - both databases with the same keys and the same person in each: what tests of money begin with.
 * Thread: the tests'. */
#ifndef TESTS_CONTRACT_ONE_PERSON_SIDES_H
#define TESTS_CONTRACT_ONE_PERSON_SIDES_H
#include "both_stores.h"
#include "one_person.h"

#include "auth/keyring.h"

static inline int person_sides_make(void **state)
{
	sides_make(state, NULL);
	FIXTURE_OK(&sides[0].f, keyring_open(&sides[0].f.config, true, &sides[0].f.why));
	for (int i = 0; i < SIDES; i++)
		FIXTURE_OK(&sides[i].f, store_write(sides[i].f.store, person_make, NULL, &sides[i].f.why));
	return 0;
}

static inline int person_sides_drop(void **state)
{
	keyring_close();
	return sides_drop(state);
}
#endif
