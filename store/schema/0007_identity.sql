-- 0007_identity.sql: ways in, devices, sessions, and what a token belongs to. Rules: auth/login.h, auth/session.h, auth/refresh.h.

-- A way in: a phone that answered with its code, a WeChat account, an account of the province's login; and the person it leads to. A phone may lead to
-- several persons of a family. What departments say about an applicant's phone is in person.facts, and opens nothing.
CREATE TABLE login (
	id BIGINT PRIMARY KEY,
	kind BIGINT NOT NULL CHECK (kind IN (1, 2, 3)),            -- 1 phone, 2 WeChat, 3 provincial login
	-- Keyed hash of the phone, the openid or the subject, in two columns as a person's are.
	hash_a BYTEA,
	hash_b BYTEA,
	value BYTEA NOT NULL,              -- sealed "login.value"
	person BIGINT NOT NULL REFERENCES person (id),
	level BIGINT NOT NULL CHECK (level BETWEEN 1 AND 2),       -- what it opens: 2 after the person confirmed his identity over it
	made_ms BIGINT NOT NULL,
	seen_ms BIGINT NOT NULL,           -- the last time it opened a session, or that session was refreshed
	ended_ms BIGINT,                   -- it leads nowhere any more: the phone was given up, or now is somebody else's
	CHECK (hash_a IS NOT NULL OR hash_b IS NOT NULL)
);
CREATE INDEX login_a ON login (hash_a, kind) WHERE hash_a IS NOT NULL;
CREATE INDEX login_b ON login (hash_b, kind) WHERE hash_b IS NOT NULL;
CREATE INDEX login_person ON login (person, id);

-- Which phones and computers a person has come from. The hash is of a secret of the device's own (at least 128 random bits).
-- clustered
CREATE TABLE device (
	person BIGINT NOT NULL REFERENCES person (id),
	device_hash BYTEA NOT NULL,
	seen_ms BIGINT NOT NULL,
	PRIMARY KEY (person, device_hash)
);

CREATE TABLE session (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes, se_… outside
	kind BIGINT NOT NULL CHECK (kind IN (2, 4, 16, 32, 64)),   -- enum who
	principal_id BIGINT NOT NULL,      -- the row of person, department, …, by kind
	login BIGINT REFERENCES login (id), -- NULL: of no citizen
	device_hash BYTEA,
	name BYTEA NOT NULL,               -- sealed "session.name": what the person calls the device
	level BIGINT NOT NULL CHECK (level BETWEEN 0 AND 4),
	level3_until_ms BIGINT NOT NULL,   -- a face was shown at most 15 minutes before that
	rights BIGINT NOT NULL CHECK (rights >= 0),                -- bits of auth/rights.def
	region BIGINT NOT NULL,            -- of staff: the root of what they see; 0 all
	made_ms BIGINT NOT NULL,
	seen_ms BIGINT NOT NULL,
	expires_ms BIGINT NOT NULL,
	ended_ms BIGINT,
	end_reason BIGINT NOT NULL,        -- auth/session.h; 0 not ended
	CHECK ((ended_ms IS NULL) = (end_reason = 0))
);
CREATE INDEX session_principal ON session (principal_id, kind, id) WHERE ended_ms IS NULL;
CREATE INDEX session_expires ON session (expires_ms);

-- NULL: made by the operator's hand, belongs to no session.
ALTER TABLE token ADD COLUMN session BIGINT REFERENCES session (id);
CREATE INDEX token_expires ON token (expires_ms);

-- Refresh tokens of a session. Each serves once; the newest is the only one that should still be unused. States and what each use means: auth/refresh.h.
CREATE TABLE refresh (
	id BIGINT PRIMARY KEY,
	hash BYTEA NOT NULL UNIQUE,        -- SHA-256 of the text, which nobody keeps
	session BIGINT NOT NULL REFERENCES session (id),
	parent BIGINT NOT NULL,            -- the one it was given for; 0 the first
	state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 3),       -- 1 unused, 2 spent, 3 superseded
	expires_ms BIGINT NOT NULL,
	spent_ms BIGINT NOT NULL           -- 0 not yet
);
CREATE INDEX refresh_session ON refresh (session, id);
CREATE INDEX refresh_expires ON refresh (expires_ms);

-- Codes sent to a phone on a day: the count that an emptied expiring store does not set back.
-- clustered
CREATE TABLE otp_day (
	phone_hash BYTEA NOT NULL,         -- keyed
	day BIGINT NOT NULL,               -- days since 1970 in Asia/Shanghai
	sent BIGINT NOT NULL,
	to_strangers BIGINT NOT NULL,      -- of these, asked for by a device this phone never opened a session on
	last_ms BIGINT NOT NULL,
	PRIMARY KEY (phone_hash, day)
);
CREATE INDEX otp_day_day ON otp_day (day);

-- Wrong pairs of an account and a number: five lock that pair, and nobody else's, for a day.
-- clustered
CREATE TABLE identity_try (
	person BIGINT NOT NULL REFERENCES person (id),
	number_hash BYTEA NOT NULL,        -- keyed, of the number that was tried; of "face" for faces
	failures BIGINT NOT NULL,
	last_ms BIGINT NOT NULL,
	PRIMARY KEY (person, number_hash)
);
CREATE INDEX identity_try_last ON identity_try (last_ms);

-- Somebody known by a phone alone turned out to be somebody who is known: what was his goes there. Nothing is deleted, so that it can be undone.
CREATE TABLE person_merge (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes, pm_… outside
	from_person BIGINT NOT NULL REFERENCES person (id),
	into_person BIGINT NOT NULL REFERENCES person (id),
	from_login BIGINT NOT NULL REFERENCES login (id), -- ended by the merge
	made_login BIGINT REFERENCES login (id),          -- made by it; NULL: the way was there already
	made_ms BIGINT NOT NULL,
	undone_ms BIGINT,
	CHECK (from_person <> into_person)
);
CREATE INDEX person_merge_into ON person_merge (into_person, id);
