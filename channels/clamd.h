/* channels/clamd.h - what a ClamAV daemon is told and says (clamd(8), INSTREAM): a file in chunks, each behind its length, and one line about it.
 *
 *   > zINSTREAM\0  (length, 4 bytes, high first; so many bytes)…  0 0 0 0
 *   < stream: OK\0 | stream: <name> FOUND\0 | <what is wrong> ERROR\0
 *
 * Thread: any; pure.
 * Source: man clamd, "INSTREAM". */
#ifndef CHANNELS_CLAMD_H
#define CHANNELS_CLAMD_H
#include "base/str.h"

#define CLAMD_INSTREAM STR("zINSTREAM\0")
enum { CLAMD_LENGTH_BYTES = 4, CLAMD_ANSWER_MAX = 512, CLAMD_NAME_MAX = 80 };

void clamd_length(uint32_t len, uint8_t out[CLAMD_LENGTH_BYTES]);

enum clamd_verdict { CLAMD_CLEAN, CLAMD_FOUND, CLAMD_ERROR, CLAMD_NONSENSE };
/* `answer`: all it said, its NUL with it or not. `name`: of FOUND what it found, in visible ASCII, cut; else "". Only one whole answer that says so is clean. */
enum clamd_verdict clamd_judge(struct str answer, char name[CLAMD_NAME_MAX + 1]);
#endif
