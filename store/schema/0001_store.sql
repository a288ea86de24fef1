-- 0001_store.sql: what the store keeps about itself.
--
-- How these files are written (store/dialect.c reads them). The text is portable: BIGINT, VARCHAR(n), BYTEA, PRIMARY KEY,
-- UNIQUE, CHECK, REFERENCES, CREATE INDEX; never DEFERRABLE. For SQLite BIGINT becomes INTEGER, VARCHAR(n) TEXT, BYTEA BLOB,
-- and every table is STRICT. For PostgreSQL a table whose first column is "id BIGINT PRIMARY KEY" gets a sequence seq_<table>
-- beside it, where its next id comes from. A statement ends with ";" at the end of a line (a comment may follow).
--   -- clustered       alone on a line before CREATE TABLE: rows live in the primary key (SQLite: WITHOUT ROWID)
--   -- sqlite:         from here to the next "-- end" the text is for SQLite only and taken as it stands; likewise -- postgres:
--   -- end             CREATE TRIGGER (and FUNCTION) in such a block ends with ";;" at the end of a line, all else with ";"
-- A file that was applied anywhere is never edited again: its digest is kept, and a difference stops the start.

CREATE TABLE schema_migration (
	number BIGINT PRIMARY KEY,
	name VARCHAR(64) NOT NULL UNIQUE,
	sha256 BYTEA NOT NULL,             -- of the file as it was applied
	applied_at_ms BIGINT NOT NULL
);

CREATE TABLE meta (
	name VARCHAR(64) PRIMARY KEY,
	value BYTEA NOT NULL
);

-- What a client was told, under its Idempotency-Key (store/outcome.h).
-- clustered
CREATE TABLE outcome (
	who_kind BIGINT NOT NULL,
	who_id BIGINT NOT NULL,
	day BIGINT NOT NULL,               -- days since 1970 UTC: new keys of one caller lie side by side
	route BIGINT NOT NULL,
	key_hash BYTEA NOT NULL,
	body_hash BYTEA NOT NULL,
	code BIGINT NOT NULL CHECK (code > 0),
	status BIGINT NOT NULL CHECK (status BETWEEN 200 AND 299),
	n0 BIGINT NOT NULL,
	n1 BIGINT NOT NULL,
	n2 BIGINT NOT NULL,
	n3 BIGINT NOT NULL,
	n4 BIGINT NOT NULL,
	n5 BIGINT NOT NULL,
	text BYTEA NOT NULL,               -- sealed "outcome.text"; nothing sealed when there is none
	made_ms BIGINT NOT NULL,
	PRIMARY KEY (who_kind, who_id, day, route, key_hash)
);
-- For the purge. By time and not by day, so that every write appends to the same page.
CREATE INDEX outcome_made ON outcome (made_ms);
