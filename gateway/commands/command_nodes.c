/* gateway/commands/command_nodes.c - `siban nodes`: who serves this database, who has stopped or died, and who does what for all. */
#include "base/json.h"
#include "gateway/commands/command.h"
#include <inttypes.h>
#include <stdio.h>

static void print_node(const json_t *n)
{
	const char *ended = text_in(n, "ended_at"), *comma = "  does ";
	printf("%-4" PRId64 " %-20s %-10s since %s  %s %s", number_in(n, "node"), text_in(n, "host"), text_in(n, "version"), text_in(n, "began_at"),
	       ended[0] != '\0' ? "ENDED" : "seen", ended[0] != '\0' ? ended : text_in(n, "seen_at"));
	const json_t *jobs = json_object_get(n, "jobs");
	for (size_t i = 0; i < json_array_size(jobs) && ended[0] == '\0'; i++, comma = ", ")
		printf("%s%s", comma, text_in(json_array_get(jobs, i), "job"));
	putchar('\n');
}

static int list(struct control *k)
{
	int code = 0;
	int64_t alive = 0;
	DROP(json) json_t *j = control_json(k, "nodes", "/control/nodes", STR(""), &code);
	if (j == NULL)
		return code;
	const json_t *items = json_object_get(j, "items");
	for (size_t i = 0; i < json_array_size(items); i++) {
		print_node(json_array_get(items, i));
		alive += text_in(json_array_get(items, i), "ended_at")[0] == '\0';
	}
	if (json_array_size(items) == 0)
		puts("no nodes: the database is a file, and one gateway's");
	else
		printf("%" PRId64 " alive\n", alive);
	return 0;
}

int command_nodes(struct command_line *l)
{
	struct fail why;
	fail_clear(&why);
	if (l->word_count != 0) {
		fputs("siban nodes: takes no words\n", stderr);
		return 2;
	}
	struct control *k = control_open_to_look(&l->config, &why);
	if (k == NULL)
		return tell_failure("nodes", &why);
	int code = list(k);
	control_close(k);
	return code;
}
