/* Bytes as a key file: read or refused with a reason, never half; what was read has what a keyring needs, and its keys are 64 digits of the file. */
#include "auth/keyfile.h"
#include "base/log.h"
#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int marked(const struct keyfile *f, enum key_kind kind, enum key_mark mark)
{
	int n = 0;
	for (int i = 0; i < f->count; i++)
		n += f->keys[i].kind == kind && f->keys[i].mark == mark;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct keyfile f;
	static bool is_quiet;
	struct fail why;
	if (!is_quiet)
		log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR);
	is_quiet = true;
	fail_clear(&why);
	bool ok = keyfile_parse((struct str){ (const char *)data, size }, &f, &why);
	assert(ok == (why.code == FAIL_NONE) && (ok || why.code == FAIL_CONFIG));
	assert(f.count >= 0 && f.count <= KEYFILE_KEYS_MAX);
	if (!ok)
		return 0;
	assert(marked(&f, KEY_CIPHER, KEY_CURRENT) == 1 && marked(&f, KEY_INDEX, KEY_CURRENT) == 1 && marked(&f, KEY_INDEX, KEY_NEXT) <= 1);
	for (int i = 0; i < f.count; i++)
		for (int k = 0; k < i; k++)
			assert(f.keys[i].id != f.keys[k].id && f.keys[i].id >= 1 && f.keys[i].id <= KEY_ID_MAX);
	return 0;
}
