-- 0002_cases.sql: what people come for (regions, departments, matters), who they are (sealed, and found by a keyed hash), and where their case is.
-- Codes of state, event, kind: services/case_state.def, auth/identity_number.h. Times are milliseconds since 1970 UTC.

CREATE TABLE region (
	code BIGINT PRIMARY KEY,           -- GB/T 2260, 6 digits; townships 9 digits (GB/T 10114)
	name VARCHAR(30) NOT NULL,
	level BIGINT NOT NULL CHECK (level BETWEEN 1 AND 4),
	parent BIGINT REFERENCES region (code)
);
CREATE INDEX region_parent ON region (parent, code);

CREATE TABLE department (
	id BIGINT PRIMARY KEY,
	code VARCHAR(18) NOT NULL UNIQUE,  -- GB 32100
	name VARCHAR(60) NOT NULL,
	region BIGINT NOT NULL REFERENCES region (code)
);

CREATE TABLE matter (
	id BIGINT PRIMARY KEY,
	code VARCHAR(64) NOT NULL UNIQUE,
	name VARCHAR(100) NOT NULL,
	department BIGINT NOT NULL REFERENCES department (id),
	region BIGINT NOT NULL REFERENCES region (code),
	type BIGINT NOT NULL CHECK (type IN (1, 2)),               -- 1 immediate, 2 commitment
	legal_days BIGINT NOT NULL CHECK (legal_days >= 0),        -- working days
	promised_days BIGINT NOT NULL CHECK (promised_days BETWEEN 0 AND legal_days),
	trips BIGINT NOT NULL CHECK (trips BETWEEN 0 AND 9),
	online BIGINT NOT NULL CHECK (online IN (0, 1))
);
CREATE INDEX matter_department ON matter (department, id);
CREATE INDEX matter_region ON matter (region, id);

CREATE TABLE person (
	id BIGINT PRIMARY KEY,
	-- Keyed hashes of number and phone, each in two columns: while the index key is exchanged the other one fills up, and then is
	-- the one that is asked (auth/keyring.h). A phone is not unique: it may serve a family.
	id_hash_a BYTEA UNIQUE,
	id_hash_b BYTEA UNIQUE,
	phone_hash_a BYTEA,
	phone_hash_b BYTEA,
	facts BYTEA NOT NULL,              -- sealed "person.facts": number, name, phone
	kind BIGINT NOT NULL,              -- auth/identity_number.h; 0: known by a phone alone, so far
	made_ms BIGINT NOT NULL,
	CHECK ((kind = 0) = (id_hash_a IS NULL AND id_hash_b IS NULL))
);
CREATE INDEX person_phone_a ON person (phone_hash_a) WHERE phone_hash_a IS NOT NULL;
CREATE INDEX person_phone_b ON person (phone_hash_b) WHERE phone_hash_b IS NOT NULL;

CREATE TABLE token (
	id BIGINT PRIMARY KEY,
	hash BYTEA NOT NULL UNIQUE,        -- SHA-256 of the text, which nobody keeps
	kind BIGINT NOT NULL CHECK (kind IN (2, 4, 16, 32, 64)),   -- enum who: citizen, department, staff, partner, terminal
	principal_id BIGINT NOT NULL,      -- the row of person, department, …, by kind
	expires_ms BIGINT NOT NULL,
	development BIGINT NOT NULL CHECK (development IN (0, 1)),
	test_key BIGINT NOT NULL CHECK (test_key IN (0, 1)),
	revoked_ms BIGINT,
	made_ms BIGINT NOT NULL
);
CREATE INDEX token_principal ON token (principal_id, kind);

-- What cases are called: names as they were on the day a case was opened. Many cases share a row, and no row ever changes: what was renamed
-- gets a new one with the next opening.
CREATE TABLE case_names (
	id BIGINT PRIMARY KEY,
	matter BIGINT NOT NULL REFERENCES matter (id),
	region BIGINT NOT NULL REFERENCES region (code),
	matter_code VARCHAR(64) NOT NULL,
	matter_name VARCHAR(100) NOT NULL,
	department_name VARCHAR(60) NOT NULL,
	region_name VARCHAR(30) NOT NULL
);
CREATE INDEX case_names_of ON case_names (matter, region, id);

-- sqlite:
CREATE TRIGGER case_names_no_update BEFORE UPDATE ON case_names BEGIN
	SELECT RAISE(ABORT, 'case_names is append-only');
END;;
CREATE TRIGGER case_names_no_delete BEFORE DELETE ON case_names BEGIN
	SELECT RAISE(ABORT, 'case_names is append-only');
END;;
-- end
-- postgres:
CREATE FUNCTION case_names_refuse() RETURNS trigger AS $$ BEGIN
	RAISE EXCEPTION 'case_names is append-only';
END $$ LANGUAGE plpgsql;;
CREATE TRIGGER case_names_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON case_names
	FOR EACH STATEMENT EXECUTE FUNCTION case_names_refuse();;
-- end

-- A short row, and names that are read once and kept: an answer is one point read.
CREATE TABLE cases (
	id BIGINT PRIMARY KEY,
	case_no VARCHAR(25) NOT NULL,      -- unique because it contains the id, permuted
	person BIGINT NOT NULL REFERENCES person (id),
	department BIGINT NOT NULL REFERENCES department (id),
	case_ref VARCHAR(64) NOT NULL,     -- the department's own number
	matter BIGINT NOT NULL REFERENCES matter (id),
	region BIGINT NOT NULL REFERENCES region (code),
	type BIGINT NOT NULL CHECK (type IN (1, 2)),
	state BIGINT NOT NULL CHECK (state >= 1),
	last_seq BIGINT NOT NULL CHECK (last_seq >= 1),
	opened_ms BIGINT NOT NULL,
	updated_ms BIGINT NOT NULL,
	names BIGINT NOT NULL REFERENCES case_names (id),
	UNIQUE (department, case_ref)
);
CREATE INDEX cases_person ON cases (person, id);

-- The timeline. Only ever added to.
-- clustered
CREATE TABLE case_event (
	case_id BIGINT NOT NULL REFERENCES cases (id),
	seq BIGINT NOT NULL CHECK (seq >= 1),
	department BIGINT NOT NULL REFERENCES department (id),
	event_id VARCHAR(64) NOT NULL,
	digest BYTEA NOT NULL,             -- keyed, of the content: tells a repeat from a reuse
	event BIGINT NOT NULL,
	state BIGINT NOT NULL,             -- after the event
	note VARCHAR(200),
	occurred_ms BIGINT NOT NULL,       -- as the department says
	received_ms BIGINT NOT NULL,       -- when it reached us, also for events that waited
	PRIMARY KEY (case_id, seq),
	UNIQUE (department, event_id)
);

-- sqlite:
CREATE TRIGGER case_event_no_update BEFORE UPDATE ON case_event BEGIN
	SELECT RAISE(ABORT, 'case_event is append-only');
END;;
CREATE TRIGGER case_event_no_delete BEFORE DELETE ON case_event BEGIN
	SELECT RAISE(ABORT, 'case_event is append-only');
END;;
-- end
-- postgres:
CREATE FUNCTION case_event_refuse() RETURNS trigger AS $$ BEGIN
	RAISE EXCEPTION 'case_event is append-only';
END $$ LANGUAGE plpgsql;;
CREATE TRIGGER case_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON case_event
	FOR EACH STATEMENT EXECUTE FUNCTION case_event_refuse();;
-- end

-- Events that came before their turn, and those whose turn came in the wrong state.
CREATE TABLE held_event (
	id BIGINT PRIMARY KEY,
	department BIGINT NOT NULL REFERENCES department (id),
	case_ref VARCHAR(64) NOT NULL,
	seq BIGINT NOT NULL CHECK (seq >= 2),
	refused_in BIGINT NOT NULL CHECK (refused_in >= 0),        -- 0 waiting; else the state that did not allow it
	event_id VARCHAR(64) NOT NULL,
	digest BYTEA NOT NULL,
	event BIGINT NOT NULL,
	note VARCHAR(200),
	occurred_ms BIGINT NOT NULL,
	received_ms BIGINT NOT NULL,
	UNIQUE (department, event_id)
);
CREATE UNIQUE INDEX held_event_waiting ON held_event (department, case_ref, seq) WHERE refused_in = 0;
CREATE INDEX held_event_refused ON held_event (department, case_ref, seq) WHERE refused_in > 0;
