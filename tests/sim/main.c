/* tests/sim/main.c - sim --seed N [--steps M]: one life, told line by line. sim --seeds N [--from S] [--steps M]: many, told when one goes wrong. */
#include "world.h"

#include <getopt.h>
#include <stdlib.h>
#include <time.h>

enum { STEPS = 250 };

static int usage(void)
{
	fputs("usage: sim --seed N [--steps M] | --seeds COUNT [--from SEED] [--steps M]\n", stderr);
	return 2;
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int many(struct world *w, uint64_t from, int64_t count, int steps)
{
	struct world_counts all = { 0 };
	double began = seconds();
	for (int64_t i = 0; i < count; i++) {
		uint64_t seed = from + (uint64_t)i;
		if (!world_live(w, seed, steps)) {
			printf("seed %llu, step %lld: %s\nsim --seed %llu --steps %d tells the whole life\n", (unsigned long long)seed,
			       (long long)w->counts.steps, w->wrong, (unsigned long long)seed, steps);
			return 1;
		}
		all.posts += w->counts.posts;
		all.applied += w->counts.applied;
		all.replays += w->counts.replays;
		all.reads += w->counts.reads;
		all.crashes += w->counts.crashes;
		all.restarts += w->counts.restarts;
		all.calls += w->counts.calls;
		all.lights += w->counts.lights;
		all.kept += w->counts.kept;
		all.broken += w->counts.broken;
	}
	double took = seconds() - began;
	printf("%lld lives of %d steps in %.1f s, %.0f a minute: %lld posts, %lld taken, %lld replayed, %lld questions, %lld calls outside, %lld lights told, %lld limits kept, %lld broken,"
	       " %lld crashes, %lld restarts\n",
	       (long long)count, steps, took, (double)count * 60 / took, (long long)all.posts, (long long)all.applied, (long long)all.replays,
	       (long long)all.reads, (long long)all.calls, (long long)all.lights, (long long)all.kept, (long long)all.broken, (long long)all.crashes, (long long)all.restarts);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "seed", required_argument, NULL, 's' }, { "seeds", required_argument, NULL, 'n' },
						 { "from", required_argument, NULL, 'f' }, { "steps", required_argument, NULL, 'm' }, { NULL, 0, NULL, 0 } };
	static struct world world;
	uint64_t seed = 0, from = 1;
	int64_t seeds = 0;
	int steps = STEPS;
	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (o) {
		case 's': seed = strtoull(optarg, NULL, 10); break;
		case 'n': seeds = strtoll(optarg, NULL, 10); break;
		case 'f': from = strtoull(optarg, NULL, 10); break;
		case 'm': steps = atoi(optarg); break;
		default: return usage();
		}
	}
	if ((seed == 0) == (seeds == 0) || steps <= 0)
		return usage();
	world_begin(&world);
	int code;
	if (seeds > 0) {
		code = many(&world, from, seeds, steps);
	} else {
		world.print = stdout;
		code = world_live(&world, seed, steps) ? 0 : 1;
		printf("seed %llu, trace %016llx%s%s\n", (unsigned long long)seed, (unsigned long long)world.trace, code ? ": " : "", world.wrong);
	}
	world_end(&world);
	return code;
}
