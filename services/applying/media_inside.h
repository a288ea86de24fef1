/* services/applying/media_inside.h - what media.c and the walks of one kind each share. Thread: any. */
#ifndef SERVICES_MEDIA_INSIDE_H
#define SERVICES_MEDIA_INSIDE_H
#include "services/applying/media.h"

struct media_walk {
	bool (*feed)(struct media *m, struct str piece, struct fail *why);
	bool (*end)(struct media *m, struct fail *why);
};
extern const struct media_walk media_jpeg, media_png, media_pdf, media_ofd;

bool media_refuse(struct fail *why, const char *reason); /* always false */
MUST_USE bool media_size(struct media *m, int64_t width, int64_t height, struct fail *why);
MUST_USE bool media_put(struct media *m, const void *at, size_t len, struct fail *why);
/* Moves bytes from `piece` to m->held until m->want are there. true: they are. */
bool media_hold(struct media *m, struct str *piece);
static inline uint32_t media_u16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }
static inline uint32_t media_u32(const uint8_t *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }
#endif
