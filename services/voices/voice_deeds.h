/* services/voices/voice_deeds.h - what takes two people: a voice's department asks for more time, or for a poor rating to be found wrong or malicious; supervision decides. */
#ifndef SERVICES_VOICE_DEEDS_H
#define SERVICES_VOICE_DEEDS_H
void voice_deeds_compose(void); /* before threads start */
#endif
