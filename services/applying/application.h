/* services/applying/application.h - an application (申请): written by a citizen against one version of a guide, kept as a draft, handed in once, and then a case.
 *
 *   draft → submitted          or it is thrown away, or forgotten after DRAFT_DAYS in which nobody touched it
 *
 * It is pinned to the guide that was current when it was begun: a newer one does not change what is asked of it, but it cannot be handed in under a version that
 * is over: it goes over to the newer one first (application_renew), with the answers that still fit. After it was handed in it stays pinned for good, and is open to
 * changes only while its case waits for the applicant (CASE_NEXT_SUPPLEMENT); handing it in again is the event that ends that wait.
 * What may follow its acceptance (services/cases/demand.h, FOLLOWS) is uploaded while that is open, and handed in by itself.
 * Each change counts `edition` one up; it is the ETag, and a change names the edition it was made on. What was handed in is a copy (application_submission): the
 * department decides about that, whatever is written meanwhile.
 * It belongs to `person`. Who acts for him, a mandate's holder or a legal person's agent (X-Acting-For), is `maker`, of the draft and of each submission; a company
 * is a person here like any other.
 * Thread: the write lane; reading any.
 * Source: government.md C1 to C5; 行政许可法 29, 32. */
#ifndef SERVICES_APPLICATION_H
#define SERVICES_APPLICATION_H
#include "base/ids.h"
#include "services/applying/fields.h"
#include "services/cases/case_number.h"
#include "services/cases/case_state.h"
#include "store/store.h"

#define APPLICATION_PREFIX "ap"
enum { DRAFT_DAYS = 30, DRAFTS_MAX = 20 /* open ones of a person */, APPLICATION_WRONG_MAX = FIELD_WRONG_MAX };

enum application_state { APPLICATION_DRAFT = 1, APPLICATION_SUBMITTED = 2 };

struct application {
	int64_t id, person, maker, matter, guide, department, region, edition, made_ms, changed_ms;
	int64_t case_id;                     /* 0: not handed in yet */
	bool follows;                        /* something that may follow is awaited, and its case is where that can be taken */
	int64_t guide_version;
	int64_t current, current_version;    /* the matter's guide as it is shown now; 0: it is not */
	enum application_state state;
	enum case_state case_state;          /* CASE_NONE: no case */
	struct id key;
	char case_no[CASE_NUMBER_BYTES];
	struct str matter_code, matter_name; /* the name as the pinned guide has it; in the arena */
	struct str answers;                  /* JSON, opened; in the arena */
};

/* By its name outside, with its answers. Fails: NOT_FOUND; SEALED; MEMORY. */
MUST_USE bool application_find(struct tx *tx, struct id key, struct arena *a, struct application *out, struct fail *why);
/* Newest first, with ids below `below`, without answers (at NULL); `mandate` 0, or the one whose matters they must be of. */
MUST_USE bool application_list(struct tx *tx, int64_t person, int64_t mandate, int64_t below, struct arena *a, struct application *out, int max, int *count, struct fail *why);
bool application_is_editable(const struct application *ap);
bool application_takes_files(const struct application *ap); /* it is, or for what may follow only */
bool application_is_outdated(const struct application *ap); /* a draft whose guide is no longer the current one */

/* Makes a draft: key, person, maker, matter, guide, department and region are the caller's. Fails: APPLICATIONS too many drafts. */
MUST_USE bool application_make(struct tx *tx, struct application *ap, int64_t now_ms, const uint8_t salt[16], struct fail *why);
/* From here to the transaction's end nobody else changes it. *is_same false: somebody has, since it was read; *out is as it is now. */
MUST_USE bool application_hold(struct tx *tx, const struct application *ap, struct arena *a, bool *is_same, struct application *out, struct fail *why);
/* Writes answers and guide, if it is still at ap->edition, which grows. Fails: PRECONDITION it is not. */
MUST_USE bool application_write(struct tx *tx, struct application *ap, int64_t now_ms, const uint8_t salt[16], struct fail *why);
/* Keeps what is handed in now, as the case's event `seq`; its number is *n. In the transaction that opens or moves the case; fails as application_write does. */
MUST_USE bool application_hand_in(struct tx *tx, struct application *ap, int64_t maker, int64_t seq, int64_t now_ms, const uint8_t salt[16], int64_t *n, struct fail *why);
/* Drafts only: it and all that belongs to it. */
MUST_USE bool application_forget(struct tx *tx, int64_t id, int64_t now_ms, struct fail *why);
/* A job's bite: drafts that nobody has touched for DRAFT_DAYS, unless their person's things are under a legal hold. */
MUST_USE bool application_sweep(struct tx *tx, int64_t now_ms, int64_t rows_max, int64_t *rows, struct fail *why);

/* Was this case applied for here? */
MUST_USE bool application_is_of(struct tx *tx, int64_t case_id, bool *is_so, struct fail *why);

/* What was handed in last; back 1: before that. *found false: nothing was. */
struct submission {
	int64_t id, application, n, edition, seq, made_ms;
	struct str answers; /* in the arena */
};
MUST_USE bool submission_last(struct tx *tx, int64_t case_id, int64_t back, struct arena *a, struct submission *out, bool *found, struct fail *why);

/* The form of a version. The fields' choices live in *guide, which the caller drops. In the arena: fields. */
MUST_USE bool application_form(struct tx *tx, int64_t guide, struct arena *a, json_t **body, struct fields **out, struct fail *why);
#endif
