/* auth/mask.h - what of a personal value may be shown: on a page, in a log, to whoever stands behind.
 *
 * Each appends to `out`. What does not look like what it should be is hidden whole.
 * Thread: any; pure.
 * Source: common practice of government counters; GB/T 41833 asks for at least as much on a waybill. */
#ifndef AUTH_MASK_H
#define AUTH_MASK_H
#include "auth/identity_number.h"

/* 张三 as 张*, 王小明 as 王*明; an organisation's name is open. `name` is UTF-8. */
void mask_name(enum identity_kind kind, struct str name, struct buf *out);
/* 139****0000 */
void mask_phone(struct str phone, struct buf *out);
/* 6****************1; an organisation's code is open. Of a passport the number alone, without its country. */
void mask_number(enum identity_kind kind, struct str number, struct buf *out);
#endif
