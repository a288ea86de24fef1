/* Goal: no configuration file crashes the reader, and what it accepts is within its rows' bounds and can be printed and read.
 * Method: the bytes become a file in memory; accepted configurations go there and back. */
#include "base/config.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static bool read_bytes(struct config *c, const void *at, size_t len, struct config_wrongs *wrongs)
{
	char path[40];
	int fd = memfd_create("siban.conf", MFD_CLOEXEC);
	if (fd < 0 || write(fd, at, len) != (ssize_t)len)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	memset(wrongs, 0, sizeof *wrongs);
	bool good = config_read(c, path, wrongs);
	close(fd);
	assert(good == (wrongs->count == 0));
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config c, back;
	static struct config_wrongs wrongs;
	config_defaults(&c);
	bool good = read_bytes(&c, data, size, &wrongs);
	(void)config_consistent(&c, &wrongs);
#define CONFIG_INT(field, name, min, max, fallback, unit, reload, prose) assert(c.field >= (min) && c.field <= (max));
#define CONFIG_BOOL(field, name, fallback, reload, prose)
#define CONFIG_TEXT(field, name, bytes_max, fallback, reload, prose) assert(memchr(c.field, 0, (bytes_max) + 1) != NULL);
#define CONFIG_WORD(field, name, words, fallback, reload, prose) assert(c.field >= 0);
#include "base/config.def"
	if (!good)
		return 0;
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	if (to == NULL)
		abort();
	config_print(&c, to);
	fclose(to);
	memset(&back, 0, sizeof back);
	bool again = read_bytes(&back, text, len, &wrongs);
	assert(again);
	free(text);
	char changed[4096], refused[4096];
	config_reload(&back, &c, changed, sizeof changed, refused, sizeof refused);
	assert(changed[0] == '\0' && refused[0] == '\0');
	return 0;
}
