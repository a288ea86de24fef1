-- 0003_vault.sql: what is personal lies here only sealed (auth/vault.h), beside keyed indexes. The index columns come in pairs:
-- while the index key is exchanged, *_next fills up in chunks, and one small transaction makes it the column that is asked.

ALTER TABLE person ADD COLUMN facts BYTEA;            -- sealed "person.facts": number, name, phone; NULL while only the hash is known
ALTER TABLE person ADD COLUMN id_hash_next BYTEA;
ALTER TABLE person ADD COLUMN phone_hash BYTEA;       -- not unique: a phone may serve a family
ALTER TABLE person ADD COLUMN phone_hash_next BYTEA;
ALTER TABLE person ADD COLUMN stream_seq BIGINT NOT NULL DEFAULT 0; -- the last number given out in this person's stream
CREATE UNIQUE INDEX person_id_hash_next ON person (id_hash_next);
CREATE INDEX person_phone_hash ON person (phone_hash);
CREATE INDEX person_phone_hash_next ON person (phone_hash_next);
