-- 0014_terminals.sql: self-service machines, and what a citizen hands over to one. Rules: auth/terminal.h.

CREATE TABLE terminal (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes, tm_… outside
	name VARCHAR(40) NOT NULL,         -- what is written on it
	place VARCHAR(40) NOT NULL,        -- where it stands, in a citizen's words
	region BIGINT NOT NULL REFERENCES region (code),
	certificate BYTEA NOT NULL UNIQUE, -- SHA-256 of its client certificate
	until_ms BIGINT NOT NULL,          -- the certificate's own end
	made_ms BIGINT NOT NULL,
	revoked_ms BIGINT
);

-- A citizen's yes to a code that a terminal showed him. A row for each code, so a second yes and a second taking find it.
CREATE TABLE hand_over (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes of the code's digest, ho_… outside
	terminal BIGINT NOT NULL REFERENCES terminal (id),
	visit BIGINT NOT NULL REFERENCES session (id),       -- the terminal's session that showed the code
	person BIGINT NOT NULL REFERENCES person (id),
	approved_by BIGINT NOT NULL REFERENCES session (id), -- on the citizen's own device
	level BIGINT NOT NULL CHECK (level BETWEEN 1 AND 2),
	until_ms BIGINT NOT NULL,          -- to be taken by then
	opened BIGINT REFERENCES session (id)                -- what it was taken for; NULL: not yet
);
CREATE INDEX hand_over_until ON hand_over (until_ms);
CREATE INDEX hand_over_person ON hand_over (person, id);

-- The terminal a session is at, its own visits and citizens' sessions alike. NULL: at none.
ALTER TABLE session ADD COLUMN terminal BIGINT REFERENCES terminal (id);
CREATE INDEX session_terminal ON session (terminal, id) WHERE ended_ms IS NULL AND terminal IS NOT NULL;
