-- 0010_mandates.sql: who may act for whom, for what, until when. Rules: auth/mandate.h.

CREATE TABLE mandate (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes, md_… outside
	kind BIGINT NOT NULL,              -- auth/mandate_kinds.def
	state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 5),       -- 1 offered, 2 active, 3 refused, 4 revoked, 5 expired
	holder BIGINT NOT NULL REFERENCES person (id),             -- who acts
	giver BIGINT REFERENCES person (id),                       -- for whom; NULL: nobody here has that number and name, which the holder is not told
	said BYTEA NOT NULL,               -- sealed "mandate.said": giver's number and name as the holder wrote them, all he is ever shown of them
	scopes BIGINT NOT NULL CHECK (scopes > 0),                 -- bits of auth/mandate_scopes.def
	accepted_by BIGINT NOT NULL CHECK (accepted_by BETWEEN 0 AND 4), -- 0 not yet, 1 the code on giver's phone, 2 giver's own session, 4 a window
	made_ms BIGINT NOT NULL,
	until_ms BIGINT NOT NULL,          -- what was asked for
	ends_ms BIGINT NOT NULL,           -- when it ends of itself: an offer soon, an active one at until_ms
	changed_ms BIGINT NOT NULL,
	region BIGINT REFERENCES region (code), -- at whose windows it may be accepted; NULL: at none
	used_ms BIGINT NOT NULL,           -- the first use of the last day it was used on; 0 never
	code BYTEA,                        -- sealed "mandate.code": digits that are not sent yet; NULL: there are none
	code_sent_ms BIGINT NOT NULL,      -- when the last code asked for went to giver's phone; 0: it did not
	CHECK (holder <> giver),
	CHECK (state <> 2 OR (giver IS NOT NULL AND accepted_by > 0))
);
CREATE UNIQUE INDEX mandate_one_active ON mandate (giver, holder, kind) WHERE state = 2;
CREATE INDEX mandate_holder ON mandate (holder, id);
CREATE INDEX mandate_open ON mandate (holder, state) WHERE state IN (1, 2);
CREATE INDEX mandate_giver ON mandate (giver, id) WHERE giver IS NOT NULL;
CREATE INDEX mandate_ends ON mandate (ends_ms) WHERE state IN (1, 2);
CREATE INDEX mandate_code ON mandate (id) WHERE code IS NOT NULL;

-- For which matters alone; no row: for all.
-- clustered
CREATE TABLE mandate_matter (
	mandate BIGINT NOT NULL REFERENCES mandate (id),
	matter BIGINT NOT NULL REFERENCES matter (id),
	PRIMARY KEY (mandate, matter)
);
