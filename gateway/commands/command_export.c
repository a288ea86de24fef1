/* gateway/commands/command_export.c - `siban export guides`: what is published, as the lines of JSON that `siban import` takes; taken back they change nothing.
 *
 * Of one moment: when the catalogue changes meanwhile the pages would not belong together, and it says so. */
#include "base/clock.h"
#include "base/json.h"
#include "gateway/commands/command.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_EVERY_MS = 200 };

static int64_t page_print(const json_t *page)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(page, "items"), i, item) {
		json_dumpf(item, stdout, JSON_COMPACT | JSON_SORT_KEYS);
		putchar('\n');
	}
	return (int64_t)i;
}

static int export_all(struct control *k)
{
	int64_t after = 0, rows = 0, generation = 0, said_ms = clock_mono_ms();
	int code = 0;
	for (bool more = true; more;) {
		char target[64];
		snprintf(target, sizeof(target), "/control/guides?after=%" PRId64, after);
		DROP(json) json_t *page = control_json(k, "export", target, STR(""), &code);
		if (page == NULL)
			return code;
		if (rows > 0 && number_in(page, "generation") != generation) {
			fputs("\nsiban export: the catalogue changed meanwhile; what was written is not of one moment. Run it again.\n", stderr);
			return 1;
		}
		generation = number_in(page, "generation");
		after = number_in(page, "after");
		more = json_is_true(json_object_get(page, "more"));
		rows += page_print(page);
		if (!more || clock_mono_ms() - said_ms >= PROGRESS_EVERY_MS) {
			said_ms = clock_mono_ms();
			fprintf(stderr, "\rexported guides: %" PRId64 " rows%s", rows, more ? "" : "\n");
		}
	}
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fputs("siban export: could not write all of it\n", stderr);
	return 1;
}

int command_export(struct command_line *l)
{
	struct fail why;
	fail_clear(&why);
	if (l->word_count != 1 || strcmp(l->words[0], "guides") != 0) {
		fputs("siban export: needs a kind (guides); it goes to stdout: siban export guides > guides.jsonl\n", stderr);
		return 2;
	}
	struct control *k = control_open_to_look(&l->config, &why);
	if (k == NULL)
		return tell_failure("export", &why);
	int code = export_all(k);
	control_close(k);
	return code;
}
