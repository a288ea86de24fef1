/* tests/bench/argon2_bench.c - argon2id with the settings of auth/password.c and nothing around it: the anchor of a staff login.
 *
 * argon2_bench count; prints one JSON object. */
#include "auth/password.h"
#include "tests/bench/measure.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds_of(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static const uint8_t salt[16] = "anchor of logins";
	char out[PASSWORD_TEXT_BYTES];
	struct fail why;
	int count = argc > 1 ? atoi(argv[1]) : 0;
	if (count <= 0)
		die("argon2_bench count");
	fail_clear(&why);
	double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID), wall = seconds_of(CLOCK_MONOTONIC);
	for (int i = 0; i < count; i++)
		if (!password_hash((struct secret){ STR("Guess-1764126000000-Guess") }, salt, out, &why))
			die("%s", why.log);
	cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = seconds_of(CLOCK_MONOTONIC) - wall;
	printf("{\"cpu_us\":%.1f,\"per_second\":%.2f}\n", cpu * 1e6 / count, count / wall);
	return 0;
}
