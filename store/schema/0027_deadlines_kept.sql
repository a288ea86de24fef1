-- 0027_deadlines_kept.sql: what keeping limits needs besides the clocks.

-- A draft that was thrown away: its row stays, empty, because proposals name it. NULL: it was not.
ALTER TABLE guide_draft ADD COLUMN thrown_ms BIGINT;

-- Effects that are over, the oldest first: what purge_kept walks (auth/retention.def). Those that an operator must look at are not in it.
CREATE INDEX effect_over ON effect (changed_ms) WHERE state >= 3 AND state <> 5 AND state <> 6;

-- What a place's supervisors and a department see, in sealed order: a row for the fact's region, for each place around it, and for its department, so that a page
-- costs the same however much there is.
-- clustered
CREATE TABLE seal_place (
	kind BIGINT NOT NULL,              -- of the fact
	place BIGINT NOT NULL,             -- region code: township, county, prefecture or province; minus the row id of the department
	seq BIGINT NOT NULL,
	ref BIGINT NOT NULL,               -- the fact's ref_a: the row it stands for
	PRIMARY KEY (kind, place, seq)
);
INSERT INTO seal_place (kind, place, seq, ref) SELECT f.kind, f.region, s.seq, f.ref_a FROM seal s JOIN fact f ON f.id = s.fact WHERE f.kind = 3 AND f.region > 0;
INSERT INTO seal_place (kind, place, seq, ref) SELECT f.kind, f.region / 1000, s.seq, f.ref_a FROM seal s JOIN fact f ON f.id = s.fact WHERE f.kind = 3 AND f.region > 999999;
INSERT INTO seal_place (kind, place, seq, ref) SELECT p.kind, p.place / 100 * 100, p.seq, p.ref FROM seal_place p WHERE p.place > 0 AND p.place <= 999999 AND p.place % 100 <> 0;
INSERT INTO seal_place (kind, place, seq, ref) SELECT p.kind, p.place / 10000 * 10000, p.seq, p.ref FROM seal_place p
	WHERE p.place > 0 AND p.place <= 999999 AND p.place % 100 = 0 AND p.place % 10000 <> 0;
INSERT INTO seal_place (kind, place, seq, ref) SELECT f.kind, 0 - f.department, s.seq, f.ref_a FROM seal s JOIN fact f ON f.id = s.fact WHERE f.kind = 3 AND f.department > 0;

-- What supervision counts of a case besides its clocks: each day on which an event says that the person came, each time papers were asked for, and its end.
CREATE TABLE case_tally (
	id BIGINT PRIMARY KEY,
	fact BIGINT NOT NULL,
	case_id BIGINT NOT NULL REFERENCES cases (id),
	seq BIGINT NOT NULL,               -- of the event that says so
	what BIGINT NOT NULL CHECK (what BETWEEN 1 AND 4),         -- services/case_tally.h
	n BIGINT NOT NULL,                 -- the how-manieth of the case; of its end: how many trips it took
	promised BIGINT NOT NULL,          -- trips, by the guide the case is pinned to
	day BIGINT NOT NULL,
	department BIGINT NOT NULL,
	region BIGINT NOT NULL
);
CREATE UNIQUE INDEX case_tally_case ON case_tally (case_id, what, n);
CREATE UNIQUE INDEX case_tally_trip ON case_tally (case_id, day) WHERE what = 1; -- who comes twice a day came once
CREATE UNIQUE INDEX case_tally_end ON case_tally (case_id) WHERE what = 4;
CREATE INDEX case_tally_day ON case_tally (day, id);

-- sqlite:
CREATE TRIGGER case_tally_no_update BEFORE UPDATE ON case_tally BEGIN
	SELECT RAISE(ABORT, 'case_tally is append-only');
END;;
CREATE TRIGGER case_tally_no_delete BEFORE DELETE ON case_tally BEGIN
	SELECT RAISE(ABORT, 'case_tally is append-only');
END;;
-- end
-- postgres:
CREATE TRIGGER case_tally_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON case_tally
	FOR EACH STATEMENT EXECUTE FUNCTION append_only_refuse();;
-- end

-- What an event says of the person's coming must wait with it.
ALTER TABLE held_event ADD COLUMN in_person BIGINT NOT NULL DEFAULT 0;

-- A light of a clock is told once, whatever runs twice; with another last day it is another limit.
CREATE UNIQUE INDEX clock_event_once ON clock_event (case_id, kind, what, due) WHERE what <= 3;

-- Where a department's systems want to be told (Standard Webhooks; services/hook.h).
CREATE TABLE hook (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes, wh_… outside
	department BIGINT NOT NULL REFERENCES department (id),
	url VARCHAR(512) NOT NULL,
	secret BYTEA NOT NULL,             -- sealed "hook.secret"; empty of one that was removed
	old_secret BYTEA,                  -- sealed "hook.old_secret"; signs beside it until then
	old_until_ms BIGINT NOT NULL,
	made_ms BIGINT NOT NULL,
	failing_since_ms BIGINT,           -- NULL: the last thing got through
	disabled_ms BIGINT,                -- NULL: it is told
	removed_ms BIGINT
);
CREATE INDEX hook_department ON hook (department, id) WHERE removed_ms IS NULL;

-- Whom an SMS goes to: of a department, or of a place's supervisors.
CREATE TABLE duty_phone (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes, dp_… outside
	department BIGINT NOT NULL,        -- 0: of the region's supervisors
	region BIGINT NOT NULL REFERENCES region (code),
	phone BYTEA NOT NULL,              -- sealed "duty_phone.phone"
	made_ms BIGINT NOT NULL
);
CREATE INDEX duty_phone_whose ON duty_phone (department, region, id);

-- How far each receiver has been told of lights (services/alert.h).
CREATE TABLE alert_told (
	place BIGINT PRIMARY KEY,          -- as seal_place
	seq BIGINT NOT NULL,               -- of the seal up to which it knows
	pushed_ms BIGINT NOT NULL,         -- when it was last told of lights
	listed_on BIGINT NOT NULL          -- the day whose morning list it has had, or that has none
);
