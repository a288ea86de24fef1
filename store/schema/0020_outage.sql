-- 0020_outage.sql: days on which we ourselves could not serve, declared: what they covered is not counted against anybody (services/outage.h).
CREATE TABLE outage (
	id BIGINT PRIMARY KEY,
	region BIGINT NOT NULL,            -- what lies in it too; 0 everywhere
	first BIGINT NOT NULL,             -- days since 1970-01-01, both counted
	last BIGINT NOT NULL,
	reason VARCHAR(120) NOT NULL,
	declared_ms BIGINT NOT NULL,
	CHECK (last >= first)
);
CREATE INDEX outage_days ON outage (last, first);

-- sqlite:
CREATE TRIGGER outage_no_update BEFORE UPDATE ON outage BEGIN
	SELECT RAISE(ABORT, 'outage is append-only');
END;;
CREATE TRIGGER outage_no_delete BEFORE DELETE ON outage BEGIN
	SELECT RAISE(ABORT, 'outage is append-only');
END;;
-- end
-- postgres:
CREATE FUNCTION outage_refuse() RETURNS trigger AS $$ BEGIN
	RAISE EXCEPTION 'outage is append-only';
END $$ LANGUAGE plpgsql;;
CREATE TRIGGER outage_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON outage
	FOR EACH STATEMENT EXECUTE FUNCTION outage_refuse();;
-- end
