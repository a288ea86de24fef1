-- 0015_rights.sql: what a person may ask of us about himself, how long what we hold is kept, and what must not go away meanwhile. Rules: auth/retention.def,
-- services/erasure.h.

-- A person wants to be forgotten: it waits some days, can be taken back until it begins, and is done by a job.
CREATE TABLE erasure (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes, er_… outside
	person BIGINT NOT NULL REFERENCES person (id),
	state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 4), -- 1 waiting, 2 taken back, 3 under way, 4 done
	asked_ms BIGINT NOT NULL,
	due_ms BIGINT NOT NULL,
	ended_ms BIGINT
);
CREATE UNIQUE INDEX erasure_one ON erasure (person) WHERE state = 1 OR state = 3;
CREATE INDEX erasure_due ON erasure (due_ms) WHERE state = 1 OR state = 3;
CREATE INDEX erasure_person_asked ON erasure (person, id);

-- Whom it takes: the person, and accounts that were merged into him.
-- clustered
CREATE TABLE erasure_person (
	erasure BIGINT NOT NULL REFERENCES erasure (id),
	person BIGINT NOT NULL REFERENCES person (id),
	is_done BIGINT NOT NULL CHECK (is_done IN (0, 1)),
	PRIMARY KEY (erasure, person)
);

-- What a court or an investigation needs: while such a row is open nothing of this person is deleted or erased. Two people place it, two release it.
CREATE TABLE legal_hold (
	id BIGINT PRIMARY KEY,
	person BIGINT NOT NULL REFERENCES person (id),
	case_id BIGINT NOT NULL REFERENCES cases (id), -- the case by which he was named
	reason BYTEA NOT NULL,             -- sealed "legal_hold.reason"
	placed_ms BIGINT NOT NULL,
	placed_by BIGINT NOT NULL REFERENCES proposal (id),
	released_ms BIGINT,
	released_by BIGINT REFERENCES proposal (id),
	CHECK ((released_ms IS NULL) = (released_by IS NULL))
);
CREATE UNIQUE INDEX legal_hold_open ON legal_hold (person) WHERE released_ms IS NULL;

-- What people are told about their data, version by version, and who agreed to which. Rules: services/consent.h.
CREATE TABLE notice (
	version VARCHAR(16) PRIMARY KEY,
	from_ms BIGINT NOT NULL,           -- in force from then on, until the next is
	title VARCHAR(60) NOT NULL,
	text VARCHAR(4000) NOT NULL
);
CREATE TABLE consent (
	id BIGINT PRIMARY KEY,
	person BIGINT NOT NULL REFERENCES person (id),
	notice VARCHAR(16) NOT NULL REFERENCES notice (version),
	given_ms BIGINT NOT NULL,
	withdrawn_ms BIGINT
);
CREATE UNIQUE INDEX consent_given ON consent (person, notice) WHERE withdrawn_ms IS NULL;
CREATE INDEX consent_person ON consent (person, id);

-- The record of acts, by whom and about whom: for a person's own export.
CREATE INDEX audit_subject ON audit (subject_kind, subject_id, id);
CREATE INDEX audit_actor ON audit (actor_kind, actor_id, id);

-- For deletions: rows that refer to what goes.
CREATE INDEX token_session ON token (session) WHERE session IS NOT NULL;
CREATE INDEX session_login ON session (login) WHERE login IS NOT NULL;
CREATE INDEX person_merge_from ON person_merge (from_person);
CREATE INDEX person_merge_from_login ON person_merge (from_login);
CREATE INDEX person_merge_made_login ON person_merge (made_login) WHERE made_login IS NOT NULL;
CREATE INDEX session_of ON session (principal_id, kind, id);
