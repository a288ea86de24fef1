/* tests/bench/measure.c - kept apart from the programs so that all percentiles are counted alike. */
#include "tests/bench/measure.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
	exit(2);
}

void latency_note(struct latencies *l, int64_t ns)
{
	if (l->count == l->cap) {
		l->cap = l->cap == 0 ? 1 << 16 : l->cap * 2;
		l->us = realloc(l->us, l->cap * sizeof *l->us);
		if (l->us == NULL)
			die("out of memory for %zu latencies", l->cap);
	}
	l->us[l->count++] = (uint32_t)(ns / 1000 > UINT32_MAX ? UINT32_MAX : ns / 1000);
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

void latency_sort(struct latencies *l)
{
	if (l->count > 0)
		qsort(l->us, l->count, sizeof *l->us, by_size);
}

uint32_t latency_percentile(const struct latencies *l, double part)
{
	return l->count == 0 ? 0 : l->us[(size_t)(part * (double)(l->count - 1))];
}

char *file_text(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL || fseek(f, 0, SEEK_END) != 0)
		die("%s: %s", path, strerror(errno));
	long size = ftell(f);
	rewind(f);
	char *text = size < 0 ? NULL : malloc((size_t)size + 1);
	if (text == NULL || fread(text, 1, (size_t)size, f) != (size_t)size)
		die("%s cannot be read", path);
	fclose(f);
	text[size] = '\0';
	*len = (size_t)size;
	return text;
}
