/* gateway/machine.h - handlers about the machine itself: health, metrics, version, faults, reload.
 *
 * They run inline on the loop that serves the admin port and the control socket. */
#ifndef GATEWAY_MACHINE_H
#define GATEWAY_MACHINE_H
#include "base/request.h"

struct config;
struct gateway;

extern const struct handler livez, readyz, metrics, version, control_fault, control_reload;
extern const struct handler control_ask_probe; /* ask_probe.c */

bool machine_is_development(void);
const struct config *machine_config(void); /* the one in force */
void machine_of(struct gateway *g); /* whose health and metrics are meant; once, before loops start */
extern const char SIBAN_VERSION[];
#endif
