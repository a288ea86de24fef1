/* gateway/beside/backup_desk.h - a backup beside everything else: one at a time, on a thread of its own.
 *
 * Thread: any, between open and close. */
#ifndef GATEWAY_BESIDE_BACKUP_DESK_H
#define GATEWAY_BESIDE_BACKUP_DESK_H
#include "base/request.h"
#include "gateway/beside/backup.h"

enum backup_state { BACKUP_NONE, BACKUP_RUNNING, BACKUP_DONE, BACKUP_FAILED };

struct backup_status {
	enum backup_state state;
	int64_t done_pages, total_pages, done_blobs, total_blobs;
	struct backup_manifest manifest; /* DONE */
	struct fail why;                 /* FAILED */
};

void backup_desk_open(struct store *s);
void backup_desk_close(void); /* one that is under way is given up; fine when it was never opened */
MUST_USE bool backup_desk_start(const char *folder, struct fail *why); /* Fails: CONFLICT one is under way */
/* The same into `in`, where only the last `keep` stay (gateway/beside/backup_rota.h). */
MUST_USE bool backup_desk_start_kept(const char *folder, const char *in, int keep, struct fail *why);
void backup_desk_look(struct backup_status *out);

extern const struct handler control_backup_start, control_backup_look; /* asked over the control socket */
#endif
