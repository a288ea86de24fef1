/* auth/keyring_inside.h - what keyring.c and keyring_follow.c share; for this room only. */
#ifndef AUTH_KEYRING_INSIDE_H
#define AUTH_KEYRING_INSIDE_H
#include "auth/keyring.h"

enum { KEYRING_ENTRY_BYTES = 32, KEYRING_NOTED_BYTES = KEYFILE_KEYS_MAX * KEYRING_ENTRY_BYTES };

const struct keyfile_key *key_in(const struct keyfile *f, int64_t id); /* NULL: it is not */
/* Each key the database was written with must be in the file, and be the same. Fails: CONFIG by its id; SCHEMA. */
bool keys_all_here(const struct keyfile *f, struct str noted, struct fail *why);
bool key_is_known(const struct keyfile *f, int id, struct str noted);
bool slots_from(struct str text, struct index_slots *s);
void keyring_follow_from(const struct config *c); /* where the file is */
#endif
