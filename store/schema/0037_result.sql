-- 0037_result.sql: what came of a case (services/result.h), and what hooks are told of (services/hook.h).

CREATE TABLE case_result (
	id BIGINT PRIMARY KEY,
	case_id BIGINT NOT NULL UNIQUE REFERENCES cases (id),
	decision BIGINT NOT NULL CHECK (decision IN (1, 2)),       -- 1 granted, 2 refused
	version BIGINT NOT NULL CHECK (version >= 1),              -- one more with each correction
	document_no VARCHAR(60) NOT NULL,
	sha256 BYTEA,                      -- of the document, as its department says or as it came; NULL: neither
	blob BIGINT REFERENCES blob (id),  -- the document; NULL: it was not uploaded, or its person is gone
	bytes BIGINT NOT NULL,
	collect BIGINT NOT NULL CHECK (collect IN (0, 1)),         -- it lies ready at a window
	place VARCHAR(100),                -- where
	code BYTEA,                        -- of the pick-up code that is good: keyed digest; NULL: none is
	code_ms BIGINT,
	code_by BIGINT REFERENCES person (id),                     -- who asked for it: the person himself, or who acts for him
	code_mandate BIGINT,               -- by this mandate; NULL: himself
	handed_ms BIGINT,                  -- NULL: it was not handed out
	handed_by BIGINT REFERENCES staff (id),
	handed_to BIGINT REFERENCES person (id),
	handed_mandate BIGINT,
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	CHECK ((handed_ms IS NULL) = (handed_by IS NULL) AND (handed_ms IS NULL) = (handed_to IS NULL)),
	CHECK (handed_ms IS NULL OR code IS NULL)                  -- a code serves once
);
CREATE INDEX case_result_blob ON case_result (blob) WHERE blob IS NOT NULL;

-- Bits: 1 alerts of limits and supplements, 2 applications.
ALTER TABLE hook ADD COLUMN tells BIGINT NOT NULL DEFAULT 1;
