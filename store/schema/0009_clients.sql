-- 0009_clients.sql: systems that speak for a department or a courier company, and the keys and certificates they prove it with. Rules: auth/client.h.

-- A courier company.
CREATE TABLE partner (
	id BIGINT PRIMARY KEY,
	code VARCHAR(32) NOT NULL UNIQUE,
	name VARCHAR(60) NOT NULL,
	made_ms BIGINT NOT NULL
);

CREATE TABLE client (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes, cl_… outside
	kind BIGINT NOT NULL CHECK (kind IN (4, 32)),              -- enum who: department, partner
	principal_id BIGINT NOT NULL,      -- the row of department or partner, by kind
	name VARCHAR(60) NOT NULL,         -- of the system
	rights BIGINT NOT NULL CHECK (rights >= 0),                -- bits of auth/rights.def: its scopes
	test_key BIGINT NOT NULL CHECK (test_key IN (0, 1)),
	networks VARCHAR(1024) NOT NULL,   -- CIDR, comma separated; '' from anywhere
	made_ms BIGINT NOT NULL,
	disabled_ms BIGINT                 -- its keys open nothing; NULL: they do
);
CREATE INDEX client_principal ON client (principal_id, kind, id);

-- What a client proves itself with: a secret, or a certificate that an authority of the host vouches for.
CREATE TABLE client_key (
	id BIGINT PRIMARY KEY,
	client BIGINT NOT NULL REFERENCES client (id),
	secret_hash BYTEA UNIQUE,          -- SHA-256 of the text, which nobody keeps
	certificate BYTEA UNIQUE,          -- SHA-256 of the certificate
	from_ms BIGINT NOT NULL,
	until_ms BIGINT NOT NULL,
	used_ms BIGINT NOT NULL,           -- written at most once an hour; 0 never
	revoked_ms BIGINT,
	CHECK (until_ms > from_ms),
	CHECK ((secret_hash IS NULL) <> (certificate IS NULL))
);
CREATE INDEX client_key_client ON client_key (client, id);

-- What a session was opened with, so that it ends with the key. NULL: with something else.
ALTER TABLE session ADD COLUMN client_key BIGINT REFERENCES client_key (id);
CREATE INDEX session_client_key ON session (client_key, id) WHERE ended_ms IS NULL AND client_key IS NOT NULL;

-- SHA-256 of the client certificate without which the session's tokens open nothing. NULL: they need none.
ALTER TABLE session ADD COLUMN certificate BYTEA;
