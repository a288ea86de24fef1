/* services/applying/upload_sink.c - what comes in goes through the judge into the sealer, and is never whole anywhere. */
#include "services/applying/upload_sink.h"

#include "base/hash.h"
#include "services/applying/scan.h"
#include "services/services.h"

static bool to_sealer(void *ctx, struct str piece, struct fail *why)
{
	return blob_seal(((struct upload *)ctx)->sealer, piece, why);
}

static bool sink_begin(struct request *r, void (*begin)(struct media *m, media_out out, void *ctx), struct fail *why)
{
	struct upload *s = arena_alloc(&r->arena, sizeof *s);
	if (s == NULL)
		return FAILS(why, MEMORY, "an upload");
	memset(s, 0, sizeof *s);
	r->sunk = s;
	begin(&s->media, to_sealer, s);
	s->sealer = blob_seal_begin(services_blobs(), r->now_ms, why);
	return s->sealer != NULL;
}

static bool sink_take(struct request *r, struct str piece, struct fail *why)
{
	return (r->sunk != NULL || sink_begin(r, media_begin, why)) && media_feed(&((struct upload *)r->sunk)->media, piece, why);
}

static bool document_take(struct request *r, struct str piece, struct fail *why)
{
	return (r->sunk != NULL || sink_begin(r, media_begin_document, why)) && media_feed(&((struct upload *)r->sunk)->media, piece, why);
}

/* What stands for the whole is the digest of what was kept. */
static bool sink_end(struct request *r, struct fail *why)
{
	struct upload *s = r->sunk;
	if (!media_end(&s->media, why))
		return false;
	struct blob_sealer *sealer = s->sealer;
	s->sealer = NULL;
	if (!blob_seal_end(sealer, &s->sealed, why))
		return false;
	r->body = (struct str){ (const char *)s->sealed.sha256, SHA256_BYTES };
	return scan_sealed(&s->sealed, why);
}

static void sink_drop(struct request *r)
{
	struct upload *s = r->sunk;
	if (s == NULL)
		return;
	blob_seal_abort(s->sealer);
	s->sealer = NULL;
	wipe(&s->sealed, sizeof s->sealed);
}

const struct body_sink upload_sink = { sink_take, sink_end, sink_drop };
const struct body_sink document_sink = { document_take, sink_end, sink_drop };
