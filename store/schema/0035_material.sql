-- 0035_material.sql: what an applicant uploads (services/material.h): for which material of the guide, and in which editions of the application it was there.
CREATE TABLE application_material (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes, mt_… outside
	application BIGINT NOT NULL REFERENCES application (id),
	number BIGINT NOT NULL CHECK (number >= 1),                -- its place in the pinned guide's list of materials, from 1
	blob BIGINT NOT NULL REFERENCES blob (id),
	kind BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 3),         -- services/media.h
	bytes BIGINT NOT NULL,
	maker BIGINT NOT NULL REFERENCES person (id),
	added BIGINT NOT NULL,             -- the application's edition that has it first
	removed BIGINT,                    -- the one that no longer has it; NULL: it is there
	made_ms BIGINT NOT NULL
);
CREATE INDEX application_material_of ON application_material (application, id);
CREATE INDEX application_material_blob ON application_material (blob);
