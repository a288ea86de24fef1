-- 0016_calendar.sql: which days are working days (services/workdays.h). Days are days since 1970-01-01.

-- Days that are not what their weekday says: 0 for everywhere, or a region's own (an emergency closure).
-- clustered
CREATE TABLE calendar_day (
	region BIGINT NOT NULL,
	day BIGINT NOT NULL,
	works BIGINT NOT NULL CHECK (works IN (0, 1)),
	name VARCHAR(30) NOT NULL,         -- of the holiday
	source VARCHAR(60) NOT NULL,       -- the notice that says so
	PRIMARY KEY (region, day)
);

-- The years whose notice is known, one bit a day, without regions' own days: what is asked again and again.
CREATE TABLE calendar_year (
	year BIGINT PRIMARY KEY CHECK (year BETWEEN 1970 AND 2199),
	bits BYTEA NOT NULL,
	version BIGINT NOT NULL            -- grows with every change to any day; what was computed with an older one is computed anew
);
