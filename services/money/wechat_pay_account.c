/* services/money/wechat_pay_account.c - files to keys; what stood in them is wiped. */
#include "services/money/wechat_pay_account.h"

#include "base/secret_file.h"
#include "channels/wechat_pay_keys.h"
#include <errno.h>
#include <stdio.h>

enum { PUBLIC_PEM_MAX = 4096 };

static inline void file_dropper(FILE **f)
{
	if (*f != NULL)
		fclose(*f);
}

/* Theirs, and no secret. */
static bool read_public(const char *path, char text[PUBLIC_PEM_MAX], struct str *out, struct fail *why)
{
	DROP(file) FILE *f = fopen(path, "rbe");
	size_t n = f != NULL ? fread(text, 1, PUBLIC_PEM_MAX, f) : 0;
	if (f == NULL)
		return FAILS(why, CONFIG, "wechat.pay.public_key_file: %s: %s", path, strerror(errno));
	*out = (struct str){ text, n };
	return n < PUBLIC_PEM_MAX || FAILS(why, CONFIG, "wechat.pay.public_key_file: %s is too long for a key", path);
}

bool wechat_pay_load(const struct config *c, struct fail *why)
{
	char public_pem[PUBLIC_PEM_MAX];
	struct wechat_pay_key_texts t = { .serial = str_c(c->wechat_pay_serial), .public_id = str_c(c->wechat_pay_public_key_id) };
	if (c->wechat_pay_url[0] == '\0')
		return true;
	bool ok = secret_read(c->wechat_pay_key_file, &t.merchant_pem, why) && secret_read(c->wechat_pay_api_key_file, &t.api_key, why) &&
		(c->wechat_pay_public_key_file[0] == '\0' || read_public(c->wechat_pay_public_key_file, public_pem, &t.public_pem, why)) && wechat_pay_keys_put(&t, why);
	if (t.merchant_pem.secret.at != NULL)
		secret_drop(&t.merchant_pem);
	if (t.api_key.secret.at != NULL)
		secret_drop(&t.api_key);
	return ok;
}
