/* notify/lane.h - how much of one account may be under way: calls per second, calls in flight with high and low water, a breaker, a stop. Pure.
 *
 * One account that is slow, dead or without money fills its own lane and no other.
 * Thread: the stepper's. Times are monotonic milliseconds. */
#ifndef NOTIFY_LANE_H
#define NOTIFY_LANE_H
#include "notify/account.h"

/* As the metric account_breaker shows it; 0 there: the gateway does not run, or the account is not configured. */
enum breaker { BREAKER_CLOSED = 1, BREAKER_HALF_OPEN = 2, BREAKER_OPEN = 3 };

struct lane {
	int64_t rate, in_flight_max, in_flight_low;
	int64_t in_flight_whole;  /* of all nodes together */
	int64_t nodes;            /* among whom the account's limits are shared out */
	int64_t in_flight;
	int64_t unwritten;        /* calls that are over, and their outcomes are not committed yet: as many as may be in flight, or nothing new begins */
	bool is_configured, is_stopped;
	bool fills;               /* false from the high water until the low: slots are given in handfuls, not one by one */
	int64_t tokens, filled_ms; /* thousandths of a call; when they were last added to */
	int64_t quiet_until_ms;   /* the provider asked for a pause */
	enum breaker breaker;
	uint32_t recent;          /* the last calls, newest in bit 0; 1: ill */
	int recent_count, ill_in_row;
	int64_t open_until_ms, open_for_ms;
};

void lane_init(struct lane *l, const struct account_settings *a, int64_t now_ms);
/* So many nodes ask this account: each has its part of the rate and of the calls in flight, one call at least. A count for all nodes (in the expiring store)
 * would cost a round trip before each call, and a rule for when it is away; nodes are few, and all of them take from the same table, so equal parts are used equally. */
void lane_share(struct lane *l, int64_t nodes);
int64_t lane_room(struct lane *l, int64_t now_ms); /* how many calls may begin now */
void lane_take(struct lane *l);                    /* one begins */
void lane_end(struct lane *l);                     /* it is over: its slot is free again, its outcome is unwritten */
void lane_written(struct lane *l);                 /* the outcome is committed */
void lane_untake(struct lane *l);                  /* it did not begin after all: nothing was asked of the account */
/* How a call ended. Ill: nothing came, or the server says that it is ill; what is wrong with one order is not. Returns true when the breaker moved. */
bool lane_heard(struct lane *l, bool ill, int64_t now_ms);
void lane_pause(struct lane *l, int64_t until_ms); /* Retry-After of the account itself */
int64_t lane_wake_ms(const struct lane *l, int64_t now_ms); /* when time alone may give room; INT64_MAX: it will not */
#endif
