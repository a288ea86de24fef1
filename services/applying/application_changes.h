/* services/applying/application_changes.h - what is new since what was handed in before: by fields of the form and by files, so that nobody has to read all of it twice.
 *
 * A file is the same when its content is (auth/blob.h keeps what a person brings once), whatever it was uploaded as.
 * Thread: whoever holds the transaction; any for what takes none. */
#ifndef SERVICES_APPLICATION_CHANGES_H
#define SERVICES_APPLICATION_CHANGES_H
#include "services/applying/application.h"
#include "services/applying/material.h"

enum { CHANGES_MAX = FIELDS_MAX * 2 + MATERIALS_MAX * 2 };

struct change {
	struct str pointer;   /* "/answers/owner", "/materials/2" */
	const char *what;     /* added, changed, removed; of a file added or removed */
	struct id file;       /* of a material's */
	bool of_file;
};

struct changes {
	int64_t since;        /* the submission it is compared with; 0: there is none before it */
	int count;
	struct change at[CHANGES_MAX];
};

struct handed {
	const json_t *answers;
	const struct material *files;
	int file_count;
};
/* Fills at and count. In the arena: pointers. Fails: MEMORY. */
MUST_USE bool changes_between(const struct handed *before, const struct handed *now, struct arena *a, struct changes *out, struct fail *why);

/* `answers` and `files` beside the submission that is `back` before the last. */
MUST_USE bool changes_since(struct tx *tx, int64_t case_id, int64_t back, struct str answers, const struct material *files, int file_count, struct arena *a, struct changes *out,
			    struct fail *why);
/* The member "changes": null when there is nothing before it. */
void changes_out(struct json_out *j, const struct changes *c);
#endif
