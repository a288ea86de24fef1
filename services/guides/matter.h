/* services/guides/matter.h - matter (事项) types as they are stored and shown. */
#ifndef SERVICES_MATTER_H
#define SERVICES_MATTER_H
#include "base/str.h"

enum matter_type { MATTER_IMMEDIATE = 1 /* 即办件 */, MATTER_COMMITMENT = 2 /* 承诺件 */ };

struct str matter_type_name(int64_t type);
#endif
