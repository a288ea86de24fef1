/* services/applying/upload_sink.h - the sink of a body that is a picture or a document (base/request.h, body_sink): judged and cleaned (services/applying/media.h), or of a department's document judged
 * alone; scanned where a scanner is configured, and sealed, piece by piece in the BLOB lane.
 *
 * What stands for the whole, for a repeat to be known by, is the digest of what was kept. Whoever uses it finds the blob in r->sunk. */
#ifndef SERVICES_UPLOAD_SINK_H
#define SERVICES_UPLOAD_SINK_H
#include "auth/blob_seal.h"
#include "base/request.h"
#include "services/applying/media.h"

struct upload {
	struct media media;
	struct blob_sealer *sealer; /* NULL: not begun, or over */
	struct blob_sealed sealed;
};

extern const struct body_sink upload_sink, document_sink;
static inline const struct upload *upload_of(const struct request *r) { return r->sunk; }
#endif
