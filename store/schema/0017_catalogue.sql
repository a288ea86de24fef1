-- 0017_catalogue.sql: guides by version, how they come in as a whole, and the halls they lead to.

-- A load is a file of guides on its way in. What it brought is seen by nobody until it is flipped, and then by everybody: one row changes.
CREATE TABLE catalogue_load (
	id BIGINT PRIMARY KEY,
	state BIGINT NOT NULL CHECK (state IN (1, 2, 3)),          -- 1 open, 2 flipped: seen, 3 given up: its guides are being forgotten
	rows BIGINT NOT NULL,
	made_ms BIGINT NOT NULL
);
-- What is published one by one.
INSERT INTO catalogue_load (id, state, rows, made_ms) VALUES (0, 2, 0, 0);

-- One row: grows whenever what citizens see of the catalogue changes; the search is made anew then.
CREATE TABLE catalogue_state (
	id BIGINT PRIMARY KEY CHECK (id = 1),
	generation BIGINT NOT NULL
);
INSERT INTO catalogue_state (id, generation) VALUES (1, 1);

CREATE TABLE hall (
	id BIGINT PRIMARY KEY,
	code VARCHAR(32) NOT NULL UNIQUE,
	name VARCHAR(60) NOT NULL,
	region BIGINT NOT NULL REFERENCES region (code),
	address VARCHAR(120) NOT NULL,
	hours VARCHAR(200) NOT NULL,
	transport VARCHAR(200) NOT NULL,
	phone VARCHAR(40) NOT NULL
);
CREATE INDEX hall_region ON hall (region, id);

-- The composite windows (综合窗口) of a hall; kinds: guide_words.def, WINDOW.
-- clustered
CREATE TABLE hall_window (
	hall BIGINT NOT NULL REFERENCES hall (id),
	kind BIGINT NOT NULL,
	name VARCHAR(60) NOT NULL,
	PRIMARY KEY (hall, kind)
);

CREATE TABLE guide (
	id BIGINT PRIMARY KEY,
	matter BIGINT NOT NULL REFERENCES matter (id),
	version BIGINT NOT NULL CHECK (version >= 1),
	load BIGINT NOT NULL REFERENCES catalogue_load (id),
	state BIGINT NOT NULL CHECK (state IN (2, 3)),             -- 2 published, 3 withdrawn
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,        -- when it came into its state
	digest BYTEA NOT NULL,             -- SHA-256 of body: whether a file brings anything new
	-- picked out of the body, for lists
	name VARCHAR(100) NOT NULL,
	department BIGINT NOT NULL REFERENCES department (id),
	region BIGINT NOT NULL REFERENCES region (code),
	type BIGINT NOT NULL CHECK (type IN (1, 2)),
	legal_days BIGINT NOT NULL CHECK (legal_days >= 0),
	promised_days BIGINT NOT NULL CHECK (promised_days BETWEEN 0 AND legal_days),
	trips BIGINT NOT NULL CHECK (trips BETWEEN 0 AND 9),
	online BIGINT NOT NULL CHECK (online BETWEEN 1 AND 4),     -- guide_words.def, ONLINE
	topics BIGINT NOT NULL,
	published_on BIGINT NOT NULL,      -- a day
	batch BIGINT NOT NULL,
	aliases VARCHAR(1000) NOT NULL,
	words VARCHAR(24000) NOT NULL,     -- conditions, materials, results and questions, for the search
	body VARCHAR(49152) NOT NULL,      -- the guide, JSON in the one form of services/guide.h
	UNIQUE (matter, version)
);
CREATE INDEX guide_load ON guide (load, id);

-- The version a case was opened under: what was demanded then is what counts.
ALTER TABLE cases ADD COLUMN guide BIGINT;
