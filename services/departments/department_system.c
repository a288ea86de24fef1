/* services/departments/department_system.c - a few hundred lines at most, so a walk finds one. */
#include "services/departments/department_system.h"

#include "base/secret_file.h"
#include "channels/department.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { SYSTEMS_MAX = 500, LINE_BYTES = 2048, WORDS = 3 };

struct table {
	struct table *older;
	int count;
	struct department_system at[SYSTEMS_MAX];
};

static _Atomic(struct table *) in_force;

static void table_free(struct table *t)
{
	for (int i = 0; i < t->count; i++) {
		free((char *)t->at[i].url.at);
		secret_drop(&t->at[i].key);
	}
	free(t);
}

/* Splits at spaces and tabs. false: not that many words. */
static bool words_of(char *line, char *words[WORDS])
{
	char *save = NULL;
	int n = 0;
	for (char *w = strtok_r(line, " \t\r\n", &save); w != NULL; w = strtok_r(NULL, " \t\r\n", &save)) {
		if (n == WORDS)
			return false;
		words[n++] = w;
	}
	return n == WORDS;
}

static const struct department_system *find_in(const struct table *t, struct str code)
{
	for (int i = 0; t != NULL && i < t->count; i++)
		if (str_eq(str_c(t->at[i].code), code))
			return &t->at[i];
	return NULL;
}

static bool take_line(struct table *t, const char *path, int number, char *line, struct fail *why)
{
	char *words[WORDS];
	line[strcspn(line, "#")] = '\0';
	if (line[strspn(line, " \t\r\n")] == '\0')
		return true;
	if (!words_of(line, words) || strlen(words[0]) != DEPARTMENT_CODE_LENGTH)
		return FAILS(why, CONFIG, "%s, line %d: want CODE URL KEYFILE, the code of %d characters", path, number, DEPARTMENT_CODE_LENGTH);
	if (!department_base_is_right(str_c(words[1])))
		return FAILS(why, CONFIG, "%s, line %d: the URL is not http:// or https://, or has a query or a slash at its end", path, number);
	if (t->count == SYSTEMS_MAX || find_in(t, str_c(words[0])) != NULL)
		return FAILS(why, CONFIG, "%s, line %d: the department is there already, or there are more than %d", path, number, SYSTEMS_MAX);
	struct department_system *s = &t->at[t->count];
	if (!secret_read(words[2], &s->key, why))
		return false;
	memcpy(s->code, words[0], sizeof(s->code));
	snprintf(s->peer, sizeof(s->peer), "department/%s", words[0]);
	s->url = (struct str){ strdup(words[1]), strlen(words[1]) };
	t->count++;
	return s->url.at != NULL || FAILS(why, MEMORY, "a department's system");
}

static bool read_file(struct table *t, const char *path, struct fail *why)
{
	char line[LINE_BYTES];
	bool ok = true;
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return FAILS(why, CONFIG, "%s: %s", path, strerror(errno));
	for (int number = 1; ok && fgets(line, sizeof(line), f) != NULL; number++) {
		ok = strchr(line, '\n') != NULL || feof(f) || FAILS(why, CONFIG, "%s, line %d: too long", path, number);
		ok = ok && take_line(t, path, number, line, why);
	}
	fclose(f);
	return ok;
}

bool department_systems_load(const char *path, struct fail *why)
{
	struct table *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return FAILS(why, MEMORY, "departments' systems");
	if (path[0] != '\0' && !read_file(t, path, why)) {
		table_free(t);
		return false;
	}
	t->older = atomic_load(&in_force);
	atomic_store(&in_force, t);
	return true;
}

const struct department_system *department_system_find(struct str code)
{
	return find_in(atomic_load(&in_force), code);
}

void department_systems_close(void)
{
	for (struct table *t = atomic_exchange(&in_force, NULL), *older; t != NULL; t = older) {
		older = t->older;
		table_free(t);
	}
}
