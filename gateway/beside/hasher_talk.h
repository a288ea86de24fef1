/* gateway/beside/hasher_talk.h - what the gateway and its hashers say to each other: both are one program, so a struct is the wire. */
#ifndef GATEWAY_BESIDE_HASHER_TALK_H
#define GATEWAY_BESIDE_HASHER_TALK_H
#include "auth/password.h"
#include <stdint.h>

enum { HASHER_PASSWORD_BYTES = PASSWORD_LENGTH_MAX * 4 };

struct hasher_question {
	uint32_t number;
	uint8_t is_check;
	uint16_t length;
	uint8_t salt[16];                      /* to make one */
	char text[PASSWORD_TEXT_BYTES];        /* to check one */
	char password[HASHER_PASSWORD_BYTES];
};

struct hasher_answer {
	uint32_t number;                       /* the question's */
	uint8_t is_done, is_right;
	char text[PASSWORD_TEXT_BYTES];
};
#endif
