/* services/booking/window.h - a citizen at a window: his session is shown to the clerk by eight digits on its screen, good for five minutes and one use.
 *
 * The digits are nothing without the clerk's right, and the clerk's word raises nothing but the session that showed them. */
#ifndef SERVICES_WINDOW_H
#define SERVICES_WINDOW_H
#include "base/str.h"

enum { WINDOW_DIGITS = 8, WINDOW_CODE_S = 300 };

/* As it lies in the expiring store under its digits. */
struct window_code {
	int64_t version, session;
};
enum { WINDOW_CODE_VERSION = 1 };
#endif
