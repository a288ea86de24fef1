/* Goal: of a sealed blob nothing is given out but what was sealed: whatever is altered, cut off, exchanged or another's does not open, under both algorithms.
 * Method: two values made from the form's description by another implementation; then files of the folder are altered by hand. */
#include "store_fixture.h"

#include "auth/blob_seal.h"
#include "auth/keyring.h"
#include "base/cipher.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>

#define KEYS(aes, sm4) "cipher 1 aes-256-gcm 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20" aes "\n" \
	"cipher 3 sm4-cbc-hmac-sm3 404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f" sm4 "\n" \
	"index 2 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f current\n" \
	"nonce 808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f\n"
#define NOW 1000
enum { CHUNK = BLOB_CHUNK_BYTES, CONTENT_MAX = 3 * CHUNK + 100, HEAD = 32, LARGE = 20 << 20, FLAT_BYTES = 512 << 10 };

static const struct algorithm {
	const char *keys, *sealed;
	int overhead; /* of a full chunk */
} algorithms[] = {
	{ KEYS(" current", ""), "73626c62010100005a5a5a5a5a5a5a5a0000000003e85a5a5a5a5a5a5a5a5a5abae312b57cc54430a8e36d5c76836239d23193832d02f5115a", 16 },
	{ KEYS("", " current"), "73626c62010200005a5a5a5a5a5a5a5a0000000003e85a5a5a5a5a5a5a5a5a5a93431931cf4ad108f84e4362b5f5ecbc0de50b3c822f66522e30f6d7ff8f259c"
				"2a2f70c1e4e4403fda1bfde6440c4b6d", 48 },
};
enum { ALGORITHMS = sizeof algorithms / sizeof algorithms[0] };

static struct fixture f;
static struct blobs *blobs;
static char content[CONTENT_MAX];

/* ---- keys ---- */

static void use_keys(const struct algorithm *a)
{
	char path[128];
	keyring_close();
	snprintf(path, sizeof path, "%s/keys", f.folder);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/keys/vault.keys", f.folder);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0 && write(fd, a->keys, strlen(a->keys)) == (ssize_t)strlen(a->keys));
	close(fd);
	FIXTURE_OK(&f, keyring_open(&f.config, false, &f.why));
}

/* ---- in and out ---- */

static struct blob_sealed seal(const char *at, size_t len, size_t piece)
{
	struct blob_sealed out;
	fail_clear(&f.why);
	struct blob_sealer *s = blob_seal_begin(blobs, NOW, &f.why);
	assert_non_null(s);
	for (size_t done = 0; done < len; piece = piece * 5 + 3) {
		size_t n = len - done < piece ? len - done : piece;
		FIXTURE_OK(&f, blob_seal(s, (struct str){ at + done, n }, &f.why));
		done += n;
	}
	FIXTURE_OK(&f, blob_seal_end(s, &out, &f.why));
	assert_int_equal(out.bytes, len);
	return out;
}

static bool opens(const struct blob_sealed *what, int64_t at, void *to, size_t len)
{
	fail_clear(&f.why);
	struct blob_opener *o = blob_unseal_begin(blobs, what, &f.why);
	bool ok = o != NULL && blob_unseal(o, at, to, len, &f.why);
	blob_unseal_end(o);
	assert_int_equal(ok, f.why.code == FAIL_NONE);
	return ok;
}

/* The chunk with this place is refused, and nothing of it is given out. */
static void refused(const struct blob_sealed *what, int64_t at)
{
	char byte = '!';
	assert_false(opens(what, at, &byte, what->bytes > 0));
	assert_int_equal(f.why.code, FAIL_SEALED);
	assert_int_equal(byte, '!');
}

static void fine(const struct blob_sealed *what)
{
	static char got[CONTENT_MAX];
	if (!opens(what, 0, got, (size_t)what->bytes))
		fail_msg("%s", f.why.log);
	assert_memory_equal(got, content, (size_t)what->bytes);
}

/* ---- the file, altered by hand ---- */

static const char *path_of(const struct blob_sealed *what)
{
	static char path[2][256];
	static int turn;
	char hex[2 * ID_BYTES + 1];
	turn = 1 - turn;
	hex_text(what->name.bytes, ID_BYTES, hex);
	snprintf(path[turn], sizeof path[turn], "%s/blobs/%.2s/%.2s/%s", f.folder, hex + 28, hex + 30, hex);
	return path[turn];
}

static void *slurp(const struct blob_sealed *what, size_t *len)
{
	struct stat st;
	int fd = open(path_of(what), O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	char *at = malloc((size_t)st.st_size + 1);
	*len = (size_t)st.st_size;
	assert_true(at != NULL && read(fd, at, *len) == st.st_size);
	close(fd);
	return at;
}

static void spill(const struct blob_sealed *what, const char *at, size_t len)
{
	int fd = open(path_of(what), O_WRONLY);
	assert_true(fd >= 0 && write(fd, at, len) == (ssize_t)len && ftruncate(fd, (off_t)len) == 0);
	close(fd);
}

/* ---- tests ---- */

static void constant(void *out, size_t len)
{
	memset(out, 0x5a, len);
}

static void the_form(const struct algorithm *a)
{
	uint8_t wanted[256], digest[SHA256_BYTES];
	size_t len;
	struct str text = STR("王小明");
	random_replace(constant);
	struct blob_sealed what = seal(text.at, text.len, 2);
	random_replace(NULL);
	void *got = slurp(&what, &len);
	assert_int_equal(str_hex(str_c(a->sealed), wanted, sizeof wanted), (int64_t)len);
	assert_memory_equal(got, wanted, len);
	free(got);
	sha256(text, digest);
	assert_memory_equal(what.sha256, digest, sizeof digest);
	FIXTURE_OK(&f, blob_remove(blobs, what.name, &f.why));
}

static void sizes_and_ranges(const struct algorithm *a)
{
	static const size_t sizes[] = { 0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, CONTENT_MAX };
	static char got[CONTENT_MAX];
	(void)a;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct blob_sealed what = seal(content, sizes[i], i * 701 + 1);
		fine(&what);
		fail_clear(&f.why);
		struct blob_opener *o = blob_unseal_begin(blobs, &what, &f.why);
		for (int64_t at = what.bytes; at >= 0; at -= 1 + what.bytes / 9) { /* backwards, over the seams of chunks */
			size_t n = (size_t)(what.bytes - at) < CHUNK + 7 ? (size_t)(what.bytes - at) : CHUNK + 7;
			FIXTURE_OK(&f, blob_unseal(o, at, got, n, &f.why));
			assert_memory_equal(got, content + at, n);
		}
		blob_unseal_end(o);
		size_t len;
		char *file = slurp(&what, &len);
		for (size_t at = 0; at + 16 <= sizes[i]; at += CHUNK / 2)
			assert_null(memmem(file, len, content + at, 16));
		free(file);
	}
}

static void altered(const struct algorithm *a)
{
	struct blob_sealed what = seal(content, CHUNK + 5, 1000);
	size_t len, first = HEAD + CHUNK + (size_t)a->overhead;
	char *file = slurp(&what, &len);
	for (size_t at = 0; at < len; at += at < HEAD || at >= first - 64 ? 1 : 4099)
		for (int bit = 0; bit < 8; bit += at < HEAD ? 1 : 3) {
			file[at] ^= (char)(1 << bit);
			spill(&what, file, len);
			file[at] ^= (char)(1 << bit);
			refused(&what, at >= first ? CHUNK : 0);
			if (at < HEAD)
				refused(&what, CHUNK); /* the head counts for each */
		}
	spill(&what, file, len);
	fine(&what);
	struct blob_sealed other = what;
	other.key[31] ^= 1;
	refused(&other, 0);
	refused(&other, CHUNK);
	free(file);
}

static void cut_and_stretched(const struct algorithm *a)
{
	size_t len, sealed = CHUNK + (size_t)a->overhead;
	struct blob_sealed what = seal(content, 3 * CHUNK, 5000), shorter = what;
	char *file = slurp(&what, &len);
	assert_int_equal(len, HEAD + 3 * sealed);
	const size_t cuts[] = { 0, 1, HEAD - 1, HEAD, HEAD + 1, HEAD + sealed, HEAD + 2 * sealed, len - 1 };
	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
		spill(&what, file, cuts[i]);
		refused(&what, 0);
	}
	/* the row says so as well: whole chunks are missing, and the last was not made to be it */
	spill(&what, file, HEAD + 2 * sealed);
	shorter.bytes = 2 * CHUNK;
	refused(&shorter, CHUNK);
	spill(&what, file, HEAD + sealed);
	shorter.bytes = CHUNK;
	refused(&shorter, 0);
	/* one more, behind the last */
	char *more = malloc(len + sealed);
	assert_non_null(more);
	memcpy(more, file, len);
	memcpy(more + len, file + HEAD + 2 * sealed, sealed);
	spill(&what, more, len + sealed);
	refused(&what, 0);
	shorter.bytes = 4 * CHUNK;
	refused(&shorter, 3 * CHUNK);
	refused(&shorter, 2 * CHUNK);
	free(more);
	free(file);
}

static void a_size_that_is_not_so(const struct algorithm *a)
{
	(void)a;
	struct blob_sealed what = seal(content, 100, 7), wrong = what;
	static const int64_t sizes[] = { -1, 0, 96, 99, 101, 111, 112, CHUNK, INT64_MAX };
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		char got[256];
		wrong.bytes = sizes[i];
		fail_clear(&f.why);
		assert_false(opens(&wrong, 0, got, 1 > sizes[i] ? 0 : 1));
		assert_int_equal(f.why.code, FAIL_SEALED);
	}
}

static void exchanged(const struct algorithm *a)
{
	size_t len, sealed = CHUNK + (size_t)a->overhead;
	struct blob_sealed what = seal(content, CONTENT_MAX, 5000), twin = seal(content, CONTENT_MAX, 100);
	char *file = slurp(&what, &len), *others = slurp(&twin, &len), *mixed = malloc(len);
	assert_non_null(mixed);
	assert_memory_not_equal(file + HEAD, others + HEAD, CHUNK); /* the same content, and nothing to see of it */
	memcpy(mixed, file, len);
	memcpy(mixed + HEAD, file + HEAD + sealed, sealed);
	memcpy(mixed + HEAD + sealed, file + HEAD, sealed);
	spill(&what, mixed, len);
	refused(&what, 0);
	refused(&what, CHUNK);
	assert_true(opens(&what, 2 * CHUNK, mixed, 1)); /* the others are what they were */
	memcpy(mixed, file, len);
	memcpy(mixed + HEAD + sealed, others + HEAD + sealed, sealed);
	spill(&what, mixed, len);
	refused(&what, CHUNK);
	spill(&what, others, len);
	refused(&what, 0);
	memcpy(others, file, HEAD); /* and with our head */
	spill(&what, others, len);
	refused(&what, 0);
	spill(&what, file, len);
	fine(&what);
	free(file);
	free(others);
	free(mixed);
}

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

static void large_and_flat(const struct algorithm *a)
{
	static char got[CHUNK];
	size_t before = in_use(), most = 0;
	(void)a;
	fail_clear(&f.why);
	struct blob_sealed what;
	struct blob_sealer *s = blob_seal_begin(blobs, NOW, &f.why);
	for (size_t done = 0; done < LARGE; done += CHUNK) {
		FIXTURE_OK(&f, blob_seal(s, (struct str){ content + done / CHUNK, CHUNK }, &f.why));
		most = in_use() > most ? in_use() : most;
	}
	FIXTURE_OK(&f, blob_seal_end(s, &what, &f.why));
	struct blob_opener *o = blob_unseal_begin(blobs, &what, &f.why);
	for (size_t done = 0; done < LARGE; done += CHUNK) {
		FIXTURE_OK(&f, blob_unseal(o, (int64_t)done, got, CHUNK, &f.why));
		assert_memory_equal(got, content + done / CHUNK, CHUNK);
		most = in_use() > most ? in_use() : most;
	}
	blob_unseal_end(o);
	assert_true(most < before + FLAT_BYTES);
}

static void given_up(const struct algorithm *a)
{
	struct stat st;
	struct blob_sealed what;
	(void)a;
	fail_clear(&f.why);
	random_replace(constant);
	struct blob_sealer *s = blob_seal_begin(blobs, NOW, &f.why);
	random_replace(NULL);
	FIXTURE_OK(&f, blob_seal(s, (struct str){ content, CONTENT_MAX }, &f.why));
	blob_seal_abort(s);
	fault_set(STR("blob_sync=1"));
	random_replace(constant);
	s = blob_seal_begin(blobs, NOW, &f.why);
	random_replace(NULL);
	fail_clear(&f.why);
	assert_false(blob_seal_end(s, &what, &f.why));
	fault_clear_all();
	assert_int_equal(f.why.code, FAIL_STORE);
	what.name = id_make(NOW, (uint8_t[10]){ 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a });
	assert_int_not_equal(stat(path_of(&what), &st), 0);
}

/* ---- all of them ---- */

#define ON_EACH(test) \
	static void on_each_##test(void **state) \
	{ \
		(void)state; \
		for (int i = 0; i < (cipher_is_here(CIPHER_SM4_CBC) ? ALGORITHMS : 1); i++) { \
			use_keys(&algorithms[i]); \
			test(&algorithms[i]); \
		} \
	}
ON_EACH(the_form)
ON_EACH(sizes_and_ranges)
ON_EACH(altered)
ON_EACH(cut_and_stretched)
ON_EACH(a_size_that_is_not_so)
ON_EACH(exchanged)
ON_EACH(large_and_flat)
ON_EACH(given_up)

static int begin(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof content; i++)
		content[i] = (char)(i * 31 + (i >> 8) * 7 + (i >> 16) * 3);
	fixture_make(&f, NULL);
	return (blobs = blobs_open(f.store, BLOB_FOLDER, &f.why)) != NULL ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	keyring_close();
	blobs_close(blobs);
	fixture_drop(&f);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test(on_each_##name)
		TEST(the_form), TEST(sizes_and_ranges), TEST(altered), TEST(cut_and_stretched), TEST(a_size_that_is_not_so), TEST(exchanged), TEST(large_and_flat), TEST(given_up),
#undef TEST
	};
	return cmocka_run_group_tests(tests, begin, end);
}
