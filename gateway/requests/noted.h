/* gateway/requests/noted.h - what is put on record in bulk: refusals of those who have logged in, and who read the record itself.
 *
 * A stranger must not be able to fill the disk, and a clumsy program none either. So the first of a kind (who, which route, what) goes on record within a
 * second; what follows is counted, and is one row more when its hour is over, or when the gateway stops. Whoever is one too many for the table is counted
 * with others of his kind. A process that dies loses the counts of the hour, never that there was something to count.
 * Who has no token is in the metrics only: there is nobody to name.
 *
 * Thread: any; noted_write and noted_written are the committing thread's. One table per process. */
#ifndef GATEWAY_REQUESTS_NOTED_H
#define GATEWAY_REQUESTS_NOTED_H
#include "base/request.h"

struct store;
struct tx;

enum noted { NOTED_NOTHING, NOTED_LEVEL, NOTED_RIGHT, NOTED_OWNER, NOTED_FOUR_EYES, NOTED_MANDATE, NOTED_READ, NOTED_KINDS };

void noted_begin(void); /* before there are requests: forgets whatever an earlier gateway of this process left */
void noted_add(const struct request *r, enum noted what);
/* Writes what is due, `rows_max` at most, at now_ms; the same again until noted_written says whether it was committed. */
MUST_USE bool noted_write(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);
void noted_written(bool committed);
/* All of it, due or not, when nobody asks any more. What cannot be written is lost and said. */
void noted_end(struct store *s, int64_t now_ms);
#endif
