/* services/applying/material_certificate.h - an electronic certificate (电子证照) that stands for a material: its type, its digest and where its number is known, instead of a file.
 *
 * It belongs to editions of its application as a file does (services/applying/material.h), and is one of its materials wherever those are listed, judged and compared; nothing of
 * it can be downloaded here. The guide's material names the catalogue's type ("certificate_type"); what is named was told by the platform a moment before, of this holder.
 * Thread: the write lane; reading any. */
#ifndef SERVICES_MATERIAL_CERTIFICATE_H
#define SERVICES_MATERIAL_CERTIFICATE_H
#include "channels/certificates.h"
#include "services/applying/material.h"

/* Behind what is there, up to MATERIALS_MAX; edition as material_list has it. */
MUST_USE bool certificate_list(struct tx *tx, int64_t application, int64_t edition, struct material *out, int *count, struct fail *why);
MUST_USE bool certificate_find(struct tx *tx, struct id key, int64_t application, struct material *out, bool *found, struct fail *why);

/* The same for the same material again is the one that is there. Fails: as material_add. */
MUST_USE bool certificate_add(struct tx *tx, const struct application *ap, int64_t number, struct str type, const struct held_certificate *c, struct id key, int64_t maker, int64_t now_ms,
			      const uint8_t salt[16], struct arena *a, struct material *out, int64_t *edition, struct fail *why);
MUST_USE bool certificate_forget(struct tx *tx, int64_t id, struct fail *why);
MUST_USE bool certificate_mark(struct tx *tx, int64_t id, int64_t removed, struct fail *why);
MUST_USE bool certificate_renumber(struct tx *tx, int64_t id, int64_t number, struct fail *why);

/* Its JSON as it was told, opened; in the arena. For the department. */
MUST_USE bool certificate_said(struct tx *tx, int64_t id, struct arena *a, struct str *out, struct fail *why);
#endif
