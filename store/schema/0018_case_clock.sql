-- 0018_case_clock.sql: until when what is owed to an applicant, and what stood still meanwhile (services/case_clock.h). Days are days since 1970-01-01.

-- clustered
CREATE TABLE case_clock (
	case_id BIGINT NOT NULL REFERENCES cases (id),
	kind BIGINT NOT NULL,              -- services/clocks.def
	phase BIGINT NOT NULL CHECK (phase IN (1, 2, 3)),          -- 1 runs, 2 stands, 3 stopped
	begun BIGINT NOT NULL,
	days BIGINT NOT NULL CHECK (days >= 0),
	extended BIGINT NOT NULL CHECK (extended >= 0),
	region BIGINT NOT NULL,            -- whose working days
	department BIGINT NOT NULL,
	-- made of the above, the pauses and the calendar
	calendar BIGINT NOT NULL,          -- calendar_year.version it was made with
	due BIGINT,                        -- NULL: it stands, or the calendar of a year is missing
	yellow BIGINT,                     -- the day from which little is left; likewise
	stopped_on BIGINT,
	told BIGINT NOT NULL,              -- the light the department was told of: 0 none, 1 yellow, 2 orange, 3 red
	next_on BIGINT,                    -- the day from which there is another to tell; NULL: none, or no due
	broken BIGINT NOT NULL CHECK (broken IN (0, 1)),           -- of a stopped one: it was stopped after its last day
	PRIMARY KEY (case_id, kind)
);
CREATE INDEX case_clock_open ON case_clock (department, due) WHERE phase < 3;
CREATE INDEX case_clock_due ON case_clock (due) WHERE phase = 1;
CREATE INDEX case_clock_next ON case_clock (next_on) WHERE phase = 1;
CREATE INDEX case_clock_made ON case_clock (calendar) WHERE phase < 3;

-- What became of clocks: each light that a department was told of, and how each clock was stopped. Supervision counts from this alone.
CREATE TABLE clock_event (
	id BIGINT PRIMARY KEY,
	fact BIGINT NOT NULL,
	case_id BIGINT NOT NULL REFERENCES cases (id),
	kind BIGINT NOT NULL,              -- services/clocks.def
	what BIGINT NOT NULL CHECK (what BETWEEN 1 AND 5),         -- 1 yellow, 2 orange, 3 red, 4 stopped in time, 5 stopped late
	day BIGINT NOT NULL,               -- when
	begun BIGINT NOT NULL,
	days BIGINT NOT NULL,              -- with extensions
	due BIGINT,                        -- NULL: the calendar was missing
	department BIGINT NOT NULL,
	region BIGINT NOT NULL
);
CREATE INDEX clock_event_case ON clock_event (case_id, id);
CREATE INDEX clock_event_day ON clock_event (day, id);

-- sqlite:
CREATE TRIGGER clock_event_no_update BEFORE UPDATE ON clock_event BEGIN
	SELECT RAISE(ABORT, 'clock_event is append-only');
END;;
CREATE TRIGGER clock_event_no_delete BEFORE DELETE ON clock_event BEGIN
	SELECT RAISE(ABORT, 'clock_event is append-only');
END;;
-- end
-- postgres:
CREATE FUNCTION clock_event_refuse() RETURNS trigger AS $$ BEGIN
	RAISE EXCEPTION 'clock_event is append-only';
END $$ LANGUAGE plpgsql;;
CREATE TRIGGER clock_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON clock_event
	FOR EACH STATEMENT EXECUTE FUNCTION clock_event_refuse();;
-- end

-- What is not counted. One that is open has no last day.
-- clustered
CREATE TABLE case_pause (
	case_id BIGINT NOT NULL REFERENCES cases (id),
	n BIGINT NOT NULL,
	state BIGINT NOT NULL,             -- the state it was in
	first BIGINT NOT NULL,
	last BIGINT,
	PRIMARY KEY (case_id, n)
);

-- By how much, and by which document (行政许可法 42).
-- clustered
CREATE TABLE case_extension (
	case_id BIGINT NOT NULL REFERENCES cases (id),
	seq BIGINT NOT NULL,               -- of the event
	days BIGINT NOT NULL CHECK (days >= 1),
	document VARCHAR(60) NOT NULL,
	PRIMARY KEY (case_id, seq)
);

-- What an extension says must wait with its event.
ALTER TABLE held_event ADD COLUMN extend_days BIGINT NOT NULL DEFAULT 0;
ALTER TABLE held_event ADD COLUMN document VARCHAR(60);

-- The clock a citizen sees, beside the state she sees: one point read answers her.
ALTER TABLE cases ADD COLUMN clock BIGINT NOT NULL DEFAULT 0;      -- kind; 0: none runs
ALTER TABLE cases ADD COLUMN clock_due BIGINT;
ALTER TABLE cases ADD COLUMN clock_yellow BIGINT;
