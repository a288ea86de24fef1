-- 0005_seal.sql: what happened and must be provable. A fact stands for a row of another table and is written with it; the sealer
-- (store/sealer.h) gives committed facts their order and chains their hashes. Kinds of facts: store/facts.def. All of it is only ever
-- added to. SQLite's REPLACE deletes without asking a DELETE trigger: audit and seal refuse an INSERT onto a row that is there. fact and
-- case_event do not, because that costs a quarter of what an event costs (measured 2026-11); there the chain tells.

CREATE TABLE fact (
	id BIGINT PRIMARY KEY CHECK (id >= 1),
	kind BIGINT NOT NULL,
	ref_a BIGINT NOT NULL,             -- the row it stands for, by kind
	ref_b BIGINT NOT NULL,
	department BIGINT NOT NULL,        -- whom it concerns; 0 none
	region BIGINT NOT NULL,            -- where; 0 nowhere
	made_ms BIGINT NOT NULL,
	digest BYTEA NOT NULL              -- of the row it stands for, every column
);

CREATE TABLE seal (
	seq BIGINT PRIMARY KEY CHECK (seq >= 1),
	fact BIGINT NOT NULL UNIQUE REFERENCES fact (id),
	department BIGINT NOT NULL,        -- whose feed shows it; 0 nobody's
	sealed_ms BIGINT NOT NULL,
	chain BYTEA NOT NULL               -- of the chain before it, this row and its fact
);
CREATE INDEX seal_feed ON seal (department, seq) WHERE department > 0;

-- Who did what, to what, on whose behalf. Acts and subjects: auth/audit.def.
CREATE TABLE audit (
	id BIGINT PRIMARY KEY CHECK (id >= 1),
	fact BIGINT NOT NULL,
	made_ms BIGINT NOT NULL,
	request_id VARCHAR(32) NOT NULL,
	actor_kind BIGINT NOT NULL,        -- enum who
	actor_id BIGINT NOT NULL,
	for_kind BIGINT NOT NULL,          -- on whose behalf; 0 nobody else's
	for_id BIGINT NOT NULL,
	act BIGINT NOT NULL,
	subject_kind BIGINT NOT NULL,
	subject_id BIGINT NOT NULL,
	result BIGINT NOT NULL,            -- what the actor was told: the HTTP status
	detail BYTEA                       -- sealed "audit.detail", or plain words of our own (they begin with a letter)
);

-- Its fact. 0 is an event of before there were facts: verification says that nothing proves it.
ALTER TABLE case_event ADD COLUMN fact BIGINT NOT NULL DEFAULT 0;

-- sqlite:
CREATE TRIGGER fact_no_update BEFORE UPDATE ON fact BEGIN
	SELECT RAISE(ABORT, 'fact is append-only');
END;;
CREATE TRIGGER fact_no_delete BEFORE DELETE ON fact BEGIN
	SELECT RAISE(ABORT, 'fact is append-only');
END;;
CREATE TRIGGER seal_no_update BEFORE UPDATE ON seal BEGIN
	SELECT RAISE(ABORT, 'seal is append-only');
END;;
CREATE TRIGGER seal_no_delete BEFORE DELETE ON seal BEGIN
	SELECT RAISE(ABORT, 'seal is append-only');
END;;
CREATE TRIGGER seal_no_replace BEFORE INSERT ON seal WHEN EXISTS (SELECT 1 FROM seal WHERE seq = NEW.seq OR fact = NEW.fact) BEGIN
	SELECT RAISE(ABORT, 'seal is append-only');
END;;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN
	SELECT RAISE(ABORT, 'audit is append-only');
END;;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN
	SELECT RAISE(ABORT, 'audit is append-only');
END;;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) BEGIN
	SELECT RAISE(ABORT, 'audit is append-only');
END;;
-- end
-- postgres:
CREATE FUNCTION append_only_refuse() RETURNS trigger AS $$ BEGIN
	RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$ LANGUAGE plpgsql;;
CREATE TRIGGER fact_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON fact
	FOR EACH STATEMENT EXECUTE FUNCTION append_only_refuse();;
CREATE TRIGGER seal_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON seal
	FOR EACH STATEMENT EXECUTE FUNCTION append_only_refuse();;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
	FOR EACH STATEMENT EXECUTE FUNCTION append_only_refuse();;
-- end
