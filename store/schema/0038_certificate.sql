-- 0038_certificate.sql: electronic certificates (电子证照) that an applicant names in place of a material (services/material_certificate.h).
CREATE TABLE application_certificate (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes, mt_… outside
	application BIGINT NOT NULL REFERENCES application (id),
	number BIGINT NOT NULL CHECK (number >= 1),                -- its place in the pinned guide's list of materials, from 1
	type_code VARCHAR(40) NOT NULL,    -- of the certificates' catalogue (证照类型代码)
	tail VARCHAR(8) NOT NULL,          -- the last of its number, for its owner to know it by
	sha256 BYTEA NOT NULL,             -- of the certificate, as its platform says
	said BYTEA NOT NULL,               -- sealed "application_certificate.said": JSON, its number, name, issuer and end
	maker BIGINT NOT NULL REFERENCES person (id),
	added BIGINT NOT NULL,             -- the application's edition that has it first
	removed BIGINT,                    -- the one that no longer has it; NULL: it is there
	made_ms BIGINT NOT NULL
);
CREATE INDEX application_certificate_of ON application_certificate (application, id);
