/* services/applying/material.h - what an application brings for the materials of its pinned guide: files, each kept as a blob of the person's, and certificates that are named instead.
 *
 * A file belongs to the editions of its application from `added` on, until it is taken away; what was handed in keeps its files whatever becomes of the draft.
 * One that was never handed in goes at once when it is taken away, and with it, when nothing else of the person's needs it, its blob.
 * Thread: the write lane; reading any.
 * Source: government.md C5 (materials, 容缺). */
#ifndef SERVICES_MATERIAL_H
#define SERVICES_MATERIAL_H
#include "auth/blob.h"
#include "services/applying/application.h"
#include "services/applying/media.h"

#define MATERIAL_PREFIX "mt"
enum { MATERIAL_TYPE_BYTES = 41, MATERIAL_TAIL_BYTES = 17 };
enum { MATERIAL_NUMBERS_MAX = 40 /* of a guide */, MATERIALS_MAX = 60 /* files of an application */, MATERIAL_PART_BYTES = 128 << 10 };

struct material {
	int64_t id, application, number, blob, bytes, added, removed /* 0: it is there */, made_ms;
	enum media_kind kind;
	struct id key;
	/* of a certificate, which has no blob (services/applying/material_certificate.h) */
	bool is_certificate;
	char type_code[MATERIAL_TYPE_BYTES], tail[MATERIAL_TAIL_BYTES];
	uint8_t sha256[SHA256_BYTES];
};

/* Those of an edition; 0: of now. Files in the order in which they came, then certificates. */
MUST_USE bool material_list(struct tx *tx, int64_t application, int64_t edition, struct material out[MATERIALS_MAX], int *count, struct fail *why);
/* Fails: NOT_FOUND, also when it is another application's. */
MUST_USE bool material_find(struct tx *tx, struct id key, int64_t application, struct material *out, struct fail *why);

struct material_new {
	struct id key;
	int64_t number, maker;
	enum media_kind kind;
	const struct blob_sealed *sealed;
};
/* The same file for the same material again is the one that is there. *edition: the application's now. Fails: APPLICATION_STATE; MATERIALS too many; FIELD no such
 * material; as blob_keep. */
MUST_USE bool material_add(struct tx *tx, const struct application *ap, const struct material_new *n, int64_t numbers, int64_t now_ms, const uint8_t salt[16], struct arena *a,
			   struct material *out, int64_t *edition, struct fail *why);
MUST_USE bool material_remove(struct tx *tx, const struct application *ap, const struct material *m, int64_t now_ms, struct arena *a, int64_t *edition, struct fail *why);
MUST_USE bool material_forget_all(struct tx *tx, int64_t application, int64_t now_ms, struct fail *why); /* of a draft that goes */
/* A draft goes over to another guide: to[n] is what its n-th material is there, 0: nothing, and its files go. */
MUST_USE bool material_carry(struct tx *tx, int64_t application, const int64_t to[MATERIAL_NUMBERS_MAX + 1], int64_t now_ms, struct fail *why);

/* Adds to `wrong` (as fields_judge) what the guide demands and nobody has uploaded: "/materials/n" missing. What may follow (容缺), is waived by an electronic
 * certificate, is the form itself, or comes on paper, is not demanded here. */
MUST_USE bool material_judge(const json_t *guide, const struct material *have, int have_count, struct arena *a, struct wrong_field *wrong, int *count, struct fail *why);

/* What it lists and nobody has uploaded, but may come later (容缺): numbers, at most MATERIAL_NUMBERS_MAX. */
int material_may_follow(const json_t *guide, const struct material *have, int have_count, int64_t out[MATERIAL_NUMBERS_MAX]);
void numbers_out(struct json_out *j, const char *name, const int64_t *of, int count);
/* Of what was handed in last with this case. *count 0: nothing, or it was not applied for here. */
MUST_USE bool material_missing(struct tx *tx, int64_t case_id, int64_t out[MATERIAL_NUMBERS_MAX], int *count, struct fail *why);

/* A part of the content from `at` on, up to MATERIAL_PART_BYTES, into the arena. Fails: QUERY beyond its end; as blob_unseal. */
MUST_USE bool material_part(struct tx *tx, const struct material *m, int64_t at, struct arena *a, struct str *out, struct fail *why);
/* Answers with it: 200 when that is all, 206 with where it stands otherwise. */
MUST_USE bool material_part_out(struct request *r, const struct material *m, int64_t at, struct str part, struct fail *why);
/* One object's members. */
void material_members(struct json_out *j, const struct material *m);
void materials_out(struct json_out *j, const struct material *of, int count);
#endif
