-- 0004_effects.sql: what is to be done outside, written in the transaction of what caused it and done after its COMMIT.
-- Kinds, ladders and crash rules: notify/effects.def. States and who moves them: notify/effect.h.

CREATE TABLE effect (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,          -- 16 bytes, time-ordered: our name for it at the receiver, the same on every attempt
	kind BIGINT NOT NULL,
	state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 7),
	subject VARCHAR(64) NOT NULL,       -- one in flight and in order per subject; '' is none
	waits BIGINT NOT NULL CHECK (waits BETWEEN 0 AND 1),     -- 1: another of its subject has the turn
	held_by BIGINT NOT NULL CHECK (held_by BETWEEN 0 AND 4), -- why it is held: effect.h
	person BIGINT NOT NULL,             -- whom it is about; 0 nobody
	message BIGINT NOT NULL,            -- the message whose rung it is; 0 none
	attempts BIGINT NOT NULL,           -- all there ever were
	rung BIGINT NOT NULL,               -- how many of them since it was last put on the ladder
	asks BIGINT NOT NULL,               -- sending, and the receiver is asked what became of it: the how-manieth question is due at due_ms
	due_ms BIGINT NOT NULL,             -- not before; while an attempt is under way: since when
	expires_ms BIGINT NOT NULL,         -- after that it is no use any more: failed
	done_ms BIGINT NOT NULL,            -- when the attempt that did it ended; 0: none, or a question or a receipt told that one had
	receipt BIGINT NOT NULL CHECK (receipt BETWEEN 0 AND 2), -- what the provider said later: 0 nothing, 1 arrived, 2 did not
	code VARCHAR(64) NOT NULL,          -- the last word of provider or transport, '' none
	ref VARCHAR(96) NOT NULL,           -- the provider's number for it, '' none
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	CHECK ((state = 6) = (held_by > 0))
);
-- Conditions of indexes stand in comparisons: with an IN list SQLite builds a table for it at each change of a row (measured: a third of an effect's cost).
-- The notifier's schedule: what is due, what is under way, by kind and time. A start reads nothing else.
CREATE INDEX effect_step ON effect (state, kind, due_ms) WHERE waits = 0 AND state <= 2;
-- The turn of a subject: one has it, and the database itself refuses a second.
CREATE UNIQUE INDEX effect_turn ON effect (subject) WHERE subject <> '' AND waits = 0 AND (state <= 2 OR state = 6);
CREATE INDEX effect_waiting ON effect (subject, id) WHERE waits = 1;
CREATE INDEX effect_shown ON effect (state, changed_ms) WHERE state >= 4 AND state <= 6; -- failed, unknown, held: what an operator lists
CREATE INDEX effect_message ON effect (message) WHERE message > 0;
CREATE INDEX effect_person ON effect (person) WHERE person > 0;

-- What to say to the receiver. Not in the effect's row, which is written again when it is marked and when it ends.
CREATE TABLE effect_payload (
	effect BIGINT PRIMARY KEY REFERENCES effect (id),
	payload BYTEA NOT NULL              -- sealed "effect.payload"
);

-- Each try that did not do it, for the trace that a citizen and an operator read; what is under way, and what did it, is known by its effect. Only ever added to.
-- clustered
CREATE TABLE effect_attempt (
	effect BIGINT NOT NULL REFERENCES effect (id),
	n BIGINT NOT NULL CHECK (n >= 1),
	began_ms BIGINT NOT NULL,
	ended_ms BIGINT,                    -- NULL: the process died meanwhile
	verdict BIGINT NOT NULL,            -- channels/codec.h
	http_status BIGINT,
	code VARCHAR(64) NOT NULL,
	PRIMARY KEY (effect, n)
);

-- An account that takes nothing more until an operator resumes it: no money, key refused. A row is a stop.
-- clustered
CREATE TABLE account_stop (
	account VARCHAR(32) PRIMARY KEY,    -- a name of notify/accounts.def
	stopped_ms BIGINT NOT NULL,
	code VARCHAR(64) NOT NULL           -- the provider's word for it
);

-- What platforms send us, whole and sealed, before anyone understands it.
CREATE TABLE raw_callback (
	id BIGINT PRIMARY KEY,
	source BIGINT NOT NULL,             -- services/callback.c
	digest BYTEA NOT NULL,              -- keyed, of the body: a repeat is kept once
	body BYTEA NOT NULL,                -- sealed "raw_callback.body"
	reports BIGINT NOT NULL,            -- how many are in it
	taken BIGINT NOT NULL,              -- how many of them were told to their effects, from the first on
	unmatched BIGINT NOT NULL,          -- reports in it about nothing we know
	made_ms BIGINT NOT NULL,
	UNIQUE (source, digest)
);
CREATE INDEX raw_callback_made ON raw_callback (made_ms);
CREATE INDEX raw_callback_open ON raw_callback (id) WHERE taken < reports;
