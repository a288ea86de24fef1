-- 0003_person_stream.sql: what a person's own stream needs of the person's row.

ALTER TABLE person ADD COLUMN stream_seq BIGINT NOT NULL DEFAULT 0; -- the last number given out in this person's stream
