/* Goal: whatever a department's system answers, nothing crashes, and what counts as found keeps the contract's bounds.
 * Method: the first byte chooses status and content type, the rest is the body. */
#include "channels/department.h"

#include "base/arena.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 404, 200, 302, 401 };
	struct arena a;
	struct fail why;
	struct department_case c;
	if (size == 0)
		return 0;
	arena_init(&a, 1 << 16);
	fail_clear(&why);
	struct http_answer answer = { .end = HTTP_ANSWERED, .status = statuses[data[0] % 5], .content_type = data[0] & 64 ? STR("text/html") : STR("application/json"),
		.body = { (const char *)data + 1, size - 1 } };
	switch (department_judge(STR("A-1"), &answer, &a, &c, &why)) {
	case DEPARTMENT_FOUND:
		assert(why.code == FAIL_NONE && str_eq(c.case_ref, STR("A-1")) && c.updated_ms >= c.opened_ms);
		assert(c.matter_name.len >= 1 && c.matter_name.len <= 200 && c.status_text.len <= 500 && c.matter.len <= 32 && str_is_utf8(c.status_text));
		break;
	case DEPARTMENT_NO_SUCH:
		assert(why.code == FAIL_NONE && answer.status == 404);
		break;
	case DEPARTMENT_BROKEN:
		assert(why.code == FAIL_PEER_NONSENSE);
		break;
	}
	arena_free(&a);
	return 0;
}
