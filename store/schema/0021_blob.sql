-- 0021_blob.sql: large things of people (auth/blob.h), and where they lie when the database is a server's (store/blob_rows.c).

-- A file of somebody's, kept once however often he brings it. It was whole and durable before its row was made, so no state is needed.
CREATE TABLE blob (
	id BIGINT PRIMARY KEY,
	person BIGINT NOT NULL REFERENCES person (id),
	name BYTEA NOT NULL UNIQUE,        -- 16 bytes: what the store calls it
	content_hash BYTEA NOT NULL,       -- of person and content, under the index key of its day: tells only a repeat from something new
	bytes BIGINT NOT NULL CHECK (bytes >= 0),
	media VARCHAR(100) NOT NULL,
	made_ms BIGINT NOT NULL,
	free_ms BIGINT,                    -- since then nothing refers to it
	head BYTEA NOT NULL,               -- sealed "blob.head": its own key, and the digest of the content
	UNIQUE (person, content_hash)
);
CREATE INDEX blob_free ON blob (free_ms) WHERE free_ms IS NOT NULL;

-- Who needs it. Kinds: auth/blob_owners.def.
-- clustered
CREATE TABLE blob_ref (
	owner_kind BIGINT NOT NULL,
	owner_id BIGINT NOT NULL,
	blob BIGINT NOT NULL REFERENCES blob (id),
	PRIMARY KEY (owner_kind, owner_id, blob)
);
CREATE INDEX blob_ref_blob ON blob_ref (blob);

CREATE TABLE blob_body (
	id BIGINT PRIMARY KEY,
	name BYTEA NOT NULL UNIQUE,
	is_whole BIGINT NOT NULL CHECK (is_whole IN (0, 1)),
	bytes BIGINT NOT NULL
);

CREATE TABLE blob_row (
	body BIGINT NOT NULL REFERENCES blob_body (id),
	n BIGINT NOT NULL,
	bytes BYTEA NOT NULL,
	PRIMARY KEY (body, n)
);
