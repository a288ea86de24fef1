/* base/secret_file.c - why this exists: keys of providers come in files, and a file that others may read is no secret. */
#include "base/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1200 };

static inline void fd_dropper(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* false: a credential, and systemd gave us none. */
static bool path_of(const char *name, char path[PATH_BYTES], bool *is_credential)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	*is_credential = strchr(name, '/') == NULL;
	if (*is_credential && folder == NULL)
		return false;
	return snprintf(path, PATH_BYTES, "%s%s%s", *is_credential ? folder : "", *is_credential ? "/" : "", name) < PATH_BYTES;
}

static struct str trimmed(const char *at, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", at[0]) != NULL)
		at++, len--;
	while (len > 0 && strchr(" \t\r\n", at[len - 1]) != NULL)
		len--;
	return (struct str){ at, len };
}

bool secret_read(const char *name, struct secret *out, struct fail *why)
{
	char path[PATH_BYTES], text[SECRET_FILE_MAX];
	bool is_credential;
	struct stat st;
	if (!path_of(name, path, &is_credential))
		return FAILS(why, CONFIG, "%s: without a / it is a systemd credential (LoadCredential=), and none was given", name);
	DROP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return FAILS(why, CONFIG, "%s: %s", path, strerror(errno));
	/* systemd gives its credentials to this user alone by other means than the mode */
	if (!S_ISREG(st.st_mode) || (!is_credential && (st.st_mode & 077) != 0))
		return FAILS(why, CONFIG, "%s: want a file that only its owner may read (chmod 600)", path);
	ssize_t n = read(fd, text, sizeof(text));
	struct str secret = n < 0 ? STR_NONE : trimmed(text, (size_t)n);
	char *copy = secret.len > 0 && n < SECRET_FILE_MAX ? malloc(secret.len) : NULL;
	if (copy != NULL) {
		memcpy(copy, secret.at, secret.len);
		out->secret = (struct str){ copy, secret.len };
	}
	OPENSSL_cleanse(text, sizeof(text));
	if (n < 0)
		return FAILS(why, SYSTEM, "read %s: %s", path, strerror(errno));
	return copy != NULL || FAILS(why, CONFIG, "%s: want a secret of 1 to %d bytes", path, SECRET_FILE_MAX - 1);
}

void secret_drop(struct secret *s)
{
	OPENSSL_cleanse((void *)(uintptr_t)s->secret.at, s->secret.len);
	free((void *)(uintptr_t)s->secret.at);
	s->secret = STR_NONE;
}
