/* auth/keyfile.c - the one file without which the database is noise: read strictly, written so that it cannot be half written. */
#include "auth/keyfile.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/log.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORDS_MAX = 6, HEX_DIGITS = 2 * KEYFILE_KEY_BYTES };

static const struct { enum key_algorithm algorithm; const char *name; } algorithms[] = {
	{ KEY_AES_256_GCM, "aes-256-gcm" },
	{ KEY_SM4_CBC_HMAC_SM3, "sm4-cbc-hmac-sm3" },
};

static const char *const mark_names[] = { [KEY_KEPT] = "", [KEY_CURRENT] = " current", [KEY_NEXT] = " next" };

static inline void fd_dropper(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

const char *key_algorithm_name(enum key_algorithm a)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (algorithms[i].algorithm == a)
			return algorithms[i].name;
	return "";
}

bool key_algorithm_from(struct str name, enum key_algorithm *out)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (str_eq(name, str_c(algorithms[i].name))) {
			*out = algorithms[i].algorithm;
			return true;
		}
	return false;
}

/* ---- parsing ---- */

struct reading {
	struct keyfile *file;
	bool has_nonce;
	int line, wrongs;
	struct fail *why;
};

/* A wrong line is never quoted: it may hold most of a key. */
static bool wrong(struct reading *r, const char *what)
{
	LOG_EVENT(key_file_wrong, STR_NONE, L_C(r->file->path), L_INT(r->line), L_C(what));
	if (r->wrongs++ == 0) {
		const char *slash = strrchr(r->file->path, '/');
		FAILS(r->why, CONFIG, "%s, line %d: %s", slash != NULL ? slash + 1 : "the key file", r->line, what);
	}
	return false;
}

static int split(struct str line, struct str words[WORDS_MAX])
{
	int n = 0;
	for (size_t i = 0; i < line.len;) {
		size_t from;
		while (i < line.len && (line.at[i] == ' ' || line.at[i] == '\t'))
			i++;
		for (from = i; i < line.len && line.at[i] != ' ' && line.at[i] != '\t';)
			i++;
		if (i == from)
			break;
		if (line.at[from] == '#')
			return n;
		if (n < WORDS_MAX)
			words[n] = (struct str){ line.at + from, i - from };
		n++;
	}
	return n;
}

static bool take_bytes(struct reading *r, struct str word, uint8_t out[KEYFILE_KEY_BYTES])
{
	if (word.len < HEX_DIGITS)
		return wrong(r, "the key is too short: want 64 hexadecimal digits, as `openssl rand -hex 32` makes them");
	if (str_hex(word, out, KEYFILE_KEY_BYTES) != KEYFILE_KEY_BYTES)
		return wrong(r, "the key is not 64 hexadecimal digits");
	for (int i = 1; i < KEYFILE_KEY_BYTES; i++)
		if (out[i] != out[0])
			return true;
	return wrong(r, "the key is one byte repeated, nothing random");
}

static const struct keyfile_key *key_of(const struct keyfile *k, int id)
{
	for (int i = 0; i < k->count; i++)
		if (k->keys[i].id == id)
			return &k->keys[i];
	return NULL;
}

static bool is_marked(const struct keyfile *k, enum key_kind kind, enum key_mark mark)
{
	for (int i = 0; i < k->count; i++)
		if (k->keys[i].kind == kind && k->keys[i].mark == mark)
			return true;
	return false;
}

static int count_of(const struct keyfile *k, enum key_kind kind)
{
	int n = 0;
	for (int i = 0; i < k->count; i++)
		n += k->keys[i].kind == kind;
	return n;
}

static bool take_mark(struct reading *r, struct keyfile_key *k, struct str word)
{
	if (str_eq(word, STR("current")))
		k->mark = KEY_CURRENT;
	else if (str_eq(word, STR("next")) && k->kind == KEY_INDEX)
		k->mark = KEY_NEXT;
	else
		return wrong(r, k->kind == KEY_INDEX ? "the last word is neither current nor next" : "the last word is not current");
	if (!is_marked(r->file, k->kind, k->mark))
		return true;
	return wrong(r, k->mark == KEY_NEXT ? "a second next index key: finish one exchange first"
		: k->kind == KEY_INDEX ? "a second current index key: one of them is not" : "a second current cipher key: one of them is not");
}

static bool take_key(struct reading *r, enum key_kind kind, struct str *words, int count)
{
	struct keyfile_key k = { .kind = kind };
	int64_t id;
	int fixed = kind == KEY_CIPHER ? 4 : 3;
	if (count < fixed || count > fixed + 1)
		return wrong(r, kind == KEY_CIPHER ? "want: cipher ID ALGORITHM HEX [current]" : "want: index ID HEX [current|next]");
	if (!str_to_i64(words[1], 1, KEY_ID_MAX, &id))
		return wrong(r, "the id is not a number from 1 to 65535");
	k.id = (int)id;
	if (key_of(r->file, k.id) != NULL)
		return wrong(r, "this id stands above already: each key has its own");
	if (kind == KEY_CIPHER && !key_algorithm_from(words[2], &k.algorithm))
		return wrong(r, "no such algorithm: want aes-256-gcm or sm4-cbc-hmac-sm3");
	if (!take_bytes(r, words[fixed - 1], k.bytes) || (count > fixed && !take_mark(r, &k, words[fixed])))
		return false;
	if (r->file->count == KEYFILE_KEYS_MAX || (kind == KEY_INDEX && count_of(r->file, kind) == KEYFILE_INDEX_MAX))
		return wrong(r, "too many keys: there may be 24, of them 8 index keys");
	r->file->keys[r->file->count++] = k;
	OPENSSL_cleanse(&k, sizeof(k));
	return true;
}

static bool take_nonce(struct reading *r, struct str *words, int count)
{
	if (count != 2)
		return wrong(r, "want: nonce HEX");
	if (r->has_nonce)
		return wrong(r, "a second nonce key");
	r->has_nonce = true;
	return take_bytes(r, words[1], r->file->nonce);
}

static bool take_line(struct reading *r, struct str line)
{
	struct str words[WORDS_MAX];
	int count = split(line, words);
	if (count == 0)
		return true;
	if (str_eq(words[0], STR("cipher")))
		return take_key(r, KEY_CIPHER, words, count);
	if (str_eq(words[0], STR("index")))
		return take_key(r, KEY_INDEX, words, count);
	if (str_eq(words[0], STR("nonce")))
		return take_nonce(r, words, count);
	return wrong(r, "the line begins with none of cipher, index, nonce, #");
}

bool keyfile_parse(struct str text, struct keyfile *out, struct fail *why)
{
	struct reading r = { .file = out, .why = why };
	out->count = 0;
	struct str line, rest = text;
	bool more;
	do {
		more = str_cut(rest, '\n', &line, &rest);
		r.line++;
		if (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		take_line(&r, line);
	} while (more);
	/* what is missing belongs to the line after the last; not said when a wrong line may be what is missing */
	if (r.wrongs == 0 && !is_marked(out, KEY_CIPHER, KEY_CURRENT))
		wrong(&r, "no cipher key is marked current");
	if (r.wrongs == 0 && !is_marked(out, KEY_INDEX, KEY_CURRENT))
		wrong(&r, "no index key is marked current");
	if (r.wrongs == 0 && !r.has_nonce)
		wrong(&r, "there is no nonce key");
	return r.wrongs == 0;
}

/* ---- the file ---- */

static bool refused(struct fail *why, const char *doing, const char *path)
{
	return FAILS(why, SYSTEM, "%s %s: %s", doing, path, strerror(errno));
}

static void place_of(const struct config *c, struct keyfile *k)
{
	const char *given = getenv("CREDENTIALS_DIRECTORY");
	k->is_credential = false;
	if (given != NULL && *given != '\0') {
		snprintf(k->path, sizeof(k->path), "%s/vault.keys", given);
		k->is_credential = access(k->path, F_OK) == 0;
	}
	if (!k->is_credential)
		snprintf(k->path, sizeof(k->path), "%s/keys/vault.keys", c->state_dir);
}

static bool is_private(const struct keyfile *k, const struct stat *st, struct fail *why)
{
	if (!S_ISREG(st->st_mode))
		return FAILS(why, CONFIG, "%s is not a file", k->path);
	if (k->is_credential) /* its owner and group are systemd's choice */
		return (st->st_mode & 07) == 0 || FAILS(why, CONFIG, "%s: everybody may read this credential", k->path);
	if (st->st_uid != geteuid())
		return FAILS(why, CONFIG, "%s belongs to another user: chown it to the one that runs siban", k->path);
	return (st->st_mode & 077) == 0 || FAILS(why, CONFIG, "%s: others may read it: chmod 600", k->path);
}

static bool read_all(int fd, const struct keyfile *k, char *text, size_t *len, struct fail *why)
{
	*len = 0;
	for (ssize_t n = 1; n > 0; *len += (size_t)(n > 0 ? n : 0)) {
		n = read(fd, text + *len, KEYFILE_BYTES_MAX + 1 - *len);
		if (n < 0)
			return refused(why, "read", k->path);
	}
	return *len <= KEYFILE_BYTES_MAX || FAILS(why, CONFIG, "%s is larger than a key file can be", k->path);
}

bool keyfile_read(const struct config *c, struct keyfile *out, bool *is_there, struct fail *why)
{
	char text[KEYFILE_BYTES_MAX + 1];
	struct stat st;
	size_t len;
	place_of(c, out);
	DROP(fd) int fd = open(out->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	*is_there = fd >= 0 || errno != ENOENT;
	if (!*is_there)
		return true;
	if (fd < 0 || fstat(fd, &st) != 0)
		return refused(why, "open", out->path);
	bool ok = is_private(out, &st, why) && read_all(fd, out, text, &len, why) && keyfile_parse((struct str){ text, len }, out, why);
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

static size_t text_of(const struct keyfile *k, char *text, size_t max)
{
	char hex[HEX_DIGITS + 1];
	size_t n = (size_t)snprintf(text, max, "# Keys of siban. Losing this file loses the database; whoever has both can read everything. See siban keys.\n");
	for (int i = 0; i < k->count; i++) {
		const struct keyfile_key *key = &k->keys[i];
		hex_text(key->bytes, KEYFILE_KEY_BYTES, hex);
		if (key->kind == KEY_CIPHER)
			n += (size_t)snprintf(text + n, max - n, "cipher %d %s %s%s\n", key->id, key_algorithm_name(key->algorithm), hex, mark_names[key->mark]);
		else
			n += (size_t)snprintf(text + n, max - n, "index %d %s%s\n", key->id, hex, mark_names[key->mark]);
	}
	hex_text(k->nonce, KEYFILE_KEY_BYTES, hex);
	n += (size_t)snprintf(text + n, max - n, "nonce %s\n", hex);
	OPENSSL_cleanse(hex, sizeof(hex));
	assert(n < max);
	return n;
}

static bool folder_sync(const char *folder, struct fail *why)
{
	DROP(fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return (fd >= 0 && fsync(fd) == 0) || refused(why, "fsync", folder);
}

static bool draft_write(const char *draft, const char *text, size_t len, struct fail *why)
{
	unlink(draft); /* of a process of this number that was killed while it wrote */
	DROP(fd) int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return (fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0) || refused(why, "write", draft);
}

bool keyfile_write(const struct keyfile *k, bool is_new, struct fail *why)
{
	char folder[KEYFILE_PATH_BYTES], draft[KEYFILE_PATH_BYTES + 32], text[KEYFILE_BYTES_MAX];
	if (k->is_credential)
		return FAILS(why, KEY_FILE, "%s is a credential of systemd: change it where systemd takes it from, and restart", k->path);
	snprintf(folder, sizeof(folder), "%s", k->path);
	*strrchr(folder, '/') = '\0';
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return refused(why, "mkdir", folder);
	snprintf(draft, sizeof(draft), "%s.%ld", k->path, (long)getpid());
	size_t len = text_of(k, text, sizeof(text));
	bool ok = draft_write(draft, text, len, why);
	OPENSSL_cleanse(text, sizeof(text));
	/* link, unlike rename, does not replace: of two makers one wins, and no key that may be in use is lost */
	if (ok && (is_new ? link(draft, k->path) : rename(draft, k->path)) != 0)
		ok = refused(why, "name", k->path);
	if ((is_new || !ok) && unlink(draft) != 0 && ok)
		ok = refused(why, "unlink", draft);
	return ok && folder_sync(folder, why);
}

void keyfile_wipe(struct keyfile *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

/* ---- keys ---- */

bool keyfile_add(struct keyfile *k, enum key_kind kind, enum key_algorithm algorithm, int *id, struct fail *why)
{
	if (k->count == KEYFILE_KEYS_MAX)
		return FAILS(why, KEY_FILE, "the key file is full: retire a key first");
	if (kind == KEY_INDEX && count_of(k, kind) == KEYFILE_INDEX_MAX)
		return FAILS(why, KEY_FILE, "the key file has its 8 index keys, and none of them can go");
	if (kind == KEY_INDEX && is_marked(k, KEY_INDEX, KEY_NEXT))
		return FAILS(why, KEY_EXCHANGE, "an index key waits to become current already: run siban keys rotate");
	*id = 0;
	for (int i = 0; i < k->count; i++) {
		*id = k->keys[i].id > *id ? k->keys[i].id : *id;
		if (kind == KEY_CIPHER && k->keys[i].kind == KEY_CIPHER)
			k->keys[i].mark = KEY_KEPT;
	}
	if (*id == KEY_ID_MAX) /* above the highest, so that an id is not used again for another key */
		return FAILS(why, KEY_FILE, "there is no id above %d", KEY_ID_MAX);
	struct keyfile_key *key = &k->keys[k->count++];
	*key = (struct keyfile_key){ .kind = kind, .algorithm = kind == KEY_CIPHER ? algorithm : 0, .mark = kind == KEY_CIPHER ? KEY_CURRENT : KEY_NEXT, .id = ++*id };
	random_bytes(key->bytes, sizeof(key->bytes));
	return true;
}

void keyfile_make(struct keyfile *k)
{
	k->count = 2;
	k->keys[0] = (struct keyfile_key){ .kind = KEY_CIPHER, .algorithm = KEY_AES_256_GCM, .mark = KEY_CURRENT, .id = 1 };
	k->keys[1] = (struct keyfile_key){ .kind = KEY_INDEX, .mark = KEY_CURRENT, .id = 2 };
	random_bytes(k->keys[0].bytes, KEYFILE_KEY_BYTES);
	random_bytes(k->keys[1].bytes, KEYFILE_KEY_BYTES);
	random_bytes(k->nonce, sizeof(k->nonce));
}

void key_fingerprint(const struct keyfile_key *k, char out[FINGERPRINT_BYTES])
{
	uint8_t digest[SHA256_BYTES];
	char kind = (char)('0' + k->kind), algorithm = (char)('0' + k->algorithm);
	struct str parts[] = { STR("siban fingerprint"), { &kind, 1 }, { &algorithm, 1 } };
	hmac_sha256((struct str){ (const char *)k->bytes, KEYFILE_KEY_BYTES }, parts, sizeof(parts) / sizeof(parts[0]), digest);
	hex_text(digest, (FINGERPRINT_BYTES - 1) / 2, out);
}
