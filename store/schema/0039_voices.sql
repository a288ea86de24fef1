-- 0039_voices.sql: how people were served (好差评), and what they ask, propose, complain of and report (12345). Rules: services/rating.h, services/voice.h.

CREATE TABLE rating (
	id BIGINT PRIMARY KEY,
	fact BIGINT NOT NULL,
	case_id BIGINT NOT NULL UNIQUE REFERENCES cases (id),      -- once per case
	level BIGINT NOT NULL CHECK (level BETWEEN 1 AND 5),       -- 5 very satisfied … 1 very dissatisfied
	tags BIGINT NOT NULL,              -- bits of services/rating_tags.def
	channel BIGINT NOT NULL CHECK (channel IN (1, 2, 3)),      -- 1 his own device, 2 a terminal, 3 a counter
	day BIGINT NOT NULL,
	department BIGINT NOT NULL REFERENCES department (id),
	region BIGINT NOT NULL REFERENCES region (code)
);
CREATE INDEX rating_department ON rating (department, id);
CREATE INDEX rating_day ON rating (day, id);

-- sqlite:
CREATE TRIGGER rating_no_update BEFORE UPDATE ON rating BEGIN
	SELECT RAISE(ABORT, 'rating is append-only');
END;;
CREATE TRIGGER rating_no_delete BEFORE DELETE ON rating BEGIN
	SELECT RAISE(ABORT, 'rating is append-only');
END;;
-- end
-- postgres:
CREATE FUNCTION rating_refuse() RETURNS trigger AS $$ BEGIN
	RAISE EXCEPTION 'rating is append-only';
END $$ LANGUAGE plpgsql;;
CREATE TRIGGER rating_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON rating
	FOR EACH STATEMENT EXECUTE FUNCTION rating_refuse();;
-- end

-- What was written with a rating; its person may want it forgotten.
CREATE TABLE rating_text (
	id BIGINT PRIMARY KEY REFERENCES rating (id),
	text BYTEA NOT NULL                -- sealed "rating_text.text"
);

-- What somebody says (诉求), and at whose hands it is: a poor rating's work order, or a ticket.
CREATE TABLE voice (
	id BIGINT PRIMARY KEY,
	number VARCHAR(15) NOT NULL UNIQUE, -- R, day, six digits
	kind BIGINT NOT NULL,              -- services/voice_kinds.def
	state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 8),       -- services/voice_states.def
	person BIGINT REFERENCES person (id), -- NULL: known by what he said on the telephone alone
	taker BIGINT NOT NULL,             -- the department whose system took the call; 0 none
	case_id BIGINT REFERENCES cases (id),
	rating BIGINT UNIQUE REFERENCES rating (id),
	department BIGINT REFERENCES department (id), -- at whose hands
	region BIGINT NOT NULL REFERENCES region (code),
	is_complex BIGINT NOT NULL CHECK (is_complex IN (0, 1)),
	calls BIGINT NOT NULL CHECK (calls >= 0), -- back to whoever spoke, since it was last opened
	reopened BIGINT NOT NULL CHECK (reopened IN (0, 1)),
	answered_on BIGINT,                -- day of the last answer
	text BYTEA NOT NULL,               -- sealed "voice.text"
	contact BYTEA NOT NULL,            -- sealed "voice.contact": name and phone as they were said; empty: the person's own
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	CHECK (department IS NOT NULL OR state IN (1, 6, 8))
);
CREATE INDEX voice_person ON voice (person, id);
CREATE INDEX voice_department ON voice (department, id);
CREATE INDEX voice_region ON voice (region, id);
CREATE INDEX voice_case ON voice (case_id, id) WHERE case_id IS NOT NULL;
CREATE INDEX voice_taker ON voice (taker, id) WHERE taker > 0;
CREATE INDEX voice_over ON voice (changed_ms) WHERE state >= 5 AND length(contact) > 0;
CREATE INDEX voice_answered ON voice (answered_on) WHERE state = 4;

-- What happened to it, with the lights of its clocks. Only ever added to.
CREATE TABLE voice_event (
	id BIGINT PRIMARY KEY,
	fact BIGINT NOT NULL,
	voice BIGINT NOT NULL REFERENCES voice (id),
	what BIGINT NOT NULL,              -- services/voice_events.def; 101 to 105: services/case_clock.h's clock_what, of `clock`
	state BIGINT NOT NULL,             -- after it
	by_kind BIGINT NOT NULL,           -- enum who; 0 the gateway itself
	by_id BIGINT NOT NULL,
	clock BIGINT NOT NULL,             -- services/voice_clocks.def; 0 none
	due BIGINT,
	day BIGINT NOT NULL,
	department BIGINT NOT NULL,        -- at whose hands it was; 0 nobody's
	region BIGINT NOT NULL,
	made_ms BIGINT NOT NULL
);
CREATE INDEX voice_event_voice ON voice_event (voice, id);
CREATE INDEX voice_event_day ON voice_event (day, id);

-- sqlite:
CREATE TRIGGER voice_event_no_update BEFORE UPDATE ON voice_event BEGIN
	SELECT RAISE(ABORT, 'voice_event is append-only');
END;;
CREATE TRIGGER voice_event_no_delete BEFORE DELETE ON voice_event BEGIN
	SELECT RAISE(ABORT, 'voice_event is append-only');
END;;
-- end
-- postgres:
CREATE FUNCTION voice_event_refuse() RETURNS trigger AS $$ BEGIN
	RAISE EXCEPTION 'voice_event is append-only';
END $$ LANGUAGE plpgsql;;
CREATE TRIGGER voice_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON voice_event
	FOR EACH STATEMENT EXECUTE FUNCTION voice_event_refuse();;
-- end

-- What was said with an event: an answer, a reason, what a call brought.
CREATE TABLE voice_said (
	id BIGINT PRIMARY KEY REFERENCES voice_event (id),
	text BYTEA NOT NULL                -- sealed "voice_said.text"
);

-- Until when; made and told as case_clock is.
-- clustered
CREATE TABLE voice_clock (
	voice BIGINT NOT NULL REFERENCES voice (id),
	kind BIGINT NOT NULL,              -- services/voice_clocks.def
	phase BIGINT NOT NULL CHECK (phase IN (1, 3)),             -- 1 runs, 3 stopped
	begun BIGINT NOT NULL,
	days BIGINT NOT NULL CHECK (days >= 0),
	extended BIGINT NOT NULL CHECK (extended >= 0),
	region BIGINT NOT NULL,
	calendar BIGINT NOT NULL,
	due BIGINT,
	yellow BIGINT,
	stopped_on BIGINT,
	told BIGINT NOT NULL,
	next_on BIGINT,
	PRIMARY KEY (voice, kind)
);
CREATE INDEX voice_clock_next ON voice_clock (next_on) WHERE phase = 1;
CREATE INDEX voice_clock_made ON voice_clock (calendar) WHERE phase = 1;

-- What was told of a voice, for whoever asks what reached its person.
ALTER TABLE message ADD COLUMN voice BIGINT NOT NULL DEFAULT 0;
CREATE INDEX message_voice ON message (voice, id) WHERE voice > 0;
CREATE INDEX message_case ON message (case_id, id) WHERE case_id > 0;
