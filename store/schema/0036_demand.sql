-- 0036_demand.sql: what a department's event wants of an applicant, told once, in the words of the guide his case is pinned to (services/demand.h).

CREATE TABLE case_demand (
	id BIGINT PRIMARY KEY,
	case_id BIGINT NOT NULL REFERENCES cases (id),
	seq BIGINT NOT NULL,               -- of the event that says so
	kind BIGINT NOT NULL CHECK (kind IN (1, 2, 3)),            -- 1 asked for, 2 may follow, 3 refused for
	again BIGINT NOT NULL CHECK (again IN (0, 1)),             -- 1: the case had been asked before (一次告知 was broken)
	told_on BIGINT NOT NULL,           -- the event's day
	days BIGINT NOT NULL,              -- working days; 0: refused
	due BIGINT,                        -- NULL: none, or the calendar of a year is missing
	calendar BIGINT NOT NULL,          -- calendar_year.version it was made with
	stage BIGINT NOT NULL CHECK (stage BETWEEN 0 AND 3),       -- how many of the reminders are behind it: soon, last day, over
	next_on BIGINT,                    -- the day of the next one; NULL: none, or no due
	closed_seq BIGINT,                 -- of the event that ended it; NULL: open
	UNIQUE (case_id, seq)
);
CREATE INDEX case_demand_next ON case_demand (next_on) WHERE closed_seq IS NULL;
CREATE INDEX case_demand_made ON case_demand (calendar) WHERE closed_seq IS NULL;

-- clustered
CREATE TABLE case_demand_item (
	demand BIGINT NOT NULL REFERENCES case_demand (id),
	n BIGINT NOT NULL,
	what BIGINT NOT NULL CHECK (what BETWEEN 1 AND 5),         -- services/demand.h
	number BIGINT NOT NULL,            -- its place in the guide's list, from 1; 0: it has none
	field VARCHAR(32),                 -- of a form's field: its key
	name VARCHAR(500) NOT NULL,        -- as the guide has it, or as the department calls it
	reason VARCHAR(200) NOT NULL,
	added BIGINT NOT NULL CHECK (added IN (0, 1)),             -- 1: the pinned guide does not hold it
	PRIMARY KEY (demand, n)
);

-- What an event wants must wait with it, as the department said it.
ALTER TABLE held_event ADD COLUMN demand VARCHAR(8192);

-- More is counted than four things: a table whose rule grows is written anew where a rule cannot be dropped.
-- postgres:
ALTER TABLE case_tally DROP CONSTRAINT case_tally_what_check;
ALTER TABLE case_tally ADD CONSTRAINT case_tally_what_check CHECK (what >= 1);
-- end
-- sqlite:
CREATE TABLE case_tally_wider (
	id INTEGER PRIMARY KEY,
	fact INTEGER NOT NULL,
	case_id INTEGER NOT NULL REFERENCES cases (id),
	seq INTEGER NOT NULL,
	what INTEGER NOT NULL CHECK (what >= 1),
	n INTEGER NOT NULL,
	promised INTEGER NOT NULL,
	day INTEGER NOT NULL,
	department INTEGER NOT NULL,
	region INTEGER NOT NULL
) STRICT;
INSERT INTO case_tally_wider SELECT id, fact, case_id, seq, what, n, promised, day, department, region FROM case_tally;
DROP TABLE case_tally;
ALTER TABLE case_tally_wider RENAME TO case_tally;
CREATE UNIQUE INDEX case_tally_case ON case_tally (case_id, what, n);
CREATE UNIQUE INDEX case_tally_trip ON case_tally (case_id, day) WHERE what = 1;
CREATE UNIQUE INDEX case_tally_end ON case_tally (case_id) WHERE what = 4;
CREATE INDEX case_tally_day ON case_tally (day, id);
CREATE TRIGGER case_tally_no_update BEFORE UPDATE ON case_tally BEGIN
	SELECT RAISE(ABORT, 'case_tally is append-only');
END;;
CREATE TRIGGER case_tally_no_delete BEFORE DELETE ON case_tally BEGIN
	SELECT RAISE(ABORT, 'case_tally is append-only');
END;;
-- end
