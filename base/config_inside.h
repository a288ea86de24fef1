/* base/config_inside.h - what config.c and config_check.c share; for these two only. */
#ifndef BASE_CONFIG_INSIDE_H
#define BASE_CONFIG_INSIDE_H
#include "base/config.h"

/* One more thing that is wrong. line 0: no line of the file, but what it lacks or what does not go together. */
void config_say(struct config_wrongs *wrongs, int line, struct str name, const char *format, ...) __attribute__((format(printf, 4, 5)));
#endif
