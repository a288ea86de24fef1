-- 0019_guide_draft.sql: guides on their way to being published. Rules: services/guide_draft.h.

CREATE TABLE guide_draft (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,             -- 16 bytes, gd_… outside
	state BIGINT NOT NULL CHECK (state IN (1, 2)), -- 1 draft, 2 published
	maker BIGINT NOT NULL REFERENCES staff (id),
	code VARCHAR(64) NOT NULL,             -- of the matter, which may not be there yet
	name VARCHAR(100) NOT NULL,
	department BIGINT NOT NULL REFERENCES department (id),
	region BIGINT NOT NULL REFERENCES region (code),
	based_on BIGINT REFERENCES guide (id), -- the matter's newest version when it was written; NULL: there was none
	guide BIGINT REFERENCES guide (id),    -- the version that came of it
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,            -- when it came into its state
	body VARCHAR(49152) NOT NULL,          -- as guide.body
	CHECK ((guide IS NULL) = (state = 1))
);
CREATE INDEX guide_draft_region ON guide_draft (region, id);
