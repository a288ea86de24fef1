/* gateway/requests/answers.h - what the outside answered, kept for a while: for a request's repeat, and for whoever asks the same.
 *
 * Bounded in number and bytes; the oldest makes room. Memory of this node only: who does not find an answer asks again.
 * Thread: its owner's. */
#ifndef GATEWAY_REQUESTS_ANSWERS_H
#define GATEWAY_REQUESTS_ANSWERS_H
#include "channels/http.h"

enum { ANSWER_KEY_BYTES = 32 };
struct answers;

struct answers *answers_make(size_t count_max, size_t bytes_max); /* NULL: no memory */
void answers_drop(struct answers *m);
/* true: *out is filled; its text is valid until the next call. */
bool answers_find(struct answers *m, const uint8_t key[ANSWER_KEY_BYTES], int64_t now_ms, struct http_answer *out);
void answers_keep(struct answers *m, const uint8_t key[ANSWER_KEY_BYTES], const struct http_answer *a, int64_t until_ms);
void answers_sweep(struct answers *m, int64_t now_ms); /* what is over goes */
size_t answers_count(const struct answers *m);
#endif
