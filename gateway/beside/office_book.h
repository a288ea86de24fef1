/* gateway/beside/office_book.h - workbooks for services/money/office_sheet.h: made in a file without a name, given as bytes, piece by piece.
 * Thread: composed before threads start. */
#ifndef GATEWAY_BESIDE_OFFICE_BOOK_H
#define GATEWAY_BESIDE_OFFICE_BOOK_H

void office_book_compose(void);
#endif
