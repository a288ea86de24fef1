/* base/fail.c - why this exists: one place notes a failure, so that the first reason is never overwritten and every text in
 * a struct fail ends on a whole character. */
#include "base/fail.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct fail_row rows[FAIL_COUNT] = {
	[FAIL_NONE] = { "NONE", 200, false, "none", "成功", "No failure", "", "" },
#define FAIL(code, status, may_repeat, slug_text, zh, en, do_zh, do_en) \
	[FAIL_##code] = { #code, status, may_repeat, slug_text, zh, en, do_zh, do_en },
#include "base/fail.def"
#undef FAIL
};

const struct fail_row *fail_row(enum fail_code code)
{
	assert(code >= FAIL_NONE && code < FAIL_COUNT);
	return &rows[code];
}

/* Cuts a character off that a full array has split; text that was never UTF-8 is left as it is. */
static void end_whole(char *text, size_t len)
{
	size_t back = 0;
	while (back < 4 && back < len && ((unsigned char)text[len - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back == len || back == 4)
		return;
	unsigned char lead = (unsigned char)text[len - 1 - back];
	size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	if (need > back + 1)
		text[len - 1 - back] = '\0';
}

static void copy_cut(char *to, size_t max, const char *from)
{
	size_t len = strlen(from);
	if (len >= max)
		len = max - 1;
	memcpy(to, from, len);
	to[len] = '\0';
	if (from[len] != '\0')
		end_whole(to, len);
}

bool fail_note(struct fail *why, enum fail_code code, const char *file, int line, const char *format, ...)
{
	assert(code > FAIL_NONE && code < FAIL_COUNT);
	if (why->code != FAIL_NONE)
		return false;
	fail_clear(why);
	why->code = code;
	why->file = file;
	why->line = line;
	va_list args;
	va_start(args, format);
	int len = vsnprintf(why->log, sizeof why->log, format, args);
	va_end(args);
	assert(len >= 0);
	if ((size_t)len >= sizeof why->log)
		end_whole(why->log, sizeof why->log - 1);
	return false;
}

bool fail_point(struct fail *why, const char *pointer)
{
	assert(why->code != FAIL_NONE);
	if (why->pointer[0] == '\0')
		copy_cut(why->pointer, sizeof why->pointer, pointer);
	return false;
}

static struct fail_fact *new_fact(struct fail *why, const char *name)
{
	assert(why->code != FAIL_NONE);
	assert(why->fact_count < FAIL_FACTS_MAX);
	struct fail_fact *fact = &why->facts[why->fact_count++];
	fact->name = name;
	return fact;
}

void fail_fact_text(struct fail *why, const char *name, const char *text)
{
	struct fail_fact *fact = new_fact(why, name);
	fact->is_number = false;
	fact->number = 0;
	copy_cut(fact->text, sizeof fact->text, text);
}

void fail_fact_number(struct fail *why, const char *name, int64_t number)
{
	struct fail_fact *fact = new_fact(why, name);
	fact->is_number = true;
	fact->number = number;
	fact->text[0] = '\0';
}
