/* gateway/requests/intake.h - a body that nobody holds in memory: it goes to its handler's sink piece by piece, on a thread that may wait.
 *
 *   the door -> fill -> (PIECE_BYTES are there) -> out, with the task to the BLOB lane -> sink->take ... sink->end -> home: the request goes on as any other
 *
 * While a piece is away the next one is filled; when that is full too the door takes no more (task_is_full): HTTP/1.1 reads no further, HTTP/2 leaves the stream's window
 * shut. So an upload costs two buffers, whatever its size and however slow the disk. While a piece is away nobody is timed; a client that is itself slow meets the
 * body's deadline, and one that dribbles the sum of it (task_patience_ms: what it brought buys it time).
 * Who asks is known before the first byte goes to a sink: where the database is a server's, a lane finds out first.
 * What was begun and is not to be ended (refused, too large, its client gone) is dropped by the lane too. A client has INTAKES_OF_ONE at a time, a node INTAKES_MAX.
 * Thread: the loop's, but for intake_work. */
#ifndef GATEWAY_REQUESTS_INTAKE_H
#define GATEWAY_REQUESTS_INTAKE_H
#include "gateway/requests/task.h"

enum { INTAKE_PIECE_BYTES = 32 << 10, INTAKE_BUFFER_BYTES = 128 << 10 /* a piece, and what HTTP/2's window and a frame may still bring */,
       INTAKES_MAX = 64, INTAKES_OF_ONE = 2, INTAKE_BYTES_PER_MS = 16 };

struct intake;

/* The head is admitted, or will be in a lane. Fails: UPLOADS; BUSY; MEMORY; MEDIA_TYPE. */
MUST_USE bool intake_begin(struct task *t, struct fail *why);
void intake_take(struct task *t, const void *bytes, size_t len);
void intake_end(struct task *t);
/* It is home again from a lane. true: all is in the sink, and the request goes on. */
MUST_USE bool intake_home(struct task *t);
/* Its client is gone. true: it is on its way to be dropped, and comes home. */
MUST_USE bool intake_abandon(struct task *t);
void intake_free(struct task *t);
MUST_USE bool intake_work(struct task *t, struct connection *reader, struct fail *why); /* in a lane; reader: of the READ lane, to find out who asks */
#endif
