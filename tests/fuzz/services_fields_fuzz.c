/* Goal: any bytes are answers to a form or are refused with places and reasons; a draft keeps what is well shaped, and what is whole is a fine draft.
 * Method: two JSON values, a form and answers, with a NUL between; a first byte of 0xff takes a form of ours instead. */
#include "services/applying/fields.h"

#include <assert.h>

static const char ours[] =
	"[{\"key\":\"a\",\"label\":\"甲\",\"type\":\"choice\",\"required\":true,\"choices\":[{\"value\":\"x\",\"label\":\"x\"},{\"value\":\"y\",\"label\":\"y\"}]},"
	"{\"key\":\"b\",\"label\":\"乙\",\"type\":\"text\",\"required\":true,\"pattern\":\"han_name\",\"depends_on\":{\"field\":\"a\",\"is\":\"x\"}},"
	"{\"key\":\"c\",\"label\":\"丙\",\"type\":\"date\",\"required\":false},{\"key\":\"d\",\"label\":\"丁\",\"type\":\"id_number\",\"required\":false},"
	"{\"key\":\"e\",\"label\":\"戊\",\"type\":\"money\",\"required\":false},{\"key\":\"f\",\"label\":\"己\",\"type\":\"text\",\"required\":false,\"pattern\":\"email\"},"
	"{\"key\":\"g\",\"label\":\"庚\",\"type\":\"text\",\"required\":false,\"pattern\":\"bank_card\"}]";

static void judge(const struct fields *f, const json_t *answers, struct request *r)
{
	struct wrong_field wrong[FIELD_WRONG_MAX];
	struct fail draft, whole;
	int count, whole_count;
	fail_clear(&draft);
	fail_clear(&whole);
	bool is_draft = fields_judge(f, answers, FIELDS_DRAFT, r, wrong, &count, &draft);
	assert(is_draft == (draft.code == FAIL_NONE) && count >= 0 && count <= FIELD_WRONG_MAX);
	for (int i = 0; i < count; i++)
		assert(str_starts(wrong[i].pointer, STR("/answers/")) && str_is_utf8(wrong[i].pointer) && wrong[i].reason[0] != '\0');
	bool is_whole = fields_judge(f, answers, FIELDS_WHOLE, r, wrong, &whole_count, &whole);
	assert(!is_whole || (is_draft && count == 0));
	assert(!is_draft || is_whole == (count == 0));
	json_t *kept = fields_carry(f, answers);
	assert(kept != NULL && (!is_whole || fields_judge(f, kept, FIELDS_WHOLE, r, wrong, &count, &draft)));
	json_decref(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fields f;
	struct request r = { .http_major = 2 };
	struct fail why = { .code = FAIL_NONE };
	struct str form, answers, all = { (const char *)data, size };
	if (size == 0)
		return 0;
	arena_init(&r.arena, 4 << 20);
	if (data[0] == 0xff) {
		form = (struct str){ ours, sizeof(ours) - 1 };
		answers = (struct str){ all.at + 1, all.len - 1 };
	} else {
		str_cut(all, '\0', &form, &answers);
	}
	DROP(json) json_t *items = json_read(form, &why);
	DROP(json) json_t *object = items == NULL ? NULL : json_read(answers, &why);
	if (items != NULL && fields_take(items, &f, &r.arena, &why) && object != NULL)
		judge(&f, object, &r);
	arena_free(&r.arena);
	return 0;
}
