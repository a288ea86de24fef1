-- 0029_queue.sql: who waits for a seat, who waits in the hall, and what becomes of visits whose seat the hall takes away.

ALTER TABLE booking ADD COLUMN orphaned BIGINT NOT NULL DEFAULT 0; -- 1: its seats are closed, and it waits for others (services/booking_replan.h)
ALTER TABLE booking ADD COLUMN excused BIGINT NOT NULL DEFAULT 0;  -- 1: missed, and a clerk found that it shall not count
CREATE INDEX booking_orphans ON booking (id) WHERE orphaned = 1;
CREATE INDEX booking_to_miss ON booking (ends_ms) WHERE state = 2;

-- Another group of the hall took over its matters: it makes no slots any more.
ALTER TABLE booking_group ADD COLUMN merged_into BIGINT REFERENCES booking_group (id);

-- The waiting list (候补).
CREATE TABLE booking_wait (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- bw_… outside
	person BIGINT NOT NULL REFERENCES person (id),
	hall BIGINT NOT NULL REFERENCES hall (id),
	grp BIGINT NOT NULL REFERENCES booking_group (id),
	matter BIGINT NOT NULL REFERENCES matter (id),
	people BIGINT NOT NULL CHECK (people >= 1),
	from_ms BIGINT NOT NULL,
	to_ms BIGINT NOT NULL CHECK (to_ms > from_ms),
	state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 5), -- services/booking_wait.h
	booking BIGINT REFERENCES booking (id), -- the hold that was offered
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX booking_wait_once ON booking_wait (person, matter) WHERE state IN (1, 2);
CREATE INDEX booking_wait_line ON booking_wait (id) WHERE state = 1;
CREATE INDEX booking_wait_offered ON booking_wait (id) WHERE state = 2;
CREATE INDEX booking_wait_person ON booking_wait (person, id);
CREATE INDEX booking_wait_over ON booking_wait (to_ms);

-- The queue of a day at a window group: numbers begin anew each day.
-- clustered
CREATE TABLE queue_day (
	grp BIGINT NOT NULL REFERENCES booking_group (id),
	day BIGINT NOT NULL,
	last BIGINT NOT NULL,
	PRIMARY KEY (grp, day)
);

CREATE TABLE queue_number (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- qn_… outside
	grp BIGINT NOT NULL REFERENCES booking_group (id),
	day BIGINT NOT NULL,
	number BIGINT NOT NULL,
	rank BIGINT NOT NULL,              -- who is called before whom: queue_ranks.def
	state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 4), -- services/hall_queue.h
	booking BIGINT REFERENCES booking (id), -- NULL: came without
	desk VARCHAR(20) NOT NULL,         -- which window called; "": none yet
	calls BIGINT NOT NULL,
	skips BIGINT NOT NULL,
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	UNIQUE (grp, day, number)
);
CREATE INDEX queue_number_line ON queue_number (grp, day, rank, id) WHERE state = 1;
CREATE INDEX queue_number_booking ON queue_number (booking);
