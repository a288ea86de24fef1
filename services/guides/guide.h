/* services/guides/guide.h - a guide (办理指南): everything one must know before one comes for a matter, as one JSON object.
 *
 * guide_take judges the whole of it by tables, one for each kind of thing in it (guide.c), and picks out what the database asks for by itself. The text is
 * kept as it is judged, in one form (names in order, no spaces), so that two that say the same are the same bytes.
 * Thread: any; pure.
 * Source: GB/T 36114-2018 and the lists of elements of several provinces (design notes "Item guide"). */
#ifndef SERVICES_GUIDE_H
#define SERVICES_GUIDE_H
#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"

enum { GUIDE_BYTES_MAX = 48 * 1024, GUIDE_NAME_MAX = 100, GUIDE_CODE_MAX = 64, GUIDE_DAYS_MAX = 3650, GUIDE_PLACES_MAX = 20, GUIDE_PARTS_MAX = 16, GUIDE_PART_CODE_MAX = 32 };

/* What one of several departments does for a joint matter (联合办理); whose matter it is leads. services/cases/joint.h says how the parts of a case go. */
struct guide_part {
	struct str code, name, department;
	int64_t days;                        /* working days from its acceptance */
	uint32_t needs;                      /* bit n: part n (counted from 1) is decided before this one begins */
};

struct guide {
	struct str code, name, department, region_text, type_text, power, online_text, level_text, offline_reason, published_text;
	int64_t legal_days, promised_days, trips, batch;
	/* made of these */
	int64_t region, type;
	int online;                          /* a number of guide_words.def */
	uint64_t topics;
	int32_t published_on;
	struct str aliases;                  /* joined by spaces */
	struct str topic_words;              /* their Chinese names, likewise */
	struct str halls[GUIDE_PLACES_MAX];  /* codes it names */
	int hall_count;
	struct guide_part parts[GUIDE_PARTS_MAX];
	int part_count;                      /* 0: one department alone */
	struct str summary;                  /* conditions, materials, results and questions, for the search */
	struct str text;                     /* the whole, in the one form */
	uint8_t digest[SHA256_BYTES];        /* of text */
};

/* `object` is what json_read gave. Fails as json_take does, with a pointer to the member; FIELD when two members contradict each other. */
MUST_USE bool guide_take(json_t *object, struct guide *out, struct arena *a, struct fail *why);
/* How well somebody must be known who hands in an application under it: a number of auth/levels.def. `object`: the whole. */
int guide_level(const json_t *object);
/* Its member "parts", for guide_take: no code twice, what a part needs is there and comes before it, and the longest way through is not longer than promised. */
MUST_USE bool guide_parts_take(const json_t *items, struct guide *out, struct arena *a, struct fail *why);
#endif
