/* gateway/beside/backup_rota.h - backups that nobody asks for: into backup.folder every backup.every_hours, the last backup.keep of them.
 *
 * They are named siban-YYYYMMDD-HHMMSS, and the folder itself tells when the next is due: a restart changes nothing. Older ones go only after a new one is whole,
 * only those that bear such a name and have a manifest, and never the last. A failure removes nothing, is an event and a figure, and is tried again in ten minutes.
 * What a process left half-made (….partial) is removed before the next.
 * Thread: step on one thread; prepare and rotate on the backup's own. */
#ifndef GATEWAY_BESIDE_BACKUP_ROTA_H
#define GATEWAY_BESIDE_BACKUP_ROTA_H
#include "base/config.h"
#include "base/fail.h"

struct uv_loop_s;

enum { BACKUP_NAME_BYTES = 32 };
void backup_name(int64_t now_ms, char out[BACKUP_NAME_BYTES]);

/* When the newest whole one in the folder was begun; 0: there is none. */
int64_t backup_newest_ms(const char *folder);
void backup_rota_prepare(const char *folder);       /* away with half-made ones */
int backup_rota_keep(const char *folder, int keep); /* returns how many went */

/* Begins one when it is time; returns the milliseconds until it wants to be asked again. */
int64_t backup_rota_step(const struct config *c, int64_t now_ms);
/* Turned by a timer of `loop`; set up before the loop runs. */
void backup_rota_start(const _Atomic(const struct config *) *config, struct uv_loop_s *loop);
#endif
