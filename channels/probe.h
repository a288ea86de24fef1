/* channels/probe.h - a peer that can be asked by our key, for the tests of the crash rule ASK. Not in release builds. */
#ifndef CHANNELS_PROBE_H
#define CHANNELS_PROBE_H
#include "channels/codec.h"

#ifdef SIBAN_FAULTS
extern const struct codec_http codec_probe; /* payload: {"url":"http://127.0.0.1:…"}: POST {url}/{key} does, GET {url}/{key} tells */
#endif
#endif
