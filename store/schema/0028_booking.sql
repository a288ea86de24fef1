-- 0028_booking.sql: seats at the windows of a hall by day and time, and who has them.

-- A window group (窗口组): the windows of one kind in one hall, which take the same matters and are booked as one. Its rules.
CREATE TABLE booking_group (
	id BIGINT PRIMARY KEY,
	hall BIGINT NOT NULL REFERENCES hall (id),
	kind BIGINT NOT NULL,              -- guide_words.def, WINDOW
	sessions VARCHAR(200) NOT NULL,    -- services/booking_rule.h
	slot_minutes BIGINT NOT NULL CHECK (slot_minutes BETWEEN 5 AND 240),
	capacity BIGINT NOT NULL CHECK (capacity BETWEEN 1 AND 500), -- people in one slot, at all its windows together
	walk_in_percent BIGINT NOT NULL CHECK (walk_in_percent BETWEEN 0 AND 100), -- of capacity, kept for those who come without booking
	horizon_days BIGINT NOT NULL CHECK (horizon_days BETWEEN 1 AND 30), -- working days
	notice_minutes BIGINT NOT NULL CHECK (notice_minutes BETWEEN 0 AND 10080),
	letter VARCHAR(1) NOT NULL,        -- of its queue numbers
	version BIGINT NOT NULL,           -- grows with each change of what slots are made of
	made_version BIGINT NOT NULL,      -- its slots are as of this version, calendar and day
	made_calendar BIGINT NOT NULL,
	made_day BIGINT NOT NULL,
	pass_day BIGINT NOT NULL,          -- the next day to make; 0: no pass is under way
	pass_calendar BIGINT NOT NULL,
	UNIQUE (hall, kind),
	UNIQUE (hall, letter),
	FOREIGN KEY (hall, kind) REFERENCES hall_window (hall, kind)
);

-- Which of a hall's groups takes a matter. A list that changes: 动态调整.
-- clustered
CREATE TABLE window_matter (
	hall BIGINT NOT NULL REFERENCES hall (id),
	matter BIGINT NOT NULL REFERENCES matter (id),
	kind BIGINT NOT NULL,
	PRIMARY KEY (hall, matter),
	FOREIGN KEY (hall, kind) REFERENCES hall_window (hall, kind)
);

-- Times without slots. What was booked before stays booked; only a cancelled day gives it back.
-- clustered
CREATE TABLE booking_blackout (
	grp BIGINT NOT NULL REFERENCES booking_group (id),
	from_ms BIGINT NOT NULL,
	to_ms BIGINT NOT NULL CHECK (to_ms > from_ms),
	note VARCHAR(60) NOT NULL,
	PRIMARY KEY (grp, from_ms, to_ms)
);

-- The counters. Nobody is ever promised a seat that is not there: a hold takes it by an UPDATE of this row that this CHECK stands behind.
CREATE TABLE booking_slot (
	id BIGINT PRIMARY KEY,
	grp BIGINT NOT NULL REFERENCES booking_group (id),
	starts_ms BIGINT NOT NULL,
	ends_ms BIGINT NOT NULL CHECK (ends_ms > starts_ms),
	is_open BIGINT NOT NULL CHECK (is_open IN (0, 1)),
	capacity BIGINT NOT NULL CHECK (capacity >= 0), -- without the share for walk-ins
	held BIGINT NOT NULL CHECK (held >= 0),
	booked BIGINT NOT NULL CHECK (booked >= 0),
	UNIQUE (grp, starts_ms),
	CHECK (held + booked <= capacity)
);
CREATE INDEX booking_slot_ends ON booking_slot (ends_ms);

-- One visit of one person to one hall: held first, then booked. All its seats are taken, moved and given back together.
CREATE TABLE booking (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes: bk_… outside
	person BIGINT NOT NULL REFERENCES person (id),
	made_by BIGINT NOT NULL REFERENCES person (id), -- the same, or who acts for him
	hall BIGINT NOT NULL REFERENCES hall (id),
	grp BIGINT NOT NULL REFERENCES booking_group (id), -- where the visit begins
	state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 6), -- services/booking.h
	day BIGINT NOT NULL,
	starts_ms BIGINT NOT NULL,
	ends_ms BIGINT NOT NULL,
	people BIGINT NOT NULL CHECK (people >= 1),
	held_until_ms BIGINT NOT NULL,
	reason BIGINT NOT NULL,            -- why it was cancelled, booking_reasons.def; 0: it was not
	moves BIGINT NOT NULL,             -- how often it was given another time
	reminded BIGINT NOT NULL CHECK (reminded IN (0, 1)),
	contact BYTEA NOT NULL,            -- sealed "booking.contact": names and phone as written; empty: nothing
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX booking_one_hold ON booking (person, grp) WHERE state = 1;
CREATE INDEX booking_held ON booking (held_until_ms) WHERE state = 1;
CREATE INDEX booking_remind ON booking (day, id) WHERE state = 2 AND reminded = 0;
CREATE INDEX booking_ends ON booking (ends_ms);
CREATE INDEX booking_person ON booking (person, id);

-- clustered
CREATE TABLE booking_seat (
	booking BIGINT NOT NULL REFERENCES booking (id),
	n BIGINT NOT NULL,                 -- in the order of the route
	slot BIGINT NOT NULL REFERENCES booking_slot (id),
	matter BIGINT NOT NULL REFERENCES matter (id),
	guide BIGINT REFERENCES guide (id), -- the version that was current then: what is asked for is what stands there. NULL: the matter had none
	PRIMARY KEY (booking, n)
);
CREATE INDEX booking_seat_slot ON booking_seat (slot, booking);
