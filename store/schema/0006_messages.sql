-- 0006_messages.sql: the inbox, which is the record, and a person's stream, from which live clients are told and resume.

ALTER TABLE person ADD COLUMN unread BIGINT NOT NULL DEFAULT 0; -- messages not read yet: counted where stream_seq is

CREATE TABLE message (
	id BIGINT PRIMARY KEY,
	key BYTEA NOT NULL UNIQUE,          -- 16 bytes, time-ordered: ms_… outside
	person BIGINT NOT NULL REFERENCES person (id),
	seq BIGINT NOT NULL CHECK (seq >= 1), -- of the person's stream
	template BIGINT NOT NULL,           -- notify/templates.def
	case_id BIGINT NOT NULL,            -- 0 none
	cause BIGINT NOT NULL,              -- what made it, with case_id: the event's seq; the same cause makes one message
	content BYTEA NOT NULL,             -- sealed "message.content"
	made_ms BIGINT NOT NULL,
	read_ms BIGINT,
	UNIQUE (person, seq)
);
CREATE UNIQUE INDEX message_cause ON message (case_id, cause, template) WHERE case_id > 0;

-- What a live client is told, in the person's own counting; resumed after the last seq seen.
-- clustered
CREATE TABLE stream_event (
	person BIGINT NOT NULL REFERENCES person (id),
	seq BIGINT NOT NULL CHECK (seq >= 1),
	kind BIGINT NOT NULL,               -- notify/stream_event.def
	ref BIGINT NOT NULL,                -- message, case or effect row
	n BIGINT NOT NULL,                  -- what more it says, by kind
	made_ms BIGINT NOT NULL,
	PRIMARY KEY (person, seq)
);
CREATE INDEX stream_event_made ON stream_event (made_ms);
