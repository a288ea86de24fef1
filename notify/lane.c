/* notify/lane.c - why this exists: a provider that is ill must be left alone, and must not be what everybody else waits for. */
#include "notify/lane.h"
#include <assert.h>

enum {
	ILL_IN_ROW = 5,                                    /* opens the breaker */
	WINDOW = 20, ILL_IN_WINDOW = 10,                   /* so does half of the last twenty */
	OPEN_FIRST_MS = 2000, OPEN_MAX_MS = 120000,        /* doubled with each probe that fails */
	BURST_MS = 200,                                    /* of the rate; at least one call */
	CALL = 1000,                                       /* a call, in tokens */
};

/* What a call costs us: tokens come as if the account were ours alone. */
static int64_t cost(const struct lane *l)
{
	return CALL * l->nodes;
}

static int64_t burst(const struct lane *l)
{
	int64_t tokens = l->rate * BURST_MS;
	return tokens > cost(l) ? tokens : cost(l);
}

void lane_init(struct lane *l, const struct account_settings *a, int64_t now_ms)
{
	*l = (struct lane){ .rate = a->rate, .in_flight_max = a->in_flight, .in_flight_low = a->in_flight * 3 / 4, .in_flight_whole = a->in_flight, .nodes = 1, .is_configured = a->is_configured,
			    .fills = true, .filled_ms = now_ms, .breaker = BREAKER_CLOSED, .open_for_ms = OPEN_FIRST_MS };
	l->tokens = burst(l);
}

void lane_share(struct lane *l, int64_t nodes)
{
	if (nodes == l->nodes)
		return;
	l->nodes = nodes;
	l->in_flight_max = l->in_flight_whole / nodes > 0 ? l->in_flight_whole / nodes : 1;
	l->in_flight_low = l->in_flight_max * 3 / 4;
	l->fills = l->fills || l->in_flight <= l->in_flight_low; /* perhaps nothing is left that could end */
}

static int64_t tokens_at(const struct lane *l, int64_t now_ms)
{
	int64_t passed = now_ms - l->filled_ms, full = burst(l);
	if (passed > CALL * INT64_C(60))
		passed = CALL * INT64_C(60);
	int64_t tokens = l->tokens + passed * l->rate;
	return tokens < full ? tokens : full;
}

/* A store that cannot be written to must not be asked for ever more. */
static int64_t room_to_write(const struct lane *l)
{
	return 2 * l->in_flight_max - l->in_flight - l->unwritten;
}

int64_t lane_room(struct lane *l, int64_t now_ms)
{
	if (!l->is_configured || l->is_stopped || now_ms < l->quiet_until_ms || !l->fills)
		return 0;
	if (l->breaker == BREAKER_OPEN) {
		if (now_ms < l->open_until_ms)
			return 0;
		l->breaker = BREAKER_HALF_OPEN;
	}
	int64_t room = l->breaker == BREAKER_HALF_OPEN ? 1 - l->in_flight : l->in_flight_max - l->in_flight;
	if (room > room_to_write(l))
		room = room_to_write(l);
	if (l->rate > 0) {
		l->tokens = tokens_at(l, now_ms);
		l->filled_ms = now_ms;
		if (room > l->tokens / cost(l))
			room = l->tokens / cost(l);
	}
	return room > 0 ? room : 0;
}

void lane_take(struct lane *l)
{
	assert(l->in_flight < l->in_flight_max);
	l->in_flight++;
	if (l->rate > 0)
		l->tokens -= cost(l);
	if (l->in_flight == l->in_flight_max)
		l->fills = false;
}

static void give(struct lane *l)
{
	assert(l->in_flight > 0);
	l->in_flight--;
	if (l->in_flight <= l->in_flight_low)
		l->fills = true;
}

void lane_end(struct lane *l)
{
	give(l);
	l->unwritten++;
}

void lane_written(struct lane *l)
{
	assert(l->unwritten > 0);
	l->unwritten--;
}

void lane_untake(struct lane *l)
{
	give(l);
	if (l->rate > 0 && l->tokens < burst(l))
		l->tokens += cost(l);
}

static void open_for(struct lane *l, int64_t ms, int64_t now_ms)
{
	l->breaker = BREAKER_OPEN;
	l->open_for_ms = ms < OPEN_MAX_MS ? ms : OPEN_MAX_MS;
	l->open_until_ms = now_ms + l->open_for_ms;
}

static void forget(struct lane *l)
{
	l->recent = 0;
	l->recent_count = l->ill_in_row = 0;
}

bool lane_heard(struct lane *l, bool ill, int64_t now_ms)
{
	if (l->breaker == BREAKER_OPEN) /* began before it opened; says nothing new */
		return false;
	if (l->breaker == BREAKER_HALF_OPEN) {
		if (ill) {
			open_for(l, l->open_for_ms * 2, now_ms);
			return true;
		}
		l->breaker = BREAKER_CLOSED;
		l->open_for_ms = OPEN_FIRST_MS;
		forget(l);
		return true;
	}
	l->recent = l->recent << 1 | ill;
	l->recent_count += l->recent_count < WINDOW;
	l->ill_in_row = ill ? l->ill_in_row + 1 : 0;
	int of_window = __builtin_popcount(l->recent & ((UINT32_C(1) << WINDOW) - 1));
	if (l->ill_in_row < ILL_IN_ROW && (l->recent_count < WINDOW || of_window < ILL_IN_WINDOW))
		return false;
	open_for(l, OPEN_FIRST_MS, now_ms);
	forget(l);
	return true;
}

void lane_pause(struct lane *l, int64_t until_ms)
{
	if (until_ms > l->quiet_until_ms)
		l->quiet_until_ms = until_ms;
}

int64_t lane_wake_ms(const struct lane *l, int64_t now_ms)
{
	int64_t at = now_ms;
	if (!l->is_configured || l->is_stopped || !l->fills || room_to_write(l) <= 0 || (l->breaker == BREAKER_HALF_OPEN && l->in_flight > 0))
		return INT64_MAX; /* news, or a call that ends */
	if (l->quiet_until_ms > at)
		at = l->quiet_until_ms;
	if (l->breaker == BREAKER_OPEN && l->open_until_ms > at)
		at = l->open_until_ms;
	if (l->rate > 0) {
		int64_t short_of = cost(l) - tokens_at(l, now_ms);
		int64_t filled = now_ms + (short_of > 0 ? (short_of + l->rate - 1) / l->rate : 0);
		if (filled > at)
			at = filled;
	}
	return at;
}
