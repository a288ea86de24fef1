/* services/departments/department.c - one way to find a department. */
#include "services/departments/department.h"
#include "store/store.h"

int department_find(struct tx *tx, struct str code, int64_t *id, struct fail *why)
{
	DROP(stmt) struct stmt *q = tx_query(tx, "SELECT id FROM department WHERE code = $1", why);
	if (q == NULL)
		return -1;
	stmt_bind_text(q, 1, code);
	if (!stmt_row(q, why))
		return why->code == FAIL_NONE ? 0 : -1;
	*id = stmt_int(q, 0);
	return 1;
}
