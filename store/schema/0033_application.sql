-- 0033_application.sql: applications (申请) as citizens write them, and what of them was handed in (services/application.h).

CREATE TABLE application (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,         -- 16 bytes, ap_… outside
	state BIGINT NOT NULL CHECK (state IN (1, 2)),             -- 1 draft, 2 submitted
	person BIGINT NOT NULL REFERENCES person (id),
	maker BIGINT NOT NULL REFERENCES person (id),              -- who began it: the person himself, or who acts for him
	matter BIGINT NOT NULL REFERENCES matter (id),
	guide BIGINT NOT NULL REFERENCES guide (id),               -- pinned: what was demanded then is what counts
	department BIGINT NOT NULL REFERENCES department (id),
	region BIGINT NOT NULL REFERENCES region (code),
	edition BIGINT NOT NULL CHECK (edition >= 1),              -- one more with every change: the ETag
	case_id BIGINT UNIQUE REFERENCES cases (id),
	answers BYTEA NOT NULL,            -- sealed "application.answers": JSON, by the keys of the guide's form
	made_ms BIGINT NOT NULL,
	changed_ms BIGINT NOT NULL,
	CHECK ((case_id IS NULL) = (state = 1))
);
CREATE INDEX application_person ON application (person, id);
CREATE INDEX application_drafts ON application (changed_ms) WHERE state = 1;

-- What was handed in, each time: the first, and after it was returned or something was asked for.
CREATE TABLE application_submission (
	id BIGINT PRIMARY KEY,
	application BIGINT NOT NULL REFERENCES application (id),
	n BIGINT NOT NULL CHECK (n >= 1),
	edition BIGINT NOT NULL,           -- of the application then
	maker BIGINT NOT NULL REFERENCES person (id),              -- who handed it in
	seq BIGINT NOT NULL,               -- of the case's event
	answers BYTEA NOT NULL,            -- sealed "application_submission.answers"
	made_ms BIGINT NOT NULL,
	UNIQUE (application, n)
);
