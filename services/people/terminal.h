/* services/people/terminal.h - what a terminal is told of a session it has just got: its own visit, or a citizen's.
 * Thread: as a handler's stages. */
#ifndef SERVICES_TERMINAL_H
#define SERVICES_TERMINAL_H
#include "auth/terminal.h"
#include "base/request.h"

/* The session's token; apply. `kind` of whom it speaks for, `principal` the row. */
MUST_USE bool terminal_token_make(struct tx *tx, const struct request *r, enum who kind, int64_t principal, int64_t session, struct fail *why);
/* Begins the answer, an object that is still open, with the token's members; render. */
struct json_out terminal_token_begin(struct request *r, enum who kind);
void terminal_members(struct json_out *j, const struct terminal_row *t); /* its id, name, place, region */
#endif
