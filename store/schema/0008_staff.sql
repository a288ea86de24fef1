-- 0008_staff.sql: those who work with siban, what each may do, and what two of them must agree on. Rules: auth/staff.h, auth/proposal.h.

CREATE TABLE staff (
	id BIGINT PRIMARY KEY,
	account VARCHAR(32) NOT NULL UNIQUE,   -- what is typed at login; never given to another person
	name BYTEA NOT NULL,                   -- sealed "staff.name"
	department BIGINT REFERENCES department (id), -- NULL: of none
	region BIGINT NOT NULL REFERENCES region (code), -- the root of what this person sees
	roles BIGINT NOT NULL CHECK (roles >= 0),  -- bits of auth/roles.def
	state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 3), -- 1 invited, 2 active, 3 closed
	password VARCHAR(128) NOT NULL,        -- argon2id text; '' while invited
	password_ms BIGINT NOT NULL,           -- when it was chosen
	totp BYTEA NOT NULL,                   -- sealed "staff.totp"
	totp_step BIGINT NOT NULL,             -- the last step that served; a code serves once
	invitation BYTEA UNIQUE,               -- SHA-256 of the code that activates the account, NULL when used
	invited_until_ms BIGINT NOT NULL,
	certificate BYTEA UNIQUE,              -- SHA-256 of a client certificate that stands for the digits; NULL: none
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL
);
CREATE INDEX staff_region ON staff (region, id);

-- Former passwords, so that none of the last five comes again.
-- clustered
CREATE TABLE staff_password (
	staff BIGINT NOT NULL REFERENCES staff (id),
	n BIGINT NOT NULL CHECK (n >= 1),
	password VARCHAR(128) NOT NULL,
	PRIMARY KEY (staff, n)
);

-- Addresses from which an account has opened a session: a pause that strangers brought upon it does not hold there. The hash is keyed; when the index key
-- has been exchanged every address is strange once.
-- clustered
CREATE TABLE staff_place (
	staff BIGINT NOT NULL REFERENCES staff (id),
	address_hash BYTEA NOT NULL,
	seen_ms BIGINT NOT NULL,
	PRIMARY KEY (staff, address_hash)
);

-- What one person proposes and another decides.
CREATE TABLE proposal (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,             -- 16 bytes, pp_… outside
	kind BIGINT NOT NULL,                  -- auth/proposals.def
	state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 5), -- 1 open, 2 approved, 3 refused, 4 withdrawn, 5 expired
	subject BIGINT NOT NULL,               -- the row it is about; 0 one that does not exist yet
	region BIGINT NOT NULL REFERENCES region (code),
	payload BYTEA NOT NULL,                -- sealed "proposal.payload"
	maker BIGINT NOT NULL REFERENCES staff (id),
	maker_session BIGINT NOT NULL,
	checker BIGINT REFERENCES staff (id),
	checker_session BIGINT,
	note BYTEA,                            -- sealed "proposal.note": why it was refused
	made_ms BIGINT NOT NULL,
	expires_ms BIGINT NOT NULL,
	decided_ms BIGINT,
	CHECK ((checker IS NULL) = (state IN (1, 4, 5))),
	CHECK (checker IS NULL OR checker <> maker),
	CHECK (checker_session IS NULL OR checker_session <> maker_session)
);
-- Two open proposals about one thing would be decided in an order nobody meant.
CREATE UNIQUE INDEX proposal_one_open ON proposal (kind, subject) WHERE state = 1 AND subject > 0;
CREATE INDEX proposal_open ON proposal (expires_ms) WHERE state = 1;
CREATE INDEX proposal_region ON proposal (region, id);
