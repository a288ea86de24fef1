/* base/config_rows.h - the rows of config.def as data, for reading and for printing. Private to base/.
 * Thread: any; constant. */
#ifndef BASE_CONFIG_ROWS_H
#define BASE_CONFIG_ROWS_H
#include "base/config.h"

enum config_kind { CONFIG_KIND_INT, CONFIG_KIND_BOOL, CONFIG_KIND_TEXT, CONFIG_KIND_WORD };

struct config_row {
	enum config_kind kind;
	const char *name;
	size_t offset;        /* of an int64_t, bool, char[bytes_max + 1] or int in struct config */
	int64_t min, max;     /* INT: value; TEXT: max is bytes */
	int64_t fallback;     /* of INT, BOOL, WORD */
	const char *text;     /* TEXT: fallback; WORD: "a|b|c" */
	const char *unit;
	bool reload;
	const char *prose;
};

extern const struct config_row config_rows[];
extern const size_t config_row_count;

struct str config_word(const struct config_row *row, int64_t index);               /* index-th of "a|b|c"; STR_NONE past the end */
enum { CONFIG_VALUE_BYTES = 2048 };
const char *config_value(const struct config_row *row, const struct config *c, char out[CONFIG_VALUE_BYTES]); /* as a file would say it */
#endif
